//! A link behind which another password is chosen goes out (I12): asked for by its holder, or by a member.

use chrono::{DateTime, TimeDelta, Utc};
use usher_auth::Principal;
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::{Lane, MailKind, Withdrawn};
use usher_messaging::enqueue;
use usher_service::grpc;
use usher_types::{ContactId, EmailState, InvitationId, OrganizationId};
use uuid::Uuid;

use super::context::{App, actor_of, organization_of};
use super::forgotten::within_budgets;
use super::issue::{deliveries, withdrawals};
use super::recipient::{Recipient, of_kind};
use super::{Failure, refuse};
use crate::domain::asking::Asking;
use crate::domain::link::InvitationState;
use crate::domain::organization::Organization;
use crate::domain::portal::Access;
use crate::domain::recovery::{Help, NoHelp, help};
use crate::domain::session::Kind;
use crate::storage::activity::{self, Actor, Line};
use crate::storage::member::Member;
use crate::storage::password_reset::{self, PasswordReset};
use crate::storage::{access, address};

/// The purpose of the token, which separates it from every other kind (I9).
pub(super) const PURPOSE: &str = "password_reset";
/// The life of the link.
const LIFE: TimeDelta = TimeDelta::hours(1);

/// Whose password it is.
pub(super) enum Holder {
    Contact(Box<Access>),
    Member(Box<Member>),
}

impl Holder {
    pub(super) const fn kind(&self) -> Kind {
        match self {
            Self::Contact(_) => Kind::Contact,
            Self::Member(_) => Kind::Member,
        }
    }

    pub(super) fn id(&self) -> Uuid {
        match self {
            Self::Contact(row) => row.contact.uuid(),
            Self::Member(member) => member.id.uuid(),
        }
    }

    pub(super) const fn contact(&self) -> Option<ContactId> {
        match self {
            Self::Contact(row) => Some(row.contact),
            Self::Member(_) => None,
        }
    }

    /// At the address that signs in.
    pub(super) fn recipient(&self) -> Option<Recipient> {
        match self {
            Self::Contact(row) => Recipient::signing_in(row),
            Self::Member(member) => Some(Recipient::from(member.as_ref())),
        }
    }

    /// Themselves, in the activity log.
    pub(super) fn actor(&self) -> Actor {
        Actor {
            kind: match self {
                Self::Contact(_) => "contact",
                Self::Member(_) => "member",
            },
            id: Some(self.id()),
            name: self
                .recipient()
                .map(|recipient| recipient.name())
                .unwrap_or_default(),
        }
    }
}

/// Who wants the reset.
pub(super) enum Asked {
    Themselves,
    By(Actor),
}

impl App {
    /// sendPasswordReset: the member neither sees nor sets a password.
    ///
    /// # Errors
    /// NOT_FOUND where the organization has no such contact; NOT_ALLOWED, saying why, where a reset would not help.
    pub(crate) async fn send_password_reset(
        &self,
        principal: &Principal,
        contact: ContactId,
    ) -> Result<(), Failure> {
        let organization = grpc::organization(principal)?;
        let now = self.now();
        self.count_for(organization, contact, now).await?;
        let tx = self.write(organization).await?;
        let firm = organization_of(&tx, organization).await?;
        let row = access::lock(&tx, organization, [contact]).await?.pop();
        let row = row.ok_or_else(|| refuse("NOT_FOUND", &["contactId"], "there is no such contact"))?;
        let address = row.address.as_deref().unwrap_or_default();
        let states = address::states(&tx, organization, &[address]).await?;
        let state = states.get(address).copied().unwrap_or(EmailState::Valid);
        match help(&row, firm.portal_enabled, state, now) {
            Ok(Help::Reset) => {}
            Ok(Help::Invitation) => {
                return Err(not_allowed("no password was chosen yet; resend the invitation"));
            }
            Err(reason) => return Err(not_allowed(words(reason))),
        }
        let actor = actor_of(&tx, organization, principal).await?;
        self.send_reset(
            &tx,
            &firm,
            (&Holder::Contact(Box::new(row)), &Asked::By(actor)),
            now,
        )
        .await?;
        Ok(tx.commit().await?)
    }

    /// Refuses where too many were started for one contact.
    async fn count_for(
        &self,
        organization: OrganizationId,
        contact: ContactId,
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let tx = self
            .database
            .write(Scope::System(SystemReason::Authenticate))
            .await?;
        let (organization, contact) = (organization.uuid(), contact.uuid());
        let counted = (
            Asking::ResetFor,
            vec![organization.as_bytes().as_slice(), contact.as_bytes()],
        );
        let within = within_budgets(&tx, &[counted], now).await?;
        tx.commit().await?;
        if within {
            return Ok(());
        }
        Err(not_allowed("too many resets were started within the hour; wait"))
    }

    /// Sends a link to somebody who has a password. A contact's row is locked. The newer kills the older.
    pub(super) async fn send_reset(
        &self,
        tx: &Transaction,
        firm: &Organization,
        (holder, asked): (&Holder, &Asked),
        now: DateTime<Utc>,
    ) -> Result<(), Failure> {
        let Some(recipient) = holder.recipient() else {
            return Ok(());
        };
        let older = password_reset::supersede(tx, firm.id, holder.id(), now).await?;
        let link = self.link(PURPOSE, (firm.id, InvitationId::new(now)), now)?;
        let expires_at = now + LIFE;
        let reset = PasswordReset {
            id: link.id,
            organization: firm.id,
            kind: holder.kind(),
            subject: holder.id(),
            state: InvitationState::Open,
            email_canonical: recipient.email_canonical.clone(),
            expires_at,
        };
        let letter = recipient.letter_with(&link, expires_at);
        if !password_reset::insert(tx, &reset, link.hash, now).await? {
            // somebody else's request has just been answered
            return Ok(());
        }
        let kind = match holder {
            Holder::Contact(_) => MailKind::PasswordReset,
            Holder::Member(_) => MailKind::MemberPasswordReset,
        };
        let mut messages = deliveries(&of_kind(firm, kind, now), vec![letter], now);
        let older: Vec<Withdrawn> = older.into_iter().map(withdrawn).collect();
        messages.extend(withdrawals(firm.id, &older, now));
        enqueue(tx, Lane::Interactive, messages).await?;
        log(tx, (firm, holder, asked), &reset, now).await
    }
}

/// The mail with the older link is taken back, if it has not gone out.
const fn withdrawn(invitation_id: InvitationId) -> Withdrawn {
    Withdrawn {
        invitation_id,
        contact_id: None,
    }
}

fn not_allowed(message: &str) -> Failure {
    refuse("NOT_ALLOWED", &["contactId"], message).into()
}

const fn words(reason: NoHelp) -> &'static str {
    match reason {
        NoHelp::PortalDisabled => "the portal is switched off",
        NoHelp::NotInvited => "this contact was not invited, so there is no password to reset",
        NoHelp::Barred => {
            "this contact may not sign in: inactive, a lead, without login or without an address"
        }
        NoHelp::Unreachable => "the address of this contact takes no mail",
    }
}

async fn log(
    tx: &Transaction,
    (firm, holder, asked): (&Organization, &Holder, &Asked),
    reset: &PasswordReset,
    now: DateTime<Utc>,
) -> Result<(), Failure> {
    let (actor, summary) = match asked {
        Asked::Themselves => (&holder.actor(), "Asked for a link to choose another password"),
        Asked::By(actor) => (actor, "Sent a link to choose another password"),
    };
    let line = Line {
        organization: firm.id,
        actor,
        action: "password_reset.sent",
        contact: holder.contact(),
        subject: Some(reset.id.uuid()),
        summary: summary.to_owned(),
    };
    Ok(activity::write(tx, line, now).await?)
}
