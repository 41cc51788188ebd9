//! Toggles of one link, or of every link of accounts (C6, I13).

use std::collections::{BTreeSet, HashSet};

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{AccountId, ContactId, LinkId, Version};

use super::{App, Caller, Failure};
use crate::domain::account::Account;
use crate::domain::activity::{Activity, action};
use crate::domain::refusal::{InvitationCode as Code, Refusal};
use crate::storage::facts::{self, Speech};
use crate::storage::links::{self, By, Link, ToggleChange};
use crate::storage::{accounts, activity, contacts};

/// Accounts of one change.
const ACCOUNTS: usize = 1_000;
/// Changes of more contacts do not stand before what others wait for.
const INTERACTIVE: usize = 100;

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

/// The accounts, and everyone whose link was looked at with their versions.
#[derive(Clone, Debug)]
pub(crate) struct Toggled {
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
        let links = looked_at(&tx, caller, &input, &ids).await?;
        let people: BTreeSet<ContactId> = links.iter().map(|link| link.contact).collect();
        // Contacts before accounts, both in the order of their ids.
        contacts::lock(&tx, caller.organization, people.iter().copied()).await?;
        let found = accounts::lock(&tx, caller.organization, &ids).await?;
        for (index, id) in ids.iter().enumerate() {
            if !found.iter().any(|account| account.id == *id) {
                return Err(no_account(index).into());
            }
        }
        if input.contact.is_some() && links.is_empty() {
            let message = "This contact is not linked to the account.";
            return Err(Refusal::new(Code::NotFound, &["contactId"], message).into());
        }
        let link_ids: Vec<LinkId> = links.iter().map(|link| link.id).collect();
        let changed = links::set_toggles(&tx, &link_ids, input.change).await?;
        if !changed.is_empty() {
            changed_links(&tx, caller, &changed, input.change, now).await?;
        }
        let people: Vec<ContactId> = people.into_iter().collect();
        let versions = contacts::versions(&tx, caller.organization, &people).await?;
        let accounts = accounts::find(&tx, caller.organization, &ids).await?;
        tx.commit().await?;
        Ok(Toggled {
            accounts,
            contacts: versions,
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
        return Err(Refusal::new(
            Code::Invalid,
            &["accountIds"],
            "Name at least one account.",
        ));
    }
    Ok(ids)
}

fn no_account(index: usize) -> Refusal<Code> {
    Refusal::new(
        Code::NotFound,
        &["accountIds", &index.to_string()],
        "There is no such account.",
    )
}

async fn looked_at(
    tx: &Transaction,
    caller: &Caller,
    input: &ToggleInput,
    accounts: &[AccountId],
) -> Result<Vec<Link>, Failure<Code>> {
    let mut links = links::find(tx, caller.organization, By::Accounts(accounts)).await?;
    let except: HashSet<ContactId> = input.except.iter().copied().collect();
    links.retain(|link| !except.contains(&link.contact));
    if let Some(only) = input.contact {
        links.retain(|link| Some(link.contact) == only);
    }
    Ok(links)
}

/// Counts, activity and events after toggles became others.
async fn changed_links(
    tx: &Transaction,
    caller: &Caller,
    changed: &[Link],
    change: ToggleChange,
    now: DateTime<Utc>,
) -> Result<(), Failure<Code>> {
    let people: BTreeSet<ContactId> = changed.iter().map(|link| link.contact).collect();
    let people: Vec<ContactId> = people.into_iter().collect();
    let accounts: BTreeSet<AccountId> = changed.iter().map(|link| link.account).collect();
    let accounts: Vec<AccountId> = accounts.into_iter().collect();
    contacts::recount_links(tx, caller.organization, &people, now).await?;
    accounts::touch(tx, caller.organization, &accounts, now).await?;
    accounts::recount_portal(tx, caller.organization, &accounts).await?;
    let line = |link: &Link| Activity {
        contact: Some(link.contact),
        account: Some(link.account),
        ..caller.activity(now, action::TOGGLES_CHANGED, summary(change))
    };
    let lines: Vec<Activity> = changed.iter().map(line).collect();
    activity::insert(tx, &lines).await?;
    let lane = if people.len() > INTERACTIVE {
        Lane::Bulk
    } else {
        Lane::Interactive
    };
    let speech = Speech {
        lane,
        ..Speech::interactive(now)
    };
    facts::publish_contacts(tx, caller.organization, &people, speech).await?;
    Ok(())
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
