//! What became of each contact of a batch (I4).

use chrono::TimeDelta;
use tonic::Code;
use usher_events::MessageOutcome;
use usher_proto::invitations::v1::batches_client::BatchesClient;
use usher_proto::invitations::v1::{ResultRow, StartBatchRequest, StreamResultsRequest};
use usher_proto::{bytes_of, timestamp};
use usher_service::grpc::Bearer;
use usher_testkit::dialects;

use crate::stage::{PASSWORD, Stage, everyone, noon};

async fn results(stage: &Stage, bearer: &Bearer, batch: &[u8]) -> Result<Vec<ResultRow>, tonic::Status> {
    let request = StreamResultsRequest {
        id: batch.to_vec().into(),
    };
    let mut api = BatchesClient::new(stage.channel.clone());
    let mut stream = api.stream_results(bearer.on(request)).await?.into_inner();
    let mut rows = Vec::new();
    while let Some(page) = stream.message().await? {
        rows.extend(page.rows);
    }
    Ok(rows)
}

dialects! {
    async fn i4_a_line_for_each_contact_of_whatever_became_of_them(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut people = stage.clients(4);
        people[0].active = false;
        stage.contacts.put(&people[0]);
        stage.run("UPDATE organization SET daily_per_recipient = 1", []).await;
        stage.act("SEND", &[&people[1]]).await;
        let batch = stage.act("RESEND", &people.iter().collect::<Vec<_>>()).await;
        let letters = stage.letters().await;
        let (sent, deferred) = (&letters[1], &letters[2]);
        stage.mails(std::slice::from_ref(&sent.0), MessageOutcome::Sent).await;
        stage.mails(std::slice::from_ref(&deferred.0), MessageOutcome::Deferred).await;
        assert!(stage.accept(&sent.1, PASSWORD).await.accepted);

        let rows = results(&stage, &stage.admin, &batch.id).await.unwrap();
        let of = |contact| rows.iter().find(|row| row.contact_id == bytes_of(contact)).unwrap();
        let outcome = |contact| {
            let row = of(contact);
            (row.outcome.as_str(), row.reason.as_deref(), row.error.as_deref())
        };
        assert_eq!(rows.len(), 4);
        assert_eq!(outcome(people[0].id), ("SKIPPED", Some("CONTACT_INACTIVE"), None));
        assert_eq!(outcome(people[1].id), ("WAITING", None, None));
        assert_eq!(outcome(sent.0.contact_id.unwrap()), ("SENT", None, None));
        assert_eq!(outcome(deferred.0.contact_id.unwrap()), ("DEFERRED", None, Some("451 later")));
        let accepted = of(sent.0.contact_id.unwrap());
        assert_eq!((accepted.first_name.as_str(), accepted.last_name.as_str()), ("Ada", "Lovelace"));
        assert_eq!(accepted.email.as_deref(), Some(sent.0.email.as_str()));
        let week = Some(timestamp(noon() + TimeDelta::days(7)));
        assert_eq!((accepted.invited_at, accepted.expires_at), (Some(timestamp(noon())), week));
        assert_eq!(accepted.accepted_at, Some(timestamp(noon())));
        assert_eq!(of(people[0].id).email, people[0].email);

        // who was taken back by another batch stands in the results of that
        let cancelled = stage.act("CANCEL", &[&people[2], &people[3]]).await;
        let rows = results(&stage, &stage.admin, &cancelled.id).await.unwrap();
        let mut outcomes: Vec<_> = rows.iter().map(|row| (row.outcome.as_str(), row.reason.as_deref())).collect();
        outcomes.sort_unstable();
        assert_eq!(outcomes, [("CANCELLED", None), ("SKIPPED", Some("ALREADY_ACTIVATED"))]);
    }

    /// Pages follow each other without a gap and without a repeat.
    async fn i4_results_of_a_big_batch(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for facts in stage.clients(3_500).iter_mut().take(1_200) {
            facts.active = false;
            stage.contacts.put(facts);
        }
        let start = StartBatchRequest {
            action: "SEND".into(),
            selection: Some(everyone()),
            ..StartBatchRequest::default()
        };
        let batch = stage.start(start).await.batch.unwrap();
        stage.workshop.work().await.unwrap();
        let rows = results(&stage, &stage.admin, &batch.id).await.unwrap();
        let mut contacts: Vec<_> = rows.iter().map(|row| row.contact_id.clone()).collect();
        contacts.sort_unstable();
        contacts.dedup();
        assert_eq!((rows.len(), contacts.len()), (3_500, 3_500));
        assert_eq!(rows.iter().filter(|row| row.outcome == "QUEUED").count(), 2_300);
    }

    async fn i15_results_are_the_organizations_own(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let batch = stage.act("SEND", &[&ada]).await;
        let reader = stage.member_with(&["portal.invite"]).await;
        let other = stage.another_firm().await;
        assert_eq!(results(&stage, &other, &batch.id).await.unwrap_err().code(), Code::NotFound);
        assert_eq!(results(&stage, &reader, &batch.id).await.unwrap_err().code(), Code::PermissionDenied);
        assert_eq!(results(&stage, &stage.admin, &[7; 16]).await.unwrap_err().code(), Code::NotFound);
    }
}
