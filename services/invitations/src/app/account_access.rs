//! Whoever is in already is told of further accounts, by a mail without a password step (I13).
//!
//! Such a mail stands among the invitations, as a NOTICE: it is one of its batch's mails, with the same figures, and nothing
//! but that. Its token is known to nobody.

use usher_database::Transaction;
use usher_events::{Letter, MailKind, Mailing};
use usher_messaging::enqueue;
use usher_types::{ContactId, IneligibleReason, InvitationId, MailingId, MessageId};

use super::Failure;
use super::chunk::Job;
use super::context::App;
use super::issue::{deliveries, mailing};
use super::recipient::Recipient;
use super::selection::Opened;
use crate::domain::portal::Access;
use crate::storage::account_told::{self, Told};
use crate::storage::invitation::{self, NOTICE, NewInvitation};

/// The purpose of tokens that go nowhere.
const PURPOSE: &str = "account_access";
/// Accounts that one mail names.
const NAMED: usize = 20;

/// A mail that was written.
struct Notice {
    access: Access,
    id: InvitationId,
    message: MessageId,
    hash: Vec<u8>,
    accounts: String,
}

impl App {
    /// Tells these people of the accounts that they have not been told of yet, and gives how many of them there are; the others are
    /// left out.
    pub(super) async fn tell_of_accounts(
        &self,
        tx: &Transaction,
        job: &Job<'_>,
        people: Vec<(Access, Vec<Opened>)>,
        skipped: &mut Vec<(IneligibleReason, ContactId)>,
    ) -> Result<usize, Failure> {
        if people.is_empty() {
            return Ok(0);
        }
        let wanted: Vec<Told> = people
            .iter()
            .flat_map(|(row, opened)| told(row, opened))
            .collect();
        let fresh = account_told::take(tx, job.batch.organization, &wanted).await?;
        let mut notices = Vec::with_capacity(people.len());
        for (access, opened) in people {
            let names: Vec<&str> = told(&access, &opened)
                .zip(&opened)
                .filter_map(|(told, opened)| fresh.contains(&told).then_some(opened.name.as_str()))
                .collect();
            if names.is_empty() {
                skipped.push((IneligibleReason::AlreadyActivated, access.contact));
                continue;
            }
            notices.push(Notice {
                id: InvitationId::new(job.now),
                message: MessageId::new(job.now),
                hash: self.tokens.token().hash(PURPOSE).to_vec(),
                accounts: listed(&names),
                access,
            });
        }
        let rows: Vec<NewInvitation<'_>> = notices.iter().map(|notice| row(notice, job)).collect();
        invitation::insert(tx, &rows).await?;
        let letters = notices.iter().map(|notice| letter(notice, job)).collect();
        let messages = deliveries(&notice_mailing(job), letters, job.now);
        enqueue(tx, job.batch.lane, messages).await?;
        Ok(notices.len())
    }
}

fn told<'a>(access: &'a Access, opened: &'a [Opened]) -> impl Iterator<Item = Told> {
    opened.iter().map(|opened| Told {
        contact: access.contact,
        account: opened.account,
        opened_at: opened.at,
    })
}

/// A line each, of which there are not too many for a mail.
fn listed(names: &[&str]) -> String {
    let mut lines: Vec<&str> = names.iter().take(NAMED).copied().collect();
    if names.len() > NAMED {
        lines.push("…");
    }
    lines.join("\n")
}

/// The sending of a batch's notices, which is another than that of its invitations: its words are others.
pub(crate) fn notices_of(mailing: MailingId) -> MailingId {
    MailingId::from(uuid::Uuid::from_u128(mailing.uuid().as_u128() ^ 1))
}

fn notice_mailing(job: &Job<'_>) -> Mailing {
    let by = Some(job.batch.created_by.as_str());
    let id = notices_of(job.batch.mailing);
    Mailing {
        kind: MailKind::AccountAccess,
        message: job.batch.message.clone(),
        ..mailing(job.organization, id, by, job.inviter_address)
    }
}

/// The address that signs in: one that waits to be confirmed is nobody's yet.
fn address(access: &Access) -> (&str, &str) {
    let person = &access.person;
    match (access.address.as_deref(), person.email.as_deref()) {
        (Some(canonical), Some(typed)) if !access.is_elsewhere() => (typed, canonical),
        (Some(canonical), _) => (canonical, canonical),
        (None, typed) => (
            typed.unwrap_or_default(),
            person.email_canonical.as_deref().unwrap_or_default(),
        ),
    }
}

/// It names no contact: no link that goes to them later replaces it.
fn letter(notice: &Notice, job: &Job<'_>) -> Letter {
    let access = &notice.access;
    let recipient = Recipient::signing_in(access).unwrap_or_else(|| Recipient::noted(access));
    Letter {
        accounts: Some(notice.accounts.clone()),
        ..recipient.letter(notice.message, notice.id, job.now + job.life())
    }
}

/// Of generation 0, so that it is nobody's newest invitation.
fn row<'a>(notice: &'a Notice, job: &'a Job<'_>) -> NewInvitation<'a> {
    let (email, email_canonical) = address(&notice.access);
    NewInvitation {
        id: notice.id.uuid(),
        organization_id: notice.access.organization.uuid(),
        contact_id: Some(notice.access.contact.uuid()),
        member_id: None,
        generation: 0,
        state: NOTICE,
        token_hash: notice.hash.clone(),
        email,
        email_canonical,
        contact_version: notice.access.person.version.raw(),
        batch_id: Some(job.batch.id.uuid()),
        message_id: notice.message.uuid(),
        delivery: "QUEUED",
        issued_at: job.now,
        expires_at: job.now + job.life(),
        created_by: &job.batch.created_by,
        created_by_id: job.batch.created_by_id.map(Into::into),
    }
}
