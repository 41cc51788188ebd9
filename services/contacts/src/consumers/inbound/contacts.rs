//! Contacts of which others speak.

use std::collections::{BTreeMap, HashMap, HashSet};

use chrono::{DateTime, Utc};
use usher_database::Transaction;
use usher_events::ContactUpserted;
use usher_messaging::HandlerError;
use usher_types::{AccountId, ContactId, EmailState, PortalStatus};

use super::{Speaker, early, lane, linking, overtaken, refused};
use crate::domain::account::Account;
use crate::domain::activity::{Activity, action, changed_summary};
use crate::domain::contact::Contact;
use crate::domain::inbound::{ContactNews, Versions};
use crate::storage::batch::Batch;
use crate::storage::inbound::{self, Candidate, Kind, Known, Of};
use crate::storage::organization::{self, Organization};
use crate::storage::search::{self, Searched};
use crate::storage::told::Told;
use crate::storage::view::{self, View};
use crate::storage::{accounts, activity, claim, contacts, facts, placeholder};

/// Everything that is said of one contact.
struct Saying {
    external_id: String,
    versions: Versions,
    news: ContactNews,
}

/// What becomes of a contact.
struct Change {
    external_id: String,
    versions: Versions,
    /// None: it is new.
    before: Option<View>,
    after: Contact,
    changed: Vec<&'static str>,
    /// What it is to be linked to.
    accounts: Vec<AccountId>,
}

impl Change {
    fn is_readdressed(&self) -> bool {
        let before = self.before.as_ref();
        before.and_then(|before| before.contact.email_canonical.as_ref())
            != self.after.email_canonical.as_ref()
    }

    /// The address that this contact alone must have and did not have before.
    fn claimed(&self) -> Option<&str> {
        let claims = self.after.email_state == EmailState::Valid && self.is_readdressed();
        self.after.email_canonical.as_deref().filter(|_| claims)
    }
}

/// Applies all that is said, with the same few statements however much it is.
pub(super) async fn apply(
    tx: &Transaction,
    speaker: &Speaker,
    said: Vec<ContactUpserted>,
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    if said.is_empty() {
        return Ok(());
    }
    let of = Of {
        organization: speaker.organization,
        publisher: &speaker.user,
        kind: Kind::Contact,
    };
    let settings = organization::for_writer(tx, speaker.organization).await?;
    let external_ids: Vec<String> = said.iter().map(|said| said.external_id.clone()).collect();
    let known = inbound::lock(tx, of, &external_ids).await?;
    let sayings = sayings(said, &known);
    let of_accounts = Of {
        kind: Kind::Account,
        ..of
    };
    let wanted: Vec<String> = sayings
        .iter()
        .flat_map(|saying| saying.news.accounts())
        .cloned()
        .collect();
    let known_accounts = inbound::lock(tx, of_accounts, &wanted).await?;
    let meant = meant(tx, of, &sayings, &known).await?;
    let ids: Vec<ContactId> = meant.values().copied().collect();
    let seen = view::lock_all(tx, speaker.organization, &ids, true).await?;
    let mut seen: HashMap<ContactId, View> = seen.into_iter().map(|view| (view.contact.id, view)).collect();
    let accounts = linking::accounts(tx, of_accounts, &known_accounts).await?;
    let mut changes = Vec::with_capacity(sayings.len());
    for saying in sayings {
        let before = match meant.get(&saying.external_id) {
            Some(id) => Some(seen.remove(id).ok_or_else(|| gone(&saying.external_id))?),
            None => None,
        };
        changes.push(change(saying, before, speaker, (&settings, &accounts), now)?);
    }
    have_addresses(tx, speaker, &changes).await?;
    write(tx, speaker, of, &changes, now).await?;
    let wanted = changes.iter().filter(|change| !change.accounts.is_empty());
    let wanted = wanted.map(|change| linking::Wanted {
        external_id: &change.external_id,
        contact: change.after.id,
        accounts: &change.accounts,
    });
    let wanted: Vec<linking::Wanted<'_>> = wanted.collect();
    linking::link(tx, speaker, settings.company_first, &wanted, now).await
}

fn gone(external_id: &str) -> HandlerError {
    refused(
        external_id,
        "the contact is not there any more, or is known under another id as well",
    )
}

/// The newest of each field, by contact; what is not new is left out.
fn sayings(said: Vec<ContactUpserted>, known: &HashMap<String, Known>) -> Vec<Saying> {
    let mut all = BTreeMap::<String, (Versions, ContactNews)>::new();
    for said in said {
        let external_id = said.external_id.clone();
        let versions = || known.get(&external_id).map(|known| known.versions.clone());
        let (versions, news) = all
            .entry(external_id.clone())
            .or_insert_with(|| (versions().unwrap_or_default(), ContactNews::default()));
        news.add(said, versions);
    }
    let all = all.into_iter().filter(|(_, (_, news))| !news.is_empty());
    all.map(|(external_id, (versions, news))| Saying {
        external_id,
        versions,
        news,
    })
    .collect()
}

/// Which contacts are meant: those that were spoken of before, or else one with the same external id, or address, that is there
/// already. What is left is new.
async fn meant(
    tx: &Transaction,
    of: Of<'_>,
    sayings: &[Saying],
    known: &HashMap<String, Known>,
) -> Result<HashMap<String, ContactId>, HandlerError> {
    let mut meant = HashMap::new();
    let mut unknown = Vec::new();
    for saying in sayings {
        match known.get(&saying.external_id) {
            Some(known) => {
                meant.insert(saying.external_id.clone(), ContactId::from(known.id));
            }
            None => unknown.push(saying),
        }
    }
    if unknown.is_empty() {
        return Ok(meant);
    }
    let external_ids: Vec<String> = unknown.iter().map(|saying| saying.external_id.clone()).collect();
    let canonical: Vec<String> = unknown
        .iter()
        .filter_map(|saying| saying.news.canonical())
        .collect();
    let candidates = inbound::candidates(tx, of, &external_ids, &canonical).await?;
    for saying in unknown {
        if let Some(id) = adopted(saying, &candidates) {
            meant.insert(saying.external_id.clone(), id);
        }
    }
    Ok(meant)
}

/// An external id that a member or an import wrote names one contact; one that another publisher uses as well says nothing. An
/// address that one contact alone has names that one.
fn adopted(saying: &Saying, candidates: &[Candidate]) -> Option<ContactId> {
    let only = |mut found: Vec<&Candidate>| found.pop().filter(|_| found.is_empty()).map(|found| found.id);
    let same_id = candidates.iter().filter(|candidate| {
        !candidate.is_known && candidate.external_id.as_ref() == Some(&saying.external_id)
    });
    let canonical = saying.news.canonical();
    let same_address = candidates
        .iter()
        .filter(|candidate| canonical.is_some() && candidate.canonical == canonical);
    only(same_id.collect()).or_else(|| only(same_address.collect()))
}

fn change(
    saying: Saying,
    before: Option<View>,
    speaker: &Speaker,
    (settings, known): (&Organization, &HashMap<String, Account>),
    now: DateTime<Utc>,
) -> Result<Change, HandlerError> {
    let Saying {
        external_id,
        versions,
        news,
    } = saying;
    let because = |reason: String| refused(&external_id, reason);
    let beginning = match &before {
        Some(view) => view.contact.clone(),
        None => news
            .beginning(&external_id, speaker.organization, now)
            .map_err(|reason| early(&external_id, reason))?,
    };
    let accounts = accounts_of(&external_id, &news, known)?;
    let has_company = accounts.iter().any(|account| account.kind.is_company());
    let accounts = accounts.iter().map(|account| account.id).collect();
    let applied = news.applied(&beginning, &settings.placeholder_domains, now);
    let (mut after, mut changed) = applied.map_err(because)?;
    if before.is_none() && settings.company_first && !has_company {
        let reason = "accounts: every contact needs a company in this organization";
        return Err(refused(&external_id, reason));
    }
    // Whoever was known without an id is known by this one from now on.
    if after.external_id.is_none() {
        after.external_id = Some(external_id.clone());
        changed.push("externalId");
    }
    let change = Change {
        external_id,
        versions,
        before,
        after,
        changed,
        accounts,
    };
    let was_invited = change
        .before
        .as_ref()
        .is_some_and(|before| before.portal.stored != PortalStatus::Waiting);
    if was_invited && change.is_readdressed() && !speaker.may_readdress {
        let reason = "the address of somebody who was invited decides who gets in: name the publisher in inbound.may_readdress";
        return Err(refused(&change.external_id, reason));
    }
    Ok(change)
}

fn accounts_of<'a>(
    external_id: &str,
    news: &ContactNews,
    known: &'a HashMap<String, Account>,
) -> Result<Vec<&'a Account>, HandlerError> {
    let account = |id: &String| {
        let unknown = || early(external_id, format!("accounts: there is no account {id} yet"));
        known.get(id).ok_or_else(unknown)
    };
    news.accounts().iter().map(account).collect()
}

/// One live contact an address and organization (C3).
async fn have_addresses(tx: &Transaction, speaker: &Speaker, changes: &[Change]) -> Result<(), HandlerError> {
    let claimed: Vec<String> = changes
        .iter()
        .filter_map(Change::claimed)
        .map(str::to_owned)
        .collect();
    let mut taken = HashSet::new();
    let holders = claim::holders(tx, speaker.organization, &claimed).await?;
    for change in changes {
        let Some(address) = change.claimed() else { continue };
        let other = holders
            .iter()
            .find(|(canonical, holder)| canonical == address && holder.id != change.after.id);
        if let Some((_, holder)) = other {
            let reason = format!("another contact has this address: {}", holder.id);
            return Err(refused(&change.external_id, reason));
        }
        if !taken.insert(address) {
            return Err(refused(
                &change.external_id,
                "another contact gets this address at the same time",
            ));
        }
    }
    for change in changes.iter().filter(|change| is_back(change)) {
        let canonical = change.after.email_canonical.as_deref().unwrap_or_default();
        let id = Some(change.after.id);
        let claim = claim::find(tx, speaker.organization, canonical, id).await?;
        if claim.holder.is_some_and(|holder| holder.active) {
            return Err(refused(
                &change.external_id,
                "another contact has this contact's address now",
            ));
        }
    }
    Ok(())
}

/// Whether somebody becomes active again who shares an address, which another may have by now.
fn is_back(change: &Change) -> bool {
    change.after.active && change.after.email_duplicate && change.changed.contains(&"active")
}

async fn write(
    tx: &Transaction,
    speaker: &Speaker,
    of: Of<'_>,
    changes: &[Change],
    now: DateTime<Utc>,
) -> Result<(), HandlerError> {
    let (new, old): (Vec<&Change>, Vec<&Change>) = changes.iter().partition(|change| change.before.is_none());
    let new: Vec<Contact> = new.iter().map(|change| change.after.clone()).collect();
    let old: Vec<&Change> = old
        .into_iter()
        .filter(|change| !change.changed.is_empty())
        .collect();
    let edited: Vec<Contact> = old.iter().map(|change| change.after.clone()).collect();
    let mut told = contacts::update_all(tx, &edited).await?;
    let mut batch = Batch::new(tx);
    contacts::insert(&mut batch, speaker.organization, &new);
    search::write(&mut batch, documents(&new, &told));
    for change in old.iter().filter(|change| change.changed.contains(&"tags")) {
        if let Some(before) = &change.before {
            contacts::retag(&mut batch, &before.contact, &change.after);
        }
    }
    let opened: Vec<ContactId> = old
        .iter()
        .filter(|change| opens(change))
        .map(|change| change.after.id)
        .collect();
    if !opened.is_empty() {
        let own = accounts::lock_own(tx, speaker.organization, &opened).await?;
        accounts::recount_portal(&mut batch, speaker.organization, &own);
    }
    activity::insert(&mut batch, &lines(speaker, &new, &old, now));
    batch.run(tx).await?;
    if !inbound::store(tx, of, changes.iter().map(known)).await? {
        return Err(overtaken());
    }
    told.extend(left_alone(tx, &old, now).await?);
    let lane = lane(new.len() + told.len());
    let created = new
        .iter()
        .map(|contact| facts::contact_created(facts::contact_facts(contact, Vec::new()), now));
    facts::publish(tx, lane, created.collect()).await?;
    Ok(facts::publish_updates(tx, lane, &told, now).await?)
}

fn documents<'a>(new: &'a [Contact], told: &'a [Told]) -> impl Iterator<Item = Searched> + 'a {
    let new = new.iter().map(|contact| Searched {
        contact: contact.clone(),
        account_names: Vec::new(),
    });
    new.chain(told.iter().map(Searched::from))
}

/// Whether role or activity open or close the portal to somebody for whom login is on (C11).
fn opens(change: &Change) -> bool {
    let before = change.before.as_ref().map(|before| before.contact.opens_portal());
    before != Some(change.after.opens_portal()) && change.after.links_with_login > 0
}

fn lines(speaker: &Speaker, new: &[Contact], old: &[&Change], now: DateTime<Utc>) -> Vec<Activity> {
    let line = |contact: &Contact, action, summary| Activity {
        contact: Some(contact.id),
        ..speaker.line(now, action, summary)
    };
    let created = new.iter().map(|contact| {
        let summary = format!("Created as {}", contact.role);
        line(contact, action::CONTACT_CREATED, summary)
    });
    let edited = old.iter().map(|change| {
        let (action, summary) = match (change.changed.as_slice(), change.after.active) {
            (["active"], true) => (action::CONTACT_ACTIVATED, "Made active".to_owned()),
            (["active"], false) => (action::CONTACT_DEACTIVATED, "Made inactive".to_owned()),
            (changed, _) => (action::CONTACT_UPDATED, changed_summary(changed)),
        };
        line(&change.after, action, summary)
    });
    created.chain(edited).collect()
}

fn known(change: &Change) -> (String, Known) {
    let known = Known {
        id: change.after.id.uuid(),
        versions: change.versions.clone(),
    };
    (change.external_id.clone(), known)
}

/// Those who shared an address with somebody who has another now, and have it alone. There are few such addresses.
async fn left_alone(
    tx: &Transaction,
    old: &[&Change],
    now: DateTime<Utc>,
) -> Result<Vec<Told>, HandlerError> {
    let mut left = Vec::new();
    for change in old.iter().filter(|change| change.is_readdressed()) {
        let before = change.before.as_ref().map(|before| &before.contact);
        let shared = before.filter(|before| before.email_duplicate);
        if let Some((before, canonical)) =
            shared.and_then(|before| Some((before, before.email_canonical.as_ref()?)))
        {
            left.extend(placeholder::settle(tx, before.organization, canonical, now).await?);
        }
    }
    Ok(left)
}
