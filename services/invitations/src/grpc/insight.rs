//! The service `Insight`.

use chrono::{DateTime, Utc};
use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::invitations::v1 as wire;
use usher_proto::invitations::v1::insight_server::Insight;
use usher_proto::{datetime, id_from, timestamp};
use usher_service::grpc;

use super::Edge;
use crate::app::{Asked, Failure, Funnel};
use crate::domain::explain::{Explanation, Finding};
use crate::storage::funnel::Counts;

#[tonic::async_trait]
impl Insight for Edge {
    async fn explain_access(
        &self,
        request: Request<wire::ExplainAccessRequest>,
    ) -> Result<Response<wire::ExplainAccessReply>, Status> {
        let caller = grpc::require(&request, Operation::ExplainAccess)?;
        let organization = grpc::organization(&caller)?;
        let explained = match id_from(&request.get_ref().contact_id) {
            Some(contact) => self.app.explain_access(organization, contact).await,
            None => Ok(None),
        };
        Ok(Response::new(wire::ExplainAccessReply {
            explanation: explained.map_err(Failure::status)?.map(explanation),
        }))
    }

    async fn get_funnel(
        &self,
        request: Request<wire::GetFunnelRequest>,
    ) -> Result<Response<wire::Funnel>, Status> {
        let caller = grpc::require(&request, Operation::ReadFunnel)?;
        let organization = grpc::organization(&caller)?;
        let request = request.get_ref();
        let asked = Asked {
            batch: request.batch_id.as_deref().and_then(id_from),
            from: moment(request.from)?,
            to: moment(request.to)?,
        };
        if request.batch_id.is_some() && asked.batch.is_none() {
            return Ok(Response::new(wire::Funnel::default()));
        }
        let found = self
            .app
            .funnel(organization, asked)
            .await
            .map_err(Failure::status)?;
        Ok(Response::new(found.map(funnel).unwrap_or_default()))
    }
}

fn moment(at: Option<prost_types::Timestamp>) -> Result<Option<DateTime<Utc>>, Status> {
    at.map(|at| datetime(at).ok_or_else(|| grpc::invalid("this is no time")))
        .transpose()
}

fn explanation(explanation: Explanation) -> wire::AccessExplanation {
    wire::AccessExplanation {
        verdict: explanation.verdict.as_str().to_owned(),
        summary: explanation.verdict.summary().to_owned(),
        findings: explanation.findings.into_iter().map(finding).collect(),
    }
}

fn finding(finding: Finding) -> wire::AccessFinding {
    wire::AccessFinding {
        code: finding.code.as_str().to_owned(),
        holds: finding.holds,
        message: finding.message,
        hint: finding.hint.map(str::to_owned),
    }
}

fn funnel(funnel: Funnel) -> wire::Funnel {
    let week = |(week, of_week): (crate::domain::weeks::Week, Counts)| wire::FunnelWeek {
        week: week.name,
        from: Some(timestamp(week.from)),
        to: Some(timestamp(week.to)),
        counts: Some(counts(of_week)),
    };
    wire::Funnel {
        counts: Some(counts(funnel.counts)),
        weeks: funnel.weeks.into_iter().map(week).collect(),
        from: Some(timestamp(funnel.from)),
        to: Some(timestamp(funnel.to)),
    }
}

const fn counts(counts: Counts) -> wire::FunnelCounts {
    wire::FunnelCounts {
        sent: counts.sent,
        delivered: counts.delivered,
        opened: counts.opened,
        accepted: counts.accepted,
        first_signed_in: counts.first_signed_in,
    }
}
