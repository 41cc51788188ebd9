//! Signing in at an identity provider: the way there, and the way back.

use chrono::{DateTime, Utc};
use tonic::Status;
use usher_auth::{Permission, PermissionSet};
use usher_database::Transaction;
use usher_events::{Envelope, Lane, Withdrawn};
use usher_messaging::enqueue;
use usher_oidc::{Attempt, Claims, Trouble};
use usher_types::{EmailAddress, RawToken};

use super::context::App;
use super::member_link::end_link;
use super::members::{another_manages, take_away};
use super::{Failure, NewSession, refuse};
use crate::domain::link::InvitationState;
use crate::domain::member::{Grant, read_name};
use crate::domain::organization::Organization;
use crate::domain::provider::role_of;
use crate::domain::session::Kind;
use crate::providers::Place;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::invitation::Ending;
use crate::storage::member::{self, Identity, Member};
use crate::storage::organization;

/// Where the browser goes, and what it keeps meanwhile.
pub(crate) struct Begun {
    pub(crate) url: String,
    pub(crate) secret: String,
}

/// What the browser came back with.
pub(crate) struct CameBack<'a> {
    pub(crate) organization: Option<&'a str>,
    /// As at the beginning.
    pub(crate) redirect_uri: &'a str,
    /// What it kept.
    pub(crate) secret: &'a str,
    pub(crate) state: &'a str,
    pub(crate) code: &'a str,
    /// Whom the provider says that it is (RFC 9207), where it says so.
    pub(crate) issuer: Option<&'a str>,
    pub(crate) device: Option<&'a str>,
}

/// What changed in a member, apart from who they are.
struct Change {
    before: Member,
    is_new: bool,
    gone: Vec<Withdrawn>,
    commands: Vec<Envelope>,
}

impl App {
    /// The slug of the organization whose members may sign in at a provider.
    pub(crate) async fn provider_of(&self, organization: Option<&str>) -> Result<Option<String>, Failure> {
        let place = self.place_of(organization).await?;
        Ok(place.map(|place| place.organization.clone()))
    }

    /// Without a slug it is the only organization of the deployment that is meant, as where somebody signs in with a password.
    async fn place_of(&self, organization: Option<&str>) -> Result<Option<&Place>, Failure> {
        if let Some(slug) = organization {
            return Ok(self.providers.of(slug));
        }
        let only = self.firm(None).await?;
        Ok(only.and_then(|firm| self.providers.of(&firm.slug)))
    }

    /// Begins to sign in. Nothing is written: what has begun is known by its secret, which stays in the browser.
    ///
    /// # Errors
    /// NOT_FOUND without a provider, NOT_ALLOWED for an address that nobody may be sent back to.
    pub(crate) async fn begin_provider_sign_in(
        &self,
        organization: Option<&str>,
        redirect_uri: &str,
    ) -> Result<Begun, Failure> {
        let place = self.place(organization, redirect_uri).await?;
        let secret = self.tokens.token();
        let attempt = Attempt::new(secret.clone(), place.provider.issuer());
        let url = place
            .provider
            .authorization_url(&attempt, redirect_uri, self.now())
            .await;
        Ok(Begun {
            url: url.map_err(|trouble| failed(place, trouble))?,
            secret: secret.reveal(),
        })
    }

    /// Ends it: a member's session, as a password gives it.
    ///
    /// # Errors
    /// NOT_FOUND without a provider; BAD_CREDENTIALS for a way back that is not this browser's or was taken before; NOT_ALLOWED for
    /// whom the claims let do nothing, or whose address is not verified, somebody else's, or switched off.
    pub(crate) async fn finish_provider_sign_in(&self, back: CameBack<'_>) -> Result<NewSession, Failure> {
        let signed_in = self.try_finish(back).await;
        self.meters.sign_in("provider", &signed_in);
        signed_in
    }

    async fn try_finish(&self, back: CameBack<'_>) -> Result<NewSession, Failure> {
        let place = self.place(back.organization, back.redirect_uri).await?;
        let secret = RawToken::parse(back.secret).ok_or_else(not_this_browsers)?;
        let attempt = Attempt::new(secret, place.provider.issuer());
        if attempt.state() != back.state {
            return Err(not_this_browsers());
        }
        let came = (back.code, back.issuer);
        let claims = place
            .provider
            .claims(came, &attempt, back.redirect_uri, self.now())
            .await
            .map_err(|trouble| failed(place, trouble))?;
        self.let_in(place, &claims, back.device).await
    }

    async fn place(&self, organization: Option<&str>, redirect_uri: &str) -> Result<&Place, Failure> {
        let message = "the members of this organization do not sign in at an identity provider";
        let place = self
            .place_of(organization)
            .await?
            .ok_or_else(|| refuse("NOT_FOUND", &["organization"], message))?;
        if place.returns_to(redirect_uri) {
            return Ok(place);
        }
        let message = "nobody may be sent back to this address: the settings do not name it";
        Err(refuse("NOT_ALLOWED", &["redirectUri"], message).into())
    }

    async fn let_in(
        &self,
        place: &Place,
        claims: &Claims,
        device: Option<&str>,
    ) -> Result<NewSession, Failure> {
        let firm = self.firm(Some(&place.organization)).await?;
        let firm = firm.ok_or_else(|| not_allowed("there is no such organization yet"))?;
        let now = self.now();
        let identity = Identity {
            issuer: place.provider.issuer().to_owned(),
            subject: claims.subject.clone(),
        };
        let Some(permissions) = place.mapping.permissions(&claims.texts(&place.claim)) else {
            self.put_out(place, &firm, &identity).await?;
            return Err(not_allowed("the identity provider gives you no permission here"));
        };
        let tx = self.write(firm.id).await?;
        // as all changes of an organization's members, one after the other
        organization::lock(&tx, firm.id).await?;
        let address = claims.verified_email(&place.email_verified);
        let address = address.and_then(|text| EmailAddress::parse(text).ok());
        let known = known(&tx, &firm, &identity, address.as_ref()).await?;
        let name = claims.get("name").and_then(|name| name.as_str());
        let name = name.and_then(|name| read_name(shown(name)).ok());
        let (mut member, mut change) = match known {
            Some(member) => follow(&tx, member, name, permissions).await?,
            None => new(&firm, address.as_ref(), name, permissions, now)?,
        };
        if member.identity.as_ref() != Some(&identity) {
            member.identity = Some(identity);
            member.standing.accepted_at.get_or_insert(now);
            let ending = Ending {
                state: InvitationState::Cancelled,
                at: now,
                by_batch: None,
            };
            (change.gone, change.commands) = end_link(&tx, &mut member, ending).await?;
        }
        change.write(&tx, &mut member, place, now).await?;
        if !member::signed_in(&tx, firm.id, member.id, now).await? {
            return Err(not_allowed("this member is switched off"));
        }
        let whose = (firm.id, Kind::Member, member.id.uuid());
        let session = self
            .open_session(&tx, whose, (member.permissions, device), now)
            .await?;
        super::sign_in::log_member(&tx, &member, now).await?;
        enqueue(&tx, Lane::Interactive, change.commands).await?;
        tx.commit().await?;
        self.cancel_messages(firm.id, &change.gone).await;
        Ok(session)
    }

    /// Takes everything from whom no rule is for any more. Of strangers nothing is written, and nobody waits for them.
    async fn put_out(&self, place: &Place, firm: &Organization, identity: &Identity) -> Result<(), Failure> {
        let tx = self.read(firm.id).await?;
        let Some(found) = member::find_by_identity(&tx, firm.id, identity).await? else {
            return Ok(());
        };
        drop(tx);
        let now = self.now();
        let tx = self.write(firm.id).await?;
        organization::lock(&tx, firm.id).await?;
        let Some(member) = member::lock(&tx, firm.id, found.id).await? else {
            return Ok(());
        };
        take_away(&tx, &member, PermissionSet::NONE, ("PROVIDER_REFUSED", now)).await?;
        let (mut member, change) = follow(&tx, member, None, PermissionSet::NONE).await?;
        change.write(&tx, &mut member, place, now).await?;
        Ok(tx.commit().await?)
    }
}

/// A member who was here before, with what the provider says now. The last who manages members goes on managing them, else
/// nobody could let anybody do so again.
async fn follow(
    tx: &Transaction,
    mut member: Member,
    name: Option<String>,
    mut permissions: PermissionSet,
) -> Result<(Member, Change), Failure> {
    let before = member.clone();
    let manages = Permission::MembersManage;
    if before.permissions.contains(manages)
        && !permissions.contains(manages)
        && !another_manages(tx, before.organization, before.id).await?
    {
        permissions = permissions.with([manages].into_iter().collect());
    }
    (member.role, member.permissions) = (role_of(permissions), permissions);
    if let Some(name) = name {
        member.display_name = name;
    }
    let change = Change {
        before,
        is_new: false,
        gone: Vec::new(),
        commands: Vec::new(),
    };
    Ok((member, change))
}

/// Who this is here: whoever came with this identity before, or has this address and none.
async fn known(
    tx: &Transaction,
    firm: &Organization,
    identity: &Identity,
    address: Option<&EmailAddress>,
) -> Result<Option<Member>, Failure> {
    let mut found = member::find_by_identity(tx, firm.id, identity).await?;
    if found.is_none()
        && let Some(address) = address
    {
        found = member::find_by_address(tx, firm.id, address.canonical()).await?;
        let other = found.as_ref().and_then(|member| member.identity.as_ref());
        if other.is_some_and(|other| other.issuer == identity.issuer) {
            return Err(not_allowed(
                "somebody else at the identity provider has this address here",
            ));
        }
    }
    match found {
        Some(member) if !member.active => Err(not_allowed("this member is switched off")),
        Some(member) => Ok(member::lock(tx, firm.id, member.id).await?),
        None => Ok(None),
    }
}

/// A member who was never here.
fn new(
    firm: &Organization,
    address: Option<&EmailAddress>,
    name: Option<String>,
    permissions: PermissionSet,
    now: DateTime<Utc>,
) -> Result<(Member, Change), Failure> {
    let address = address
        .ok_or_else(|| not_allowed("the identity provider does not say that your address is yours"))?;
    let grant = role_of(permissions).map_or(Grant::Own(permissions), Grant::Role);
    let name = name.unwrap_or_else(|| shown(address.typed()).to_owned());
    let member = Member::new(firm.id, address, name, grant, now);
    let change = Change {
        before: member.clone(),
        is_new: true,
        gone: Vec::new(),
        commands: Vec::new(),
    };
    Ok((member, change))
}

/// A name goes where addresses must not, into the log of activities. Some providers give the one for the other.
fn shown(name: &str) -> &str {
    name.rsplit_once('@').map_or(name, |(local, _)| local)
}

impl Change {
    /// Writes the member and a line about what changed, and ends what they may not do any more.
    async fn write(
        &self,
        tx: &Transaction,
        member: &mut Member,
        place: &Place,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let described = member.grant().described();
        let (action, summary) = if self.is_new {
            member::insert(tx, member).await?;
            (
                "member.joined",
                format!("Let {} in as {described}", member.display_name),
            )
        } else {
            let summary = self.told(member);
            if summary.is_empty() {
                return Ok(());
            }
            member::update(tx, member, now).await?;
            // whoever had a password had sessions with it, which somebody else may have
            let came_over = self.before.identity != member.identity;
            if came_over || !self.before.permissions.is_within(member.permissions) {
                let reason = if came_over {
                    "CAME_OVER"
                } else {
                    "PERMISSIONS_CHANGED"
                };
                take_away(tx, member, member.permissions, (reason, now)).await?;
            }
            (
                "member.updated",
                format!("Changed {}: {summary}", self.before.display_name),
            )
        };
        let actor = Actor {
            kind: "identity_provider",
            id: None,
            name: place.provider.issuer().to_owned(),
        };
        let line = Line {
            organization: member.organization,
            actor: &actor,
            action,
            contact: None,
            subject: Some(member.id.uuid()),
            summary,
        };
        Ok(activity::write(tx, line, now).await?)
    }

    fn told(&self, member: &Member) -> String {
        let mut changes = Vec::new();
        if self.before.identity != member.identity {
            changes.push("signs in at the identity provider from now on".to_owned());
        }
        if self.before.display_name != member.display_name {
            changes.push(format!("name {}", member.display_name));
        }
        if self.before.permissions != member.permissions {
            let (has, had) = (member.grant().described(), self.before.grant().described());
            changes.push(format!("{has} instead of {had}"));
        }
        changes.join("; ")
    }
}

fn failed(place: &Place, trouble: Trouble) -> Failure {
    let organization = &place.organization;
    match trouble {
        Trouble::Away(_) => {
            tracing::warn!(organization, %trouble, "nobody can sign in at the identity provider");
            Status::unavailable("the identity provider does not answer; try again").into()
        }
        Trouble::Wrong(_) => {
            tracing::error!(organization, %trouble, "nobody can sign in at the identity provider");
            Status::unavailable("the identity provider and this installation do not know each other").into()
        }
        Trouble::Refused(_) => {
            tracing::info!(organization, %trouble, "a sign-in at the identity provider is refused");
            not_this_browsers()
        }
    }
}

fn not_this_browsers() -> Failure {
    let message = "this sign-in was not begun here, or is over; begin again";
    refuse("BAD_CREDENTIALS", &[], message).into()
}

fn not_allowed(message: &str) -> Failure {
    refuse("NOT_ALLOWED", &[], message).into()
}
