//! One example of every event. They are golden: once released, an example is only ever added to.

use chrono::{DateTime, TimeDelta, Utc};
use usher_types::{
    AccountKind, BatchId, ContactId, ContactRole, EmailState, InvitationId, MemberId, MessageId,
    OrganizationId, PortalStatus, Version,
};
use uuid::Uuid;

use super::Entry;
use crate::{
    AccountChanged, AccountFacts, AccountUpserted, AddressStateChanged, ContactChanged, ContactFacts,
    ContactUpserted, Deactivated, Impersonation, InvitationChanged, InvitationFact, MessageChanged,
    MessageOutcome, OrganizationChanged, PortalFacts, SignedIn, accepted,
};

/// 2026-03-02T09:00:00Z.
const MONDAY: i64 = 1_772_442_000;

fn at(minutes: i64) -> DateTime<Utc> {
    DateTime::UNIX_EPOCH + TimeDelta::seconds(MONDAY + 60 * minutes)
}

/// The `n`th id: a UUIDv7, as all are.
fn id<T: From<Uuid>>(n: u128) -> T {
    T::from(Uuid::from_u128(0x019c_acef_7b00_7000_8000_0000_0000_0000 + n))
}

fn organization() -> OrganizationId {
    id(1)
}

fn ada() -> ContactId {
    id(2)
}

/// What is published.
pub(super) fn published() -> Vec<Entry> {
    let mut all = vec![
        Entry::published("A contact was made.", &["created"], &contact(true)),
        Entry::published("A contact became another.", &["created"], &contact(false)),
        Entry::published("An account was made.", &["created"], &account(true)),
        Entry::published("An account became another.", &["created"], &account(false)),
        Entry::published(
            "An organization was made, or its settings changed.",
            &[],
            &settings(),
        ),
    ];
    all.extend(invitations());
    all.extend(portal());
    all.extend(messages());
    let summary = "An address began or ceased to take mail.";
    all.push(Entry::published(summary, &[], &address()));
    all
}

fn contact(created: bool) -> ContactChanged {
    ContactChanged {
        created,
        contact: ContactFacts {
            id: ada(),
            organization_id: organization(),
            version: Version::from_raw(if created { 1 } else { 2 }),
            role: ContactRole::Client,
            first_name: "Ada".to_owned(),
            last_name: "Lovelace".to_owned(),
            email: Some("Ada@Example.com".to_owned()),
            email_canonical: Some("ada@example.com".to_owned()),
            email_state: EmailState::Valid,
            email_duplicate: false,
            active: true,
            links: 1,
            links_with_login: 1,
            locale: Some("en".to_owned()),
            time_zone: Some("Europe/London".to_owned()),
            external_id: Some("4711".to_owned()),
            login_accounts: vec![id(3)],
            test: false,
        },
    }
}

fn account(created: bool) -> AccountChanged {
    AccountChanged {
        created,
        account: AccountFacts {
            id: id(3),
            organization_id: organization(),
            version: Version::from_raw(if created { 1 } else { 2 }),
            name: "Analytical Engines".to_owned(),
            kind: AccountKind::Company,
        },
    }
}

fn settings() -> OrganizationChanged {
    OrganizationChanged {
        id: organization(),
        version: Version::FIRST,
        slug: "firm".to_owned(),
        name: "The Firm".to_owned(),
        portal_enabled: true,
        company_first: false,
        invitation_life: 604_800,
        placeholder_domains: vec!["noemail.example".to_owned()],
        reply_to: Some("office@firm.example".to_owned()),
        locale: "en".to_owned(),
        time_zone: "Europe/London".to_owned(),
    }
}

/// Where Ada stands: invited a minute after nine, for a week.
fn facts(status: PortalStatus, version: i64) -> PortalFacts {
    let is_in = matches!(status, PortalStatus::Accepted | PortalStatus::Active);
    let signed_in = (status == PortalStatus::Active).then(|| at(3));
    PortalFacts {
        contact_id: ada(),
        organization_id: organization(),
        version: Version::from_raw(version),
        status,
        invited_at: Some(at(1)),
        invited_by: Some("Grace Hopper".to_owned()),
        expires_at: (status == PortalStatus::Invited).then(|| at(1) + TimeDelta::days(7)),
        accepted_at: is_in.then(|| at(2)),
        first_signed_in_at: signed_in,
        last_signed_in_at: signed_in,
    }
}

fn invitations() -> Vec<Entry> {
    use InvitationFact::{Accepted, Cancelled, Declined, Expired, Issued, Resent};
    let invitation = |summary, fact, status, version| {
        let changed = InvitationChanged {
            fact,
            invitation_id: id::<InvitationId>(4),
            batch_id: (fact == Issued).then(|| id::<BatchId>(5)),
            portal: facts(status, version),
        };
        Entry::published(summary, &["fact"], &changed)
    };
    let (waiting, invited) = (PortalStatus::Waiting, PortalStatus::Invited);
    vec![
        invitation("A contact was invited.", Issued, invited, 1),
        invitation("A further link replaces the one before.", Resent, invited, 2),
        invitation(
            "An invitation was taken back, or ended because the contact changed.",
            Cancelled,
            waiting,
            2,
        ),
        invitation("The life of an invitation is over.", Expired, invited, 1),
        invitation(
            "Whoever reads at the address answered that this isn't them.",
            Declined,
            waiting,
            2,
        ),
        invitation("A password was chosen.", Accepted, PortalStatus::Accepted, 2),
    ]
}

fn portal() -> Vec<Entry> {
    let signed_in = |first| SignedIn {
        first,
        portal: facts(PortalStatus::Active, if first { 3 } else { 4 }),
    };
    let look = |started| Impersonation {
        started,
        organization_id: organization(),
        contact_id: ada(),
        member_id: id::<MemberId>(6),
        reason: "She cannot find her invoice".to_owned(),
        at: at(4),
    };
    vec![
        Entry::published(
            "A contact signed in for the first time.",
            &["first"],
            &signed_in(true),
        ),
        Entry::published("A contact signed in once more.", &["first"], &signed_in(false)),
        Entry::published(
            "A member began to look through a contact's eyes.",
            &["started"],
            &look(true),
        ),
        Entry::published(
            "A member ceased to look through a contact's eyes.",
            &["started"],
            &look(false),
        ),
    ]
}

fn messages() -> Vec<Entry> {
    use MessageOutcome::{Bounced, Cancelled, Deferred, Failed, Sent, Suppressed};
    let message = |summary, outcome, error: Option<&str>| {
        let changed = MessageChanged {
            outcome,
            message_id: id::<MessageId>(7),
            organization_id: organization(),
            contact_id: Some(ada()),
            invitation_id: Some(id(4)),
            attempts: i32::from(!matches!(outcome, Suppressed | Cancelled)),
            error: error.map(str::to_owned),
            at: at(1),
        };
        Entry::published(summary, &["outcome"], &changed)
    };
    let full = Some("452 4.2.2 mailbox full");
    let unknown = Some("550 5.1.1 no such user");
    vec![
        message("The mail server took a mail.", Sent, None),
        message("A mail will be tried again.", Deferred, full),
        message("A mail will not be tried again.", Failed, unknown),
        message("A mail came back.", Bounced, unknown),
        message(
            "A mail was not sent, for its address gets none.",
            Suppressed,
            None,
        ),
        message("A mail was taken back before it went out.", Cancelled, None),
    ]
}

fn address() -> AddressStateChanged {
    AddressStateChanged {
        organization_id: organization(),
        email_canonical: "ada@example.com".to_owned(),
        state: EmailState::Bounced,
        version: Version::FIRST,
        contact_id: Some(ada()),
    }
}

/// What is accepted.
pub(super) fn accepted() -> Vec<Entry> {
    let contact = ContactUpserted {
        external_id: "4711".to_owned(),
        version: 1,
        role: Some(ContactRole::Client),
        first_name: Some("Ada".to_owned()),
        last_name: Some("Lovelace".to_owned()),
        email: Some(Some("ada@example.com".to_owned())),
        phone: Some(Some("+44 20 7946 0958".to_owned())),
        notes: Some(Some("Prefers mornings".to_owned())),
        tags: Some(vec!["vip".to_owned()]),
        active: Some(true),
        accounts: Some(vec!["A-17".to_owned()]),
    };
    let account = AccountUpserted {
        external_id: "A-17".to_owned(),
        version: 1,
        name: Some("Analytical Engines".to_owned()),
        kind: Some(AccountKind::Company),
        tags: Some(vec!["key".to_owned()]),
    };
    let ended = |external_id: &str| Deactivated {
        external_id: external_id.to_owned(),
        version: 2,
    };
    vec![
        Entry::accepted(accepted::CONTACT_UPSERTED, "Make or change a contact.", &contact),
        Entry::accepted(
            accepted::CONTACT_DEACTIVATED,
            "Make a contact inactive.",
            &ended("4711"),
        ),
        Entry::accepted(accepted::ACCOUNT_UPSERTED, "Make or change an account.", &account),
        Entry::accepted(
            accepted::ACCOUNT_DEACTIVATED,
            "Let nobody in for an account any more.",
            &ended("A-17"),
        ),
    ]
}
