//! From the first link to the first sign-in.

use chrono::TimeDelta;
use usher_events::{InvitationFact, SignedIn};
use usher_proto::invitations::v1::SignInRequest;
use usher_testkit::dialects;
use usher_types::PortalStatus;

use crate::stage::{ADMIN, PASSWORD, Stage, codes, noon};

dialects! {
    async fn i1_invited_accepted_active(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        let email = ada.email.as_deref().unwrap();
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;

        let landing = stage.landing(&token).await;
        assert_eq!(landing.state, "OPEN");
        assert_eq!(landing.organization_name.as_deref(), Some("Birch & Partners"));
        assert_eq!(landing.organization_slug.as_deref(), Some("birch"));
        assert_eq!(landing.masked_email.as_deref(), Some("c…@example.com"));
        assert_eq!(landing.password_min_length, Some(15));
        assert_eq!(landing.newest_sent_at, None);
        assert_eq!(codes(&stage.sign_in(email, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);

        assert!(stage.accept(&token, PASSWORD).await.accepted);
        let again = stage.accept(&token, PASSWORD).await;
        assert_eq!((again.accepted, codes(&again.refusals)), (false, vec!["LINK_INVALID"]));
        assert_eq!(stage.landing(&token).await.state, "INVALID");

        stage.advance(TimeDelta::minutes(1));
        stage.signed_in(email, PASSWORD).await;
        stage.advance(TimeDelta::minutes(1));
        stage.signed_in(email, PASSWORD).await;
        let facts = stage.facts_of(&ada).await;
        let seen: Vec<_> = facts.iter().map(|event| (event.fact, event.portal.status)).collect();
        assert_eq!(seen, [
            (InvitationFact::Issued, PortalStatus::Invited),
            (InvitationFact::Accepted, PortalStatus::Accepted),
        ]);
        assert_eq!(facts[0].portal.expires_at, Some(noon() + TimeDelta::days(7)));
        assert_eq!(facts[1].portal.expires_at, None);
        assert_eq!(facts[1].portal.accepted_at, Some(noon()));
        let signed_in: Vec<SignedIn> = stage
            .spoken()
            .await
            .iter()
            .filter(|envelope| envelope.kind.starts_with("usher.portal."))
            .map(|envelope| envelope.decode().unwrap())
            .collect();
        assert_eq!(signed_in.iter().map(|event| event.first).collect::<Vec<_>>(), [true, false]);
        assert_eq!(signed_in[1].portal.status, PortalStatus::Active);
        assert_eq!(signed_in[1].portal.first_signed_in_at, Some(noon() + TimeDelta::minutes(1)));
        assert_eq!(signed_in[1].portal.last_signed_in_at, Some(noon() + TimeDelta::minutes(2)));
        let versions = [facts[0].portal.version, facts[1].portal.version, signed_in[0].portal.version];
        assert!(versions.is_sorted_by(|a, b| a < b));
    }

    async fn i7_looking_at_a_link_changes_nothing(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        let before = stage.spoken().await.len();
        for _ in 0..20 {
            assert_eq!(stage.landing(&token).await.state, "OPEN");
        }
        for password in ["short", "passwordpassword", "lovelace-ada-1815", &"long ".repeat(300)] {
            let refused = stage.accept(&token, password).await;
            assert!(!refused.accepted);
            assert_eq!(refused.refusals[0].field, ["password"]);
        }
        assert_eq!(stage.spoken().await.len(), before);
        assert!(stage.accept(&token, PASSWORD).await.accepted);
    }

    async fn i10_each_refusal_of_a_password_has_its_code(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        let table = [
            ("kestrel orchid", "PASSWORD_TOO_SHORT"),
            (&*"kestrel ".repeat(129), "PASSWORD_TOO_LONG"),
            ("qwertyuiop1234567", "PASSWORD_COMMON"),
            ("Birch&Partners 2026", "PASSWORD_GUESSABLE"),
        ];
        for (password, code) in table {
            assert_eq!(codes(&stage.accept(&token, password).await.refusals), [code]);
        }
    }

    async fn i8_unknown_and_malformed_links_look_like_used_ones(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        for token in ["", "nonsense", &"A".repeat(43)] {
            let landing = stage.landing(token).await;
            assert_eq!(landing.state, "INVALID");
            assert_eq!((landing.organization_name, landing.masked_email, landing.locale), (None, None, None));
            assert_eq!(codes(&stage.accept(token, PASSWORD).await.refusals), ["LINK_INVALID"]);
        }
    }

    async fn i6_resending_kills_the_old_link_and_says_when(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let old = stage.token_of(&ada).await;
        stage.advance(TimeDelta::days(6));
        stage.act("RESEND", &[&ada]).await;
        let new = stage.token_of(&ada).await;
        assert_ne!(old, new);
        let landing = stage.landing(&old).await;
        assert_eq!(landing.state, "SUPERSEDED");
        let sent = (noon() + TimeDelta::days(6)).timestamp();
        assert_eq!(landing.newest_sent_at.unwrap().seconds, sent);
        assert_eq!(codes(&stage.accept(&old, PASSWORD).await.refusals), ["LINK_SUPERSEDED"]);
        stage.advance(TimeDelta::days(6));
        assert_eq!(stage.landing(&new).await.state, "OPEN");
        let letters = stage.letters().await;
        assert_eq!(letters.iter().map(|(letter, _)| letter.generation).collect::<Vec<_>>(), [1, 2]);
        let facts: Vec<_> = stage.facts_of(&ada).await.iter().map(|event| event.fact).collect();
        assert_eq!(facts, [InvitationFact::Issued, InvitationFact::Resent]);
        // the old letter is not sent if it still waits
        let old_id = letters[0].0.invitation_id.uuid().as_bytes().to_vec();
        assert_eq!(stage.notifications.taken_back(), [old_id]);
        assert!(stage.accept(&new, PASSWORD).await.accepted);
    }

    async fn i5_a_link_lives_as_long_as_the_organization_says(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.run("UPDATE organization SET invitation_life = 3600", []).await;
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        stage.advance(TimeDelta::seconds(3599));
        assert_eq!(stage.landing(&token).await.state, "OPEN");
        stage.workshop.sweep().await.unwrap();
        stage.advance(TimeDelta::seconds(1));
        assert_eq!(stage.landing(&token).await.state, "EXPIRED");
        assert_eq!(codes(&stage.accept(&token, PASSWORD).await.refusals), ["LINK_EXPIRED"]);
        assert_eq!(stage.facts_of(&ada).await.len(), 1);

        // announced once, whoever sweeps
        stage.workshop.sweep().await.unwrap();
        stage.workshop.sweep().await.unwrap();
        let facts = stage.facts_of(&ada).await;
        assert_eq!(facts.len(), 2);
        assert_eq!((facts[1].fact, facts[1].portal.status), (InvitationFact::Expired, PortalStatus::Invited));
        assert!(facts[1].portal.version > facts[0].portal.version);
        assert_eq!(stage.landing(&token).await.state, "EXPIRED");
        stage.act("RESEND", &[&ada]).await;
        assert_eq!(stage.facts_of(&ada).await[2].fact, InvitationFact::Resent);
        assert_eq!(stage.landing(&token).await.state, "SUPERSEDED");
    }

    async fn i21_cancelling_makes_waiting_and_keeps_history(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        let batch = stage.act("CANCEL", &[&ada]).await;
        assert_eq!((batch.state.as_str(), batch.cancelled, batch.total), ("DONE", 1, 1));
        assert_eq!(stage.landing(&token).await.state, "INVALID");
        assert_eq!(codes(&stage.accept(&token, PASSWORD).await.refusals), ["LINK_INVALID"]);
        let facts = stage.facts_of(&ada).await;
        assert_eq!(facts[1].fact, InvitationFact::Cancelled);
        let portal = &facts[1].portal;
        assert_eq!((portal.status, portal.expires_at), (PortalStatus::Waiting, None));
        assert_eq!((portal.invited_at, portal.invited_by.as_deref()), (Some(noon()), Some("Administrator")));
        assert_eq!(stage.notifications.taken_back().len(), 1);
        let commands = stage.spoken().await;
        assert_eq!(commands.iter().filter(|e| e.kind == "usher.work.cancel_messages.v1").count(), 1);
        // and again from the beginning
        stage.act("SEND", &[&ada]).await;
        assert_eq!(stage.landing(&stage.token_of(&ada).await).await.state, "OPEN");
    }

    async fn i3_while_the_portal_is_off_nobody_gets_in(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let [ada, bea]: [_; 2] = stage.clients(2).try_into().unwrap();
        let email = ada.email.as_deref().unwrap();
        stage.let_in(&ada, true).await;
        stage.act("SEND", &[&bea]).await;
        let token = stage.token_of(&bea).await;
        let session = stage.sign_in(email, PASSWORD).await.session.unwrap();
        stage.run("UPDATE organization SET portal_enabled = $1", [false.into()]).await;
        assert_eq!(stage.landing(&token).await.state, "INVALID");
        assert_eq!(codes(&stage.accept(&token, PASSWORD).await.refusals), ["LINK_INVALID"]);
        assert_eq!(codes(&stage.sign_in(email, PASSWORD).await.refusals), ["BAD_CREDENTIALS"]);
        let request = usher_proto::invitations::v1::RefreshSessionRequest {
            refresh_token: session.refresh_token.unwrap(),
        };
        let refreshed = stage.sessions().refresh_session(request).await.unwrap().into_inner();
        assert_eq!(codes(&refreshed.refusals), ["SESSION_ENDED"]);
        // members get in all the same
        stage.signed_in(ADMIN, PASSWORD).await;
        let refused = stage.start(crate::stage::request("RESEND", &[&bea])).await;
        assert_eq!(codes(&refused.refusals), ["PORTAL_DISABLED"]);
        stage.run("UPDATE organization SET portal_enabled = $1", [true.into()]).await;
        assert_eq!(stage.landing(&token).await.state, "OPEN");
        stage.signed_in(email, PASSWORD).await;
        // CANCEL always works
        stage.run("UPDATE organization SET portal_enabled = $1", [false.into()]).await;
        assert_eq!(stage.act("CANCEL", &[&bea]).await.cancelled, 1);
        stage.run("UPDATE organization SET portal_enabled = $1", [true.into()]).await;
        assert_eq!(stage.landing(&token).await.state, "INVALID");
    }

    async fn i11_a_member_comes_before_a_contact_with_the_same_address(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let twin = stage.person(ADMIN);
        stage.contacts.put(&twin);
        stage.act("SEND", &[&twin]).await;
        let token = stage.token_of(&twin).await;
        let other = "lantern orchid kestrel";
        assert!(stage.accept(&token, other).await.accepted);
        assert_eq!(codes(&stage.sign_in(ADMIN, other).await.refusals), ["BAD_CREDENTIALS"]);
        let request = SignInRequest {
            email: ADMIN.into(),
            password: other.into(),
            r#as: Some("CONTACT".into()),
            ..SignInRequest::default()
        };
        let reply = stage.sessions().sign_in(request).await.unwrap().into_inner();
        assert!(reply.session.is_some());
        stage.signed_in(ADMIN, PASSWORD).await;
    }

    async fn i9_no_token_stands_in_clear_anywhere(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        stage.act("SEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        for envelope in stage.spoken().await {
            assert!(!envelope.data.to_string().contains(&token), "{}", envelope.kind);
            let about_mail = envelope.kind == "usher.work.deliver.v1";
            assert_eq!(envelope.data.to_string().contains("sealed_token"), about_mail);
            assert!(about_mail || !envelope.data.to_string().contains("@example.com"), "{}", envelope.kind);
        }
        let hashes = stage.number("SELECT count(*) FROM invitation WHERE length(token_hash) = 32").await;
        assert_eq!(hashes, 1);
        let hashed = stage.number("SELECT count(*) FROM credential WHERE password_hash LIKE '$argon2id$v=19$m=19456,t=2,p=1$%'");
        assert_eq!(hashed.await, 1);
    }
}
