//! The gRPC edge.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_database::{Database, Scope, is_unavailable};
use usher_events::Withdrawn;
use usher_proto::common::v1::Refusal;
use usher_proto::notifications::v1::notifications_server::Notifications;
use usher_proto::notifications::v1::{
    CancelMessagesReply, CancelMessagesRequest, HoldMailingReply, HoldMailingRequest, PreviewInvitationReply,
    PreviewInvitationRequest, WithdrawnInvitation,
};
use usher_proto::{datetime, id_from};
use usher_service::grpc::{internal, invalid, organization, require, unavailable};
use usher_types::SharedClock;

use crate::app::{self, Mover, Preview, PreviewError};
use crate::domain::check::Problem;
use crate::storage::{self, Hold};

/// Answers the service's calls.
#[derive(Clone, Debug)]
pub struct Api {
    database: Database,
    clock: SharedClock,
    public_url: String,
    mover: Mover,
}

impl Api {
    /// `public_url` has no slash at its end.
    #[must_use]
    pub const fn new(database: Database, clock: SharedClock, public_url: String, mover: Mover) -> Self {
        Self {
            database,
            clock,
            public_url,
            mover,
        }
    }
}

#[tonic::async_trait]
impl Notifications for Api {
    async fn preview_invitation(
        &self,
        request: Request<PreviewInvitationRequest>,
    ) -> Result<Response<PreviewInvitationReply>, Status> {
        let caller = require(&request, Operation::PreviewInvitation)?;
        organization(&caller)?;
        let asked = request.into_inner();
        let recipient = asked.recipient.as_ref();
        let expires_at = asked.expires_at.and_then(datetime);
        if recipient.is_some() && expires_at.is_none() {
            return Err(invalid("expires_at is needed to render"));
        }
        let preview = Preview {
            organization_name: &asked.organization_name,
            invited_by: asked.invited_by.as_deref(),
            subject: asked.subject.as_deref(),
            body: asked.body.as_deref(),
            message: asked.message.as_deref(),
            locales: [
                recipient.and_then(|one| one.locale.as_deref()),
                Some(&asked.locale),
            ],
            time_zones: [
                recipient.and_then(|one| one.time_zone.as_deref()),
                Some(&asked.time_zone),
            ],
            recipient: recipient.map(|one| (one.first_name.as_str(), one.last_name.as_str())),
            expires_at: expires_at.unwrap_or_else(|| self.clock.now()),
            account_names: asked.account_names.as_deref(),
        };
        let reply = match app::preview(&self.public_url, &preview) {
            Ok(content) => {
                let content = content.map(|content| (content.subject, content.text, content.html));
                let (subject, text, html) = content.unwrap_or_default();
                PreviewInvitationReply {
                    subject,
                    text,
                    html,
                    refusals: Vec::new(),
                }
            }
            Err(PreviewError::Problems(problems)) => PreviewInvitationReply {
                refusals: problems.into_iter().map(refusal).collect(),
                ..Default::default()
            },
            Err(error @ PreviewError::Template(_)) => return Err(internal(&error)),
        };
        Ok(Response::new(reply))
    }

    async fn cancel_messages(
        &self,
        request: Request<CancelMessagesRequest>,
    ) -> Result<Response<CancelMessagesReply>, Status> {
        let caller = require(&request, Operation::CancelMessages)?;
        let organization = organization(&caller)?;
        let asked = request.into_inner();
        if id_from(&asked.organization_id) != Some(organization) {
            return Err(invalid("organization_id is not that of the token"));
        }
        let withdrawn: Option<Vec<Withdrawn>> = asked.withdrawn.iter().map(withdrawn).collect();
        let withdrawn = withdrawn.ok_or_else(|| invalid("ids are 16 bytes each"))?;
        let ended: Vec<_> = withdrawn.into_iter().map(|one| (organization, one)).collect();
        let work = async {
            let tx = self.database.write(Scope::Organization(organization)).await?;
            // the same statements as the consumer's, for one letter or a mass
            tx.plan_afresh().await?;
            app::cancel(&tx, &ended, self.clock.now()).await?;
            tx.commit().await
        };
        work.await.map_err(|error| trouble(&error))?;
        Ok(Response::new(CancelMessagesReply {}))
    }

    async fn hold_mailing(
        &self,
        request: Request<HoldMailingRequest>,
    ) -> Result<Response<HoldMailingReply>, Status> {
        let caller = require(&request, Operation::HoldMailing)?;
        let organization = organization(&caller)?;
        let asked = request.into_inner();
        if id_from(&asked.organization_id) != Some(organization) {
            return Err(invalid("organization_id is not that of the token"));
        }
        let hold = Hold {
            organization,
            mailing: id_from(&asked.mailing_id).ok_or_else(|| invalid("ids are 16 bytes each"))?,
            held: asked.held,
            version: asked.version,
        };
        let work = async {
            let tx = self.database.write(Scope::Organization(organization)).await?;
            storage::set_holds(&tx, &[hold], self.clock.now()).await?;
            tx.commit().await
        };
        work.await.map_err(|error| trouble(&error))?;
        self.mover.wake();
        Ok(Response::new(HoldMailingReply {}))
    }
}

fn trouble(error: &sea_orm::DbErr) -> Status {
    if is_unavailable(error) {
        unavailable(error)
    } else {
        internal(error)
    }
}

fn withdrawn(asked: &WithdrawnInvitation) -> Option<Withdrawn> {
    Some(Withdrawn {
        invitation_id: id_from(&asked.invitation_id)?,
        contact_id: match &asked.contact_id {
            Some(id) => Some(id_from(id)?),
            None => None,
        },
    })
}

fn refusal(problem: Problem) -> Refusal {
    Refusal {
        code: problem.code.as_str().to_owned(),
        field: vec![problem.field.as_str().to_owned()],
        message: problem.text,
        contact_id: None,
        retry_after: None,
    }
}
