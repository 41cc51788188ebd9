//! resetPassword: another password, behind a link that was mailed (I12). Nobody is signed in by it, and everybody who was is
//! signed out.

use chrono::{DateTime, TimeDelta, Utc};
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::{Lane, MailKind};
use usher_messaging::enqueue;
use usher_types::{EmailAddress, InvitationId, LinkState, MessageId, RawToken};

use super::Failure;
use super::accept::{check, invalid, known_words, refused};
use super::context::App;
use super::issue::deliveries;
use super::landing::{Landing, Reader, Shown};
use super::recipient::of_kind;
use super::send_reset::{Holder, PURPOSE};
use super::sign_in::address_key;
use crate::domain::link::link_state;
use crate::domain::organization::Organization;
use crate::domain::password::Password;
use crate::domain::recovery::may_reset;
use crate::domain::session::Kind;
use crate::providers::Providers;
use crate::storage::activity::{self, Line};
use crate::storage::password_reset::{self, PasswordReset};
use crate::storage::{access, member, organization, session};

/// How long the notice about the change is tried.
const NOTICE_LIFE: TimeDelta = TimeDelta::days(2);

/// A link that was found, and what it is worth.
struct Found {
    reset: PasswordReset,
    organization: Organization,
    holder: Holder,
    state: LinkState,
}

/// Looks a token up; none for one that was never such a link's.
async fn find(
    tx: &Transaction,
    providers: &Providers,
    token: &str,
    now: DateTime<Utc>,
) -> Result<Option<Found>, Failure> {
    let Some(token) = RawToken::parse(token) else {
        return Ok(None);
    };
    let Some(reset) = password_reset::find_by_token(tx, token.hash(PURPOSE)).await? else {
        return Ok(None);
    };
    let Some(organization) = organization::find(tx, reset.organization).await? else {
        return Ok(None);
    };
    let Some((holder, usable)) = holder(tx, providers, &reset, &organization).await? else {
        return Ok(None);
    };
    let state = link_state(reset.state, reset.expires_at, usable, now);
    Ok(Some(Found {
        reset,
        organization,
        holder,
        state,
    }))
}

/// Whose password it is, and whether the link may still be used: an address that signs in no longer resets nothing.
async fn holder(
    tx: &Transaction,
    providers: &Providers,
    reset: &PasswordReset,
    firm: &Organization,
) -> Result<Option<(Holder, bool)>, Failure> {
    let address = reset.email_canonical.as_str();
    Ok(match reset.kind {
        Kind::Contact => {
            let row = access::find(tx, reset.organization, reset.subject.into()).await?;
            row.map(|row| {
                let usable = may_reset(&row, firm.portal_enabled, address);
                (Holder::Contact(Box::new(row)), usable)
            })
        }
        Kind::Member => {
            let found = member::find(tx, reset.organization, reset.subject.into()).await?;
            found.map(|member| {
                let usable = member.active
                    && member.email_canonical == address
                    && !providers.sign_in_alone(&firm.slug, &member);
                (Holder::Member(Box::new(member)), usable)
            })
        }
        // it has no password
        Kind::ServiceAccount => None,
    })
}

/// A password that a link was good for when it was hashed.
pub(crate) struct Chosen {
    token: String,
    reset: PasswordReset,
    hash: String,
}

impl App {
    /// What the page behind the link may show. Reading it uses nothing up (I7).
    pub(crate) async fn password_reset(&self, token: &str) -> Result<Landing, Failure> {
        let tx = self.read_any().await?;
        let found = find(&tx, &self.providers, token, self.now()).await?;
        let Some(found) = found.filter(|found| found.state != LinkState::Invalid) else {
            return Ok(Landing {
                state: LinkState::Invalid,
                shown: None,
            });
        };
        let newest_sent_at = match found.state {
            LinkState::Superseded => password_reset::newest_sent_at(&tx, &found.reset).await?,
            _ => None,
        };
        let reader = match &found.holder {
            Holder::Contact(row) => Reader::contact(Some(row.as_ref())),
            Holder::Member(_) => Reader::member(),
        };
        let address = EmailAddress::parse(&found.reset.email_canonical);
        Ok(Landing {
            state: found.state,
            shown: Some(Shown {
                masked_email: address.ok().map(|address| address.masked()),
                expires_at: found.reset.expires_at,
                organization: found.organization,
                newest_sent_at,
                reader,
            }),
        })
    }

    /// Spends the link of `token` for a password.
    ///
    /// # Errors
    /// As for an invitation's: what is wrong with the link comes first, and a refused password spends nothing.
    pub(crate) async fn reset_password(&self, token: &str, password: &str) -> Result<(), Failure> {
        let chosen = self.choose_again(token, password).await?;
        self.reset_chosen(&chosen).await
    }

    /// Looks at link and password, and hashes: nothing is written yet, and nothing stands still meanwhile.
    pub(crate) async fn choose_again(&self, token: &str, password: &str) -> Result<Chosen, Failure> {
        let tx = self.read_any().await?;
        let found = find(&tx, &self.providers, token, self.now())
            .await?
            .ok_or_else(invalid)?;
        drop(tx);
        check(found.state)?;
        let recipient = found.holder.recipient().ok_or_else(invalid)?;
        let addresses = [recipient.email.as_str(), recipient.email_canonical.as_str()];
        let known = known_words(&found.organization, &recipient.name(), &addresses);
        let least = usize::try_from(found.organization.password_min_length).unwrap_or_default();
        let password = Password::choose(password, least, &known).map_err(refused)?;
        Ok(Chosen {
            token: token.to_owned(),
            reset: found.reset,
            hash: self.hasher.hash(password).await?,
        })
    }

    /// Writes what was chosen, where the link is still worth it.
    pub(crate) async fn reset_chosen(&self, chosen: &Chosen) -> Result<(), Failure> {
        self.open_again(&chosen.reset).await?;
        for _ in 0..3 {
            match self.write_reset(chosen).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_reset(chosen).await
    }

    /// Failed sign-ins count no longer (I11): whoever holds a link that works reads the mailbox. Before the password is written,
    /// or a crash between the two would leave the address shut.
    async fn open_again(&self, reset: &PasswordReset) -> Result<(), Failure> {
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        let key = address_key(Some(reset.organization), &reset.email_canonical);
        session::clear_failures(&tx, &key).await?;
        Ok(tx.commit().await?)
    }

    async fn write_reset(&self, chosen: &Chosen) -> Result<(), Failure> {
        let now = self.now();
        let seen = &chosen.reset;
        let tx = self.write(seen.organization).await?;
        if seen.kind == Kind::Contact {
            // as everywhere the contact's row first; whatever ended the link meanwhile has held it
            access::lock(&tx, seen.organization, [seen.subject.into()]).await?;
        }
        let found = find(&tx, &self.providers, &chosen.token, now)
            .await?
            .ok_or_else(invalid)?;
        check(found.state)?;
        if !password_reset::spend(&tx, &found.reset, now).await? {
            return Err(invalid());
        }
        let (organization, subject) = (seen.organization, seen.subject);
        member::set_password(&tx, organization, (seen.kind, subject), &chosen.hash, now).await?;
        match seen.kind {
            Kind::Contact => {
                session::end_all(&tx, organization, [subject], "PASSWORD_CHANGED", now).await?;
            }
            // and where they look through a contact's eyes
            Kind::Member | Kind::ServiceAccount => {
                session::end_of_member(&tx, organization, subject.into(), "PASSWORD_CHANGED", now).await?;
            }
        }
        notify(&tx, &found, now).await?;
        log(&tx, &found, now).await?;
        Ok(tx.commit().await?)
    }
}

/// Tells the holder, who may not have done it.
async fn notify(tx: &Transaction, found: &Found, now: DateTime<Utc>) -> Result<(), Failure> {
    let Some(recipient) = found.holder.recipient() else {
        return Ok(());
    };
    let letter = recipient.letter(MessageId::new(now), InvitationId::new(now), now + NOTICE_LIFE);
    let mailing = of_kind(&found.organization, MailKind::PasswordChanged, now);
    Ok(enqueue(tx, Lane::Interactive, deliveries(&mailing, vec![letter], now)).await?)
}

async fn log(tx: &Transaction, found: &Found, now: DateTime<Utc>) -> Result<(), Failure> {
    let line = Line {
        organization: found.organization.id,
        actor: &found.holder.actor(),
        action: "password.changed",
        contact: found.holder.contact(),
        subject: Some(found.reset.id.uuid()),
        summary: "Chose another password".to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}
