//! Use cases: each opens its transaction, asks the domain, writes rows and outbox, and commits.

mod accept;
mod account_access;
mod add_organization;
mod batch_view;
mod cancel_batch;
mod check_invitation;
mod chunk;
mod confirm_email;
mod contact_news;
mod context;
mod email_change;
mod explain;
mod failure;
mod fingerprint;
mod finish;
mod follow_up;
mod forgotten;
mod funnel;
mod hasher;
mod hold;
mod invite_command;
mod issue;
mod keys;
mod landing;
mod mail_news;
mod meters;
mod organization;
mod pause_batch;
mod preview;
mod readdress;
mod recipient;
mod refresh;
mod reissue;
mod remind;
mod reset_password;
mod revoked;
mod selection;
mod send_reset;
mod sign_in;
mod sign_out;
mod start_batch;
mod sweep;
mod tokens;
mod watch;
mod worker;

pub use add_organization::{
    AddOrganizationError, Administrator, NewOrganization, OrganizationOffice, add_organization,
    has_organization,
};

pub(crate) use batch_view::BatchView;
pub(crate) use check_invitation::Linked;
pub(crate) use context::{App, Inner};
pub(crate) use failure::{Failure, refuse};
pub(crate) use finish::Ending;
pub(crate) use forgotten::Forgotten;
pub(crate) use funnel::{Asked, Funnel};
pub(crate) use hasher::Hasher;
pub(crate) use keys::Signer;
pub(crate) use landing::Landing;
pub(crate) use mail_news::Moved;
pub(crate) use meters::Meters;
pub(crate) use organization::organization_changed;
pub(crate) use revoked::RevokedNow;
pub(crate) use sign_in::SignIn;
pub(crate) use start_batch::StartBatch;
pub(crate) use tokens::NewSession;
