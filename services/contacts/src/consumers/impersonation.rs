//! Members who looked through a contact's eyes, for the contact's activity (I14, C15).

use usher_database::Transaction;
use usher_events::Impersonation;
use usher_messaging::HandlerError;

use crate::domain::activity::{Activity, Actor, action};
use crate::storage::activity;

/// Writes a line each.
pub(super) async fn apply(tx: &Transaction, looks: Vec<Impersonation>) -> Result<(), HandlerError> {
    let lines: Vec<Activity> = looks.into_iter().map(line).collect();
    Ok(activity::insert_all(tx, &lines).await?)
}

fn line(look: Impersonation) -> Activity {
    let (action, verb) = if look.started {
        (action::IMPERSONATION_STARTED, "Began")
    } else {
        (action::IMPERSONATION_ENDED, "Ceased")
    };
    Activity {
        organization: look.organization_id,
        contact: Some(look.contact_id),
        account: None,
        at: look.at,
        actor: Actor {
            kind: "MEMBER",
            name: look.member_id.to_string(),
            id: Some(look.member_id.uuid()),
            side: "IMPERSONATION",
        },
        action,
        summary: format!("{verb} to look through the contact's eyes: {}", look.reason),
    }
}
