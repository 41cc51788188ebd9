//! What createAccount makes of its input (C5).

use std::collections::HashSet;

use usher_types::{AccountKind, ContactId};

use super::{
    account::{joint_refusal, too_many_contacts},
    link::{MemberInput, Toggles, no_contact},
    refusal::{AccountCode as Code, Refusal},
    text,
};

/// An account that could be made, as far as the input alone tells.
#[derive(Clone, Debug)]
pub(crate) struct AccountDraft {
    pub(crate) name: String,
    pub(crate) kind: AccountKind,
    pub(crate) tags: Vec<String>,
    pub(crate) contacts: Vec<(ContactId, Toggles)>,
}

impl AccountDraft {
    /// Checks the input, collecting everything that is to mend.
    pub(crate) fn new(
        name: &str,
        kind: AccountKind,
        tags: &[String],
        contacts: &[MemberInput],
    ) -> Result<Self, Vec<Refusal<Code>>> {
        let mut refusals = Vec::new();
        let draft = Self {
            name: text::name(name, &["name"], &mut refusals),
            kind,
            tags: text::tags(tags, &mut refusals),
            contacts: people(kind, contacts, &mut refusals),
        };
        if refusals.is_empty() {
            Ok(draft)
        } else {
            Err(refusals)
        }
    }
}

fn people(
    kind: AccountKind,
    inputs: &[MemberInput],
    refusals: &mut Vec<Refusal<Code>>,
) -> Vec<(ContactId, Toggles)> {
    if inputs.len() > text::CONTACTS_OF_ACCOUNT {
        refusals.push(too_many_contacts(&["contacts"]));
        return Vec::new();
    }
    let mut people: Vec<(ContactId, Toggles)> = Vec::with_capacity(inputs.len());
    let mut seen = HashSet::new();
    for (index, input) in inputs.iter().enumerate() {
        let index = index.to_string();
        let path = |field: &'static str| ["contacts", index.as_str(), field];
        let Some(contact) = input.contact else {
            refusals.push(no_contact(&path("contactId")));
            continue;
        };
        if !seen.insert(contact) {
            // For a joint account the missing second person is the thing to mend, and said below.
            if kind != AccountKind::Joint {
                let message = "This contact stands here twice.";
                refusals.push(Refusal::new(Code::Invalid, &path("contactId"), message));
            }
            continue;
        }
        let toggles = input.toggles();
        if toggles.primary && people.iter().any(|(_, other)| other.primary) {
            let message = "Only one contact can be the primary one.";
            refusals.push(Refusal::new(Code::Invalid, &path("primary"), message));
        }
        people.push((contact, toggles));
    }
    if refusals.is_empty() {
        let primaries = people.iter().filter(|(_, toggles)| toggles.primary).count();
        refusals.extend(joint_refusal(kind, people.len(), primaries, &["contacts"]));
    }
    people
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};

    use super::*;

    fn contact(primary: Option<bool>) -> MemberInput {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        MemberInput {
            contact: Some(ContactId::new(at)),
            primary,
            login: None,
            notify: None,
            email_sync: None,
        }
    }

    fn refusals(kind: AccountKind, contacts: &[MemberInput]) -> Vec<(Code, String)> {
        match AccountDraft::new("Acme", kind, &[], contacts) {
            Ok(_) => vec![],
            Err(refusals) => refusals
                .into_iter()
                .map(|refusal| (refusal.code, refusal.field.join(".")))
                .collect(),
        }
    }

    #[test]
    fn c5_a_joint_account_needs_two_different_contacts_one_of_them_primary() {
        let joint = |contacts: &[MemberInput]| refusals(AccountKind::Joint, contacts);
        let refused = [(Code::JointNeedsTwoContacts, "contacts".to_owned())];
        let one = contact(Some(true));
        assert_eq!(joint(&[]), refused);
        assert_eq!(joint(&[one]), refused);
        assert_eq!(joint(&[one, one]), refused);
        assert_eq!(joint(&[contact(None), contact(None)]), refused);
        assert_eq!(joint(&[one, contact(None)]), []);
        assert_eq!(
            joint(&[one, contact(Some(true))]),
            [(Code::Invalid, "contacts.1.primary".to_owned())]
        );
    }

    #[test]
    fn c5_other_kinds_take_any_number_once_each() {
        let one = contact(None);
        assert_eq!(refusals(AccountKind::Company, &[]), []);
        assert_eq!(refusals(AccountKind::Trust, &[one]), []);
        assert_eq!(
            refusals(AccountKind::Company, &[one, one]),
            [(Code::Invalid, "contacts.1.contactId".to_owned())]
        );
        let unreadable = MemberInput { contact: None, ..one };
        assert_eq!(
            refusals(AccountKind::Company, &[unreadable]),
            [(Code::NotFound, "contacts.0.contactId".to_owned())]
        );
    }
}
