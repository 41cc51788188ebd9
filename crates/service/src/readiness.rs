//! Whether a process can do what it is asked for: what load balancers and Kubernetes look at.

use std::fmt;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_millis(1500);

type Look = Arc<dyn Fn() -> Pin<Box<dyn Future<Output = bool> + Send>> + Send + Sync>;

/// What has to hold for requests to be answered. Each part of a process names its own; until the first has done so, the process
/// is starting. Clones are the same.
#[derive(Clone, Default)]
pub struct Readiness(Arc<Mutex<Vec<(&'static str, Look)>>>);

impl Readiness {
    /// From now on this has to hold; `missing` says for people what is missing while it does not: "waiting for verification keys".
    /// What does not answer in a second and a half is missing; a probe waits for two.
    pub fn require<F, Fut>(&self, missing: &'static str, look: F)
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = bool> + Send + 'static,
    {
        let look: Look = Arc::new(move || Box::pin(look()));
        self.conditions().push((missing, look));
    }

    /// What is missing, the first of it.
    pub(crate) async fn missing(&self) -> Option<&'static str> {
        let conditions = self.conditions().clone();
        if conditions.is_empty() {
            return Some("starting");
        }
        for (missing, look) in conditions {
            if !tokio::time::timeout(PATIENCE, look()).await.unwrap_or(false) {
                return Some(missing);
            }
        }
        None
    }

    fn conditions(&self) -> std::sync::MutexGuard<'_, Vec<(&'static str, Look)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Readiness {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let conditions = self.conditions();
        let names = conditions.iter().map(|(missing, _)| missing);
        formatter.debug_list().entries(names).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[tokio::test]
    async fn r3_ready_is_who_has_begun_and_misses_nothing() {
        let readiness = Readiness::default();
        assert_eq!(readiness.missing().await, Some("starting"));
        let (one, other) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        for (missing, flag) in [("one", &one), ("other", &other)] {
            let flag = Arc::clone(flag);
            readiness.require(missing, move || {
                let holds = flag.load(Ordering::Relaxed);
                async move { holds }
            });
        }
        assert_eq!(readiness.missing().await, Some("one"));
        one.store(true, Ordering::Relaxed);
        assert_eq!(readiness.missing().await, Some("other"));
        other.store(true, Ordering::Relaxed);
        assert_eq!(readiness.missing().await, None);
    }
}
