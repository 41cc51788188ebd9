//! Bounds of texts, in characters. Longer ones answer TOO_LONG.

use usher_types::parse_phone;

use super::refusal::{ContactCode, Refusal, TextCode};

/// First and last name, an account's name, the external id.
pub(crate) const NAME: usize = 200;
/// Notes.
pub(crate) const NOTES: usize = 10_000;
/// The personal message of an invitation.
pub(crate) const MESSAGE: usize = 5_000;
/// One tag.
pub(crate) const TAG: usize = 100;
/// Tags of one contact or account.
pub(crate) const TAGS: usize = 50;
/// An e-mail address, before its grammar is looked at.
pub(crate) const EMAIL: usize = 320;
/// A phone number as typed.
pub(crate) const PHONE: usize = 50;
/// Accounts of one contact.
pub(crate) const ACCOUNTS_OF_CONTACT: usize = 100;
/// Contacts of one account.
pub(crate) const CONTACTS_OF_ACCOUNT: usize = 500;

/// A name of one line that must be there, trimmed.
pub(crate) fn name<C: TextCode>(given: &str, field: &[&str], refusals: &mut Vec<Refusal<C>>) -> String {
    let text = given.trim();
    if text.is_empty() {
        refusals.push(Refusal::new(C::REQUIRED, field, "This must not be empty."));
    } else if text.chars().count() > NAME {
        refusals.push(too_long(field, NAME));
    } else if text.chars().any(char::is_control) {
        refusals.push(Refusal::new(
            C::INVALID,
            field,
            "This must be plain text on one line.",
        ));
    }
    text.to_owned()
}

/// A text of several lines; blank means none.
pub(crate) fn prose<C: TextCode>(
    given: Option<&str>,
    bound: usize,
    field: &[&str],
    refusals: &mut Vec<Refusal<C>>,
) -> Option<String> {
    let text = given.map(str::trim).filter(|text| !text.is_empty())?;
    if text.chars().count() > bound {
        refusals.push(too_long(field, bound));
    } else if text.contains('\0') {
        refusals.push(Refusal::new(C::INVALID, field, "This must be plain text."));
    }
    Some(text.to_owned())
}

/// Tags: trimmed, blank ones and repetitions left out, in the order given.
pub(crate) fn tags<C: TextCode>(given: &[String], refusals: &mut Vec<Refusal<C>>) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for (index, tag) in given.iter().enumerate() {
        let tag = tag.trim();
        if tag.chars().count() > TAG {
            refusals.push(too_long(&["tags", &index.to_string()], TAG));
        } else if tag.chars().any(char::is_control) {
            let message = "A tag must be plain text on one line.";
            refusals.push(Refusal::new(C::INVALID, &["tags", &index.to_string()], message));
        } else if !tag.is_empty() && !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
        // The list's own refusal says enough; thousands of further ones would not.
        if tags.len() > TAGS {
            refusals.push(Refusal::new(
                C::TOO_LONG,
                &["tags"],
                format!("There can be at most {TAGS} tags."),
            ));
            break;
        }
    }
    tags
}

/// Reads a phone number as E.164 (C2); blank means none.
pub(crate) fn phone(given: Option<&str>, refusals: &mut Vec<Refusal<ContactCode>>) -> Option<String> {
    let given = given.map(str::trim).filter(|given| !given.is_empty())?;
    if given.len() > PHONE {
        refusals.push(Refusal::new(
            ContactCode::TooLong,
            &["phone"],
            "This is too long for a phone number.",
        ));
        return None;
    }
    match parse_phone(given) {
        Ok(phone) => Some(phone),
        Err(_) => {
            let message = "Write the phone number with its country code, such as +44 20 7946 0018.";
            refusals.push(Refusal::new(ContactCode::Invalid, &["phone"], message));
            None
        }
    }
}

fn too_long<C: TextCode>(field: &[&str], bound: usize) -> Refusal<C> {
    Refusal::new(
        C::TOO_LONG,
        field,
        format!("This can have at most {bound} characters."),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::refusal::ContactCode as Code;

    fn named(given: &str) -> (String, Vec<Code>) {
        let mut refusals = Vec::new();
        let text = name(given, &["firstName"], &mut refusals);
        (text, refusals.into_iter().map(|refusal| refusal.code).collect())
    }

    #[test]
    fn c1_names_are_required_bounded_and_of_one_line() {
        assert_eq!(named("  Ada "), ("Ada".to_owned(), vec![]));
        assert_eq!(named(" \t").1, [Code::Required]);
        assert_eq!(named(&"é".repeat(NAME)).1, []);
        assert_eq!(named(&"é".repeat(NAME + 1)).1, [Code::TooLong]);
        assert_eq!(named("Ada\r\nBcc: x").1, [Code::Invalid]);
    }

    #[test]
    fn notes_may_have_lines_and_blank_ones_are_none() {
        let mut refusals: Vec<Refusal<Code>> = Vec::new();
        assert_eq!(
            prose(Some("a\nb"), NOTES, &["notes"], &mut refusals),
            Some("a\nb".to_owned())
        );
        assert_eq!(prose(Some("  "), NOTES, &["notes"], &mut refusals), None);
        assert_eq!(refusals, []);
        prose(Some(&"x".repeat(NOTES + 1)), NOTES, &["notes"], &mut refusals);
        assert_eq!(refusals[0].code, Code::TooLong);
    }

    #[test]
    fn tags_are_trimmed_and_stand_once() {
        let mut refusals: Vec<Refusal<Code>> = Vec::new();
        let given = [" vip", "", "vip", "Tax 2026 "].map(str::to_owned);
        assert_eq!(tags(&given, &mut refusals), ["vip", "Tax 2026"]);
        assert_eq!(refusals, []);
        let many: Vec<String> = (0..=TAGS).map(|number| number.to_string()).collect();
        tags(&many, &mut refusals);
        assert_eq!(
            (refusals[0].code, refusals[0].field.clone()),
            (Code::TooLong, vec!["tags".to_owned()])
        );
        let mut refusals: Vec<Refusal<Code>> = Vec::new();
        tags(&["x".repeat(TAG + 1)], &mut refusals);
        assert_eq!(refusals[0].field, ["tags", "0"]);
    }
}
