//! Portal status and sign-ins, from invitations.

use std::collections::BTreeMap;

use usher_database::Transaction;
use usher_events::PortalFacts;
use usher_messaging::HandlerError;
use usher_types::ContactId;

use crate::storage::portal;

/// Applies the newest facts of each contact, in the order of ids so that no two consumers wait for each other.
pub(super) async fn apply(tx: &Transaction, facts: Vec<PortalFacts>) -> Result<(), HandlerError> {
    let mut newest: BTreeMap<ContactId, PortalFacts> = BTreeMap::new();
    for facts in facts {
        let older = newest
            .get(&facts.contact_id)
            .is_none_or(|known| known.version < facts.version);
        if older {
            newest.insert(facts.contact_id, facts);
        }
    }
    let newest: Vec<PortalFacts> = newest.into_values().collect();
    Ok(portal::apply(tx, &newest).await?)
}
