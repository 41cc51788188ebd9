//! The service `Members`.

use tonic::{Request, Response, Status};
use usher_auth::Operation;
use usher_proto::id_from;
use usher_proto::invitations::v1::members_server::Members;
use usher_proto::invitations::v1::{
    InviteMemberRequest, ListMembersReply, ListMembersRequest, MemberReply, MemberRequest,
    SetMemberActiveRequest, UpdateMemberRequest,
};
use usher_service::grpc;

use super::{Edge, convert};
use crate::app::{Failure, MemberChange, NewMember};
use crate::storage::member::{Member, Which};

type Answer<T> = Result<Response<T>, Status>;

#[tonic::async_trait]
impl Members for Edge {
    async fn list_members(&self, request: Request<ListMembersRequest>) -> Answer<ListMembersReply> {
        let caller = grpc::require(&request, Operation::GetMembers)?;
        let organization = grpc::organization(&caller)?;
        let request = request.into_inner();
        let (window, with_total) = convert::window(request.page)?;
        let which = Which {
            service_accounts: false,
            active: request.active,
        };
        let listed = self
            .app
            .list_members(organization, which, window, with_total)
            .await;
        let (page, total) = listed.map_err(Failure::status)?;
        let now = self.app.now();
        Ok(Response::new(ListMembersReply {
            page: Some(convert::page_info(&page, total)),
            members: page
                .edges
                .iter()
                .map(|edge| convert::member(&edge.node, now))
                .collect(),
        }))
    }

    async fn invite_member(&self, request: Request<InviteMemberRequest>) -> Answer<MemberReply> {
        let caller = grpc::require(&request, Operation::InviteMember)?;
        let request = request.into_inner();
        let new = NewMember {
            email: request.email,
            display_name: request.display_name,
            role: request.role,
            permissions: request.permissions.map(|list| list.values),
        };
        self.member_reply(self.app.invite_member(&caller, new).await)
    }

    async fn update_member(&self, request: Request<UpdateMemberRequest>) -> Answer<MemberReply> {
        let caller = grpc::require(&request, Operation::UpdateMember)?;
        let request = request.into_inner();
        let change = MemberChange {
            id: id_from(&request.id),
            expected_version: request.expected_version,
            display_name: request.display_name,
            role: request.role,
            permissions: request.permissions.map(|list| list.values),
        };
        self.member_reply(self.app.update_member(&caller, change).await)
    }

    async fn set_member_active(&self, request: Request<SetMemberActiveRequest>) -> Answer<MemberReply> {
        let caller = grpc::require(&request, Operation::SetMemberActive)?;
        let request = request.into_inner();
        let id = id_from(&request.id);
        self.member_reply(self.app.set_member_active(&caller, id, request.active).await)
    }

    async fn resend_member_invitation(&self, request: Request<MemberRequest>) -> Answer<MemberReply> {
        let caller = grpc::require(&request, Operation::ResendMemberInvitation)?;
        let id = id_from(&request.get_ref().id);
        self.member_reply(self.app.resend_member_invitation(&caller, id).await)
    }

    async fn cancel_member_invitation(&self, request: Request<MemberRequest>) -> Answer<MemberReply> {
        let caller = grpc::require(&request, Operation::CancelMemberInvitation)?;
        let id = id_from(&request.get_ref().id);
        self.member_reply(self.app.cancel_member_invitation(&caller, id).await)
    }
}

impl Edge {
    fn member_reply(&self, result: Result<Member, Failure>) -> Answer<MemberReply> {
        Ok(Response::new(match convert::answer(result)? {
            Ok(member) => MemberReply {
                member: Some(convert::member(&member, self.app.now())),
                refusals: Vec::new(),
            },
            Err(refusals) => MemberReply {
                member: None,
                refusals,
            },
        }))
    }
}
