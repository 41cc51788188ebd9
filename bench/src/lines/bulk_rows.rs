//! A hundred thousand people invited at once: how soon that is answered, and how soon the last row of it is durable.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::runtime::Runtime;

use super::{Line, raised};
use crate::broker;
use crate::bulk::Member;
use crate::cluster::{Cluster, Session, server_time};
use crate::failure::{Failure, fail};
use crate::loaded::Loaded;
use crate::measure::{Outcome, Want, alternate, milliseconds};
use crate::system::{ALL, Plan, System};
use crate::workshop::{Workshop, runtime};

pub const ACCEPT: Line = Line {
    name: "bulk_accept_100k",
    what: "ms until sendInvitations over a filter of 100,000 is answered, against one INSERT of as many rows",
    run: |workshop| {
        measure(workshop, "bulk_accept_100k", Want::AtMost(0.05), |bulk, round| {
            bulk.answered(round)
        })
    },
};

pub const ROWS: Line = Line {
    name: "bulk_rows_100k",
    what: "ms until the last of 100,000 invitations is durable, notifications stopped, against one INSERT of as many rows",
    run: |workshop| {
        measure(workshop, "bulk_rows_100k", Want::AtMost(2.0), |bulk, round| {
            bulk.system.stop("notifications");
            broker::empty();
            bulk.durable(round)
        })
    },
};

const LIMIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/invitation_rows.sql");
/// Between two looks at the batch's row.
const LOOK_EVERY: Duration = Duration::from_millis(10);
const PATIENCE: Duration = Duration::from_secs(120);

struct Bulk {
    system: System,
    runtime: Runtime,
    session: Session,
}

fn measure(
    workshop: &Workshop,
    name: &'static str,
    want: Want,
    mut value: impl FnMut(&mut Bulk, usize) -> Result<f64, Failure>,
) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::HUNDRED.copy(workshop, "usher_rows")?;
    let plan = Plan {
        workshop,
        database: cluster.url(&database),
        smtp: None,
        settings: raised(),
    };
    let runtime = runtime()?;
    let mut bulk = Bulk {
        system: plan.start(&runtime, &ALL)?,
        runtime,
        session: cluster.session(&database)?,
    };
    let (limit, value) = alternate(
        || insert(cluster, &database),
        |round| {
            bulk.system.check()?;
            value(&mut bulk, round)
        },
    )?;
    drop(bulk);
    broker::empty();
    cluster.drop_database(&database)?;
    Ok(Outcome {
        name,
        unit: "ms",
        value,
        limit,
        want,
    })
}

fn insert(cluster: &Cluster, database: &str) -> Result<f64, Failure> {
    // the one organization that no round touches
    let organization = Loaded::HUNDRED.organizations.to_string();
    server_time(&cluster.run(database, Path::new(LIMIT), &[("organization", organization)])?)
}

impl Bulk {
    /// Milliseconds until everybody of the round's organization is accepted for inviting.
    fn answered(&self, round: usize) -> Result<f64, Failure> {
        self.runtime.block_on(async {
            let mut member = Member::of(&self.system.address, round + 1).await?;
            let started = Instant::now();
            let batch = member.invite(json!({"filter": {}}), None).await?;
            let took = started.elapsed();
            member.take_back(&batch).await?;
            Ok(milliseconds(took))
        })
    }

    /// Milliseconds until the last row is durable.
    fn durable(&mut self, round: usize) -> Result<f64, Failure> {
        let organization = round + 1;
        let id = self
            .session
            .ask(&format!("select bench.organization({organization})"))?;
        let started = Instant::now();
        self.runtime.block_on(async {
            let mut member = Member::of(&self.system.address, organization).await?;
            member
                .invite(json!({"filter": {}}), Some(Loaded::HUNDRED.contacts))
                .await
        })?;
        let walked = format!(
            "select coalesce(bool_and(walked), false) from invitations.batch \
             where organization_id = '{id}'"
        );
        while self.session.ask(&walked)? != "t" {
            if started.elapsed() > PATIENCE {
                return Err(fail(format!("round {round}: not walked after {PATIENCE:?}")));
            }
            self.system.check()?;
            std::thread::sleep(LOOK_EVERY);
        }
        let took = started.elapsed();
        let rows = format!("select count(*) from invitations.invitation where organization_id = '{id}'");
        let rows = self.session.ask(&rows)?;
        if rows != Loaded::HUNDRED.contacts.to_string() {
            return Err(fail(format!("round {round}: {rows} invitations")));
        }
        Ok(milliseconds(took))
    }
}
