//! createContact (C1, C3, C5): the contact, links, companies made on the spot, and the wish to invite.

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use usher_auth::{Denied, Permission};
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{AccountId, EmailFact, MemberId};

use super::company_first::CompanyFirst;
use super::new_contact::NewContact;
use super::{App, Caller, Failure, address};
use crate::domain::account::Account;
use crate::domain::address::{Address, email_fact};
use crate::domain::contact_draft::{ContactDraft, ContactInput};
use crate::domain::link::no_account;
use crate::domain::portal::Portal;
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::domain::text::CONTACTS_OF_ACCOUNT;
use crate::storage::claim::{self, Claim};
use crate::storage::organization::{self, Organization};
use crate::storage::view::View;
use crate::storage::{accounts, facts};

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
        let inviter = inviter(caller, input.invite)?;
        let draft = ContactDraft::new(input)?;
        let now = self.now();
        let tx = self.write(caller).await?;
        let ground = Ground::of(&tx, caller, &draft).await?;
        let refusals = ground.refusals(&draft);
        if !refusals.is_empty() {
            return Err(refusals.into());
        }
        let new = NewContact::new(&draft, caller, ground.address.as_ref(), &ground.accounts, now);
        if let Err(error) = new.write(&tx, caller).await {
            drop(tx);
            return Err(self.lost_race(caller, ground.address.as_ref(), None, error).await);
        }
        seated(&tx, caller, &draft, now).await?;
        let company_first = CompanyFirst::from(caller.organization, ground.settings.company_first);
        company_first.keep_primary(&tx, &new.accounts()).await?;
        let mut said = new.events();
        let invite_key = inviter.map(|member: MemberId| {
            let (key, command) = new.invite(member, draft.message.clone());
            said.push(command);
            key
        });
        facts::publish(&tx, Lane::Interactive, said).await?;
        tx.commit().await?;
        let view = View {
            contact: new.contact,
            portal: Portal::NEW,
            known: ground.claim.known,
            portal_enabled: ground.settings.portal_enabled,
        };
        Ok(Created { view, invite_key })
    }
}

/// The member who invites at once, where it is asked for; it needs `portal.invite` too.
fn inviter(caller: &Caller, invite: bool) -> Result<Option<MemberId>, Denied> {
    match (invite, caller.principal.member()) {
        (false, _) => Ok(None),
        (true, Some(member)) if caller.has(Permission::PortalInvite) => Ok(Some(member)),
        (true, _) => Err(Denied::Forbidden),
    }
}

/// What a new contact meets, which stays as it is until the transaction ends; but for the address, which may be taken meanwhile.
struct Ground {
    settings: Organization,
    address: Option<Address>,
    claim: Claim,
    /// Those that are there of the accounts that the contact is to be linked to.
    accounts: Vec<Account>,
}

impl Ground {
    async fn of(tx: &Transaction, caller: &Caller, draft: &ContactDraft) -> Result<Self, DbErr> {
        let settings = organization::for_writer(tx, caller.organization).await?;
        let listed = &settings.placeholder_domains;
        let address = draft.email.as_ref().map(|email| Address::new(email, listed));
        let claim = match &address {
            Some(address) => claim::find(tx, caller.organization, &address.canonical, None).await?,
            None => Claim::default(),
        };
        let wanted: Vec<AccountId> = draft.existing_accounts().map(|(_, account)| account).collect();
        Ok(Self {
            accounts: accounts::lock(tx, caller.organization, &wanted).await?,
            settings,
            address,
            claim,
        })
    }

    /// What the input alone could not tell: the address may be taken, accounts missing, the contact not invitable.
    fn refusals(&self, draft: &ContactDraft) -> Vec<Refusal<Code>> {
        let address = self.address.as_ref();
        let taken = address.and_then(|address| address::taken(address, self.claim));
        let mut refusals: Vec<_> = taken.into_iter().collect();
        if draft.invite && refusals.is_empty() {
            let fact = address.map_or(EmailFact::None, |address| {
                email_fact(address.state(), false, self.claim.known)
            });
            refusals.extend(draft.not_invitable(fact, self.settings.portal_enabled));
        }
        let is_missing = |account| !self.accounts.iter().any(|known| known.id == account);
        let missing = draft
            .existing_accounts()
            .filter(|(_, account)| is_missing(*account));
        refusals.extend(missing.map(|(index, _)| no_account(&["accounts", &index.to_string(), "accountId"])));
        if refusals.is_empty() && self.settings.company_first && !draft.has_company(&self.accounts) {
            let message = "Every contact needs a company: name one, or a new one.";
            refusals.push(Refusal::new(Code::CompanyRequired, &["accounts"], message));
        }
        refusals
    }
}

/// Counts the accounts that were there before anew. One that has too many contacts now refuses this one.
async fn seated(
    tx: &Transaction,
    caller: &Caller,
    draft: &ContactDraft,
    now: DateTime<Utc>,
) -> Result<(), Failure<Code>> {
    let wanted: Vec<_> = draft.existing_accounts().collect();
    let ids: Vec<_> = wanted.iter().map(|(_, account)| *account).collect();
    let counted = accounts::relink(tx, caller.organization, &ids, now).await?;
    let is_full = |account| {
        let mut full = counted
            .iter()
            .filter(|counted| counted.contacts > CONTACTS_OF_ACCOUNT);
        full.any(|counted| counted.account.id == account)
    };
    let refusals: Vec<_> = wanted
        .into_iter()
        .filter(|(_, account)| is_full(*account))
        .map(|(index, _)| {
            let path = ["accounts", &index.to_string(), "accountId"];
            let message = format!("This account has {CONTACTS_OF_ACCOUNT} contacts already.");
            Refusal::new(Code::Invalid, &path, message)
        })
        .collect();
    if refusals.is_empty() {
        Ok(())
    } else {
        Err(refusals.into())
    }
}
