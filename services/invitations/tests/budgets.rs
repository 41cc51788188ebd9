//! Invitation mails a day (I17).

use chrono::{DateTime, TimeDelta, Utc};
use usher_events::{Envelope, Invite};
use usher_proto::datetime;
use usher_proto::invitations::v1::{Batch, StartBatchRequest, UpdateOrganizationRequest};
use usher_testkit::dialects;
use usher_types::{MemberId, PortalStatus};

use crate::stage::{Stage, codes, everyone, figures, noon, request};

/// Twelve hours after noon, in UTC.
fn midnight() -> DateTime<Utc> {
    noon() + TimeDelta::hours(12)
}

async fn set(stage: &Stage, change: UpdateOrganizationRequest) {
    let bearer = stage.signed_in(crate::stage::ADMIN, crate::stage::PASSWORD).await;
    let reply = stage
        .api()
        .update_organization(bearer.on(change))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
}

pub(crate) async fn daily(stage: &Stage, daily: i64) {
    set(
        stage,
        UpdateOrganizationRequest {
            daily: Some(daily),
            ..Default::default()
        },
    )
    .await;
}

fn for_everyone() -> StartBatchRequest {
    StartBatchRequest {
        action: "SEND".into(),
        selection: Some(everyone()),
        ..StartBatchRequest::default()
    }
}

/// State, until when it waits, and how many are queued.
fn stand(batch: &Batch) -> (&str, Option<DateTime<Utc>>, i64) {
    (&batch.state, batch.waiting_until.and_then(datetime), batch.queued)
}

async fn statuses(stage: &Stage) -> [i64; 2] {
    [
        stage
            .number("SELECT count(*) FROM portal_access WHERE status = 'INVITED'")
            .await,
        stage
            .number("SELECT count(*) FROM portal_access WHERE status <> 'INVITED'")
            .await,
    ]
}

dialects! {
    async fn i17_a_batch_past_the_budget_waits_until_midnight_and_drops_nobody(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(1_300);
        daily(&stage, 1_100).await;
        let batch = stage.start(for_everyone()).await.batch.unwrap();
        stage.workshop.work().await.unwrap();
        let held = stage.batch(&batch.id).await;
        assert_eq!(stand(&held), ("RUNNING", Some(midnight()), 1_100));
        assert_eq!(held.total, 1_300);
        // nothing was issued to the others, who keep their status (I5)
        assert_eq!(statuses(&stage).await, [1_100, 200]);
        assert_eq!(stage.letters().await.len(), 1_100);

        stage.clock.advance(TimeDelta::hours(12) - TimeDelta::milliseconds(1));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.letters().await.len(), 1_100);
        stage.clock.advance(TimeDelta::milliseconds(1));
        stage.workshop.work().await.unwrap();
        let worked = stage.batch(&batch.id).await;
        assert_eq!((stand(&worked), figures(&worked)), (("RUNNING", None, 1_300), [0, 1_300, 0, 0, 0, 0]));
        let letters = stage.letters().await;
        let mut contacts: Vec<_> = letters.iter().map(|(letter, _)| letter.contact_id).collect();
        contacts.sort_unstable();
        contacts.dedup();
        assert_eq!((letters.len(), contacts.len()), (1_300, 1_300));
        // the new life begins when it is issued
        assert_eq!(letters[1_299].0.expires_at, midnight() + TimeDelta::days(7));
    }

    /// One click waits as a mass does, and so does a contact that was made with `invite`; taking back never waits.
    async fn i17_single_invitations_wait_likewise(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [ada, bea, cleo]: [_; 3] = stage.clients(3).try_into().unwrap();
        daily(&stage, 1).await;
        stage.act("SEND", &[&ada]).await;
        let batch = stage.act("SEND", &[&bea]).await;
        assert_eq!((stand(&batch), batch.total), (("RUNNING", Some(midnight()), 0), 1));
        let member: MemberId = stage.member_id().await;
        let invite = Invite {
            organization_id: stage.organization,
            contact_id: cleo.id,
            idempotency_key: "create:cleo".into(),
            member_id: member,
            message: None,
            contact: cleo.clone(),
        };
        stage.workshop.hear(&[Envelope::command("contacts", noon(), &invite)]).await.unwrap();
        assert_eq!(stage.letters().await.len(), 1);
        assert_eq!(stage.act("CANCEL", &[&ada]).await.cancelled, 1);
        stage.clock.advance(TimeDelta::hours(12));
        stage.workshop.work().await.unwrap();
        stage.clock.advance(TimeDelta::days(1));
        stage.workshop.work().await.unwrap();
        for contact in [&bea, &cleo] {
            assert_eq!(stage.facts_of(contact).await.last().unwrap().portal.status, PortalStatus::Invited);
        }
        assert_eq!(stage.letters().await.len(), 3);
    }

    /// Whoever has had as many as one may waits alone; the others of the batch do not wait for them.
    async fn i17_a_recipient_past_their_own_budget_holds_nobody_up(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(3);
        set(&stage, UpdateOrganizationRequest { daily_per_recipient: Some(2), ..Default::default() }).await;
        stage.act("SEND", &[&people[0]]).await;
        stage.act("RESEND", &[&people[0]]).await;
        let all: Vec<_> = people.iter().collect();
        let batch = stage.act("RESEND", &all).await;
        assert_eq!((stand(&batch), batch.total), (("RUNNING", Some(midnight()), 2), 3));
        // the link that is out stays good meanwhile
        assert_eq!(stage.landing(&stage.token_of(&people[0]).await).await.state, "OPEN");
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.letters().await.len(), 4);
        stage.clock.advance(TimeDelta::hours(12));
        stage.workshop.work().await.unwrap();
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 3, 0, 0, 0, 0]);
        assert_eq!(stage.letters().await.pop().unwrap().0.contact_id, Some(people[0].id));
        assert_eq!(stage.number("SELECT count(*) FROM batch_waiting").await, 0);
    }

    /// In a big batch too, where the rest is walked to its end first, and whoever is past both budgets waits once.
    async fn i17_those_who_wait_for_their_own_budget_have_a_round_of_their_own(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(1_200);
        set(&stage, UpdateOrganizationRequest { daily_per_recipient: Some(1), ..Default::default() }).await;
        let early: Vec<_> = people.iter().step_by(20).collect();
        stage.act("SEND", &early).await;
        let resend = StartBatchRequest { action: "RESEND".into(), ..for_everyone() };
        let batch = stage.start(resend).await.batch.unwrap();
        stage.workshop.work().await.unwrap();
        let held = stage.batch(&batch.id).await;
        assert_eq!(stand(&held), ("RUNNING", Some(midnight()), 1_140));
        assert_eq!(stage.number("SELECT count(*) FROM batch_waiting").await, 60);
        // the next day reaches for fifty of them only, and one is gone
        daily(&stage, 50).await;
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.letters().await.len(), 1_200);
        let mut gone = early[3].clone();
        gone.active = false;
        gone.version = gone.version.next();
        stage.contacts.put(&gone);
        stage.clock.advance(TimeDelta::hours(12));
        stage.workshop.work().await.unwrap();
        let held = stage.batch(&batch.id).await;
        assert_eq!(stand(&held), ("RUNNING", Some(midnight() + TimeDelta::days(1)), 1_190));
        stage.clock.advance(TimeDelta::days(1));
        stage.workshop.work().await.unwrap();
        assert_eq!(figures(&stage.batch(&batch.id).await), [1, 1_199, 0, 0, 0, 0]);
        assert_eq!(stage.number("SELECT count(*) FROM batch_waiting").await, 0);
    }

    async fn i17_a_member_has_a_budget_too_and_a_new_setting_counts_at_once(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(3);
        set(&stage, UpdateOrganizationRequest { daily_per_member: Some(2), ..Default::default() }).await;
        let all: Vec<_> = people.iter().collect();
        let batch = stage.act("SEND", &all).await;
        assert_eq!(stand(&batch), ("RUNNING", Some(midnight()), 2));
        set(&stage, UpdateOrganizationRequest { daily_per_member: Some(3), ..Default::default() }).await;
        stage.workshop.work().await.unwrap();
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 3, 0, 0, 0, 0]);
    }

    async fn i17_the_day_is_that_of_the_organizations_zone(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(2);
        let zone = Some("America/Los_Angeles".to_owned());
        set(&stage, UpdateOrganizationRequest { time_zone: zone, daily: Some(1), ..Default::default() }).await;
        let batch = stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        assert_eq!(stand(&batch), ("RUNNING", Some(noon() + TimeDelta::hours(20)), 1));
        let settings = stage.number("SELECT count(*) FROM mail_budget").await;
        stage.clock.advance(TimeDelta::days(4));
        stage.workshop.sweep().await.unwrap();
        // the organization's row and the member's
        assert_eq!((settings, stage.number("SELECT count(*) FROM mail_budget").await), (2, 0));
    }

    /// The share is taken with the rows.
    async fn i17_two_at_once_do_not_overspend(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(160);
        daily(&stage, 70).await;
        let part = |from: usize| people[from..from + 40].iter().collect::<Vec<_>>();
        let (one, two, three, four) = (part(0), part(40), part(80), part(120));
        let replies = tokio::join!(
            stage.start(request("SEND", &one)),
            stage.start(request("SEND", &two)),
            stage.start(request("SEND", &three)),
            stage.start(request("SEND", &four)),
        );
        let queued: i64 = [replies.0, replies.1, replies.2, replies.3]
            .into_iter()
            .map(|reply| reply.batch.unwrap().queued)
            .sum();
        assert_eq!((queued, stage.letters().await.len()), (70, 70));
        assert_eq!(stage.number("SELECT max(used) FROM mail_budget").await, 70);
    }

    /// Another address is mailed to at once while there is a budget; past that the old link is dead, and the new one follows.
    async fn i17_i6_a_change_of_address_past_the_budget_waits_as_a_batch(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let old = stage.token_of(&ada).await;
        daily(&stage, 1).await;
        ada.email = Some("ada@elsewhere.example".into());
        ada.email_canonical = ada.email.clone();
        stage.tell(&mut ada).await;
        assert_eq!(stage.landing(&old).await.state, "INVALID");
        assert_eq!(stage.letters().await.len(), 1);
        assert_eq!(statuses(&stage).await, [0, 1]);
        stage.clock.advance(TimeDelta::hours(12));
        stage.workshop.work().await.unwrap();
        let (letter, token) = stage.letters().await.pop().unwrap();
        assert_eq!(letter.email, "ada@elsewhere.example");
        assert_eq!(stage.landing(&token).await.state, "OPEN");
    }
}
