//! Why a process did not start or did not stay up, and the exit code that says so.

use std::process::ExitCode;

/// Exit code for wrong settings (`EX_CONFIG` of sysexits.h): starting again without a change is pointless (R5).
pub const EXIT_SETTINGS: u8 = 78;
/// Exit code for something outside that is taken or missing (`EX_UNAVAILABLE`).
pub const EXIT_UNAVAILABLE: u8 = 69;

/// Ends a start, or a process that was running.
///
/// The text is one line for the person at the terminal: what is wrong and where to change it. It never holds a
/// password or a key.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The settings are wrong, or a password is refused. Exit code 78.
    #[error("{0}")]
    Settings(String),
    /// Something that this process needs is taken: a port, the data folder. Exit code 69.
    #[error("{0}")]
    Unavailable(String),
    /// Anything else that ends the process. Exit code 1.
    #[error("{0}")]
    Failed(String),
    /// A stop was asked for while the process was still starting. Exit code 0.
    #[error("stopped while starting")]
    Stopped,
}

impl StartError {
    /// Wrong settings; `reason` names the setting.
    pub fn settings(reason: impl std::fmt::Display) -> Self {
        Self::Settings(reason.to_string())
    }

    /// Something is taken.
    pub fn unavailable(reason: impl std::fmt::Display) -> Self {
        Self::Unavailable(reason.to_string())
    }

    /// Any other failure, with the chain of its sources in the text.
    pub fn failed(what: impl std::fmt::Display, error: &(dyn std::error::Error + 'static)) -> Self {
        Self::Failed(format!("{what}: {}", chain(error)))
    }

    /// The code with which the process ends.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(match self {
            Self::Settings(_) => EXIT_SETTINGS,
            Self::Unavailable(_) => EXIT_UNAVAILABLE,
            Self::Failed(_) => 1,
            Self::Stopped => 0,
        })
    }
}

/// The text of an error and of its sources, in one line.
///
/// A source whose text already stands in what was written is left out: many libraries repeat it.
pub fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        source = cause.source();
    }
    text.replace('\n', " ")
}
