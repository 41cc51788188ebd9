//! Waiting for a database, a broker or a peer that does not answer yet (R5).

use std::future::Future;
use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::StartError;

/// The first pause; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Why an attempt did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attempt {
    /// It does not answer yet, for this reason: try again.
    NotYet(String),
    /// It answered, and trying again is pointless (a wrong password, a wrong name): exit 78.
    Wrong(String),
}

impl Attempt {
    /// For errors that know whether trying again later makes sense.
    pub fn of(temporary: bool, error: &(dyn std::error::Error + 'static)) -> Self {
        let reason = crate::error::chain(error);
        if temporary {
            Self::NotYet(reason)
        } else {
            Self::Wrong(reason)
        }
    }
}

/// Tries until `attempt` succeeds, with growing pauses, and says once that it waits.
///
/// `what` names the part without its password: "PostgreSQL at db:5432".
///
/// # Errors
/// [`StartError::Settings`] for [`Attempt::Wrong`]; [`StartError::Stopped`] when `stop` comes first.
pub async fn wait_for<T, F, Fut>(
    what: &str,
    stop: &CancellationToken,
    mut attempt: F,
) -> Result<T, StartError>
where
    F: FnMut() -> Fut,
    Fut: Future<Output = Result<T, Attempt>>,
{
    let mut pause = FIRST_PAUSE;
    let mut said = false;
    loop {
        let tried = tokio::select! {
            biased;
            () = stop.cancelled() => return Err(StartError::Stopped),
            tried = attempt() => tried,
        };
        match tried {
            Ok(found) => {
                if said {
                    tracing::info!("{what} answers now");
                }
                return Ok(found);
            }
            Err(Attempt::Wrong(reason)) => return Err(StartError::Settings(format!("{what}: {reason}"))),
            Err(Attempt::NotYet(reason)) => {
                if !said {
                    tracing::warn!("waiting for {what}: {reason}");
                    said = true;
                }
            }
        }
        tokio::select! {
            () = stop.cancelled() => return Err(StartError::Stopped),
            () = tokio::time::sleep(pause) => {}
        }
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}
