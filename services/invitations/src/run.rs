//! Puts the service together.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use usher_auth::{Service, Verifier};
use usher_database::is_unavailable;
use usher_messaging::{DeliverError, deliver};
use usher_parts::{Parts, StartErrors};
use usher_proto::invitations::v1::batches_server::BatchesServer;
use usher_proto::invitations::v1::insight_server::InsightServer;
use usher_proto::invitations::v1::invitations_server::InvitationsServer;
use usher_proto::invitations::v1::members_server::MembersServer;
use usher_proto::invitations::v1::recovery_server::RecoveryServer;
use usher_proto::invitations::v1::service_accounts_server::ServiceAccountsServer;
use usher_proto::invitations::v1::sessions_server::SessionsServer;
use usher_service::grpc::Server;
use usher_service::transport::MAX_MESSAGE_BYTES;
use usher_service::{Attempt, Lifecycle, Listener, Settings, StartError, wait_for};

use crate::app::{Ahead, App, Ending, Failure, Hasher, Inner, Meters, RevokedNow, Signer};
use crate::consumers::{self, EVENTS, News, WORK, Wishes};
use crate::grpc::Edge;
use crate::providers::Providers;

fn start_error(failure: Failure) -> StartError {
    match failure {
        Failure::Database(error) => StartError::failed("the database", &error),
        Failure::Broken(error) => StartError::Settings(error.to_string()),
        other => StartError::Failed(format!("{other:?}")),
    }
}

async fn build(parts: &Parts, providers: Providers) -> Result<App, Failure> {
    let key_error = |error: StartError| Failure::broken(error);
    let wrap = parts.keys.signing().map_err(key_error)?;
    Ok(App::new(Inner {
        signer: Signer::open(&parts.database, wrap, parts.clock.now()).await?,
        seal_keys: parts.keys.seal().map_err(key_error)?,
        database: parts.database.clone(),
        clock: parts.clock.clone(),
        tokens: parts.tokens.clone(),
        hasher: Hasher::new()?,
        contacts: parts.peers.contacts(),
        notifications: parts.peers.notifications(),
        caller: parts.caller.clone(),
        providers,
        meters: Meters::new(),
        batches: Notify::new(),
        ahead: Ahead::default(),
        ending: Ending::default(),
        watched: Mutex::new(HashMap::new()),
    }))
}

/// Looks at what the settings say of identity providers without serving.
///
/// # Errors
/// [`StartError::Settings`] where it is wrong.
pub fn check_settings(settings: &Settings) -> Result<(), StartError> {
    Providers::read(settings).map(drop)
}

/// Serves until the life's soft stop: gRPC, relay and consumers, batch worker, sweeper, and the reader of ended sessions.
///
/// # Errors
/// [`StartError`] where keys are wrong, or database or transport break.
pub async fn run(
    settings: Settings,
    parts: Parts,
    listener: Listener,
    lifecycle: Lifecycle,
) -> Result<(), StartError> {
    let providers = Providers::read(&settings)?;
    let stop = lifecycle.stopping();
    let built = wait_for("the database", &stop, || async {
        match build(&parts, providers.clone()).await {
            Err(Failure::Database(error)) if is_unavailable(&error) => {
                Err(Attempt::NotYet(error.to_string()))
            }
            other => Ok(other),
        }
    });
    let app = built.await?.map_err(start_error)?;

    let (broker, database) = (parts.broker.clone(), parts.database.clone());
    parts.need_database(&lifecycle);
    let (subscriptions, name) = (consumers::subscriptions(&app), Service::Invitations.as_str());
    let messaging = usher_messaging::run(broker, database, name, subscriptions, stop.clone());
    lifecycle.spawn_service("messaging", async move {
        messaging.await.map_err(StartErrors::start_error)
    });
    lifecycle.spawn("batches", app.clone().work(stop.clone()));
    lifecycle.spawn("ends of batches", app.clone().finish_on(stop.clone()));
    lifecycle.spawn("sweeper", app.clone().sweep_on(stop));
    serve(app, parts, listener, &lifecycle).await
}

/// gRPC, and the reader of ended sessions that both its streams and its verifier need.
async fn serve(app: App, parts: Parts, listener: Listener, lifecycle: &Lifecycle) -> Result<(), StartError> {
    let verifier = parts.verifier.clone();
    let broken = |error| StartError::failed("the signing keys", &error);
    let turning = app.signer.watch();
    verifier.set_keys(app.signer.verifying().map_err(broken)?);
    let keys = follow_keys(app.signer.clone(), turning, verifier.clone());
    let stop = lifecycle.stopping();
    lifecycle.spawn("signing keys", async move {
        stop.run_until_cancelled_owned(keys).await;
    });
    let known = app.revoked().await.map_err(start_error)?;
    verifier.reset_ended(known.iter().map(|(id, at)| (*id, *at)));
    let (sender, revoked): (watch::Sender<RevokedNow>, _) = watch::channel(known);
    let reader = app
        .clone()
        .follow_revoked(verifier.clone(), sender, lifecycle.stopping());
    lifecycle.spawn("ended sessions", reader);

    let edge = Edge::new(app, revoked, verifier.clone());
    Server::new(Service::Invitations.as_str())
        .service(parts.dead_letters())
        .verifier(verifier)
        .service(InvitationsServer::new(edge.clone()).max_decoding_message_size(MAX_MESSAGE_BYTES))
        .service(BatchesServer::new(edge.clone()))
        .service(RecoveryServer::new(edge.clone()))
        .service(InsightServer::new(edge.clone()))
        .service(MembersServer::new(edge.clone()))
        .service(ServiceAccountsServer::new(edge.clone()))
        .service(SessionsServer::new(edge))
        .serve(listener, lifecycle)
        .await
}

/// Our own verifier gets new keys as everybody else does.
async fn follow_keys(signer: Signer, mut turning: watch::Receiver<Arc<str>>, verifier: Verifier) {
    while turning.changed().await.is_ok() {
        match signer.verifying() {
            Ok(keys) => verifier.set_keys(keys),
            Err(error) => tracing::error!(%error, "our own keys cannot be read"),
        }
    }
}

/// The background work of the service, done when it is asked for: tests drain it instead of waiting.
pub struct Workshop {
    app: App,
    news: News,
    wishes: Wishes,
}

impl Workshop {
    /// Over the same database as a running service, without identity providers.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn open(parts: &Parts) -> Result<Self, StartError> {
        let app = build(parts, Providers::default()).await.map_err(start_error)?;
        Ok(Self {
            news: News(app.clone()),
            wishes: Wishes(app.clone()),
            app,
        })
    }

    /// Serves gRPC and nothing else: no relay, no consumer, no worker, no sweeper.
    ///
    /// # Errors
    /// As [`run`].
    pub async fn serve(
        &self,
        parts: Parts,
        listener: Listener,
        lifecycle: Lifecycle,
    ) -> Result<(), StartError> {
        serve(self.app.clone(), parts, listener, &lifecycle).await
    }

    /// Works on every batch that is due.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn work(&self) -> Result<(), StartError> {
        self.app.work_until_idle().await.map_err(start_error)
    }

    /// Works on batches until `stop`, as a running replica does.
    pub async fn run_batches(&self, stop: CancellationToken) {
        self.app.clone().work(stop).await;
    }

    /// Announces what ran out and ends batches whose last mail went unnoticed; drops what is not kept any more.
    ///
    /// # Errors
    /// Where the database fails.
    pub async fn sweep(&self) -> Result<(), StartError> {
        self.app.sweep().await.map_err(start_error)?;
        self.app.clean_up().await.map_err(start_error)
    }

    /// Accepts as the API does, with something that happens while the password is hashed: after the first look, before
    /// anything is written.
    ///
    /// # Errors
    /// The codes that it is refused with; anything else by its description.
    pub async fn accept_while<F: Future>(
        &self,
        (token, password): (&str, &str),
        meanwhile: F,
    ) -> Result<(), Vec<String>> {
        let chosen = self.app.choose(token, password).await.map_err(codes)?;
        meanwhile.await;
        self.app.accept_chosen(&chosen).await.map_err(codes)
    }

    /// Handles messages as the consumers do; commands go to the queue that they name.
    ///
    /// # Errors
    /// As `usher_messaging::deliver`.
    pub async fn hear(&self, slice: &[usher_events::Envelope]) -> Result<(), DeliverError> {
        let (work, news): (Vec<_>, Vec<_>) = slice
            .iter()
            .cloned()
            .partition(|envelope| envelope.queue.is_some());
        for (queue, handler, slice) in [
            (EVENTS, &self.news as &dyn usher_messaging::Handler, news),
            (WORK, &self.wishes, work),
        ] {
            if !slice.is_empty() {
                deliver(&self.app.database, queue, handler, &slice).await?;
            }
        }
        self.app.finish_noted().await;
        Ok(())
    }
}

fn codes(failure: Failure) -> Vec<String> {
    match failure {
        Failure::Refused(refusals) => refusals.into_iter().map(|refusal| refusal.code).collect(),
        other => vec![format!("{other:?}")],
    }
}
