//! What operators ask for.

use std::collections::HashMap;

use async_graphql::{ID, InputObject};
use bytes::Bytes;

use crate::graphql::types::Component;
use crate::ids::NodeId;

/// Which dead letters.
#[derive(InputObject, Clone, Copy, Debug, Default)]
pub struct DeadLetterFilter {
    /// Only those of this service.
    pub(crate) component: Option<Component>,
    /// Those that were handled after all, instead of those that were not.
    #[graphql(default)]
    pub(crate) replayed: bool,
}

/// Dead letters to be handled once more.
#[derive(InputObject, Clone, Debug)]
pub struct ReplayDeadLettersInput {
    /// The letters; 1 to 100.
    pub(crate) ids: Vec<ID>,
}

impl ReplayDeadLettersInput {
    /// The ids by the service that answers for them. What is no such id is with nobody.
    pub(crate) fn by_component(&self) -> HashMap<Component, Vec<Bytes>> {
        let mut sorted = HashMap::<_, Vec<_>>::new();
        for id in &self.ids {
            if let Some(NodeId::DeadLetter(component, id)) = NodeId::decode(&id.0) {
                sorted
                    .entry(component)
                    .or_default()
                    .push(usher_proto::bytes_of(id));
            }
        }
        sorted
    }
}
