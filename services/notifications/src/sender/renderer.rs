//! From a claimed letter to a mail: opens the seal, fills in the template, writes the bytes.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use usher_auth::{Keyring, SealContext, open_token};
use usher_events::MailKind;
use usher_text::{Language, Locale, moment, zone};
use usher_types::MailingId;

use crate::domain::placeholder::Values;
use crate::domain::reply::Trouble;
use crate::render::{Letterhead, Mail, Ready, Sender, Wording, compile, offered, write_mail};
use crate::storage::{MailingRow, Queued};
use crate::transport::Parcel;

/// Mailings that are kept in mind; old ones are forgotten together when there are more.
const MAILINGS: usize = 256;

/// A mailing with what its letters have in common.
#[derive(Debug)]
pub struct Known {
    mailing: MailingRow,
    head: Letterhead,
    ready: Vec<(Language, Ready)>,
}

/// Renders letters.
#[derive(Debug)]
pub struct Renderer {
    sender: Sender,
    public_url: String,
    keys: Keyring,
    known: RwLock<HashMap<MailingId, Arc<Known>>>,
}

impl Renderer {
    /// `public_url` has no slash at its end; links begin with it (I9).
    #[must_use]
    pub fn new(sender: Sender, public_url: String, keys: Keyring) -> Self {
        Self {
            sender,
            public_url,
            keys,
            known: RwLock::default(),
        }
    }

    /// Whom mails come from.
    #[must_use]
    pub const fn sender(&self) -> &Sender {
        &self.sender
    }

    /// Those of the mailings that are kept in mind.
    pub fn find(&self, mailings: impl IntoIterator<Item = MailingId>) -> HashMap<MailingId, Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        mailings
            .into_iter()
            .filter_map(|mailing| Some((mailing, Arc::clone(known.get(&mailing)?))))
            .collect()
    }

    /// Compiles the templates of these mailings. Who needs them keeps what is returned: it may be forgotten here.
    pub fn learn(&self, mailings: Vec<MailingRow>) -> HashMap<MailingId, Arc<Known>> {
        let learned: HashMap<_, _> = mailings
            .into_iter()
            .map(|mailing| (mailing.id, Arc::new(know(&self.sender, mailing))))
            .collect();
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        if known.len() + learned.len() > MAILINGS {
            known.clear();
        }
        known.extend(learned.iter().map(|(id, one)| (*id, Arc::clone(one))));
        learned
    }

    /// The letter as a mail. `known` is its mailing.
    ///
    /// # Errors
    /// [`Trouble::Unsendable`] where its seal does not open, its mailing is unknown or another organization's, or its
    /// address is none.
    pub fn parcel(&self, letter: &Queued, known: Option<&Known>) -> Result<Parcel, Trouble> {
        // A mailing is found by its id alone, and another organization's is none of this letter's.
        let known = known
            .filter(|known| known.mailing.organization == letter.subject.organization)
            .ok_or_else(|| unsendable("what the mail says is not stored"))?;
        let mailing = &known.mailing;
        let link = self.link(letter, mailing.kind)?;
        let languages: Vec<Language> = known.ready.iter().map(|(language, _)| *language).collect();
        let locale = Locale::choose_among(&languages, [letter.locale.as_deref(), Some(&mailing.locale)]);
        let zone = zone([letter.time_zone.as_deref(), Some(&mailing.time_zone)]);
        let ready = known
            .ready
            .iter()
            .find(|(language, _)| *language == locale.language)
            .map(|(_, ready)| ready)
            .ok_or_else(|| unsendable("there is no template for the mail"))?;
        let name = full_name(&letter.first_name, &letter.last_name);
        let parts = ready.parts(&Values {
            contact_name: &name,
            first_name: &letter.first_name,
            link: &link,
            expires_at: &moment(letter.expires_at, locale, zone),
            account_names: letter.accounts.as_deref().unwrap_or_default(),
            ..mailing.values()
        });
        let mail = Mail {
            message: letter.subject.message,
            rfc_message_id: &letter.rfc_message_id,
            date: letter.first_attempt_at,
            to_name: &name,
            to: &letter.recipient,
        };
        let written =
            write_mail(&known.head, &mail, parts).map_err(|unwritable| Trouble::Unsendable(unwritable.0))?;
        Ok(Parcel {
            from: self.sender.address().clone(),
            to: written.to,
            bytes: written.bytes,
            message: letter.subject.message,
            first_attempt_at: letter.first_attempt_at,
        })
    }

    /// The link that the letter carries; empty where its mail has none.
    fn link(&self, letter: &Queued, kind: MailKind) -> Result<String, Trouble> {
        let Some(page) = kind.page() else {
            return Ok(plain_link(&self.public_url, kind));
        };
        let context = SealContext {
            message: letter.subject.message,
            invitation: letter.subject.invitation,
            organization: letter.subject.organization,
        };
        let sealed = letter.sealed_token.as_deref().unwrap_or_default();
        let token = open_token(&self.keys, context, sealed)
            .map_err(|_| unsendable("the seal of the link does not open with our keys"))?;
        Ok(format!("{}/{page}/{}", self.public_url, token.reveal()))
    }
}

/// The link without a token that a mail of this kind carries; empty where it has none.
#[must_use]
pub fn plain_link(public_url: &str, kind: MailKind) -> String {
    match kind {
        MailKind::AccountAccess => format!("{public_url}/sign-in"),
        _ => String::new(),
    }
}

fn unsendable(text: &str) -> Trouble {
    Trouble::Unsendable(text.to_owned())
}

/// First and last name with one space between.
#[must_use]
pub fn full_name(first: &str, last: &str) -> String {
    format!("{first} {last}").trim().to_owned()
}

fn know(sender: &Sender, mailing: MailingRow) -> Known {
    let wording = Wording {
        kind: mailing.kind,
        subject: mailing.subject.as_deref(),
        body: mailing.body.as_deref(),
        message: mailing
            .message
            .as_deref()
            .is_some_and(|text| !text.trim().is_empty()),
    };
    let values = mailing.values();
    let ready = |language| match compile(wording, language) {
        Ok(compiled) => Some((language, compiled.ready(&values))),
        Err(error) => {
            tracing::error!(mailing = %mailing.id, %error, "a mailing's template cannot be used");
            None
        }
    };
    let ready = offered(mailing.kind).into_iter().filter_map(ready).collect();
    let head = Letterhead::new(sender, &mailing.organization_name, mailing.reply_to.as_deref());
    Known { mailing, head, ready }
}

impl MailingRow {
    /// What all its letters say.
    fn values(&self) -> Values<'_> {
        Values {
            organization_name: &self.organization_name,
            invited_by: self.invited_by.as_deref().unwrap_or(&self.organization_name),
            message: self.message.as_deref().unwrap_or_default(),
            ..Values::default()
        }
    }
}
