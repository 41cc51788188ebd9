//! Identity from outside: members who come from an OpenID Connect provider, and programs with client credentials.

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use url::Url;
use usher_tests::{Browsing, Client, IdentityProvider, Setting, System, on_both_settings};

use crate::operations::{CREATE_SERVICE_ACCOUNT, INVITE_MEMBER};

/// Of the first organization of every journey.
const SLUG: &str = "firm";
const MEMBERS: &str =
    "query { members(first: 20) { nodes { displayName email role permissions status identityProvider } } }";

/// A system whose members may come from a provider, and the provider.
struct Stage {
    system: System,
    provider: IdentityProvider,
}

impl Stage {
    async fn set(setting: Setting) -> Self {
        let mut system = System::still(setting);
        let back = format!("{}/auth/oidc/{SLUG}/callback", system.base());
        let page = "http://127.0.0.1:9/app/callback";
        let provider = IdentityProvider::start(&[back, page.to_owned()]).await;
        let entry = provider.entry(SLUG, &format!("redirect_uris = [\"{page}\"]"));
        usher_tests::keep_secret(IdentityProvider::CLIENT_SECRET);
        system.write("providers.toml", &entry, "USHER_OIDC__PROVIDERS");
        system.begin().await;
        provider
            .person(
                "ada",
                person("Ada Lovelace", "ada@firm.example", &["staff", "other"]),
            )
            .await;
        Self { system, provider }
    }

    fn start(&self) -> Url {
        format!("{}/auth/oidc/{SLUG}", self.system.base())
            .parse()
            .expect("an address")
    }

    fn browser(&self) -> Browsing {
        Browsing::new(&self.system.nobody())
    }

    /// Signs in with a new browser; where it ends, and its access token if it has one then.
    async fn sign_in(&self, name: &str) -> (StatusCode, String, Option<Client>) {
        let mut browser = self.browser();
        let back = browser.signed_in_there(&self.start(), name).await;
        let response = browser.send(Method::GET, &back, None).await;
        let token = browser.cookie(&self.start(), "usher_access");
        let client = token.map(|token| self.system.nobody().with_token(token));
        (response.status(), response.into_body(), client)
    }

    async fn signed_in(&self, name: &str) -> Client {
        let (status, body, client) = self.sign_in(name).await;
        assert_eq!(status, 303, "{body}");
        client.expect("a session")
    }

    /// Waits until nobody takes this session's tokens any more.
    async fn is_out(&self, ended: &Client) {
        usher_tests::eventually("what is taken ends", self.system.patience(), || async {
            self.system.taken_by(ended).await.is_empty().then_some(())
        })
        .await;
    }

    async fn member(&self, name: &str) -> Value {
        member(self.system.admin(), name).await
    }
}

/// As this member sees them.
async fn member(client: &Client, name: &str) -> Value {
    let list = client.payload(MEMBERS, json!({})).await;
    let nodes = list["nodes"].as_array().expect("a list");
    let found: Vec<_> = nodes.iter().filter(|node| node["displayName"] == name).collect();
    assert_eq!(found.len(), 1, "{list}");
    found[0].clone()
}

fn person(name: &str, email: &str, groups: &[&str]) -> Value {
    json!({ "name": name, "email": email, "email_verified": true, "groups": groups })
}

async fn who_on(setting: Setting) {
    let stage = Stage::set(setting).await;
    // there and back, and in the portal with the cookies that a password gives
    let mut browser = stage.browser();
    let back = browser.signed_in_there(&stage.start(), "ada").await;
    usher_tests::keep_secret(browser.cookie(&back, "usher_attempt").expect("what it keeps"));
    let code = back
        .query_pairs()
        .find(|(name, _)| name == "code")
        .expect("a code");
    usher_tests::keep_secret(&code.1);
    let head = browser.send(Method::HEAD, &back, None).await;
    assert_eq!(head.status(), 405);
    let done = browser.send(Method::GET, &back, None).await;
    assert_eq!(
        (
            done.status().as_u16(),
            done.headers()["location"].to_str().expect("text")
        ),
        (303, "/portal")
    );
    assert_eq!(browser.cookie(&back, "usher_attempt"), None);
    assert!(browser.cookie(&back, "usher_refresh").is_some());
    let portal = stage.start().join("/portal").expect("an address");
    let page = browser.send(Method::GET, &portal, None).await;
    assert!(page.body().contains("Ada Lovelace"), "{}", page.body());
    let made = stage.member("Ada Lovelace").await;
    assert_eq!(
        made,
        json!({ "displayName": "Ada Lovelace", "email": "ada@firm.example", "role": "STAFF", "status": "ACTIVE",
            "permissions": ["contacts.read", "contacts.write", "portal.invite"], "identityProvider": stage.provider.issuer() })
    );

    // a way back is taken once, by the browser that began
    let again = browser.send(Method::GET, &back, None).await;
    assert_eq!(again.status(), 422);
    let mut one = stage.browser();
    let back = one.signed_in_there(&stage.start(), "ada").await;
    let mut other = stage.browser();
    assert_eq!(other.send(Method::GET, &back, None).await.status(), 422);
    other.send(Method::GET, &stage.start(), None).await;
    assert_eq!(other.send(Method::GET, &back, None).await.status(), 422);
    let mut swapped = back.clone();
    let pairs: Vec<(String, String)> = back.query_pairs().into_owned().collect();
    let changed = pairs.iter().map(|(name, value)| match name.as_str() {
        "state" => (name.clone(), format!("{value}x")),
        _ => (name.clone(), value.clone()),
    });
    swapped.query_pairs_mut().clear().extend_pairs(changed);
    assert_eq!(one.clone().send(Method::GET, &swapped, None).await.status(), 422);
    let mixed = pairs.iter().map(|(name, value)| match name.as_str() {
        "iss" => (name.clone(), "https://other.example".to_owned()),
        _ => (name.clone(), value.clone()),
    });
    swapped.query_pairs_mut().clear().extend_pairs(mixed);
    assert_eq!(one.clone().send(Method::GET, &swapped, None).await.status(), 422);
    let unnamed = pairs.iter().filter(|(name, _)| name != "iss");
    swapped.query_pairs_mut().clear().extend_pairs(unnamed);
    assert_eq!(one.clone().send(Method::GET, &swapped, None).await.status(), 422);
    // the code itself is good once, whatever the browser has kept
    assert_eq!(one.clone().send(Method::GET, &back, None).await.status(), 303);
    assert_eq!(one.send(Method::GET, &back, None).await.status(), 422);
    // another organization's members do not come from there
    let elsewhere = stage.start().join("/auth/oidc/other").expect("an address");
    assert_eq!(
        stage.browser().send(Method::GET, &elsewhere, None).await.status(),
        404
    );
    // whoever comes twice at once for the first time is one member
    stage
        .provider
        .person(
            "linus",
            person("linus@firm.example", "linus@firm.example", &["staff"]),
        )
        .await;
    let both = tokio::join!(stage.signed_in("linus"), stage.signed_in("linus"));
    for client in [both.0, both.1] {
        let own = "query { viewer { ... on Member { displayName } } }";
        // addresses are not for logs of activities, where names go
        assert_eq!(client.payload(own, json!({})).await["displayName"], "linus");
    }
    stage.member("linus").await;
    stage.system.stop().await;
}

#[tokio::test]
async fn i15_a_member_comes_from_an_identity_provider_embedded() {
    who_on(Setting::Embedded).await;
}

#[tokio::test]
async fn i15_a_member_comes_from_an_identity_provider_distributed() {
    who_on(Setting::Distributed).await;
}

/// Permissions follow the claims at each sign-in; what is taken ends the sessions that had it.
#[tokio::test]
async fn i15_permissions_follow_the_claims() {
    let stage = Stage::set(Setting::Embedded).await;
    let ada = |groups: &[&str]| person("Ada Lovelace", "ada@firm.example", groups);
    let early = stage.signed_in("ada").await;
    stage.provider.person("ada", ada(&["boss"])).await;
    let boss = stage.signed_in("ada").await;
    assert_eq!(stage.member("Ada Lovelace").await["role"], "ADMINISTRATOR");
    assert_eq!(
        boss.payload("query { serviceAccounts { totalCount } }", json!({}))
            .await["totalCount"],
        0
    );
    stage.provider.person("ada", ada(&["staff"])).await;
    let staff = stage.signed_in("ada").await;
    assert_eq!(stage.member("Ada Lovelace").await["role"], "STAFF");
    stage.is_out(&early).await;
    stage.is_out(&boss).await;
    assert!(!stage.system.taken_by(&staff).await.is_empty());
    // whom no rule is for is not let in, and is out
    stage.provider.person("ada", ada(&["other"])).await;
    let (status, page, client) = stage.sign_in("ada").await;
    assert_eq!((status.as_u16(), client.is_none()), (422, true));
    assert!(page.contains("is not let in here"), "{page}");
    stage.is_out(&staff).await;
    let left = stage.member("Ada Lovelace").await;
    assert_eq!((&left["role"], &left["permissions"]), (&Value::Null, &json!([])));

    // the key may be another one; the provider may know people whom we must not
    stage.provider.rotate().await;
    stage.provider.person("ada", ada(&["staff"])).await;
    stage.signed_in("ada").await;
    let unverified = json!({ "name": "Mallory", "email": "mallory@firm.example", "email_verified": false, "groups": ["staff"] });
    stage.provider.person("mallory", unverified).await;
    assert_eq!(stage.sign_in("mallory").await.0, 422);
    stage
        .provider
        .person("mallory", person("Mallory", "ada@firm.example", &["boss"]))
        .await;
    assert_eq!(stage.sign_in("mallory").await.0, 422);
    assert_eq!(stage.member("Ada Lovelace").await["role"], "STAFF");
    stage.system.stop().await;
}

/// Whoever was here before is found by the address, once; the provider alone signs them in from then on.
#[tokio::test]
async fn i15_a_member_with_a_password_comes_over_to_the_provider() {
    let stage = Stage::set(Setting::Embedded).await;
    let (email, password) = (usher_tests::ADMIN_EMAIL, usher_tests::ADMIN_PASSWORD);
    stage
        .provider
        .person("grace", person("Grace Hopper", email, &["staff"]))
        .await;
    let page = stage
        .system
        .nobody()
        .page(Method::GET, "/sign-in?as=member")
        .await;
    let link = format!("href=\"/auth/oidc/{SLUG}\"");
    assert!(page.body().contains(&link), "{}", page.body());
    let page = stage.system.nobody().page(Method::GET, "/sign-in").await;
    assert!(!page.body().contains(&link), "{}", page.body());

    // the last who manages members goes on doing so, whatever the claims say
    let grace = stage.signed_in("grace").await;
    stage.is_out(stage.system.admin()).await;
    let own = grace
        .payload(
            "query { viewer { ... on Member { displayName permissions identityProvider } } }",
            json!({}),
        )
        .await;
    assert_eq!(
        own,
        json!({ "displayName": "Grace Hopper", "identityProvider": stage.provider.issuer(),
            "permissions": ["contacts.read", "contacts.write", "portal.invite", "members.manage"] })
    );
    let sign_in = json!({ "input": { "email": email, "password": password, "as": "MEMBER" } });
    let refused = stage.system.nobody().payload(usher_tests::SIGN_IN, sign_in).await;
    assert_eq!(refused["userErrors"][0]["code"], "BAD_CREDENTIALS");
    // an invitation that is out has ended: the provider is the way in
    let input = json!({ "email": "ada@firm.example", "displayName": "A. L.", "role": "READ_ONLY" });
    let invited = grace.payload(INVITE_MEMBER, json!({ "input": input })).await;
    assert_eq!(invited["userErrors"], json!([]));
    let link = stage
        .system
        .mailbox()
        .only_mail_to("ada@firm.example")
        .await
        .link_token();
    stage.signed_in("ada").await;
    let landing = "query Landing($token: String!) { invitationLanding(token: $token) { state } }";
    let landing = stage
        .system
        .nobody()
        .payload(landing, json!({ "token": link }))
        .await;
    assert_eq!(landing["state"], "INVALID");
    // no password can be chosen by a way back in either: the next mail goes to somebody else
    let forgotten = "mutation($email: String!) { requestPasswordReset(input: { email: $email }) { userErrors { code } } }";
    stage
        .system
        .nobody()
        .done(forgotten, json!({ "email": "ada@firm.example" }))
        .await;
    let input = json!({ "email": "next@firm.example", "displayName": "Next", "role": "READ_ONLY" });
    grace.done(INVITE_MEMBER, json!({ "input": input })).await;
    stage.system.mailbox().only_mail_to("next@firm.example").await;
    stage.system.mailbox().only_mail_to("ada@firm.example").await;

    // whom the provider refuses manages nobody any more: Grace is still the last who does
    for (groups, status) in [(["boss"], 303), (["other"], 422)] {
        let ada = person("Ada Lovelace", "ada@firm.example", &groups);
        stage.provider.person("ada", ada).await;
        assert_eq!(stage.sign_in("ada").await.0, status);
    }
    let grace = stage.signed_in("grace").await;
    assert!(
        member(&grace, "Grace Hopper").await["permissions"]
            .as_array()
            .expect("a list")
            .contains(&json!("members.manage"))
    );
    // switched off here is off, whatever the provider says
    let ada = person("Ada Lovelace", "ada@firm.example", &["staff"]);
    stage.provider.person("ada", ada).await;
    let signed_in = stage.signed_in("ada").await;
    let own = signed_in
        .payload("query { viewer { ... on Member { id } } }", json!({}))
        .await;
    let input = json!({ "id": own["id"], "active": false });
    let off = "mutation Off($input: SetMemberActiveInput!) { setMemberActive(input: $input) { userErrors { code } } }";
    grace.done(off, json!({ "input": input })).await;
    stage.is_out(&signed_in).await;
    assert_eq!(stage.sign_in("ada").await.0, 422);
    stage.system.stop().await;
}

/// A front end of one's own begins and ends with the API, and has tokens then.
#[tokio::test]
async fn i15_a_front_end_signs_members_in_at_the_provider() {
    let stage = Stage::set(Setting::Embedded).await;
    let begin = "mutation Begin($input: BeginProviderSignInInput!) {
      beginProviderSignIn(input: $input) { url secret userErrors { code field } }
    }";
    let page = "http://127.0.0.1:9/app/callback";
    let nobody = stage.system.nobody();
    let elsewhere = json!({ "input": { "redirectUri": "https://evil.example/callback" } });
    let refused = nobody.payload(begin, elsewhere).await;
    assert_eq!(
        refused["userErrors"],
        json!([{ "code": "NOT_ALLOWED", "field": ["redirectUri"] }])
    );
    let begun = nobody
        .done(begin, json!({ "input": { "redirectUri": page } }))
        .await;
    let url: Url = begun["url"]
        .as_str()
        .expect("an address")
        .parse()
        .expect("an address");
    let back = stage.browser().signed_in_there(&url, "ada").await;
    assert!(back.as_str().starts_with(page));
    let value = |name: &str| {
        back.query_pairs()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    };
    let finish = "mutation Finish($input: FinishProviderSignInInput!) {
      finishProviderSignIn(input: $input) { session { accessToken refreshToken } userErrors { code } }
    }";
    let input = json!({ "redirectUri": page, "secret": begun["secret"], "state": value("state"), "code": value("code"), "issuer": value("iss") });
    let session = nobody.done(finish, json!({ "input": input })).await["session"].clone();
    let ada = nobody.with_token(session["accessToken"].as_str().expect("a token"));
    let own = ada
        .payload("query { viewer { ... on Member { displayName } } }", json!({}))
        .await;
    assert_eq!(own["displayName"], "Ada Lovelace");
    assert!(session["refreshToken"].is_string());
    let twice = nobody.payload(finish, json!({ "input": input })).await;
    assert_eq!(
        (&twice["session"], &twice["userErrors"][0]["code"]),
        (&Value::Null, &json!("BAD_CREDENTIALS"))
    );
    stage.system.stop().await;
}

on_both_settings! {
    /// The library that others use finds the endpoint by itself and gets its token, whichever way it shows its secret.
    async fn i15_an_oauth_library_gets_a_token(system: &System) {
        let input = json!({ "displayName": "Sync", "permissions": ["contacts.read", "contacts.write"] });
        let made = system.admin().done(CREATE_SERVICE_ACCOUNT, json!({ "input": input })).await;
        let id = made["serviceAccount"]["clientId"].as_str().unwrap();
        let secret = made["secret"].as_str().unwrap();
        let answers = usher_tests::oauth_client(&[system.base(), id, secret, "contacts.read"]).await;
        assert_eq!(answers.len(), 2);
        for answer in answers {
            assert_eq!((&answer["type"], &answer["expires"], &answer["scope"]), (&json!("bearer"), &json!(300), &json!("contacts.read")));
            let program = system.nobody().with_token(answer["token"].as_str().unwrap());
            let list = program.payload("query { contacts(first: 1) { totalCount } }", json!({})).await;
            assert_eq!(list, json!({ "totalCount": 0 }));
        }
        for answer in usher_tests::oauth_client(&[system.base(), id, "usher_wrong"]).await {
            assert_eq!((&answer["error"], &answer["status"]), (&json!("invalid_client"), &json!(401)));
        }
        for answer in usher_tests::oauth_client(&[system.base(), id, secret, "members.manage"]).await {
            assert_eq!((&answer["error"], &answer["status"]), (&json!("invalid_scope"), &json!(400)));
        }
    }
}
