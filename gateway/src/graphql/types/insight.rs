//! Why people get in or not, and how many do.

use async_graphql::{Enum, Object, SimpleObject};
use usher_proto::invitations::v1 as wire;

use super::{Moment, count, from_wire, required_moment};
use crate::fault::Fault;

/// Whether a contact can get in.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum AccessVerdict {
    /// A password was chosen, and it signs in.
    CanSignIn,
    /// A link is out with which a password can be chosen.
    CanAccept,
    /// The mail with the link has not gone out yet.
    MailOnItsWay,
    /// Nothing stands in the way but that no link works: invite, or resend.
    NeedsInvitation,
    /// Something has to change first: see the findings that do not hold.
    Cannot,
}

/// What was looked at.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum AccessFindingCode {
    /// The portal is switched on.
    PortalOn,
    /// The contact is active.
    ContactActive,
    /// The contact is no lead.
    RoleInvitable,
    /// Login is on for one of the contact's accounts, or there are none.
    LoginOn,
    /// There is an e-mail address.
    EmailGiven,
    /// The address is well-formed, and no placeholder.
    EmailValid,
    /// Nobody else has the address.
    EmailUnique,
    /// Nothing is known against the address: it has not bounced and is not suppressed.
    EmailTakesMail,
    /// An invitation was sent.
    InvitationSent,
    /// Its mail went out and has not come back.
    MailDelivered,
    /// Its link still works.
    InvitationAlive,
    /// A password was chosen.
    PasswordChosen,
    /// The contact's address is the one that signs in.
    EmailConfirmed,
    /// Failed attempts to sign in do not stand in the way.
    SignInOpen,
}

/// One thing that was looked at.
#[derive(Clone, Debug)]
pub struct AccessFinding(wire::AccessFinding);

/// One thing that was looked at.
#[Object]
impl AccessFinding {
    /// What was looked at.
    async fn code(&self) -> Result<AccessFindingCode, Fault> {
        from_wire(&self.0.code)
    }

    /// Whether it is as it should be.
    async fn holds(&self) -> bool {
        self.0.holds
    }

    /// In English, for people. It names no address.
    async fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do, where it does not hold.
    async fn hint(&self) -> Option<&String> {
        self.0.hint.as_ref()
    }
}

/// Why a contact can or cannot get in.
#[derive(Clone, Debug)]
pub struct AccessExplanation(pub(crate) wire::AccessExplanation);

/// Why a contact can or cannot get in.
#[Object]
impl AccessExplanation {
    /// What it comes to.
    async fn verdict(&self) -> Result<AccessVerdict, Fault> {
        from_wire(&self.0.verdict)
    }

    /// The same in an English sentence.
    async fn summary(&self) -> &str {
        &self.0.summary
    }

    /// What was looked at, in the order in which it decides.
    async fn findings(&self) -> Vec<AccessFinding> {
        self.0.findings.iter().cloned().map(AccessFinding).collect()
    }
}

/// How many invitations came how far. A contact who was invited twice counts twice.
#[derive(SimpleObject, Clone, Copy, Debug)]
pub struct FunnelCounts {
    /// Those whose mail went out.
    sent: i32,
    /// Those whose mail has not come back.
    delivered: i32,
    /// Those whose page was looked at: by a person, or by a scanner on the way. Nothing depends on it.
    opened: i32,
    /// Those behind which a password was chosen.
    accepted: i32,
    /// Those whose contact has signed in since.
    first_signed_in: i32,
}

impl FunnelCounts {
    fn new(counts: Option<wire::FunnelCounts>) -> Self {
        let counts = counts.unwrap_or_default();
        Self {
            sent: count(counts.sent),
            delivered: count(counts.delivered),
            opened: count(counts.opened),
            accepted: count(counts.accepted),
            first_signed_in: count(counts.first_signed_in),
        }
    }
}

/// The invitations that were sent in a week.
#[derive(SimpleObject, Clone, Debug)]
pub struct FunnelWeek {
    /// The week's number as in ISO 8601, such as "2026-W10", in the organization's time zone.
    week: String,
    /// Its beginning, inclusive.
    from: Moment,
    /// Its end, exclusive.
    to: Moment,
    /// How far they came.
    counts: FunnelCounts,
}

/// How far invitations came, together and by the week in which they were sent. Test contacts are left out.
#[derive(SimpleObject, Clone, Debug)]
pub struct InvitationFunnel {
    /// Invitations that were sent from then on.
    from: Moment,
    /// Invitations that were sent before then.
    to: Moment,
    /// How far they came, together.
    counts: FunnelCounts,
    /// The same by week, oldest first; every week of the time stands here.
    weeks: Vec<FunnelWeek>,
}

impl InvitationFunnel {
    /// None where there is no such batch.
    pub(crate) fn new(funnel: wire::Funnel) -> Result<Option<Self>, Fault> {
        if funnel.counts.is_none() {
            return Ok(None);
        }
        let week = |week: wire::FunnelWeek| {
            Ok(FunnelWeek {
                week: week.week,
                from: required_moment(week.from)?,
                to: required_moment(week.to)?,
                counts: FunnelCounts::new(week.counts),
            })
        };
        Ok(Some(Self {
            from: required_moment(funnel.from)?,
            to: required_moment(funnel.to)?,
            counts: FunnelCounts::new(funnel.counts),
            weeks: funnel.weeks.into_iter().map(week).collect::<Result<_, Fault>>()?,
        }))
    }
}
