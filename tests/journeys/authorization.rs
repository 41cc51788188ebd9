//! Who may do what: every operation of the schema against every kind of caller. On refusal, nothing has happened.

use serde_json::{Value, json};
use usher_auth::{PermissionSet, Principal, Subject};
use usher_tests::{Client, System};
use usher_types::{Clock, MemberId, SessionId, SystemClock};

use crate::operations::{
    ACCEPT, CREATE_CONTACT, CREATE_SEGMENT, CREATE_SERVICE_ACCOUNT, INVITE_MEMBER, PASSWORD, SEND,
    batch_is_done,
};

/// What each caller gets, in the order of [`CALLERS`]:
/// `.` it is done or answered, `0` null, `N` a NOT_FOUND among the userErrors, `E` another code there,
/// `U` UNAUTHENTICATED, `F` FORBIDDEN, `R` READ_ONLY_SESSION.
type Row = (&'static str, &'static str, &'static str);

const CALLERS: [&str; 6] = [
    "nobody",
    "contact",
    "member without",
    "read-only session",
    "other organization",
    "member with",
];

/// Operation, document with `$ids` replaced by real ids of the first organization, what each caller gets.
const TABLE: &[Row] = &[
    ("viewer", "query { viewer { __typename } }", "0.00.."),
    ("organization", "query { organization { id } }", "U....."),
    ("node", "query { node(id: $bob) { id } }", "U0F.0."),
    ("nodes", "query { nodes(ids: [$bob]) { id } }", "U0F.0."),
    ("contact", "query { contact(id: $bob) { id } }", "U0F.0."),
    (
        "contacts",
        "query { contacts(first: 1) { nodes { id } } }",
        "UFF...",
    ),
    ("account", "query { account(id: $account) { id } }", "U0F.0."),
    (
        "accounts",
        "query { accounts(first: 1) { nodes { id } } }",
        "UFF...",
    ),
    ("segment", "query { segment(id: $segment) { id } }", "UFF.0."),
    (
        "segments",
        "query { segments(first: 1) { nodes { id } } }",
        "UFF...",
    ),
    (
        "createSegment",
        "mutation { createSegment(input: { name: \"New\", filter: {} }) { userErrors { code } } }",
        "UFFR..",
    ),
    (
        "updateSegment",
        "mutation { updateSegment(input: { id: $segment, name: \"Changed\" }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "deleteSegment",
        "mutation { deleteSegment(input: { id: $segment }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "invitationPreview",
        "query { invitationPreview(contacts: { filter: {} }) { total } }",
        "UFF...",
    ),
    (
        "portalTogglesPreview",
        "query { portalTogglesPreview(accountIds: [$account]) { total } }",
        "UFF...",
    ),
    (
        "invitationBatch",
        "query { invitationBatch(id: $batch) { id } }",
        "UFF.0.",
    ),
    (
        "invitationBatches",
        "query { invitationBatches(first: 1) { nodes { id } } }",
        "UFF...",
    ),
    (
        "explainAccess",
        "query { explainAccess(contactId: $bob) { verdict } }",
        "UFF.0.",
    ),
    (
        "invitationFunnel",
        "query { invitationFunnel { counts { sent } } }",
        "UFF...",
    ),
    (
        "invitationLanding",
        "query { invitationLanding(token: \"x\") { state } }",
        "......",
    ),
    (
        "signIn",
        "mutation { signIn(input: { email: \"a@example.com\", password: \"x\", organization: \"none\" }) { userErrors { code } } }",
        "EEEREE",
    ),
    (
        "beginProviderSignIn",
        "mutation { beginProviderSignIn(input: { redirectUri: \"x\" }) { userErrors { code } } }",
        "NNNRNN",
    ),
    (
        "finishProviderSignIn",
        "mutation { finishProviderSignIn(input: { redirectUri: \"x\", secret: \"x\", state: \"x\", code: \"x\" }) { userErrors { code } } }",
        "NNNRNN",
    ),
    (
        "refreshSession",
        "mutation { refreshSession(input: { refreshToken: \"x\" }) { userErrors { code } } }",
        "EEEREE",
    ),
    (
        "signOut",
        "mutation { signOut(input: { refreshToken: \"x\" }) { userErrors { code } } }",
        "EEEEEE",
    ),
    ("sessions", "query { sessions { id } }", "U....."),
    (
        "endSession",
        "mutation { endSession(input: { id: \"x\" }) { userErrors { code } } }",
        "UEEREE",
    ),
    (
        "endOtherSessions",
        "mutation { endOtherSessions { ended } }",
        "U..R..",
    ),
    (
        "impersonateContact",
        "mutation { impersonateContact(input: { contactId: $ada, reason: \"why\" }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "acceptInvitation",
        "mutation { acceptInvitation(input: { token: \"x\", password: \"x\" }) { userErrors { code } } }",
        "EEEREE",
    ),
    (
        "confirmEmailChange",
        "mutation { confirmEmailChange(input: { token: \"x\" }) { userErrors { code } } }",
        "EEEREE",
    ),
    (
        "requestPasswordReset",
        "mutation { requestPasswordReset(input: { email: \"nobody@example.com\", organization: \"none\" }) { userErrors { code } } }",
        "...R..",
    ),
    (
        "resetPassword",
        "mutation { resetPassword(input: { token: \"x\", password: \"x\" }) { userErrors { code } } }",
        "EEEREE",
    ),
    (
        "requestNewLink",
        "mutation { requestNewLink(input: { token: \"x\" }) { userErrors { code } } }",
        "...R..",
    ),
    (
        "declineInvitation",
        "mutation { declineInvitation(input: { token: \"x\" }) { userErrors { code } } }",
        "EEEREE",
    ),
    (
        "sendPasswordReset",
        "mutation { sendPasswordReset(input: { contactId: $ada }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "createContact",
        "mutation { createContact(input: { role: LEAD, firstName: \"New\", lastName: \"Person\" }) { userErrors { code } } }",
        "UFFR..",
    ),
    (
        "createTestClient",
        "mutation { createTestClient { userErrors { code } } }",
        "UFFR..",
    ),
    (
        "updateContact",
        "mutation { updateContact(input: { id: $bob, notes: \"changed\" }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "setContactActive",
        "mutation { setContactActive(input: { id: $bob, active: true }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "createAccount",
        "mutation { createAccount(input: { name: \"New\", kind: COMPANY }) { userErrors { code } } }",
        "UFFR..",
    ),
    (
        "updateAccount",
        "mutation { updateAccount(input: { id: $account, name: \"Changed\" }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "linkContact",
        "mutation { linkContact(input: { accountId: $account, contact: { contactId: $ada } }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "setPortalToggles",
        "mutation { setPortalToggles(input: { accountIds: [$account], notify: false }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "unlinkContact",
        "mutation { unlinkContact(input: { accountId: $account, contactId: $bob }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "members",
        "query { members(first: 1) { nodes { id } } }",
        "UF....",
    ),
    ("memberRoles", "query { memberRoles { role } }", "UF...."),
    (
        "inviteMember",
        "mutation { inviteMember(input: { email: \"new@member.example\", displayName: \"New\", role: READ_ONLY }) { userErrors { code } } }",
        "UFFR..",
    ),
    (
        "updateMember",
        "mutation { updateMember(input: { id: $member, displayName: \"Changed\" }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "setMemberActive",
        "mutation { setMemberActive(input: { id: $member, active: true }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "resendMemberInvitation",
        "mutation { resendMemberInvitation(input: { id: $member }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "cancelMemberInvitation",
        "mutation { cancelMemberInvitation(input: { id: $member }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "serviceAccounts",
        "query { serviceAccounts(first: 1) { nodes { id } } }",
        "UFF...",
    ),
    (
        "createServiceAccount",
        "mutation { createServiceAccount(input: { displayName: \"New\", permissions: [] }) { userErrors { code } } }",
        "UFFR..",
    ),
    (
        "updateServiceAccount",
        "mutation { updateServiceAccount(input: { id: $program, displayName: \"Changed\" }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "setServiceAccountActive",
        "mutation { setServiceAccountActive(input: { id: $program, active: true }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "rotateServiceAccountSecret",
        "mutation { rotateServiceAccountSecret(input: { id: $program }) { userErrors { code } } }",
        "UFFRN.",
    ),
    ("deadLetters", "query { deadLetters(first: 1) { id } }", "UFF..."),
    (
        "replayDeadLetters",
        "mutation { replayDeadLetters(input: { ids: [\"x\"] }) { userErrors { code } } }",
        "UFFRNN",
    ),
    (
        "updateOrganization",
        "mutation { updateOrganization(input: { locale: \"en\" }) { userErrors { code } } }",
        "UFFR..",
    ),
    (
        "sendInvitations",
        "mutation { sendInvitations(input: { contacts: { ids: [$bob] } }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "resendInvitations",
        "mutation { resendInvitations(input: { contacts: { ids: [$bob] } }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "cancelInvitations",
        "mutation { cancelInvitations(input: { contacts: { ids: [$bob] } }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "pauseBatch",
        "mutation { pauseBatch(input: { id: $waiting }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "resumeBatch",
        "mutation { resumeBatch(input: { id: $waiting }) { userErrors { code } } }",
        "UFFRN.",
    ),
    (
        "cancelBatch",
        "mutation { cancelBatch(input: { id: $waiting }) { userErrors { code } } }",
        "UFFRN.",
    ),
];

/// Every operation that the schema offers.
async fn operations_of(system: &System) -> Vec<String> {
    let query = "query { __schema { queryType { fields { name } } mutationType { fields { name } } } }";
    let schema = system.nobody().data(query, json!({})).await;
    ["queryType", "mutationType"]
        .iter()
        .flat_map(|root| {
            schema["__schema"][root]["fields"]
                .as_array()
                .cloned()
                .unwrap_or_default()
        })
        .filter_map(|field| field["name"].as_str().map(str::to_owned))
        .collect()
}

/// What came back, as a letter of the table.
fn letter(operation: &str, answer: &Value) -> char {
    let code = answer["errors"][0]["extensions"]["code"]
        .as_str()
        .unwrap_or_default();
    let value = &answer["data"][operation];
    match code {
        "UNAUTHENTICATED" => 'U',
        "FORBIDDEN" => 'F',
        "READ_ONLY_SESSION" => 'R',
        "" if value["userErrors"][0]["code"] == "NOT_FOUND" => 'N',
        "" if value["userErrors"].get(0).is_some() => 'E',
        "" if value.is_null() || value.get(0).is_some_and(Value::is_null) => '0',
        "" => '.',
        _ => '?',
    }
}

/// The first organization's people and things, and a caller of each kind.
struct Stage {
    system: System,
    callers: Vec<Client>,
    ids: Value,
}

impl Stage {
    async fn set() -> Self {
        let system = System::start_with_second_organization().await;
        let admin = system.admin().clone();
        let bob = made(&admin, "Bob", "bob@example.com").await;
        let ada = made(&admin, "Ada", "ada@example.com").await;
        let sent = admin
            .done(SEND, json!({ "input": { "contacts": { "ids": [ada["id"]] } } }))
            .await;
        let batch = sent["batch"]["id"].clone();
        batch_is_done(&system, &batch).await;
        let token = system
            .mailbox()
            .only_mail_to("ada@example.com")
            .await
            .link_token();
        system
            .nobody()
            .done(
                ACCEPT,
                json!({ "input": { "token": token, "password": PASSWORD } }),
            )
            .await;
        let contact = system.sign_in("ada@example.com", PASSWORD, "CONTACT").await;
        let account = bob["accounts"][0]["account"]["id"].clone();
        let without = forged(&system, PermissionSet::NONE, false).await;
        let read_only = forged(&system, PermissionSet::all(), true).await;
        let other = system.other_admin().clone();
        let segment = admin
            .done(
                CREATE_SEGMENT,
                json!({ "input": { "name": "Everyone", "filter": {} } }),
            )
            .await["segment"]["id"]
            .clone();
        let clerk = json!({ "input": { "email": "clerk@member.example", "displayName": "Clerk", "role": "READ_ONLY" } });
        let clerk = admin.done(INVITE_MEMBER, clerk).await["member"]["id"].clone();
        let later = SystemClock.now() + chrono::TimeDelta::days(1);
        let input = json!({ "contacts": { "filter": {} }, "sendAt": later.to_rfc3339() });
        let waiting = admin.done(SEND, json!({ "input": input })).await["batch"]["id"].clone();
        let program = json!({ "input": { "displayName": "Sync", "permissions": ["contacts.read"] } });
        let program = admin.done(CREATE_SERVICE_ACCOUNT, program).await["serviceAccount"]["id"].clone();
        let ids = json!({ "$ada": ada["id"], "$bob": bob["id"], "$account": account, "$batch": batch, "$member": clerk,
            "$segment": segment, "$waiting": waiting, "$program": program });
        Self {
            callers: vec![system.nobody(), contact, without, read_only, other, admin],
            system,
            ids,
        }
    }

    async fn ask(&self, caller: usize, row: &Row) -> char {
        let (operation, document, _) = row;
        let mut document = (*document).to_owned();
        for (name, id) in self.ids.as_object().into_iter().flatten() {
            document = document.replace(name.as_str(), &id.to_string());
        }
        let answer = self.callers[caller].send(&document, json!({})).await;
        let got = letter(operation, &answer.body);
        assert_ne!(got, '?', "{operation} as {}: {:#}", CALLERS[caller], answer.body);
        got
    }
}

async fn made(admin: &Client, name: &str, email: &str) -> Value {
    let input = json!({ "input": { "role": "CLIENT", "firstName": name, "lastName": "Test", "email": email,
        "accounts": [{ "newCompany": format!("{name} Ltd"), "login": true }] } });
    admin.done(CREATE_CONTACT, input).await["contact"].clone()
}

/// A session that no operation of this version hands out, signed with the installation's own key.
async fn forged(system: &System, permissions: PermissionSet, read_only: bool) -> Client {
    let now = SystemClock.now();
    let principal = Principal {
        organization: Some(system.organization()),
        subject: Subject::Member(MemberId::new(now)),
        session: Some(SessionId::new(now)),
        permissions,
        read_only,
        acting_member: None,
        expires_at: now + chrono::TimeDelta::minutes(5),
    };
    let token = system.signing_key().await.sign(&principal, now).expect("a token");
    system.nobody().with_token(token)
}

#[tokio::test]
async fn i15_every_operation_against_every_caller() {
    let stage = Stage::set().await;
    let mut missing = operations_of(&stage.system).await;
    missing.retain(|operation| !TABLE.iter().any(|(name, _, _)| name == operation));
    assert_eq!(
        missing,
        Vec::<String>::new(),
        "operations that this table does not know"
    );

    let mut wrong = Vec::new();
    for row in TABLE {
        for (caller, expected) in row.2.chars().enumerate() {
            let before = stage.system.traces().await;
            let got = stage.ask(caller, row).await;
            if got != expected {
                wrong.push(format!("{} as {}: {got}, not {expected}", row.0, CALLERS[caller]));
            }
            if "UFRNE0".contains(got) {
                assert_eq!(
                    stage.system.traces().await,
                    before,
                    "{} as {} left traces",
                    row.0,
                    CALLERS[caller]
                );
            }
        }
    }
    assert_eq!(wrong, Vec::<String>::new());
    stage.system.stop().await;
}

#[tokio::test]
async fn i15_the_subscription_looks_at_the_permission_too() {
    let stage = Stage::set().await;
    let document = format!(
        "subscription {{ invitationBatch(id: {}) {{ state }} }}",
        stage.ids["$batch"]
    );
    let expected = [
        "UNAUTHENTICATED",
        "FORBIDDEN",
        "FORBIDDEN",
        "\"state\":\"DONE\"",
        "NOT_FOUND",
        "\"state\":\"DONE\"",
    ];
    for (caller, expected) in expected.into_iter().enumerate() {
        let stream = stage.callers[caller].subscribe(&document).await;
        assert!(stream.contains(expected), "{}: {stream}", CALLERS[caller]);
    }
    stage.system.stop().await;
}
