//! The GraphQL operations that several journeys use.

use std::ops::Range;

use serde_json::{Value, json};
use tokio::task::JoinSet;
use usher_tests::{Client, System, eventually};

pub const CREATE_SEGMENT: &str = "mutation CreateSegment($input: CreateSegmentInput!) {
  createSegment(input: $input) { segment { id } userErrors { code message field } }
}";
pub const CREATE_CONTACT: &str = "mutation CreateContact($input: CreateContactInput!) {
  createContact(input: $input) {
    contact { id version displayName portal { status actions loginEnabled } accounts { login account { id name portalStatus } } }
    userErrors { code message field contactId }
  }
}";

pub const PREVIEW: &str =
    "query Preview($contacts: ContactSelection!, $action: InvitationAction! = SEND, $message: String) {
  invitationPreview(contacts: $contacts, action: $action, message: $message) {
    total eligible subject text html
    ineligible { reason count contacts(first: 10) { totalCount nodes { id displayName } } }
  }
}";

pub const SEND: &str = "mutation Send($input: InvitationsInput!) {
  sendInvitations(input: $input) {
    batch { id action state total queued sent failed cancelled accepted skipped { reason count } createdBy }
    userErrors { code message field }
  }
}";

pub const BATCH: &str = "query Batch($id: ID!) {
  invitationBatch(id: $id) { state total queued sent failed cancelled accepted skipped { reason count } sendAt startedAt finishedAt }
}";

pub const CONTACT: &str = "query Contact($id: ID!) {
  contact(id: $id) {
    email emailState active
    portal { status actions invitedAt invitedBy expiresAt delivery deliveryError acceptedAt firstSignedInAt lastSignedInAt pendingActivation }
  }
}";

pub const LANDING: &str = "query Landing($token: String!) {
  invitationLanding(token: $token) { state organizationName organization maskedEmail newestSentAt }
}";

pub const ACCEPT: &str = "mutation Accept($input: AcceptInvitationInput!) {
  acceptInvitation(input: $input) { accepted userErrors { code message field retryAfter } }
}";

pub const INVITE_MEMBER: &str = "mutation Invite($input: InviteMemberInput!) {
  inviteMember(input: $input) { member { id status role permissions active } userErrors { code message field } }
}";

pub const CREATE_SERVICE_ACCOUNT: &str = "mutation CreateServiceAccount($input: CreateServiceAccountInput!) {
  createServiceAccount(input: $input) {
    serviceAccount { id clientId displayName permissions active secrets { hint expiresAt } } secret userErrors { code message field }
  }
}";

/// A password that every rule accepts.
pub const PASSWORD: &str = "Otter-Lantern-Quarry-58";

/// Waits until a contact has the status: the list follows a change within a second (C16).
pub async fn status_becomes(system: &System, id: &Value, status: &str) -> Value {
    eventually(&format!("status {status}"), system.patience(), || async {
        let contact = system.admin().payload(CONTACT, json!({ "id": id })).await;
        (contact["portal"]["status"] == status).then_some(contact)
    })
    .await
}

/// Waits until nothing of the batch is left to do.
pub async fn batch_is_done(system: &System, id: &Value) -> Value {
    eventually("the batch is done", system.patience(), || async {
        let batch = system.admin().payload(BATCH, json!({ "id": id })).await;
        (batch["state"] == "DONE").then_some(batch)
    })
    .await
}

/// The address of the `number`th of many contacts.
pub fn address(number: usize) -> String {
    format!("contact{number}@example.com")
}

/// Requests that are under way at once while many contacts are made.
const AT_ONCE: usize = 8;

/// Makes many contacts, twenty a request.
pub async fn create_many(admin: &Client, count: usize) {
    let mut requests = JoinSet::new();
    for start in (0..count).step_by(20) {
        if requests.len() == AT_ONCE {
            requests.join_next().await.expect("a request").expect("made");
        }
        let admin = admin.clone();
        requests.spawn(async move { create(&admin, start..count.min(start + 20)).await });
    }
    requests.join_all().await;
}

async fn create(admin: &Client, numbers: Range<usize>) {
    let fields: String = numbers
        .map(|number| {
            format!(
                "c{number}: createContact(input: {{ role: CLIENT, firstName: \"First{number}\", lastName: \"Last{number}\", \
                 email: \"{}\" }}) {{ userErrors {{ code }} }} ",
                address(number)
            )
        })
        .collect();
    let data = admin.data(&format!("mutation {{ {fields} }}"), json!({})).await;
    for (name, payload) in data.as_object().expect("an object") {
        assert_eq!(payload["userErrors"], json!([]), "{name}");
    }
}
