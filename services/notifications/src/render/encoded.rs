//! Bodies in quoted-printable, of which only those lines are encoded for each letter that say something of their own.

use lettre::message::Body;
use lettre::message::header::ContentTransferEncoding;

use crate::domain::pattern::Pattern;
use crate::domain::placeholder::Values;

/// One part of a mail, ready to be filled in many times.
#[derive(Clone, Debug)]
pub enum Encoded {
    /// Mostly ASCII, by lines.
    Lines(Vec<Line>),
    /// Mostly in another script, where quoted-printable would be three times as long: lettre chooses by the whole.
    Whole(Pattern),
}

/// One line, or several without values.
#[derive(Clone, Debug)]
pub enum Line {
    /// Encoded once.
    Ready(Vec<u8>),
    /// To be filled in and encoded.
    Open(Pattern),
}

impl Encoded {
    /// Encodes what can be encoded once.
    #[must_use]
    pub fn of(pattern: &Pattern) -> Self {
        let known = pattern.fill(&Values::default());
        if known.bytes().filter(u8::is_ascii).count() * 6 < known.len() * 5 {
            return Self::Whole(pattern.clone());
        }
        let mut merged: Vec<Line> = Vec::new();
        for line in pattern.lines() {
            match (line.literal(), merged.last_mut()) {
                (Some(text), Some(Line::Ready(ready))) => ready.extend(encode(text)),
                (Some(text), _) => merged.push(Line::Ready(encode(text))),
                (None, _) => merged.push(Line::Open(line)),
            }
        }
        Self::Lines(merged)
    }

    /// The part as one recipient gets it.
    #[must_use]
    pub fn body(&self, values: &Values<'_>) -> Body {
        let lines = match self {
            Self::Whole(pattern) => return Body::new(pattern.fill(values)),
            Self::Lines(lines) => lines,
        };
        let mut encoded = Vec::with_capacity(8 * 1024);
        for line in lines {
            match line {
                Line::Ready(ready) => encoded.extend_from_slice(ready),
                Line::Open(pattern) => encoded.extend(encode(&pattern.fill(values))),
            }
        }
        Body::dangerous_pre_encoded(encoded, ContentTransferEncoding::QuotedPrintable)
    }
}

/// Whole lines. Encoded apart they are what they are encoded together: no line knows of another.
fn encode(lines: &str) -> Vec<u8> {
    quoted_printable::encode(lines.replace('\n', "\r\n"))
}

#[cfg(test)]
mod tests {
    use crate::domain::placeholder::Form;

    use super::*;

    fn decoded(body: Body) -> String {
        match body.encoding() {
            ContentTransferEncoding::QuotedPrintable => {
                let bytes = body.into_vec();
                assert!(bytes.is_ascii() && bytes.split(|byte| *byte == b'\n').all(|line| line.len() <= 77));
                let decoded = quoted_printable::decode(&bytes, quoted_printable::ParseMode::Strict).unwrap();
                String::from_utf8(decoded).unwrap()
            }
            other => panic!("{other:?}"),
        }
    }

    proptest::proptest! {
        #[test]
        fn n5_what_is_encoded_by_lines_reads_as_the_whole(
            text in "([a-zé =.\t]{0,90}|\\[FirstName\\]|\\[Message\\]|\n){0,12}",
            first in "\\PC{0,100}",
            message in ".{0,100}(\n.{0,100})?",
        ) {
            let values = Values { first_name: &first, message: &message, ..Values::default() };
            let pattern = Pattern::parse(&text, Form::Text).unwrap();
            let encoded = Encoded::of(&pattern);
            if matches!(encoded, Encoded::Lines(_)) {
                let whole = pattern.fill(&values).replace('\n', "\r\n");
                proptest::prop_assert_eq!(decoded(encoded.body(&values)), whole);
            }
        }
    }

    #[test]
    fn n5_other_scripts_are_not_tripled() {
        let pattern = Pattern::parse("Здравствуйте, [FirstName]!", Form::Text).unwrap();
        let values = Values {
            first_name: "Ольга",
            ..Values::default()
        };
        let body = Encoded::of(&pattern).body(&values);
        assert_eq!(body.encoding(), ContentTransferEncoding::Base64);
    }
}
