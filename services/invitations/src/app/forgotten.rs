//! requestPasswordReset (I12). The request only writes down what was typed, known or not; what helps is found out by the
//! consumer, so that neither the answer nor its time tells anything.

use chrono::{DateTime, Utc};
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::{Envelope, Lane, Recover};
use usher_messaging::enqueue;
use usher_types::{EmailAddress, EmailState, MessageId};

use super::Failure;
use super::context::{App, SOURCE};
use super::fingerprint::fingerprint;
use super::member_link::renew_link;
use super::send_reset::{Asked, Holder};
use super::sign_in::canonical;
use crate::domain::asking::Asking;
use crate::domain::organization::Organization;
use crate::domain::recovery::{Help, help};
use crate::storage::{access, address, member, organization, request_budget};

/// What somebody typed.
#[derive(Clone)]
pub(crate) struct Forgotten<'a> {
    pub(crate) email: &'a str,
    pub(crate) organization: Option<&'a str>,
    pub(crate) source: &'a str,
}

impl App {
    /// Notes that somebody has forgotten a password. It always succeeds; what is over the budget is forgotten.
    pub(crate) async fn request_password_reset(&self, asked: Forgotten<'_>) -> Result<(), Failure> {
        let firm = self.firm(asked.organization).await?;
        let canonical = canonical(asked.email);
        let organization = firm.as_ref().map(|firm| firm.id.uuid()).unwrap_or_default();
        let now = self.now();
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        // the address last: whoever asks too much from one place does not use up what others may ask
        let counted = [
            (Asking::From, vec![asked.source.as_bytes()]),
            (
                Asking::ResetOf,
                vec![organization.as_bytes(), canonical.as_bytes()],
            ),
        ];
        let within = within_budgets(&tx, &counted, now).await?;
        if let (true, Some(firm), Ok(_)) = (within, firm, EmailAddress::parse(&canonical)) {
            let command = Recover {
                id: MessageId::new(now),
                organization_id: firm.id,
                email_canonical: canonical,
            };
            enqueue(
                &tx,
                Lane::Interactive,
                vec![Envelope::command(SOURCE, now, &command)],
            )
            .await?;
        }
        Ok(tx.commit().await?)
    }

    /// Helps whoever has this address: a member and a contact may both have it.
    pub(crate) async fn recover(&self, tx: &Transaction, asked: &Recover) -> Result<(), Failure> {
        let Some(firm) = organization::find(tx, asked.organization_id).await? else {
            return Ok(());
        };
        let now = self.now();
        let address = asked.email_canonical.as_str();
        let states = address::states(tx, firm.id, &[address]).await?;
        let state = states.get(address).copied().unwrap_or(EmailState::Valid);
        self.recover_member(tx, &firm, (address, state), now).await?;
        self.recover_contact(tx, &firm, (address, state), now).await
    }

    async fn recover_member(
        &self,
        tx: &Transaction,
        firm: &Organization,
        (address, state): (&str, EmailState),
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let found = member::find_by_address(tx, firm.id, address).await?;
        let Some(member) = found.filter(|member| member.active && state == EmailState::Valid) else {
            return Ok(());
        };
        if self.providers.sign_in_alone(&firm.slug, &member) {
            return Ok(());
        }
        // whoever came from a provider that signs nobody in any more has no password yet, and no invitation
        let was_provided = member.identity.is_some();
        if !was_provided
            && member::password_hash(tx, firm.id, member.id.uuid())
                .await?
                .is_none()
        {
            let Some(member) = member::lock(tx, firm.id, member.id).await? else {
                return Ok(());
            };
            return renew_link(tx, &self.maker(now), firm, member).await.map(|_| ());
        }
        self.send_reset(
            tx,
            firm,
            (&Holder::Member(Box::new(member)), &Asked::Themselves),
            now,
        )
        .await
    }

    async fn recover_contact(
        &self,
        tx: &Transaction,
        firm: &Organization,
        (address, state): (&str, EmailState),
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        // whoever has left the address, unconfirmed as the new one may be, comes after whoever is invited at it: they read it
        let signs_in = access::find_by_address(tx, firm.id, address).await?;
        let found = match signs_in {
            Some(holder) if !holder.is_elsewhere() => Some(holder),
            left => access::find_invited(tx, firm.id, address).await?.or(left),
        };
        let Some(found) = found else { return Ok(()) };
        let row = access::lock(tx, firm.id, [found.contact]).await?.pop();
        // what happened before the row was ours may have moved it to another address
        let Some(row) = row.filter(|row| row.address.as_deref() == Some(address)) else {
            return Ok(());
        };
        match help(&row, firm.portal_enabled, state, now) {
            Ok(Help::Reset) => {
                self.send_reset(
                    tx,
                    firm,
                    (&Holder::Contact(Box::new(row)), &Asked::Themselves),
                    now,
                )
                .await
            }
            Ok(Help::Invitation) => self.reissue(tx, firm, row, now).await.map(|_| ()),
            Err(reason) => {
                tracing::debug!(?reason, "a forgotten password is not helped");
                Ok(())
            }
        }
    }
}

/// Counts a request under each of these, in their order, until one is over its budget.
pub(super) async fn within_budgets(
    tx: &Transaction,
    counted: &[(Asking, Vec<&[u8]>)],
    now: DateTime<Utc>,
) -> Result<bool, Failure> {
    for (asking, parts) in counted {
        let key = fingerprint(asking.purpose(), parts);
        if !asking.allows(request_budget::count(tx, key, now).await?) {
            tracing::debug!(?asking, "over the budget");
            return Ok(false);
        }
    }
    Ok(true)
}
