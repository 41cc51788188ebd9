//! Organizations take turns (ADR 15).

use std::collections::BTreeMap;

use chrono::TimeDelta;
use usher_events::Deliver;
use usher_proto::invitations::v1::StartBatchRequest;
use usher_proto::timestamp;
use usher_testkit::dialects;
use usher_types::OrganizationId;

use crate::stage::{Stage, codes, noon, request};

/// Whose letters the commands hold, in the order in which they were written.
async fn delivered(stage: &Stage) -> Vec<OrganizationId> {
    let spoken = stage.spoken().await;
    let commands = spoken
        .iter()
        .filter(|envelope| envelope.kind == "usher.work.deliver.v1");
    let commands = commands.map(|envelope| envelope.decode::<Deliver>().unwrap());
    commands.map(|deliver| deliver.mailing.organization_id).collect()
}

dialects! {
    /// Ten begin at once: nobody has a first chunk after somebody else's third.
    async fn i4_ten_organizations_at_once_share_fairly(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for number in 0..10 {
            let admin = stage.firm(&format!("firm{number}")).await;
            let mut people = stage.clients(2_001);
            people.sort_unstable_by_key(|facts| facts.id);
            // few are mailed, and some of each chunk
            for (place, facts) in people.iter_mut().enumerate() {
                facts.active = place % 250 == 0;
                stage.contacts.put(facts);
            }
            let batch = request("SEND", &people.iter().collect::<Vec<_>>());
            let reply = stage.try_start(&admin, batch).await.unwrap();
            assert_eq!(codes(&reply.refusals), Vec::<&str>::new());
        }
        stage.workshop.work().await.unwrap();
        let mut places: BTreeMap<OrganizationId, Vec<usize>> = BTreeMap::new();
        for (place, organization) in delivered(&stage).await.into_iter().enumerate() {
            places.entry(organization).or_default().push(place);
        }
        assert!(places.values().all(|places| places.len() == 3) && places.len() == 10, "{places:?}");
        let first = places.values().map(|places| places[0]).max().unwrap();
        let third = places.values().map(|places| places[2]).min().unwrap();
        assert!(first < third, "a first chunk at {first}, a third one at {third}");
        assert_eq!(stage.number("SELECT count(*) FROM invitation").await, 90);
    }

    /// What somebody waits for does not stand behind a big one, nor behind another organization's.
    async fn i4_a_small_batch_does_not_wait_for_a_big_one(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(2_500);
        let big = request("SEND", &people[..2_499].iter().collect::<Vec<_>>());
        stage.start(big).await;
        let small = StartBatchRequest {
            send_at: Some(timestamp(noon() + TimeDelta::minutes(1))),
            ..request("SEND", &[&people[2_499]])
        };
        let small = stage.start(small).await.batch.unwrap();
        stage.contacts.fail_after(Some(1));
        stage.workshop.work().await.unwrap();
        stage.contacts.fail_after(None);
        stage.run("UPDATE batch SET leased_until = NULL", []).await;
        stage.clock.advance(TimeDelta::minutes(1));
        stage.workshop.work().await.unwrap();
        assert_eq!(stage.batch(&small.id).await.queued, 1);
        let letters = stage.letters().await;
        let place = letters.iter().position(|(letter, _)| letter.contact_id == Some(people[2_499].id));
        assert_eq!((letters.len(), place), (2_500, Some(1_000)));
    }
}
