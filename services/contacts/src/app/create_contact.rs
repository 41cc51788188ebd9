//! createContact (C1, C3, C5): the contact, links, companies made on the spot, and the wish to invite.

use chrono::{DateTime, Utc};
use usher_auth::{Denied, Permission};
use usher_database::Transaction;
use usher_events::Lane;
use usher_types::{EmailFact, MemberId};

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
        let settings = organization::for_writer(&tx, caller.organization).await?;
        let address = draft
            .email
            .as_ref()
            .map(|email| Address::new(email, &settings.placeholder_domains));
        let claim = match &address {
            Some(address) => claim::find(&tx, caller.organization, &address.canonical, None).await?,
            None => Claim::default(),
        };
        let wanted: Vec<_> = draft.existing_accounts().map(|(_, account)| account).collect();
        let found = accounts::lock(&tx, caller.organization, &wanted).await?;
        let refusals = refusals(&draft, address.as_ref(), claim, &settings, &found);
        if !refusals.is_empty() {
            return Err(refusals.into());
        }
        let new = NewContact::new(&draft, caller, address.as_ref(), &found, now);
        if let Err(error) = new.write(&tx, caller).await {
            drop(tx);
            return Err(self.lost_race(caller, address.as_ref(), None, error).await);
        }
        seated(&tx, caller, &draft, now).await?;
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
            known: claim.known,
            portal_enabled: settings.portal_enabled,
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

/// What the input alone could not tell: the address may be taken, accounts missing, the contact not invitable.
fn refusals(
    draft: &ContactDraft,
    address: Option<&Address>,
    claim: Claim,
    settings: &Organization,
    found: &[Account],
) -> Vec<Refusal<Code>> {
    let mut refusals: Vec<_> = address
        .and_then(|address| address::taken(address, claim))
        .into_iter()
        .collect();
    if draft.invite && refusals.is_empty() {
        let fact = address.map_or(EmailFact::None, |address| {
            email_fact(address.state(), false, claim.known)
        });
        refusals.extend(draft.not_invitable(fact, settings.portal_enabled));
    }
    let missing = draft
        .existing_accounts()
        .filter(|(_, account)| !found.iter().any(|known| known.id == *account));
    refusals.extend(missing.map(|(index, _)| no_account(&["accounts", &index.to_string(), "accountId"])));
    refusals
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
