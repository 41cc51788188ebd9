//! Links between contacts and accounts, with their toggles (C6).

use std::collections::HashSet;

use usher_types::{AccountId, ContactId, LinkId};

use super::{
    refusal::{AccountCode, ContactCode, Refusal, TextCode},
    text,
};

/// The toggles of a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Toggles {
    pub(crate) primary: bool,
    /// May sign in to the portal for this account.
    pub(crate) login: bool,
    /// Gets notification e-mail about this account.
    pub(crate) notify: bool,
    /// E-mail from this contact is filed under this account.
    pub(crate) email_sync: bool,
}

/// A link as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Link {
    pub(crate) id: LinkId,
    pub(crate) account: AccountId,
    pub(crate) contact: ContactId,
    pub(crate) toggles: Toggles,
}

/// A link that createContact asks for.
#[derive(Clone, Debug, Default)]
pub(crate) struct LinkInput {
    /// `Some(None)`: an id that cannot be one.
    pub(crate) account: Option<Option<AccountId>>,
    pub(crate) new_company: Option<String>,
    pub(crate) primary: Option<bool>,
    pub(crate) login: Option<bool>,
    pub(crate) notify: Option<bool>,
    pub(crate) email_sync: Option<bool>,
}

/// Which account a new contact is linked to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Target {
    Existing(AccountId),
    NewCompany(String),
}

/// A link that could be made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct LinkDraft {
    pub(crate) target: Target,
    pub(crate) toggles: Toggles,
}

impl LinkDraft {
    /// Checks the links of a new contact. A company made on the spot has this contact as its primary one unless said
    /// otherwise; `invite` turns login on unless said otherwise.
    pub(crate) fn all(
        inputs: &[LinkInput],
        invite: bool,
        refusals: &mut Vec<Refusal<ContactCode>>,
    ) -> Vec<Self> {
        if inputs.len() > text::ACCOUNTS_OF_CONTACT {
            let message = format!(
                "A contact can have at most {} accounts.",
                text::ACCOUNTS_OF_CONTACT
            );
            refusals.push(Refusal::new(ContactCode::TooLong, &["accounts"], message));
            return Vec::new();
        }
        let mut seen = HashSet::new();
        let mut drafts = Vec::with_capacity(inputs.len());
        for (index, input) in inputs.iter().enumerate() {
            let Some(target) = target(input, index, refusals) else {
                continue;
            };
            if let Target::Existing(account) = target
                && !seen.insert(account)
            {
                let path = ["accounts", &index.to_string(), "accountId"];
                refusals.push(Refusal::new(
                    ContactCode::Invalid,
                    &path,
                    "This account stands here twice.",
                ));
                continue;
            }
            let toggles = toggles(input, &target, invite);
            drafts.push(Self { target, toggles });
        }
        drafts
    }
}

fn toggles(input: &LinkInput, target: &Target, invite: bool) -> Toggles {
    let is_new = matches!(target, Target::NewCompany(_));
    Toggles {
        primary: input.primary.unwrap_or(is_new),
        login: input.login.unwrap_or(invite),
        notify: input.notify.unwrap_or(true),
        email_sync: input.email_sync.unwrap_or(false),
    }
}

fn target(input: &LinkInput, index: usize, refusals: &mut Vec<Refusal<ContactCode>>) -> Option<Target> {
    let index = index.to_string();
    let path = |field: &'static str| ["accounts", index.as_str(), field];
    match (input.account, &input.new_company) {
        (Some(_), Some(_)) => {
            let message = "Name an account or a new company, not both.";
            refusals.push(Refusal::new(ContactCode::Invalid, &path("newCompany"), message));
            None
        }
        (Some(Some(account)), None) => Some(Target::Existing(account)),
        (Some(None), None) => {
            refusals.push(no_account(&path("accountId")));
            None
        }
        (None, Some(name)) => Some(Target::NewCompany(text::name(
            name,
            &path("newCompany"),
            refusals,
        ))),
        (None, None) => {
            let message = "Name an account or a new company.";
            refusals.push(Refusal::new(ContactCode::REQUIRED, &path("accountId"), message));
            None
        }
    }
}

/// An account that is not there, or not the caller's.
pub(crate) fn no_account(path: &[&str]) -> Refusal<ContactCode> {
    Refusal::new(ContactCode::NotFound, path, "There is no such account.")
}

/// A contact's place in an account, as createAccount and linkContact are given it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MemberInput {
    /// None: an id that cannot be one.
    pub(crate) contact: Option<ContactId>,
    pub(crate) primary: Option<bool>,
    pub(crate) login: Option<bool>,
    pub(crate) notify: Option<bool>,
    pub(crate) email_sync: Option<bool>,
}

impl MemberInput {
    /// Left out: login off, notify on, e-mail sync off.
    pub(crate) fn toggles(&self) -> Toggles {
        Toggles {
            primary: self.primary.unwrap_or(false),
            login: self.login.unwrap_or(false),
            notify: self.notify.unwrap_or(true),
            email_sync: self.email_sync.unwrap_or(false),
        }
    }
}

/// A contact that is not there, or not the caller's.
pub(crate) fn no_contact(path: &[&str]) -> Refusal<AccountCode> {
    Refusal::new(AccountCode::NotFound, path, "There is no such contact.")
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    fn paths(inputs: &[LinkInput]) -> Vec<(ContactCode, String)> {
        let mut refusals = Vec::new();
        LinkDraft::all(inputs, false, &mut refusals);
        refusals
            .into_iter()
            .map(|refusal| (refusal.code, refusal.field.join(".")))
            .collect()
    }

    #[test]
    fn a_link_names_exactly_one_account() {
        let account = AccountId::new(Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap());
        let existing = LinkInput {
            account: Some(Some(account)),
            ..LinkInput::default()
        };
        let company = LinkInput {
            new_company: Some("Acme".to_owned()),
            ..LinkInput::default()
        };
        let both = LinkInput {
            new_company: Some("Acme".to_owned()),
            ..existing.clone()
        };
        let unreadable = LinkInput {
            account: Some(None),
            ..LinkInput::default()
        };
        let blank = LinkInput {
            new_company: Some(" ".to_owned()),
            ..LinkInput::default()
        };
        assert_eq!(paths(&[existing.clone(), company]), []);
        let inputs = [
            LinkInput::default(),
            both,
            unreadable,
            blank,
            existing.clone(),
            existing,
        ];
        assert_eq!(
            paths(&inputs),
            [
                (ContactCode::Required, "accounts.0.accountId".to_owned()),
                (ContactCode::Invalid, "accounts.1.newCompany".to_owned()),
                (ContactCode::NotFound, "accounts.2.accountId".to_owned()),
                (ContactCode::Required, "accounts.3.newCompany".to_owned()),
                (ContactCode::Invalid, "accounts.5.accountId".to_owned()),
            ]
        );
    }
}
