//! updateAccount (C5, C16).

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{AccountId, ContactId};

use super::company_first::CompanyFirst;
use super::{App, Caller, ChangedAccount, Failure};
use crate::domain::account::{Account, AccountChange, joint_refusal};
use crate::domain::activity::{Activity, action, changed_summary};
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::storage::batch::Batch;
use crate::storage::companies::Whose;
use crate::storage::contacts::{self, Of};
use crate::storage::search::{self, Searched};
use crate::storage::{accounts, activity, facts};

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
        let company_first = match change.kind {
            Some(_) => CompanyFirst::of(&tx, caller.organization).await?,
            None => CompanyFirst::from(caller.organization, false),
        };
        // Contacts before accounts: their search documents hold the account's name.
        let locked = match change.name {
            Some(_) => lock_linked(&tx, caller, id).await?,
            None => Vec::new(),
        };
        let before = expected(&tx, caller, id, expected_version).await?;
        let changed = change.changed(&before);
        if changed.is_empty() {
            return Ok(untouched(before));
        }
        let after = change.applied(&before, now);
        let counted = accounts::update(&tx, &after).await?;
        if changed.contains(&"kind")
            && let Some(refusal) = joint_refusal(after.kind, counted.contacts, counted.primaries, &["kind"])
        {
            return Err(refusal.into());
        }
        if changed.contains(&"kind") {
            if !after.kind.is_company() {
                company_first
                    .keep_company(&tx, before.kind, Whose::Linked(id), &["kind"])
                    .await?;
            }
            company_first.keep_primary(&tx, &[id]).await?;
        }
        let renamed = if changed.contains(&"name") {
            found_by_name(&tx, caller, id, &locked).await?
        } else {
            Vec::new()
        };
        let mut batch = Batch::new(&tx);
        accounts::retag(&mut batch, &before, &after);
        search::write(&mut batch, renamed);
        activity::insert(&mut batch, &[line(caller, id, &changed, now)]);
        batch.run(&tx).await?;
        let said = vec![facts::account_updated(&after, now)];
        facts::publish(&tx, Lane::Interactive, said).await?;
        tx.commit().await?;
        Ok(untouched(counted.account))
    }
}

/// No contact's version moves with an account's own change.
fn untouched(account: Account) -> ChangedAccount {
    ChangedAccount {
        account,
        touched: Vec::new(),
    }
}

async fn lock_linked(
    tx: &Transaction,
    caller: &Caller,
    account: AccountId,
) -> Result<Vec<ContactId>, Failure<Code>> {
    let of = Of {
        accounts: &[account],
        only: None,
        except: &[],
    };
    let locked = contacts::lock_of(tx, caller.organization, of).await?;
    Ok(locked.into_iter().map(|(contact, _)| contact).collect())
}

/// Everyone who is found by the account's name. Somebody may have been linked between the locks of contacts and account, who
/// is not ours: then it is tried again.
async fn found_by_name(
    tx: &Transaction,
    caller: &Caller,
    account: AccountId,
    locked: &[ContactId],
) -> Result<Vec<Searched>, Failure<Code>> {
    let searched = search::of_accounts(tx, caller.organization, &[account]).await?;
    let is_ours = |searched: &Searched| locked.contains(&searched.contact.id);
    if searched.iter().all(is_ours) {
        Ok(searched)
    } else {
        Err(Failure::Overtaken)
    }
}

fn line(caller: &Caller, account: AccountId, changed: &[&str], now: DateTime<Utc>) -> Activity {
    Activity {
        account: Some(account),
        ..caller.activity(now, action::ACCOUNT_UPDATED, changed_summary(changed))
    }
}

/// The account, ours until the transaction ends, in the version that the caller saw.
async fn expected(
    tx: &Transaction,
    caller: &Caller,
    id: AccountId,
    version: Option<i64>,
) -> Result<Account, Failure<Code>> {
    let found = accounts::lock(tx, caller.organization, &[id]).await?.pop();
    let missing = || Refusal::new(Code::NotFound, &["id"], "There is no such account.");
    let account = found.ok_or_else(missing)?;
    if version.is_some_and(|version| version != account.version.counter()) {
        let message = "Somebody has changed this account meanwhile.";
        return Err(Refusal::new(Code::Conflict, &["expectedVersion"], message).into());
    }
    Ok(account)
}
