//! Everything in one process: services behind, joined by memory, and the gateway in front.

use std::sync::Arc;
use std::time::Instant;

use usher_auth::{Service, ServiceTokens, Verifier};
use usher_contacts::Publishers;
use usher_notifications::settings::MailSettings;
use usher_parts::{Parts, connect_broker, connect_database, declare_queues, migrate};
use usher_service::grpc::ServiceCaller;
use usher_service::transport::memory;
use usher_service::{DataDir, Keys, Lifecycle, Listener, Peers, Process, Settings, StartError, revocations};
use usher_types::{SharedClock, SharedTokens, SystemClock, SystemTokens};

use crate::banner;

/// The three services' parts, and where they listen.
struct Behind {
    contacts: (Parts, Listener),
    invitations: (Parts, Listener),
    notifications: (Parts, Listener),
}

/// Serves until the stop: first the gateway finishes its requests, then the services what those have begun.
pub async fn serve(process: Process) -> Result<(), StartError> {
    let began = Instant::now();
    let Process { settings, lifecycle } = process;
    // held until the end; the port comes first, since a second `usher` most likely meets it
    let listener = Listener::bind(settings.common.listen, "USHER_LISTEN").await?;
    let uses_folder = settings.common.uses_data_dir();
    let _folder = uses_folder
        .then(|| DataDir::lock_all(&settings.common.data_dir))
        .transpose()?;

    let keys = Keys::load(&settings.common)?;
    // all at once and before anything is made: a missing one ends the start
    for ring in [keys.service(), keys.seal(), keys.field(), keys.signing()] {
        ring?;
    }
    MailSettings::of(&settings)?;
    usher_invitations::check_settings(&settings)?;
    Publishers::of(&settings)?;

    let (clock, tokens): (SharedClock, SharedTokens) = (Arc::new(SystemClock), Arc::new(SystemTokens));
    let (behind, peers) = open(&settings, &lifecycle, (clock.clone(), tokens)).await?;
    let administrator = usher_invitations::first_start(&settings, &behind.invitations.0).await?;
    let services = lifecycle.outliving();
    let verifiers = [&behind.contacts, &behind.notifications].map(|(parts, _)| parts.verifier.clone());
    start(&settings, behind, &services);

    let gateway = gateway_parts(&keys, peers, clock, &lifecycle)?;
    banner::when_ready(&settings, &listener, administrator, began, &lifecycle);
    // whoever comes before waits at the port: a gateway that is ready has nobody behind it who is not
    let stop = lifecycle.stopping();
    for verifier in &verifiers {
        stop.run_until_cancelled(revocations::first_snapshot(verifier))
            .await;
    }
    let served = usher_gateway::run(settings, gateway, listener, lifecycle).await;
    services.stop();
    // what broke behind is the reason, what the gateway says of it the consequence
    services.finish().await.and(served)
}

/// Migrates, connects and makes the in-memory ends.
async fn open(
    settings: &Settings,
    lifecycle: &Lifecycle,
    (clock, tokens): (SharedClock, SharedTokens),
) -> Result<(Behind, Peers), StartError> {
    let stop = lifecycle.stopping();
    migrate(settings, &stop).await?;
    let broker = connect_broker(settings, "usher", &stop).await?;
    declare_queues(&broker, &stop).await?;
    let connect = |service| connect_database(settings, service, &stop);
    let (contacts_database, invitations_database, notifications_database) = tokio::try_join!(
        connect(Service::Contacts),
        connect(Service::Invitations),
        connect(Service::Notifications)
    )?;
    let (contacts_end, contacts) = memory();
    let (invitations_end, invitations) = memory();
    let (notifications_end, notifications) = memory();
    let peers = Peers::at(settings, [contacts, invitations, notifications])?;
    let parts = |service, database| {
        let given = (clock.clone(), tokens.clone());
        Parts::assemble(service, settings, database, broker.clone(), peers.clone(), given)
    };
    let behind = Behind {
        contacts: (parts(Service::Contacts, contacts_database)?, contacts_end),
        invitations: (
            parts(Service::Invitations, invitations_database)?,
            invitations_end,
        ),
        notifications: (
            parts(Service::Notifications, notifications_database)?,
            notifications_end,
        ),
    };
    Ok((behind, peers))
}

fn start(settings: &Settings, behind: Behind, services: &Lifecycle) {
    let (parts, listener) = behind.contacts;
    let run = usher_contacts::run(settings.clone(), parts, listener, services.clone());
    services.spawn_service("contacts", run);
    let (parts, listener) = behind.invitations;
    let run = usher_invitations::run(settings.clone(), parts, listener, services.clone());
    services.spawn_service("invitations", run);
    let (parts, listener) = behind.notifications;
    let run = usher_notifications::run(settings.clone(), parts, listener, services.clone());
    services.spawn_service("notifications", run);
}

fn gateway_parts(
    keys: &Keys,
    peers: Peers,
    clock: SharedClock,
    lifecycle: &Lifecycle,
) -> Result<usher_gateway::Parts, StartError> {
    let tokens = ServiceTokens::new(keys.service()?, Service::Gateway);
    let verifier = Verifier::new(tokens.clone(), clock.clone());
    let invitations = peers.invitations();
    let caller = ServiceCaller::new(tokens, clock.clone());
    revocations::follow(verifier.clone(), invitations.clone(), caller, lifecycle);
    Ok(usher_gateway::Parts {
        contacts: peers.contacts(),
        invitations,
        notifications: peers.notifications(),
        verifier,
        clock,
    })
}
