//! The service `Invitations`.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::contacts::v1::ContactIds;
use usher_proto::invitations::v1::invitations_server::Invitations;
use usher_proto::invitations::v1::{
    AcceptInvitationReply, AcceptInvitationRequest, BatchGetBatchesReply, BatchGetMembersReply,
    BatchGetPortalAccessReply, BatchGetRequest, BatchReply, CancelBatchRequest, CheckInvitationReply,
    CheckInvitationRequest, ConfirmEmailChangeReply, GetOrganizationRequest, Landing, LinkRequest,
    ListBatchesReply, ListBatchesRequest, ListSkippedReply, ListSkippedRequest, OrganizationReply,
    PortalAccess, ReminderPlanChange, StartBatchRequest, UpdateOrganizationRequest, WatchBatchRequest,
};
use usher_proto::{bytes_of, datetime, id_from, timestamp};
use usher_service::grpc;

use super::streams::BatchStream;
use super::{Edge, convert};
use crate::app::{Failure, Linked, StartBatch, refuse};
use crate::domain::organization::{
    Change, DEFAULT_DAILY, DEFAULT_DAILY_PER_RECIPIENT, DEFAULT_LIFE, DEFAULT_LOCALE, DEFAULT_TIME_ZONE,
};
use crate::domain::reminder::PlanChange;

/// The most ids of one BatchGet.
const MOST: usize = 1000;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Invitations for Edge {
    async fn get_organization(&self, request: Request<GetOrganizationRequest>) -> Answer<OrganizationReply> {
        let caller = grpc::require(&request, Operation::GetOrganization)?;
        let firm = self.app.organization(grpc::organization(&caller)?).await;
        let firm = firm.map_err(Failure::status)?;
        let seen = match caller.contact() {
            Some(_) => convert::organization_in_portal(&firm),
            None => convert::organization(&firm),
        };
        Ok(Response::new(OrganizationReply {
            organization: Some(seen),
            refusals: Vec::new(),
        }))
    }

    async fn update_organization(
        &self,
        request: Request<UpdateOrganizationRequest>,
    ) -> Answer<OrganizationReply> {
        let caller = grpc::require(&request, Operation::UpdateOrganization)?;
        let updated = match change(request.into_inner()) {
            Ok(change) => self.app.update_organization(&caller, change).await,
            Err(failure) => Err(failure),
        };
        Ok(Response::new(match convert::answer(updated)? {
            Ok(firm) => OrganizationReply {
                organization: Some(convert::organization(&firm)),
                refusals: Vec::new(),
            },
            Err(refusals) => OrganizationReply {
                organization: None,
                refusals,
            },
        }))
    }

    async fn batch_get_members(&self, request: Request<BatchGetRequest>) -> Answer<BatchGetMembersReply> {
        let caller = grpc::require(&request, Operation::GetMembers)?;
        let organization = grpc::organization(&caller)?;
        let ids = ids(request.get_ref())?;
        let members = self
            .app
            .members(organization, ids)
            .await
            .map_err(Failure::status)?;
        Ok(Response::new(BatchGetMembersReply {
            members: members
                .iter()
                .map(|member| convert::member(member, self.app.now()))
                .collect(),
        }))
    }

    async fn start_batch(&self, request: Request<StartBatchRequest>) -> Answer<BatchReply> {
        let caller = grpc::require(&request, Operation::StartBatch)?;
        let request = request.into_inner();
        let start = StartBatch {
            action: convert::named(&request.action)?,
            selection: request
                .selection
                .filter(|selection| selection.of.is_some())
                .ok_or_else(|| grpc::invalid("contacts: give a selection"))?,
            message: request.message,
            subject: request.subject,
            body: request.body,
            expect_eligible: request.expect_eligible,
            key: request.idempotency_key,
            send_at: match request.send_at {
                Some(at) => Some(datetime(at).ok_or_else(|| grpc::invalid("send_at is no time"))?),
                None => None,
            },
        };
        convert::batch_reply(self.app.start_batch(&caller, start).await)
    }

    async fn check_invitation(
        &self,
        request: Request<CheckInvitationRequest>,
    ) -> Answer<CheckInvitationReply> {
        let caller = grpc::require(&request, Operation::CheckInvitation)?;
        let request = request.into_inner();
        let except = request.except_contact_ids.iter();
        let linked = Linked {
            accounts: ContactIds {
                ids: request.account_ids,
            },
            one: request.contact_id.is_some(),
            except: except.filter_map(|id| id_from(id)).collect(),
            message: request.message,
        };
        let checked = convert::answer(self.app.check_invitation(&caller, linked).await)?;
        Ok(Response::new(CheckInvitationReply {
            refusals: checked.err().unwrap_or_default(),
        }))
    }

    async fn cancel_batch(&self, request: Request<CancelBatchRequest>) -> Answer<BatchReply> {
        let caller = grpc::require(&request, Operation::CancelBatch)?;
        let cancelled = match id_from(&request.get_ref().id) {
            Some(id) => self.app.cancel_batch(&caller, id).await,
            None => Err(refuse("NOT_FOUND", &["id"], "there is no such batch").into()),
        };
        convert::batch_reply(cancelled)
    }

    async fn batch_get_batches(&self, request: Request<BatchGetRequest>) -> Answer<BatchGetBatchesReply> {
        let caller = grpc::require(&request, Operation::ReadBatches)?;
        let organization = grpc::organization(&caller)?;
        let ids = ids(request.get_ref())?;
        let views = self
            .app
            .batches(organization, ids)
            .await
            .map_err(Failure::status)?;
        Ok(Response::new(BatchGetBatchesReply {
            batches: views.iter().map(convert::batch).collect(),
        }))
    }

    async fn list_batches(&self, request: Request<ListBatchesRequest>) -> Answer<ListBatchesReply> {
        let caller = grpc::require(&request, Operation::ReadBatches)?;
        let organization = grpc::organization(&caller)?;
        let (window, with_total) = convert::window(request.into_inner().page)?;
        let listed = self.app.list_batches(organization, window, with_total).await;
        let (page, total) = listed.map_err(Failure::status)?;
        Ok(Response::new(ListBatchesReply {
            page: Some(convert::page_info(&page, total)),
            batches: page.edges.iter().map(|edge| convert::batch(&edge.node)).collect(),
        }))
    }

    async fn list_skipped(&self, request: Request<ListSkippedRequest>) -> Answer<ListSkippedReply> {
        let caller = grpc::require(&request, Operation::ReadBatches)?;
        let organization = grpc::organization(&caller)?;
        let request = request.into_inner();
        let (window, with_total) = convert::window(request.page)?;
        let Some(id) = id_from(&request.batch_id) else {
            return Ok(Response::new(ListSkippedReply::default()));
        };
        let which = (id, request.reason.as_str());
        let listed = self
            .app
            .list_skipped(organization, which, window, with_total)
            .await;
        let (page, total) = listed.map_err(Failure::status)?;
        Ok(Response::new(ListSkippedReply {
            page: Some(convert::page_info(&page, total)),
            contact_ids: page.edges.iter().map(|edge| bytes_of(edge.node)).collect(),
        }))
    }

    type WatchBatchStream = BatchStream;

    async fn watch_batch(&self, request: Request<WatchBatchRequest>) -> Answer<BatchStream> {
        let caller = grpc::require(&request, Operation::ReadBatches)?;
        let organization = grpc::organization(&caller)?;
        let watched = match id_from(&request.get_ref().id) {
            Some(id) => self.app.watch_batch(organization, id).await,
            None => Ok(None),
        };
        let receiver = watched
            .map_err(Failure::status)?
            .ok_or_else(|| Status::not_found("there is no such batch"))?;
        let token = request.metadata().get("authorization").cloned();
        Ok(Response::new(self.batch_stream(receiver, caller, token)))
    }

    async fn batch_get_portal_access(
        &self,
        request: Request<BatchGetRequest>,
    ) -> Answer<BatchGetPortalAccessReply> {
        let caller = grpc::require(&request, Operation::ReadPortalAccess)?;
        let organization = grpc::organization(&caller)?;
        let ids = ids(request.get_ref())?;
        let found = self
            .app
            .deliveries(organization, ids)
            .await
            .map_err(Failure::status)?;
        let access = found.into_iter().map(|newest| PortalAccess {
            contact_id: bytes_of(newest.contact),
            delivery: Some(newest.state.as_str().to_owned()),
            delivery_error: newest.error,
            reminded_at: newest.reminded_at.map(timestamp),
            next_reminder_at: newest.next_reminder_at.map(timestamp),
        });
        Ok(Response::new(BatchGetPortalAccessReply {
            access: access.collect(),
        }))
    }

    async fn get_landing(&self, request: Request<LinkRequest>) -> Answer<Landing> {
        let landing = self.app.landing(&request.get_ref().token).await;
        Ok(Response::new(convert::landing(landing.map_err(Failure::status)?)))
    }

    async fn get_email_change(&self, request: Request<LinkRequest>) -> Answer<Landing> {
        let landing = self.app.email_change(&request.get_ref().token).await;
        Ok(Response::new(convert::landing(landing.map_err(Failure::status)?)))
    }

    async fn confirm_email_change(&self, request: Request<LinkRequest>) -> Answer<ConfirmEmailChangeReply> {
        grpc::permit(&request, Operation::ConfirmEmailChange)?;
        let confirmed = self.app.confirm_email(&request.get_ref().token).await;
        let refusals = convert::answer(confirmed)?.err().unwrap_or_default();
        Ok(Response::new(ConfirmEmailChangeReply { refusals }))
    }

    async fn accept_invitation(
        &self,
        request: Request<AcceptInvitationRequest>,
    ) -> Answer<AcceptInvitationReply> {
        grpc::permit(&request, Operation::AcceptInvitation)?;
        let request = request.into_inner();
        let accepted = self.app.accept(&request.token, &request.password).await;
        let accepted = convert::answer(accepted)?;
        Ok(Response::new(AcceptInvitationReply {
            accepted: accepted.is_ok(),
            refusals: accepted.err().unwrap_or_default(),
        }))
    }
}

/// Ids that are none find nothing.
fn ids<T: From<uuid::Uuid>>(request: &BatchGetRequest) -> Result<Vec<T>, Status> {
    if request.ids.len() > MOST {
        return Err(grpc::invalid(format!("at most {MOST} ids at once")));
    }
    Ok(request.ids.iter().filter_map(|id| id_from(id)).collect())
}

fn plan_change(change: ReminderPlanChange) -> PlanChange {
    PlanChange {
        days: change.days_given.then_some(change.days),
        before_end: change.before_end,
        quiet_from: change.quiet_from,
        quiet_to: change.quiet_to,
        quiet_weekends: change.quiet_weekends,
    }
}

/// An update: what was given as null goes back to its default; a name has none.
fn change(request: UpdateOrganizationRequest) -> Result<Change, Failure> {
    let mut change = Change {
        name: request.name,
        portal_enabled: request.portal_enabled,
        company_first: request.company_first,
        invitation_life: request.invitation_life,
        placeholder_domains: request.placeholder_domains.map(|list| list.values),
        reply_to: request.reply_to.map(|change| change.value),
        locale: request.locale,
        time_zone: request.time_zone,
        daily: request.daily,
        daily_per_member: request.daily_per_member,
        daily_per_recipient: request.daily_per_recipient,
        reminders: request.reminders.map(|change| Some(plan_change(change))),
    };
    for field in request.nulled {
        match field.as_str() {
            "portalEnabled" | "portal_enabled" => change.portal_enabled = Some(true),
            "companyFirst" => change.company_first = Some(false),
            "invitationLife" | "invitation_life" => change.invitation_life = Some(DEFAULT_LIFE),
            "placeholderDomains" | "placeholder_domains" => change.placeholder_domains = Some(Vec::new()),
            "replyTo" | "reply_to" => change.reply_to = Some(None),
            "locale" => change.locale = Some(DEFAULT_LOCALE.to_owned()),
            "reminders" => change.reminders = Some(None),
            "timeZone" | "time_zone" => change.time_zone = Some(DEFAULT_TIME_ZONE.to_owned()),
            "dailyInvitations" => change.daily = Some(DEFAULT_DAILY),
            "dailyInvitationsPerMember" => change.daily_per_member = Some(DEFAULT_DAILY),
            "dailyInvitationsPerRecipient" => change.daily_per_recipient = Some(DEFAULT_DAILY_PER_RECIPIENT),
            other => return Err(refuse("INVALID", &[other], "this cannot be empty").into()),
        }
    }
    Ok(change)
}
