//! Pages of the contact list with traces and metrics on their way out, against the same without.

use std::time::Instant;

use super::Line;
use crate::collector::Collector;
use crate::failure::{Failure, fail};
use crate::loaded::Loaded;
use crate::measure::{Outcome, Want, alternate};
use crate::note;
use crate::pages::{Tenant, load, sign_in_again, walk};
use crate::system::{Plan, System};
use crate::workshop::{Workshop, runtime};

pub const LINE: Line = Line {
    name: "telemetry_cost",
    what: "pages as in list_page_c16 with traces and metrics exported over OTLP at the chart's sampling, against none exported",
    run,
};

/// `settings.telemetry.sample_ratio` of the chart.
const SAMPLED: &str = "0.05";
const PARTS: [&str; 3] = ["invitations", "contacts", "gateway"];

/// A system, and the cursors that it has given out.
struct Loadable {
    system: System,
    tenants: Vec<Tenant>,
}

fn run(workshop: &Workshop) -> Result<Outcome, Failure> {
    let cluster = workshop.cluster()?;
    let database = Loaded::MILLION.database(workshop)?;
    let plan = |settings| Plan {
        workshop,
        database: cluster.url(&database),
        smtp: None,
        settings,
    };
    let runtime = runtime()?;
    let (collector, endpoint) = Collector::start(&runtime)?;
    let start = |system: System| -> Result<Loadable, Failure> {
        let tenants = runtime.block_on(walk(&system.address, Loaded::MILLION))?;
        Ok(Loadable { system, tenants })
    };
    let mut silent = start(plan(Vec::new()).start(&runtime, &PARTS)?)?;
    let exporting = vec![
        ("USHER_TELEMETRY__OTLP_ENDPOINT", endpoint),
        ("USHER_TELEMETRY__SAMPLE_RATIO", SAMPLED.to_owned()),
    ];
    let mut telling = start(plan(exporting).start_beside(&runtime, &PARTS)?)?;
    let measure = |loadable: &mut Loadable, round: usize| -> Result<f64, Failure> {
        loadable.system.check()?;
        let address = loadable.system.address.clone();
        runtime.block_on(sign_in_again(&address, &mut loadable.tenants))?;
        let started = Instant::now();
        let pages = runtime.block_on(load(&address, &loadable.tenants, round))?.len();
        Ok(pages as f64 / started.elapsed().as_secs_f64())
    };
    let mut silent_round = 0;
    let (limit, value) = alternate(
        || {
            let pages = measure(&mut silent, silent_round);
            silent_round += 1;
            pages
        },
        |round| measure(&mut telling, round),
    )?;
    let (spans, metrics) = collector.counts();
    if spans == 0 || metrics == 0 {
        return Err(fail(format!("{spans} spans and {metrics} metrics were exported")));
    }
    note(&format!(
        "{}: {spans} spans and {metrics} metrics exported",
        LINE.name
    ));
    Ok(Outcome {
        name: LINE.name,
        unit: "pages/s",
        value,
        limit,
        want: Want::AtLeast(0.9),
    })
}
