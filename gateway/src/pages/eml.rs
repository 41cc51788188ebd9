//! Reads captured mail as far as its page shows it: our own mails, so not every corner of MIME.

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{GeneralPurposeConfig, STANDARD};

/// What the page shows of a mail.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Mail {
    pub(super) subject: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) date: String,
    pub(super) text: String,
    pub(super) links: Vec<String>,
}

/// Reads a message.
pub(super) fn parse(bytes: &[u8]) -> Mail {
    let source = String::from_utf8_lossy(bytes).replace("\r\n", "\n");
    let (head, body) = split(&source);
    let text = text_of(&head, body).unwrap_or_default();
    let shown = |name: &str| words(header(&head, name).unwrap_or_default());
    Mail {
        subject: shown("subject"),
        from: shown("from"),
        to: shown("to"),
        date: shown("date"),
        links: links(&text),
        text,
    }
}

/// Headers, unfolded, and the body.
fn split(source: &str) -> (Vec<(String, String)>, &str) {
    let (head, body) = source.split_once("\n\n").unwrap_or((source, ""));
    let unfolded = head.replace("\n ", " ").replace("\n\t", " ");
    let lines = unfolded.lines().filter_map(|line| line.split_once(':'));
    let headers = lines.map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()));
    (headers.collect(), body)
}

fn header<'a>(head: &'a [(String, String)], name: &str) -> Option<&'a str> {
    head.iter()
        .find(|(known, _)| known == name)
        .map(|(_, value)| value.as_str())
}

/// The plain text of a part, or of the first part below it that has one.
fn text_of(head: &[(String, String)], body: &str) -> Option<String> {
    let kind = header(head, "content-type").unwrap_or("text/plain");
    if kind.to_ascii_lowercase().starts_with("multipart/") {
        let boundary = kind.split("boundary=").nth(1)?;
        let boundary = boundary.split(';').next()?.trim().trim_matches('"');
        let delimiter = format!("--{boundary}");
        let parts = body
            .split(&delimiter)
            .skip(1)
            .take_while(|part| !part.starts_with("--"));
        return parts
            .map(|part| split(part.trim_start_matches('\n')))
            .find_map(|(head, body)| text_of(&head, body));
    }
    if !kind.to_ascii_lowercase().starts_with("text/plain") {
        return None;
    }
    let encoding = header(head, "content-transfer-encoding").unwrap_or_default();
    Some(match encoding.to_ascii_lowercase().as_str() {
        "quoted-printable" => quoted(body, false),
        "base64" => String::from_utf8_lossy(&lenient().decode(body.replace('\n', "")).unwrap_or_default())
            .replace("\r\n", "\n"),
        _ => body.to_owned(),
    })
}

fn lenient() -> GeneralPurpose {
    let config =
        GeneralPurposeConfig::new().with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent);
    GeneralPurpose::new(&base64::alphabet::STANDARD, config)
}

/// Decodes quoted-printable; in headers an underscore is a blank.
fn quoted(text: &str, in_header: bool) -> String {
    let text = text.replace("=\n", "");
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let hex = (byte == b'=').then(|| text.get(at + 1..at + 3)).flatten();
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(if in_header && byte == b'_' { b' ' } else { byte });
                at += 1;
            }
        }
    }
    String::from_utf8_lossy(&decoded).into_owned()
}

/// A header's encoded words (RFC 2047) as text.
fn words(value: &str) -> String {
    let mut shown = String::new();
    // blanks between two encoded words do not count
    let value = value.replace("?= =?", "?==?");
    let mut rest = value.as_str();
    while let Some((before, after)) = rest.split_once("=?") {
        shown.push_str(before);
        let mut parts = after.splitn(3, '?');
        let (Some(_charset), Some(encoding), Some(tail)) = (parts.next(), parts.next(), parts.next()) else {
            shown.push_str("=?");
            rest = after;
            continue;
        };
        let (word, after) = tail.split_once("?=").unwrap_or((tail, ""));
        if encoding.eq_ignore_ascii_case("b") {
            shown.push_str(&String::from_utf8_lossy(
                &STANDARD.decode(word).unwrap_or_default(),
            ));
        } else {
            shown.push_str(&quoted(word, true));
        }
        rest = after;
    }
    shown.push_str(rest);
    shown
}

/// The addresses that a person could follow.
fn links(text: &str) -> Vec<String> {
    let candidates = text.split(|c: char| c.is_whitespace() || matches!(c, '<' | '>' | '"'));
    let mut found: Vec<String> = Vec::new();
    for candidate in candidates {
        let link = candidate.trim_end_matches(['.', ',', ')', ']']);
        let is_link = link.starts_with("http://") || link.starts_with("https://");
        if is_link && !found.iter().any(|known| known == link) {
            found.push(link.to_owned());
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n10_a_captured_mail_shows_its_text_and_links() {
        let source = "From: =?utf-8?b?TcO8bGxlcg==?= <a@example.com>\r\nTo: b@example.com\r\n\
            Subject: =?utf-8?q?Gr=C3=BC?=\r\n =?utf-8?q?=C3=9Fe_an?= alle\r\nDate: Fri, 6 Mar 2026 14:30:00 +0000\r\n\
            Content-Type: multipart/alternative; boundary=\"b1\"\r\n\r\n\
            --b1\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            Click:\r\nhttp://localhost:8080/activate/abc=\r\ndef\r\nGr=C3=BC=C3=9Fe\r\n\
            --b1\r\nContent-Type: text/html\r\n\r\n<p>no</p>\r\n--b1--\r\n";
        let mail = parse(source.as_bytes());
        assert_eq!(mail.from, "Müller <a@example.com>");
        assert_eq!(mail.subject, "Grüße an alle");
        assert_eq!(
            mail.text.trim_end(),
            "Click:\nhttp://localhost:8080/activate/abcdef\nGrüße"
        );
        assert_eq!(mail.links, ["http://localhost:8080/activate/abcdef"]);
    }

    #[test]
    fn n10_whatever_stands_in_the_folder_is_no_reason_to_fail() {
        for source in [
            &b""[..],
            b"\xff\xfe",
            b"=?",
            b"Subject: =?x?y",
            b"Content-Type: multipart/mixed\n\nx",
            b"\n\n=4",
        ] {
            parse(source);
        }
    }
}
