//! invitationFunnel (I18).

use chrono::{DateTime, TimeDelta, Utc};
use chrono_tz::Tz;
use usher_service::grpc;
use usher_types::{BatchId, OrganizationId};

use super::Failure;
use super::context::{App, organization_of};
use crate::domain::weeks::{Week, weeks};
use crate::storage::batch;
use crate::storage::funnel::{self, Counts};

/// Where nothing else is asked for.
const USUAL: TimeDelta = TimeDelta::weeks(12);
/// Two years.
const LONGEST: TimeDelta = TimeDelta::days(732);

/// Which invitations.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    pub(crate) batch: Option<BatchId>,
    /// Inclusive.
    pub(crate) from: Option<DateTime<Utc>>,
    /// Exclusive.
    pub(crate) to: Option<DateTime<Utc>>,
}

/// How far invitations have come.
#[derive(Clone, Debug)]
pub(crate) struct Funnel {
    pub(crate) from: DateTime<Utc>,
    pub(crate) to: DateTime<Utc>,
    pub(crate) counts: Counts,
    pub(crate) weeks: Vec<(Week, Counts)>,
}

impl App {
    /// How far the invitations of a batch, or of a time, have come; none where there is no such batch.
    ///
    /// # Errors
    /// INVALID_ARGUMENT where the time is longer than two years, or ends before it begins.
    pub(crate) async fn funnel(
        &self,
        organization: OrganizationId,
        asked: Asked,
    ) -> Result<Option<Funnel>, Failure> {
        let tx = self.read(organization).await?;
        let zone: Tz = organization_of(&tx, organization)
            .await?
            .time_zone
            .parse()
            .unwrap_or(Tz::UTC);
        let begun = match asked.batch {
            Some(id) => match batch::find_all(&tx, organization, [id]).await?.pop() {
                Some(found) => Some(found.started_at.unwrap_or(found.created_at)),
                None => return Ok(None),
            },
            None => None,
        };
        let to = asked.to.unwrap_or_else(|| self.now() + TimeDelta::seconds(1));
        let from = asked.from.or(begun).unwrap_or(to - USUAL);
        // a batch that is as old as that has sent its mail long ago
        let to = if asked.batch.is_some() {
            to.min(from + LONGEST)
        } else {
            to
        };
        if from > to || to - from > LONGEST {
            return Err(grpc::invalid("from and to lie at most two years apart").into());
        }
        let weeks = weeks(from, to, zone);
        let mut counted = funnel::count(&tx, organization, asked.batch, &weeks).await?;
        let weeks: Vec<(Week, Counts)> = weeks
            .into_iter()
            .map(|week| {
                let counts = counted.remove(&week.name).unwrap_or_default();
                (week, counts)
            })
            .collect();
        let mut counts = Counts::default();
        weeks.iter().for_each(|(_, of_week)| counts += *of_week);
        Ok(Some(Funnel {
            from,
            to,
            counts,
            weeks,
        }))
    }
}
