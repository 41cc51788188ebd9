//! What the schema takes, and how it travels on.

mod accounts;
mod contacts;
mod invitations;
mod members;
mod operations;
mod organization;
mod recovery;
mod segments;
mod service_accounts;
mod sessions;

pub use accounts::{CreateAccountInput, LinkContactInput, UnlinkContactInput, UpdateAccountInput};
pub use contacts::{
    AccountFilter, ContactFilter, ContactOrder, ContactSelection, CreateContactInput, SetContactActiveInput,
    UpdateContactInput,
};
pub use invitations::{AcceptInvitationInput, BatchInput, InvitationsInput, SetPortalTogglesInput};
pub use members::{InviteMemberInput, MemberFilter, MemberInput, SetMemberActiveInput, UpdateMemberInput};
pub use operations::{DeadLetterFilter, ReplayDeadLettersInput};
pub use organization::UpdateOrganizationInput;
pub use recovery::{ContactIdInput, RequestPasswordResetInput};
pub use segments::{CreateSegmentInput, DeleteSegmentInput, UpdateSegmentInput};
pub use service_accounts::{
    CreateServiceAccountInput, RotateServiceAccountSecretInput, ServiceAccountFilter,
    SetServiceAccountActiveInput, UpdateServiceAccountInput,
};
pub use sessions::{
    BeginProviderSignInInput, EndSessionInput, FinishProviderSignInInput, ImpersonateContactInput, LinkInput,
    RefreshSessionInput, SignInInput, SignOutInput,
};

use async_graphql::MaybeUndefined;
use usher_proto::common::v1::{StringList, TextChange};

/// A text in an update: left out stays, null clears.
fn text_change(value: MaybeUndefined<String>) -> Option<TextChange> {
    match value {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(TextChange { value: None }),
        MaybeUndefined::Value(value) => Some(TextChange { value: Some(value) }),
    }
}

/// A list in an update: left out stays, null clears.
fn list_change(values: MaybeUndefined<Vec<String>>) -> Option<StringList> {
    match values {
        MaybeUndefined::Undefined => None,
        MaybeUndefined::Null => Some(StringList::default()),
        MaybeUndefined::Value(values) => Some(StringList { values }),
    }
}

/// A value in an update that has no null: the service refuses, or goes back to the default.
fn required<T>(value: MaybeUndefined<T>, name: &str, nulled: &mut Vec<String>) -> Option<T> {
    if value.is_null() {
        nulled.push(name.to_owned());
    }
    value.take()
}
