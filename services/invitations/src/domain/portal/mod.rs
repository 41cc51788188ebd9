//! Portal access: where a contact stands on the way in, and what becomes of it (I21).
//!
//! [`transition`] decides: where the contact stands, what happens, and when, give where the contact stands then and what
//! is to be done beside that. [`step`] is its table of statuses. What a contact is (role, address, links) is a [`Person`].

mod access;
mod act;
mod person;
mod step;
mod transition;

pub use access::Access;
pub use act::{Act, Effects, Ended, Offer, Refused};
pub use person::{Person, own_state};
pub use step::{Kind, Step, step};
pub use transition::transition;

#[cfg(test)]
mod tests;
