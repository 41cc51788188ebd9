//! Whose rows a transaction sees.

use usher_types::OrganizationId;

/// Whose rows a transaction sees. On PostgreSQL row security enforces it; finders filter by the organization all the
/// same, for SQLite has no second wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Rows of one organization.
    Organization(OrganizationId),
    /// Rows of all organizations, for a reason from a closed list.
    System(SystemReason),
}

/// Why code looks across organizations. The list is closed: a new reason is a decision.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SystemReason {
    /// The outbox relay reads what every organization has to say.
    Relay,
    /// A consumer's slice holds messages of several organizations.
    Consume,
    /// A sender claims due rows, fairly between organizations.
    Claim,
    /// Time passes for everyone: expiry, reminders, retention.
    Sweep,
    /// Somebody shows a token or signs in: the organization is not known yet.
    Authenticate,
    /// The signing keys, which belong to no organization.
    SigningKeys,
    /// An operator makes or lists organizations.
    Operate,
    /// State is streamed again after a restore.
    Resync,
    /// Tests look at everything.
    Test,
}

/// What statements of a system scope are like, which decides how PostgreSQL plans them.
pub(crate) enum Work {
    /// Many rows at once: planning afresh costs little, and an old plan may cost much.
    Many,
    /// Some rows, and so often that planning would cost more than the statement.
    Often,
    /// A row or two.
    Little,
}

impl SystemReason {
    pub(crate) const fn work(self) -> Work {
        match self {
            Self::Consume | Self::Sweep | Self::Resync => Work::Many,
            Self::Relay | Self::Claim => Work::Often,
            Self::Authenticate | Self::SigningKeys | Self::Operate | Self::Test => Work::Little,
        }
    }
}
