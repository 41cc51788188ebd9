//! Placeholders: a closed list, and what stands for them (N4).

use crate::discreet::discreet;

/// What a template may name between brackets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placeholder {
    /// First and last name.
    ContactName,
    /// First name.
    FirstName,
    /// The firm.
    OrganizationName,
    /// The link with its token: never in a subject.
    CustomerPortalLink,
    /// The end of the link's life, with weekday, date, time and zone (I5).
    ExpiresAt,
    /// The member who invited, else the firm.
    InvitedBy,
    /// The personal message; empty where there is none.
    Message,
    /// The accounts that the mail is about, a line each.
    AccountNames,
}

impl Placeholder {
    /// Every placeholder.
    pub const ALL: [Self; 8] = [
        Self::ContactName,
        Self::FirstName,
        Self::OrganizationName,
        Self::CustomerPortalLink,
        Self::ExpiresAt,
        Self::InvitedBy,
        Self::Message,
        Self::AccountNames,
    ];

    /// As it is written between the brackets.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ContactName => "ContactName",
            Self::FirstName => "FirstName",
            Self::OrganizationName => "OrganizationName",
            Self::CustomerPortalLink => "CustomerPortalLink",
            Self::ExpiresAt => "ExpiresAt",
            Self::InvitedBy => "InvitedBy",
            Self::Message => "Message",
            Self::AccountNames => "AccountNames",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }
}

/// A name in brackets that is not on the list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("[{0}] is no placeholder")]
pub struct UnknownPlaceholder(pub String);

/// What stands for the placeholders of one letter.
#[derive(Clone, Copy, Default)]
pub struct Values<'a> {
    /// `[ContactName]`.
    pub contact_name: &'a str,
    /// `[FirstName]`.
    pub first_name: &'a str,
    /// `[OrganizationName]`.
    pub organization_name: &'a str,
    /// `[CustomerPortalLink]`.
    pub link: &'a str,
    /// `[ExpiresAt]`.
    pub expires_at: &'a str,
    /// `[InvitedBy]`.
    pub invited_by: &'a str,
    /// `[Message]`.
    pub message: &'a str,
    /// `[AccountNames]`.
    pub account_names: &'a str,
}

discreet!(Values<'_>, |values| link: values.link.len());

impl<'a> Values<'a> {
    pub(super) const fn of(&self, placeholder: Placeholder) -> &'a str {
        match placeholder {
            Placeholder::ContactName => self.contact_name,
            Placeholder::FirstName => self.first_name,
            Placeholder::OrganizationName => self.organization_name,
            Placeholder::CustomerPortalLink => self.link,
            Placeholder::ExpiresAt => self.expires_at,
            Placeholder::InvitedBy => self.invited_by,
            Placeholder::Message => self.message,
            Placeholder::AccountNames => self.account_names,
        }
    }
}

/// How values are written into the text around them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One line, as a subject: line breaks and other control characters become spaces.
    Line,
    /// Plain text: control characters other than line breaks become spaces.
    Text,
    /// HTML, in text or between double quotes; line breaks become `<br>`.
    Html,
}

/// Writes a value into the text around it.
pub(super) fn write_value(filled: &mut String, value: &str, form: Form) {
    match form {
        Form::Line => filled.extend(value.chars().map(|c| if is_break(c) { ' ' } else { c })),
        Form::Text => write_text(filled, value),
        Form::Html => write_html(filled, value),
    }
}

/// Control characters, and the two separators of Unicode that some programs break lines at.
pub(super) fn is_break(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

fn write_text(filled: &mut String, value: &str) {
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => filled.push('\n'),
            '\t' => filled.push('\t'),
            c if is_break(c) => filled.push(' '),
            c => filled.push(c),
        }
    }
}

fn write_html(filled: &mut String, value: &str) {
    let mut chars = value.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '&' => filled.push_str("&amp;"),
            '<' => filled.push_str("&lt;"),
            '>' => filled.push_str("&gt;"),
            '"' => filled.push_str("&quot;"),
            '\'' => filled.push_str("&#39;"),
            '\r' if chars.peek() == Some(&'\n') => {}
            '\n' | '\r' => filled.push_str("<br>\n"),
            c if is_break(c) => filled.push(' '),
            c => filled.push(c),
        }
    }
}

/// The text on one line, as header values need it: control characters become spaces, spaces at the ends go.
#[must_use]
pub fn one_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    write_value(&mut line, text, Form::Line);
    line.trim().to_owned()
}

/// The text as HTML.
#[must_use]
pub fn escape_html(text: &str) -> String {
    let mut html = String::with_capacity(text.len() + 16);
    write_html(&mut html, text);
    html
}
