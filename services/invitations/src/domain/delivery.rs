//! What is known of an invitation's mail never goes backwards.

use usher_types::DeliveryState as State;

/// Whether news of `new` moves a mail from `old` on. SENT stands against everything but a later bounce; what has ended
/// otherwise stays ended.
#[must_use]
pub const fn moves(old: State, new: State) -> bool {
    rank(new) > rank(old) || (rank(new) == rank(old) && rank(new) == ON_THE_WAY)
}

const ON_THE_WAY: u8 = 1;

const fn rank(state: State) -> u8 {
    match state {
        State::Queued => 0,
        State::Sending | State::Deferred => ON_THE_WAY,
        State::Failed | State::Suppressed | State::Cancelled => 2,
        State::Sent => 3,
        State::Bounced => 4,
    }
}

/// Whether the batch still waits for this mail.
#[must_use]
pub const fn is_open(state: State) -> bool {
    matches!(state, State::Queued | State::Sending | State::Deferred)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i4_delivery_never_goes_backwards() {
        let table = [
            (State::Queued, State::Sent, true),
            (State::Queued, State::Deferred, true),
            (State::Deferred, State::Deferred, true),
            (State::Deferred, State::Sent, true),
            (State::Deferred, State::Queued, false),
            (State::Sent, State::Deferred, false),
            (State::Sent, State::Failed, false),
            (State::Sent, State::Sent, false),
            (State::Sent, State::Bounced, true),
            // it was on the wire already when it was taken back
            (State::Cancelled, State::Sent, true),
            (State::Cancelled, State::Deferred, false),
            (State::Failed, State::Cancelled, false),
        ];
        for (old, new, expected) in table {
            assert_eq!(moves(old, new), expected, "{old} to {new}");
        }
    }
}
