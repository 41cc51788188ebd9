//! Which messages a handler gets.

use std::{fmt, sync::Arc};

use usher_events::Lane;

use crate::{Handler, transport::Queue};

/// A queue, the event types bound to it, and what works on its messages.
#[derive(Clone)]
pub struct Subscription {
    queue: String,
    bindings: Vec<String>,
    pub(crate) handler: Arc<dyn Handler>,
}

impl Subscription {
    /// `queue` is the service's name and a purpose, `contacts.portal`; it is also the key of the inbox, so it never
    /// changes. `bindings` are CloudEvents types, in which `*` stands for one word and `#` for any number:
    /// `usher.contact.updated.v1`, `usher.invitation.*.v1`. Those that begin with `usher.inbound.` are of what others publish, and
    /// make it an open queue: whoever publishes there is told by [`Envelope::publisher`](usher_events::Envelope), and nothing that
    /// a message says of itself is believed. Commands for `queue` arrive without a binding.
    pub fn new(queue: impl Into<String>, bindings: &[&str], handler: Arc<dyn Handler>) -> Self {
        let bindings = bindings.iter().map(|binding| (*binding).to_owned()).collect();
        Self {
            queue: queue.into(),
            bindings,
            handler,
        }
    }

    /// The queue's name without its lane.
    #[must_use]
    pub fn queue(&self) -> &str {
        &self.queue
    }

    /// The bound types.
    #[must_use]
    pub fn bindings(&self) -> &[String] {
        &self.bindings
    }

    pub(crate) fn lane(&self, lane: Lane) -> Queue {
        let rest = |binding: &String| binding.strip_prefix(OURS).unwrap_or(binding).to_owned();
        let (inbound, bindings): (Vec<String>, Vec<String>) = self
            .bindings
            .iter()
            .cloned()
            .partition(|binding| binding.starts_with(OTHERS));
        let events = bindings
            .iter()
            .map(|binding| format!("{}.{}", rest(binding), lane.as_str()));
        let inbound = inbound.iter().filter_map(|binding| binding.strip_prefix(OTHERS));
        Queue {
            base: self.queue.clone(),
            lane,
            bindings: events.collect(),
            inbound: inbound.flat_map(|binding| accepted(binding, lane)).collect(),
        }
    }
}

/// How the types of events begin.
const OURS: &str = "usher.";
/// How the types begin that others publish.
const OTHERS: &str = "usher.inbound.";

/// Others need not name a lane; what names none is no part of a mass.
fn accepted(binding: &str, lane: Lane) -> Vec<String> {
    let named = format!("{binding}.{}", lane.as_str());
    match lane {
        Lane::Interactive => vec![binding.to_owned(), named],
        Lane::Bulk => vec![named],
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Subscription")
            .field("queue", &self.queue)
            .field("bindings", &self.bindings)
            .finish_non_exhaustive()
    }
}
