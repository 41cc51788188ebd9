//! acceptInvitation: chooses the password, and does not sign in (I1, I7, I10).

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::Lane;
use usher_messaging::enqueue;
use usher_types::{ContactId, LinkState, MemberId};

use super::context::App;
use super::issue::{announcement, withdrawals, withdrawn};
use super::landing::{Found, find_link};
use super::{Failure, refuse};
use crate::domain::delivery;
use crate::domain::password::{Known, Password, Refused};
use crate::domain::portal::{Act, transition};
use crate::domain::session::Kind;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::{access, invitation, member};

impl App {
    /// Spends the link of `token` for a password.
    ///
    /// # Errors
    /// Refusals with the codes of `CredentialErrorCode`; what is wrong with the link comes before what is wrong with the
    /// password, and a refused password spends nothing.
    pub(crate) async fn accept(&self, token: &str, password: &str) -> Result<(), Failure> {
        let tx = self.read_any().await?;
        let found = find_link(&tx, token, self.now()).await?.ok_or_else(invalid)?;
        check(found.state)?;
        let known = known(&tx, &found).await?;
        drop(tx);
        let least = usize::try_from(found.organization.password_min_length).unwrap_or_default();
        let password = Password::choose(password, least, &known).map_err(refused)?;
        let hash = self.hasher.hash(password).await?;
        for _ in 0..3 {
            match self.write_accepted(&found, token, &hash).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_accepted(&found, token, &hash).await
    }

    async fn write_accepted(&self, found: &Found, token: &str, hash: &str) -> Result<(), Failure> {
        let now = self.now();
        let organization = found.organization.id;
        let tx = self.write(organization).await?;
        let (kind, id) = match (found.invitation.contact, found.invitation.member) {
            (Some(contact), _) => (Kind::Contact, contact.uuid()),
            (None, Some(member)) => (Kind::Member, member.uuid()),
            (None, None) => return Err(invalid()),
        };
        // everybody takes the contact's row first and the invitation's second
        let row = match found.invitation.contact {
            Some(contact) => access::lock(&tx, organization, [contact]).await?.pop(),
            None => None,
        };
        // while the password was hashed somebody was faster, the last second passed, or the portal was switched off
        let link = find_link(&tx, token, now).await?;
        check(link.map_or(LinkState::Invalid, |link| link.state))?;
        if !invitation::accept(&tx, organization, found.invitation.id, now).await? {
            return Err(invalid());
        }
        match (row, found.invitation.contact) {
            (Some(row), Some(_)) => {
                let act = Act::Accept(found.invitation.id);
                let (row, effects) = transition(row, act, now).map_err(|_| invalid())?;
                access::save(&tx, std::slice::from_ref(&row)).await?;
                let event = announcement(&row, &effects, found.invitation.batch, now);
                let mut messages = Vec::from_iter(event);
                if delivery::is_open(found.invitation.delivery) {
                    let gone = [withdrawn(found.invitation.id, row.contact)];
                    messages.extend(withdrawals(organization, &gone, now));
                }
                enqueue(&tx, Lane::Interactive, messages).await?;
            }
            (None, Some(_)) => return Err(invalid()),
            (_, None) => member::accepted(&tx, organization, MemberId::from(id), now).await?,
        }
        member::set_password(&tx, organization, (kind, id), hash, now).await?;
        log(&tx, found, (kind, id), now).await?;
        Ok(tx.commit().await?)
    }
}

async fn log(
    tx: &Transaction,
    found: &Found,
    (kind, id): (Kind, uuid::Uuid),
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let actor = Actor {
        kind: match kind {
            Kind::Contact => "contact",
            Kind::Member => "member",
        },
        id: Some(id),
        name: name_of(tx, found).await?,
    };
    let line = Line {
        organization: found.organization.id,
        actor: &actor,
        action: "invitation.accepted",
        contact: found.invitation.contact,
        subject: Some(found.invitation.id.uuid()),
        summary: "Chose a password".to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}

async fn name_of(tx: &Transaction, found: &Found) -> Result<String, Failure> {
    if let Some(contact) = found.invitation.contact {
        let row = access::find(tx, found.organization.id, contact).await?;
        return Ok(row.map_or_else(String::new, |row| {
            format!("{} {}", row.person.first_name, row.person.last_name)
        }));
    }
    let Some(id) = found.invitation.member else {
        return Ok(String::new());
    };
    let member = member::find(tx, found.organization.id, id).await?;
    Ok(member.map(|member| member.display_name).unwrap_or_default())
}

/// What everybody knows of whoever chooses (I10).
async fn known(tx: &Transaction, found: &Found) -> Result<Known, Failure> {
    let contact: Option<ContactId> = found.invitation.contact;
    let name = name_of(tx, found).await?;
    let words = name.split_whitespace();
    let texts = [
        found.organization.name.as_str(),
        found.organization.slug.as_str(),
        found.invitation.email.as_str(),
        found.invitation.email_canonical.as_str(),
        name.as_str(),
    ];
    let row = match contact {
        Some(contact) => access::find(tx, found.organization.id, contact).await?,
        None => None,
    };
    let address = row.and_then(|row| row.person.email).unwrap_or_default();
    Ok(Known::new(
        texts.into_iter().chain(words).chain([address.as_str()]),
    ))
}

fn check(state: LinkState) -> Result<(), Failure> {
    match state {
        LinkState::Open => Ok(()),
        LinkState::Invalid => Err(invalid()),
        LinkState::Expired => Err(refuse("LINK_EXPIRED", &["token"], "this link has run out").into()),
        LinkState::Superseded => {
            Err(refuse("LINK_SUPERSEDED", &["token"], "a newer invitation was sent").into())
        }
    }
}

fn invalid() -> Failure {
    refuse("LINK_INVALID", &["token"], "this link does not work").into()
}

fn refused(refused: Refused) -> Failure {
    let (code, message) = match refused {
        Refused::TooShort(least) => (
            "PASSWORD_TOO_SHORT",
            format!("a password has at least {least} characters"),
        ),
        Refused::TooLong => (
            "PASSWORD_TOO_LONG",
            "a password has at most 1,024 bytes".to_owned(),
        ),
        Refused::Common => (
            "PASSWORD_COMMON",
            "this password is among the first that others would try".to_owned(),
        ),
        Refused::Guessable => (
            "PASSWORD_GUESSABLE",
            "this password is made of a name or an address that others know".to_owned(),
        ),
    };
    refuse(code, &["password"], message).into()
}
