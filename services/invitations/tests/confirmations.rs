//! Another address of somebody who is in: confirmed before it signs in (I6).

use chrono::TimeDelta;
use futures::future::join_all;
use usher_events::{CancelMessages, ContactFacts, MailKind};
use usher_proto::invitations::v1::{Landing, LinkRequest};
use usher_testkit::dialects;

use crate::stage::{PASSWORD, Stage, codes};

const NEW: &str = "ada@birch.example";

dialects! {
    async fn i6_the_new_address_signs_in_once_it_is_confirmed(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for sign_in in [false, true] {
            let mut ada = stage.clients(1).remove(0);
            let old = ada.email.clone().unwrap();
            let new = format!("{sign_in}-{NEW}");
            stage.let_in(&ada, sign_in).await;
            stage.move_to(&mut ada, &new).await;
            let (letter, token) = stage.letters_of(MailKind::EmailChange).await.pop().unwrap();
            assert_eq!(letter.email, new);
            let (notice, none) = stage.letters_of(MailKind::EmailChangedNotice).await.pop().unwrap();
            assert_eq!((notice.email.as_str(), none.as_str(), &notice.sealed_token), (old.as_str(), "", &None));
            assert_ne!(notice.invitation_id, letter.invitation_id);

            // looking changes nothing
            for _ in 0..2 {
                let landing = stage.email_change(&token).await;
                assert_eq!((landing.state.as_str(), landing.organization_name.as_deref()), ("OPEN", Some("Birch & Partners")));
                assert!(landing.masked_email.unwrap().ends_with("…@birch.example"));
            }
            assert_eq!(codes(&stage.sign_in(&new, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
            stage.signed_in(&old, PASSWORD).await;

            assert_eq!(stage.confirm(&token).await, Vec::<String>::new());
            stage.signed_in(&new, PASSWORD).await;
            assert_eq!(codes(&stage.sign_in(&old, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
            assert_eq!(stage.email_change(&token).await, invalid());
            assert_eq!(stage.confirm(&token).await, ["LINK_INVALID"]);
        }
        let lines = "SELECT count(*) FROM activity WHERE action IN ('email_change.asked', 'email_change.confirmed')";
        assert_eq!(stage.number(lines).await, 4);
    }

    async fn i6_a_newer_address_kills_the_link_to_the_older_and_the_same_one_again_kills_all(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        let old = ada.email.clone().unwrap();
        stage.let_in(&ada, true).await;
        stage.move_to(&mut ada, "typo@birch.example").await;
        stage.move_to(&mut ada, NEW).await;
        let letters = stage.letters_of(MailKind::EmailChange).await;
        let [(first, typo), (second, right)] = &letters[..] else { panic!("two letters") };
        assert_eq!(stage.email_change(typo).await, invalid());
        assert_eq!(stage.confirm(typo).await, ["LINK_INVALID"]);
        assert_eq!(stage.email_change(right).await.state, "OPEN");
        stage.move_to(&mut ada, &old).await;
        assert_eq!(stage.confirm(right).await, ["LINK_INVALID"]);
        assert_eq!(stage.letters_of(MailKind::EmailChange).await.len(), 2);
        // the mails that had not gone out are taken back; the old address is told of each change all the same
        assert!(stage.taken_back().await.ends_with(&[first.invitation_id, second.invitation_id]));
        let notices = stage.letters_of(MailKind::EmailChangedNotice).await;
        assert_eq!(notices.iter().map(|(notice, _)| notice.email.as_str()).collect::<Vec<_>>(), [&old, &old]);
        stage.signed_in(&old, PASSWORD).await;
    }

    async fn i6_a_link_lives_a_day_and_no_longer_than_its_cause(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        stage.let_in(&ada, false).await;
        stage.move_to(&mut ada, NEW).await;
        let token = stage.letters_of(MailKind::EmailChange).await.pop().unwrap().1;
        stage.portal(false).await;
        assert_eq!((stage.email_change(&token).await, stage.confirm(&token).await), (invalid(), vec!["LINK_INVALID".into()]));
        stage.portal(true).await;
        // a link is good for its own purpose alone (I9)
        assert_eq!(stage.landing(&token).await.state, "INVALID");
        assert_eq!(codes(&stage.accept(&token, PASSWORD).await.refusals), ["LINK_INVALID"]);
        stage.advance(TimeDelta::hours(24) - TimeDelta::seconds(1));
        assert_eq!(stage.email_change(&token).await.state, "OPEN");
        stage.advance(TimeDelta::seconds(1));
        assert_eq!(stage.email_change(&token).await.state, "EXPIRED");
        assert_eq!(stage.confirm(&token).await, ["LINK_EXPIRED"]);

        stage.move_to(&mut ada, "lovelace@birch.example").await;
        let token = stage.letters_of(MailKind::EmailChange).await.pop().unwrap().1;
        ada.active = false;
        stage.tell(&mut ada).await;
        assert_eq!(stage.confirm(&token).await, ["LINK_INVALID"]);
        stage.advance(TimeDelta::days(32));
        stage.workshop.sweep().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM email_change").await, 0);
    }

    async fn i6_the_old_address_is_told_at_once_also_where_the_new_one_cannot_be_confirmed(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        let old = ada.email.clone().unwrap();
        stage.let_in(&ada, true).await;
        stage.portal(false).await;
        stage.move_to(&mut ada, NEW).await;
        stage.portal(true).await;
        ada.email_canonical = None;
        ada.email = Some("ada at birch".into());
        stage.tell(&mut ada).await;
        ada.active = false;
        stage.move_to(&mut ada, "lovelace@birch.example").await;
        let notices = stage.letters_of(MailKind::EmailChangedNotice).await;
        assert_eq!(notices.iter().map(|(notice, _)| notice.email.as_str()).collect::<Vec<_>>(), [&old; 3]);
        assert_eq!(stage.letters_of(MailKind::EmailChange).await, []);
    }

    async fn i6_of_many_who_confirm_one_does(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let mut ada = stage.clients(1).remove(0);
        stage.let_in(&ada, false).await;
        stage.move_to(&mut ada, NEW).await;
        let token = stage.letters_of(MailKind::EmailChange).await.pop().unwrap().1;
        let replies = join_all((0..6).map(|_| stage.confirm(&token))).await;
        assert_eq!(replies.iter().filter(|codes| codes.is_empty()).count(), 1, "{replies:?}");
        stage.signed_in(NEW, PASSWORD).await;
    }
}

fn invalid() -> Landing {
    Landing {
        state: "INVALID".into(),
        ..Landing::default()
    }
}

impl Stage {
    async fn move_to(&self, contact: &mut ContactFacts, email: &str) {
        contact.email = Some(email.into());
        contact.email_canonical = Some(email.into());
        self.tell(contact).await;
    }

    async fn email_change(&self, token: &str) -> Landing {
        let request = LinkRequest { token: token.into() };
        self.api().get_email_change(request).await.unwrap().into_inner()
    }

    async fn confirm(&self, token: &str) -> Vec<String> {
        let request = LinkRequest { token: token.into() };
        let reply = self
            .api()
            .confirm_email_change(request)
            .await
            .unwrap()
            .into_inner();
        reply.refusals.into_iter().map(|refusal| refusal.code).collect()
    }

    pub(crate) async fn taken_back(&self) -> Vec<usher_types::InvitationId> {
        let spoken = self.spoken().await;
        let commands = spoken
            .iter()
            .filter(|envelope| envelope.kind == "usher.work.cancel_messages.v1");
        commands
            .flat_map(|envelope| envelope.decode::<CancelMessages>().unwrap().withdrawn)
            .map(|withdrawn| withdrawn.invitation_id)
            .collect()
    }
}
