//! What updateContact changes: absent stays, null clears.

use usher_types::{ContactRole, EmailAddress};

use super::{
    address::{email, missing_email},
    contact::Contact,
    refusal::{ContactCode as Code, Refusal},
    text,
};

/// What updateContact was given.
#[derive(Clone, Debug, Default)]
pub(crate) struct ContactChangeInput {
    pub(crate) role: Option<ContactRole>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<Option<String>>,
    pub(crate) phone: Option<Option<String>>,
    pub(crate) notes: Option<Option<String>>,
    pub(crate) tags: Option<Vec<String>>,
    /// Names of fields that cannot be null and were.
    pub(crate) nulled: Vec<String>,
}

/// A change that could be made, as far as the input alone tells.
#[derive(Clone, Debug)]
pub(crate) struct ContactChange {
    pub(crate) role: Option<ContactRole>,
    pub(crate) first_name: Option<String>,
    pub(crate) last_name: Option<String>,
    pub(crate) email: Option<Option<EmailAddress>>,
    pub(crate) phone: Option<Option<String>>,
    pub(crate) notes: Option<Option<String>>,
    pub(crate) tags: Option<Vec<String>>,
}

impl ContactChange {
    /// Checks the input, collecting everything that is to mend.
    pub(crate) fn new(input: ContactChangeInput) -> Result<Self, Vec<Refusal<Code>>> {
        let mut refusals = Vec::new();
        for field in input.nulled {
            refusals.push(Refusal::new(
                Code::Required,
                &[&camel(&field)],
                "This cannot be cleared.",
            ));
        }
        let mut name = |given: Option<String>, field: &str| {
            given.map(|given| text::name(&given, &[field], &mut refusals))
        };
        let first_name = name(input.first_name, "firstName");
        let last_name = name(input.last_name, "lastName");
        let change = Self {
            role: input.role,
            first_name,
            last_name,
            email: input.email.map(|given| email(given.as_deref(), &mut refusals)),
            phone: input
                .phone
                .map(|given| text::phone(given.as_deref(), &mut refusals)),
            notes: input
                .notes
                .map(|given| text::prose(given.as_deref(), text::NOTES, &["notes"], &mut refusals)),
            tags: input.tags.map(|given| text::tags(&given, &mut refusals)),
        };
        if refusals.is_empty() {
            Ok(change)
        } else {
            Err(refusals)
        }
    }

    /// EMAIL_REQUIRED, where role or address change to what C1 does not take. A contact that import or an event brought
    /// without an address can still be edited otherwise.
    pub(crate) fn missing_email(&self, contact: &Contact) -> Option<Refusal<Code>> {
        let touched = self.role.is_some_and(|role| role != contact.role) || self.email.is_some();
        let has_email = match &self.email {
            Some(email) => email.is_some(),
            None => contact.email.is_some(),
        };
        if touched && !has_email {
            missing_email(self.role.unwrap_or(contact.role))
        } else {
            None
        }
    }

    /// The address that the contact gets, where it is another than before.
    pub(crate) fn new_address(&self, contact: &Contact) -> Option<Option<&EmailAddress>> {
        let email = self.email.as_ref()?;
        let typed = email.as_ref().map(EmailAddress::typed);
        (typed != contact.email.as_deref()).then_some(email.as_ref())
    }

    /// The contact with the change, but for the address, which others may have.
    pub(crate) fn applied(self, before: &Contact) -> Contact {
        let before = before.clone();
        Contact {
            role: self.role.unwrap_or(before.role),
            first_name: self.first_name.unwrap_or(before.first_name),
            last_name: self.last_name.unwrap_or(before.last_name),
            phone: self.phone.unwrap_or(before.phone),
            notes: self.notes.unwrap_or(before.notes),
            tags: self.tags.unwrap_or(before.tags),
            ..before
        }
    }

    /// The names of the fields that become different, in a fixed order.
    pub(crate) fn changed(&self, contact: &Contact) -> Vec<&'static str> {
        let differs = [
            ("role", self.role.is_some_and(|role| role != contact.role)),
            ("firstName", is_other(&self.first_name, &contact.first_name)),
            ("lastName", is_other(&self.last_name, &contact.last_name)),
            ("email", self.new_address(contact).is_some()),
            ("phone", is_other(&self.phone, &contact.phone)),
            ("notes", is_other(&self.notes, &contact.notes)),
            ("tags", is_other(&self.tags, &contact.tags)),
        ];
        differs
            .into_iter()
            .filter(|(_, differs)| *differs)
            .map(|(name, _)| name)
            .collect()
    }
}

fn is_other<T: PartialEq>(given: &Option<T>, stored: &T) -> bool {
    given.as_ref().is_some_and(|given| given != stored)
}

/// `first_name` as the API calls it.
pub(crate) fn camel(field: &str) -> String {
    let mut camel = String::new();
    let mut upper = false;
    for letter in field.chars() {
        if letter == '_' {
            upper = true;
        } else {
            camel.extend(if upper {
                letter.to_uppercase().next()
            } else {
                Some(letter)
            });
            upper = false;
        }
    }
    camel
}

#[cfg(test)]
pub(crate) mod tests {
    use chrono::{TimeZone, Utc};
    use usher_types::{ContactId, EmailState, OrganizationId, Version};

    use super::*;

    pub(crate) fn stored() -> Contact {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        Contact {
            id: ContactId::new(at),
            organization: OrganizationId::new(at),
            version: Version::FIRST,
            role: ContactRole::Client,
            active: true,
            test: false,
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            email: Some("ada@example.com".to_owned()),
            email_canonical: Some("ada@example.com".to_owned()),
            email_state: EmailState::Valid,
            email_duplicate: false,
            phone: None,
            notes: Some("likes engines".to_owned()),
            tags: vec!["vip".to_owned()],
            external_id: None,
            locale: None,
            time_zone: None,
            links: 0,
            links_with_login: 0,
            created_at: at,
            updated_at: at,
        }
    }

    fn change(input: ContactChangeInput) -> ContactChange {
        ContactChange::new(input).unwrap()
    }

    #[test]
    fn contract_absent_stays_and_null_clears() {
        let nothing = change(ContactChangeInput::default());
        assert_eq!(nothing.changed(&stored()), Vec::<&str>::new());
        let cleared = change(ContactChangeInput {
            notes: Some(None),
            phone: Some(None),
            tags: Some(vec![]),
            ..ContactChangeInput::default()
        });
        // The phone was empty before.
        assert_eq!(cleared.changed(&stored()), ["notes", "tags"]);
    }

    #[test]
    fn contract_what_must_be_there_cannot_be_nulled() {
        let nulled = vec!["first_name".to_owned(), "role".to_owned()];
        let refusals = ContactChange::new(ContactChangeInput {
            nulled,
            ..Default::default()
        })
        .unwrap_err();
        let fields: Vec<_> = refusals
            .iter()
            .map(|refusal| (refusal.code, refusal.field.join(".")))
            .collect();
        assert_eq!(
            fields,
            [
                (Code::Required, "firstName".to_owned()),
                (Code::Required, "role".to_owned())
            ]
        );
    }

    #[test]
    fn c1_an_address_goes_only_from_a_lead() {
        let without = |role| {
            change(ContactChangeInput {
                role,
                email: Some(None),
                ..Default::default()
            })
            .missing_email(&stored())
            .map(|refusal| refusal.code)
        };
        assert_eq!(without(None), Some(Code::EmailRequired));
        assert_eq!(without(Some(ContactRole::Lead)), None);
        let imported = Contact {
            email: None,
            email_state: EmailState::None,
            ..stored()
        };
        let renamed = change(ContactChangeInput {
            first_name: Some("Eda".to_owned()),
            ..Default::default()
        });
        assert_eq!(renamed.missing_email(&imported), None);
        let promoted = change(ContactChangeInput {
            role: Some(ContactRole::Prospect),
            ..Default::default()
        });
        assert_eq!(
            promoted.missing_email(&imported).map(|refusal| refusal.code),
            Some(Code::EmailRequired)
        );
    }

    #[test]
    fn c3_another_spelling_is_a_change_and_the_same_one_is_none() {
        let typed = |text: &str| {
            change(ContactChangeInput {
                email: Some(Some(text.to_owned())),
                ..Default::default()
            })
            .changed(&stored())
        };
        assert_eq!(typed("Ada@example.com"), ["email"]);
        assert_eq!(typed(" ada@example.com "), Vec::<&str>::new());
    }
}
