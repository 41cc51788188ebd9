//! Messages that a consumer has taken and not yet acknowledged.

use std::collections::{BTreeMap, HashSet};

use tokio::time::Instant;
use usher_events::Envelope;
use uuid::Uuid;

use crate::transport::Pack;

/// How often a message may fail or come back before it is given up.
pub(crate) const LIMIT: u32 = 5;

/// One message in the consumer's hands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Message {
    pub tag: u64,
    pub envelope: Envelope,
    /// The pack that it came in.
    pub pack: Option<Pack>,
    /// Failures so far, counting how often it came back.
    pub failures: u32,
    /// Not to be tried before this.
    pub due: Option<Instant>,
}

/// All of them, in the order they came.
#[derive(Debug, Default)]
pub(crate) struct Held(BTreeMap<u64, Message>);

impl Held {
    pub(crate) fn put(&mut self, message: Message) {
        self.0.insert(message.tag, message);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// Removes up to `limit` messages that may be tried now, and what is missing of the last one's pack. A message behind one
    /// of its key that has to wait, waits too.
    pub(crate) fn ready(&mut self, now: Instant, limit: usize) -> Vec<Message> {
        let mut blocked = HashSet::<Uuid>::new();
        let mut tags = Vec::new();
        let mut last = None;
        for (tag, message) in &self.0 {
            if tags.len() >= limit && (message.pack.is_none() || message.pack != last) {
                break;
            }
            let key = message.envelope.key;
            if blocked.contains(&key) {
                continue;
            }
            if message.due.is_some_and(|due| due > now) {
                blocked.insert(key);
            } else {
                tags.push(*tag);
                last = message.pack;
            }
        }
        tags.iter().filter_map(|tag| self.0.remove(tag)).collect()
    }

    /// When the next waiting message may be tried.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.0.values().filter_map(|message| message.due).min()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn message(tag: u64, key: u128, due: Option<Instant>) -> Message {
        let envelope = Envelope {
            id: Uuid::from_u128(u128::from(tag)),
            source: "contacts".into(),
            kind: "usher.contact.updated.v1".into(),
            time: chrono::DateTime::UNIX_EPOCH,
            subject: String::new(),
            organization: None,
            key: Uuid::from_u128(key),
            queue: None,
            traceparent: None,
            publisher: None,
            data: usher_events::Data::of(&()),
        };
        Message {
            tag,
            envelope,
            pack: None,
            failures: 0,
            due,
        }
    }

    #[test]
    fn e4_a_message_behind_a_waiting_one_of_its_key_waits() {
        let now = Instant::now();
        let later = now + Duration::from_secs(1);
        let mut held = Held::default();
        for (tag, key, due) in [
            (1, 1, Some(later)),
            (2, 2, None),
            (3, 1, None),
            (4, 2, None),
            (5, 3, Some(now)),
        ] {
            held.put(message(tag, key, due));
        }
        let tags = |messages: Vec<Message>| messages.iter().map(|message| message.tag).collect::<Vec<_>>();
        assert_eq!(tags(held.ready(now, 2)), [2, 4]);
        assert_eq!(tags(held.ready(now, 10)), [5]);
        assert_eq!(held.next_due(), Some(later));
        assert_eq!(tags(held.ready(later, 10)), [1, 3]);
        assert_eq!(held.len(), 0);
    }
}
