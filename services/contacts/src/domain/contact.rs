//! A natural person whom the firm knows (C1, C2).

use chrono::{DateTime, Utc};
use usher_types::{
    ContactId, ContactRole, EmailAddress, EmailFact, EmailState, IneligibleReason, InvitationAction,
    LoginFact, OrganizationId, PortalStatus, Version, eligibility, parse_phone,
};

use super::{
    link::{LinkDraft, LinkInput},
    refusal::{ContactCode as Code, Refusal},
    text,
};

/// A contact as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    pub(crate) organization: OrganizationId,
    pub(crate) version: Version,
    pub(crate) role: ContactRole,
    pub(crate) active: bool,
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
}

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
            phone: phone(input.phone.as_deref(), &mut refusals),
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
        };
        if refusals.is_empty() {
            Ok(draft)
        } else {
            Err(refusals)
        }
    }

    /// Why it cannot be invited at once, in words, where it cannot (I3).
    pub(crate) fn not_invitable(&self, email: EmailFact, portal_enabled: bool) -> Option<Refusal<Code>> {
        let refuse = |message: &str| Some(Refusal::new(Code::NotInvitable, &["invite"], message));
        if !portal_enabled {
            return refuse("The portal is switched off.");
        }
        let with_login = self.accounts.iter().filter(|link| link.toggles.login).count();
        let count = |number: usize| i64::try_from(number).unwrap_or(i64::MAX);
        let facts = usher_types::Facts {
            active: true,
            role: self.role,
            status: PortalStatus::Waiting,
            login: LoginFact::from_counts(count(self.accounts.len()), count(with_login)),
            email,
        };
        match eligibility(facts, InvitationAction::Send) {
            Ok(()) => None,
            Err(IneligibleReason::RoleNotInvitable) => refuse("A lead cannot be invited."),
            Err(IneligibleReason::LoginDisabled) => refuse("Login is off for every account."),
            Err(IneligibleReason::NoEmail) => refuse("There is no e-mail address to write to."),
            Err(IneligibleReason::InvalidEmail) => refuse("This e-mail address is a placeholder."),
            Err(IneligibleReason::EmailSuppressed) => {
                refuse("This e-mail address gets no mail: it is suppressed.")
            }
            Err(IneligibleReason::EmailBounced) => refuse("This e-mail address bounced."),
            Err(_) => refuse("This contact cannot be invited."),
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

/// Reads a phone number as E.164 (C2); blank means none.
pub(crate) fn phone(given: Option<&str>, refusals: &mut Vec<Refusal<Code>>) -> Option<String> {
    let given = given.map(str::trim).filter(|given| !given.is_empty())?;
    if given.len() > text::PHONE {
        refusals.push(Refusal::new(
            Code::TooLong,
            &["phone"],
            "This is too long for a phone number.",
        ));
        return None;
    }
    match parse_phone(given) {
        Ok(phone) => Some(phone),
        Err(_) => {
            let message = "Write the phone number with its country code, such as +44 20 7946 0018.";
            refusals.push(Refusal::new(Code::Invalid, &["phone"], message));
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::link::Toggles;

    fn input(role: ContactRole) -> ContactInput {
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
    fn i3_only_who_is_eligible_is_invited_at_creation() {
        let draft = |role| {
            ContactDraft::new(ContactInput {
                invite: true,
                ..input(role)
            })
            .unwrap()
        };
        let client = draft(ContactRole::Client);
        assert_eq!(client.not_invitable(EmailFact::Usable, true), None);
        let message = |refusal: Option<Refusal<Code>>| refusal.map(|refusal| (refusal.code, refusal.message));
        for (refusal, words) in [
            (
                client.not_invitable(EmailFact::Usable, false),
                "The portal is switched off.",
            ),
            (
                draft(ContactRole::Lead).not_invitable(EmailFact::Usable, true),
                "A lead cannot be invited.",
            ),
            (
                client.not_invitable(EmailFact::None, true),
                "There is no e-mail address to write to.",
            ),
            (
                client.not_invitable(EmailFact::Invalid, true),
                "This e-mail address is a placeholder.",
            ),
        ] {
            assert_eq!(message(refusal), Some((Code::NotInvitable, words.to_owned())));
        }
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
