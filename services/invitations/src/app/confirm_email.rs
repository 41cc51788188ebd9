//! confirmEmailChange: from now on the new address signs in (I6).

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_types::{EmailAddress, LinkState, RawToken};

use super::Failure;
use super::accept::{check, invalid};
use super::context::App;
use super::email_change::PURPOSE;
use super::landing::{Landing, Reader, Shown};
use crate::domain::link::link_state;
use crate::domain::organization::Organization;
use crate::domain::portal::{Access, Act, transition};
use crate::storage::activity::{self, Actor, Line};
use crate::storage::email_change::{self, EmailChange};
use crate::storage::{access, organization};

/// A link that was found, and what it is worth.
struct Found {
    change: EmailChange,
    organization: Organization,
    state: LinkState,
}

/// Looks a token up; none for one that was never such a link's. One that a newer one has replaced is INVALID: it went to
/// somebody else's address.
async fn find(tx: &Transaction, token: &str, now: DateTime<Utc>) -> Result<Option<Found>, Failure> {
    let Some(token) = RawToken::parse(token) else {
        return Ok(None);
    };
    let Some(change) = email_change::find_by_token(tx, token.hash(PURPOSE)).await? else {
        return Ok(None);
    };
    let Some(organization) = organization::find(tx, change.organization).await? else {
        return Ok(None);
    };
    let state = link_state(change.state, change.expires_at, organization.portal_enabled, now);
    Ok(Some(Found {
        change,
        organization,
        state,
    }))
}

impl App {
    /// What the page behind the link may show. Reading it uses nothing up (I7).
    pub(crate) async fn email_change(&self, token: &str) -> Result<Landing, Failure> {
        let tx = self.read_any().await?;
        let found = find(&tx, token, self.now()).await?;
        let Some(found) = found.filter(|found| found.state != LinkState::Invalid) else {
            return Ok(Landing {
                state: LinkState::Invalid,
                shown: None,
            });
        };
        let row = access::find(&tx, found.change.organization, found.change.contact).await?;
        let address = EmailAddress::parse(&found.change.email);
        Ok(Landing {
            state: found.state,
            shown: Some(Shown {
                organization: found.organization,
                masked_email: address.ok().map(|address| address.masked()),
                expires_at: found.change.expires_at,
                newest_sent_at: None,
                reader: Reader::contact(row.as_ref()),
            }),
        })
    }

    /// Spends the link of `token`.
    ///
    /// # Errors
    /// LINK_INVALID and LINK_EXPIRED.
    pub(crate) async fn confirm_email(&self, token: &str) -> Result<(), Failure> {
        let tx = self.read_any().await?;
        let found = find(&tx, token, self.now()).await?.ok_or_else(invalid)?;
        drop(tx);
        check(found.state)?;
        for _ in 0..3 {
            match self.write_confirmed(&found.change, token).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_confirmed(&found.change, token).await
    }

    async fn write_confirmed(&self, seen: &EmailChange, token: &str) -> Result<(), Failure> {
        let now = self.now();
        let tx = self.write(seen.organization).await?;
        // as everywhere the contact's row first; whatever ended the link meanwhile has held it
        let row = access::lock(&tx, seen.organization, [seen.contact]).await?.pop();
        let found = find(&tx, token, now).await?.ok_or_else(invalid)?;
        check(found.state)?;
        let change = found.change;
        if !email_change::confirm(&tx, change.organization, change.id, now).await? {
            return Err(invalid());
        }
        let act = Act::Confirm(change.email_canonical.clone());
        let (row, _) = transition(row.ok_or_else(invalid)?, act, now).map_err(|_| invalid())?;
        access::save_standing(&tx, std::slice::from_ref(&row)).await?;
        log(&tx, &row, &change, now).await?;
        Ok(tx.commit().await?)
    }
}

async fn log(
    tx: &Transaction,
    row: &Access,
    change: &EmailChange,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let actor = Actor::of_contact(row);
    let line = Line {
        organization: row.organization,
        actor: &actor,
        action: "email_change.confirmed",
        contact: Some(row.contact),
        subject: Some(change.id.uuid()),
        summary: "Confirmed the new address, which signs in from now on".to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}
