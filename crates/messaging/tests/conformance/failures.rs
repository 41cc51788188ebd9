//! Messages that fail.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use usher_events::Lane;
use usher_messaging::HandlerError;
use uuid::Uuid;

use super::{
    brokers,
    recorder::recorder,
    stage::{event, n, subscription, until},
};

const CONTACTS: &[&str] = &["usher.contact.*.v1"];

brokers! {
    async fn e3_one_rejected_message_does_not_stop_its_slice(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|slice| {
            if slice.iter().any(|envelope| n(envelope) == 3) {
                return Err(HandlerError::reject("three is a crowd"));
            }
            Ok(())
        });
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        let relay = stage.relay(&broker);
        let spoken: Vec<_> = (0..8).map(|number| event(Uuid::from_u128(1), number)).collect();
        stage.speak(Lane::Interactive, spoken.clone()).await;
        let handled: Vec<_> = record.next(7).await.iter().map(n).collect();
        assert_eq!(handled, [0, 1, 2, 4, 5, 6, 7]);
        stage.quiet(&subscription).await;
        let dead = stage.dead_letters().await;
        assert_eq!(dead.len(), 1);
        assert_eq!(dead[0].queue, "notifications.contacts");
        assert_eq!(dead[0].reason, "three is a crowd");
        assert_eq!(dead[0].envelope, Some(spoken[3].clone()));
        assert_eq!(dead[0].replayed_at, None);
        relay.stop().await;
        listening.stop().await;
    }

    /// On PostgreSQL a mass shares rows of outbox and inbox; those of its events that fail are told apart all the same.
    async fn e3_one_rejected_event_of_a_mass_does_not_stop_the_others(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|slice| {
            if slice.iter().any(|envelope| n(envelope) == 130) {
                return Err(HandlerError::reject("not this one"));
            }
            Ok(())
        });
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        let relay = stage.relay(&broker);
        let spoken = |from: i64| (from..from + 250).map(|number| event(Uuid::from_u128(number as u128), number));
        stage.speak(Lane::Bulk, spoken(0).collect()).await;
        stage.speak(Lane::Bulk, spoken(250).collect()).await;
        let mut handled: Vec<_> = record.next(499).await.iter().map(n).collect();
        handled.sort_unstable();
        assert_eq!(handled, (0..500).filter(|number| *number != 130).collect::<Vec<_>>());
        stage.quiet(&subscription).await;
        assert_eq!(stage.dead_letters().await.len(), 1);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(record.rest(), []);
    }

    async fn e3_the_fifth_failure_makes_a_dead_letter_that_can_be_replayed(stage: Stage) {
        let broker = stage.broker().await;
        let tries = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&tries);
        let (handler, mut record) = recorder(move |_| {
            if counted.fetch_add(1, Ordering::SeqCst) < 5 {
                return Err(HandlerError::retry("not today"));
            }
            Ok(())
        });
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        let relay = stage.relay(&broker);
        let spoken = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![spoken.clone()]).await;
        stage.quiet(&subscription).await;
        assert_eq!(tries.load(Ordering::SeqCst), 5);
        assert_eq!(stage.dead_letters().await[0].reason, "not today");

        assert_eq!(stage.replay(spoken.id).await, 1);
        assert_eq!(record.next(1).await, std::slice::from_ref(&spoken));
        until(async || stage.dead_letters().await.is_empty()).await;
        let replayed = stage.replayed().await;
        assert_eq!((replayed.len(), replayed[0].id, replayed[0].asked_at), (1, spoken.id, None));
        assert_eq!(stage.replay(spoken.id).await, 0);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(tries.load(Ordering::SeqCst), 6);
        assert_eq!(record.rest(), []);
    }

    async fn e3_a_dead_letter_that_fails_again_stays_with_the_new_reason(stage: Stage) {
        let broker = stage.broker().await;
        let mut tries = 0;
        let (handler, mut record) = recorder(move |_| {
            tries += 1;
            match tries {
                1 => Err(HandlerError::reject("no ada@example.com here")),
                2 => panic!("on purpose"),
                3 => Err(HandlerError::reject("still not")),
                _ => Ok(()),
            }
        });
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        let relay = stage.relay(&broker);
        let spoken = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![spoken.clone()]).await;
        stage.quiet(&subscription).await;
        for reason in ["no … here", "the handler panicked", "still not"] {
            until(async || {
                let dead = stage.dead_letters().await;
                dead[0].reason == reason && dead[0].asked_at.is_none()
            }).await;
            assert_eq!(stage.replay(spoken.id).await, 1);
        }
        assert_eq!(record.next(1).await, [spoken]);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(stage.dead_letters().await, []);
        assert_eq!(record.rest(), []);
    }

    /// Each replica looks at the same letters; the row goes to who is first.
    async fn e3_replicas_handle_a_replayed_letter_once(stage: Stage) {
        let broker = stage.broker().await;
        let fails = Arc::new(AtomicUsize::new(1));
        let replica = || {
            let failing = Arc::clone(&fails);
            let (handler, record) = recorder(move |_| {
                if failing.load(Ordering::SeqCst) == 1 {
                    return Err(HandlerError::reject("not yet"));
                }
                Ok(())
            });
            ([subscription("notifications.contacts", CONTACTS, &handler)], record)
        };
        let (of_first, first_record) = replica();
        let mut records = vec![first_record];
        let mut running = vec![stage.listen(&broker, &of_first).await];
        for _ in 0..2 {
            let (of_other, record) = replica();
            records.push(record);
            running.push(stage.start_listening(&broker, &of_other));
        }
        let relay = stage.relay(&broker);
        let spoken: Vec<_> = (0..20).map(|number| event(Uuid::from_u128(1), number)).collect();
        stage.speak(Lane::Interactive, spoken.clone()).await;
        until(async || stage.dead_letters().await.len() == 20).await;
        fails.store(0, Ordering::SeqCst);
        for envelope in &spoken {
            assert_eq!(stage.replay(envelope.id).await, 1);
        }
        until(async || stage.dead_letters().await.is_empty()).await;
        relay.stop().await;
        for replica in running {
            replica.stop().await;
        }
        let mut handled: Vec<_> = records.iter_mut().flat_map(|record| record.rest()).map(|spoken| n(&spoken)).collect();
        handled.sort_unstable();
        assert_eq!(handled, (0..20).collect::<Vec<_>>());
    }

    async fn e4_while_a_message_waits_later_ones_of_its_key_wait_and_others_pass(stage: Stage) {
        let broker = stage.broker().await;
        let (sick, well) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let mut passed = false;
        let (handler, mut record) = recorder(move |slice| {
            let first = slice.iter().any(|envelope| envelope.key == sick && n(envelope) == 0);
            if first && !passed {
                return Err(HandlerError::retry("the other key comes first"));
            }
            passed |= slice.iter().any(|envelope| envelope.key == well);
            Ok(())
        });
        let subscription = subscription("notifications.contacts", CONTACTS, &handler);
        let listening = stage.listen(&broker, std::slice::from_ref(&subscription)).await;
        let relay = stage.relay(&broker);
        let spoken = [(sick, 0), (sick, 1), (well, 0), (sick, 2), (well, 1)];
        stage.speak(Lane::Interactive, spoken.map(|(key, number)| event(key, number)).to_vec()).await;
        let handled = record.next(5).await;
        let of = |key| handled.iter().filter(|envelope| envelope.key == key).map(n).collect::<Vec<_>>();
        assert_eq!(of(sick), [0, 1, 2]);
        assert_eq!(of(well), [0, 1]);
        assert_eq!(handled[0].key, well);
        relay.stop().await;
        listening.stop().await;
        assert_eq!(stage.dead_letters().await, []);
    }

    async fn e3_a_handler_that_panics_has_failed_like_any_other(stage: Stage) {
        let broker = stage.broker().await;
        let mut first = true;
        let (handler, mut record) = recorder(move |_| {
            if std::mem::take(&mut first) {
                panic!("on purpose");
            }
            Ok(())
        });
        let listening = stage.listen(&broker, &[subscription("notifications.contacts", CONTACTS, &handler)]).await;
        let relay = stage.relay(&broker);
        let spoken = event(Uuid::from_u128(1), 1);
        stage.speak(Lane::Interactive, vec![spoken.clone()]).await;
        assert_eq!(record.next(1).await, [spoken]);
        relay.stop().await;
        listening.stop().await;
    }

    async fn e2_what_cannot_be_read_is_a_dead_letter_at_once(stage: Stage) {
        let broker = stage.broker().await;
        let (handler, mut record) = recorder(|_| Ok(()));
        let subscriptions = [subscription("notifications.contacts", CONTACTS, &handler)];
        stage.listen(&broker, &subscriptions).await.stop().await;
        stage.publish_raw("notifications.contacts.interactive", b"{\"not\": \"a message\"}").await;
        let listening = stage.listen(&broker, &subscriptions).await;
        until(async || stage.dead_letters().await.len() == 1).await;
        let dead = stage.dead_letters().await;
        assert!(dead[0].reason.starts_with("unreadable: "), "{}", dead[0].reason);
        assert_eq!(dead[0].envelope, None);
        assert_eq!(stage.replay(dead[0].id).await, 0);
        listening.stop().await;
        assert_eq!(record.rest(), []);
    }
}
