//! createContact (C1, C3, C5): the contact, links, companies made on the spot, and the wish to invite.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_auth::{Denied, Permission};
use usher_database::Transaction;
use usher_events::{Envelope, Invite, Lane};
use usher_messaging::enqueue;
use usher_types::{AccountId, AccountKind, ContactId, LinkId, MemberId, Version};

use super::{App, Caller, Failure, address};
use crate::domain::account::Account;
use crate::domain::activity::{Activity, action};
use crate::domain::address::{Address, email_fact};
use crate::domain::contact::{Contact, ContactDraft, ContactInput};
use crate::domain::link::{Target, no_account};
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::domain::text::CONTACTS_OF_ACCOUNT;
use crate::storage::facts::{self, SOURCE, Speech};
use crate::storage::links::{self, Link};
use crate::storage::organization::Organization;
use crate::storage::view::{self, View};
use crate::storage::{accounts, activity, address_state, contacts, organization, search};

/// A new contact, and the key under which its invitation was asked for.
#[derive(Debug)]
pub(crate) struct Created {
    pub(crate) view: View,
    pub(crate) invite_key: Option<String>,
}

impl App {
    /// Makes a contact.
    pub(crate) async fn create_contact(
        &self,
        caller: &Caller,
        input: ContactInput,
    ) -> Result<Created, Failure<Code>> {
        let inviter = match (input.invite, caller.principal.member()) {
            (false, _) => None,
            (true, Some(member)) if caller.has(Permission::PortalInvite) => Some(member),
            (true, _) => return Err(Denied::Forbidden.into()),
        };
        let draft = ContactDraft::new(input)?;
        let now = self.now();
        let tx = self.write(caller).await?;
        let settings = organization::for_writer(&tx, caller.organization).await?;
        let address = draft
            .email
            .as_ref()
            .map(|email| Address::new(email, &settings.placeholder_domains));
        check(&tx, caller, &draft, address.as_ref(), &settings).await?;
        let contact = contact(&draft, address.as_ref(), caller, now);
        if let Err(error) = contacts::insert(&tx, &contact, address.as_ref()).await {
            drop(tx);
            return Err(self.lost_race(caller, address.as_ref(), None, error).await);
        }
        let lines = link(&tx, caller, &draft, contact.id, now).await?;
        activity::insert(&tx, &lines).await?;
        search::rebuild(&tx, caller.organization, &[contact.id]).await?;
        let speech = Speech {
            created: true,
            ..Speech::interactive(now)
        };
        facts::publish_contacts(&tx, caller.organization, &[contact.id], speech).await?;
        let invite_key = match inviter {
            Some(member) => Some(ask_to_invite(&tx, &contact, member, draft.message, now).await?),
            None => None,
        };
        let view = view::find_one(&tx, caller.organization, contact.id).await?;
        let view = view.ok_or_else(|| DbErr::RecordNotFound(contact.id.to_string()))?;
        tx.commit().await?;
        Ok(Created { view, invite_key })
    }
}

/// What the input alone could not tell: the address may be taken, accounts missing, the contact not invitable.
async fn check(
    tx: &Transaction,
    caller: &Caller,
    draft: &ContactDraft,
    address: Option<&Address>,
    settings: &Organization,
) -> Result<(), Failure<Code>> {
    let mut refusals = Vec::new();
    if let Some(address) = address {
        refusals.extend(address::taken(tx, caller.organization, address, None).await?);
    }
    if draft.invite && refusals.is_empty() {
        let fact = match address {
            Some(address) => {
                let known = address_state::find(tx, caller.organization, &address.canonical).await?;
                email_fact(address.state(), false, known)
            }
            None => usher_types::EmailFact::None,
        };
        refusals.extend(draft.not_invitable(fact, settings.portal_enabled));
    }
    let wanted: Vec<(usize, AccountId)> = existing(draft).collect();
    let ids: Vec<AccountId> = wanted.iter().map(|(_, account)| *account).collect();
    let found = accounts::lock(tx, caller.organization, &ids).await?;
    let sizes = links::sizes(tx, &ids).await?;
    for (index, account) in wanted {
        let path = ["accounts", &index.to_string(), "accountId"];
        if !found.iter().any(|known| known.id == account) {
            refusals.push(no_account(&path));
        } else if sizes
            .get(&account)
            .is_some_and(|size| *size >= CONTACTS_OF_ACCOUNT)
        {
            let message = format!("This account has {CONTACTS_OF_ACCOUNT} contacts already.");
            refusals.push(Refusal::new(Code::Invalid, &path, message));
        }
    }
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(refusals.into())
    }
}

fn existing(draft: &ContactDraft) -> impl Iterator<Item = (usize, AccountId)> {
    draft
        .accounts
        .iter()
        .enumerate()
        .filter_map(|(index, link)| match link.target {
            Target::Existing(account) => Some((index, account)),
            Target::NewCompany(_) => None,
        })
}

fn contact(draft: &ContactDraft, address: Option<&Address>, caller: &Caller, now: DateTime<Utc>) -> Contact {
    let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
    Contact {
        id: ContactId::new(now),
        organization: caller.organization,
        version: Version::FIRST,
        role: draft.role,
        active: true,
        first_name: draft.first_name.clone(),
        last_name: draft.last_name.clone(),
        email: address.map(|address| address.typed.clone()),
        email_canonical: address.map(|address| address.canonical.clone()),
        email_state: address.map_or(usher_types::EmailState::None, Address::state),
        email_duplicate: false,
        phone: draft.phone.clone(),
        notes: draft.notes.clone(),
        tags: draft.tags.clone(),
        external_id: draft.external_id.clone(),
        locale: None,
        time_zone: None,
        links: count(draft.accounts.len()),
        links_with_login: count(draft.accounts.iter().filter(|link| link.toggles.login).count()),
        created_at: now,
        updated_at: now,
    }
}

/// Makes companies and links; gives the lines of the activity log.
async fn link(
    tx: &Transaction,
    caller: &Caller,
    draft: &ContactDraft,
    contact: ContactId,
    now: DateTime<Utc>,
) -> Result<Vec<Activity>, DbErr> {
    let mut lines = vec![Activity {
        contact: Some(contact),
        ..caller.activity(now, action::CONTACT_CREATED, format!("Created as {}", draft.role))
    }];
    let mut new_links = Vec::with_capacity(draft.accounts.len());
    let mut old_accounts = Vec::new();
    for wanted in &draft.accounts {
        let account = match &wanted.target {
            Target::Existing(account) => {
                old_accounts.push(*account);
                if wanted.toggles.primary {
                    links::demote_others(tx, *account, contact).await?;
                }
                *account
            }
            Target::NewCompany(name) => {
                let company = company(name.clone(), caller, now);
                accounts::insert(tx, &company).await?;
                facts::publish_account(tx, &company, true, now).await?;
                lines.push(Activity {
                    contact: Some(contact),
                    account: Some(company.id),
                    ..caller.activity(
                        now,
                        action::ACCOUNT_CREATED,
                        format!("Created {}", AccountKind::Company),
                    )
                });
                company.id
            }
        };
        new_links.push(Link {
            id: LinkId::new(now),
            account,
            contact,
            toggles: wanted.toggles,
        });
    }
    links::insert(tx, caller.organization, &new_links, now).await?;
    let all: Vec<AccountId> = new_links.iter().map(|link| link.account).collect();
    accounts::touch(tx, caller.organization, &old_accounts, now).await?;
    accounts::recount_portal(tx, caller.organization, &all).await?;
    Ok(lines)
}

fn company(name: String, caller: &Caller, now: DateTime<Utc>) -> Account {
    Account {
        id: AccountId::new(now),
        organization: caller.organization,
        version: Version::FIRST,
        name,
        kind: AccountKind::Company,
        tags: Vec::new(),
        portal_contacts: 0,
        created_at: now,
        updated_at: now,
    }
}

/// The wish to invite, in the same transaction as the contact: it survives whatever happens to the gateway's direct call,
/// which uses the same key, so that one of the two does nothing.
async fn ask_to_invite(
    tx: &Transaction,
    contact: &Contact,
    member: MemberId,
    message: Option<String>,
    now: DateTime<Utc>,
) -> Result<String, DbErr> {
    let key = format!("create:{}", contact.id);
    let mut facts = facts::contact_facts(tx, contact.organization, &[contact.id]).await?;
    let facts = facts
        .pop()
        .ok_or_else(|| DbErr::RecordNotFound(contact.id.to_string()))?;
    let invite = Invite {
        organization_id: contact.organization,
        contact_id: contact.id,
        idempotency_key: key.clone(),
        member_id: member,
        message,
        contact: facts,
    };
    enqueue(
        tx,
        Lane::Interactive,
        vec![Envelope::command(SOURCE, now, &invite)],
    )
    .await?;
    Ok(key)
}
