//! Reading requests. What our own gateway would never send is INVALID_ARGUMENT.

use std::collections::HashSet;
use std::str::FromStr;

use tonic::{Request, Status};
use usher_auth::{Denied, Operation, Permission};
use usher_database::keyset;
use usher_proto::common::v1::{PageRequest, TextChange};
use usher_proto::id_from;
use usher_service::grpc;
use uuid::Uuid;

use crate::app::{Caller, Window};
use crate::storage::status_order::Bounds;

/// Ids of one BatchGet.
const IDS: usize = 2_000;

/// Who asks, if they may.
pub(super) fn caller<T>(request: &Request<T>, operation: Operation) -> Result<Caller, Status> {
    let principal = grpc::require(request, operation)?;
    Ok(Caller {
        organization: grpc::organization(&principal)?,
        principal,
    })
}

/// Who asks for what members see with `contacts.read` and contacts see a part of (I22).
pub(super) fn reader<T>(request: &Request<T>, operation: Operation) -> Result<Caller, Status> {
    let caller = caller(request, operation)?;
    if caller.principal.member().is_some() && !caller.has(Permission::ContactsRead) {
        return Err(grpc::denied(Denied::Forbidden));
    }
    Ok(caller)
}

/// A name of a closed set.
pub(super) fn name<T: FromStr>(name: &str, what: &str) -> Result<T, Status> {
    name.parse()
        .map_err(|_| grpc::invalid(format!("{what} is not known")))
}

/// Names of a closed set.
pub(super) fn names<T: FromStr>(given: &[String], what: &str) -> Result<Vec<T>, Status> {
    given.iter().map(|given| name(given, what)).collect()
}

/// An id that must be one.
pub(super) fn id<T: From<Uuid>>(bytes: &[u8], what: &str) -> Result<T, Status> {
    id_from(bytes).ok_or_else(|| grpc::invalid(format!("{what} is not an id")))
}

/// The ids of a BatchGet, each once; what cannot be an id is left out like what is not there.
pub(super) fn ids<T, B>(given: &[B]) -> Result<Vec<T>, Status>
where
    T: From<Uuid> + Copy + Eq + std::hash::Hash,
    B: AsRef<[u8]>,
{
    if given.len() > IDS {
        return Err(grpc::invalid(format!("at most {IDS} ids at once")));
    }
    let mut seen = HashSet::new();
    let ids = given.iter().filter_map(|bytes| id_from(bytes.as_ref()));
    Ok(ids.filter(|id| seen.insert(*id)).collect())
}

/// The window of a page.
pub(super) fn window(page: Option<PageRequest>) -> Result<Window, Status> {
    let page = page.unwrap_or_default();
    let given = |cursor: &Option<String>| cursor.as_ref().is_some_and(|text| !text.is_empty());
    let bounds = Bounds {
        after: given(&page.after),
        before: given(&page.before),
        backwards: page.last.is_some(),
    };
    let window = keyset::Window::new(page.first, page.after, page.last, page.before)
        .map_err(|error| grpc::invalid(error.to_string()))?;
    Ok(Window {
        window,
        bounds,
        with_total: page.with_total,
    })
}

/// Absent stays; absent inside clears.
pub(super) fn change(given: Option<TextChange>) -> Option<Option<String>> {
    given.map(|change| change.value)
}
