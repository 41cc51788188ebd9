//! What the four service processes hold when nobody asks them anything.

use std::time::Duration;

use super::Line;
use crate::failure::Failure;
use crate::loaded::Loaded;
use crate::mail::Sink;
use crate::measure::{Outcome, Series, Want};
use crate::system::{ALL, Plan};
use crate::workshop::{Workshop, runtime};

pub const LINE: Line = Line {
    name: "idle_memory",
    what: "sum of PSS of gateway, contacts, invitations and notifications 30 s after ready, no request",
    run,
};

/// In MB of 1,000,000 bytes, as the value.
const LIMIT: f64 = 80.0;
const IDLE: Duration = Duration::from_secs(30);
/// Readings after that, a second apart: processes at rest still breathe.
const READINGS: usize = 5;

fn run(workshop: &Workshop) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::EMPTY.copy(workshop, "usher_idle")?;
    let sink = Sink::start(workshop)?;
    let plan = Plan {
        workshop,
        database: cluster.url(&database),
        smtp: Some(sink.url()),
        settings: Vec::new(),
    };
    let mut system = plan.start(&runtime()?, &ALL)?;
    std::thread::sleep(IDLE);
    let mut readings = Vec::new();
    for _ in 0..READINGS {
        system.check()?;
        readings.push(system.memory()? as f64 / 1e6);
        std::thread::sleep(Duration::from_secs(1));
    }
    drop(system);
    cluster.drop_database(&database)?;
    Ok(Outcome {
        name: LINE.name,
        unit: "MB",
        value: Series::from_iter(readings),
        limit: Series::fixed(LIMIT),
        want: Want::AtMost(1.0),
    })
}
