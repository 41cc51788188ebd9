//! updateAccount (C5, C16).

use usher_database::Transaction;
use usher_types::{AccountId, ContactId};

use super::create_account::current;
use super::{App, Caller, ChangedAccount, Failure};
use crate::domain::account::{Account, AccountChange, joint_refusal};
use crate::domain::activity::{Activity, action, changed_summary};
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::storage::links::{self, By};
use crate::storage::{accounts, activity, contacts, facts, search};

impl App {
    /// Changes an account.
    pub(crate) async fn update_account(
        &self,
        caller: &Caller,
        id: AccountId,
        expected_version: Option<i64>,
        change: AccountChange,
    ) -> Result<ChangedAccount, Failure<Code>> {
        let now = self.now();
        let tx = self.write(caller).await?;
        if change.name.is_some() {
            // Contacts before accounts: their search documents hold the account's name.
            contacts::lock(&tx, caller.organization, linked(&tx, caller, id).await?).await?;
        }
        let before = expected(&tx, caller, id, expected_version).await?;
        let changed = change.changed(&before);
        if changed.is_empty() {
            return Ok(ChangedAccount {
                account: before,
                touched: Vec::new(),
            });
        }
        if changed.contains(&"kind") {
            let (contacts, primaries) = links::count_of_account(&tx, id).await?;
            let kind = change.kind.unwrap_or(before.kind);
            if let Some(refusal) = joint_refusal(kind, contacts, primaries, &["kind"]) {
                return Err(refusal.into());
            }
        }
        let after = Account {
            version: before.version.next(),
            name: change.name.unwrap_or(before.name),
            kind: change.kind.unwrap_or(before.kind),
            tags: change.tags.unwrap_or(before.tags),
            updated_at: now,
            ..before
        };
        accounts::update(&tx, &after).await?;
        if changed.contains(&"name") {
            search::rebuild(&tx, caller.organization, &linked(&tx, caller, id).await?).await?;
        }
        let line = caller.activity(now, action::ACCOUNT_UPDATED, changed_summary(&changed));
        activity::insert(
            &tx,
            &[Activity {
                account: Some(id),
                ..line
            }],
        )
        .await?;
        facts::publish_account(&tx, &after, false, now).await?;
        let account = current(&tx, caller, id).await?;
        tx.commit().await?;
        Ok(ChangedAccount {
            account,
            touched: Vec::new(),
        })
    }
}

async fn linked(tx: &Transaction, caller: &Caller, id: AccountId) -> Result<Vec<ContactId>, Failure<Code>> {
    let links = links::find(tx, caller.organization, By::Accounts(&[id])).await?;
    Ok(links.into_iter().map(|link| link.contact).collect())
}

/// The account, ours until the transaction ends, in the version that the caller saw.
pub(super) async fn expected(
    tx: &Transaction,
    caller: &Caller,
    id: AccountId,
    version: Option<i64>,
) -> Result<Account, Failure<Code>> {
    let account = accounts::lock(tx, caller.organization, &[id])
        .await?
        .pop()
        .ok_or_else(missing)?;
    if version.is_some_and(|version| version != account.version.counter()) {
        let message = "Somebody has changed this account meanwhile.";
        return Err(Refusal::new(Code::Conflict, &["expectedVersion"], message).into());
    }
    Ok(account)
}

pub(super) fn missing() -> Refusal<Code> {
    Refusal::new(Code::NotFound, &["id"], "There is no such account.")
}
