//! requestNewLink (I8): a fresh invitation to the stored address, for whoever holds a link that ran out or was replaced. The
//! answer is the same whatever the link is worth.

use chrono::{DateTime, Utc};
use usher_database::{Scope, SystemReason};
use usher_types::LinkState;

use super::Failure;
use super::context::App;
use super::forgotten::within_budgets;
use super::landing::{Found, Whose, find_link};
use super::member_link::renew_link;
use crate::domain::asking::Asking;

impl App {
    /// Sends a fresh invitation where the link is EXPIRED or SUPERSEDED and the person is still invited; otherwise, and over the
    /// budget, does nothing. It always succeeds.
    pub(crate) async fn request_new_link(&self, token: &str, source: &str) -> Result<(), Failure> {
        let now = self.now();
        let tx = self.read_any().await?;
        let found = find_link(&tx, token, now).await?;
        drop(tx);
        let found = found.filter(|found| renewable(found.state));
        let address = found.as_ref().map(|found| &found.invitation);
        let address =
            address.map(|invitation| (invitation.organization, invitation.email_canonical.as_str()));
        if !self.may_ask(source, address, now).await? {
            return Ok(());
        }
        let Some(found) = found else { return Ok(()) };
        for _ in 0..3 {
            match self.write_renewed(&found, token).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_renewed(&found, token).await
    }

    /// Counts the request by its source and, where the link is somebody's, by the address.
    async fn may_ask(
        &self,
        source: &str,
        address: Option<(usher_types::OrganizationId, &str)>,
        now: DateTime<Utc>,
    ) -> Result<bool, Failure> {
        let organization = address
            .map(|(organization, _)| organization.uuid())
            .unwrap_or_default();
        let mut counted = vec![(Asking::From, vec![source.as_bytes()])];
        if let Some((_, address)) = address {
            counted.push((Asking::LinkTo, vec![organization.as_bytes(), address.as_bytes()]));
        }
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        let within = within_budgets(&tx, &counted, now).await?;
        tx.commit().await?;
        Ok(within)
    }

    async fn write_renewed(&self, seen: &Found, token: &str) -> Result<(), Failure> {
        let now = self.now();
        let organization = seen.organization.id;
        let tx = self.write(organization).await?;
        let whose = Whose::lock(&tx, &seen.invitation).await?;
        // whatever ended the link meanwhile has held the row
        let found = find_link(&tx, token, now).await?;
        let (Some(found), Some(whose)) = (found.filter(|found| renewable(found.state)), whose) else {
            return Ok(());
        };
        match whose {
            Whose::Contact(row) => {
                let after = self.reissue(&tx, &found.organization, *row, now).await?;
                tx.commit().await?;
                self.follow_up(organization, &after).await;
            }
            Whose::Member(member) => {
                let gone = renew_link(&tx, &self.maker(now), &found.organization, *member).await?;
                tx.commit().await?;
                self.cancel_messages(organization, &gone).await;
            }
        }
        Ok(())
    }
}

const fn renewable(state: LinkState) -> bool {
    matches!(state, LinkState::Expired | LinkState::Superseded)
}
