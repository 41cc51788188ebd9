//! Batches that stand still, and go on (I4).

use chrono::TimeDelta;
use tonic::{Code, Status};
use usher_events::{HoldMailing, MessageOutcome};
use usher_proto::invitations::v1::batches_client::BatchesClient;
use usher_proto::invitations::v1::{
    Batch, BatchReply, CancelBatchRequest, PauseBatchRequest, ResumeBatchRequest, StartBatchRequest,
};
use usher_proto::timestamp;
use usher_service::grpc::Bearer;
use usher_testkit::dialects;

use crate::stage::{Stage, codes, everyone, figures, noon, request};

fn for_everyone() -> StartBatchRequest {
    StartBatchRequest {
        action: "SEND".into(),
        selection: Some(everyone()),
        ..StartBatchRequest::default()
    }
}

async fn pause(stage: &Stage, batch: &Batch) -> BatchReply {
    let request = PauseBatchRequest { id: batch.id.clone() };
    let mut api = BatchesClient::new(stage.channel.clone());
    api.pause_batch(stage.admin.on(request))
        .await
        .unwrap()
        .into_inner()
}

async fn try_resume(stage: &Stage, bearer: &Bearer, batch: &Batch) -> Result<BatchReply, Status> {
    let request = ResumeBatchRequest { id: batch.id.clone() };
    let mut api = BatchesClient::new(stage.channel.clone());
    Ok(api.resume_batch(bearer.on(request)).await?.into_inner())
}

async fn resume(stage: &Stage, batch: &Batch) -> BatchReply {
    try_resume(stage, &stage.admin, batch).await.unwrap()
}

async fn cancel(stage: &Stage, batch: &Batch) -> BatchReply {
    let request = CancelBatchRequest { id: batch.id.clone() };
    stage
        .api()
        .cancel_batch(stage.admin.on(request))
        .await
        .unwrap()
        .into_inner()
}

fn state(reply: BatchReply) -> (String, Option<String>) {
    let batch = reply.batch.unwrap();
    (batch.state, batch.pause_reason)
}

fn paused_by_member() -> (String, Option<String>) {
    ("PAUSED".into(), Some("MEMBER".into()))
}

/// What notifications was told through the outbox.
async fn told(stage: &Stage) -> Vec<(bool, i64)> {
    let spoken = stage.spoken().await;
    let holds = spoken
        .iter()
        .filter(|envelope| envelope.kind == HoldMailing::KIND);
    let holds = holds.map(|envelope| envelope.decode::<HoldMailing>().unwrap());
    each_said_twice(holds.map(|hold| (hold.held, hold.version)))
}

/// The invitations of a batch and its mails about further accounts (I13) are two sendings: each is told the same.
fn each_said_twice(holds: impl IntoIterator<Item = (bool, i64)>) -> Vec<(bool, i64)> {
    let all: Vec<_> = holds.into_iter().collect();
    assert!(
        all.chunks(2).all(|pair| pair.len() == 2 && pair[0] == pair[1]),
        "{all:?}"
    );
    all.into_iter().step_by(2).collect()
}

dialects! {
    async fn i4_a_paused_batch_issues_nothing_and_goes_on_where_it_was(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(2_300);
        let batch = stage.start(for_everyone()).await.batch.unwrap();
        stage.contacts.fail_after(Some(1));
        stage.workshop.work().await.unwrap();
        stage.contacts.fail_after(None);
        assert_eq!(state(pause(&stage, &batch).await), paused_by_member());
        stage.workshop.work().await.unwrap();
        let held = stage.batch(&batch.id).await;
        assert_eq!((held.queued, held.total), (1_000, 2_300));
        // contacts keep their status (I5)
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status = 'INVITED'").await, 1_000);

        assert_eq!(state(resume(&stage, &batch).await), ("RUNNING".into(), None));
        stage.workshop.work().await.unwrap();
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 2_300, 0, 0, 0, 0]);
        let letters = stage.letters().await;
        let mut contacts: Vec<_> = letters.iter().map(|(letter, _)| letter.contact_id).collect();
        contacts.sort_unstable();
        contacts.dedup();
        assert_eq!((letters.len(), contacts.len()), (2_300, 2_300));
    }

    /// Whatever was handed over is held there too: by a call, and by a command that nothing can lose. Each word is newer.
    async fn i4_notifications_is_told_of_each_pause_in_order(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.act("SEND", &[&ada]).await;
        pause(&stage, &batch).await;
        // again nothing happens
        assert_eq!(state(pause(&stage, &batch).await), paused_by_member());
        resume(&stage, &batch).await;
        assert_eq!(state(resume(&stage, &batch).await), ("RUNNING".into(), None));
        pause(&stage, &batch).await;
        let expected = [(true, 1), (false, 2), (true, 3)];
        assert_eq!(told(&stage).await, expected);
        assert_eq!(each_said_twice(stage.notifications.held()), expected);
        let lines = "SELECT count(*) FROM activity WHERE action IN ('batch.paused', 'batch.resumed')";
        assert_eq!(stage.number(lines).await, 3);
    }

    async fn i4_whom_a_scheduled_batch_is_for_is_found_out_at_its_start(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let scheduled = StartBatchRequest {
            send_at: Some(timestamp(noon() + TimeDelta::minutes(1))),
            ..for_everyone()
        };
        let batch = stage.start(scheduled.clone()).await.batch.unwrap();
        // whoever expects a number is told of another
        let expects = StartBatchRequest { expect_eligible: Some(1), ..scheduled };
        assert_eq!(codes(&stage.start(expects).await.refusals), ["CONFLICT"]);
        stage.clients(2);
        stage.clock.advance(TimeDelta::minutes(1));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.batch(&batch.id).await.queued, 2);
    }

    async fn i4_a_scheduled_batch_can_be_paused(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(2);
        let at = |minutes: i64| StartBatchRequest {
            send_at: Some(timestamp(noon() + TimeDelta::minutes(minutes))),
            ..for_everyone()
        };
        let (soon, later) = (stage.start(at(1)).await.batch.unwrap(), stage.start(at(3)).await.batch.unwrap());
        for batch in [&soon, &later] {
            assert_eq!(state(pause(&stage, batch).await), paused_by_member());
        }
        stage.clock.advance(TimeDelta::minutes(2));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM invitation").await, 0);
        for batch in [&soon, &later] {
            assert_eq!(state(resume(&stage, batch).await), ("SCHEDULED".into(), None));
        }
        // the time of one has passed meanwhile
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.batch(&soon.id).await.queued, 2);
        assert_eq!(stage.batch(&later.id).await.state, "SCHEDULED");
    }

    async fn i4_a_paused_batch_can_be_cancelled(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(150);
        let batch = stage.start(for_everyone()).await.batch.unwrap();
        stage.workshop.work().await.unwrap();
        pause(&stage, &batch).await;
        assert_eq!(state(cancel(&stage, &batch).await), ("CANCELLED".into(), None));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.notifications.taken_back().len(), 150);
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status = 'WAITING'").await, 150);
        let letters: Vec<_> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&letters, MessageOutcome::Cancelled).await;
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 0, 0, 0, 150, 0]);
    }

    /// What was under way when it was paused may have been all.
    async fn i4_a_paused_batch_of_which_nothing_is_left_is_done(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.act("SEND", &[&ada]).await;
        pause(&stage, &batch).await;
        let letters: Vec<_> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&letters, MessageOutcome::Sent).await;
        let done = stage.batch(&batch.id).await;
        assert_eq!((done.state.as_str(), done.pause_reason, done.sent), ("DONE", None, 1));
    }

    async fn i4_what_cannot_be_is_refused(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(2);
        stage.act("SEND", &[&people[0]]).await;
        let done = stage.act("CANCEL", &[&people[0]]).await;
        assert_eq!(done.state, "DONE");
        for reply in [pause(&stage, &done).await, resume(&stage, &done).await, cancel(&stage, &done).await] {
            assert_eq!((codes(&reply.refusals), reply.batch), (vec!["CONFLICT"], None));
        }
        let cancelled = stage.act("SEND", &[&people[1]]).await;
        cancel(&stage, &cancelled).await;
        for reply in [pause(&stage, &cancelled).await, resume(&stage, &cancelled).await] {
            assert_eq!(codes(&reply.refusals), ["CONFLICT"]);
        }
        let unknown = Batch { id: vec![7; 16].into(), ..Batch::default() };
        for reply in [pause(&stage, &unknown).await, resume(&stage, &unknown).await] {
            assert_eq!(codes(&reply.refusals), ["NOT_FOUND"]);
        }
        // another organization's looks the same, and stays as it was
        let batch = stage.act("SEND", &[&people[0]]).await;
        let other = stage.another_firm().await;
        let mut api = BatchesClient::new(stage.channel.clone());
        let foreign = other.on(PauseBatchRequest { id: batch.id.clone() });
        let reply = api.pause_batch(foreign).await.unwrap().into_inner();
        assert_eq!(codes(&reply.refusals), ["NOT_FOUND"]);
        assert_eq!(stage.batch(&batch.id).await.state, "RUNNING");
    }

    /// Everything that mails stands still while the portal is off, also what was handed over already; what a member has paused
    /// does not go on with it.
    async fn i3_switching_the_portal_off_and_on_holds_and_resumes(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(2);
        let (one, two) = (stage.act("SEND", &[&people[0]]).await, stage.act("SEND", &[&people[1]]).await);
        pause(&stage, &two).await;
        stage.portal(false).await;
        let held = stage.batch(&one.id).await;
        assert_eq!((held.state.as_str(), held.pause_reason.as_deref()), ("PAUSED", Some("PORTAL_DISABLED")));
        assert_eq!(codes(&resume(&stage, &two).await.refusals), ["PORTAL_DISABLED"]);
        stage.portal(true).await;
        assert_eq!(stage.batch(&one.id).await.state, "RUNNING");
        assert_eq!(state(pause(&stage, &two).await), paused_by_member());
        assert_eq!(told(&stage).await, [(true, 1), (true, 1), (false, 2)]);
        // paused by a member while the portal is off, it stays when that is switched on
        stage.portal(false).await;
        assert_eq!(state(pause(&stage, &one).await), paused_by_member());
        stage.portal(true).await;
        assert_eq!(stage.batch(&one.id).await.state, "PAUSED");
    }

    /// Whoever resumes a batch answers for it from then on.
    async fn i4_a_batch_goes_on_under_whoever_may_resume_it(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(150);
        let batch = stage.start(for_everyone()).await.batch.unwrap();
        stage.run("UPDATE batch SET responsible_id = id", []).await;
        stage.workshop.work().await.unwrap();
        let held = stage.batch(&batch.id).await;
        assert_eq!((held.state.as_str(), held.pause_reason.as_deref()), ("PAUSED", Some("NOT_PERMITTED")));
        let single = stage.member_with(&["contacts.read", "portal.invite"]).await;
        assert_eq!(try_resume(&stage, &single, &batch).await.unwrap_err().code(), Code::PermissionDenied);
        let reader = stage.member_with(&["contacts.read", "email.bulk"]).await;
        assert_eq!(try_resume(&stage, &reader, &batch).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(stage.batch(&batch.id).await.state, "PAUSED");
        assert_eq!(state(resume(&stage, &batch).await), ("RUNNING".into(), None));
        stage.workshop.work().await.unwrap();
        let worked = stage.batch(&batch.id).await;
        assert_eq!((worked.queued, worked.created_by.as_str()), (150, batch.created_by.as_str()));
    }

    /// A resend of one contact, and the end of another's invitation, reach what is held.
    async fn i21_what_is_held_ends_with_its_invitation(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(3);
        let batch = stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        pause(&stage, &batch).await;
        let again = stage.start(request("RESEND", &[&people[0]])).await.batch.unwrap();
        stage.act("CANCEL", &[&people[1]]).await;
        assert_eq!(stage.notifications.taken_back().len(), 2);
        assert_eq!(again.queued, 1);
        assert_eq!(state(resume(&stage, &batch).await), ("RUNNING".into(), None));
    }
}
