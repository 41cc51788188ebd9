//! People choosing their passwords, two at a time: how many a second, and what the contact list has to wait for it.

use std::cell::{Cell, RefCell};
use std::time::{Duration, Instant};

use argon2::password_hash::PasswordHasher;
use argon2::{Algorithm, Argon2, Params, Version};
use futures::future::{join, try_join_all};
use serde_json::json;
use tokio::runtime::Runtime;
use tokio::sync::Mutex;

use super::{Line, raised};
use crate::bulk::Member;
use crate::failure::{Context, Failure, fail};
use crate::graphql::Connection;
use crate::inbox::Inbox;
use crate::loaded::Loaded;
use crate::measure::{Outcome, ROUND_SECONDS, Want, alternate, p99};
use crate::note;
use crate::pages::{load, sign_in_again, walk};
use crate::system::{ALL, Plan, System};
use crate::workshop::{Workshop, runtime};

pub const PASSWORDS: Line = Line {
    name: "accept_password",
    what: "acceptInvitation a second, 2 at once, against argon2 at the same cost on 2 threads",
    run: passwords,
};

pub const LIST: Line = Line {
    name: "list_p99_under_accept",
    what: "p99 in ms of a page of 50 contacts at 16 connections, while passwords are chosen 2 at once, against the same without",
    run: list,
};

/// At once.
const PEOPLE: usize = 2;
/// I10: KiB, passes, lanes.
const COST: (u32, u32, u32) = (19 * 1024, 2, 1);
/// Nobody is waited for one by one.
const NOBODY: &str = "@nobody.example";
const PASSWORD: &str = "kestrel orchid lantern";
const PATIENCE: Duration = Duration::from_secs(120);

fn passwords(workshop: &Workshop) -> Result<Outcome, Failure> {
    let stage = Stage::set(workshop, "usher_accept")?;
    let (limit, value) = alternate(hashes, |_| {
        let end = Instant::now() + Duration::from_secs(ROUND_SECONDS);
        let started = Instant::now();
        let accepted = stage.runtime.block_on(stage.accept(|| Instant::now() < end))?;
        Ok(accepted as f64 / started.elapsed().as_secs_f64())
    })?;
    stage.strike(workshop)?;
    Ok(Outcome {
        name: PASSWORDS.name,
        unit: "a second",
        value,
        limit,
        want: Want::AtLeast(0.8),
    })
}

fn list(workshop: &Workshop) -> Result<Outcome, Failure> {
    let stage = Stage::set(workshop, "usher_list")?;
    let address = stage.system.address.clone();
    let tenants = stage.runtime.block_on(walk(&address, Loaded::WAITING))?;
    let tenants = Mutex::new(tenants);
    let without = || {
        stage.runtime.block_on(async {
            let mut tenants = tenants.lock().await;
            sign_in_again(&address, &mut tenants).await?;
            load(&address, &tenants, 0).await.map(p99)
        })
    };
    let with = |round: usize| {
        stage.runtime.block_on(async {
            let mut tenants = tenants.lock().await;
            sign_in_again(&address, &mut tenants).await?;
            let reading = Cell::new(true);
            let pages = async {
                let took = load(&address, &tenants, round).await;
                reading.set(false);
                took
            };
            let (took, accepted) = join(pages, stage.accept(|| reading.get())).await;
            note(&format!("{}: {} accepted meanwhile", LIST.name, accepted?));
            took.map(p99)
        })
    };
    let (limit, value) = alternate(without, with)?;
    stage.strike(workshop)?;
    Ok(Outcome {
        name: LIST.name,
        unit: "ms",
        value,
        limit,
        want: Want::AtMost(3.0),
    })
}

/// Everybody of one organization is invited, and the tokens of their links are at hand.
struct Stage {
    system: System,
    runtime: Runtime,
    database: &'static str,
    tokens: RefCell<Vec<String>>,
}

impl Stage {
    fn set(workshop: &Workshop, database: &'static str) -> Result<Self, Failure> {
        let inbox = Inbox::open(NOBODY, None)?;
        Loaded::WAITING.copy(workshop, database)?;
        let plan = Plan {
            workshop,
            database: workshop.cluster()?.url(database),
            smtp: Some(inbox.url()),
            settings: raised(),
        };
        let runtime = runtime()?;
        let system = plan.start(&runtime, &ALL)?;
        runtime.block_on(async {
            let mut member = Member::of(&system.address, 1).await?;
            let everybody = Some(Loaded::WAITING.contacts);
            member.invite(json!({"filter": {}}), everybody).await
        })?;
        let started = Instant::now();
        while inbox.bulk() < Loaded::WAITING.contacts {
            if started.elapsed() > PATIENCE {
                return Err(fail(format!("only {} mails came", inbox.bulk())));
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(Self {
            system,
            runtime,
            database,
            tokens: RefCell::new(inbox.take_tokens()),
        })
    }

    /// Passwords are chosen while it goes on; how many.
    async fn accept(&self, goes_on: impl Fn() -> bool) -> Result<usize, Failure> {
        let people = (0..PEOPLE).map(|_| self.accept_one_by_one(&goes_on));
        Ok(try_join_all(people).await?.into_iter().sum())
    }

    async fn accept_one_by_one(&self, goes_on: &impl Fn() -> bool) -> Result<usize, Failure> {
        let query = "mutation($input: AcceptInvitationInput!) {
            acceptInvitation(input: $input) { accepted userErrors { code message } }
        }";
        let mut connection = Connection::open(&self.system.address).await?;
        let mut accepted = 0;
        while goes_on() {
            let token = self.tokens.borrow_mut().pop();
            let token = token.ok_or_else(|| fail("more were accepted than invited"))?;
            let input = json!({"token": token, "password": PASSWORD});
            let data = connection.ask(None, query, json!({"input": input})).await?;
            if data["acceptInvitation"]["accepted"] != true {
                return Err(fail(format!("not accepted: {data}")));
            }
            accepted += 1;
        }
        Ok(accepted)
    }

    fn strike(self, workshop: &Workshop) -> Result<(), Failure> {
        drop(self.system);
        workshop.cluster()?.drop_database(self.database)
    }
}

/// Hashes a second on as many threads as people.
fn hashes() -> Result<f64, Failure> {
    let (memory, passes, lanes) = COST;
    let params = Params::new(memory, passes, lanes, None).context("argon2")?;
    let argon = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let started = Instant::now();
    let end = started + Duration::from_secs(ROUND_SECONDS);
    let hash = || {
        let mut count = 0_usize;
        while Instant::now() < end {
            argon.hash_password(PASSWORD.as_bytes()).context("argon2")?;
            count += 1;
        }
        Ok(count)
    };
    let counts: Vec<Result<usize, Failure>> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..PEOPLE).map(|_| scope.spawn(hash)).collect();
        let joined = threads.into_iter().map(|thread| thread.join());
        joined
            .map(|count| count.unwrap_or_else(|_| Err(fail("a hashing thread ended"))))
            .collect()
    });
    let count: usize = counts.into_iter().sum::<Result<usize, Failure>>()?;
    Ok(count as f64 / started.elapsed().as_secs_f64())
}
