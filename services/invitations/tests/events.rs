//! What this service tells the world (E1).

use chrono::TimeDelta;
use usher_testkit::dialects;

use crate::stage::{PASSWORD, Stage};

dialects! {
    async fn e1_every_step_is_told_without_tokens_and_addresses(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let ada = stage.clients(1).remove(0);
        for action in ["SEND", "RESEND", "CANCEL", "SEND"] {
            stage.act(action, &[&ada]).await;
        }
        stage.advance(TimeDelta::days(7));
        stage.workshop.sweep().await.unwrap();
        stage.act("RESEND", &[&ada]).await;
        let token = stage.token_of(&ada).await;
        assert!(stage.accept(&token, PASSWORD).await.accepted);
        for _ in 0..2 {
            stage.signed_in(ada.email.as_deref().unwrap(), PASSWORD).await;
        }
        let told = stage.spoken().await;
        let told = told.iter().filter(|envelope| envelope.queue.is_none());
        let told: Vec<_> = told.filter(|envelope| envelope.kind != "usher.organization.updated.v1").collect();
        let kinds: Vec<&str> = told.iter().map(|envelope| envelope.kind.as_str()).collect();
        assert_eq!(kinds, [
            "usher.invitation.issued.v1", "usher.invitation.resent.v1", "usher.invitation.cancelled.v1",
            "usher.invitation.issued.v1", "usher.invitation.expired.v1", "usher.invitation.resent.v1",
            "usher.invitation.accepted.v1", "usher.portal.first_signed_in.v1", "usher.portal.signed_in.v1",
        ]);
        let letters = stage.letters().await;
        for envelope in told {
            let text = envelope.data.to_string();
            assert!(!text.contains('@'), "{text}");
            for (letter, token) in &letters {
                assert!(!text.contains(token) && !text.contains(letter.sealed_token.as_deref().unwrap()), "{text}");
            }
            // the facts of one contact share a key, so that they stay in order (E4)
            assert_eq!(envelope.key, ada.id.uuid(), "{}", envelope.kind);
        }
    }
}
