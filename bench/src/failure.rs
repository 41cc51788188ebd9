//! Why something could not be measured.

use std::fmt::Display;

/// A reason in words, for the person who reads the terminal.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Failure(String);

/// A failure with this reason.
pub fn fail(reason: impl Into<String>) -> Failure {
    Failure(reason.into())
}

/// Says what was tried when something did not work.
pub trait Context<T> {
    /// The same, with what was tried in front of the reason.
    ///
    /// # Errors
    /// When it is an error itself.
    fn context(self, what: impl Display) -> Result<T, Failure>;
}

impl<T, E: Display> Context<T> for Result<T, E> {
    fn context(self, what: impl Display) -> Result<T, Failure> {
        self.map_err(|error| Failure(format!("{what}: {error}")))
    }
}
