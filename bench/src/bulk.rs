//! Bulk actions over everybody of an organization, as the lines start and end them.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::failure::{Failure, fail};
use crate::graphql::Connection;
use crate::system::{ADMIN_EMAIL, ADMIN_PASSWORD};

/// How long what was taken back may take to come to its end.
const PATIENCE: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// A member of one organization, signed in.
pub struct Member {
    address: String,
    connection: Connection,
    authorization: String,
}

impl Member {
    /// Signs in to the organization of this number.
    ///
    /// # Errors
    /// When that is refused.
    pub async fn of(address: &str, organization: usize) -> Result<Self, Failure> {
        let mut connection = Connection::open(address).await?;
        let slug = format!("bench-{organization}");
        let authorization = connection.sign_in(&slug, ADMIN_EMAIL, ADMIN_PASSWORD).await?;
        Ok(Self {
            address: address.to_owned(),
            connection,
            authorization,
        })
    }

    /// The same session on a connection of its own.
    ///
    /// # Errors
    /// When nothing listens any more.
    pub async fn on_another_connection(&self) -> Result<Self, Failure> {
        Ok(Self {
            address: self.address.clone(),
            connection: Connection::open(&self.address).await?,
            authorization: self.authorization.clone(),
        })
    }

    /// Asks as this member.
    ///
    /// # Errors
    /// When anything is wrong with the answer.
    pub async fn ask(&mut self, query: &str, variables: Value) -> Result<Value, Failure> {
        self.connection
            .ask(Some(&self.authorization), query, variables)
            .await
    }

    /// Invites this selection, of whom `eligible` can be; the batch's id.
    ///
    /// # Errors
    /// When the answer has no batch.
    pub async fn invite(&mut self, contacts: Value, eligible: Option<usize>) -> Result<String, Failure> {
        let query = "mutation($input: InvitationsInput!) {
            sendInvitations(input: $input) { batch { id } userErrors { code message } }
        }";
        let input = json!({"contacts": contacts, "expectEligible": eligible});
        let data = self.ask(query, json!({"input": input})).await?;
        let batch = data["sendInvitations"]["batch"]["id"].as_str().map(str::to_owned);
        batch.ok_or_else(|| fail(format!("no batch: {data}")))
    }

    /// Takes back what is not sent, and waits until nothing of it waits.
    ///
    /// # Errors
    /// When it does not come to its end.
    pub async fn take_back(&mut self, batch: &str) -> Result<(), Failure> {
        let query =
            "mutation($input: BatchInput!) { cancelBatch(input: $input) { userErrors { code message } } }";
        self.ask(query, json!({"input": {"id": batch}})).await?;
        let started = Instant::now();
        let query = "query($id: ID!) { invitationBatch(id: $id) { state queued finishedAt } }";
        loop {
            let data = self.ask(query, json!({"id": batch})).await?;
            let standing = &data["invitationBatch"];
            if standing["queued"] == 0 && !standing["finishedAt"].is_null() {
                return Ok(());
            }
            if started.elapsed() > PATIENCE {
                return Err(fail(format!("the batch is not over: {standing}")));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}
