//! A natural person whom the firm knows (C1, C2).

use chrono::{DateTime, Utc};
use usher_types::{ContactId, ContactRole, EmailState, OrganizationId, Version, domain_of};

use super::address::Address;
use super::search;
use super::text::ACCOUNTS_OF_CONTACT;

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) organization: OrganizationId,
    pub(crate) version: Version,
    pub(crate) role: ContactRole,
    pub(crate) active: bool,
    /// Made by createTestClient (I19).
    pub(crate) test: bool,
    pub(crate) first_name: String,
    pub(crate) last_name: String,
    pub(crate) email: Option<String>,
    pub(crate) email_canonical: Option<String>,
    /// NONE, VALID or INVALID.
    pub(crate) email_state: EmailState,
    pub(crate) email_duplicate: bool,
    pub(crate) phone: Option<String>,
    pub(crate) notes: Option<String>,
    pub(crate) tags: Vec<String>,
    pub(crate) external_id: Option<String>,
    pub(crate) locale: Option<String>,
    pub(crate) time_zone: Option<String>,
    pub(crate) links: i64,
    pub(crate) links_with_login: i64,
    pub(crate) created_at: DateTime<Utc>,
    pub(crate) updated_at: DateTime<Utc>,
}

impl Contact {
    /// Given name and family name.
    pub(crate) fn display_name(&self) -> String {
        format!("{} {}", self.first_name, self.last_name)
            .trim()
            .to_owned()
    }

    /// Whether login on a link lets this contact in, and so makes the account ACTIVE (C11).
    pub(crate) fn opens_portal(&self) -> bool {
        self.active && self.role != ContactRole::Lead
    }

    /// Whether they have as many accounts as one can have.
    pub(crate) fn is_full(&self) -> bool {
        usize::try_from(self.links).is_ok_and(|links| links >= ACCOUNTS_OF_CONTACT)
    }

    /// The canonical domain of the address; none where it is malformed.
    pub(crate) fn email_domain(&self) -> Option<&str> {
        self.email_canonical.as_deref().map(domain_of)
    }

    /// The canonical address where this contact alone may have it (C3).
    pub(crate) fn email_unique(&self) -> Option<&str> {
        let alone = self.email_state == EmailState::Valid && !self.email_duplicate;
        self.email_canonical.as_deref().filter(|_| alone)
    }

    /// The same contact with this address. Who only spells it otherwise shares it as before.
    pub(crate) fn with_address(self, address: Option<&Address>) -> Self {
        let canonical = address.map(|address| address.canonical.clone());
        let respelled = canonical == self.email_canonical;
        Self {
            email: address.map(|address| address.typed.clone()),
            email_canonical: canonical,
            email_state: address.map_or(EmailState::None, Address::state),
            email_duplicate: self.email_duplicate && respelled,
            ..self
        }
    }

    /// The text that this contact is found by (C8). A domain of other than Latin letters is found in both its forms.
    pub(crate) fn document(&self, account_names: &[String]) -> String {
        let name = format!("{} {}", self.first_name, self.last_name);
        let typed = self.email.as_deref();
        let canonical = self
            .email_canonical
            .as_deref()
            .filter(|canonical| typed.map(str::to_lowercase).as_deref() != Some(*canonical));
        let optional = [typed, canonical, self.phone.as_deref()].into_iter().flatten();
        let accounts = account_names.iter().map(String::as_str);
        search::document(std::iter::once(name.as_str()).chain(optional).chain(accounts))
    }
}

#[cfg(test)]
mod tests {
    use usher_types::EmailAddress;

    use super::*;
    use crate::domain::contact_change::tests::stored;

    fn address(text: &str, placeholder_domains: &[&str]) -> Address {
        let listed: Vec<String> = placeholder_domains
            .iter()
            .map(|domain| (*domain).to_owned())
            .collect();
        Address::new(&EmailAddress::parse(text).unwrap(), &listed)
    }

    #[test]
    fn c3_one_contact_alone_has_a_valid_address_that_is_no_duplicate() {
        let ada = stored().with_address(Some(&address("Ada@Example.org", &[])));
        assert_eq!(
            (ada.email.as_deref(), ada.email_unique()),
            (Some("Ada@Example.org"), Some("ada@example.org"))
        );
        assert_eq!(ada.email_domain(), Some("example.org"));
        let placeholder = stored().with_address(Some(&address("ada@example.org", &["example.org"])));
        assert_eq!(
            (placeholder.email_state, placeholder.email_unique()),
            (EmailState::Invalid, None)
        );
        let without = stored().with_address(None);
        assert_eq!(
            (
                without.email_state,
                without.email_unique(),
                without.email_domain()
            ),
            (EmailState::None, None, None)
        );
    }

    #[test]
    fn c3_another_spelling_shares_an_address_as_before_and_another_address_does_not() {
        let shared = Contact {
            email_duplicate: true,
            ..stored()
        };
        let respelled = shared
            .clone()
            .with_address(Some(&address("ADA@example.com", &[])));
        assert_eq!(
            (respelled.email_duplicate, respelled.email_unique()),
            (true, None)
        );
        let moved = shared.with_address(Some(&address("ada@example.org", &[])));
        assert_eq!(
            (moved.email_duplicate, moved.email_unique()),
            (false, Some("ada@example.org"))
        );
    }

    #[test]
    fn c8_the_document_holds_name_address_phone_and_accounts() {
        let ada = Contact {
            phone: Some("+442079460018".to_owned()),
            ..stored()
        };
        let ada = ada.with_address(Some(&address("Ada@Bücher.example", &[])));
        let names = ["Söhne & Co".to_owned()];
        assert_eq!(
            ada.document(&names),
            "ada lovelace\nada@bucher.example\nada@xn--bcher-kva.example\n+442079460018\nsohne & co"
        );
    }
}
