//! One person invited at a time while a hundred thousand drain: how long until the mail server has taken each mail.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use futures::future::join_all;
use serde_json::json;
use tokio::runtime::Runtime;

use super::{Line, raised};
use crate::bulk::Member;
use crate::failure::{Failure, fail};
use crate::inbox::Inbox;
use crate::loaded::Loaded;
use crate::measure::{Outcome, ROUNDS, Want, alternate, p99};
use crate::note;
use crate::system::{ALL, Plan, System};
use crate::workshop::{Workshop, runtime};

pub const LINE: Line = Line {
    name: "single_invite_p99",
    what: "p99 in ms from the mutation to the mail's 250, 20 a second, while 100,000 drain at 2,000 a second, against the same without",
    run,
};

/// Bulk mails a second that the server takes.
const DRAIN: u32 = 2_000;
const BETWEEN: Duration = Duration::from_millis(50);
/// Invitations of a round: ten seconds of them.
const A_ROUND: usize = 200;
/// Where those live who are invited one by one.
const DOMAIN: &str = "@single.example";
/// A mail that takes longer has failed.
const PATIENCE: Duration = Duration::from_secs(60);
/// A batch drains once so many of its mails were taken.
const DRAINING: usize = 2_000;

fn run(workshop: &Workshop) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::HUNDRED.copy(workshop, "usher_single")?;
    let inbox = Inbox::open(DOMAIN, Some(DRAIN))?;
    let plan = Plan {
        workshop,
        database: cluster.url(&database),
        smtp: Some(inbox.url()),
        settings: raised(),
    };
    let runtime = runtime()?;
    let system = plan.start(&runtime, &ALL)?;
    let people = runtime.block_on(people(&system.address))?;
    let single = Single {
        system,
        inbox,
        runtime,
    };
    // the alternation asks for the limit and the value in turns, each with people of its own
    let rounds = RefCell::new(people.chunks(A_ROUND));
    let next = || rounds.borrow_mut().next().ok_or_else(|| fail("no more people"));
    let (limit, value) = alternate(|| single.alone(next()?), |round| single.beside(next()?, round))?;
    drop(single);
    cluster.drop_database(&database)?;
    Ok(Outcome {
        name: LINE.name,
        unit: "ms",
        value,
        limit,
        want: Want::AtMost(10.0),
    })
}

/// Someone who can be invited.
struct Person {
    id: String,
    email: String,
}

/// The organization that no batch touches.
const fn apart() -> usize {
    Loaded::HUNDRED.organizations
}

/// As many as all rounds need, warm-ups too.
async fn people(address: &str) -> Result<Vec<Person>, Failure> {
    let query = "mutation($input: CreateContactInput!) {
        createContact(input: $input) { contact { id } userErrors { code message } }
    }";
    let mut member = Member::of(address, apart()).await?;
    let mut people = Vec::new();
    for number in 0..A_ROUND * 2 * (ROUNDS + 1) {
        let email = format!("person{number}{DOMAIN}");
        let input = json!({"role": "CLIENT", "firstName": "Ada", "lastName": "Lovelace", "email": email});
        let data = member.ask(query, json!({"input": input})).await?;
        let id = data["createContact"]["contact"]["id"].as_str().map(str::to_owned);
        let id = id.ok_or_else(|| fail(format!("no contact: {data}")))?;
        people.push(Person { id, email });
    }
    Ok(people)
}

struct Single {
    system: System,
    inbox: Inbox,
    runtime: Runtime,
}

impl Single {
    fn alone(&self, people: &[Person]) -> Result<f64, Failure> {
        self.runtime.block_on(self.invite(people)).map(p99)
    }

    fn beside(&self, people: &[Person], round: usize) -> Result<f64, Failure> {
        self.runtime.block_on(async {
            let mut member = Member::of(&self.system.address, round + 1).await?;
            let before = self.inbox.bulk();
            let everybody = Some(Loaded::HUNDRED.contacts);
            let batch = member.invite(json!({"filter": {}}), everybody).await?;
            let started = Instant::now();
            while self.inbox.bulk() < before + DRAINING {
                if started.elapsed() > PATIENCE {
                    return Err(fail("the batch does not drain"));
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            let (drained, since) = (self.inbox.bulk(), Instant::now());
            let took = self.invite(people).await?;
            let rate = (self.inbox.bulk() - drained) as f64 / since.elapsed().as_secs_f64();
            note(&format!("{}: {rate:.0} bulk mails a second meanwhile", LINE.name));
            member.take_back(&batch).await?;
            Ok(p99(took))
        })
    }

    /// Invites each at their moment, whatever became of the one before.
    async fn invite(&self, people: &[Person]) -> Result<Vec<Duration>, Failure> {
        let member = Member::of(&self.system.address, apart()).await?;
        let start = Instant::now() + BETWEEN;
        let invitations = (0_u32..).zip(people).map(|(number, person)| {
            let (member, moment) = (&member, start + BETWEEN * number);
            async move {
                tokio::time::sleep_until(moment.into()).await;
                let mut member = member.on_another_connection().await?;
                let asked = Instant::now();
                member.invite(json!({"ids": [person.id]}), None).await?;
                let taken = tokio::time::timeout(PATIENCE, self.inbox.taken_at(&person.email)).await;
                let taken = taken.map_err(|_| fail(format!("no mail to {}", person.email)))?;
                Ok(taken.duration_since(asked))
            }
        });
        join_all(invitations).await.into_iter().collect()
    }
}
