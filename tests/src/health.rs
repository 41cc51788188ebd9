//! What a service says of itself to whoever runs it.

use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use usher_service::grpc::Bearer;
use usher_service::{GrpcSettings, PeerAddress, PeerChannel, Settings};

fn whole() -> HealthCheckRequest {
    HealthCheckRequest {
        service: String::new(),
    }
}

/// `grpc.health.v1.Health` of one service.
pub(crate) struct Health(HealthClient<PeerChannel>);

impl Health {
    /// That of the service at a URL.
    pub(crate) fn new(url: &str) -> Self {
        let settings = Settings::with([]).expect("the default settings");
        let settings = GrpcSettings::of(&settings).expect("the default settings");
        let address = PeerAddress::parse(url, "the service's address").expect("an address");
        Self(HealthClient::new(address.channel("health", &settings)))
    }

    /// Nothing where it does not serve, or does not answer.
    pub(crate) async fn serving(&self) -> Option<()> {
        let answer = self.0.clone().check(whole()).await.ok()?.into_inner();
        (answer.status() == ServingStatus::Serving).then_some(())
    }

    /// Whether it takes this access token. A service looks at it before anything else, whatever is asked.
    pub(crate) async fn takes(&self, token: &str) -> bool {
        let bearer = Bearer::new(token).expect("a token");
        self.0.clone().check(bearer.on(whole())).await.is_ok()
    }
}
