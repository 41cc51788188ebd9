//! The preview of a bulk action over a hundred thousand, against PostgreSQL counting the same by itself.

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::{Line, raised};
use crate::bulk::Member;
use crate::cluster::server_time;
use crate::failure::{Failure, fail};
use crate::loaded::Loaded;
use crate::measure::{Outcome, ROUND_SECONDS, Series, Want, alternate, milliseconds};
use crate::system::{ALL, Plan};
use crate::workshop::{Workshop, runtime};

pub const LINE: Line = Line {
    name: "preview_100k",
    what: "ms of invitationPreview over 100,000, with reasons and the rendered mail, against the grouped count in psql",
    run,
};

const LIMIT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/sql/preview.sql");
const QUERY: &str = "{
    invitationPreview(contacts: {filter: {}}) { total eligible ineligible { reason count } subject text html }
}";

fn run(workshop: &Workshop) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::MILLION.database(workshop)?;
    let plan = Plan {
        workshop,
        database: cluster.url(&database),
        smtp: None,
        settings: raised(),
    };
    let runtime = runtime()?;
    let mut system = plan.start(&runtime, &ALL)?;
    let address = system.address.clone();
    let (limit, value) = alternate(
        || {
            repeated(|| {
                let organization = [("organization", "1".to_owned())];
                server_time(&cluster.run(&database, Path::new(LIMIT), &organization)?)
            })
        },
        |_| {
            system.check()?;
            let mut member = runtime.block_on(Member::of(&address, 1))?;
            repeated(|| {
                let started = Instant::now();
                let data = runtime.block_on(member.ask(QUERY, json!({})))?;
                let took = started.elapsed();
                let preview = &data["invitationPreview"];
                if preview["total"] != Loaded::MILLION.contacts || !preview["html"].is_string() {
                    return Err(fail(format!("not a whole preview: {data}")));
                }
                Ok(milliseconds(took))
            })
        },
    )?;
    Ok(Outcome {
        name: LINE.name,
        unit: "ms",
        value,
        limit,
        want: Want::AtMost(3.0),
    })
}

/// The median of as many as fit into a round.
fn repeated(mut once: impl FnMut() -> Result<f64, Failure>) -> Result<f64, Failure> {
    let end = Instant::now() + Duration::from_secs(ROUND_SECONDS);
    let mut took = Vec::new();
    while Instant::now() < end {
        took.push(once()?);
    }
    Ok(took.into_iter().collect::<Series>().median())
}
