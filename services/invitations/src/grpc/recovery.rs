//! The service `Recovery`.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::id_from;
use usher_proto::invitations::v1::recovery_server::Recovery;
use usher_proto::invitations::v1::{
    DeclineInvitationReply, Landing, LinkRequest, NewLinkRequest, RequestNewLinkReply,
    RequestPasswordResetReply, RequestPasswordResetRequest, ResetPasswordReply, ResetPasswordRequest,
    SendPasswordResetReply, SendPasswordResetRequest,
};
use usher_service::grpc;

use super::{Edge, convert};
use crate::app::{Failure, Forgotten, refuse};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Recovery for Edge {
    async fn request_password_reset(
        &self,
        request: Request<RequestPasswordResetRequest>,
    ) -> Answer<RequestPasswordResetReply> {
        grpc::permit(&request, Operation::RequestPasswordReset)?;
        let request = request.into_inner();
        let asked = Forgotten {
            email: &request.email,
            organization: request.organization.as_deref().filter(|slug| !slug.is_empty()),
            source: &request.source,
        };
        let noted = self.app.request_password_reset(asked).await;
        noted.map_err(Failure::status)?;
        Ok(Response::new(RequestPasswordResetReply {}))
    }

    async fn send_password_reset(
        &self,
        request: Request<SendPasswordResetRequest>,
    ) -> Answer<SendPasswordResetReply> {
        let caller = grpc::require(&request, Operation::SendPasswordReset)?;
        let sent = match id_from(&request.get_ref().contact_id) {
            Some(contact) => self.app.send_password_reset(&caller, contact).await,
            None => Err(refuse("NOT_FOUND", &["contactId"], "there is no such contact").into()),
        };
        Ok(Response::new(SendPasswordResetReply {
            refusals: convert::answer(sent)?.err().unwrap_or_default(),
        }))
    }

    async fn get_password_reset(&self, request: Request<LinkRequest>) -> Answer<Landing> {
        let landing = self.app.password_reset(&request.get_ref().token).await;
        Ok(Response::new(convert::landing(landing.map_err(Failure::status)?)))
    }

    async fn reset_password(&self, request: Request<ResetPasswordRequest>) -> Answer<ResetPasswordReply> {
        grpc::permit(&request, Operation::ResetPassword)?;
        let request = request.into_inner();
        let reset = self.app.reset_password(&request.token, &request.password).await;
        let reset = convert::answer(reset)?;
        Ok(Response::new(ResetPasswordReply {
            accepted: reset.is_ok(),
            refusals: reset.err().unwrap_or_default(),
        }))
    }

    async fn request_new_link(&self, request: Request<NewLinkRequest>) -> Answer<RequestNewLinkReply> {
        grpc::permit(&request, Operation::RequestNewLink)?;
        let request = request.into_inner();
        let asked = self.app.request_new_link(&request.token, &request.source).await;
        asked.map_err(Failure::status)?;
        Ok(Response::new(RequestNewLinkReply {}))
    }

    async fn decline_invitation(&self, request: Request<LinkRequest>) -> Answer<DeclineInvitationReply> {
        grpc::permit(&request, Operation::DeclineInvitation)?;
        let declined = self.app.decline(&request.get_ref().token).await;
        Ok(Response::new(DeclineInvitationReply {
            refusals: convert::answer(declined)?.err().unwrap_or_default(),
        }))
    }
}
