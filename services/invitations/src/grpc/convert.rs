//! Between the wire's forms and ours.

use chrono::{DateTime, Utc};
use tonic::{Response, Status};
use usher_database::keyset::{Page, Window};
use usher_proto::common::v1::{PageInfo, PageRequest, Refusal};
use usher_proto::contacts::v1::IneligibleCount;
use usher_proto::invitations::v1 as wire;
use usher_proto::{bytes_of, timestamp};
use usher_service::grpc;
use usher_types::SessionId;

use crate::app::{BatchView, Failure, Landing, NewSession, ServiceAccount};
use crate::domain::member::status;
use crate::domain::organization::Organization;
use crate::domain::reminder::Plan;
use crate::storage::member::Member;
use crate::storage::session::Session;

/// Splits what the caller can mend from what is a status.
pub(super) fn answer<T>(result: Result<T, Failure>) -> Result<Result<T, Vec<Refusal>>, Status> {
    match result {
        Ok(value) => Ok(Ok(value)),
        Err(Failure::Refused(refusals)) => Ok(Err(refusals)),
        Err(failure) => Err(failure.status()),
    }
}

/// A name that our own gateway would not send is BAD_USER_INPUT.
pub(super) fn named<T: std::str::FromStr>(name: &str) -> Result<T, Status> {
    name.parse()
        .map_err(|_| grpc::invalid(format!("{name:?} is not known here")))
}

pub(super) fn window(page: Option<PageRequest>) -> Result<(Window, bool), Status> {
    let page = page.unwrap_or_default();
    let window = Window::new(page.first, page.after, page.last, page.before)
        .map_err(|error| grpc::invalid(error.to_string()))?;
    Ok((window, page.with_total))
}

pub(super) fn page_info<T>(page: &Page<T>, total: Option<i64>) -> PageInfo {
    PageInfo {
        has_next_page: page.has_next_page,
        has_previous_page: page.has_previous_page,
        cursors: page.edges.iter().map(|edge| edge.cursor.clone()).collect(),
        total,
    }
}

pub(super) fn organization(firm: &Organization) -> wire::Organization {
    wire::Organization {
        id: bytes_of(firm.id),
        slug: firm.slug.clone(),
        name: firm.name.clone(),
        portal_enabled: firm.portal_enabled,
        company_first: firm.company_first,
        invitation_life: firm.invitation_life,
        placeholder_domains: firm.placeholder_domains.clone(),
        reply_to: firm.reply_to.clone(),
        locale: firm.locale.clone(),
        time_zone: firm.time_zone.clone(),
        daily: firm.daily,
        daily_per_member: firm.daily_per_member,
        daily_per_recipient: firm.daily_per_recipient,
        reminders: Some(reminders(&firm.reminders)),
    }
}

fn reminders(plan: &Plan) -> wire::ReminderPlan {
    wire::ReminderPlan {
        days: plan.days.clone(),
        before_end: plan.before_end,
        quiet_from: plan.quiet.from.into(),
        quiet_to: plan.quiet.to.into(),
        quiet_weekends: plan.quiet.weekends,
    }
}

/// What a contact sees of the firm: how it is called and how it writes. Its settings are the members' business.
pub(super) fn organization_in_portal(firm: &Organization) -> wire::Organization {
    wire::Organization {
        invitation_life: 0,
        placeholder_domains: Vec::new(),
        reply_to: None,
        daily: 0,
        daily_per_member: 0,
        daily_per_recipient: 0,
        reminders: None,
        ..organization(firm)
    }
}

pub(super) fn member(member: &Member, now: DateTime<Utc>) -> wire::Member {
    let names = member.permissions.names().into_iter().map(str::to_owned);
    wire::Member {
        id: bytes_of(member.id),
        email: member.email.clone(),
        display_name: member.display_name.clone(),
        permissions: names.collect(),
        role: member.grant().role().map(|role| role.as_str().to_owned()),
        active: member.active,
        status: status(member.standing, now).as_str().to_owned(),
        invited_at: member.invited_at.map(timestamp),
        invited_by: member.invited_by.clone(),
        expires_at: member.standing.expires_at.map(timestamp),
        delivery: member.delivery.map(|state| state.as_str().to_owned()),
        delivery_error: member.delivery_error.clone(),
        accepted_at: member.standing.accepted_at.map(timestamp),
        last_signed_in_at: member.standing.last_signed_in_at.map(timestamp),
        created_at: Some(timestamp(member.created_at)),
        version: member.version,
        service_account: member.service_account,
        identity_provider: member.identity.as_ref().map(|known| known.issuer.clone()),
    }
}

pub(super) fn service_account(account: &ServiceAccount) -> wire::ServiceAccount {
    let member = &account.member;
    let names = member.permissions.names().into_iter().map(str::to_owned);
    let secrets = account.secrets.iter().map(|secret| wire::ClientSecret {
        hint: secret.hint.clone(),
        created_at: Some(timestamp(secret.created_at)),
        expires_at: secret.expires_at.map(timestamp),
        last_used_at: secret.last_used_at.map(timestamp),
    });
    wire::ServiceAccount {
        id: bytes_of(member.id),
        client_id: member.id.to_string(),
        display_name: member.display_name.clone(),
        permissions: names.collect(),
        active: member.active,
        secrets: secrets.collect(),
        last_used_at: member.standing.last_signed_in_at.map(timestamp),
        created_at: Some(timestamp(member.created_at)),
        created_by: member.invited_by.clone(),
        version: member.version,
    }
}

pub(super) fn batch(view: &BatchView) -> wire::Batch {
    let (batch, figures) = (&view.batch, &view.figures);
    let skipped = figures.skipped.iter().map(|(reason, count)| IneligibleCount {
        reason: reason.as_str().to_owned(),
        count: *count,
    });
    wire::Batch {
        id: bytes_of(batch.id),
        action: batch.action.as_str().to_owned(),
        state: batch.state.as_str().to_owned(),
        total: figures.total(batch),
        skipped: skipped.collect(),
        queued: figures.queued,
        sent: figures.sent,
        failed: figures.failed,
        cancelled: figures.cancelled,
        accepted: figures.accepted,
        created_by: batch.created_by.clone(),
        created_at: Some(timestamp(batch.created_at)),
        started_at: batch.started_at.map(timestamp),
        finished_at: batch.finished_at.map(timestamp),
        send_at: batch.send_at.map(timestamp),
        waiting_until: batch.waits_until().map(timestamp),
        pause_reason: batch.reason.map(|reason| reason.as_str().to_owned()),
    }
}

/// A batch, or what stands in the way.
pub(super) fn batch_reply(result: Result<BatchView, Failure>) -> Result<Response<wire::BatchReply>, Status> {
    Ok(Response::new(match answer(result)? {
        Ok(view) => wire::BatchReply {
            batch: Some(batch(&view)),
            refusals: Vec::new(),
        },
        Err(refusals) => wire::BatchReply {
            batch: None,
            refusals,
        },
    }))
}

/// One of somebody's sessions.
pub(super) fn live_session(session: &Session, current: Option<SessionId>) -> wire::LiveSession {
    let end = session.times.created_at + session.kind.whole();
    wire::LiveSession {
        id: bytes_of(session.id),
        created_at: Some(timestamp(session.times.created_at)),
        last_used_at: Some(timestamp(session.times.last_used_at)),
        ends_at: Some(timestamp(end)),
        device: session.device.clone(),
        current: current == Some(session.id),
    }
}

pub(super) fn session(session: NewSession) -> wire::Session {
    wire::Session {
        access_token: session.access_token,
        refresh_token: session.refresh_token,
        expires_at: Some(timestamp(session.expires_at)),
        read_only: session.read_only,
    }
}

/// What the page behind a link may show.
pub(super) fn landing(landing: Landing) -> wire::Landing {
    let mut reply = wire::Landing {
        state: landing.state.as_str().to_owned(),
        ..wire::Landing::default()
    };
    if let Some(shown) = landing.shown {
        reply.organization_name = Some(shown.organization.name);
        reply.organization_slug = Some(shown.organization.slug);
        reply.masked_email = shown.masked_email;
        reply.newest_sent_at = shown.newest_sent_at.map(timestamp);
        reply.locale = shown.reader.locale;
        reply.organization_locale = Some(shown.organization.locale);
        reply.time_zone = Some(shown.reader.time_zone.unwrap_or(shown.organization.time_zone));
        reply.member = shown.reader.member;
        reply.expires_at = Some(timestamp(shown.expires_at));
        reply.password_min_length = Some(shown.organization.password_min_length);
    }
    reply
}
