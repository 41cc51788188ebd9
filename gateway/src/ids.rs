//! Relay ids: opaque to clients, a type byte and a UUID to us. The form may change; nobody outside may read it.

use async_graphql::ID;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bytes::Bytes;
use usher_types::{
    AccountId, ActivityId, BatchId, ContactId, LinkId, MemberId, OrganizationId, SegmentId, ServiceAccountId,
    SessionId,
};
use uuid::Uuid;

use crate::graphql::types::Component;

/// Bytes of an id before encoding: its type and its UUID.
const BYTES: usize = 17;

/// What an id points at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NodeId {
    /// A contact.
    Contact(ContactId),
    /// An account.
    Account(AccountId),
    /// The link between a contact and an account.
    Link(LinkId),
    /// A batch.
    Batch(BatchId),
    /// A firm.
    Organization(OrganizationId),
    /// A person of the firm.
    Member(MemberId),
    /// A contact as somebody who signs in.
    PortalUser(ContactId),
    /// A line of the activity log.
    Activity(ActivityId),
    /// A named filter.
    Segment(SegmentId),
    /// A program that calls the API.
    ServiceAccount(ServiceAccountId),
    /// Somebody's session.
    Session(SessionId),
    /// A message that a service could not handle.
    DeadLetter(Component, Uuid),
}

impl NodeId {
    const fn parts(self) -> (u8, Uuid) {
        match self {
            Self::Contact(id) => (1, id.uuid()),
            Self::Account(id) => (2, id.uuid()),
            Self::Link(id) => (3, id.uuid()),
            Self::Batch(id) => (4, id.uuid()),
            Self::Organization(id) => (5, id.uuid()),
            Self::Member(id) => (6, id.uuid()),
            Self::PortalUser(id) => (7, id.uuid()),
            Self::Activity(id) => (8, id.uuid()),
            Self::Segment(id) => (9, id.uuid()),
            Self::ServiceAccount(id) => (10, id.uuid()),
            Self::Session(id) => (32, id.uuid()),
            Self::DeadLetter(Component::Contacts, id) => (33, id),
            Self::DeadLetter(Component::Invitations, id) => (34, id),
            Self::DeadLetter(Component::Notifications, id) => (35, id),
        }
    }

    /// The id as clients see it.
    #[must_use]
    pub fn encode(self) -> ID {
        let (kind, uuid) = self.parts();
        let mut bytes = [kind; BYTES];
        bytes[1..].copy_from_slice(uuid.as_bytes());
        ID(URL_SAFE_NO_PAD.encode(bytes))
    }

    /// Reads what a client sent. Whatever we did not make ourselves is no id.
    #[must_use]
    pub fn decode(text: &str) -> Option<Self> {
        let mut bytes = [0_u8; BYTES];
        let length = URL_SAFE_NO_PAD.decode_slice(text, &mut bytes).ok()?;
        let (kind, uuid) = bytes.get(..length)?.split_first()?;
        let uuid = Uuid::from_slice(uuid).ok()?;
        match kind {
            1 => Some(Self::Contact(uuid.into())),
            2 => Some(Self::Account(uuid.into())),
            3 => Some(Self::Link(uuid.into())),
            4 => Some(Self::Batch(uuid.into())),
            5 => Some(Self::Organization(uuid.into())),
            6 => Some(Self::Member(uuid.into())),
            7 => Some(Self::PortalUser(uuid.into())),
            8 => Some(Self::Activity(uuid.into())),
            9 => Some(Self::Segment(uuid.into())),
            10 => Some(Self::ServiceAccount(uuid.into())),
            32 => Some(Self::Session(uuid.into())),
            33 => Some(Self::DeadLetter(Component::Contacts, uuid)),
            34 => Some(Self::DeadLetter(Component::Invitations, uuid)),
            35 => Some(Self::DeadLetter(Component::Notifications, uuid)),
            _ => None,
        }
    }
}

/// An id type that has a kind of its own among the nodes.
pub trait Kind: Sized + Copy + From<Uuid> + Into<Uuid> {
    /// The id, if the node is of this kind.
    fn of(node: NodeId) -> Option<Self>;
    /// The node with this id.
    fn node(self) -> NodeId;

    /// Reads a client's id of this kind.
    fn read(id: &ID) -> Option<Self> {
        NodeId::decode(&id.0).and_then(Self::of)
    }

    /// A client's id for a service. One that we cannot read becomes an id that nothing has, so that the service
    /// answers exactly as it answers to an unknown one.
    fn wire(id: &ID) -> Bytes {
        usher_proto::bytes_of(Self::read(id).map_or_else(Uuid::nil, Into::into))
    }

    /// A client's ids for a service, as [`Kind::wire`].
    fn wires(ids: &[ID]) -> Vec<Bytes> {
        ids.iter().map(Self::wire).collect()
    }
}

macro_rules! kinds {
    ($($id:ident => $variant:ident),+ $(,)?) => {$(
        impl Kind for $id {
            fn of(node: NodeId) -> Option<Self> {
                match node {
                    NodeId::$variant(id) => Some(id),
                    _ => None,
                }
            }

            fn node(self) -> NodeId {
                NodeId::$variant(self)
            }
        }
    )+};
}

kinds! {
    ContactId => Contact,
    AccountId => Account,
    LinkId => Link,
    BatchId => Batch,
    OrganizationId => Organization,
    MemberId => Member,
    ActivityId => Activity,
    SegmentId => Segment,
    ServiceAccountId => ServiceAccount,
    SessionId => Session,
}

/// The client's form of an id that came from a service.
pub(crate) fn shown<T: Kind>(bytes: &[u8]) -> ID {
    let id: T = usher_proto::id_from(bytes).unwrap_or_else(|| Uuid::nil().into());
    id.node().encode()
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;

    #[test]
    fn an_id_survives_and_is_good_for_its_own_kind_alone() {
        let id = ContactId::new(DateTime::UNIX_EPOCH);
        let shown = NodeId::Contact(id).encode();
        assert_eq!(shown.len(), 23);
        assert_eq!(ContactId::read(&shown), Some(id));
        assert_eq!(AccountId::read(&shown), None);
        assert_eq!(NodeId::decode(&shown), Some(NodeId::Contact(id)));
    }

    #[test]
    fn what_we_did_not_make_is_no_id() {
        let id = NodeId::Contact(ContactId::new(DateTime::UNIX_EPOCH)).encode().0;
        let foreign = URL_SAFE_NO_PAD.encode([99_u8; BYTES]);
        for text in [
            "",
            "1",
            "Q29udGFjdDox",
            &id[1..],
            &format!("{id}A"),
            &format!("{id}="),
            &foreign,
        ] {
            assert_eq!(NodeId::decode(text), None, "{text}");
        }
    }

    #[test]
    fn a_malformed_id_is_sent_on_as_one_that_nothing_has() {
        assert_eq!(ContactId::wire(&ID::from("nonsense")).as_ref(), [0_u8; 16]);
    }
}
