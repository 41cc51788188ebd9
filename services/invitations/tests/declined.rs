//! Links that do not work any more, and links that reached somebody else.

use chrono::TimeDelta;
use futures::future::join_all;
use usher_events::{Deliver, InvitationFact, MailKind, Suppress};
use usher_proto::invitations::v1::{LinkRequest, NewLinkRequest};
use usher_testkit::dialects;
use usher_types::PortalStatus;

use crate::stage::{ADMIN, PASSWORD, Stage, codes, figures, noon};

dialects! {
    async fn i8_an_expired_or_superseded_link_sends_a_new_one_to_the_stored_address(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let first = stage.token_of(&ada).await;
        stage.new_link(&first).await;
        assert_eq!(stage.letters().await.len(), 1, "an open link is good enough");
        stage.advance(TimeDelta::days(8));
        stage.new_link(&first).await;
        let second = stage.token_of(&ada).await;
        assert_eq!((stage.landing(&first).await.state, stage.landing(&second).await.state), ("SUPERSEDED".into(), "OPEN".into()));
        stage.new_link(&first).await;
        let third = stage.token_of(&ada).await;
        assert_eq!(stage.landing(&second).await.state, "SUPERSEDED");
        let letters = stage.letters().await;
        assert!(letters.iter().all(|(letter, _)| Some(&letter.email) == ada.email.as_ref()));
        assert_eq!(letters.iter().map(|(letter, _)| letter.generation).collect::<Vec<_>>(), [1, 2, 3]);
        let facts = stage.facts_of(&ada).await;
        assert_eq!(facts.iter().map(|event| event.fact).collect::<Vec<_>>(), [InvitationFact::Issued, InvitationFact::Resent, InvitationFact::Resent]);
        let last = &facts[2].portal;
        assert_eq!((last.status, last.expires_at), (PortalStatus::Invited, Some(noon() + TimeDelta::days(15))));
        assert_eq!(last.invited_by, facts[0].portal.invited_by);
        // mails that had not gone out are taken back
        assert_eq!(stage.notifications.taken_back().len(), 2);
        assert!(stage.accept(&third, PASSWORD).await.accepted);
        for token in [&first, &second, &third] {
            stage.new_link(token).await;
        }
        assert_eq!(stage.letters().await.len(), 3);
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'invitation.renewed'").await, 2);
    }

    async fn i8_used_cancelled_and_unknown_links_send_nothing(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [cancelled, moved] = &mut stage.clients(2)[..] else { panic!("two") };
        stage.act("SEND", &[cancelled]).await;
        let first = stage.token_of(cancelled).await;
        stage.act("CANCEL", &[cancelled]).await;
        stage.act("SEND", &[moved]).await;
        let second = stage.token_of(moved).await;
        moved.email = Some("other@example.com".into());
        moved.email_canonical = moved.email.clone();
        stage.tell(moved).await;
        let before = stage.letters().await.len();
        for token in [first.as_str(), &second, "nonsense", "", &"A".repeat(43)] {
            stage.new_link(token).await;
        }
        let open = stage.token_of(moved).await;
        stage.advance(TimeDelta::days(8));
        stage.portal(false).await;
        stage.new_link(&open).await;
        stage.portal(true).await;
        moved.active = false;
        stage.tell(moved).await;
        stage.new_link(&open).await;
        assert_eq!(stage.letters().await.len(), before);
    }

    async fn i11_new_links_have_a_budget_for_each_address(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let first = stage.token_of(&ada).await;
        stage.advance(TimeDelta::days(8));
        for _ in 0..8 {
            stage.new_link(&first).await;
        }
        assert_eq!(stage.letters().await.len(), 1 + 5);
        stage.advance(TimeDelta::hours(1));
        stage.new_link(&first).await;
        assert_eq!(stage.letters().await.len(), 1 + 6);
    }

    async fn i8_this_isnt_me_ends_the_invitation_suppresses_the_address_and_tells_the_inviter(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for days in [0, 8] {
            let ada = stage.clients(1).remove(0);
            let email = ada.email.clone().unwrap();
            let batch = stage.act("SEND", &[&ada]).await;
            let token = stage.token_of(&ada).await;
            stage.advance(TimeDelta::days(days));
            assert_eq!(stage.decline(&token).await, Vec::<String>::new());
            assert_eq!(stage.landing(&token).await.state, "INVALID");
            assert_eq!(codes(&stage.accept(&token, PASSWORD).await.refusals), ["LINK_INVALID"]);
            let declined = stage.facts_of(&ada).await.pop().unwrap();
            assert_eq!((declined.fact, declined.portal.status), (InvitationFact::Declined, PortalStatus::Waiting));
            assert_eq!((declined.portal.expires_at, declined.batch_id.is_some()), (None, true));
            assert!(declined.portal.invited_at.is_some() && declined.portal.invited_by.is_some());
            assert_eq!(figures(&stage.batch(&batch.id).await)[5], 0);

            let spoken = stage.spoken().await;
            let mut suppressed = spoken.iter().filter(|envelope| envelope.kind == "usher.work.suppress.v1");
            let suppressed: Suppress = suppressed.next_back().unwrap().decode().unwrap();
            assert_eq!((suppressed.email_canonical, suppressed.contact_id), (email.clone(), Some(ada.id)));
            let told = spoken.iter().filter(|envelope| envelope.kind == "usher.work.deliver.v1");
            let told = told.map(|envelope| envelope.decode::<Deliver>().unwrap());
            let mut told = told.filter(|deliver| deliver.mailing.kind == MailKind::InvitationDeclined);
            let told = told.next_back().unwrap();
            assert_eq!(told.letters[0].email, ADMIN);
            assert_eq!(told.mailing.message, Some(format!("Ada Lovelace ({email})")));
            // once notifications has told, nobody invites the address again
            stage.suppressed(&email).await;
            let again = stage.start(crate::stage::request("SEND", &[&ada])).await;
            assert_eq!(codes(&again.refusals), ["NOBODY_ELIGIBLE"]);
            assert_eq!(stage.decline(&token).await, ["LINK_INVALID"]);
        }
        assert_eq!(stage.number("SELECT count(*) FROM activity WHERE action = 'invitation.declined'").await, 2);
        assert_eq!(stage.notifications.taken_back().len(), 2);
    }

    async fn i8_only_an_open_or_expired_link_is_declined(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let older = stage.token_of(&ada).await;
        stage.act("RESEND", &[&ada]).await;
        let newer = stage.token_of(&ada).await;
        assert_eq!(stage.decline(&older).await, ["LINK_SUPERSEDED"]);
        assert!(stage.accept(&newer, PASSWORD).await.accepted);
        for token in [newer.as_str(), "nonsense"] {
            assert_eq!(stage.decline(token).await, ["LINK_INVALID"]);
        }
        stage.signed_in(ada.email.as_deref().unwrap(), PASSWORD).await;
        assert_eq!(stage.letters_of(MailKind::InvitationDeclined).await, []);
    }

    async fn i8_declining_kills_the_older_links_too_and_of_many_one_does(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let older = stage.token_of(&ada).await;
        stage.act("RESEND", &[&ada]).await;
        let newer = stage.token_of(&ada).await;
        let replies = join_all((0..6).map(|_| stage.decline(&newer))).await;
        assert_eq!(replies.iter().filter(|codes| codes.is_empty()).count(), 1, "{replies:?}");
        assert_eq!(stage.landing(&older).await.state, "INVALID");
        stage.new_link(&older).await;
        assert_eq!(stage.letters().await.len(), 2);
        assert_eq!(stage.letters_of(MailKind::InvitationDeclined).await.len(), 1);
    }

    async fn i7_cancel_racing_decline_the_first_wins(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        let (declined, _) = tokio::join!(stage.decline(&token), stage.start(crate::stage::request("CANCEL", &[&ada])));
        let ended = stage.facts_of(&ada).await.pop().unwrap().fact;
        let expected = if declined.is_empty() { InvitationFact::Declined } else { InvitationFact::Cancelled };
        assert_eq!(ended, expected);
        assert_eq!(stage.facts_of(&ada).await.len(), 2);
    }
}

impl Stage {
    pub async fn new_link(&self, token: &str) {
        let request = NewLinkRequest {
            token: token.into(),
            source: "192.0.2.1".into(),
        };
        self.recovery().request_new_link(request).await.unwrap();
    }

    pub async fn decline(&self, token: &str) -> Vec<String> {
        let request = LinkRequest { token: token.into() };
        let reply = self.recovery().decline_invitation(request).await;
        let refusals = reply.unwrap().into_inner().refusals;
        refusals.into_iter().map(|refusal| refusal.code).collect()
    }
}
