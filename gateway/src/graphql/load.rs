//! Loads what many fields point at with one call.
//!
//! Fields of one level are polled together, so the first one that asks lets the others ask too before it calls the
//! service for all of them. Nothing is kept: the next request, and the next level, ask again.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Mutex, PoisonError};

use futures::future::try_join_all;
use tokio::sync::oneshot;

use crate::fault::Fault;

/// Keys of one call.
const MOST_KEYS: usize = 500;

/// Who waits for the value of a key.
type Waiting<K, V> = Vec<(K, oneshot::Sender<Result<Option<V>, Fault>>)>;

/// Collects the keys that fields ask for at the same time.
#[derive(Debug)]
pub(crate) struct Batcher<K, V> {
    waiting: Mutex<Waiting<K, V>>,
}

impl<K, V> Default for Batcher<K, V> {
    fn default() -> Self {
        Self {
            waiting: Mutex::default(),
        }
    }
}

/// Hands the duty to call back when the field that had it is dropped: the others wake up and one of them takes over.
struct Duty<'a, K, V>(Option<&'a Batcher<K, V>>);

impl<K, V> Duty<'_, K, V> {
    fn done(mut self) -> Waiting<K, V> {
        self.0.take().map(Batcher::take).unwrap_or_default()
    }
}

impl<K, V> Drop for Duty<'_, K, V> {
    fn drop(&mut self) {
        if let Some(batcher) = self.0 {
            batcher.take();
        }
    }
}

impl<K, V> Batcher<K, V> {
    fn take(&self) -> Waiting<K, V> {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<K: Copy + Eq + Hash, V: Clone> Batcher<K, V> {
    /// The value of `key`; `fetch` gets every key that was asked for meanwhile, each once.
    pub(crate) async fn load<F, Fut>(&self, key: K, fetch: F) -> Result<Option<V>, Fault>
    where
        F: Fn(Vec<K>) -> Fut,
        Fut: Future<Output = Result<HashMap<K, V>, Fault>>,
    {
        loop {
            let (sender, mut receiver) = oneshot::channel();
            let first = {
                let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
                waiting.push((key, sender));
                waiting.len() == 1
            };
            if first {
                let duty = Duty(Some(self));
                tokio::task::yield_now().await;
                let waiting = duty.done();
                let found = fetch_all(unique(&waiting), &fetch).await;
                hand_out(waiting, found);
                return receiver
                    .try_recv()
                    .unwrap_or_else(|_| Err(Fault::internal("a loader lost its own key")));
            }
            if let Ok(found) = receiver.await {
                return found;
            }
        }
    }
}

/// Services take a limited number of ids at once.
async fn fetch_all<K, V, F, Fut>(keys: Vec<K>, fetch: &F) -> Result<HashMap<K, V>, Fault>
where
    K: Copy + Eq + Hash,
    F: Fn(Vec<K>) -> Fut,
    Fut: Future<Output = Result<HashMap<K, V>, Fault>>,
{
    if keys.len() <= MOST_KEYS {
        return fetch(keys).await;
    }
    let chunks = keys.chunks(MOST_KEYS).map(|chunk| fetch(chunk.to_vec()));
    let found = try_join_all(chunks).await?;
    Ok(found.into_iter().flatten().collect())
}

fn unique<K: Copy + Eq + Hash, S>(waiting: &[(K, S)]) -> Vec<K> {
    let mut seen = std::collections::HashSet::with_capacity(waiting.len());
    waiting
        .iter()
        .map(|(key, _)| *key)
        .filter(|key| seen.insert(*key))
        .collect()
}

fn hand_out<K: Eq + Hash, V: Clone>(waiting: Waiting<K, V>, found: Result<HashMap<K, V>, Fault>) {
    match found {
        Ok(mut values) => {
            let mut asked: HashMap<K, Vec<_>> = HashMap::with_capacity(waiting.len());
            for (key, sender) in waiting {
                asked.entry(key).or_default().push(sender);
            }
            for (key, mut senders) in asked {
                let value = values.remove(&key);
                // whoever is gone does not need it
                let last = senders.pop();
                for sender in senders {
                    sender.send(Ok(value.clone())).ok();
                }
                if let Some(last) = last {
                    last.send(Ok(value)).ok();
                }
            }
        }
        Err(fault) => {
            for (_, sender) in waiting {
                sender.send(Err(fault.clone())).ok();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures::future::{join, join_all, ready};

    use super::*;

    #[tokio::test]
    async fn fields_of_one_level_cost_one_call() {
        let batcher = Batcher::<u8, u16>::default();
        let calls = AtomicUsize::new(0);
        let fetch = |keys: Vec<u8>| {
            calls.fetch_add(1, Ordering::Relaxed);
            let known = keys.into_iter().filter(|key| *key != 9);
            ready(Ok(known.map(|key| (key, u16::from(key) * 2)).collect()))
        };
        let keys = (0..100_u8).map(|n| n % 10);
        let found = join_all(keys.map(|key| batcher.load(key, &fetch))).await;
        assert_eq!(calls.load(Ordering::Relaxed), 1);
        assert_eq!(found[13], Ok(Some(6)));
        assert_eq!(found[19], Ok(None));
    }

    #[tokio::test]
    async fn more_keys_than_a_service_takes_are_asked_for_in_parts() {
        let batcher = Batcher::<u16, u16>::default();
        let calls = AtomicUsize::new(0);
        let fetch = |keys: Vec<u16>| {
            assert!(keys.len() <= MOST_KEYS);
            calls.fetch_add(1, Ordering::Relaxed);
            ready(Ok(keys.into_iter().map(|key| (key, key)).collect()))
        };
        let found = join_all((0..1_001).map(|key| batcher.load(key, &fetch))).await;
        assert_eq!(calls.load(Ordering::Relaxed), 3);
        assert_eq!(found[1_000], Ok(Some(1_000)));
    }

    #[tokio::test]
    async fn a_dropped_field_does_not_take_the_others_with_it() {
        let batcher = Batcher::<u8, u8>::default();
        let fetch = |keys: Vec<u8>| ready(Ok(keys.into_iter().map(|key| (key, key)).collect()));
        let mut dropped = Box::pin(batcher.load(1, &fetch));
        assert!(futures::poll!(dropped.as_mut()).is_pending());
        let follower = batcher.load(2, &fetch);
        let (_, found) = join(async move { drop(dropped) }, follower).await;
        assert_eq!(found, Ok(Some(2)));
    }

    #[tokio::test]
    async fn a_failed_call_fails_all_who_waited() {
        let batcher = Batcher::<u8, u8>::default();
        let fetch = |_: Vec<u8>| ready(Err(Fault::input("no")));
        let (one, two) = join(batcher.load(1, &fetch), batcher.load(2, &fetch)).await;
        assert_eq!(one, Err(Fault::input("no")));
        assert_eq!(two, one);
    }
}
