//! The mail that went out: a folder of files, one a mail, whether captured or taken by an SMTP server.

use std::path::{Path, PathBuf};
use std::time::Duration;

use mail_parser::MessageParser;

use crate::eventually;

/// One mail as its recipient gets it.
#[derive(Clone, Debug)]
pub struct Mail {
    /// The recipient's address.
    pub to: String,
    /// The decoded subject.
    pub subject: String,
    /// Its Message-ID.
    pub message_id: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
}

impl Mail {
    fn parse(bytes: &[u8]) -> Option<Self> {
        let message = MessageParser::default().parse(bytes)?;
        Some(Self {
            to: message.to()?.first()?.address()?.to_owned(),
            subject: message.subject()?.to_owned(),
            message_id: message.message_id()?.to_owned(),
            text: message.body_text(0)?.into_owned(),
            html: message.body_html(0)?.into_owned(),
        })
    }

    /// The token in an invitation's link.
    ///
    /// # Panics
    /// Where there is no such link in the text part.
    #[must_use]
    pub fn link_token(&self) -> String {
        self.token_of("activate")
    }

    /// The token in a link to another page.
    ///
    /// # Panics
    /// Where there is no such link in the text part.
    #[must_use]
    pub fn token_of(&self, page: &str) -> String {
        let (_, rest) = self
            .text
            .split_once(&format!("/{page}/"))
            .expect("the text part holds the link");
        rest.chars()
            .take_while(|&letter| letter.is_ascii_alphanumeric() || "-_".contains(letter))
            .collect()
    }

    /// The link itself.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn link(&self) -> String {
        let token = self.link_token();
        let end = self.text.find(&token).expect("the token is in the text") + token.len();
        let start = self.text[..end].rfind("http").expect("the link is absolute");
        self.text[start..end].to_owned()
    }
}

/// A folder that mail arrives in.
#[derive(Clone, Debug)]
pub struct Mailbox {
    folder: PathBuf,
    patience: Duration,
}

impl Mailbox {
    pub(crate) fn new(folder: &Path, patience: Duration) -> Self {
        Self {
            folder: folder.to_owned(),
            patience,
        }
    }

    /// Every mail that is there.
    #[must_use]
    pub fn all(&self) -> Vec<Mail> {
        let Ok(entries) = std::fs::read_dir(&self.folder) else {
            return Vec::new();
        };
        let mut files: Vec<_> = entries
            .flatten()
            .filter_map(|entry| Some((entry.metadata().ok()?.modified().ok()?, entry.path())))
            .collect();
        files.sort();
        files
            .iter()
            .filter_map(|(_, path)| Mail::parse(&std::fs::read(path).ok()?))
            .collect()
    }

    /// The mails to one address, the oldest first.
    #[must_use]
    pub fn to(&self, address: &str) -> Vec<Mail> {
        self.all()
            .into_iter()
            .filter(|mail| mail.to.eq_ignore_ascii_case(address))
            .collect()
    }

    /// Waits for `count` mails to an address; more are a failure.
    ///
    /// # Panics
    /// Where they do not come, or more do.
    pub async fn mails_to(&self, address: &str, count: usize) -> Vec<Mail> {
        let mails = eventually(&format!("{count} mails"), self.patience, || async {
            let mails = self.to(address);
            (mails.len() >= count).then_some(mails)
        })
        .await;
        assert_eq!(mails.len(), count, "mails to one recipient");
        mails
    }

    /// Waits for the one mail to an address.
    ///
    /// # Panics
    /// Where it does not come, or more do.
    pub async fn only_mail_to(&self, address: &str) -> Mail {
        self.mails_to(address, 1).await.remove(0)
    }
}
