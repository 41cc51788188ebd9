//! signIn (I11): the same answer and the same time for unknown and wrong.

use chrono::{DateTime, Utc};
use usher_auth::PermissionSet;
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::{Envelope, Lane, SignedIn};
use usher_messaging::enqueue;
use usher_types::{ContactId, EmailAddress, MemberId, OrganizationId, SessionId};
use uuid::Uuid;

use super::context::{App, SOURCE, organization_of};
use super::fingerprint::fingerprint;
use super::{Failure, NewSession, refuse};
use crate::domain::organization::Organization;
use crate::domain::password::Password;
use crate::domain::portal::{Act, transition};
use crate::domain::session::Kind;
use crate::domain::waits::{Counted, Failures, Gate, after_failure, gate};
use crate::storage::activity::{self, Actor, Line};
use crate::storage::member::Member;
use crate::storage::session::{self, Session};
use crate::storage::{access, member, organization};

/// What somebody typed.
#[derive(Clone, Debug)]
pub(crate) struct SignIn<'a> {
    pub(crate) email: &'a str,
    pub(crate) password: &'a str,
    pub(crate) organization: Option<&'a str>,
    /// Left out: the member with that address where there is one, else the contact.
    pub(crate) kind: Option<Kind>,
    pub(crate) source: &'a str,
    /// The browser and system, as far as they tell.
    pub(crate) device: Option<&'a str>,
}

/// Whom an address stands for.
struct Person {
    organization: OrganizationId,
    kind: Kind,
    id: Uuid,
    hash: String,
}

impl App {
    /// Signs somebody in.
    ///
    /// # Errors
    /// BAD_CREDENTIALS, whatever was wrong; LOCKED_OUT, with the seconds to wait where waiting helps.
    pub(crate) async fn sign_in(&self, attempt: SignIn<'_>) -> Result<NewSession, Failure> {
        let signed_in = self.try_sign_in(attempt).await;
        self.meters.sign_in("password", &signed_in);
        signed_in
    }

    async fn try_sign_in(&self, attempt: SignIn<'_>) -> Result<NewSession, Failure> {
        // what follows is asked within the turn: as many guesses as there are turns can overtake the count, not more
        let turn = self.hasher.turn().await?;
        let firm = self.firm(attempt.organization).await?;
        let canonical = canonical(attempt.email);
        let keys = Keys::of(firm.as_ref(), &canonical, attempt.source);
        let failures = self.open_gate(&keys).await?;
        let person = match &firm {
            Some(firm) => self.person(firm, &canonical, attempt.kind).await?,
            None => None,
        };
        let hash = person.as_ref().map(|person| person.hash.clone());
        let typed = Password::typed(attempt.password);
        let right = self.hasher.verify(&turn, typed, hash).await?;
        let Some(person) = person.filter(|_| right) else {
            self.count(&keys, failures).await?;
            return Err(bad_credentials());
        };
        if failures[0].count > 0 {
            self.clear(&keys).await?;
        }
        drop(turn);
        self.begin(person, attempt.device).await
    }

    /// The organization with this slug; without one the only one of the deployment.
    pub(super) async fn firm(&self, slug: Option<&str>) -> Result<Option<Organization>, Failure> {
        let tx = self.read_any().await?;
        Ok(match slug {
            Some(slug) if slug.contains('\0') => None,
            Some(slug) => organization::find_by_slug(&tx, slug).await?,
            None => organization::only(&tx).await?,
        })
    }

    /// Who may sign in with this address.
    async fn person(
        &self,
        firm: &Organization,
        canonical: &str,
        kind: Option<Kind>,
    ) -> Result<Option<Person>, Failure> {
        let tx = self.read(firm.id).await?;
        if kind != Some(Kind::Contact)
            && let Some(found) = member::find_by_address(&tx, firm.id, canonical).await?
        {
            let hash = member::password_hash(&tx, firm.id, found.id.uuid()).await?;
            let may = found.active && !self.providers.sign_in_alone(&firm.slug, &found);
            return Ok(hash.filter(|_| may).map(|hash| Person {
                organization: firm.id,
                kind: Kind::Member,
                id: found.id.uuid(),
                hash,
            }));
        }
        if kind == Some(Kind::Member) || !firm.portal_enabled {
            return Ok(None);
        }
        let Some(found) = access::find_by_address(&tx, firm.id, canonical).await? else {
            return Ok(None);
        };
        let hash = member::password_hash(&tx, firm.id, found.contact.uuid()).await?;
        Ok(hash.filter(|_| found.person.may_enter()).map(|hash| Person {
            organization: firm.id,
            kind: Kind::Contact,
            id: found.contact.uuid(),
            hash,
        }))
    }

    async fn begin(&self, person: Person, device: Option<&str>) -> Result<NewSession, Failure> {
        let now = self.now();
        let tx = self.write(person.organization).await?;
        let permissions = match person.kind {
            Kind::Member => self.enter_member(&tx, &person, now).await?,
            Kind::Contact => enter_contact(&tx, &person, now).await?,
            Kind::ServiceAccount => return Err(bad_credentials()),
        };
        let whose = (person.organization, person.kind, person.id);
        let tokens = self.open_session(&tx, whose, (permissions, device), now).await?;
        tx.commit().await?;
        Ok(tokens)
    }

    async fn enter_member(
        &self,
        tx: &Transaction,
        person: &Person,
        now: DateTime<Utc>,
    ) -> Result<PermissionSet, Failure> {
        let id = MemberId::from(person.id);
        if !member::signed_in(tx, person.organization, id, now).await? {
            return Err(bad_credentials());
        }
        let found = member::find(tx, person.organization, id).await?;
        let member = found.ok_or_else(bad_credentials)?;
        // they may have gone over to the provider while the password was looked at
        let firm = organization_of(tx, person.organization).await?;
        if self.providers.sign_in_alone(&firm.slug, &member) {
            return Err(bad_credentials());
        }
        log_member(tx, &member, now).await?;
        Ok(member.permissions)
    }

    /// A new session, with its first tokens.
    pub(super) async fn open_session(
        &self,
        tx: &Transaction,
        whose: (OrganizationId, Kind, Uuid),
        (permissions, device): (PermissionSet, Option<&str>),
        now: DateTime<Utc>,
    ) -> Result<NewSession, Failure> {
        let session = Session {
            device: device.map(str::to_owned),
            ..Session::new(SessionId::new(now), whose, now)
        };
        session::insert(tx, &session).await?;
        self.give_tokens(tx, &session, permissions, now).await
    }

    async fn open_gate(&self, keys: &Keys) -> Result<[Failures; 2], Failure> {
        let now = self.now();
        let tx = self.read_any().await?;
        let address = session::failures(&tx, &keys.address).await?;
        let source = session::failures(&tx, &keys.source).await?;
        match gate(Counted::Address, address, now).and(gate(Counted::Source, source, now)) {
            Gate::Open => Ok([address, source]),
            Gate::Wait(seconds) => Err(locked_out(Some(seconds))),
            Gate::Shut => Err(locked_out(None)),
        }
    }

    /// Whether failures keep an address of the organization out for now, wherever the attempts come from.
    pub(super) async fn gate_of_address(
        &self,
        firm: &Organization,
        canonical: &str,
    ) -> Result<Gate, Failure> {
        let keys = Keys::of(Some(firm), canonical, "");
        let tx = self.read_any().await?;
        let failures = session::failures(&tx, &keys.address).await?;
        Ok(gate(Counted::Address, failures, self.now()))
    }

    async fn count(&self, keys: &Keys, failures: [Failures; 2]) -> Result<(), Failure> {
        let now = self.now();
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        session::count_failure(&tx, &keys.address, false, now).await?;
        let fresh = after_failure(Counted::Source, failures[1], now).count == 1;
        session::count_failure(&tx, &keys.source, fresh, now).await?;
        Ok(tx.commit().await?)
    }

    async fn clear(&self, keys: &Keys) -> Result<(), Failure> {
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        session::clear_failures(&tx, &keys.address).await?;
        Ok(tx.commit().await?)
    }
}

/// A line about a member who has signed in.
pub(super) async fn log_member(tx: &Transaction, member: &Member, now: DateTime<Utc>) -> Result<(), Failure> {
    let whose = (member.organization, member.id.uuid());
    log(tx, whose, &Actor::of_member(member), None, now).await
}

async fn enter_contact(
    tx: &Transaction,
    person: &Person,
    now: DateTime<Utc>,
) -> Result<PermissionSet, Failure> {
    let contact = ContactId::from(person.id);
    // refused where the portal was switched off or the contact barred while the password was looked at; whoever switches it off
    // from now on finds this session
    let firm = organization::share(tx, person.organization).await?;
    if !firm.is_some_and(|firm| firm.portal_enabled) {
        return Err(bad_credentials());
    }
    let row = access::lock(tx, person.organization, [contact])
        .await?
        .pop()
        .ok_or_else(bad_credentials)?;
    let (row, effects) = transition(row, Act::SignIn, now).map_err(|_| bad_credentials())?;
    access::save_standing(tx, std::slice::from_ref(&row)).await?;
    let event = SignedIn {
        first: effects.first_sign_in,
        portal: row.facts(),
    };
    enqueue(tx, Lane::Interactive, vec![Envelope::event(SOURCE, now, &event)]).await?;
    let whose = (person.organization, person.id);
    log(tx, whose, &Actor::of_contact(&row), Some(contact), now).await?;
    Ok(PermissionSet::NONE)
}

async fn log(
    tx: &Transaction,
    (organization, subject): (OrganizationId, Uuid),
    actor: &Actor,
    contact: Option<ContactId>,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let line = Line {
        organization,
        actor,
        action: "signed_in",
        contact,
        subject: Some(subject),
        summary: "Signed in".to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}

/// What is not an address at all is counted as it was typed; without NUL, which no database takes.
pub(super) fn canonical(email: &str) -> String {
    EmailAddress::parse(email).map_or_else(
        |_| email.trim().to_lowercase().replace('\0', ""),
        |address| address.canonical().to_owned(),
    )
}

/// Under which failures are counted. Hashes, so that the table does not collect addresses.
struct Keys {
    address: Vec<u8>,
    source: Vec<u8>,
}

impl Keys {
    fn of(firm: Option<&Organization>, canonical: &str, source: &str) -> Self {
        Self {
            address: address_key(firm.map(|firm| firm.id), canonical),
            source: fingerprint(Counted::Source.purpose(), &[source.as_bytes()]),
        }
    }
}

/// Under which an address's failures are counted, known or not, in an organization that there may not be.
pub(super) fn address_key(organization: Option<OrganizationId>, canonical: &str) -> Vec<u8> {
    let organization = organization.map_or_else(Uuid::nil, OrganizationId::uuid);
    fingerprint(
        Counted::Address.purpose(),
        &[organization.as_bytes(), canonical.as_bytes()],
    )
}

fn bad_credentials() -> Failure {
    refuse(
        "BAD_CREDENTIALS",
        &[],
        "this address and password do not belong together",
    )
    .into()
}

fn locked_out(seconds: Option<i32>) -> Failure {
    let message = match seconds {
        Some(_) => "too many attempts; wait before the next",
        None => "too many attempts; choose a new password",
    };
    let mut refusal = refuse("LOCKED_OUT", &[], message);
    refusal.retry_after = seconds;
    refusal.into()
}
