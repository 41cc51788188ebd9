//! What can become of a batch (I4).

use usher_types::BatchState as State;

/// What happens to a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its time has come.
    Start,
    /// It stands still.
    Pause,
    /// It goes on.
    Resume,
    /// What is not sent yet is taken back.
    Cancel,
    /// Everybody was looked at, and no mail waits any more.
    Finish,
}

/// Where the batch is after the step; none where that cannot be. One that has not `begun` when it is resumed waits for its time
/// again. A step that changes nothing is none that is refused: two members may press the same button.
#[must_use]
pub const fn after(state: State, begun: bool, step: Step) -> Option<State> {
    match (step, state) {
        (Step::Start, State::Scheduled) => Some(State::Running),
        (Step::Pause, State::Scheduled | State::Running | State::Paused) => Some(State::Paused),
        (Step::Resume, State::Paused) if !begun => Some(State::Scheduled),
        (Step::Resume, State::Paused) => Some(State::Running),
        (Step::Resume, State::Scheduled | State::Running) => Some(state),
        (Step::Cancel, State::Scheduled | State::Running | State::Paused | State::Cancelled) => {
            Some(State::Cancelled)
        }
        // what was under way when it was paused may have been all
        (Step::Finish, State::Running | State::Paused) => Some(State::Done),
        (Step::Finish, State::Cancelled) => Some(State::Cancelled),
        _ => None,
    }
}

/// Why a member's step is refused.
#[must_use]
pub const fn refusal(state: State) -> &'static str {
    match state {
        State::Done => "the batch is done: everything that it was to send has gone out or failed",
        State::Cancelled => "the batch was cancelled",
        State::Scheduled | State::Running | State::Paused => "the batch cannot do that now",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i4_every_step_in_every_state() {
        use State::{Cancelled, Done, Paused, Running, Scheduled};
        let steps = [Step::Start, Step::Pause, Step::Resume, Step::Cancel, Step::Finish];
        // in the order of the steps
        let table = [
            (
                Scheduled,
                false,
                [
                    Some(Running),
                    Some(Paused),
                    Some(Scheduled),
                    Some(Cancelled),
                    None,
                ],
            ),
            (
                Running,
                true,
                [None, Some(Paused), Some(Running), Some(Cancelled), Some(Done)],
            ),
            (
                Paused,
                false,
                [None, Some(Paused), Some(Scheduled), Some(Cancelled), Some(Done)],
            ),
            (
                Paused,
                true,
                [None, Some(Paused), Some(Running), Some(Cancelled), Some(Done)],
            ),
            (Done, true, [None; 5]),
            (
                Cancelled,
                true,
                [None, None, None, Some(Cancelled), Some(Cancelled)],
            ),
        ];
        for (state, begun, expected) in table {
            let found = steps.map(|step| after(state, begun, step));
            assert_eq!(found, expected, "{state}, begun: {begun}");
        }
    }
}
