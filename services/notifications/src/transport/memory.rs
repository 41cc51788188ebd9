//! Mails kept in memory, for tests.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Parcel;
use crate::discreet::discreet;

/// Keeps mails in the order in which they were handed over.
#[derive(Clone, Default)]
pub struct Memory(Arc<Mutex<Vec<Vec<u8>>>>);

discreet!(Memory, |memory| mails: memory.lock().len());

impl Memory {
    /// What was sent so far.
    #[must_use]
    pub fn mails(&self) -> Vec<Vec<u8>> {
        self.lock().clone()
    }

    pub(super) fn keep(&self, parcel: &Parcel) {
        self.lock().push(parcel.bytes.clone());
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Vec<u8>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
