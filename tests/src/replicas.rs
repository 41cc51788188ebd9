//! Two of each process, replaced one after the other as an upgrade does.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::{Value, json};

use crate::system::{PATIENCE, SERVICES};
use crate::{
    ADMIN_EMAIL, ADMIN_PASSWORD, Client, Mailbox, Parts, Process, SIGN_IN, Setting, System, eventually,
    free_port,
};

/// How often a client asks before it gives up, and how long it waits after the first time; twice as long after each further one.
const TRIES: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(100);
/// How long it goes on asking while a part that all replicas need is known to be away.
const OUTAGE: Duration = Duration::from_secs(60);

/// One of two.
#[derive(Debug)]
struct Replica {
    name: &'static str,
    environment: HashMap<String, String>,
    private: Client,
    process: Process,
}

/// A distributed system with two replicas of each process.
#[derive(Debug)]
pub struct Fleet {
    system: System,
    replicas: Vec<Replica>,
    gateways: [Client; 2],
    outage: Arc<AtomicBool>,
}

impl Fleet {
    /// Starts everything and waits until it is ready.
    ///
    /// # Panics
    /// As [`System::start`].
    pub async fn start(parts: &Parts) -> Self {
        let mut system = System::still(Setting::Distributed);
        system.prepare(parts).await;
        let mut own: Vec<(&'static str, HashMap<String, String>)> = Vec::new();
        let programs = ["usher-contacts", "usher-invitations", "usher-notifications"];
        for (service, program) in SERVICES.into_iter().zip(programs) {
            let addresses = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
            let both = addresses
                .each_ref()
                .map(|address| format!("http://{address}"))
                .join(",");
            system.environment.insert(format!("USHER_{service}_URL"), both);
            for address in addresses {
                let listen = HashMap::from([(format!("USHER_{service}_LISTEN"), address)]);
                own.push((program, listen));
            }
        }
        let gateways = [(); 2].map(|()| format!("127.0.0.1:{}", free_port()));
        for address in &gateways {
            own.push((
                "usher-gateway",
                HashMap::from([("USHER_LISTEN".to_owned(), address.clone())]),
            ));
        }
        let replicas = own
            .into_iter()
            .map(|(name, own)| Replica::start(&system, name, own))
            .collect();
        let fleet = Self {
            system,
            replicas,
            gateways: gateways.map(|address| Client::new(&format!("http://{address}"))),
            outage: Arc::default(),
        };
        for replica in &fleet.replicas {
            replica.is_ready().await;
        }
        fleet
    }

    /// How many processes there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.replicas.len()
    }

    /// Whether there is none, which cannot be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.replicas.is_empty()
    }

    /// Stops one process softly and starts another in its place.
    ///
    /// # Panics
    /// Where it does not end well, or the new one does not become ready.
    pub async fn replace(&mut self, place: usize) {
        let replica = &mut self.replicas[place];
        let status = replica.process.stop().await;
        assert!(
            status.success(),
            "{} ended with {status}\n{}",
            replica.name,
            replica.process.log()
        );
        replica.process = Process::start(replica.name, &[], &replica.environment, self.system.folder.path());
        replica.is_ready().await;
    }

    /// A client as front ends are: it asks another gateway, and again, where one does not answer.
    pub async fn client(&self) -> Retrying {
        let nobody = Retrying(self.gateways.clone(), Arc::clone(&self.outage));
        let input = json!({ "email": ADMIN_EMAIL, "password": ADMIN_PASSWORD, "as": "MEMBER" });
        let session = nobody.ask(SIGN_IN, json!({ "input": input })).await;
        let token = session["signIn"]["session"]["accessToken"]
            .as_str()
            .expect("a session");
        let gateways = self.gateways.each_ref().map(|gateway| gateway.with_token(token));
        Retrying(gateways, Arc::clone(&self.outage))
    }

    /// From now on database or broker may be away, for which clients are more patient than for the replacement of a process.
    pub fn expect_an_outage(&self) {
        self.outage.store(true, Ordering::Relaxed);
    }

    /// Messages that no service could handle.
    pub async fn dead_letters(&self) -> i64 {
        self.system.dead_letters().await
    }

    /// What went out.
    #[must_use]
    pub fn mailbox(&self) -> Mailbox {
        self.system.mailbox()
    }

    /// Rows that no outbox has got rid of.
    pub async fn unpublished(&self) -> i64 {
        self.system.unpublished().await
    }

    /// Ends everything; a process that does not end well is a failure.
    ///
    /// # Panics
    /// See above.
    pub async fn stop(mut self) {
        for replica in self.replicas.iter_mut().rev() {
            let status = replica.process.stop().await;
            assert!(
                status.success(),
                "{} ended with {status}\n{}",
                replica.name,
                replica.process.log()
            );
        }
    }
}

impl Replica {
    fn start(system: &System, name: &'static str, own: HashMap<String, String>) -> Self {
        let private = format!("127.0.0.1:{}", free_port());
        let mut environment = system.environment.clone();
        environment.extend(own);
        environment.insert("USHER_PRIVATE_LISTEN".to_owned(), private.clone());
        Self {
            name,
            private: Client::new(&format!("http://{private}")),
            process: Process::start(name, &[], &environment, system.folder.path()),
            environment,
        }
    }

    async fn is_ready(&self) {
        eventually(&format!("{} is ready", self.name), PATIENCE, || async {
            (self.private.try_get("/readyz").await == Some(StatusCode::OK)).then_some(())
        })
        .await;
    }
}

/// A client of two gateways that tries again what could not be answered.
#[derive(Clone, Debug)]
pub struct Retrying([Client; 2], Arc<AtomicBool>);

impl Retrying {
    /// `data` of the answer. What a service that is away costs is tried again a few times, as clients do; during an outage for a minute.
    ///
    /// # Panics
    /// Where any other error comes back, or nobody answers.
    pub async fn ask(&self, query: &str, variables: Value) -> Value {
        let body = json!({ "query": query, "variables": variables });
        let begun = Instant::now();
        let mut wait = FIRST_WAIT;
        let mut tries = 1;
        for gateway in self.0.iter().cycle() {
            if let Some(data) = answered(gateway, &body).await {
                return data;
            }
            let outage = self.1.load(Ordering::Relaxed) && begun.elapsed() < OUTAGE;
            assert!(outage || tries < TRIES, "no answer after {tries} tries: {body}");
            tokio::time::sleep(wait).await;
            if !outage {
                (tries, wait) = (tries + 1, wait * 2);
            }
        }
        unreachable!("the gateways never end")
    }
}

async fn answered(gateway: &Client, body: &Value) -> Option<Value> {
    let (_, bytes) = gateway.try_post(body).await.ok()?;
    let answer: Value = serde_json::from_slice(&bytes).ok()?;
    let Some(errors) = answer["errors"].as_array() else {
        return Some(answer["data"].clone());
    };
    let away = |error: &Value| error["extensions"]["code"] == "UNAVAILABLE";
    assert!(errors.iter().all(away), "{body}\n{answer:#}");
    None
}
