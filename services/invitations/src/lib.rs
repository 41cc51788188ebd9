//! Owner of organizations, members, sessions, portal access, invitations and batches.

mod app;
mod consumers;
pub mod domain;
mod first_start;
mod grpc;
mod providers;
mod run;
mod storage;

pub use app::{
    AddOrganizationError, Administrator, NewOrganization, OrganizationOffice, RotateKeysError, Rotation,
    add_organization, has_organization, known_people, resync, rotate_keys,
};
pub use first_start::{FirstAdministrator, first_start};
pub use run::{Workshop, check_settings, run};
