//! Bounced and suppressed addresses, from notifications.

use std::collections::BTreeMap;

use usher_database::Transaction;
use usher_events::AddressStateChanged;
use usher_messaging::HandlerError;

use crate::storage::address_state;

/// Applies the newest state of each address.
pub(super) async fn apply(tx: &Transaction, changes: Vec<AddressStateChanged>) -> Result<(), HandlerError> {
    let mut newest: BTreeMap<_, AddressStateChanged> = BTreeMap::new();
    for change in changes {
        let key = (change.organization_id, change.email_canonical.clone());
        if newest
            .get(&key)
            .is_none_or(|known| known.version < change.version)
        {
            newest.insert(key, change);
        }
    }
    let newest: Vec<AddressStateChanged> = newest.into_values().collect();
    Ok(address_state::apply(tx, &newest).await?)
}
