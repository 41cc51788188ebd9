//! The invitation's mail as somebody would get it (I2), with a link that leads nowhere.

use chrono::{DateTime, Utc};
use usher_events::MailKind;
use usher_text::{Locale, moment, zone};

use crate::domain::check::{Problem, check};
use crate::domain::placeholder::Values;
use crate::render::{CompileError, Content, Wording, compile, offered};
use crate::sender::{full_name, plain_link};

/// Whose mail to show, and what it says.
#[derive(Clone, Copy, Debug)]
pub struct Preview<'a> {
    /// `[OrganizationName]`.
    pub organization_name: &'a str,
    /// `[InvitedBy]`.
    pub invited_by: Option<&'a str>,
    /// For this sending only.
    pub subject: Option<&'a str>,
    /// For this sending only.
    pub body: Option<&'a str>,
    /// `[Message]`.
    pub message: Option<&'a str>,
    /// The recipient's, then the organization's.
    pub locales: [Option<&'a str>; 2],
    /// The recipient's, then the organization's.
    pub time_zones: [Option<&'a str>; 2],
    /// First and last name; none to check subject, body and message only.
    pub recipient: Option<(&'a str, &'a str)>,
    /// `[ExpiresAt]`.
    pub expires_at: DateTime<Utc>,
    /// The mail is that which tells somebody who is in of these accounts, a line each (I13).
    pub account_names: Option<&'a str>,
}

/// What is wrong with what was written.
#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    /// The member can mend it.
    #[error("subject, body or message are not as they should be")]
    Problems(Vec<Problem>),
    /// A built-in template is broken.
    #[error(transparent)]
    Template(#[from] CompileError),
}

/// Checks, and renders where there is a recipient.
///
/// # Errors
/// [`PreviewError`].
pub fn preview(public_url: &str, preview: &Preview<'_>) -> Result<Option<Content>, PreviewError> {
    let problems = check(preview.subject, preview.body, preview.message);
    if !problems.is_empty() {
        return Err(PreviewError::Problems(problems));
    }
    let Some((first, last)) = preview.recipient else {
        return Ok(None);
    };
    let (kind, link) = match preview.account_names {
        // No token: the page reads it as INVALID.
        None => (MailKind::Invitation, format!("{public_url}/activate/preview")),
        Some(_) => (
            MailKind::AccountAccess,
            plain_link(public_url, MailKind::AccountAccess),
        ),
    };
    let edited = |text| preview.account_names.map_or(text, |_| None);
    let locale = Locale::choose_among(&offered(kind), preview.locales);
    let message = preview.message.filter(|text| !text.trim().is_empty());
    let wording = Wording {
        kind,
        subject: edited(preview.subject),
        body: edited(preview.body),
        message: message.is_some(),
    };
    let content = compile(wording, locale.language)?.fill(&Values {
        contact_name: &full_name(first, last),
        first_name: first,
        organization_name: preview.organization_name,
        link: &link,
        expires_at: &moment(preview.expires_at, locale, zone(preview.time_zones)),
        invited_by: preview.invited_by.unwrap_or(preview.organization_name),
        message: message.unwrap_or_default(),
        account_names: preview.account_names.unwrap_or_default(),
    });
    Ok(Some(content))
}
