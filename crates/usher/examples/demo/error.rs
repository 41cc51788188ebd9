//! What can stop the demo, in words for the person who started it.

/// Why the demo cannot go on.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// No password to sign in with.
    #[error(
        "set USHER_ADMIN_PASSWORD to the administrator's password; `make run` printed it when it made one up"
    )]
    NoPassword,
    /// The file cannot be opened or is no CSV.
    #[error("cannot read {file}: {source}")]
    File {
        /// The path as given.
        file: String,
        /// What the reader said.
        source: csv::Error,
    },
    /// The file is a CSV of some other layout.
    #[error("{file} is no Google Contacts export: column {column:?} is missing")]
    Layout {
        /// The path as given.
        file: String,
        /// The first column that was looked for in vain.
        column: &'static str,
    },
    /// Nobody answers at the address, or the connection broke.
    #[error("no answer from {url} ({reason}); is `make run` or `make run-distributed` up?")]
    NoAnswer {
        /// Where the question went.
        url: String,
        /// What the connection said.
        reason: String,
    },
    /// Usher answered with a GraphQL error.
    #[error("{operation}: {code}: {message}")]
    Refused {
        /// The operation's name.
        operation: String,
        /// `extensions.code`.
        code: String,
        /// What Usher said.
        message: String,
    },
    /// Usher answered something that the contract does not allow.
    #[error("{operation}: unexpected answer: {what}")]
    Unexpected {
        /// The operation's name.
        operation: String,
        /// What was missing or wrong.
        what: String,
    },
    /// The batch does not move any more.
    #[error("the batch has not moved for {seconds} s: {state}")]
    Stuck {
        /// How long it was watched without a change.
        seconds: u64,
        /// Where it stands.
        state: String,
    },
}
