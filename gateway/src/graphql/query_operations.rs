//! Questions of operators.

use async_graphql::{Context, Object};
use futures::future::join_all;
use usher_auth::Operation;
use usher_proto::operations::v1 as wire;

use super::input::DeadLetterFilter;
use super::scope::{Scope, answer, item_or_null};
use super::types::{Component, DeadLetter, LONGEST, page_length};
use crate::fault::Fault;

#[derive(Debug, Default)]
pub(super) struct OperationsQueries;

#[Object]
impl OperationsQueries {
    /// Messages of the firm that a service could not handle, the newest first; at the end a null, with an error at its place, for each service
    /// that does not answer. Needs `operations.manage`.
    async fn dead_letters(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many: 1 to 100. 50 where not given.")] first: Option<i32>,
        #[graphql(desc = "Which ones.")] filter: Option<DeadLetterFilter>,
    ) -> Result<Option<Vec<Option<DeadLetter>>>, Fault> {
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
            let reply = answer(letters.list_dead_letters(request).await);
            reply
                .and_then(|reply| DeadLetter::all(component, reply))
                .map_err(|fault| Fault::new(fault.code, format!("{component:?}: {}", fault.message)))
        };
        let of = Component::ALL
            .into_iter()
            .filter(|component| filter.component.is_none_or(|only| only == *component));
        let lists = join_all(of.map(ask)).await;
        Ok(Some(merged(
            ctx,
            lists,
            usize::try_from(most).unwrap_or_default(),
        )))
    }
}

/// The newest letters of the services that answered, and a null for each that did not.
fn merged(
    ctx: &Context<'_>,
    lists: Vec<Result<Vec<DeadLetter>, Fault>>,
    most: usize,
) -> Vec<Option<DeadLetter>> {
    let (mut letters, mut failed) = (Vec::new(), Vec::new());
    for list in lists {
        match list {
            Ok(list) => letters.extend(list),
            Err(fault) => failed.push(fault),
        }
    }
    letters.sort_by_key(|letter| std::cmp::Reverse(letter.given_up_at.0));
    letters.truncate(most);
    let mut merged: Vec<Option<DeadLetter>> = letters.into_iter().map(Some).collect();
    for fault in failed {
        merged.push(item_or_null(ctx, merged.len(), Err(fault)));
    }
    merged
}
