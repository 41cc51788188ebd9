//! Pages of the contact list, over HTTP through separate processes, against PostgreSQL answering the same values itself.

use std::path::Path;
use std::time::Instant;

use super::Line;
use crate::failure::Failure;
use crate::loaded::Loaded;
use crate::measure::{Outcome, ROUND_SECONDS, Want, alternate};
use crate::note;
use crate::pages::{CONNECTIONS, NODES, load, sign_in_again, walk};
use crate::system::Plan;
use crate::workshop::{Workshop, runtime};

pub const LINE: Line = Line {
    name: "list_page_c16",
    what: "pages of 50 contacts, a million contacts in 10 organizations, 16 connections, random organization and cursor",
    run,
};

const LIMIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/list_page.sql");

fn run(workshop: &Workshop) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::MILLION.database(workshop)?;
    // an access token lives five minutes, the rounds a little less
    let plan = Plan {
        workshop,
        database: cluster.url(&database),
        smtp: None,
        settings: crate::lines::raised(),
    };
    let runtime = runtime()?;
    let mut system = plan.start(&runtime, &["invitations", "contacts", "gateway"])?;
    let mut tenants = runtime.block_on(walk(&system.address, Loaded::MILLION))?;
    let address = system.address.clone();
    let mut pages = 0;
    let (limit, value) = alternate(
        || cluster.pgbench(&database, Path::new(LIMIT), CONNECTIONS, ROUND_SECONDS),
        |round| {
            system.check()?;
            runtime.block_on(sign_in_again(&address, &mut tenants))?;
            let started = Instant::now();
            let count = runtime.block_on(load(&address, &tenants, round))?.len();
            pages += count;
            Ok(count as f64 / started.elapsed().as_secs_f64())
        },
    )?;
    note(&format!(
        "{}: {pages} pages of {NODES} read and checked",
        LINE.name
    ));
    Ok(Outcome {
        name: LINE.name,
        unit: "pages/s",
        value,
        limit,
        want: Want::AtLeast(0.25),
    })
}
