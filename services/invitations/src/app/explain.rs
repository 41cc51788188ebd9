//! explainAccess (I18).

use usher_proto::bytes_of;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::contacts::v1::{ContactIds, ContactSelection};
use usher_types::{ContactId, EmailState, OrganizationId};

use super::Failure;
use super::chunk::worse;
use super::context::{App, organization_of};
use super::selection::Walked;
use crate::domain::explain::{Explanation, Known, explain};
use crate::domain::organization::Organization;
use crate::domain::portal::Access;
use crate::domain::waits::Gate;
use crate::storage::{access, address, delivery};

impl App {
    /// Why a contact can or cannot get in; none for one that is not there.
    pub(crate) async fn explain_access(
        &self,
        organization: OrganizationId,
        contact: ContactId,
    ) -> Result<Option<Explanation>, Failure> {
        let selection = ContactSelection {
            of: Some(Of::Ids(ContactIds {
                ids: vec![bytes_of(contact)],
            })),
        };
        // what contacts says, so that the caller's own change of a moment ago counts
        let (mut people, _) = self.walk(organization, &selection, None, 1).await?;
        let Some(walked) = people.pop() else {
            return Ok(None);
        };
        let tx = self.read(organization).await?;
        let firm = organization_of(&tx, organization).await?;
        let row = access::find(&tx, organization, contact).await?;
        let mail = delivery::newest(&tx, organization, [contact]).await?.pop();
        let canonical = walked.person.email_canonical.clone();
        let states = address::states(&tx, organization, &Vec::from_iter(canonical.as_deref())).await?;
        drop(tx);
        let own = canonical.and_then(|address| states.get(&address).copied());
        let address = worse(own.unwrap_or(EmailState::Valid), walked.email_state);
        let access = known_of(row, organization, walked);
        Ok(Some(explain(&Known {
            portal_enabled: firm.portal_enabled,
            address,
            delivery: mail.as_ref().map(|mail| mail.state),
            delivery_error: mail.as_ref().and_then(|mail| mail.error.as_deref()),
            gate: self.gate_of(&firm, &access).await?,
            access: &access,
            now: self.now(),
        })))
    }

    /// Whether failures keep the address that signs in out for now.
    async fn gate_of(&self, firm: &Organization, access: &Access) -> Result<Gate, Failure> {
        match access.address.as_deref().filter(|_| access.is_in()) {
            Some(address) => self.gate_of_address(firm, address).await,
            None => Ok(Gate::Open),
        }
    }
}

/// Our row with the newest that is known of the contact.
fn known_of(row: Option<Access>, organization: OrganizationId, walked: Walked) -> Access {
    let mut access = row.unwrap_or_else(|| Access::new(walked.contact, organization, walked.person.clone()));
    access.learn(walked.person);
    access
}
