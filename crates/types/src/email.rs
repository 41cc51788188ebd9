//! One canonical form of an address decides equality everywhere (C3).

use std::str::FromStr;

use email_address::{EmailAddress as Grammar, Options};

/// The text is no address that mail could be sent to.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("this is not an e-mail address")]
pub struct InvalidEmail;

/// A well-formed address: what was typed, for display, and its canonical form, for equality.
///
/// `Debug` shows neither, so that no address reaches a log by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct EmailAddress {
    typed: String,
    canonical: String,
}

/// RFC 5321 §4.5.3.1.3: a path has 256 octets, two of which are its brackets.
const MAX_LENGTH: usize = 254;

impl EmailAddress {
    /// Reads what a person typed. Canonical: trimmed, lower-cased, the domain as punycode; dots and `+` stay.
    ///
    /// # Errors
    /// Refuses what RFC 5321 and RFC 6531 would not carry, and domains without a dot.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        let typed = text.trim();
        let (local, domain) = typed.rsplit_once('@').ok_or(InvalidEmail)?;
        let domain = idna::domain_to_ascii_strict(domain).map_err(|_| InvalidEmail)?;
        let canonical = format!("{}@{}", local.to_lowercase(), domain);
        let options = Options::default()
            .with_required_tld()
            .without_display_text()
            .without_domain_literal();
        if canonical.len() > MAX_LENGTH || Grammar::parse_with_options(&canonical, options).is_err() {
            return Err(InvalidEmail);
        }
        Ok(Self {
            typed: typed.to_owned(),
            canonical,
        })
    }

    /// What was typed, trimmed: for display and for the envelope.
    #[must_use]
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The form that decides equality.
    #[must_use]
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// The canonical domain.
    #[must_use]
    pub fn domain(&self) -> &str {
        domain_of(&self.canonical)
    }

    /// Enough to recognise one's own address by, not enough to write to it: `a…@example.com`.
    #[must_use]
    pub fn masked(&self) -> String {
        let first = self.typed.chars().next().unwrap_or('…');
        format!("{first}…@{}", self.domain())
    }
}

/// The domain of a canonical address; empty where there is none.
#[must_use]
pub fn domain_of(canonical: &str) -> &str {
    canonical.rsplit_once('@').map_or("", |(_, domain)| domain)
}

impl FromStr for EmailAddress {
    type Err = InvalidEmail;

    fn from_str(text: &str) -> Result<Self, InvalidEmail> {
        Self::parse(text)
    }
}

impl std::fmt::Debug for EmailAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("EmailAddress(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c3_one_canonical_form() {
        let table = [
            (
                "  Ada.Lovelace+News@Example.COM ",
                "ada.lovelace+news@example.com",
            ),
            ("info@Bücher.example", "info@xn--bcher-kva.example"),
            ("info@xn--bcher-kva.example", "info@xn--bcher-kva.example"),
            ("Ольга@почта.рф", "ольга@xn--80a1acny.xn--p1ai"),
            ("o'hara@example.org", "o'hara@example.org"),
        ];
        for (typed, canonical) in table {
            let address = EmailAddress::parse(typed).unwrap_or_else(|_| panic!("{typed}"));
            assert_eq!(address.canonical(), canonical);
            assert_eq!(address.typed(), typed.trim());
        }
    }

    #[test]
    fn c3_malformed_addresses_are_refused() {
        let table = [
            "",
            "plain",
            "@example.com",
            "a@",
            "a@localhost",
            "a b@example.com",
            "a@exa mple.com",
            "a@@example.com",
            "Ada <ada@example.com>",
            "a@[127.0.0.1]",
            "a\r\nBcc: b@example.com",
            "a@-example.com",
            ".a@example.com",
        ];
        for typed in table {
            assert_eq!(EmailAddress::parse(typed), Err(InvalidEmail), "{typed:?}");
        }
        assert_eq!(
            EmailAddress::parse(&format!("{}@example.com", "a".repeat(250))),
            Err(InvalidEmail)
        );
    }

    #[test]
    fn an_address_hides_from_logs() {
        let address = EmailAddress::parse("ada@example.com").unwrap();
        assert_eq!(format!("{address:?}"), "EmailAddress(…)");
        assert_eq!(address.masked(), "a…@example.com");
    }

    proptest::proptest! {
        #[test]
        fn c3_canonical_is_a_fixed_point(local in "[a-zA-Z0-9+.]{1,20}", domain in "[a-zA-Z0-9]{1,10}\\.(com|de|example)") {
            if let Ok(address) = EmailAddress::parse(&format!("{local}@{domain}")) {
                let again = EmailAddress::parse(address.canonical()).unwrap();
                proptest::prop_assert_eq!(again.canonical(), address.canonical());
            }
        }
    }
}
