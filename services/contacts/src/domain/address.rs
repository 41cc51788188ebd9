//! What contacts itself knows of an address (C3). Bounces and suppressions are added from what notifications publishes.

use usher_types::{ContactRole, EmailAddress, EmailFact, EmailState};

use super::refusal::{ContactCode as Code, Refusal};
use super::text;

/// A contact's address and this service's opinion of it.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address {
    /// As typed, for display.
    pub(crate) typed: String,
    /// Decides equality.
    pub(crate) canonical: String,
    /// Of a domain that the organization lists as placeholder: may repeat, counts as INVALID.
    pub(crate) placeholder: bool,
}

impl std::fmt::Debug for Address {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Address(…)")
    }
}

impl Address {
    /// An address in an organization with these placeholder domains.
    pub(crate) fn new(email: &EmailAddress, placeholder_domains: &[String]) -> Self {
        Self {
            typed: email.typed().to_owned(),
            canonical: email.canonical().to_owned(),
            placeholder: is_placeholder(email.domain(), placeholder_domains),
        }
    }

    /// VALID or INVALID.
    pub(crate) const fn state(&self) -> EmailState {
        if self.placeholder {
            EmailState::Invalid
        } else {
            EmailState::Valid
        }
    }
}

/// Reads an address; blank means none.
pub(crate) fn email(given: Option<&str>, refusals: &mut Vec<Refusal<Code>>) -> Option<EmailAddress> {
    let given = given.filter(|given| !given.trim().is_empty())?;
    if given.len() > text::EMAIL {
        refusals.push(Refusal::new(
            Code::TooLong,
            &["email"],
            "This is too long for an e-mail address.",
        ));
        return None;
    }
    match EmailAddress::parse(given) {
        Ok(email) => Some(email),
        Err(_) => {
            refusals.push(Refusal::new(
                Code::EmailInvalid,
                &["email"],
                "This is not an e-mail address.",
            ));
            None
        }
    }
}

/// EMAIL_REQUIRED, where the role asks for an address and there is none (C1).
pub(crate) fn missing_email(role: ContactRole) -> Option<Refusal<Code>> {
    let message = match role {
        ContactRole::Lead => return None,
        ContactRole::Prospect => "A prospect needs an e-mail address.",
        ContactRole::Client => "A client needs an e-mail address.",
    };
    Some(Refusal::new(Code::EmailRequired, &["email"], message))
}

/// Whether a canonical domain is in the organization's list.
pub(crate) fn is_placeholder(domain: &str, placeholder_domains: &[String]) -> bool {
    placeholder_domains.iter().any(|listed| listed == domain)
}

/// The state that the API shows: this service's own opinion first, then what is known of the address.
pub(crate) const fn shown_state(own: EmailState, known: Option<EmailState>) -> EmailState {
    match (own, known) {
        (EmailState::Valid, Some(EmailState::Bounced)) => EmailState::Bounced,
        (EmailState::Valid, Some(EmailState::Suppressed)) => EmailState::Suppressed,
        _ => own,
    }
}

/// What stands against writing to it, for eligibility.
pub(crate) const fn email_fact(own: EmailState, duplicate: bool, known: Option<EmailState>) -> EmailFact {
    match (own, duplicate, known) {
        (EmailState::None, _, _) => EmailFact::None,
        (EmailState::Invalid, _, _) => EmailFact::Invalid,
        (_, true, _) => EmailFact::Duplicate,
        (_, _, Some(EmailState::Suppressed)) => EmailFact::Suppressed,
        (_, _, Some(EmailState::Bounced)) => EmailFact::Bounced,
        _ => EmailFact::Usable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c3_addresses_of_placeholder_domains_are_invalid() {
        let listed = ["noemail.example".to_owned()];
        let parse = |text: &str| Address::new(&EmailAddress::parse(text).unwrap(), &listed);
        assert_eq!(parse("Someone@NoEmail.example").state(), EmailState::Invalid);
        assert_eq!(parse("Ada@Example.com").state(), EmailState::Valid);
        // A subdomain is another domain.
        assert!(!parse("x@mail.noemail.example").placeholder);
    }

    #[test]
    fn what_is_known_of_an_address_shows_only_where_it_could_be_mailed() {
        use EmailState::{Bounced, Invalid, None as No, Suppressed, Valid};
        assert_eq!(shown_state(Valid, None), Valid);
        assert_eq!(shown_state(Valid, Some(Bounced)), Bounced);
        assert_eq!(shown_state(Valid, Some(Suppressed)), Suppressed);
        assert_eq!(shown_state(Valid, Some(Valid)), Valid);
        assert_eq!(shown_state(Invalid, Some(Bounced)), Invalid);
        assert_eq!(shown_state(No, Some(Bounced)), No);
        assert_eq!(email_fact(Valid, true, Some(Bounced)), EmailFact::Duplicate);
        assert_eq!(email_fact(Invalid, true, None), EmailFact::Invalid);
    }

    #[test]
    fn an_address_hides_from_logs() {
        let address = Address::new(&EmailAddress::parse("ada@example.com").unwrap(), &[]);
        assert_eq!(format!("{address:?}"), "Address(…)");
    }
}
