//! acceptInvitation: chooses the password, and does not sign in (I1, I7, I10).

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::Lane;
use usher_messaging::enqueue;
use usher_types::{LinkState, OrganizationId};

use super::context::App;
use super::issue::{announcement, withdrawals, withdrawn};
use super::landing::{Found, Whose, find_link};
use super::{Failure, refuse};
use crate::domain::delivery;
use crate::domain::organization::Organization;
use crate::domain::password::{Known, Password, Refused};
use crate::domain::portal::{Access, Act, Person, transition};
use crate::domain::session::Kind;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::invitation::{self, Invitation};
use crate::storage::{access, member, reminder};

impl App {
    /// Spends the link of `token` for a password.
    ///
    /// # Errors
    /// Refusals with the codes of `CredentialErrorCode`; what is wrong with the link comes before what is wrong with the
    /// password, and a refused password spends nothing.
    pub(crate) async fn accept(&self, token: &str, password: &str) -> Result<(), Failure> {
        let chosen = self.choose(token, password).await?;
        self.accept_chosen(&chosen).await
    }

    /// Looks at link and password, and hashes: nothing is written yet, and nothing stands still meanwhile.
    pub(crate) async fn choose(&self, token: &str, password: &str) -> Result<Chosen, Failure> {
        let tx = self.read_any().await?;
        let found = find_link(&tx, token, self.now()).await?.ok_or_else(invalid)?;
        check(found.state)?;
        let known = known(&tx, &found).await?;
        drop(tx);
        let least = usize::try_from(found.organization.password_min_length).unwrap_or_default();
        let password = Password::choose(password, least, &known).map_err(refused)?;
        let hash = self.hasher.hash(password).await?;
        Ok(Chosen {
            token: token.to_owned(),
            organization: found.organization.id,
            invitation: found.invitation,
            hash,
        })
    }

    /// Writes what was chosen, where the link is still worth it.
    pub(crate) async fn accept_chosen(&self, chosen: &Chosen) -> Result<(), Failure> {
        for _ in 0..3 {
            match self.write_accepted(chosen).await {
                Err(failure) if failure.is_conflict() => {}
                other => return other,
            }
        }
        self.write_accepted(chosen).await
    }

    async fn write_accepted(&self, chosen: &Chosen) -> Result<(), Failure> {
        let now = self.now();
        let organization = chosen.organization;
        let tx = self.write(organization).await?;
        let whose = Whose::lock(&tx, &chosen.invitation).await?.ok_or_else(invalid)?;
        // while the password was hashed somebody was faster, the last second passed, or the portal was switched off
        let link = find_link(&tx, &chosen.token, now).await?.ok_or_else(invalid)?;
        check(link.state)?;
        if !invitation::accept(&tx, organization, link.invitation.id, now).await? {
            return Err(invalid());
        }
        let (whose, actor) = match whose {
            Whose::Contact(row) => {
                let (whose, actor) = ((Kind::Contact, row.contact.uuid()), Actor::of_contact(&row));
                contact_accepted(&tx, *row, &link.invitation, now).await?;
                (whose, actor)
            }
            Whose::Member(member) => {
                member::accepted(&tx, organization, member.id, now).await?;
                ((Kind::Member, member.id.uuid()), Actor::of_member(&member))
            }
        };
        member::set_password(&tx, organization, whose, &chosen.hash, now).await?;
        log(&tx, &link, &actor, now).await?;
        tx.commit().await?;
        if let Some(sent_at) = link.invitation.sent_at {
            self.meters.accepted_after(now - sent_at);
        }
        Ok(())
    }
}

/// A password that a link was good for when it was hashed.
pub(crate) struct Chosen {
    token: String,
    organization: OrganizationId,
    invitation: Invitation,
    hash: String,
}

/// The contact is let in; a mail that has not gone out yet is taken back.
async fn contact_accepted(
    tx: &Transaction,
    row: Access,
    accepted: &Invitation,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (row, effects) = transition(row, Act::Accept(accepted.id), now).map_err(|_| invalid())?;
    access::save_standing(tx, std::slice::from_ref(&row)).await?;
    let event = announcement(&row, &effects, accepted.batch, now);
    let mut messages = Vec::from_iter(event);
    let reminded = reminder::was_sent(tx, row.organization, accepted.id).await?;
    if delivery::is_open(accepted.delivery) || reminded {
        let gone = [withdrawn(accepted.id, row.contact)];
        messages.extend(withdrawals(row.organization, &gone, now));
    }
    Ok(enqueue(tx, Lane::Interactive, messages).await?)
}

async fn log(tx: &Transaction, found: &Found, actor: &Actor, now: DateTime<Utc>) -> Result<(), Failure> {
    let line = Line {
        organization: found.organization.id,
        actor,
        action: "invitation.accepted",
        contact: found.invitation.contact,
        subject: Some(found.invitation.id.uuid()),
        summary: "Chose a password".to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}

/// What everybody knows of whoever chooses (I10).
async fn known(tx: &Transaction, found: &Found) -> Result<Known, Failure> {
    let (firm, invitation) = (&found.organization, &found.invitation);
    let (name, address) = match (invitation.contact, invitation.member) {
        (Some(contact), _) => {
            let person = access::find(tx, firm.id, contact).await?.map(|row| row.person);
            let name = person.as_ref().map(Person::full_name);
            (name, person.and_then(|person| person.email))
        }
        (None, Some(id)) => {
            let member = member::find(tx, firm.id, id).await?;
            (member.map(|member| member.display_name), None)
        }
        (None, None) => (None, None),
    };
    let addresses = [
        &*invitation.email,
        &*invitation.email_canonical,
        address.as_deref().unwrap_or_default(),
    ];
    Ok(known_words(firm, &name.unwrap_or_default(), &addresses))
}

/// The firm, a person's name as a whole and by its words, and their addresses.
pub(super) fn known_words(firm: &Organization, name: &str, addresses: &[&str]) -> Known {
    let texts = [firm.name.as_str(), firm.slug.as_str(), name];
    let all = texts.into_iter().chain(name.split_whitespace());
    Known::new(all.chain(addresses.iter().copied()))
}

pub(super) fn check(state: LinkState) -> Result<(), Failure> {
    match state {
        LinkState::Open => Ok(()),
        LinkState::Invalid => Err(invalid()),
        LinkState::Expired => Err(refuse("LINK_EXPIRED", &["token"], "this link has run out").into()),
        LinkState::Superseded => Err(refuse("LINK_SUPERSEDED", &["token"], "a newer link was sent").into()),
    }
}

pub(super) fn invalid() -> Failure {
    refuse("LINK_INVALID", &["token"], "this link does not work").into()
}

pub(super) fn refused(refused: Refused) -> Failure {
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
