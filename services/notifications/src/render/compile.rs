//! Templates become patterns once a mailing and language; filling those in is all that is left to do a letter.

use minijinja::{Environment, Value, context};
use usher_events::MailKind;
use usher_text::Language;

use super::encoded::Encoded;
use super::mime::Parts;
use super::templates::{self, EDITED, LAYOUT};
use crate::domain::pattern::Pattern;
use crate::domain::placeholder::{Form, Placeholder, UnknownPlaceholder, Values};

/// What the letters of a mailing say.
#[derive(Clone, Copy, Debug)]
pub struct Wording<'a> {
    /// Which mail.
    pub kind: MailKind,
    /// For this sending only.
    pub subject: Option<&'a str>,
    /// For this sending only.
    pub body: Option<&'a str>,
    /// Whether there is a personal message.
    pub message: bool,
}

/// A template that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// A name in brackets that is not on the list.
    #[error(transparent)]
    Placeholder(#[from] UnknownPlaceholder),
    /// The template engine refuses it.
    #[error("the template cannot be rendered: {0}")]
    Template(#[from] minijinja::Error),
    /// There is no such mail.
    #[error("there is no template {0}")]
    Missing(&'static str),
}

/// A mail whose placeholders are known.
#[derive(Clone, Debug)]
pub struct Compiled {
    subject: Pattern,
    text: Pattern,
    html: Pattern,
}

/// What all letters of a mailing have in common.
const SETTLED: [Placeholder; 3] = [
    Placeholder::OrganizationName,
    Placeholder::InvitedBy,
    Placeholder::Message,
];

/// A mail of which all is ready that its letters have in common.
#[derive(Clone, Debug)]
pub struct Ready {
    subject: Pattern,
    text: Encoded,
    html: Encoded,
}

impl Ready {
    /// Fills in one recipient's values.
    #[must_use]
    pub fn parts(&self, values: &Values<'_>) -> Parts {
        Parts {
            subject: self.subject.fill(values).trim().to_owned(),
            text: self.text.body(values),
            html: self.html.body(values),
        }
    }
}

/// A mail as one recipient gets it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Content {
    /// One line.
    pub subject: String,
    /// The plain text.
    pub text: String,
    /// The HTML.
    pub html: String,
}

impl Compiled {
    /// Takes organization, inviter and message out of these values, for all letters.
    #[must_use]
    pub fn ready(&self, values: &Values<'_>) -> Ready {
        let settled = |pattern: &Pattern| pattern.settled(&SETTLED, values);
        Ready {
            subject: settled(&self.subject),
            text: Encoded::of(&settled(&self.text)),
            html: Encoded::of(&settled(&self.html)),
        }
    }

    /// Fills in one recipient's values.
    #[must_use]
    pub fn fill(&self, values: &Values<'_>) -> Content {
        Content {
            subject: self.subject.fill(values).trim().to_owned(),
            text: self.text.fill(values),
            html: self.html.fill(values),
        }
    }
}

/// Makes patterns of the wording in this language.
///
/// Values never pass through the template engine: it sees only which parts there are, so that no name or message can be
/// taken for a placeholder or a tag.
///
/// # Errors
/// [`CompileError`]; an edited subject or body was checked before it was stored, so this shows a fault of ours.
pub fn compile(wording: Wording<'_>, language: Language) -> Result<Compiled, CompileError> {
    let builtin =
        templates::find(wording.kind, language).ok_or(CompileError::Missing(wording.kind.as_str()))?;
    let mut engine = Environment::new();
    engine.add_template("layout.html", LAYOUT)?;
    let flags = context! { lang => builtin.language.tag(), message => wording.message };
    let (text, html) = match wording.body {
        Some(body) => {
            let body = with_message(body, wording.message)?;
            engine.add_template("edited.html", EDITED)?;
            let paragraphs = Value::from_safe_string(paragraphs(&body)?);
            let html = engine
                .get_template("edited.html")?
                .render(context! { body => paragraphs, ..flags })?;
            (body, html)
        }
        None => {
            engine.add_template("body.txt", builtin.text)?;
            engine.add_template("body.html", builtin.html)?;
            (
                engine.get_template("body.txt")?.render(&flags)?,
                engine.get_template("body.html")?.render(&flags)?,
            )
        }
    };
    Ok(Compiled {
        subject: Pattern::parse(wording.subject.unwrap_or(builtin.subject).trim(), Form::Line)?,
        text: Pattern::parse(&text, Form::Text)?,
        html: Pattern::parse(&html, Form::Html)?,
    })
}

/// The edited body with line ends of one kind; a message that it gives no place to stands above the link (N4).
fn with_message(body: &str, message: bool) -> Result<String, UnknownPlaceholder> {
    let body = body.replace("\r\n", "\n").replace('\r', "\n");
    if !message || Pattern::parse(&body, Form::Text)?.names(Placeholder::Message) {
        return Ok(body);
    }
    let link = format!("[{}]", Placeholder::CustomerPortalLink.name());
    let line = body
        .find(&link)
        .map_or(0, |at| body[..at].rfind('\n').map_or(0, |line_end| line_end + 1));
    let (above, below) = body.split_at(line);
    Ok(format!("{above}[{}]\n\n{below}", Placeholder::Message.name()))
}

/// Plain text as HTML: paragraphs at empty lines, the link as a link, all else escaped. Placeholders stay.
fn paragraphs(body: &str) -> Result<String, UnknownPlaceholder> {
    const LINK: &str = "[CustomerPortalLink]";
    let anchor = format!("<a href=\"{LINK}\" style=\"color:#1d4ed8;word-break:break-all;\">{LINK}</a>");
    let paragraphs = body
        .split("\n\n")
        .map(|paragraph| paragraph.trim_matches('\n'))
        .filter(|paragraph| !paragraph.is_empty())
        .map(|paragraph| {
            let html = crate::domain::placeholder::escape_html(paragraph).replace(LINK, &anchor);
            format!("<p style=\"margin:0 0 16px 0;\">{html}</p>")
        });
    Ok(paragraphs.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::super::templates::BUILTIN;
    use super::*;

    const VALUES: Values<'static> = Values {
        contact_name: "Ada <Lovelace>",
        first_name: "Ada",
        organization_name: "Müller & Söhne",
        link: "https://portal.example/activate/TOKEN?a=1&b=2",
        expires_at: "Friday",
        invited_by: "Max",
        message: "See you,\nMax",
        account_names: "Engines Ltd\nLoom Trust",
    };

    fn is_linked(kind: MailKind) -> bool {
        kind.page().is_some() || kind == MailKind::AccountAccess
    }

    fn wording(kind: MailKind) -> Wording<'static> {
        Wording {
            kind,
            subject: None,
            body: None,
            message: false,
        }
    }

    #[test]
    fn n4_every_builtin_template_renders_and_holds_its_link() {
        for builtin in BUILTIN {
            for message in [false, true] {
                let wording = Wording {
                    message,
                    ..wording(builtin.kind)
                };
                let content = compile(wording, builtin.language).unwrap().fill(&VALUES);
                let has_token = builtin.kind.page().is_some();
                let linked = is_linked(builtin.kind);
                assert_eq!(content.text.matches(VALUES.link).count(), usize::from(linked));
                let href = "href=\"https://portal.example/activate/TOKEN?a=1&amp;b=2\"";
                assert_eq!(content.html.contains(href), linked);
                assert!(content.html.contains("Müller &amp; Söhne"));
                for part in [&content.text, &content.html] {
                    assert_eq!(part.contains("Friday"), has_token);
                }
                // the other mails are nobody's letter
                let personal = matches!(
                    builtin.kind,
                    MailKind::Invitation
                        | MailKind::MemberInvitation
                        | MailKind::InvitationDeclined
                        | MailKind::AccountAccess
                );
                let names_accounts = builtin.kind == MailKind::AccountAccess;
                assert_eq!(content.text.contains("Engines Ltd\nLoom Trust"), names_accounts);
                assert_eq!(content.text.contains("See you,\nMax"), message && personal);
                assert_eq!(content.html.contains("See you,<br>\nMax"), message && personal);
                for part in [&content.subject, &content.text, &content.html] {
                    assert!(
                        !part.contains("{{") && !part.contains("{%") && !part.contains('['),
                        "{part}"
                    );
                }
            }
        }
    }

    #[test]
    fn n5_no_tracking_and_nothing_from_elsewhere() {
        for builtin in BUILTIN {
            let html = compile(wording(builtin.kind), builtin.language)
                .unwrap()
                .fill(&VALUES)
                .html;
            assert!(!html.contains("<img") && !html.contains("src=") && !html.contains("url("));
            let expected = if is_linked(builtin.kind) { 3 } else { 0 };
            assert_eq!(html.matches("://").count(), expected, "{html}");
        }
    }

    #[test]
    fn n4_an_edited_body_is_text_and_html_with_a_link() {
        let wording = Wording {
            subject: Some("Hi [FirstName]"),
            body: Some("Dear [ContactName] & co,\r\nwelcome.\r\n\r\n[CustomerPortalLink]\r\n"),
            ..wording(MailKind::Invitation)
        };
        let content = compile(wording, Language::English).unwrap().fill(&VALUES);
        assert_eq!(content.subject, "Hi Ada");
        assert_eq!(
            content.text,
            "Dear Ada <Lovelace> & co,\nwelcome.\n\nhttps://portal.example/activate/TOKEN?a=1&b=2\n"
        );
        assert!(
            content
                .html
                .contains("Dear Ada &lt;Lovelace&gt; &amp; co,<br>\nwelcome.</p>")
        );
        assert!(
            content
                .html
                .contains("<a href=\"https://portal.example/activate/TOKEN?a=1&amp;b=2\"")
        );
    }

    #[test]
    fn n4_a_message_without_its_place_stands_above_the_link() {
        let table = [
            (
                "Hello\nopen: [CustomerPortalLink] now\nbye",
                "Hello\nM\n\nopen: L now\nbye",
            ),
            ("[CustomerPortalLink]", "M\n\nL"),
            ("[CustomerPortalLink]\n[Message]", "L\nM"),
            ("A\n\n[CustomerPortalLink]", "A\n\nM\n\nL"),
        ];
        for (body, expected) in table {
            let wording = Wording {
                body: Some(body),
                message: true,
                ..wording(MailKind::Invitation)
            };
            let values = Values {
                message: "M",
                link: "L",
                ..VALUES
            };
            assert_eq!(
                compile(wording, Language::English).unwrap().fill(&values).text,
                expected
            );
        }
    }

    #[test]
    fn n4_markup_in_an_edited_body_is_text() {
        let wording = Wording {
            body: Some("<script>x</script> {{ lang }} [CustomerPortalLink]"),
            ..wording(MailKind::Invitation)
        };
        let content = compile(wording, Language::English).unwrap().fill(&VALUES);
        assert!(content.html.contains("&lt;script&gt;x&lt;/script&gt; {{ lang }}"));
        assert!(content.text.starts_with("<script>x</script> {{ lang }} "));
    }
}
