//! Why people get in or not, and how many do (I18).

use chrono::TimeDelta;
use usher_events::{AddressStateChanged, ContactFacts, Envelope, Letter, MessageOutcome};
use usher_proto::invitations::v1::insight_client::InsightClient;
use usher_proto::invitations::v1::{
    AccessExplanation, ExplainAccessRequest, Funnel, FunnelCounts, GetFunnelRequest,
};
use usher_proto::{bytes_of, datetime, timestamp};
use usher_service::PeerChannel;
use usher_service::grpc::Bearer;
use usher_testkit::dialects;
use usher_types::{BatchId, ContactId, EmailState, Version};

use crate::stage::{ADMIN, PASSWORD, Stage, noon};

impl Stage {
    fn insight(&self) -> InsightClient<PeerChannel> {
        InsightClient::new(self.channel.clone())
    }

    async fn explain_as(&self, bearer: &Bearer, contact: ContactId) -> Option<AccessExplanation> {
        let request = ExplainAccessRequest {
            contact_id: bytes_of(contact),
        };
        let reply = self.insight().explain_access(bearer.on(request)).await;
        reply.unwrap().into_inner().explanation
    }

    /// The verdict, and the codes of what does not hold.
    async fn explained(&self, facts: &ContactFacts) -> (String, Vec<String>) {
        let explanation = self.explain_as(&self.admin, facts.id).await.unwrap();
        let against = explanation.findings.into_iter().filter(|finding| !finding.holds);
        (explanation.verdict, against.map(|finding| finding.code).collect())
    }

    async fn funnel(&self, request: GetFunnelRequest) -> Funnel {
        let bearer = self.signed_in(ADMIN, PASSWORD).await;
        self.insight()
            .get_funnel(bearer.on(request))
            .await
            .unwrap()
            .into_inner()
    }

    async fn letters_to(&self, contacts: &[&ContactFacts]) -> Vec<(Letter, String)> {
        let letters = self.letters().await.into_iter();
        letters
            .filter(|(letter, _)| contacts.iter().any(|facts| letter.contact_id == Some(facts.id)))
            .collect()
    }
}

const fn counts(sent: i64, delivered: i64, opened: i64, accepted: i64, first_signed_in: i64) -> FunnelCounts {
    FunnelCounts {
        sent,
        delivered,
        opened,
        accepted,
        first_signed_in,
    }
}

dialects! {
    async fn i18_one_query_says_why_somebody_can_or_cannot_get_in(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        let says = |verdict: &str, codes: &[&str]| (verdict.to_owned(), codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());
        // nothing was heard of the contact yet, and it is told all the same
        assert_eq!(stage.explained(&ada).await, says("NEEDS_INVITATION", &["INVITATION_SENT"]));
        stage.act("SEND", &[&ada]).await;
        assert_eq!(stage.explained(&ada).await, says("MAIL_ON_ITS_WAY", &["MAIL_DELIVERED", "PASSWORD_CHOSEN"]));
        let (letter, token) = stage.letters().await.remove(0);
        stage.mails(std::slice::from_ref(&letter), MessageOutcome::Sent).await;
        assert_eq!(stage.explained(&ada).await, says("CAN_ACCEPT", &["PASSWORD_CHOSEN"]));
        stage.portal(false).await;
        assert_eq!(stage.explained(&ada).await, says("CANNOT", &["PORTAL_ON", "PASSWORD_CHOSEN"]));
        stage.portal(true).await;
        assert!(stage.accept(&token, PASSWORD).await.accepted);
        assert_eq!(stage.explained(&ada).await, says("CAN_SIGN_IN", &[]));
        for _ in 0..6 {
            stage.sign_in(&letter.email, "something else").await;
        }
        assert_eq!(stage.explained(&ada).await, says("CAN_SIGN_IN", &["SIGN_IN_OPEN"]));
        // a change of a moment ago counts, before its event has come
        ada.version = ada.version.next();
        ada.links = 2;
        stage.contacts.put(&ada);
        assert_eq!(stage.explained(&ada).await, says("CANNOT", &["LOGIN_ON", "SIGN_IN_OPEN"]));
        let bounced = AddressStateChanged {
            organization_id: stage.organization,
            email_canonical: letter.email_canonical,
            state: EmailState::Bounced,
            version: Version::FIRST,
            contact_id: None,
        };
        stage.workshop.hear(&[Envelope::event("notifications", noon(), &bounced)]).await.unwrap();
        assert_eq!(stage.explained(&ada).await.1, ["LOGIN_ON", "EMAIL_TAKES_MAIL", "SIGN_IN_OPEN"]);
        let unknown = ContactId::new(noon());
        assert_eq!(stage.explain_as(&stage.admin, unknown).await, None);
    }

    async fn i18_the_funnel_counts_by_batch_and_by_week(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(6);
        let first: Vec<&ContactFacts> = people[..5].iter().collect();
        // noon is a Monday, 2 March
        let batch = stage.act("SEND", &first).await;
        let letters = stage.letters_to(&first).await;
        let mails = |range: std::ops::Range<usize>| letters[range].iter().map(|(letter, _)| letter.clone()).collect::<Vec<_>>();
        stage.mails(&mails(0..4), MessageOutcome::Sent).await;
        stage.mails(&mails(4..5), MessageOutcome::Failed).await;
        stage.mails(&mails(3..4), MessageOutcome::Bounced).await;
        // the page is looked at, twice; nothing depends on it
        for token in [&letters[0].1, &letters[0].1, &letters[1].1, &letters[2].1] {
            assert_eq!(stage.landing(token).await.state, "OPEN");
        }
        stage.landing("no link of ours").await;
        for (letter, token) in &letters[..2] {
            assert!(stage.accept(token, PASSWORD).await.accepted, "{}", letter.message_id);
        }
        stage.signed_in(&letters[0].0.email, PASSWORD).await;
        let expected = counts(4, 3, 3, 2, 1);
        let of_batch = stage.funnel(GetFunnelRequest { batch_id: Some(batch.id.clone()), ..Default::default() }).await;
        assert_eq!(of_batch.counts, Some(expected));
        let weeks: Vec<_> = of_batch.weeks.iter().map(|week| (week.week.as_str(), week.counts)).collect();
        assert_eq!(weeks, [("2026-W10", Some(expected))]);
        stage.advance(TimeDelta::days(7));
        stage.act("SEND", &[&people[5]]).await;
        let later: Vec<Letter> = stage.letters_to(&[&people[5]]).await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&later, MessageOutcome::Sent).await;
        let request = GetFunnelRequest { from: Some(timestamp(noon() - TimeDelta::days(7))), ..Default::default() };
        let by_week = stage.funnel(request).await;
        assert_eq!(by_week.counts, Some(counts(5, 4, 3, 2, 1)));
        let weeks: Vec<_> = by_week.weeks.iter().map(|week| (week.week.as_str(), week.counts.unwrap())).collect();
        assert_eq!(weeks, [("2026-W09", counts(0, 0, 0, 0, 0)), ("2026-W10", expected), ("2026-W11", counts(1, 1, 0, 0, 0))]);
        assert!(by_week.weeks.windows(2).all(|pair| pair[0].to == pair[1].from));
        assert_eq!(by_week.from.and_then(datetime), Some(noon() - TimeDelta::days(7)));
        // an end that is exclusive
        let request = GetFunnelRequest { from: by_week.from, to: Some(timestamp(noon())), ..Default::default() };
        assert_eq!(stage.funnel(request).await.counts, Some(counts(0, 0, 0, 0, 0)));
    }

    async fn i19_a_test_client_is_left_out_of_the_funnel(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut people = stage.clients(2);
        people[0].test = true;
        stage.tell(&mut people[0]).await;
        let batch = stage.act("SEND", &people.iter().collect::<Vec<_>>()).await;
        let letters: Vec<Letter> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&letters, MessageOutcome::Sent).await;
        let of_batch = stage.funnel(GetFunnelRequest { batch_id: Some(batch.id), ..Default::default() }).await;
        assert_eq!(of_batch.counts, Some(counts(1, 1, 0, 0, 0)));
    }

    async fn i18_another_firm_s_people_are_not_told_of(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let people = stage.clients(1);
        let batch = stage.act("SEND", &[&people[0]]).await;
        let letters: Vec<Letter> = stage.letters().await.into_iter().map(|(letter, _)| letter).collect();
        stage.mails(&letters, MessageOutcome::Sent).await;
        // signed in while there is one firm only
        let bearer = stage.member_with(&["portal.invite"]).await;
        let stranger = stage.another_firm().await;
        let theirs = |request: GetFunnelRequest| async {
            stage.insight().get_funnel(stranger.on(request)).await.unwrap().into_inner()
        };
        assert_eq!(theirs(GetFunnelRequest::default()).await.counts, Some(counts(0, 0, 0, 0, 0)));
        for id in [batch.id, bytes_of(BatchId::new(noon())), bytes_of(ContactId::new(noon())).slice(1..)] {
            assert_eq!(theirs(GetFunnelRequest { batch_id: Some(id), ..Default::default() }).await.counts, None);
        }
        let request = ExplainAccessRequest { contact_id: bytes_of(people[0].id) };
        let denied = stage.insight().explain_access(bearer.on(request)).await.unwrap_err();
        assert_eq!(denied.code(), tonic::Code::PermissionDenied);
        let denied = stage.insight().get_funnel(bearer.on(GetFunnelRequest::default())).await.unwrap_err();
        assert_eq!(denied.code(), tonic::Code::PermissionDenied);
        let forever = GetFunnelRequest { from: Some(timestamp(noon() - TimeDelta::days(800))), ..Default::default() };
        let refused = stage.insight().get_funnel(stage.admin.on(forever)).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }
}
