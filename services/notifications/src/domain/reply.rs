//! What a server's refusal means (N3), and what of its words is kept.

/// Where in the dialogue it happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Connecting, greeting, EHLO, TLS, sign-in.
    Connect,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Data,
    /// The mail itself and its final dot.
    Content,
}

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// The server said so.
    Reply {
        /// When.
        stage: Stage,
        /// 4xx or 5xx.
        code: u16,
        /// Its words.
        text: String,
    },
    /// No connection, a lost connection, no answer in time, an answer that is none.
    Lost {
        /// When.
        stage: Stage,
        /// What was lost.
        text: String,
    },
    /// The server's certificate is not one that we trust, which somebody mends.
    Untrusted(String),
    /// We cannot make a mail of it that this server could take.
    Unsendable(String),
}

/// What follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Try again later.
    Retry,
    /// The recipient is not there, or takes no mail: fails, and marks the address.
    BadRecipient,
    /// The server does not want us or this mail: fails, and says nothing about the address.
    Refused,
}

/// What follows from a trouble.
#[must_use]
pub fn judge(trouble: &Trouble) -> Verdict {
    match trouble {
        Trouble::Lost { .. } | Trouble::Untrusted(_) => Verdict::Retry,
        Trouble::Unsendable(_) => Verdict::Refused,
        Trouble::Reply { code: 400..=499, .. } => Verdict::Retry,
        // Before the first MAIL a refusal is about the whole server (no service here, wrong password), which somebody mends.
        Trouble::Reply {
            stage: Stage::Connect,
            ..
        } => Verdict::Retry,
        Trouble::Reply { stage, code, text } => judge_permanent(*stage, *code, text),
    }
}

fn judge_permanent(stage: Stage, code: u16, text: &str) -> Verdict {
    match (enhanced(text), stage) {
        // Bad destination mailbox or system, except for the two that are about the sender's address.
        (Some((1, 7 | 8)), _) => Verdict::Refused,
        (Some((1, _)), _) => Verdict::BadRecipient,
        // Mailbox disabled, full, or otherwise; 5.2.3 is about the size of our mail.
        (Some((2, 0..=2 | 4)), _) => Verdict::BadRecipient,
        // "Recipient address rejected" and "no route to host", where they are said of a recipient.
        (Some((4, 1 | 4)), Stage::Recipient) => Verdict::BadRecipient,
        (Some(_), _) => Verdict::Refused,
        // Without an enhanced code the command that was refused tells: no such user, not local, bad name, no mail here.
        (None, Stage::Recipient) if matches!(code, 521 | 550 | 551 | 553 | 556) => Verdict::BadRecipient,
        (None, _) => Verdict::Refused,
    }
}

/// Subject and detail of an enhanced status code of class 5 (RFC 3463) at the start of the words.
fn enhanced(text: &str) -> Option<(u16, u16)> {
    let code = text.trim_start().split([' ', '\n', '\r', '\t']).next()?;
    let mut parts = code.trim_end_matches(':').splitn(3, '.');
    if parts.next()? != "5" {
        return None;
    }
    let subject = parts.next()?.parse().ok()?;
    Some((subject, parts.next()?.parse().ok()?))
}

/// Longest kept words of a server, in characters.
const WORDS_LENGTH: usize = 500;

impl Trouble {
    /// The server's own words as they are kept and published: without addresses, links and tokens (I9, E1), on one line.
    #[must_use]
    pub fn words(&self) -> String {
        match self {
            Self::Reply { code, text, .. } => clean(&format!("{code} {text}")),
            Self::Lost { text, .. } | Self::Untrusted(text) | Self::Unsendable(text) => clean(text),
        }
    }

    /// A word for traces: the server's code, or what happened instead of an answer.
    #[must_use]
    pub fn kind(&self) -> String {
        match self {
            Self::Reply { code, .. } => code.to_string(),
            Self::Lost { .. } => "LOST".to_owned(),
            Self::Untrusted(_) => "UNTRUSTED".to_owned(),
            Self::Unsendable(_) => "UNSENDABLE".to_owned(),
        }
    }

    /// Whether the dialogue cannot go on over the same connection.
    #[must_use]
    pub const fn ends_connection(&self) -> bool {
        match self {
            Self::Reply { stage, code, .. } => *code == 421 || matches!(stage, Stage::Connect),
            Self::Lost { .. } | Self::Untrusted(_) => true,
            Self::Unsendable(_) => false,
        }
    }

    /// Whether it is about the mail server as such and not about one mail.
    #[must_use]
    pub const fn is_about_server(&self) -> bool {
        match self {
            Self::Reply { stage, code, .. } => *code == 421 || matches!(stage, Stage::Connect),
            Self::Lost { stage, .. } => matches!(stage, Stage::Connect),
            Self::Untrusted(_) => true,
            Self::Unsendable(_) => false,
        }
    }
}

fn clean(text: &str) -> String {
    let words = text.split_whitespace().map(|word| {
        let telling = word.contains('@')
            || word.contains("://")
            || word.contains("/activate/")
            // 256 bits in base64url have 43 characters.
            || word.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-' || c == '_')).any(|run| run.len() >= 43);
        if telling { "…" } else { word }
    });
    let line = words.collect::<Vec<_>>().join(" ");
    line.chars()
        .filter(|c| !c.is_control())
        .take(WORDS_LENGTH)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reply(stage: Stage, code: u16, text: &str) -> Trouble {
        Trouble::Reply {
            stage,
            code,
            text: text.to_owned(),
        }
    }

    #[test]
    fn n3_what_a_reply_means() {
        use Stage::{Connect, Content, Data, Recipient, Sender};
        use Verdict::{BadRecipient, Refused, Retry};
        let table = [
            (Recipient, 450, "4.2.1 mailbox busy", Retry),
            (Content, 451, "greylisted", Retry),
            (Sender, 421, "closing", Retry),
            (Connect, 554, "no SMTP service here", Retry),
            (Connect, 535, "5.7.8 authentication failed", Retry),
            (Recipient, 550, "5.1.1 unknown user", BadRecipient),
            (Recipient, 550, "no such user", BadRecipient),
            (Recipient, 551, "not local", BadRecipient),
            (Recipient, 553, "bad mailbox name", BadRecipient),
            (Recipient, 556, "5.1.10 null MX", BadRecipient),
            (Recipient, 552, "5.2.2 mailbox full", BadRecipient),
            (Recipient, 550, "5.4.1 recipient address rejected", BadRecipient),
            (Content, 550, "5.1.1 unknown after all", BadRecipient),
            (Content, 550, "5.2.1 disabled", BadRecipient),
            (Recipient, 550, "5.7.1 relaying denied", Refused),
            (Recipient, 554, "5.7.26 unauthenticated", Refused),
            (Recipient, 554, "go away", Refused),
            (Recipient, 503, "bad sequence", Refused),
            (Sender, 550, "5.7.1 sender denied", Refused),
            (Sender, 553, "not your address", Refused),
            (Sender, 550, "5.1.8 bad sender domain", Refused),
            (Sender, 550, "5.1.7 bad sender syntax", Refused),
            (Data, 554, "no valid recipients", Refused),
            (Content, 552, "5.2.3 too large", Refused),
            (Content, 554, "spam", Refused),
            (Content, 550, "5.4.1 loop", Refused),
            (Recipient, 550, "5.3.4 system", Refused),
        ];
        for (stage, code, text, verdict) in table {
            assert_eq!(
                judge(&reply(stage, code, text)),
                verdict,
                "{stage:?} {code} {text}"
            );
        }
    }

    #[test]
    fn n3_lost_connections_and_timeouts_are_tried_again() {
        for stage in [Stage::Connect, Stage::Recipient, Stage::Content] {
            let lost = Trouble::Lost {
                stage,
                text: "timed out".to_owned(),
            };
            assert_eq!(judge(&lost), Verdict::Retry);
            assert!(lost.ends_connection());
        }
    }

    #[test]
    fn e1_the_servers_words_are_kept_without_addresses_links_and_tokens() {
        let token = "q".repeat(43);
        let table = [
            (
                "5.1.1 <ada@example.com>: user\r\nunknown",
                "550 5.1.1 … user unknown".to_owned(),
            ),
            (
                "blocked URL http://x.example/y here",
                "550 blocked URL … here".to_owned(),
            ),
            (&format!("see ({token})"), "550 see …".to_owned()),
        ];
        for (text, words) in table {
            assert_eq!(reply(Stage::Recipient, 550, text).words(), words);
        }
        let long = reply(Stage::Content, 554, &"no ".repeat(1000));
        assert_eq!(long.words().chars().count(), 500);
    }
}
