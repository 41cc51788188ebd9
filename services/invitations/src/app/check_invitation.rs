//! What setPortalToggles with `sendInvitations` asks before it changes anything: would inviting be refused?

use std::collections::HashSet;

use usher_auth::{Denied, Permission, Principal};
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{ContactIds, ContactSelection};
use usher_service::grpc;
use usher_types::{ContactId, OrganizationId};

use super::Failure;
use super::context::{App, organization_of};
use super::start_batch::check_portal;

/// People of one look at the accounts.
const STEP: i32 = 1_000;

/// Links whose people are to be invited.
#[derive(Clone, Debug)]
pub(crate) struct Linked {
    /// Of these accounts; contacts says what is wrong with them.
    pub(crate) accounts: ContactIds,
    /// One contact's alone.
    pub(crate) one: bool,
    pub(crate) except: HashSet<ContactId>,
    pub(crate) message: Option<String>,
}

impl App {
    /// Refuses what `start_batch` would refuse whatever becomes of the links.
    ///
    /// # Errors
    /// Refusals with the codes of `InvitationErrorCode`; PERMISSION_DENIED without `email.bulk` for more than one contact.
    pub(crate) async fn check_invitation(
        &self,
        principal: &Principal,
        linked: Linked,
    ) -> Result<(), Failure> {
        let organization = grpc::organization(principal)?;
        let tx = self.read(organization).await?;
        let firm = organization_of(&tx, organization).await?;
        drop(tx);
        if !principal.has(Permission::EmailBulk) && self.are_several(organization, &linked).await? {
            return Err(grpc::denied(Denied::Forbidden).into());
        }
        check_portal(&firm)?;
        self.check_texts(&firm, [&None, &None, &linked.message]).await
    }

    /// Whether more than one contact is linked.
    async fn are_several(&self, organization: OrganizationId, linked: &Linked) -> Result<bool, Failure> {
        if linked.one {
            return Ok(false);
        }
        let selection = ContactSelection {
            of: Some(Of::AccountIds(linked.accounts.clone())),
        };
        let (mut found, mut after) = (0, None);
        loop {
            let (people, last) = self.walk(organization, &selection, after, STEP).await?;
            found += people
                .iter()
                .filter(|walked| !linked.except.contains(&walked.contact))
                .count();
            after = people.last().map(|walked| walked.contact);
            if found > 1 || last || after.is_none() {
                return Ok(found > 1);
            }
        }
    }
}
