//! One table of what each remote procedure asks of its caller.

use crate::{Permission, Principal, Service, Subject};

/// Why a caller is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// There is no valid token.
    #[error("sign in first")]
    Unauthenticated,
    /// The token's holder may not do this.
    #[error("this needs a permission that you do not have")]
    Forbidden,
    /// The session may only look (I14).
    #[error("this session may look, not change")]
    ReadOnlySession,
}

/// Whom an operation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Everybody, without a token.
    Public,
    /// Every member and every contact who is signed in. Here as below a service account counts as a member.
    SignedIn,
    /// Every member.
    AnyMember,
    /// Members with this permission.
    Member(Permission),
    /// These of our services.
    Services(&'static [Service]),
    /// Members with this permission, and these of our services.
    MemberOrServices(Permission, &'static [Service]),
    /// Every member and every contact who is signed in, and these of our services.
    SignedInOrServices(&'static [Service]),
}

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident: $access:expr, $kind:ident;)+) => {
        /// A remote procedure of our services.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Operation { $($(#[$doc])* $name),+ }

        impl Operation {
            /// Every operation.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Whom it is for.
            #[must_use]
            pub const fn access(self) -> Access {
                match self { $(Self::$name => $access),+ }
            }

            /// Whether it is about the person who asks, whom a service account is not.
            #[must_use]
            pub const fn is_personal(self) -> bool {
                matches!(
                    self,
                    Self::CreateTestClient | Self::EndSession | Self::ImpersonateContact | Self::ListSessions
                )
            }

            /// Whether it changes anything, and so is refused to a read-only session.
            #[must_use]
            pub const fn writes(self) -> bool {
                match self { $(Self::$name => operations!(@writes $kind)),+ }
            }
        }
    };
    (@writes read) => { false };
    (@writes write) => { true };
}

use Access::{AnyMember, Member, MemberOrServices, Public, Services, SignedIn, SignedInOrServices};
use Permission::{
    ContactsRead, ContactsWrite, MembersManage, OperationsManage, PortalImpersonate, PortalInvite,
    SettingsWrite,
};

const INVITATIONS: &[Service] = &[Service::Invitations];

operations! {
    /// contacts: CreateContact. With `invite` also `portal.invite`.
    CreateContact: Member(ContactsWrite), write;
    /// contacts: CreateTestClient.
    CreateTestClient: Member(ContactsWrite), write;
    /// contacts: UpdateContact.
    UpdateContact: Member(ContactsWrite), write;
    /// contacts: SetContactActive.
    SetContactActive: Member(ContactsWrite), write;
    /// contacts: CreateAccount.
    CreateAccount: Member(ContactsWrite), write;
    /// contacts: UpdateAccount.
    UpdateAccount: Member(ContactsWrite), write;
    /// contacts: LinkContact.
    LinkContact: Member(ContactsWrite), write;
    /// contacts: UnlinkContact.
    UnlinkContact: Member(ContactsWrite), write;
    /// contacts: SetToggles.
    SetToggles: Member(ContactsWrite), write;
    /// contacts: ListContacts, ListIneligible.
    ListContacts: Member(ContactsRead), read;
    /// contacts: ListAccounts.
    ListAccounts: Member(ContactsRead), read;
    /// contacts: ListActivity.
    ListActivity: Member(ContactsRead), read;
    /// contacts: BatchGetContacts. A contact sees themself and who shares their accounts (I22).
    GetContacts: SignedInOrServices(INVITATIONS), read;
    /// contacts: BatchGetAccounts. A contact sees those with login on (I22).
    GetAccounts: SignedIn, read;
    /// contacts: BatchGetLinks, LinksOfContacts, LinksOfAccounts.
    GetLinks: SignedIn, read;
    /// contacts: CreateSegment.
    CreateSegment: Member(ContactsWrite), write;
    /// contacts: UpdateSegment.
    UpdateSegment: Member(ContactsWrite), write;
    /// contacts: DeleteSegment.
    DeleteSegment: Member(ContactsWrite), write;
    /// contacts: ListSegments, BatchGetSegments.
    ReadSegments: Member(ContactsRead), read;
    /// contacts: PreviewSelection.
    PreviewSelection: MemberOrServices(PortalInvite, INVITATIONS), read;
    /// contacts: WalkSelection.
    WalkSelection: Services(INVITATIONS), read;
    /// contacts: AwaitPortal.
    AwaitPortal: MemberOrServices(ContactsRead, INVITATIONS), read;

    /// invitations: GetOrganization.
    GetOrganization: SignedIn, read;
    /// invitations: UpdateOrganization.
    UpdateOrganization: Member(SettingsWrite), write;
    /// invitations: BatchGetMembers, ListMembers.
    GetMembers: AnyMember, read;
    /// invitations: InviteMember.
    InviteMember: Member(MembersManage), write;
    /// invitations: UpdateMember.
    UpdateMember: Member(MembersManage), write;
    /// invitations: SetMemberActive.
    SetMemberActive: Member(MembersManage), write;
    /// invitations: ResendMemberInvitation.
    ResendMemberInvitation: Member(MembersManage), write;
    /// invitations: CancelMemberInvitation.
    CancelMemberInvitation: Member(MembersManage), write;
    /// invitations: BatchGetServiceAccounts. Without `members.manage` a service account sees itself, a member none.
    GetServiceAccounts: AnyMember, read;
    /// invitations: ListServiceAccounts.
    ListServiceAccounts: Member(MembersManage), read;
    /// invitations: CreateServiceAccount.
    CreateServiceAccount: Member(MembersManage), write;
    /// invitations: UpdateServiceAccount.
    UpdateServiceAccount: Member(MembersManage), write;
    /// invitations: SetServiceAccountActive.
    SetServiceAccountActive: Member(MembersManage), write;
    /// invitations: RotateServiceAccountSecret.
    RotateServiceAccountSecret: Member(MembersManage), write;
    /// invitations: IssueToken. Its own id and secret are what a service account shows.
    IssueToken: Public, write;
    /// invitations: StartBatch. More than one contact also needs `email.bulk` (I15).
    StartBatch: Member(PortalInvite), write;
    /// invitations: CheckInvitation. More than one contact also needs `email.bulk` (I15).
    CheckInvitation: Member(PortalInvite), read;
    /// invitations: CancelBatch.
    CancelBatch: Member(PortalInvite), write;
    /// invitations: PauseBatch.
    PauseBatch: Member(PortalInvite), write;
    /// invitations: ResumeBatch. A batch that needed `email.bulk` needs it again (I15).
    ResumeBatch: Member(PortalInvite), write;
    /// invitations: BatchGetBatches, ListBatches, ListSkipped, WatchBatch, StreamResults.
    ReadBatches: Member(ContactsRead), read;
    /// invitations: BatchGetPortalAccess.
    ReadPortalAccess: Member(ContactsRead), read;
    /// invitations: ExplainAccess.
    ExplainAccess: Member(ContactsRead), read;
    /// invitations: GetFunnel.
    ReadFunnel: Member(ContactsRead), read;
    /// invitations: GetLanding.
    GetLanding: Public, read;
    /// invitations: AcceptInvitation.
    AcceptInvitation: Public, write;
    /// invitations: GetEmailChange.
    GetEmailChange: Public, read;
    /// invitations: ConfirmEmailChange.
    ConfirmEmailChange: Public, write;
    /// invitations: RequestPasswordReset.
    RequestPasswordReset: Public, write;
    /// invitations: SendPasswordReset.
    SendPasswordReset: Member(PortalInvite), write;
    /// invitations: GetPasswordReset.
    GetPasswordReset: Public, read;
    /// invitations: ResetPassword.
    ResetPassword: Public, write;
    /// invitations: RequestNewLink.
    RequestNewLink: Public, write;
    /// invitations: DeclineInvitation.
    DeclineInvitation: Public, write;
    /// invitations: SignIn.
    SignIn: Public, write;
    /// invitations: GetSignInOptions.
    GetSignInOptions: Public, read;
    /// invitations: BeginProviderSignIn, FinishProviderSignIn.
    ProviderSignIn: Public, write;
    /// invitations: RefreshSession.
    RefreshSession: Public, write;
    /// invitations: SignOut; also ends a read-only session (I14).
    SignOut: Public, read;
    /// invitations: ListSessions.
    ListSessions: SignedIn, read;
    /// invitations: EndSession, EndOtherSessions.
    EndSession: SignedIn, write;
    /// invitations: ImpersonateContact.
    ImpersonateContact: Member(PortalImpersonate), write;
    /// invitations: GetImpersonator.
    GetImpersonator: SignedIn, read;
    /// invitations: WatchRevocations.
    WatchRevocations: Services(&[Service::Gateway, Service::Contacts, Service::Notifications]), read;
    /// invitations: GetJwks.
    GetJwks: Public, read;

    /// notifications: PreviewInvitation.
    PreviewInvitation: MemberOrServices(PortalInvite, INVITATIONS), read;
    /// notifications: CancelMessages.
    CancelMessages: Services(INVITATIONS), write;
    /// notifications: HoldMailing.
    HoldMailing: Services(INVITATIONS), write;

    /// every service: ListDeadLetters.
    ListDeadLetters: Member(OperationsManage), read;
    /// every service: ReplayDeadLetters.
    ReplayDeadLetters: Member(OperationsManage), write;
}

/// Whether the caller may.
///
/// # Errors
/// [`Denied`], saying which of the three reasons holds.
pub fn authorize(principal: Option<&Principal>, operation: Operation) -> Result<(), Denied> {
    let Some(caller) = principal else {
        return match operation.access() {
            Public => Ok(()),
            _ => Err(Denied::Unauthenticated),
        };
    };
    let permitted = match (operation.access(), caller.subject) {
        (Public, _) => true,
        (_, Subject::ServiceAccount(_)) if operation.is_personal() => false,
        (
            SignedIn | SignedInOrServices(_),
            Subject::Member(_) | Subject::ServiceAccount(_) | Subject::Contact(_),
        ) => true,
        (AnyMember, Subject::Member(_) | Subject::ServiceAccount(_)) => true,
        (
            Member(permission) | MemberOrServices(permission, _),
            Subject::Member(_) | Subject::ServiceAccount(_),
        ) => caller.has(permission),
        (
            Services(services) | MemberOrServices(_, services) | SignedInOrServices(services),
            Subject::Service(service),
        ) => services.contains(&service),
        _ => false,
    };
    match (permitted, caller.read_only && operation.writes()) {
        (_, true) => Err(Denied::ReadOnlySession),
        (true, false) => Ok(()),
        (false, false) => Err(Denied::Forbidden),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeZone, Utc};
    use usher_types::{ContactId, MemberId, OrganizationId};

    use super::*;
    use crate::PermissionSet;

    fn caller(subject: Subject, permissions: PermissionSet, read_only: bool) -> Principal {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        Principal {
            organization: Some(OrganizationId::new(at)),
            subject,
            session: None,
            permissions,
            read_only,
            acting_member: None,
            expires_at: at,
        }
    }

    #[test]
    fn nobody_gets_past_what_is_not_public() {
        for &operation in Operation::ALL {
            let expected = if operation.access() == Public {
                Ok(())
            } else {
                Err(Denied::Unauthenticated)
            };
            assert_eq!(authorize(None, operation), expected, "{operation:?}");
        }
    }

    #[test]
    fn i14_read_only_sessions_are_refused_every_write() {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let everything = caller(Subject::Member(MemberId::new(at)), PermissionSet::all(), true);
        for &operation in Operation::ALL.iter().filter(|operation| operation.writes()) {
            assert_eq!(
                authorize(Some(&everything), operation),
                Err(Denied::ReadOnlySession),
                "{operation:?}"
            );
        }
    }

    #[test]
    fn i15_a_member_needs_the_permission_and_a_contact_never_passes_for_one() {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let without = caller(Subject::Member(MemberId::new(at)), PermissionSet::NONE, false);
        let with = caller(
            Subject::Member(MemberId::new(at)),
            [ContactsWrite].into_iter().collect(),
            false,
        );
        let contact = caller(Subject::Contact(ContactId::new(at)), PermissionSet::all(), false);
        assert_eq!(
            authorize(Some(&without), Operation::CreateContact),
            Err(Denied::Forbidden)
        );
        assert_eq!(authorize(Some(&with), Operation::CreateContact), Ok(()));
        assert_eq!(
            authorize(Some(&contact), Operation::CreateContact),
            Err(Denied::Forbidden)
        );
        assert_eq!(authorize(Some(&contact), Operation::GetAccounts), Ok(()));
    }

    #[test]
    fn i15_a_service_account_counts_as_a_member_but_is_nobody_in_person() {
        let at = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let program = caller(
            Subject::ServiceAccount(MemberId::new(at)),
            PermissionSet::all(),
            false,
        );
        let person = caller(Subject::Member(MemberId::new(at)), PermissionSet::all(), false);
        let differs: Vec<_> = Operation::ALL
            .iter()
            .filter(|&&operation| authorize(Some(&program), operation) != authorize(Some(&person), operation))
            .collect();
        assert_eq!(
            differs,
            [
                &Operation::CreateTestClient,
                &Operation::ListSessions,
                &Operation::EndSession,
                &Operation::ImpersonateContact,
            ]
        );
        let without = caller(
            Subject::ServiceAccount(MemberId::new(at)),
            PermissionSet::NONE,
            false,
        );
        assert_eq!(
            authorize(Some(&without), Operation::CreateContact),
            Err(Denied::Forbidden)
        );
    }

    #[test]
    fn services_reach_only_what_is_theirs() {
        let invitations = caller(Subject::Service(Service::Invitations), PermissionSet::NONE, false);
        let contacts = caller(Subject::Service(Service::Contacts), PermissionSet::NONE, false);
        assert_eq!(authorize(Some(&invitations), Operation::WalkSelection), Ok(()));
        assert_eq!(
            authorize(Some(&contacts), Operation::WalkSelection),
            Err(Denied::Forbidden)
        );
        assert_eq!(
            authorize(Some(&invitations), Operation::CreateContact),
            Err(Denied::Forbidden)
        );
    }
}
