//! The bytes of a mail (N5).

use std::time::SystemTime;

use chrono::{DateTime, Utc};
use lettre::address::Address;
use lettre::message::header::{self, ContentType, HeaderName, HeaderValue, Headers};
use lettre::message::{Body, Mailbox, Mailboxes, MultiPart, SinglePart};
use usher_types::{EmailAddress, MessageId};

use crate::discreet::discreet;
use crate::domain::placeholder::one_line;

/// Whom mails come from.
#[derive(Clone, Debug)]
pub struct Sender {
    address: Address,
}

/// A mail that cannot be written, with the reason for whoever sent it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unwritable(pub String);

impl Sender {
    /// Mails come from this address.
    ///
    /// # Errors
    /// Where it is no address, or not plain ASCII, which every server takes.
    pub fn new(address: &str) -> Result<Self, Unwritable> {
        let parsed = parse(address)?;
        if address.is_ascii() {
            Ok(Self { address: parsed })
        } else {
            Err(Unwritable("the sender's address must be plain ASCII".to_owned()))
        }
    }

    /// For the envelope.
    #[must_use]
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// By the records of which receivers judge the mails.
    #[must_use]
    pub fn domain(&self) -> &str {
        self.address.domain()
    }

    /// `{message id}@{domain}`: the same for every repeat of a message (N2).
    #[must_use]
    pub fn message_id(&self, message: MessageId) -> String {
        format!("<{message}@{}>", self.address.domain())
    }
}

/// An address as it goes into envelope and headers: the local part as typed, the domain in ASCII.
fn parse(text: &str) -> Result<Address, Unwritable> {
    let unwritable = || Unwritable("the address is not one that mail can be sent to".to_owned());
    let email = EmailAddress::parse(text).map_err(|_| unwritable())?;
    let (local, _) = email.typed().rsplit_once('@').ok_or_else(unwritable)?;
    Address::new(local, email.domain()).map_err(|_| unwritable())
}

/// What a mail says of its sender: the same for all letters of a mailing, written once.
#[derive(Clone)]
pub struct Letterhead(String);

discreet!(Letterhead, |head| length: head.0.len());

impl Letterhead {
    /// `organization_name` is the display name of From. Answers go to `reply_to`, which is left out where it is no address: it is
    /// free text of another service, and an unusable one must not stop the mail.
    #[must_use]
    pub fn new(sender: &Sender, organization_name: &str, reply_to: Option<&str>) -> Self {
        let mut headers = Headers::new();
        headers.set(header::From::from(Mailboxes::from(mailbox(
            organization_name,
            sender.address.clone(),
        ))));
        if let Some(reply_to) = reply_to.and_then(|text| parse(text).ok()) {
            headers.set(header::ReplyTo::from(Mailboxes::from(Mailbox::new(
                None, reply_to,
            ))));
        }
        headers.insert_raw(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".to_owned(),
        ));
        headers.set(header::MIME_VERSION_1_0);
        Self(headers.to_string())
    }
}

/// One mail to one person.
#[derive(Clone, Copy)]
pub struct Mail<'a> {
    /// Which message.
    pub message: MessageId,
    /// The Message-ID header, with its angle brackets.
    pub rfc_message_id: &'a str,
    /// Fixed at the first attempt.
    pub date: DateTime<Utc>,
    /// The recipient's display name.
    pub to_name: &'a str,
    /// The recipient's address, as typed.
    pub to: &'a str,
}

discreet!(Mail<'_>, |mail| message: mail.message);

/// What a mail says.
#[derive(Clone)]
pub struct Parts {
    /// One line.
    pub subject: String,
    /// The plain text.
    pub text: Body,
    /// The HTML.
    pub html: Body,
}

discreet!(Parts, |parts| subject: parts.subject.len());

/// A mail ready for the wire.
#[derive(Clone)]
pub struct Written {
    /// The envelope's recipient.
    pub to: Address,
    /// Headers and body.
    pub bytes: Vec<u8>,
}

discreet!(Written, |written| bytes: written.bytes.len());

/// Writes headers and both parts. Values that come from people are kept to one line and encoded.
///
/// # Errors
/// [`Unwritable`] where the recipient's address is none.
pub fn write_mail(head: &Letterhead, mail: &Mail<'_>, parts: Parts) -> Result<Written, Unwritable> {
    let to = parse(mail.to)?;
    let mut headers = Headers::new();
    headers.set(header::Date::from(SystemTime::from(mail.date)));
    headers.set(header::MessageId::from(mail.rfc_message_id.to_owned()));
    headers.set(header::To::from(Mailboxes::from(mailbox(
        mail.to_name,
        to.clone(),
    ))));
    headers.set(header::Subject::from(one_line(&parts.subject)));
    let body = alternatives(mail.message, parts)?.formatted();
    let headers = headers.to_string();
    Ok(Written {
        to,
        bytes: [head.0.as_bytes(), headers.as_bytes(), &body].concat(),
    })
}

/// Text and HTML, with the header that says so.
fn alternatives(message: MessageId, parts: Parts) -> Result<MultiPart, Unwritable> {
    let kind = format!(
        "multipart/alternative; boundary=\"=_{}\"",
        message.uuid().simple()
    );
    let kind = ContentType::parse(&kind).map_err(|error| Unwritable(error.to_string()))?;
    Ok(MultiPart::builder()
        .header(kind)
        .singlepart(part(ContentType::TEXT_PLAIN, parts.text))
        .singlepart(part(ContentType::TEXT_HTML, parts.html)))
}

fn mailbox(name: &str, address: Address) -> Mailbox {
    let name = one_line(name);
    Mailbox::new((!name.is_empty()).then_some(name), address)
}

fn part(kind: ContentType, body: Body) -> SinglePart {
    SinglePart::builder().header(kind).body(body)
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;
    use mail_parser::{MessageParser, MimeHeaders};

    use super::*;

    fn head(organization_name: &str, reply_to: &str) -> Letterhead {
        let sender = Sender::new("portal@usher.example").unwrap();
        Letterhead::new(&sender, organization_name, Some(reply_to))
    }

    fn written(mail: &Mail<'_>, subject: &str) -> Written {
        let head = head("Müller & Söhne, \"Berlin\"", "max@müller.example");
        written_under(&head, mail, subject)
    }

    fn written_under(head: &Letterhead, mail: &Mail<'_>, subject: &str) -> Written {
        let parts = Parts {
            subject: subject.to_owned(),
            text: Body::new("Grüße\nhttps://portal.example/activate/TOKEN\n".to_owned()),
            html: Body::new("<p>Grüße</p>".to_owned()),
        };
        write_mail(head, mail, parts).unwrap()
    }

    fn mail() -> Mail<'static> {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        Mail {
            message: MessageId::new(at),
            rfc_message_id: "<1@usher.example>",
            date: at,
            to_name: "Ольга Петрова",
            to: "olga@почта.рф",
        }
    }

    #[test]
    fn n5_headers_are_as_they_should_be() {
        let bytes = written(&mail(), "Grüße aus Köln").bytes;
        assert!(bytes.is_ascii());
        let parsed = MessageParser::default().parse(&bytes).unwrap();
        assert_eq!(parsed.subject(), Some("Grüße aus Köln"));
        assert_eq!(parsed.message_id(), Some("1@usher.example"));
        assert_eq!(parsed.date().unwrap().to_rfc3339(), "2026-03-01T12:00:00Z");
        assert_eq!(
            parsed.header_raw("Auto-Submitted").map(str::trim),
            Some("auto-generated")
        );
        let from = parsed.from().unwrap().first().unwrap();
        assert_eq!(from.name(), Some("Müller & Söhne, \"Berlin\""));
        assert_eq!(from.address(), Some("portal@usher.example"));
        let to = parsed.to().unwrap().first().unwrap();
        assert_eq!(to.name(), Some("Ольга Петрова"));
        assert_eq!(to.address(), Some("olga@xn--80a1acny.xn--p1ai"));
        let reply_to = parsed.reply_to().unwrap().first().unwrap();
        assert_eq!(reply_to.address(), Some("max@xn--mller-kva.example"));
        let kind = parsed.content_type().unwrap();
        assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("alternative")));
        assert_eq!(
            parsed.body_text(0).unwrap(),
            "Grüße\r\nhttps://portal.example/activate/TOKEN\r\n"
        );
        assert_eq!(parsed.body_html(0).unwrap(), "<p>Grüße</p>");
    }

    #[test]
    fn n5_an_unusable_reply_to_is_left_out() {
        let bytes = written_under(&head("Acme", "nobody"), &mail(), "Hi").bytes;
        assert!(
            MessageParser::default()
                .parse(&bytes)
                .unwrap()
                .reply_to()
                .is_none()
        );
    }

    #[test]
    fn n5_a_recipient_that_is_no_address_is_refused() {
        let head = head("Acme", "office@acme.example");
        for to in ["", "nobody", "a@b\r\nRCPT TO:<c@d.example>"] {
            let parts = Parts {
                subject: String::new(),
                text: Body::new(String::new()),
                html: Body::new(String::new()),
            };
            assert!(write_mail(&head, &Mail { to, ..mail() }, parts).is_err());
        }
    }

    #[test]
    fn n2_the_same_letter_has_the_same_bytes() {
        let mail = mail();
        assert_eq!(written(&mail, "Hi").bytes, written(&mail, "Hi").bytes);
    }

    proptest::proptest! {
        #[test]
        fn n5_headers_are_immune_to_injection(name in ".*", other in ".*", breaks in "[\r\n]{1,3}", subject in ".*") {
            let (name, other, subject) = (
                format!("{name}{breaks}Bcc: evil@example.com"),
                format!("{other}{breaks}{breaks}<p>body"),
                format!("{subject}{breaks}X-Evil: 1"),
            );
            let mail = Mail { to_name: &other, ..mail() };
            let bytes = written_under(&head(&name, &name), &mail, &subject).bytes;
            let parsed = MessageParser::default().parse(&bytes).unwrap();
            let names: Vec<_> = parsed.headers().iter().map(|header| header.name().to_lowercase()).collect();
            proptest::prop_assert_eq!(
                names,
                ["from", "auto-submitted", "mime-version", "date", "message-id", "to", "subject", "content-type"]
            );
            proptest::prop_assert_eq!(parsed.from().unwrap().iter().count(), 1);
            proptest::prop_assert_eq!(parsed.to().unwrap().iter().count(), 1);
        }

        #[test]
        fn n5_names_in_any_script_survive(name in "[\\p{L}\\p{N} ,.'\"-]{1,60}") {
            let mail = Mail { to_name: &name, ..mail() };
            let bytes = written(&mail, "Hi").bytes;
            proptest::prop_assert!(bytes.is_ascii());
            let parsed = MessageParser::default().parse(&bytes).unwrap();
            let shown = parsed.to().unwrap().first().unwrap().name().unwrap_or_default().to_owned();
            let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            proptest::prop_assert_eq!(words(&shown), words(&name));
        }
    }
}
