//! Statements that were planned while nothing was there (PostgreSQL).

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta};
use sea_orm::{ConnectionTrait, DbErr};
use usher_database::{Database, Scope, SystemReason, Transaction};
use usher_events::{Lane, Withdrawn};
use usher_notifications::app;
use usher_notifications::domain::transition::Outcome;
use usher_notifications::storage::{self, Claim, Failing, Note, Queued, Subject};
use usher_testkit::{TestDatabase, block_on, counted};
use usher_types::{ContactId, DeliveryState, InvitationId, MailingId, MessageId, OrganizationId};
use uuid::Uuid;

use crate::bench::noon;

/// Letters of each kind: sent, waiting, and waiting without a contact.
const MANY: u128 = 10_000;
/// Executions after which PostgreSQL settles for a plan.
const SETTLED: usize = 8;

/// The nth of the letters that wait, whose ids and those of its contact and its invitation are the same.
fn id<T: From<Uuid>>(number: u128) -> T {
    Uuid::from_u128(MANY + number).into()
}

fn organization() -> OrganizationId {
    Uuid::from_u128(1).into()
}

fn owner() -> Uuid {
    Uuid::from_u128(2)
}

/// The tables as a mass leaves them, without a moment's rest in which somebody could count the rows.
async fn fill(database: &Database) {
    let uuid = |number: &str| format!("lpad(to_hex({number}), 32, '0')::uuid");
    let n = uuid("n");
    let letters = format!(
        "INSERT INTO message (id, organization_id, mailing_id, invitation_id, contact_id, generation, lane, recipient, canonical, \
         domain, first_name, last_name, state, pending, attempts, next_attempt_at, expires_at, created_at, updated_at) \
         SELECT {n}, $1, {n}, {n}, CASE WHEN n < 2 * {MANY} THEN {n} END, 1, 'bulk', n::text, n::text, \
         'example.com', '', '', CASE WHEN n < {MANY} THEN 'SENT' ELSE 'QUEUED' END, n >= {MANY}, 0, \
         $2::timestamptz - (3 * {MANY} - n) * interval '1 millisecond', \
         $2::timestamptz + interval '1 day', $2, $2 FROM generate_series(1, 3 * {MANY} - 1) n"
    );
    let marks = format!(
        "INSERT INTO tombstone SELECT $1, {}, $2 FROM generate_series(1, {MANY}) n",
        uuid("n + 9 * 65536")
    );
    let addresses = format!(
        "INSERT INTO address_state SELECT $1, n::text, 'BOUNCED', 1, $2 FROM generate_series(1, {MANY}) n"
    );
    let mailings = format!(
        "INSERT INTO mailing (id, organization_id, kind, organization_name, locale, time_zone, created_at) \
         SELECT {n}, $1, 'invitation', '', 'en', 'UTC', $2 FROM generate_series(1, {MANY}) n"
    );
    let tx = database.write(Scope::System(SystemReason::Test)).await.unwrap();
    for sql in [letters, marks, addresses, mailings] {
        let values = [organization().uuid().into(), noon().into()];
        tx.execute_raw(tx.statement(sql, values)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn queued(number: u128) -> Queued {
    Queued {
        subject: Subject {
            message: id::<MessageId>(number),
            organization: organization(),
            contact: Some(id::<ContactId>(number)),
            invitation: id::<InvitationId>(number),
            lane: Lane::Bulk,
            traceparent: None,
        },
        mailing: id::<MailingId>(number),
        recipient: String::new(),
        canonical: String::new(),
        domain: "example.com".to_owned(),
        first_name: String::new(),
        last_name: String::new(),
        locale: None,
        time_zone: None,
        sealed_token: None,
        attempts: 0,
        expires_at: noon(),
        first_attempt_at: noon(),
        rfc_message_id: String::new(),
        accounts: None,
    }
}

fn put_off(number: u128) -> Note {
    Note {
        letter: queued(number),
        outcome: Outcome {
            state: DeliveryState::Deferred,
            next_attempt_at: Some(noon() + TimeDelta::hours(1)),
            error: None,
            bad_address: false,
        },
        at: noon(),
        destination: None,
    }
}

/// A claim of 20, and everything that can become of it, with how many rows are read for each.
async fn claim_and_note(database: &Database) -> Result<Vec<(&'static str, i64)>, DbErr> {
    let tx = &database.write(Scope::System(SystemReason::Claim)).await?;
    let claim = Claim {
        lane: Lane::Bulk,
        organization: organization(),
        from: DateTime::UNIX_EPOCH,
        limit: 20,
        owner: owner(),
        lease: 60_000,
        server: "server",
        now: noon(),
    };
    let letters: Vec<_> = (0..20).map(queued).collect();
    let notes: Vec<_> = (0..5).map(put_off).collect();
    let ids = || (0..5).map(id::<MessageId>);
    let address = |number: u128| ((organization(), number.to_string()), None);
    let addresses = BTreeMap::from([address(1), address(2)]);
    let failing = BTreeMap::from([("example.com".to_owned(), Failing::Mail)]);
    let works = BTreeSet::from(["example.com".to_owned()]);
    Ok(vec![
        (
            "who has letters",
            counted(tx, storage::due_organizations(tx, Lane::Bulk)).await.1,
        ),
        ("claim", counted(tx, storage::claim(tx, &claim)).await.1),
        (
            "mailings",
            counted(tx, storage::load_mailings(tx, (0..20).map(id))).await.1,
        ),
        (
            "cancel one",
            counted(tx, storage::stand_back(tx, owner(), id(6), noon()))
                .await
                .1,
        ),
        ("note", counted(tx, storage::note(tx, owner(), &notes)).await.1),
        (
            "cancel",
            counted(tx, storage::cancel_withdrawn(tx, ids(), noon())).await.1,
        ),
        (
            "addresses",
            counted(tx, storage::mark_bad_addresses(tx, &addresses, noon()))
                .await
                .1,
        ),
        (
            "punish",
            counted(tx, storage::punish(tx, &failing, noon())).await.1,
        ),
        ("forgive", counted(tx, storage::forgive(tx, &works)).await.1),
        (
            "release",
            counted(tx, storage::release(tx, owner(), &letters)).await.1,
        ),
    ])
}

/// Five invitations of contacts and five of members end by a call.
async fn cancel_by_call(database: &Database) -> Result<i64, DbErr> {
    let tx: Transaction = database.write(Scope::Organization(organization())).await?;
    tx.plan_afresh().await?;
    let ended = |(number, contact): (u128, bool)| {
        let invitation_id = id(number);
        let contact_id = contact.then(|| id(number));
        (
            organization(),
            Withdrawn {
                invitation_id,
                contact_id,
            },
        )
    };
    let ended: Vec<_> = (0..5)
        .flat_map(|n| [(n, true), (MANY + n, false)])
        .map(ended)
        .collect();
    Ok(counted(&tx, app::cancel(&tx, &ended, noon())).await.1)
}

#[test]
fn n5_what_was_planned_for_empty_tables_reads_no_full_one() {
    block_on(async {
        let databases = TestDatabase::postgres().await;
        // plans are a connection's own
        let settings = databases.settings().clone().with_connections(1);
        let database = Database::connect(&settings, "notifications").await.unwrap();
        for _ in 0..SETTLED {
            claim_and_note(&database).await.unwrap();
            cancel_by_call(&database).await.unwrap();
        }
        fill(&database).await;
        let mut read = claim_and_note(&database).await.unwrap();
        read.push(("call", cancel_by_call(&database).await.unwrap()));
        read.retain(|(_, rows)| *rows > 100);
        assert_eq!(read, []);
    });
}
