//! The keys that sign access tokens (I11).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::TimeDelta;
use usher_proto::invitations::v1::{GetJwksRequest, GetOrganizationRequest, WatchRevocationsRequest};
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
}
