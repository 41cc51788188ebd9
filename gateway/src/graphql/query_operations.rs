//! Questions of operators.

use async_graphql::{Context, Object};
use futures::future::try_join_all;
use usher_auth::Operation;
use usher_proto::operations::v1 as wire;

use super::input::DeadLetterFilter;
use super::scope::{Scope, answer};
use super::types::{Component, DeadLetter, LONGEST, page_length};
use crate::fault::Fault;

#[derive(Debug, Default)]
pub(super) struct OperationsQueries;

#[Object]
impl OperationsQueries {
    /// Messages of the firm that a service could not handle, the newest first. A question about all services fails where one of them does
    /// not answer. Needs `operations.manage`.
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100. 50 where not given.")] first: Option<i32>,
        #[graphql(desc = "Which ones.")] filter: Option<DeadLetterFilter>,
    ) -> Result<Vec<DeadLetter>, Fault> {
        let scope = Scope::permitted(ctx, Operation::ListDeadLetters)?;
        if first.is_some_and(|first| !(1..=LONGEST).contains(&first)) {
            return Err(Fault::input(format!("first is between 1 and {LONGEST}")));
        }
        let most = page_length(first.map(Into::into));
        let filter = filter.unwrap_or_default();
        let ask = |component: Component| async move {
            let request = scope.ask(wire::ListDeadLettersRequest {
                limit: u32::try_from(most).unwrap_or_default(),
                replayed: filter.replayed,
            });
            let mut letters = scope.backends.dead_letters(component);
            DeadLetter::all(component, answer(letters.list_dead_letters(request).await)?)
        };
        let of = Component::ALL
            .into_iter()
            .filter(|component| filter.component.is_none_or(|only| only == *component));
        let mut letters = try_join_all(of.map(ask)).await?.concat();
        letters.sort_by_key(|letter| std::cmp::Reverse(letter.given_up_at.0));
        letters.truncate(usize::try_from(most).unwrap_or_default());
        Ok(letters)
    }
}
