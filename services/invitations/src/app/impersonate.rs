//! impersonateContact: a member looks through a contact's eyes, and changes nothing (I14).

use chrono::{DateTime, Utc};
use usher_auth::{Denied, Permission, PermissionSet, Principal, Subject};
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::{Envelope, Impersonation, Lane};
use usher_messaging::enqueue;
use usher_service::grpc;
use usher_types::{ContactId, SessionId};

use super::context::{App, SOURCE};
use super::{Failure, NewSession, refuse};
use crate::domain::impersonation::{LIFE, may_be_looked_through, read_reason};
use crate::domain::organization::Organization;
use crate::domain::session::Kind;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::impersonation::{self, Closed, Look};
use crate::storage::session::{self, Session};
use crate::storage::{access, member, organization};

/// Ends that one transaction of the sweeper writes down.
const CHUNK: u32 = 200;

/// Whom a member wants to look through, and why.
#[derive(Clone, Debug)]
pub(crate) struct Impersonate {
    pub(crate) contact: Option<ContactId>,
    pub(crate) reason: String,
    pub(crate) device: Option<String>,
}

impl App {
    /// Starts a session of half an hour that only reads, and is marked with the member.
    ///
    /// # Errors
    /// NOT_FOUND where there is no such contact; NOT_ALLOWED where the contact could not sign in either, or no reason is given; PERMISSION_DENIED for a
    /// member who may not do so any more, whatever the token says.
    pub(crate) async fn impersonate(
        &self,
        principal: &Principal,
        wish: Impersonate,
    ) -> Result<NewSession, Failure> {
        let id = grpc::organization(principal)?;
        let forbidden = || Failure::from(grpc::denied(Denied::Forbidden));
        let me = principal.member().ok_or_else(forbidden)?;
        let reason = read_reason(&wish.reason).map_err(|wrong| refuse("NOT_ALLOWED", &["reason"], wrong))?;
        let now = self.now();
        let tx = self.write(id).await?;
        let firm = organization::share(&tx, id).await?.ok_or_else(forbidden)?;
        // locked, so that whoever is switched off meanwhile ends this session, too
        let member = member::lock(&tx, id, me).await?;
        let member = member
            .filter(|member| member.active && member.permissions.contains(Permission::PortalImpersonate))
            .ok_or_else(forbidden)?;
        let contact = self.looked_through(&tx, &firm, wish.contact).await?;
        let session = Session {
            acting_member: Some(me),
            device: wish.device,
            ..Session::new(SessionId::new(now), (id, Kind::Contact, contact.uuid()), now)
        };
        session::insert(&tx, &session).await?;
        let look = Look {
            session: session.id,
            organization: id,
            member: me,
            contact,
            reason,
            started_at: now,
            ends_at: now + LIFE,
        };
        impersonation::insert(&tx, &look).await?;
        let summary = format!("Began to look through the contact's eyes: {}", look.reason);
        let lines = [(
            &look,
            member.display_name,
            ("impersonation.started", summary),
            now,
        )];
        write_down(&tx, &lines).await?;
        enqueue(
            &tx,
            Lane::Interactive,
            vec![Envelope::event(SOURCE, now, &event(&look, None))],
        )
        .await?;
        tx.commit().await?;
        self.read_only_session(&look, now)
    }

    async fn looked_through(
        &self,
        tx: &Transaction,
        firm: &Organization,
        contact: Option<ContactId>,
    ) -> Result<ContactId, Failure> {
        let row = match contact {
            Some(contact) => access::lock(tx, firm.id, [contact]).await?.pop(),
            None => None,
        };
        let row = row.ok_or_else(|| refuse("NOT_FOUND", &["contactId"], "there is no such contact"))?;
        if may_be_looked_through(&row, firm.portal_enabled) {
            return Ok(row.contact);
        }
        let why = "only a contact who has chosen a password and may sign in now can be looked through";
        Err(refuse("NOT_ALLOWED", &["contactId"], why).into())
    }

    fn read_only_session(&self, look: &Look, now: DateTime<Utc>) -> Result<NewSession, Failure> {
        let principal = Principal {
            organization: Some(look.organization),
            subject: Subject::Contact(look.contact),
            session: Some(look.session),
            permissions: PermissionSet::NONE,
            read_only: true,
            acting_member: Some(look.member),
            expires_at: look.ends_at,
        };
        let token = self.signer.current(now)?.sign(&principal, now);
        Ok(NewSession {
            access_token: token.map_err(Failure::broken)?,
            refresh_token: None,
            expires_at: look.ends_at,
            read_only: true,
        })
    }

    /// The name of the member who looks through the caller's eyes.
    pub(crate) async fn impersonator(&self, principal: &Principal) -> Result<Option<String>, Failure> {
        let organization = grpc::organization(principal)?;
        let Some(id) = principal.acting_member else {
            return Ok(None);
        };
        let tx = self.read(organization).await?;
        let found = member::find(&tx, organization, id).await?;
        Ok(found.map(|member| member.display_name))
    }

    /// Writes the ends down of all that are over: signed out, ended with the access of either, or run out.
    pub(crate) async fn close_impersonations(&self) -> Result<(), Failure> {
        loop {
            let now = self.now();
            let tx = self.database.read(Scope::System(SystemReason::Sweep)).await?;
            let over = impersonation::over(&tx, now, CHUNK).await?;
            drop(tx);
            if over.is_empty() {
                return Ok(());
            }
            let tx = self.database.write(Scope::System(SystemReason::Sweep)).await?;
            let closed = impersonation::close(&tx, &over, now).await?;
            tell_ends(&tx, &closed, now).await?;
            tx.commit().await?;
        }
    }
}

async fn tell_ends(tx: &Transaction, closed: &[Closed], now: DateTime<Utc>) -> Result<(), Failure> {
    let lines: Vec<_> = closed
        .iter()
        .map(|closed| {
            let summary = format!(
                "Ceased to look through the contact's eyes: {}",
                closed.look.reason
            );
            let entry = ("impersonation.ended", summary);
            (&closed.look, closed.member_name.clone(), entry, closed.ended_at)
        })
        .collect();
    write_down(tx, &lines).await?;
    let events = closed
        .iter()
        .map(|closed| Envelope::event(SOURCE, now, &event(&closed.look, Some(closed))));
    Ok(enqueue(tx, Lane::Interactive, events.collect()).await?)
}

type Entry<'a> = (&'a Look, String, (&'static str, String), DateTime<Utc>);

async fn write_down(tx: &Transaction, entries: &[Entry<'_>]) -> Result<(), Failure> {
    let actors: Vec<Actor> = entries
        .iter()
        .map(|(look, name, ..)| Actor {
            kind: "member",
            id: Some(look.member.uuid()),
            name: name.clone(),
        })
        .collect();
    let mut lines = Vec::with_capacity(entries.len());
    for ((look, _, (action, summary), _), actor) in entries.iter().zip(&actors) {
        lines.push(Line {
            organization: look.organization,
            actor,
            action,
            contact: Some(look.contact),
            subject: Some(look.session.uuid()),
            summary: summary.clone(),
        });
    }
    let moments = entries.iter().map(|(.., at)| *at);
    Ok(activity::write_each(tx, lines.iter().zip(moments)).await?)
}

fn event(look: &Look, closed: Option<&Closed>) -> Impersonation {
    Impersonation {
        started: closed.is_none(),
        organization_id: look.organization,
        contact_id: look.contact,
        member_id: look.member,
        reason: look.reason.clone(),
        at: closed.map_or(look.started_at, |closed| closed.ended_at),
    }
}
