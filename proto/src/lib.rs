//! The only contract between our processes, generated from the files beside this crate.

mod convert;

pub use convert::{bytes_of, datetime, id_from, timestamp};

/// Shared by all.
pub mod common {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("usher.common.v1");
    }
}

/// Contacts, accounts, links, selections.
pub mod contacts {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("usher.contacts.v1");
    }
}

/// Organizations, members, sessions, portal access, invitations, batches.
pub mod invitations {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("usher.invitations.v1");
    }
}

/// E-mail.
pub mod notifications {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("usher.notifications.v1");
    }
}

/// What operators look after in every service.
pub mod operations {
    /// Version 1.
    pub mod v1 {
        tonic::include_proto!("usher.operations.v1");
    }
}
