//! Claims due letters of a lane.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use sea_orm::DbErr;
use tokio::time::{Instant, sleep};
use usher_database::{Scope, SystemReason, Transaction};
use usher_events::Lane;
use usher_types::{MailingId, OrganizationId};

use super::queue::{Claimed, Queue};
use super::renderer::Known;
use super::{Shared, Until};
use crate::app::publish_ended;
use crate::storage;

/// Letters a claim and connection.
const CLAIM: usize = 16;
/// The pause after the database did not answer.
const TROUBLE: Duration = Duration::from_secs(1);

/// Claims until nothing is due or a stop is asked for.
pub async fn dispatch(shared: &Shared, queue: &Queue, lane: Lane, until: &Until) -> Result<(), DbErr> {
    loop {
        // Registered before looking, so that nothing is missed in between.
        let woken = shared.wake.notified();
        tokio::pin!(woken);
        woken.as_mut().enable();
        let found = round(shared, queue, lane, until).await;
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

/// One claim for each organization that has something in the lane. A stop comes between claims, never into one: what was
/// claimed and forgotten would wait for the end of its lease.
async fn round(shared: &Shared, queue: &Queue, lane: Lane, until: &Until) -> Result<usize, DbErr> {
    let tx = shared.database.read(Scope::System(SystemReason::Claim)).await?;
    let organizations = storage::due_organizations(&tx, lane).await?;
    drop(tx);
    let mut found = 0;
    for organization in organizations {
        tokio::select! {
            biased;
            () = stopped(until) => break,
            () = queue.runs_low(lane) => {}
        }
        found += claim(shared, queue, lane, organization).await?;
    }
    Ok(found)
}

async fn claim(
    shared: &Shared,
    queue: &Queue,
    lane: Lane,
    organization: OrganizationId,
) -> Result<usize, DbErr> {
    // Taken before the database begins to count, so that our lease is never the longer one.
    let asked = Instant::now();
    let now = shared.clock.now();
    let tx = shared.database.write(Scope::System(SystemReason::Claim)).await?;
    let claim = storage::Claim {
        lane,
        organization,
        limit: u32::try_from(shared.pace.connections * CLAIM).unwrap_or(u32::MAX),
        owner: shared.owner,
        lease: i64::try_from(shared.pace.lease.as_millis()).unwrap_or(i64::MAX),
        server: shared.transport.server(),
        now,
    };
    let claimed = storage::claim(&tx, &claim).await?;
    let found = claimed.letters.len() + claimed.ended.len();
    if found == 0 {
        return Ok(0);
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
    Ok(found)
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
