//! Where a message goes from SENDING (N1, N3).

use chrono::{DateTime, Utc};
use usher_types::{DeliveryState, MessageId};

use super::reply::{Trouble, Verdict, judge};
use super::retry::next_attempt;

/// One attempt at sending a message.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// Which message.
    pub message: MessageId,
    /// How many there were, this one included.
    pub attempts: i32,
    /// When it ended.
    pub at: DateTime<Utc>,
    /// The end of the link's life; no mail is tried after it.
    pub expires_at: DateTime<Utc>,
}

/// What became of a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// SENT, DEFERRED or FAILED.
    pub state: DeliveryState,
    /// When it is tried again; only where DEFERRED.
    pub next_attempt_at: Option<DateTime<Utc>>,
    /// The server's own words, where it did not take the mail.
    pub error: Option<String>,
    /// The address takes no mail and is marked (N3).
    pub bad_address: bool,
}

impl Attempt {
    /// What becomes of the message after this attempt.
    #[must_use]
    pub fn outcome(&self, result: Result<(), &Trouble>) -> Outcome {
        let Err(trouble) = result else {
            return Outcome {
                state: DeliveryState::Sent,
                next_attempt_at: None,
                error: None,
                bad_address: false,
            };
        };
        let verdict = judge(trouble);
        let next = match verdict {
            Verdict::Retry => next_attempt(self.message, self.attempts, self.at, self.expires_at),
            Verdict::BadRecipient | Verdict::Refused => None,
        };
        Outcome {
            state: if next.is_some() {
                DeliveryState::Deferred
            } else {
                DeliveryState::Failed
            },
            next_attempt_at: next,
            error: Some(trouble.words()),
            bad_address: verdict == Verdict::BadRecipient,
        }
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::super::reply::Stage;
    use super::*;

    fn attempt(life: TimeDelta) -> Attempt {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        Attempt {
            message: MessageId::new(at),
            attempts: 1,
            at,
            expires_at: at + life,
        }
    }

    fn reply(code: u16, text: &str) -> Trouble {
        Trouble::Reply {
            stage: Stage::Recipient,
            code,
            text: text.to_owned(),
        }
    }

    #[test]
    fn n3_sent_deferred_failed() {
        let long = attempt(TimeDelta::days(7));
        let short = attempt(TimeDelta::minutes(10));
        let (busy, unknown, denied) = (
            reply(450, "busy"),
            reply(550, "5.1.1 unknown"),
            reply(550, "5.7.1 denied"),
        );
        let table = [
            (long, Ok(()), DeliveryState::Sent, false),
            (long, Err(&busy), DeliveryState::Deferred, false),
            (short, Err(&busy), DeliveryState::Failed, false),
            (long, Err(&unknown), DeliveryState::Failed, true),
            (long, Err(&denied), DeliveryState::Failed, false),
        ];
        for (attempt, result, state, bad_address) in table {
            let outcome = attempt.outcome(result);
            assert_eq!(outcome.state, state, "{result:?}");
            assert_eq!(outcome.bad_address, bad_address);
            assert_eq!(outcome.error, result.err().map(Trouble::words));
            assert_eq!(
                outcome.next_attempt_at.is_some(),
                state == DeliveryState::Deferred
            );
        }
    }
}
