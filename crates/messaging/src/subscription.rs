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
    /// `usher.contact.updated.v1`, `usher.invitation.*.v1`. Commands for `queue` arrive without a binding.
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
        let pattern = |binding: &String| {
            format!(
                "{}.{}",
                binding.strip_prefix("usher.").unwrap_or(binding),
                lane.as_str()
            )
        };
        Queue {
            base: self.queue.clone(),
            lane,
            bindings: self.bindings.iter().map(pattern).collect(),
        }
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
