//! Eligibility in SQL: the same as `usher_types::eligibility`, which a test compares it with over every combination.

use usher_database::Dialect;
use usher_types::InvitationAction;

use super::links;
use super::params::Params;
use crate::domain::filter::Selection;

const LOGIN: &str = "WHEN c.links > 0 AND c.links_with_login = 0 THEN 'LOGIN_DISABLED' ";

/// What stands against writing to the contact's address.
const ADDRESS: &str = "WHEN c.email_state = 'NONE' THEN 'NO_EMAIL' \
     WHEN c.email_state = 'INVALID' THEN 'INVALID_EMAIL' \
     WHEN c.email_duplicate THEN 'DUPLICATE_EMAIL' \
     WHEN a.state = 'SUPPRESSED' THEN 'EMAIL_SUPPRESSED' \
     WHEN a.state = 'BOUNCED' THEN 'EMAIL_BOUNCED' END";

/// The reason why an action does not reach a contact of a selection, NULL where it does; over the tables of
/// [`super::view::FROM`].
///
/// INVITED and EXPIRED are alike to every action, so the stored status decides and the time does not.
pub(super) fn reason(
    action: InvitationAction,
    selection: &Selection,
    dialect: Dialect,
    params: &mut Params,
) -> String {
    if action == InvitationAction::Cancel {
        return "CASE WHEN p.status IN ('ACCEPTED', 'ACTIVE') THEN 'ALREADY_ACTIVATED' \
             WHEN p.status = 'WAITING' THEN 'NOT_INVITED' END"
            .to_owned();
    }
    let mut sql = "CASE WHEN NOT c.active THEN 'CONTACT_INACTIVE' \
         WHEN c.role = 'LEAD' THEN 'ROLE_NOT_INVITABLE' \
         WHEN p.status IN ('ACCEPTED', 'ACTIVE') "
        .to_owned();
    let linked = match selection {
        Selection::Linked(linked) if action == InvitationAction::Send => Some(linked),
        _ => None,
    };
    if let Some(linked) = linked {
        let opened = links::opened_of(linked, "c.id", dialect, params);
        sql.push_str(&format!("AND NOT EXISTS (SELECT 1 FROM link l WHERE {opened}) "));
    }
    sql.push_str("THEN 'ALREADY_ACTIVATED' ");
    if action == InvitationAction::Send {
        sql.push_str("WHEN p.status = 'INVITED' THEN 'ALREADY_INVITED' ");
    }
    // Nobody of them is without login once it is switched on.
    if linked.is_none_or(|linked| linked.since.is_some()) {
        sql.push_str(LOGIN);
    }
    sql + ADDRESS
}
