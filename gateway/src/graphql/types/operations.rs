//! What operators look after.

use async_graphql::{Enum, ID, SimpleObject};
use usher_proto::operations::v1 as wire;
use uuid::Uuid;

use super::{Moment, moment, required_moment};
use crate::fault::Fault;
use crate::ids::NodeId;

/// A service with messages of its own.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq, Hash)]
pub enum Component {
    /// Contacts, accounts and links.
    Contacts,
    /// Members, portal access, invitations.
    Invitations,
    /// Mail.
    Notifications,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Contacts, Self::Invitations, Self::Notifications];
}

/// What becomes of a dead letter.
#[derive(Enum, Copy, Clone, Debug, PartialEq, Eq)]
pub enum DeadLetterState {
    /// It was given up.
    GivenUp,
    /// It is about to be handled once more.
    Replaying,
    /// It was handled after all.
    Replayed,
}

/// A message between our services that one of them could not handle, after five tries or because it never will.
#[derive(SimpleObject, Clone, Debug)]
pub struct DeadLetter {
    /// What `replayDeadLetters` takes.
    id: ID,
    /// Who could not handle it.
    component: Component,
    /// The queue that it came in, such as `contacts.events`.
    queue: String,
    /// What it says, such as `usher.invitation.accepted.v1`.
    #[graphql(name = "type")]
    kind: String,
    /// Why it could not be handled, in words for operators, without addresses.
    reason: String,
    /// What becomes of it.
    state: DeadLetterState,
    /// When it was said.
    said_at: Option<Moment>,
    /// When it was given up, the last time.
    pub(crate) given_up_at: Moment,
    /// When it was handled after all.
    replayed_at: Option<Moment>,
}

impl DeadLetter {
    /// The letters of one service.
    pub(crate) fn all(component: Component, reply: wire::DeadLettersReply) -> Result<Vec<Self>, Fault> {
        let letters = reply.letters.into_iter();
        letters.map(|letter| Self::new(component, letter)).collect()
    }

    fn new(component: Component, letter: wire::DeadLetter) -> Result<Self, Fault> {
        let id: Uuid = usher_proto::id_from(&letter.id).unwrap_or_default();
        Ok(Self {
            id: NodeId::DeadLetter(component, id).encode(),
            component,
            queue: letter.queue,
            kind: letter.r#type,
            reason: letter.reason,
            state: match (letter.replayed_at, letter.asked_at) {
                (Some(_), _) => DeadLetterState::Replayed,
                (None, Some(_)) => DeadLetterState::Replaying,
                (None, None) => DeadLetterState::GivenUp,
            },
            said_at: moment(letter.said_at),
            given_up_at: required_moment(letter.given_up_at)?,
            replayed_at: moment(letter.replayed_at),
        })
    }

    /// The id, to tell which of those that were asked for are there.
    pub(crate) const fn shown(&self) -> &ID {
        &self.id
    }
}
