//! createTestClient (I19).

use usher_types::{ContactRole, EmailAddress};

use super::create_contact::Created;
use super::{App, Caller, Failure, attempt};
use crate::domain::contact_draft::ContactInput;
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::domain::test_client::{MOST, addresses};
use crate::storage::claim;

/// Two who press the button at once are after the same address.
const TRIES: usize = 4;

impl App {
    /// Makes a CLIENT at the first plus-address of `email` that nobody has, linked to nothing.
    pub(crate) async fn create_test_client(
        &self,
        caller: &Caller,
        email: &str,
        name: &str,
    ) -> Result<Created, Failure<Code>> {
        let mut tries = 1;
        loop {
            let address = self.free_address(caller, email).await?;
            let input = test_client(&address, name);
            match attempt(|| self.create_contact(caller, input.clone())).await {
                Err(Failure::Refused(refusals)) if tries < TRIES && is_taken(&refusals) => tries += 1,
                other => return other,
            }
        }
    }

    async fn free_address(&self, caller: &Caller, email: &str) -> Result<String, Failure<Code>> {
        let member = EmailAddress::parse(email)
            .map_err(|_| Failure::Invalid("email: the member's own address".to_owned()))?;
        let all = addresses(&member);
        let canonical: Vec<String> = all.iter().map(|address| address.canonical().to_owned()).collect();
        let tx = self.read(caller).await?;
        let taken = claim::taken(&tx, caller.organization, &canonical).await?;
        let free = all
            .into_iter()
            .find(|address| !taken.contains(address.canonical()));
        let free = free.map(|address| address.typed().to_owned());
        free.ok_or_else(|| {
            let message = format!("Your address is too long for a plus-address, or has {MOST} test clients.");
            Refusal::new(Code::EmailInvalid, &[], message).into()
        })
    }
}

fn is_taken(refusals: &[Refusal<Code>]) -> bool {
    let mut codes = refusals.iter().map(|refusal| refusal.code);
    codes.any(|code| matches!(code, Code::EmailTaken | Code::EmailOfInactiveContact))
}

fn test_client(address: &str, name: &str) -> ContactInput {
    ContactInput {
        role: ContactRole::Client,
        first_name: "Test client".to_owned(),
        last_name: name.to_owned(),
        email: Some(address.to_owned()),
        phone: None,
        notes: None,
        tags: Vec::new(),
        external_id: None,
        accounts: Vec::new(),
        invite: false,
        message: None,
        test: true,
    }
}
