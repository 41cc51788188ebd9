//! What a member may write for one sending (N4).

use super::pattern::Pattern;
use super::placeholder::{Form, Placeholder};

/// Longest subject, in characters.
const SUBJECT_LENGTH: usize = 200;
/// Longest body, in characters.
const BODY_LENGTH: usize = 20_000;
/// Longest personal message, in characters.
const MESSAGE_LENGTH: usize = 5_000;

/// Which of the texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Field {
    /// The subject.
    Subject,
    /// The body.
    Body,
    /// The personal message.
    Message,
}

impl Field {
    /// As in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Body => "body",
            Self::Message => "message",
        }
    }
}

/// What kind of thing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// Empty, too long, or a link where none belongs.
    Invalid,
    /// A name in brackets that is not on the list.
    UnknownPlaceholder,
    /// The body of an invitation without its link.
    LinkPlaceholderMissing,
}

impl Code {
    /// As in the API.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Invalid => "INVALID",
            Self::UnknownPlaceholder => "UNKNOWN_PLACEHOLDER",
            Self::LinkPlaceholderMissing => "LINK_PLACEHOLDER_MISSING",
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What kind of thing.
    pub code: Code,
    /// Where.
    pub field: Field,
    /// In English, for people.
    pub text: String,
}

/// Everything that is wrong with what was written for one sending of an invitation.
#[must_use]
pub fn check(subject: Option<&str>, body: Option<&str>, message: Option<&str>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if let Some(subject) = subject {
        problems.extend(check_subject(subject));
    }
    if let Some(body) = body {
        problems.extend(check_body(body));
    }
    if let Some(message) = message {
        problems.extend(length(Field::Message, message, MESSAGE_LENGTH));
    }
    problems
}

fn check_subject(subject: &str) -> Option<Problem> {
    let field = Field::Subject;
    if let Some(problem) = length(field, subject, SUBJECT_LENGTH).or_else(|| empty(field, subject)) {
        return Some(problem);
    }
    if subject.chars().any(char::is_control) {
        return Some(invalid(field, "A subject is one line.".to_owned()));
    }
    match Pattern::parse(subject, Form::Line) {
        Err(unknown) => Some(unknown_placeholder(field, &unknown.0)),
        // Subjects are logged by servers and shown on locked screens.
        Ok(pattern) if pattern.names(Placeholder::CustomerPortalLink) => Some(invalid(
            field,
            "The link belongs in the body, not in the subject.".to_owned(),
        )),
        Ok(pattern) => foreign(field, &pattern),
    }
}

fn check_body(body: &str) -> Option<Problem> {
    let field = Field::Body;
    if let Some(problem) = length(field, body, BODY_LENGTH).or_else(|| empty(field, body)) {
        return Some(problem);
    }
    match Pattern::parse(body, Form::Text) {
        Err(unknown) => Some(unknown_placeholder(field, &unknown.0)),
        Ok(pattern) if !pattern.names(Placeholder::CustomerPortalLink) => Some(Problem {
            code: Code::LinkPlaceholderMissing,
            field,
            text: "An invitation needs its link: [CustomerPortalLink].".to_owned(),
        }),
        Ok(pattern) => foreign(field, &pattern),
    }
}

/// What stands for nothing in an invitation is unknown there.
fn foreign(field: Field, pattern: &Pattern) -> Option<Problem> {
    let foreign = Placeholder::AccountNames;
    pattern
        .names(foreign)
        .then(|| unknown_placeholder(field, foreign.name()))
}

fn length(field: Field, text: &str, most: usize) -> Option<Problem> {
    if text.contains('\0') {
        return Some(invalid(field, "This must be plain text.".to_owned()));
    }
    (text.chars().count() > most).then(|| invalid(field, format!("This takes at most {most} characters.")))
}

fn empty(field: Field, text: &str) -> Option<Problem> {
    text.trim()
        .is_empty()
        .then(|| invalid(field, "This is empty.".to_owned()))
}

const fn invalid(field: Field, text: String) -> Problem {
    Problem {
        code: Code::Invalid,
        field,
        text,
    }
}

fn unknown_placeholder(field: Field, name: &str) -> Problem {
    let known = Placeholder::ALL
        .iter()
        .filter(|known| **known != Placeholder::AccountNames);
    let known: Vec<String> = known.map(|known| format!("[{}]", known.name())).collect();
    let known = known.join(" ");
    Problem {
        code: Code::UnknownPlaceholder,
        field,
        text: format!("[{name}] is no placeholder; there are {known}."),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(subject: Option<&str>, body: Option<&str>, message: Option<&str>) -> Vec<(Code, Field)> {
        check(subject, body, message)
            .into_iter()
            .map(|problem| (problem.code, problem.field))
            .collect()
    }

    #[test]
    fn n4_what_is_right_passes() {
        assert_eq!(check(None, None, None), []);
        assert_eq!(
            check(
                Some("Welcome, [FirstName] [1]"),
                Some("Dear [ContactName],\n[CustomerPortalLink]"),
                Some("[anything] goes\nin a message"),
            ),
            []
        );
    }

    #[test]
    fn n4_what_is_wrong_is_named_with_its_field() {
        let long = "x".repeat(20_001);
        let table = [
            (
                Some("[Nick]"),
                None,
                None,
                (Code::UnknownPlaceholder, Field::Subject),
            ),
            (Some("  "), None, None, (Code::Invalid, Field::Subject)),
            (Some("a\r\nBcc: b"), None, None, (Code::Invalid, Field::Subject)),
            (
                Some("go to [CustomerPortalLink]"),
                None,
                None,
                (Code::Invalid, Field::Subject),
            ),
            (
                None,
                Some("[Nick] [CustomerPortalLink]"),
                None,
                (Code::UnknownPlaceholder, Field::Body),
            ),
            (
                None,
                Some("no link"),
                None,
                (Code::LinkPlaceholderMissing, Field::Body),
            ),
            (
                Some("Now: [AccountNames]"),
                None,
                None,
                (Code::UnknownPlaceholder, Field::Subject),
            ),
            (
                None,
                Some("[AccountNames] [CustomerPortalLink]"),
                None,
                (Code::UnknownPlaceholder, Field::Body),
            ),
            (None, Some(""), None, (Code::Invalid, Field::Body)),
            (None, Some(long.as_str()), None, (Code::Invalid, Field::Body)),
            (None, None, Some(long.as_str()), (Code::Invalid, Field::Message)),
            (None, None, Some("a\0b"), (Code::Invalid, Field::Message)),
        ];
        for (subject, body, message, expected) in table {
            assert_eq!(codes(subject, body, message), [expected]);
        }
    }

    #[test]
    fn n4_all_fields_are_checked_at_once() {
        assert_eq!(
            codes(Some("[A]"), Some("[B]"), None),
            [
                (Code::UnknownPlaceholder, Field::Subject),
                (Code::UnknownPlaceholder, Field::Body)
            ]
        );
    }
}
