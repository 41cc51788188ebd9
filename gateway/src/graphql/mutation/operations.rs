//! What operators do.

use std::collections::HashSet;

use async_graphql::{Context, Object, SimpleObject};
use futures::future::try_join_all;
use usher_auth::Operation;
use usher_proto::operations::v1 as wire;

use crate::fault::Fault;
use crate::graphql::input::ReplayDeadLettersInput;
use crate::graphql::scope::{Scope, answer};
use crate::graphql::types::{DeadLetter, DeadLetterError, LONGEST};

/// The letters that now wait to be handled once more.
#[derive(SimpleObject, Debug)]
pub struct ReplayDeadLettersPayload {
    /// The letters.
    dead_letters: Vec<DeadLetter>,
    /// What the caller can mend; the others are replayed all the same.
    user_errors: Vec<DeadLetterError>,
}

#[derive(Debug, Default)]
pub(super) struct OperationsMutations;

#[Object]
impl OperationsMutations {
    /// Has messages handled once more that a service could not handle: soon, exactly once, in the order in which they were given up. One that
    /// fails again is a dead letter as before, with the new reason. Needs `operations.manage`.
    async fn replay_dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The letters.")] input: ReplayDeadLettersInput,
    ) -> Result<ReplayDeadLettersPayload, Fault> {
        let scope = Scope::permitted(ctx, Operation::ReplayDeadLetters)?;
        if input.ids.is_empty() || input.ids.len() > usize::try_from(LONGEST).unwrap_or_default() {
            return Err(Fault::input(format!("ids are 1 to {LONGEST}")));
        }
        let ask = |(component, ids)| async move {
            let request = scope.ask(wire::ReplayDeadLettersRequest { ids });
            let mut letters = scope.backends.dead_letters(component);
            DeadLetter::all(component, answer(letters.replay_dead_letters(request).await)?)
        };
        let dead_letters = try_join_all(input.by_component().into_iter().map(ask))
            .await?
            .concat();
        let found: HashSet<_> = dead_letters.iter().map(DeadLetter::shown).collect();
        let user_errors = input
            .ids
            .iter()
            .enumerate()
            .filter(|(_, id)| !found.contains(id))
            .map(|(index, _)| DeadLetterError::not_found(index))
            .collect();
        Ok(ReplayDeadLettersPayload {
            dead_letters,
            user_errors,
        })
    }
}
