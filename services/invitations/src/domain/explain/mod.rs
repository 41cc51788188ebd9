//! Why a contact can or cannot get in (I18): one pure function over everything that decides.

mod findings;
mod verdict;

pub use findings::{Code, Finding};
pub use verdict::Verdict;

use chrono::{DateTime, Utc};
use usher_types::{DeliveryState, EmailState};

use crate::domain::portal::Access;
use crate::domain::waits::Gate;

/// Everything that decides whether a contact gets in.
#[derive(Clone, Debug)]
pub struct Known<'a> {
    /// Where the contact stands, and what the contact is.
    pub access: &'a Access,
    /// The organization lets contacts in (I3).
    pub portal_enabled: bool,
    /// What is known of the address beyond the contact.
    pub address: EmailState,
    /// Where the newest invitation's mail is, where there ever was one.
    pub delivery: Option<DeliveryState>,
    /// The receiving server's own words.
    pub delivery_error: Option<&'a str>,
    /// Whether failed sign-ins keep the address out for now (I11).
    pub gate: Gate,
    /// The moment of asking.
    pub now: DateTime<Utc>,
}

/// The answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    /// What it comes to.
    pub verdict: Verdict,
    /// What was looked at, in the order in which it decides; what does not hold says what to do.
    pub findings: Vec<Finding>,
}

/// Why the contact can or cannot get in.
#[must_use]
pub fn explain(known: &Known<'_>) -> Explanation {
    Explanation {
        verdict: verdict::verdict(known),
        findings: findings::findings(known),
    }
}

#[cfg(test)]
mod tests;
