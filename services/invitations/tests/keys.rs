//! The keys that sign access tokens (I11).

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use chrono::TimeDelta;
use usher_auth::Keyring;
use usher_invitations::{RotateKeysError, Rotation, rotate_keys};
use usher_proto::invitations::v1::{
    GetJwksRequest, GetOrganizationRequest, RefreshSessionRequest, WatchRevocationsRequest,
};
use usher_service::grpc::{Bearer, ServiceCaller};
use usher_testkit::dialects;

use crate::stage::{ADMIN, PASSWORD, Stage};

fn key_of(token: &str) -> String {
    let header = URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
    let header: serde_json::Value = serde_json::from_slice(&header).unwrap();
    header["kid"].as_str().unwrap().to_owned()
}

fn keys_in(jwks: &str) -> Vec<String> {
    let jwks: serde_json::Value = serde_json::from_str(jwks).unwrap();
    let keys = jwks["keys"].as_array().unwrap().iter();
    keys.map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

impl Stage {
    async fn token(&self) -> String {
        self.sign_in(ADMIN, PASSWORD).await.session.unwrap().access_token
    }

    async fn published(&self) -> Vec<String> {
        let reply = self.sessions().get_jwks(GetJwksRequest {}).await.unwrap();
        keys_in(&reply.into_inner().jwks)
    }

    /// What the signing keys are wrapped with, as it stands in the settings.
    fn wrap(&self) -> String {
        let (id, key) = self.signing.current();
        format!("{id}:{}", STANDARD.encode(key))
    }

    async fn takes(&self, token: &str) -> bool {
        let bearer = Bearer::new(token).unwrap();
        self.api()
            .get_organization(bearer.on(GetOrganizationRequest {}))
            .await
            .is_ok()
    }
}

dialects! {
    async fn i11_keys_turn_and_nobody_is_refused(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let caller = ServiceCaller::new(stage.service_tokens(), stage.clock.clone());
        let bearer = caller.bearer(usher_auth::Service::Invitations, None).unwrap();
        let watch = bearer.on(WatchRevocationsRequest {});
        let mut watched = stage.sessions().watch_revocations(watch).await.unwrap().into_inner();
        let first = key_of(&stage.token().await);
        let snapshot = watched.message().await.unwrap().unwrap();
        assert_eq!(keys_in(&snapshot.jwks.unwrap()), std::slice::from_ref(&first));

        // the next key is published before it signs
        stage.advance(TimeDelta::days(90));
        stage.workshop.sweep().await.unwrap();
        let both = stage.published().await;
        assert_eq!((both.len(), &both[1]), (2, &first));
        let news = watched.message().await.unwrap().unwrap();
        assert_eq!((news.snapshot, keys_in(&news.jwks.unwrap())), (false, both.clone()));
        stage.advance(TimeDelta::minutes(59));
        let old = stage.token().await;
        assert_eq!(key_of(&old), first);
        stage.advance(TimeDelta::minutes(1));
        let new = stage.token().await;
        assert_eq!(key_of(&new), both[0]);
        assert!(stage.takes(&old).await && stage.takes(&new).await);

        // and it verifies after another one signs, until no token of it lives
        stage.advance(TimeDelta::days(1));
        stage.workshop.sweep().await.unwrap();
        assert_eq!(stage.published().await, both[..1]);
        let news = watched.message().await.unwrap().unwrap();
        assert_eq!(keys_in(&news.jwks.unwrap()), both[..1]);
        stage.workshop.sweep().await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM signing_key").await, 1);
        assert!(stage.takes(&stage.token().await).await);
    }

    async fn i11_the_operator_turns_the_keys_and_nobody_is_refused(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let clock: usher_types::SharedClock = stage.clock.clone();
        let rotate = async |rotation| rotate_keys(&stage.database, &stage.signing, &clock, rotation).await;
        let old = stage.token().await;
        stage.advance(TimeDelta::minutes(1));
        let signs_from = rotate(Rotation::Announced).await.unwrap();
        assert_eq!(signs_from, crate::stage::noon() + TimeDelta::minutes(61));
        // once more would help nobody
        assert!(matches!(rotate(Rotation::Announced).await, Err(RotateKeysError::Announced(at)) if at == signs_from));
        stage.workshop.sweep().await.unwrap();
        let both = stage.published().await;
        assert_eq!((both.len(), &both[1]), (2, &key_of(&old)));
        assert_eq!(key_of(&stage.token().await), key_of(&old));
        assert!(stage.takes(&old).await);
        stage.advance(TimeDelta::hours(1));
        assert_eq!(key_of(&stage.token().await), both[0]);

        // at once: what the old ones signed is refused, the session goes on
        let session = stage.sign_in(ADMIN, PASSWORD).await.session.unwrap();
        rotate(Rotation::AtOnce).await.unwrap();
        stage.workshop.sweep().await.unwrap();
        // the verifier hears of it by itself
        while stage.takes(&session.access_token).await {}
        let request = RefreshSessionRequest { refresh_token: session.refresh_token.unwrap() };
        let next = stage.sessions().refresh_session(request).await.unwrap().into_inner().session.unwrap();
        assert!(stage.takes(&next.access_token).await);
        assert_eq!(stage.published().await, [key_of(&next.access_token)]);
        assert!(!both.contains(&key_of(&next.access_token)));
    }

    /// The one in front wraps from the next start on, so that the old one can go.
    async fn i11_the_keys_are_wrapped_anew_and_the_old_wrap_can_go(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let published = stage.published().await;
        let (old, new) = (stage.wrap(), Keyring::generate_text("next"));
        let both = format!("{new},{old}");
        stage.replica(&both).await.unwrap();
        assert_eq!(stage.number("SELECT count(*) FROM signing_key WHERE wrapped LIKE 'next:%'").await, 1);
        assert_eq!(stage.published().await, published);
        // the old one is gone; whoever knows neither does not start
        stage.replica(&new).await.unwrap();
        let stranger = stage.replica(&Keyring::generate_text("other")).await;
        assert!(stranger.err().unwrap().to_string().contains("USHER_SIGNING_KEYS"));
        assert_eq!(stage.number("SELECT count(*) FROM signing_key").await, 1);
    }

    /// After a long standstill every replica finds a key to make and one to drop.
    async fn i11_replicas_that_turn_at_once_do_not_stop_each_other(db: usher_testkit::TestDatabase) {
        let stage = Stage::new(&db).await;
        let other = stage.replica(&stage.wrap()).await.unwrap();
        let third = stage.replica(&stage.wrap()).await.unwrap();
        stage.advance(TimeDelta::days(90));
        stage.workshop.sweep().await.unwrap();
        let second = stage.published().await.remove(0);
        stage.advance(TimeDelta::days(91));
        let (one, two, three) = tokio::join!(stage.workshop.sweep(), other.sweep(), third.sweep());
        one.unwrap();
        two.unwrap();
        three.unwrap();
        let keys = stage.published().await;
        assert_eq!((keys.len(), &keys[1]), (2, &second));
        assert_eq!(stage.number("SELECT count(*) FROM signing_key").await, 2);
    }
}
