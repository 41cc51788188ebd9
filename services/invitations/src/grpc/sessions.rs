//! The service `Sessions`.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::id_from;
use usher_proto::invitations::v1::sessions_server::Sessions;
use usher_proto::invitations::v1::{
    BeginProviderSignInReply, BeginProviderSignInRequest, EndOtherSessionsReply, EndOtherSessionsRequest,
    EndSessionRequest, FinishProviderSignInRequest, GetImpersonatorReply, GetImpersonatorRequest,
    GetJwksReply, GetJwksRequest, GetSignInOptionsReply, GetSignInOptionsRequest, ImpersonateContactRequest,
    ListSessionsReply, ListSessionsRequest, RefreshSessionRequest, SessionReply, SignInRequest, SignOutReply,
    SignOutRequest, WatchRevocationsRequest,
};
use usher_service::grpc;

use super::streams::RevocationStream;
use super::{Edge, convert};
use crate::app::{CameBack, Failure, Impersonate, NewSession, SignIn};
use crate::domain::session::Kind;

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Sessions for Edge {
    async fn sign_in(&self, request: Request<SignInRequest>) -> Answer<SessionReply> {
        grpc::permit(&request, Operation::SignIn)?;
        let request = request.into_inner();
        let kind = match request.r#as.as_deref() {
            None => None,
            Some(name) => Some(
                Kind::from_name(name)
                    .filter(|kind| *kind != Kind::ServiceAccount)
                    .ok_or_else(|| grpc::invalid("as: MEMBER or CONTACT"))?,
            ),
        };
        let attempt = SignIn {
            email: &request.email,
            password: &request.password,
            organization: request.organization.as_deref().filter(|slug| !slug.is_empty()),
            kind,
            source: &request.source,
            device: request.device.as_deref(),
        };
        session_reply(self.app.sign_in(attempt).await)
    }

    async fn get_sign_in_options(
        &self,
        request: Request<GetSignInOptionsRequest>,
    ) -> Answer<GetSignInOptionsReply> {
        grpc::permit(&request, Operation::GetSignInOptions)?;
        let organization = request.get_ref().organization.as_deref();
        let found = convert::answer(self.app.provider_of(organization).await)?;
        Ok(Response::new(GetSignInOptionsReply {
            provider_of: found.ok().flatten(),
        }))
    }

    async fn begin_provider_sign_in(
        &self,
        request: Request<BeginProviderSignInRequest>,
    ) -> Answer<BeginProviderSignInReply> {
        grpc::permit(&request, Operation::ProviderSignIn)?;
        let request = request.into_inner();
        let begun = self
            .app
            .begin_provider_sign_in(request.organization.as_deref(), &request.redirect_uri)
            .await;
        Ok(Response::new(match convert::answer(begun)? {
            Ok(begun) => BeginProviderSignInReply {
                url: begun.url,
                secret: begun.secret,
                refusals: Vec::new(),
            },
            Err(refusals) => BeginProviderSignInReply {
                refusals,
                ..BeginProviderSignInReply::default()
            },
        }))
    }

    async fn finish_provider_sign_in(
        &self,
        request: Request<FinishProviderSignInRequest>,
    ) -> Answer<SessionReply> {
        grpc::permit(&request, Operation::ProviderSignIn)?;
        let request = request.into_inner();
        let back = CameBack {
            organization: request.organization.as_deref(),
            redirect_uri: &request.redirect_uri,
            secret: &request.secret,
            state: &request.state,
            code: &request.code,
            issuer: request.issuer.as_deref(),
            device: request.device.as_deref(),
        };
        session_reply(self.app.finish_provider_sign_in(back).await)
    }

    async fn refresh_session(&self, request: Request<RefreshSessionRequest>) -> Answer<SessionReply> {
        grpc::permit(&request, Operation::RefreshSession)?;
        session_reply(self.app.refresh(&request.get_ref().refresh_token).await)
    }

    async fn sign_out(&self, request: Request<SignOutRequest>) -> Answer<SignOutReply> {
        let principal = grpc::principal(&request).cloned();
        let token = request.get_ref().refresh_token.as_deref();
        let ended = self.app.sign_out(principal.as_deref(), token).await;
        let ended = convert::answer(ended)?;
        Ok(Response::new(SignOutReply {
            refusals: ended.err().unwrap_or_default(),
        }))
    }

    async fn list_sessions(&self, request: Request<ListSessionsRequest>) -> Answer<ListSessionsReply> {
        let caller = grpc::require(&request, Operation::ListSessions)?;
        let own = self.app.sessions(&caller).await.map_err(Failure::status)?;
        let sessions = own
            .iter()
            .map(|session| convert::live_session(session, caller.session));
        Ok(Response::new(ListSessionsReply {
            sessions: sessions.collect(),
        }))
    }

    async fn end_session(&self, request: Request<EndSessionRequest>) -> Answer<SignOutReply> {
        let caller = grpc::require(&request, Operation::EndSession)?;
        let id = id_from(&request.get_ref().id);
        let ended = convert::answer(self.app.end_session(&caller, id).await)?;
        Ok(Response::new(SignOutReply {
            refusals: ended.err().unwrap_or_default(),
        }))
    }

    async fn end_other_sessions(
        &self,
        request: Request<EndOtherSessionsRequest>,
    ) -> Answer<EndOtherSessionsReply> {
        let caller = grpc::require(&request, Operation::EndSession)?;
        let ended = self.app.end_other_sessions(&caller).await;
        Ok(Response::new(EndOtherSessionsReply {
            ended: ended.map_err(Failure::status)?,
        }))
    }

    async fn impersonate_contact(&self, request: Request<ImpersonateContactRequest>) -> Answer<SessionReply> {
        let caller = grpc::require(&request, Operation::ImpersonateContact)?;
        let request = request.into_inner();
        let wish = Impersonate {
            contact: id_from(&request.contact_id),
            reason: request.reason,
            device: request.device,
        };
        session_reply(self.app.impersonate(&caller, wish).await)
    }

    async fn get_impersonator(
        &self,
        request: Request<GetImpersonatorRequest>,
    ) -> Answer<GetImpersonatorReply> {
        let caller = grpc::require(&request, Operation::GetImpersonator)?;
        let name = self.app.impersonator(&caller).await.map_err(Failure::status)?;
        Ok(Response::new(GetImpersonatorReply { name }))
    }

    type WatchRevocationsStream = RevocationStream;

    async fn watch_revocations(&self, request: Request<WatchRevocationsRequest>) -> Answer<RevocationStream> {
        grpc::require(&request, Operation::WatchRevocations)?;
        let known = self.app.revoked().await.map_err(Failure::status)?;
        Ok(Response::new(self.revocation_stream(known)))
    }

    async fn get_jwks(&self, _: Request<GetJwksRequest>) -> Answer<GetJwksReply> {
        Ok(Response::new(GetJwksReply {
            jwks: self.app.signer.jwks().to_string(),
        }))
    }
}

fn session_reply(result: Result<NewSession, Failure>) -> Answer<SessionReply> {
    Ok(Response::new(match convert::answer(result)? {
        Ok(session) => SessionReply {
            session: Some(convert::session(session)),
            refusals: Vec::new(),
        },
        Err(refusals) => SessionReply {
            session: None,
            refusals,
        },
    }))
}
