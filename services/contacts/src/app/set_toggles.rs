//! Toggles of one link, or of every link of accounts (C6, I13).

use std::collections::{BTreeMap, BTreeSet, HashSet};

use chrono::{DateTime, TimeDelta, Utc};
use sea_orm::DbErr;
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{AccountId, ContactId, Version};

use super::{App, Caller, Failure};
use crate::domain::account::Account;
use crate::domain::activity::{Activity, action};
use crate::domain::link::Link;
use crate::domain::refusal::{InvitationCode as Code, Refusal};
use crate::storage::contacts::{self, Of};
use crate::storage::links::{self, ToggleChange};
use crate::storage::{accounts, activity, facts};

/// Accounts of one change.
const ACCOUNTS: usize = 1_000;
/// Changes of more contacts do not stand before what others wait for.
const INTERACTIVE: usize = 100;
/// Login that was switched on so short a time ago is told of as just switched on (I13).
const JUST: TimeDelta = TimeDelta::hours(1);
/// Contacts whose counts one statement changes.
const PART: usize = 5_000;

/// Which links, and what becomes of them.
#[derive(Clone, Debug)]
pub(crate) struct ToggleInput {
    /// None: an id that cannot be one.
    pub(crate) accounts: Vec<Option<AccountId>>,
    /// Only this contact's links; `Some(None)`: an id that cannot be one.
    pub(crate) contact: Option<Option<ContactId>>,
    pub(crate) except: Vec<ContactId>,
    pub(crate) change: ToggleChange,
}

/// The accounts, and everyone whose link was looked at with their versions; both in the order of ids.
#[derive(Clone, Debug)]
pub(crate) struct Toggled {
    /// Whoever has login since then or later has had it switched on just now, also where the mail about that fails and the
    /// change is asked for again.
    pub(crate) since: DateTime<Utc>,
    pub(crate) accounts: Vec<Account>,
    pub(crate) contacts: Vec<(ContactId, Version)>,
}

impl App {
    /// Sets toggles.
    pub(crate) async fn set_toggles(
        &self,
        caller: &Caller,
        input: ToggleInput,
    ) -> Result<Toggled, Failure<Code>> {
        let ids = account_ids(&input)?;
        let now = self.now();
        let tx = self.write(caller).await?;
        // Contacts before accounts, both in the order of their ids.
        let mut people = lock_people(&tx, caller, &input, &ids).await?;
        let mut found = lock_accounts(&tx, caller, &ids).await?;
        if input.contact.is_some() && people.is_empty() {
            let message = "This contact is not linked to the account.";
            return Err(Refusal::new(Code::NotFound, &["contactId"], message).into());
        }
        let linked: Vec<ContactId> = people.keys().copied().collect();
        let changed = links::set_toggles(&tx, caller.organization, &ids, &linked, input.change, now).await?;
        if !changed.is_empty() {
            people.extend(changed_people(&tx, caller, &changed, now).await?);
            found.extend(changed_accounts(&tx, caller, &changed, now).await?);
            let lines: Vec<Activity> = changed
                .iter()
                .map(|link| line(caller, link, input.change, now))
                .collect();
            activity::insert_all(&tx, &lines).await?;
        }
        tx.commit().await?;
        Ok(Toggled {
            since: now - JUST,
            accounts: found.into_values().collect(),
            contacts: people.into_iter().collect(),
        })
    }
}

fn account_ids(input: &ToggleInput) -> Result<Vec<AccountId>, Refusal<Code>> {
    if input.accounts.len() > ACCOUNTS {
        let message = format!("At most {ACCOUNTS} accounts at once.");
        return Err(Refusal::new(Code::Invalid, &["accountIds"], message));
    }
    let mut seen = HashSet::new();
    let mut ids = Vec::with_capacity(input.accounts.len());
    for (index, id) in input.accounts.iter().enumerate() {
        let id = id.ok_or_else(|| no_account(index))?;
        if seen.insert(id) {
            ids.push(id);
        }
    }
    if ids.is_empty() {
        let message = "Name at least one account.";
        return Err(Refusal::new(Code::Invalid, &["accountIds"], message));
    }
    Ok(ids)
}

fn no_account(index: usize) -> Refusal<Code> {
    let path = ["accountIds", &index.to_string()];
    Refusal::new(Code::NotFound, &path, "There is no such account.")
}

async fn lock_people(
    tx: &Transaction,
    caller: &Caller,
    input: &ToggleInput,
    accounts: &[AccountId],
) -> Result<BTreeMap<ContactId, Version>, DbErr> {
    let only = match input.contact {
        None => None,
        Some(Some(contact)) => Some(contact),
        Some(None) => return Ok(BTreeMap::new()),
    };
    let of = Of {
        accounts,
        only,
        except: &input.except,
    };
    let locked = contacts::lock_of(tx, caller.organization, of).await?;
    Ok(locked.into_iter().collect())
}

async fn lock_accounts(
    tx: &Transaction,
    caller: &Caller,
    ids: &[AccountId],
) -> Result<BTreeMap<AccountId, Account>, Failure<Code>> {
    let found = accounts::lock(tx, caller.organization, ids).await?;
    let found: BTreeMap<_, _> = found.into_iter().map(|account| (account.id, account)).collect();
    match ids.iter().position(|id| !found.contains_key(id)) {
        Some(index) => Err(no_account(index).into()),
        None => Ok(found),
    }
}

/// Counts and events of contacts whose toggles became others. A mass of them goes in parts, so that it is not in memory whole.
async fn changed_people(
    tx: &Transaction,
    caller: &Caller,
    changed: &[Link],
    now: DateTime<Utc>,
) -> Result<Vec<(ContactId, Version)>, DbErr> {
    let people: BTreeSet<ContactId> = changed.iter().map(|link| link.contact).collect();
    let people: Vec<ContactId> = people.into_iter().collect();
    let lane = if people.len() > INTERACTIVE {
        Lane::Bulk
    } else {
        Lane::Interactive
    };
    let mut versions = Vec::with_capacity(people.len());
    for part in people.chunks(PART) {
        let told = contacts::relink(tx, caller.organization, part, now).await?;
        facts::publish_updates(tx, lane, &told, now).await?;
        versions.extend(told.iter().map(|told| (told.contact.id, told.contact.version)));
    }
    Ok(versions)
}

async fn changed_accounts(
    tx: &Transaction,
    caller: &Caller,
    changed: &[Link],
    now: DateTime<Utc>,
) -> Result<impl Iterator<Item = (AccountId, Account)> + use<>, DbErr> {
    let accounts: BTreeSet<AccountId> = changed.iter().map(|link| link.account).collect();
    let accounts: Vec<AccountId> = accounts.into_iter().collect();
    let counted = accounts::relink(tx, caller.organization, &accounts, now).await?;
    Ok(counted
        .into_iter()
        .map(|counted| (counted.account.id, counted.account)))
}

fn line(caller: &Caller, link: &Link, change: ToggleChange, now: DateTime<Utc>) -> Activity {
    Activity {
        contact: Some(link.contact),
        account: Some(link.account),
        ..caller.activity(now, action::TOGGLES_CHANGED, summary(change))
    }
}

/// "Set login on, notify off".
fn summary(change: ToggleChange) -> String {
    let named = [
        ("login", change.login),
        ("notify", change.notify),
        ("emailSync", change.email_sync),
    ];
    let parts: Vec<String> = named
        .into_iter()
        .filter_map(|(name, value)| Some(format!("{name} {}", if value? { "on" } else { "off" })))
        .collect();
    format!("Set {}", parts.join(", "))
}
