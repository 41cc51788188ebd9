//! Accounts of which others speak.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::{AccountUpserted, Deactivated, Envelope};
use usher_messaging::HandlerError;
use usher_types::{AccountId, ContactId};

use super::{Speaker, early, lane, overtaken, refused};
use crate::domain::account::{Account, joint_refusal};
use crate::domain::activity::{Activity, action, changed_summary};
use crate::domain::inbound::{AccountNews, Versions};
use crate::domain::link::Link;
use crate::storage::accounts::Counted;
use crate::storage::batch::Batch;
use crate::storage::companies::Whose;
use crate::storage::contacts::{self, Of as Linked};
use crate::storage::inbound::{self, Kind, Known, Of};
use crate::storage::links::{self, ToggleChange};
use crate::storage::{accounts, activity, companies, facts, organization, search};

/// One message.
pub(super) enum Saying {
    Upserted(AccountUpserted),
    Ended(Deactivated),
}

impl Saying {
    fn external_id(&self) -> &str {
        match self {
            Self::Upserted(said) => &said.external_id,
            Self::Ended(said) => &said.external_id,
        }
    }
}

/// What becomes of an account.
struct Change {
    external_id: String,
    versions: Versions,
    /// None: it is new.
    before: Option<Account>,
    after: Account,
    changed: Vec<&'static str>,
    /// Login goes off on all its links.
    ends: bool,
}

impl Change {
    fn has(&self, field: &str) -> bool {
        self.before.is_some() && self.changed.contains(&field)
    }
}

/// Applies all that is said, with the same few statements however much it is.
pub(super) async fn apply(
    tx: &Transaction,
    speaker: &Speaker,
    said: Vec<Saying>,
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    if said.is_empty() {
        return Ok(());
    }
    let of = Of {
        organization: speaker.organization,
        publisher: &speaker.user,
        kind: Kind::Account,
    };
    let company_first = organization::for_writer(tx, speaker.organization)
        .await?
        .company_first;
    let external_ids: Vec<String> = said.iter().map(|said| said.external_id().to_owned()).collect();
    let known = inbound::lock(tx, of, &external_ids).await?;
    let news = news(said, &known);
    let ids: Vec<AccountId> = known.values().map(|known| AccountId::from(known.id)).collect();
    // Contacts before accounts: their search documents hold the accounts' names.
    let linked = Linked {
        accounts: &ids,
        only: None,
        except: &[],
    };
    let people = contacts::lock_of(tx, speaker.organization, linked).await?;
    let people: BTreeSet<ContactId> = people.into_iter().map(|(contact, _)| contact).collect();
    let seen = accounts::lock(tx, speaker.organization, &ids).await?;
    let mut seen: HashMap<AccountId, Account> =
        seen.into_iter().map(|account| (account.id, account)).collect();
    let mut changes = Vec::with_capacity(news.len());
    for (external_id, (versions, news)) in news {
        let before = match known.get(&external_id) {
            Some(known) => {
                let gone = || refused(&external_id, "the account is not there any more");
                Some(seen.remove(&AccountId::from(known.id)).ok_or_else(gone)?)
            }
            None => None,
        };
        changes.push(change((external_id, versions, news), before, speaker, now)?);
    }
    let counted = edit(tx, &changes).await?;
    keep_to_the_kind(tx, speaker, company_first, &changes, &counted).await?;
    write(tx, speaker, of, (&changes, &people), now).await
}

type News = BTreeMap<String, (Versions, AccountNews)>;

/// The newest of each field, by account; what is not new is left out.
fn news(said: Vec<Saying>, known: &HashMap<String, Known>) -> News {
    let mut all = News::new();
    for said in said {
        let external_id = said.external_id().to_owned();
        let versions = known.get(&external_id).map(|known| known.versions.clone());
        let (versions, news) = all
            .entry(external_id)
            .or_insert_with(|| (versions.unwrap_or_default(), AccountNews::default()));
        match said {
            Saying::Upserted(said) => news.add(said, versions),
            Saying::Ended(said) => news.end(said.version, versions),
        }
    }
    all.retain(|_, (_, news)| !news.is_empty());
    all
}

fn change(
    (external_id, versions, news): (String, Versions, AccountNews),
    before: Option<Account>,
    speaker: &Speaker,
    now: DateTime<Utc>,
) -> Result<Change, HandlerError> {
    let because = |reason: String| refused(&external_id, reason);
    let ends = news.is_end();
    let beginning = match &before {
        Some(account) => account.clone(),
        None => news
            .beginning(speaker.organization, now)
            .map_err(|reason| early(&external_id, reason))?,
    };
    let (after, changed) = news.applied(&beginning, now).map_err(because)?;
    Ok(Change {
        external_id,
        versions,
        before,
        after,
        changed,
        ends,
    })
}

/// Writes those that were there before and become others.
async fn edit(tx: &Transaction, changes: &[Change]) -> Result<Vec<Counted>, HandlerError> {
    let edited = changes
        .iter()
        .filter(|change| change.before.is_some() && !change.changed.is_empty());
    let edited: Vec<Account> = edited.map(|change| change.after.clone()).collect();
    Ok(accounts::update_all(tx, &edited).await?)
}

/// A joint account has its two people (C5), a company its primary contact and a contact a company (C7). Kinds hardly ever change.
async fn keep_to_the_kind(
    tx: &Transaction,
    speaker: &Speaker,
    company_first: bool,
    changes: &[Change],
    counted: &[Counted],
) -> Result<(), HandlerError> {
    for change in changes.iter().filter(|change| change.has("kind")) {
        let links = counted
            .iter()
            .find(|counted| counted.account.id == change.after.id);
        let refusal = links
            .and_then(|links| joint_refusal(change.after.kind, links.contacts, links.primaries, &["kind"]));
        if let Some(refusal) = refusal {
            return Err(refused(&change.external_id, format!("kind: {}", refusal.message)));
        }
        if !company_first {
            continue;
        }
        let whose = Whose::Linked(change.after.id);
        if !change.after.kind.is_company() && companies::is_missing(tx, speaker.organization, whose).await? {
            let reason =
                "kind: every contact needs a company, and one of this account would have none any more";
            return Err(refused(&change.external_id, reason));
        }
        companies::promote_oldest(tx, speaker.organization, Some(&[change.after.id])).await?;
    }
    Ok(())
}

async fn write(
    tx: &Transaction,
    speaker: &Speaker,
    of: Of<'_>,
    (changes, people): (&[Change], &BTreeSet<ContactId>),
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let new: Vec<Account> = changes
        .iter()
        .filter(|change| change.before.is_none())
        .map(|change| change.after.clone())
        .collect();
    let renamed: Vec<AccountId> = changes
        .iter()
        .filter(|change| change.has("name"))
        .map(|change| change.after.id)
        .collect();
    let documents = match renamed.as_slice() {
        [] => Vec::new(),
        renamed => search::of_accounts(tx, speaker.organization, renamed).await?,
    };
    if documents
        .iter()
        .any(|document| !people.contains(&document.contact.id))
    {
        return Err(HandlerError::retry(
            "somebody was linked to a renamed account meanwhile",
        ));
    }
    let mut batch = Batch::new(tx);
    accounts::insert(&mut batch, speaker.organization, &new);
    for change in changes.iter().filter(|change| change.has("tags")) {
        if let Some(before) = &change.before {
            accounts::retag(&mut batch, before, &change.after);
        }
    }
    search::write(&mut batch, documents);
    activity::insert(&mut batch, &lines(speaker, changes, now));
    batch.run(tx).await?;
    if !inbound::store(tx, of, changes.iter().map(known)).await? {
        return Err(overtaken());
    }
    let said: Vec<Envelope> = changes.iter().filter_map(|change| said(change, now)).collect();
    facts::publish(tx, lane(said.len()), said).await?;
    end(tx, speaker, (changes, people), now).await
}

fn said(change: &Change, now: DateTime<Utc>) -> Option<Envelope> {
    match &change.before {
        None => Some(facts::account_created(&change.after, now)),
        Some(_) if change.changed.is_empty() => None,
        Some(_) => Some(facts::account_updated(&change.after, now)),
    }
}

fn known(change: &Change) -> (String, Known) {
    let known = Known {
        id: change.after.id.uuid(),
        versions: change.versions.clone(),
    };
    (change.external_id.clone(), known)
}

fn lines(speaker: &Speaker, changes: &[Change], now: DateTime<Utc>) -> Vec<Activity> {
    let line = |change: &Change| {
        let (action, summary) = match &change.before {
            None => (action::ACCOUNT_CREATED, format!("Created {}", change.after.kind)),
            Some(_) if change.changed.is_empty() => return None,
            Some(_) => (action::ACCOUNT_UPDATED, changed_summary(&change.changed)),
        };
        Some(Activity {
            account: Some(change.after.id),
            ..speaker.line(now, action, summary)
        })
    };
    changes.iter().filter_map(line).collect()
}

/// Login goes off on all links of the accounts that end.
async fn end(
    tx: &Transaction,
    speaker: &Speaker,
    (changes, people): (&[Change], &BTreeSet<ContactId>),
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let ended = changes
        .iter()
        .filter(|change| change.ends && change.before.is_some());
    let ended: Vec<AccountId> = ended.map(|change| change.after.id).collect();
    if ended.is_empty() {
        return Ok(());
    }
    let off = ToggleChange {
        login: Some(false),
        ..ToggleChange::default()
    };
    let people: Vec<ContactId> = people.iter().copied().collect();
    let closed = links::set_toggles(tx, speaker.organization, &ended, &people, off, now).await?;
    if closed.is_empty() {
        return Ok(());
    }
    let people: BTreeSet<ContactId> = closed.iter().map(|link| link.contact).collect();
    let people: Vec<ContactId> = people.into_iter().collect();
    let told = contacts::relink(tx, speaker.organization, &people, now).await?;
    facts::publish_updates(tx, lane(told.len()), &told, now).await?;
    let shut: BTreeSet<AccountId> = closed.iter().map(|link| link.account).collect();
    let shut: Vec<AccountId> = shut.into_iter().collect();
    accounts::relink(tx, speaker.organization, &shut, now).await?;
    let line = |link: &Link| Activity {
        contact: Some(link.contact),
        account: Some(link.account),
        ..speaker.line(now, action::TOGGLES_CHANGED, "Set login off".to_owned())
    };
    Ok(activity::insert_all(tx, &closed.iter().map(line).collect::<Vec<_>>()).await?)
}
