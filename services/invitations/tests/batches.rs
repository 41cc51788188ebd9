//! Batches of every size.

use chrono::TimeDelta;
use tonic::Code;
use usher_events::{InvitationFact, Lane, MessageOutcome};
use usher_proto::common::v1::PageRequest;
use usher_proto::contacts::v1::ContactSelection;
use usher_proto::contacts::v1::contact_selection::Of;
use usher_proto::invitations::v1::{
    Batch, BatchReply, CancelBatchRequest, ListBatchesRequest, ListSkippedRequest, SignOutRequest,
    StartBatchRequest, WatchBatchRequest,
};
use usher_proto::timestamp;
use usher_testkit::dialects;
use usher_types::{ContactId, ContactRole, EmailState, PortalStatus};

use crate::stage::{Stage, codes, everyone, figures, noon, request};

fn for_everyone(action: &str) -> StartBatchRequest {
    StartBatchRequest {
        action: action.into(),
        selection: Some(everyone()),
        ..StartBatchRequest::default()
    }
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

dialects! {
    async fn i3_one_reason_each(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut people = stage.clients(11);
        people[1].active = false;
        people[2].role = ContactRole::Lead;
        people[3].links = 2;
        people[4].email = None;
        people[4].email_canonical = None;
        people[4].email_state = EmailState::None;
        people[5].email = Some("not an address".into());
        people[5].email_canonical = None;
        people[5].email_state = EmailState::Invalid;
        people[6].email_duplicate = true;
        people[7].email_state = EmailState::Bounced;
        people[8].email_state = EmailState::Suppressed;
        for facts in &people {
            stage.contacts.put(facts);
        }
        stage.act("SEND", &[&people[9]]).await;
        stage.let_in(&people[10], false).await;
        let batch = stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let reasons: Vec<_> = batch.skipped.iter().map(|group| (group.reason.as_str(), group.count)).collect();
        assert_eq!(reasons, [
            ("CONTACT_INACTIVE", 1), ("ROLE_NOT_INVITABLE", 1), ("ALREADY_ACTIVATED", 1), ("ALREADY_INVITED", 1),
            ("LOGIN_DISABLED", 1), ("NO_EMAIL", 1), ("INVALID_EMAIL", 1), ("DUPLICATE_EMAIL", 1),
            ("EMAIL_SUPPRESSED", 1), ("EMAIL_BOUNCED", 1),
        ]);
        assert_eq!((batch.state.as_str(), figures(&batch)), ("RUNNING", [10, 1, 0, 0, 0, 0]));
        // who was left out, as a page of ids
        let request = ListSkippedRequest {
            batch_id: batch.id.clone(),
            reason: "NO_EMAIL".into(),
            page: Some(PageRequest { with_total: true, ..PageRequest::default() }),
        };
        let skipped = stage.api().list_skipped(stage.admin.on(request)).await.unwrap().into_inner();
        assert_eq!(skipped.contact_ids, [usher_proto::bytes_of(people[4].id)]);
        assert_eq!(skipped.page.unwrap().total, Some(1));
        let cancelled = stage.act("CANCEL", &people.iter().collect::<Vec<_>>()).await;
        let reasons: Vec<_> = cancelled.skipped.iter().map(|group| (group.reason.as_str(), group.count)).collect();
        assert_eq!(reasons, [("ALREADY_ACTIVATED", 1), ("NOT_INVITED", 8)]);
        assert_eq!((cancelled.state.as_str(), figures(&cancelled)), ("DONE", [9, 0, 0, 0, 2, 0]));
    }

    async fn i4_the_same_key_sends_nothing_twice(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [ada, bea]: [_; 2] = stage.clients(2).try_into().unwrap();
        let keyed = |contacts: &[&usher_events::ContactFacts]| StartBatchRequest {
            idempotency_key: Some("monday".into()),
            ..request("SEND", contacts)
        };
        let first = stage.start(keyed(&[&ada])).await.batch.unwrap();
        // looked at before anything else: not even the portal's switch is asked
        stage.run("UPDATE organization SET portal_enabled = $1", [false.into()]).await;
        assert_eq!(stage.start(keyed(&[&ada])).await.batch.unwrap().id, first.id);
        let other = stage.start(keyed(&[&bea])).await;
        assert_eq!(codes(&other.refusals), ["CONFLICT"]);
        stage.run("UPDATE organization SET portal_enabled = $1", [true.into()]).await;
        assert_eq!(stage.letters().await.len(), 1);
        stage.advance(TimeDelta::hours(24));
        stage.workshop.sweep().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM idempotency_key").await, 0);
        assert_ne!(stage.start(keyed(&[&bea])).await.batch.unwrap().id, first.id);
        assert_eq!(stage.letters().await.len(), 2);
    }

    async fn i4_a_big_batch_is_accepted_at_once_and_worked_on_in_chunks(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(2_300);
        let batch = stage.start(for_everyone("SEND")).await.batch.unwrap();
        assert_eq!((batch.state.as_str(), batch.total, batch.queued), ("RUNNING", 2_300, 0));
        assert_eq!(stage.letters().await.len(), 0);
        stage.workshop.work().await.unwrap();
        let worked = stage.batch(&batch.id).await;
        assert_eq!((worked.state.as_str(), figures(&worked)), ("RUNNING", [0, 2_300, 0, 0, 0, 0]));
        let letters: Vec<_> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        let mut contacts: Vec<Option<ContactId>> = letters.iter().map(|letter| letter.contact_id).collect();
        contacts.sort_unstable();
        contacts.dedup();
        assert_eq!((letters.len(), contacts.len()), (2_300, 2_300));
        for envelope in stage.spoken().await {
            if envelope.kind == "usher.work.deliver.v1" {
                assert!(envelope.decode::<usher_events::Deliver>().unwrap().letters.len() <= 200);
            }
        }
        let bulk = format!("SELECT sum(events) FROM outbox WHERE lane = '{}'", Lane::Bulk.as_str());
        assert_eq!(stage.number(&bulk).await, 2_300 + 12);
        stage.mails(&letters, MessageOutcome::Sent).await;
        let done = stage.batch(&batch.id).await;
        assert_eq!((done.state.as_str(), figures(&done)), ("DONE", [0, 0, 2_300, 0, 0, 0]));
        // cancelled the same way: nothing was mailed, so it is done when everybody was looked at
        let batch = stage.start(for_everyone("CANCEL")).await.batch.unwrap();
        stage.workshop.work().await.unwrap();
        let done = stage.batch(&batch.id).await;
        assert_eq!((done.state.as_str(), figures(&done)), ("DONE", [0, 0, 0, 0, 2_300, 0]));
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status = 'WAITING'").await, 2_300);
    }

    /// Whatever becomes of the segment: a walk by its id finds nobody here.
    async fn i2_a_batch_goes_by_what_a_segment_stood_for(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let by_segment = || StartBatchRequest {
            action: "SEND".into(),
            selection: Some(ContactSelection { of: Some(Of::SegmentId(vec![7; 16].into())) }),
            ..StartBatchRequest::default()
        };
        stage.clients(3);
        assert_eq!(stage.start(by_segment()).await.batch.unwrap().queued, 3);
        stage.clients(1_200);
        let batch = stage.start(by_segment()).await.batch.unwrap();
        stage.workshop.work().await.unwrap();
        assert_eq!(figures(&stage.batch(&batch.id).await), [3, 1_200, 0, 0, 0, 0]);
    }

    async fn i4_a_batch_resumes_where_it_was_left(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(2_300);
        let batch = stage.start(for_everyone("SEND")).await.batch.unwrap();
        stage.contacts.fail_after(Some(1));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.letters().await.len(), 1_000);
        // what a killed worker leaves behind: a lease that runs out
        stage.contacts.fail_after(None);
        stage.run("UPDATE batch SET leased_until = NULL", []).await;
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.letters().await.len(), 2_300);
        let worked = stage.batch(&batch.id).await;
        assert_eq!(figures(&worked), [0, 2_300, 0, 0, 0, 0]);
        // each turn has a lease of its own: two before, of which one failed, and two after
        assert_eq!(stage.number("SELECT fence FROM batch").await, 4);
    }

    async fn i4_a_batch_of_a_member_who_may_not_any_more_is_held(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(150);
        let batch = stage.start(for_everyone("SEND")).await.batch.unwrap();
        stage.run("UPDATE member SET active = $1", [false.into()]).await;
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.batch(&batch.id).await.state, "PAUSED");
        assert_eq!(stage.letters().await.len(), 0);
    }

    async fn i3_i5_switching_the_portal_off_holds_a_running_batch(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(150);
        let batch = stage.start(for_everyone("SEND")).await.batch.unwrap();
        stage.portal(false).await;
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.batch(&batch.id).await.state, "PAUSED");
        // a held batch issues nothing, and everybody stays where they were (I5)
        assert_eq!(stage.letters().await.len(), 0);
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status <> 'WAITING'").await, 0);
        assert_eq!(stage.number("SELECT count(*) FROM invitation").await, 0);
        stage.portal(true).await;
        stage.workshop.work().await.unwrap();
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 150, 0, 0, 0, 0]);
    }

    async fn i4_cancelbatch_takes_back_what_is_not_sent(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(1_200);
        let batch = stage.start(for_everyone("SEND")).await.batch.unwrap();
        stage.workshop.work().await.unwrap();
        let letters = stage.letters().await;
        let sent: Vec<_> = letters.iter().take(50).map(|(letter, _)| letter.clone()).collect();
        stage.mails(&sent, MessageOutcome::Sent).await;
        assert_eq!(cancel(&stage, &batch).await.batch.unwrap().state, "CANCELLED");
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM portal_access WHERE status = 'INVITED'").await, 50);
        assert_eq!(stage.notifications.taken_back().len(), 1_150);
        assert_eq!(stage.landing(&letters[0].1).await.state, "OPEN");
        assert_eq!(stage.landing(&letters[1_199].1).await.state, "INVALID");
        let unsent: Vec<_> = letters.iter().skip(50).map(|(letter, _)| letter.clone()).collect();
        stage.mails(&unsent, MessageOutcome::Cancelled).await;
        let over = stage.batch(&batch.id).await;
        assert_eq!((over.state.as_str(), figures(&over)), ("CANCELLED", [0, 0, 50, 0, 1_150, 0]));
        // a second time nothing happens
        assert_eq!(figures(&cancel(&stage, &batch).await.batch.unwrap()), [0, 0, 50, 0, 1_150, 0]);
        // ids of one millisecond come in any order
        let unsent = people.iter().find(|person| Some(person.id) == letters[1_199].0.contact_id).unwrap();
        let last = stage.facts_of(unsent).await.pop().unwrap();
        assert_eq!((last.fact, last.portal.status), (InvitationFact::Cancelled, PortalStatus::Waiting));
        let unknown = Batch { id: vec![7; 16].into(), ..Batch::default() };
        assert_eq!(codes(&cancel(&stage, &unknown).await.refusals), ["NOT_FOUND"]);
    }

    /// Whom it reaches is decided at the start.
    async fn i4_a_scheduled_batch_waits_for_its_time(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(3);
        let at = noon() + TimeDelta::hours(8);
        let later = StartBatchRequest {
            send_at: Some(timestamp(at)),
            expect_eligible: Some(3),
            idempotency_key: Some("tonight".into()),
            ..for_everyone("SEND")
        };
        let batch = stage.start(later.clone()).await.batch.unwrap();
        assert_eq!((batch.state.as_str(), batch.total), ("SCHEDULED", 3));
        assert_eq!((batch.send_at, batch.started_at), (later.send_at, None));
        // the same key is the same batch, at another time it is not
        assert_eq!(stage.start(later.clone()).await.batch.unwrap().id, batch.id);
        let sooner = StartBatchRequest { send_at: Some(timestamp(at - TimeDelta::hours(1))), ..later };
        assert_eq!(codes(&stage.start(sooner).await.refusals), ["CONFLICT"]);

        stage.workshop.work().await.unwrap();
        stage.clock.advance(TimeDelta::hours(8) - TimeDelta::milliseconds(1));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM invitation").await, 0);
        assert_eq!(stage.batch(&batch.id).await.state, "SCHEDULED");

        stage.clients(2);
        stage.clock.advance(TimeDelta::milliseconds(1));
        stage.workshop.work().await.unwrap();
        let started = stage.batch(&batch.id).await;
        assert_eq!((started.state.as_str(), started.started_at), ("RUNNING", Some(timestamp(at))));
        assert_eq!(figures(&started), [0, 5, 0, 0, 0, 0]);
    }

    async fn i4_one_contact_alone_can_be_scheduled_and_taken_back(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let later = StartBatchRequest {
            send_at: Some(timestamp(noon() + TimeDelta::days(1))),
            ..request("SEND", &[&ada])
        };
        let batch = stage.start(later).await.batch.unwrap();
        assert_eq!(batch.state, "SCHEDULED");
        assert_eq!(cancel(&stage, &batch).await.batch.unwrap().state, "CANCELLED");
        stage.clock.advance(TimeDelta::days(1));
        stage.workshop.work().await.unwrap();
        let over = stage.batch(&batch.id).await;
        assert_eq!((over.state.as_str(), over.started_at), ("CANCELLED", None));
        assert_eq!(stage.number("SELECT count(*) FROM invitation").await, 0);
    }

    /// What stands in the way when its time has come holds it, as it would any other.
    async fn i4_a_scheduled_batch_starts_only_where_one_may(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(2);
        let at = |hours: i64| Some(timestamp(noon() + TimeDelta::hours(hours)));
        for wrong in [at(0), at(-1), at(24 * 367)] {
            let refused = stage.start(StartBatchRequest { send_at: wrong, ..for_everyone("SEND") }).await;
            assert_eq!(codes(&refused.refusals), ["INVALID"]);
            assert_eq!(refused.refusals[0].field, ["sendAt"]);
        }
        let later = StartBatchRequest { send_at: at(1), ..for_everyone("SEND") };
        let batch = stage.start(later).await.batch.unwrap();
        stage.portal(false).await;
        stage.clock.advance(TimeDelta::hours(1));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.batch(&batch.id).await.state, "PAUSED");
        stage.portal(true).await;
        stage.workshop.work().await.unwrap();
        assert_eq!(figures(&stage.batch(&batch.id).await), [0, 2, 0, 0, 0, 0]);
    }

    async fn i4_cancelled_before_it_began_nothing_is_sent(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        stage.clients(150);
        let batch = stage.start(for_everyone("SEND")).await.batch.unwrap();
        cancel(&stage, &batch).await;
        stage.workshop.work().await.unwrap();
        let over = stage.batch(&batch.id).await;
        assert_eq!((over.state.as_str(), figures(&over)), ("CANCELLED", [0; 6]));
        assert!(over.finished_at.is_some());
        assert_eq!(stage.letters().await.len(), 0);
    }

    async fn c16_a_small_action_answers_when_the_lists_have_followed(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(100);
        stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        assert_eq!(stage.contacts.awaited(), [100]);
        let lane = stage.number("SELECT count(*) FROM outbox WHERE lane = 'interactive'").await;
        // one letter command, one event each, and the organization
        assert_eq!(lane, 1 + 100 + 1);
    }

    async fn i4_watching_a_batch_until_it_is_done(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.act("SEND", &[&ada]).await;
        let watch = || stage.admin.on(WatchBatchRequest { id: batch.id.clone() });
        let mut one = stage.api().watch_batch(watch()).await.unwrap().into_inner();
        let mut two = stage.api().watch_batch(watch()).await.unwrap().into_inner();
        assert_eq!(one.message().await.unwrap().unwrap().queued, 1);
        assert_eq!(two.message().await.unwrap().unwrap().queued, 1);
        let letters: Vec<_> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&letters, MessageOutcome::Sent).await;
        for stream in [&mut one, &mut two] {
            let mut last = stream.message().await.unwrap().unwrap();
            while let Some(next) = stream.message().await.unwrap() {
                last = next;
            }
            assert_eq!((last.state.as_str(), last.sent), ("DONE", 1));
        }
        // whoever comes late gets the last word
        let mut late = stage.api().watch_batch(watch()).await.unwrap().into_inner();
        assert_eq!(late.message().await.unwrap().unwrap().state, "DONE");
        assert!(late.message().await.unwrap().is_none());
        let unknown = stage.admin.on(WatchBatchRequest { id: vec![1; 16].into() });
        assert_eq!(stage.api().watch_batch(unknown).await.unwrap_err().code(), Code::NotFound);
    }

    async fn i15_watching_ends_with_the_session_that_watches(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.act("SEND", &[&ada]).await;
        let watch = stage.admin.on(WatchBatchRequest { id: batch.id });
        let mut watched = stage.api().watch_batch(watch).await.unwrap().into_inner();
        assert_eq!(watched.message().await.unwrap().unwrap().queued, 1);
        let out = stage.admin.on(SignOutRequest { refresh_token: None });
        stage.sessions().sign_out(out).await.unwrap();
        // nothing of the batch moves: it is the permission that is looked at
        assert_eq!(watched.message().await.unwrap_err().code(), Code::Unauthenticated);
    }

    async fn i4_batches_are_listed_newest_first(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(3);
        let mut made = Vec::new();
        for facts in &people {
            made.push(stage.act("SEND", &[facts]).await.id);
            stage.advance(TimeDelta::seconds(1));
        }
        made.reverse();
        let page = |after: Option<String>| ListBatchesRequest {
            page: Some(PageRequest { first: Some(2), after, with_total: true, ..PageRequest::default() }),
        };
        let first = stage.api().list_batches(stage.admin.on(page(None))).await.unwrap().into_inner();
        let info = first.page.unwrap();
        assert_eq!(first.batches.iter().map(|batch| &batch.id).collect::<Vec<_>>(), [&made[0], &made[1]]);
        assert_eq!((info.has_next_page, info.has_previous_page, info.total), (true, false, Some(3)));
        let next = page(info.cursors.last().cloned());
        let second = stage.api().list_batches(stage.admin.on(next)).await.unwrap().into_inner();
        assert_eq!(second.batches.iter().map(|batch| &batch.id).collect::<Vec<_>>(), [&made[2]]);
        let wrong = page(Some("nonsense".into()));
        let refused = stage.api().list_batches(stage.admin.on(wrong)).await.unwrap_err();
        assert_eq!(refused.code(), Code::InvalidArgument);
    }
}
