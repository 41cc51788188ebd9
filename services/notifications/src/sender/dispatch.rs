//! Claims due letters of a lane.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use sea_orm::DbErr;
use tokio::time::{Instant, sleep};
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::Lane;
use usher_types::{MailingId, OrganizationId};

use super::queue::{Claimed, Queue};
use super::renderer::Known;
use super::{Shared, TROUBLE, Until};
use crate::app::publish_ended;
use crate::storage;

/// Letters a claim and connection.
const CLAIM: usize = 16;
/// How long it is known who has letters, and from where on.
const KNOWN: Duration = Duration::from_millis(500);

/// Claims until nothing is due or a stop is asked for.
pub async fn dispatch(shared: &Shared, queue: &Queue, lane: Lane, until: &Until) -> Result<(), DbErr> {
    let mut rota = Rota::default();
    loop {
        // Registered before looking, so that nothing is missed in between.
        let woken = shared.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let found = round(shared, queue, lane, &mut rota, until).await;
        match (found, until) {
            (Ok(0), Until::Empty) => return Ok(()),
            (Err(error), Until::Empty) => return Err(error),
            (Ok(0), Until::Stopped(stop)) => tokio::select! {
                () = stop.cancelled() => return Ok(()),
                () = woken => {}
                () = sleep(shared.pace.poll) => {}
            },
            (Err(error), Until::Stopped(stop)) => {
                tracing::warn!(%error, "no letters could be claimed");
                tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    () = sleep(TROUBLE) => {}
                }
            }
            (Ok(_), Until::Stopped(stop)) if stop.is_cancelled() => return Ok(()),
            (Ok(_), _) => {}
        }
    }
}

async fn stopped(until: &Until) {
    match until {
        Until::Empty => std::future::pending().await,
        Until::Stopped(stop) => stop.cancelled().await,
    }
}

/// Who has letters in a lane, and how far the claims have come.
#[derive(Default)]
struct Rota {
    /// Since when the last letter of each was due that was claimed.
    places: BTreeMap<OrganizationId, DateTime<Utc>>,
    /// When everybody was asked for.
    asked: Option<Instant>,
}

impl Rota {
    /// Asks for everybody where nobody is left or it is time. What was claimed a moment ago still stands at the beginning of the
    /// index, so looking there each time would read all of a mass that has just gone out.
    ///
    /// Returns whether it asked.
    async fn ask(&mut self, shared: &Shared, lane: Lane) -> Result<bool, DbErr> {
        let known = self.asked.is_some_and(|asked| asked.elapsed() < KNOWN);
        if known && !self.places.is_empty() {
            return Ok(false);
        }
        self.asked = Some(Instant::now());
        let tx = shared.database.read(Scope::System(SystemReason::Claim)).await?;
        let organizations = storage::due_organizations(&tx, lane).await?;
        let start = |organization| (organization, DateTime::UNIX_EPOCH);
        self.places = organizations.into_iter().map(start).collect();
        Ok(true)
    }
}

/// One claim for each organization that has something in the lane. A stop comes between claims, never into one: what was
/// claimed and forgotten would wait for the end of its lease.
async fn round(
    shared: &Shared,
    queue: &Queue,
    lane: Lane,
    rota: &mut Rota,
    until: &Until,
) -> Result<usize, DbErr> {
    let mut found = 0;
    loop {
        let asked = rota.ask(shared, lane).await?;
        let places: Vec<_> = rota
            .places
            .iter()
            .map(|(organization, from)| (*organization, *from))
            .collect();
        for (organization, from) in places {
            tokio::select! {
                biased;
                () = stopped(until) => return Ok(found),
                () = queue.runs_low(lane) => {}
            }
            let (claimed, reached) = claim(shared, queue, lane, (organization, from)).await?;
            found += claimed;
            match reached {
                Some(reached) => rota.places.insert(organization, reached),
                // what is left of it shows when everybody is asked for
                None => rota.places.remove(&organization),
            };
        }
        if found > 0 || asked {
            return Ok(found);
        }
        // nothing where they were left; somebody else may have something
        rota.places.clear();
    }
}

/// How many letters of an organization were claimed, and where the next claim can begin, if there may be more.
async fn claim(
    shared: &Shared,
    queue: &Queue,
    lane: Lane,
    (organization, from): (OrganizationId, DateTime<Utc>),
) -> Result<(usize, Option<DateTime<Utc>>), DbErr> {
    // Taken before the database begins to count, so that our lease is never the longer one.
    let asked = Instant::now();
    let now = shared.clock.now();
    let limit = shared.pace.connections * CLAIM;
    let tx = shared.database.write(Scope::System(SystemReason::Claim)).await?;
    let claim = storage::Claim {
        lane,
        organization,
        from,
        limit: u32::try_from(limit).unwrap_or(u32::MAX),
        owner: shared.owner,
        lease: i64::try_from(shared.pace.lease.as_millis()).unwrap_or(i64::MAX),
        server: shared.transport.server(),
        now,
    };
    let claimed = storage::claim(&tx, &claim).await?;
    let found = claimed.letters.len() + claimed.ended.len();
    if found == 0 {
        return Ok((0, None));
    }
    publish_ended(&tx, claimed.ended, now).await?;
    let mailings = mailings(shared, &tx, &claimed.letters).await?;
    tx.commit().await?;
    let lease_until = asked + shared.pace.lease;
    queue.push(
        lane,
        claimed.letters.into_iter().map(|letter| Claimed {
            mailing: mailings.get(&letter.mailing).cloned(),
            letter,
            lease_until,
        }),
    );
    Ok((found, claimed.reached.filter(|_| found == limit)))
}

/// What the letters say. It goes along with them, since the renderer keeps only so many in mind, and a queue of single
/// invitations holds more than those.
async fn mailings(
    shared: &Shared,
    tx: &Transaction,
    letters: &[storage::Queued],
) -> Result<HashMap<MailingId, Arc<Known>>, DbErr> {
    let wanted: HashSet<MailingId> = letters.iter().map(|letter| letter.mailing).collect();
    let mut known = shared.renderer.find(wanted.iter().copied());
    let missing: Vec<MailingId> = wanted.into_iter().filter(|id| !known.contains_key(id)).collect();
    if !missing.is_empty() {
        known.extend(shared.renderer.learn(storage::load_mailings(tx, missing).await?));
    }
    Ok(known)
}
