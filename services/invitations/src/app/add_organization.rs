//! `usher organization add` (R6), and the first start.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use secrecy::{ExposeSecret, SecretString};
use usher_auth::{Keyring, Role};
use usher_database::{Database, Scope, SystemReason, Transaction, is_unique_violation};
use usher_events::{Envelope, Lane};
use usher_messaging::enqueue;
use usher_types::{EmailAddress, OrganizationId, SharedClock, SharedTokens};

use super::context::SOURCE;
use super::hasher::Hasher;
use super::member_link::{Maker, send_link};
use super::{Failure, organization_changed};
use crate::domain::member::Grant;
use crate::domain::organization::Organization;
use crate::domain::password::Password;
use crate::domain::session::Kind;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::member::{self, Member};
use crate::storage::organization;

/// Why no organization was made.
#[derive(Debug, thiserror::Error)]
pub enum AddOrganizationError {
    /// Slug, name or address are not in order; the text says which.
    #[error("{0}")]
    Invalid(String),
    /// The slug belongs to another one.
    #[error("there is an organization with this slug already")]
    SlugTaken,
    /// The database refused or is gone.
    #[error("the database: {0}")]
    Database(#[from] DbErr),
    /// Randomness, sealing or hashing failed.
    #[error("{0}")]
    Failed(String),
}

/// What is to be made.
#[derive(Clone, Debug)]
pub struct NewOrganization {
    /// What `signIn` takes: lower-case letters, digits and dashes.
    pub slug: String,
    /// As shown.
    pub name: String,
    /// Its first administrator, who has every permission.
    pub admin_email: String,
    /// How the administrator gets in.
    pub administrator: Administrator,
}

/// How the first administrator gets in.
#[derive(Clone, Debug)]
pub enum Administrator {
    /// By a link in a mail, like everybody else.
    Invited,
    /// With this password, which the first start made up or was given: nobody has chosen it, so no rule is asked of it.
    Password(SecretString),
}

/// Where an organization is made: opened by `usher organization add` as by the embedded first start.
#[derive(Clone, Debug)]
pub struct OrganizationOffice {
    /// The service's own.
    pub database: Database,
    /// The time.
    pub clock: SharedClock,
    /// For the administrator's link.
    pub tokens: SharedTokens,
    /// `USHER_SEAL_KEYS`.
    pub seal_keys: Keyring,
}

/// Makes an organization with every default, publishes it, and lets its administrator in.
///
/// # Errors
/// [`AddOrganizationError`]; nothing was made then.
pub async fn add_organization(
    office: &OrganizationOffice,
    new: NewOrganization,
) -> Result<OrganizationId, AddOrganizationError> {
    let now = office.clock.now();
    let firm = Organization::new(OrganizationId::new(now), &new.slug, &new.name, now)
        .map_err(|refused| AddOrganizationError::Invalid(refused.message.to_owned()))?;
    let address = EmailAddress::parse(&new.admin_email)
        .map_err(|_| AddOrganizationError::Invalid("the administrator's address is none".to_owned()))?;
    let hash = match &new.administrator {
        Administrator::Invited => None,
        Administrator::Password(password) => Some(hash(password).await?),
    };
    let scope = Scope::System(SystemReason::Operate);
    let tx = office.database.write(scope).await?;
    match organization::insert(&tx, &firm).await {
        Err(error) if is_unique_violation(&error) => return Err(AddOrganizationError::SlugTaken),
        other => other?,
    }
    let grant = Grant::Role(Role::Administrator);
    let mut member = Member::new(firm.id, &address, "Administrator".to_owned(), grant, now);
    let mut messages = vec![Envelope::event(SOURCE, now, &organization_changed(&firm))];
    if hash.is_none() {
        let maker = Maker {
            tokens: &office.tokens,
            seal_keys: &office.seal_keys,
            now,
        };
        let sent = send_link(&tx, &maker, &firm, &mut member, None).await;
        messages.extend(sent.map_err(failed)?);
    } else {
        member.standing.accepted_at = Some(now);
    }
    member::insert(&tx, &member).await?;
    if let Some(hash) = hash {
        member::set_password(&tx, firm.id, (Kind::Member, member.id.uuid()), &hash, now).await?;
    }
    enqueue(&tx, Lane::Interactive, messages).await?;
    log(&tx, &firm, now).await?;
    tx.commit().await?;
    Ok(firm.id)
}

/// Whether the deployment has an organization already.
///
/// # Errors
/// Where the database does not answer.
pub async fn has_organization(database: &Database) -> Result<bool, DbErr> {
    let tx = database.read(Scope::System(SystemReason::Operate)).await?;
    organization::exists(&tx).await
}

fn failed(failure: Failure) -> AddOrganizationError {
    match failure {
        Failure::Database(error) => AddOrganizationError::Database(error),
        other => AddOrganizationError::Failed(other.status().message().to_owned()),
    }
}

async fn hash(password: &SecretString) -> Result<String, AddOrganizationError> {
    let typed = Password::typed(password.expose_secret())
        .ok_or_else(|| AddOrganizationError::Invalid("the password is longer than 1,024 bytes".to_owned()))?;
    Hasher::new().map_err(failed)?.hash(typed).await.map_err(failed)
}

async fn log(tx: &Transaction, firm: &Organization, now: DateTime<Utc>) -> Result<(), DbErr> {
    let actor = Actor {
        kind: "operator",
        id: None,
        name: "operator".to_owned(),
    };
    let line = Line {
        organization: firm.id,
        actor: &actor,
        action: "organization.added",
        contact: None,
        subject: Some(firm.id.uuid()),
        summary: "Added the organization".to_owned(),
    };
    activity::write(tx, line, now).await
}
