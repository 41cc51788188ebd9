//! Reminders of invitations nobody has answered (I16): an organization's [`Plan`], [`next`] moment of it, and whether a reminder
//! that is due is to go out ([`decide`]).

mod decide;
mod next;
mod plan;
mod quiet;

pub use decide::{Decision, Due, decide};
pub use next::{APART, Life, next};
pub use plan::{Plan, PlanChange};
pub use quiet::Quiet;
pub(super) use quiet::moment_of;
