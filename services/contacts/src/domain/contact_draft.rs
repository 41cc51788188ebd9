//! What createContact makes of its input (C1, C2, C5).

use chrono::{DateTime, Utc};
use usher_types::{AccountId, ContactId, ContactRole, EmailAddress, EmailState, OrganizationId, Version};

use super::{
    account::Account,
    address::{Address, email, missing_email},
    contact::Contact,
    link::{LinkDraft, LinkInput, Target},
    refusal::{ContactCode as Code, Refusal},
    text,
};

/// What createContact was given.
#[derive(Clone, Debug)]
pub(crate) struct ContactInput {
    pub(crate) role: ContactRole,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: Option<String>,
    pub(crate) phone: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) accounts: Vec<LinkInput>,
    pub(crate) invite: bool,
    pub(crate) message: Option<String>,
    pub(crate) test: bool,
}

/// A contact that could be made, as far as the input alone tells.
#[derive(Clone, Debug)]
pub(crate) struct ContactDraft {
    pub(crate) role: ContactRole,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: Option<EmailAddress>,
    pub(crate) phone: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) accounts: Vec<LinkDraft>,
    pub(crate) invite: bool,
    pub(crate) message: Option<String>,
    /// Made by createTestClient (I19).
    pub(crate) test: bool,
}

impl ContactDraft {
    /// Checks the input, collecting everything that is to mend.
    pub(crate) fn new(input: ContactInput) -> Result<Self, Vec<Refusal<Code>>> {
        let mut refusals = Vec::new();
        let email = email(input.email.as_deref(), &mut refusals);
        if input.email.as_deref().is_none_or(|given| given.trim().is_empty()) {
            refusals.extend(missing_email(input.role));
        }
        let draft = Self {
            role: input.role,
            first_name: text::name(&input.first_name, &["firstName"], &mut refusals),
            last_name: text::name(&input.last_name, &["lastName"], &mut refusals),
            email,
            phone: text::phone(input.phone.as_deref(), &mut refusals),
            notes: text::prose(input.notes.as_deref(), text::NOTES, &["notes"], &mut refusals),
            tags: text::tags(&input.tags, &mut refusals),
            external_id: text::prose(
                input.external_id.as_deref(),
                text::NAME,
                &["externalId"],
                &mut refusals,
            ),
            accounts: LinkDraft::all(&input.accounts, input.invite, &mut refusals),
            invite: input.invite,
            message: text::prose(
                input.message.as_deref(),
                text::MESSAGE,
                &["message"],
                &mut refusals,
            ),
            test: input.test,
        };
        if refusals.is_empty() {
            Ok(draft)
        } else {
            Err(refusals)
        }
    }

    /// The accounts that are there already, and where they stand in the input.
    pub(crate) fn existing_accounts(&self) -> impl Iterator<Item = (usize, AccountId)> {
        let links = self.accounts.iter().enumerate();
        links.filter_map(|(index, link)| match link.target {
            Target::Existing(account) => Some((index, account)),
            Target::NewCompany(_) => None,
        })
    }

    /// Whether it comes with a company (C7), `found` being those of its accounts that are there. A test client needs none.
    pub(crate) fn has_company(&self, found: &[Account]) -> bool {
        let is_new = |link: &LinkDraft| matches!(link.target, Target::NewCompany(_));
        self.test || self.accounts.iter().any(is_new) || found.iter().any(|account| account.kind.is_company())
    }

    /// How many links it has, and how many of them with login on.
    pub(super) fn links(&self) -> (i64, i64) {
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let with_login = self.accounts.iter().filter(|link| link.toggles.login);
        (count(self.accounts.len()), count(with_login.count()))
    }

    /// The contact that is made of it at `now`.
    pub(crate) fn contact(
        &self,
        organization: OrganizationId,
        address: Option<&Address>,
        now: DateTime<Utc>,
    ) -> Contact {
        let (links, links_with_login) = self.links();
        let contact = Contact {
            id: ContactId::new(now),
            organization,
            version: Version::FIRST,
            role: self.role,
            active: true,
            test: self.test,
            first_name: self.first_name.clone(),
            last_name: self.last_name.clone(),
            email: None,
            email_canonical: None,
            email_state: EmailState::None,
            email_duplicate: false,
            phone: self.phone.clone(),
            notes: self.notes.clone(),
            tags: self.tags.clone(),
            external_id: self.external_id.clone(),
            locale: None,
            time_zone: None,
            links,
            links_with_login,
            created_at: now,
            updated_at: now,
        };
        contact.with_address(address)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::link::Toggles;

    pub(in crate::domain) fn input(role: ContactRole) -> ContactInput {
        ContactInput {
            role,
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            email: Some(" Ada@Example.com".to_owned()),
            phone: Some("+44 20 7946 0018".to_owned()),
            notes: None,
            tags: vec![],
            external_id: None,
            accounts: vec![],
            invite: false,
            message: None,
            test: false,
        }
    }

    fn codes(input: ContactInput) -> Vec<(Code, Vec<String>)> {
        match ContactDraft::new(input) {
            Ok(_) => vec![],
            Err(refusals) => refusals
                .into_iter()
                .map(|refusal| (refusal.code, refusal.field))
                .collect(),
        }
    }

    #[test]
    fn c1_prospects_and_clients_need_an_address_and_leads_do_not() {
        for (role, expected) in [
            (ContactRole::Lead, vec![]),
            (
                ContactRole::Prospect,
                vec![(Code::EmailRequired, vec!["email".to_owned()])],
            ),
            (
                ContactRole::Client,
                vec![(Code::EmailRequired, vec!["email".to_owned()])],
            ),
        ] {
            for blank in [None, Some("  ".to_owned())] {
                assert_eq!(
                    codes(ContactInput {
                        email: blank,
                        ..input(role)
                    }),
                    expected,
                    "{role}"
                );
            }
        }
    }

    #[test]
    fn everything_that_is_to_mend_is_said_at_once() {
        let wrong = ContactInput {
            first_name: " ".to_owned(),
            email: Some("ada".to_owned()),
            phone: Some("020".to_owned()),
            notes: Some("x".repeat(text::NOTES + 1)),
            ..input(ContactRole::Client)
        };
        let fields: Vec<_> = codes(wrong)
            .into_iter()
            .map(|(code, field)| (code, field.join(".")))
            .collect();
        assert_eq!(
            fields,
            [
                (Code::EmailInvalid, "email".to_owned()),
                (Code::Required, "firstName".to_owned()),
                (Code::Invalid, "phone".to_owned()),
                (Code::TooLong, "notes".to_owned()),
            ]
        );
    }

    #[test]
    fn c2_c3_what_was_typed_is_kept_and_phones_are_e164() {
        let draft = ContactDraft::new(input(ContactRole::Client)).unwrap();
        assert_eq!(draft.email.unwrap().typed(), "Ada@Example.com");
        assert_eq!(draft.phone.as_deref(), Some("+442079460018"));
    }

    #[test]
    fn contract_invite_turns_login_on_unless_said_otherwise() {
        let account = |login| LinkInput {
            new_company: Some("Acme".to_owned()),
            login,
            ..LinkInput::default()
        };
        let draft = |login, invite| {
            let draft = ContactDraft::new(ContactInput {
                accounts: vec![account(login)],
                invite,
                ..input(ContactRole::Client)
            });
            draft.unwrap().accounts[0].toggles
        };
        let expected = Toggles {
            primary: true,
            login: false,
            notify: true,
            email_sync: false,
        };
        assert_eq!(draft(None, false), expected);
        assert_eq!(
            draft(None, true),
            Toggles {
                login: true,
                ..expected
            }
        );
        assert_eq!(draft(Some(false), true), expected);
    }
}
