//! What became of mails, and of addresses.

use std::collections::BTreeMap;

use usher_database::Transaction;
use usher_events::{AddressStateChanged, MessageChanged};
use usher_types::{InvitationId, MessageId, OrganizationId};

use super::Failure;
use super::context::App;
use crate::domain::delivery::moves;
use crate::storage::address;
pub(crate) use crate::storage::delivery::Moved;
use crate::storage::delivery::{self, Delivery, Newest};

impl App {
    /// Applies a slice of news, each mail only forwards.
    pub(crate) async fn mails_changed(
        &self,
        tx: &Transaction,
        news: &[MessageChanged],
    ) -> Result<Moved, Failure> {
        let mut newest: BTreeMap<(OrganizationId, InvitationId, MessageId), &MessageChanged> =
            BTreeMap::new();
        for item in news {
            let Some(id) = item.invitation_id else { continue };
            newest
                .entry((item.organization_id, id, item.message_id))
                .and_modify(|known| {
                    if moves(known.state(), item.state()) {
                        *known = item;
                    }
                })
                .or_insert(item);
        }
        let rows: Vec<Delivery> = newest
            .into_iter()
            .map(|((organization, id, message), item)| Delivery {
                id: id.uuid(),
                organization_id: organization.uuid(),
                message_id: message.uuid(),
                delivery: item.state().as_str(),
                delivery_error: item.error.clone(),
                at: item.at,
            })
            .collect();
        Ok(delivery::advance(tx, &rows).await?)
    }

    /// Projects what is newer.
    pub(crate) async fn addresses_changed(
        &self,
        tx: &Transaction,
        news: &[AddressStateChanged],
    ) -> Result<(), Failure> {
        let mut newest = BTreeMap::new();
        for item in news {
            let key = (item.organization_id, item.email_canonical.as_str());
            let known = newest.entry(key).or_insert(item);
            if item.version > known.version {
                *known = item;
            }
        }
        Ok(address::project(tx, newest.into_values()).await?)
    }

    /// Where the mails of contacts' newest invitations are.
    pub(crate) async fn deliveries(
        &self,
        organization: usher_types::OrganizationId,
        contacts: Vec<usher_types::ContactId>,
    ) -> Result<Vec<Newest>, Failure> {
        let tx = self.read(organization).await?;
        Ok(delivery::newest(&tx, organization, contacts).await?)
    }
}
