//! Filters and selections off the wire, within their bounds.

use tonic::Status;
use usher_proto::contacts::v1 as pb;
use usher_proto::{datetime, id_from};
use usher_service::grpc::invalid;

use super::request::{self, names};
use crate::domain::filter::{Condition, DEPTH, Filter, Linked, NODES, SEARCH, SEARCHES, Selection, VALUES};
use crate::domain::search::words;

/// Reads a filter.
pub(super) fn filter(given: Option<&pb::ContactFilter>) -> Result<Filter, Status> {
    let Some(given) = given else {
        return Ok(Filter::All(Vec::new()));
    };
    Reader::default().filter(given, 1)
}

/// Reads a selection.
pub(super) fn selection(given: Option<&pb::ContactSelection>) -> Result<Selection, Status> {
    use pb::contact_selection::Of;
    match given.and_then(|given| given.of.as_ref()) {
        Some(Of::Ids(ids)) => {
            // What cannot be an id is nobody's.
            let mut ids: Vec<_> = ids.ids.iter().filter_map(|bytes| id_from(bytes)).collect();
            ids.sort_unstable();
            ids.dedup();
            Ok(Selection::Ids(ids))
        }
        Some(Of::Filter(given)) => filter(Some(given)).map(Selection::Filter),
        Some(Of::AccountIds(ids)) => {
            let ids = ids.ids.iter().filter_map(|bytes| id_from(bytes)).collect();
            Ok(Selection::Accounts(ids))
        }
        Some(Of::SegmentId(_)) => Err(invalid("a segment is looked up before its contacts are")),
        Some(Of::Linked(given)) => linked(given).map(Selection::Linked),
        None => Err(invalid("the selection says nothing")),
    }
}

fn linked(given: &pb::LinkedContacts) -> Result<Linked, Status> {
    let contact = given.contact_id.as_ref();
    let since = given
        .since
        .map(|at| datetime(at).ok_or_else(|| invalid("since is no time")));
    Ok(Linked {
        accounts: given
            .account_ids
            .iter()
            .filter_map(|bytes| id_from(bytes))
            .collect(),
        only: contact
            .map(|bytes| request::id(bytes, "contact_id"))
            .transpose()?,
        except: given
            .except_contact_ids
            .iter()
            .filter_map(|bytes| id_from(bytes))
            .collect(),
        since: since.transpose()?,
    })
}

/// What was met so far.
#[derive(Default)]
struct Reader {
    nodes: usize,
    searches: usize,
}

impl Reader {
    fn filter(&mut self, given: &pb::ContactFilter, depth: usize) -> Result<Filter, Status> {
        self.nodes += 1;
        if depth > DEPTH {
            return Err(invalid(format!("a filter can be nested at most {DEPTH} deep")));
        }
        if self.nodes > NODES {
            return Err(invalid(format!("a filter can have at most {NODES} parts")));
        }
        self.searches += usize::from(given.search.is_some());
        if self.searches > SEARCHES {
            return Err(invalid(format!("a filter can have at most {SEARCHES} searches")));
        }
        let mut parts: Vec<Filter> = conditions(given)?.into_iter().map(Filter::Is).collect();
        for part in &given.and {
            parts.push(self.filter(part, depth + 1)?);
        }
        if given.or_given || !given.or.is_empty() {
            let any = given
                .or
                .iter()
                .map(|part| self.filter(part, depth + 1))
                .collect::<Result<_, _>>()?;
            parts.push(Filter::Any(any));
        }
        if let Some(part) = &given.not {
            parts.push(Filter::Not(Box::new(self.filter(part, depth + 1)?)));
        }
        Ok(Filter::All(parts))
    }
}

fn conditions(given: &pb::ContactFilter) -> Result<Vec<Condition>, Status> {
    let mut conditions = Vec::new();
    if let Some(search) = &given.search {
        if search.chars().count() > SEARCH {
            return Err(invalid(format!("a search can have at most {SEARCH} characters")));
        }
        conditions.push(Condition::Search(words(search)));
    }
    if is_given(given.roles_given, &given.roles)? {
        conditions.push(Condition::Roles(names(&given.roles, "role")?));
    }
    if is_given(given.tags_given, &given.tags)? {
        let tags = given.tags.iter().map(|tag| tag.trim().replace('\0', ""));
        conditions.push(Condition::Tags(tags.collect()));
    }
    if let Some(active) = given.active {
        conditions.push(Condition::Active(active));
    }
    if let Some(test) = given.test {
        conditions.push(Condition::Test(test));
    }
    if is_given(given.portal_status_given, &given.portal_status)? {
        let statuses = names(&given.portal_status, "portal status")?;
        conditions.push(Condition::PortalStatus(statuses));
    }
    if let Some(pending) = given.pending_activation {
        conditions.push(Condition::PendingActivation(pending));
    }
    if let Some(signed_in) = given.signed_in {
        conditions.push(Condition::SignedIn(signed_in));
    }
    if is_given(given.account_ids_given, &given.account_ids)? {
        let accounts = given.account_ids.iter().filter_map(|bytes| id_from(bytes));
        conditions.push(Condition::Accounts(accounts.collect()));
    }
    Ok(conditions)
}

/// Whether a list was given at all: one that is given and empty matches nobody.
fn is_given<T>(said: bool, values: &[T]) -> Result<bool, Status> {
    if values.len() > VALUES {
        return Err(invalid(format!(
            "a list in a filter can have at most {VALUES} values"
        )));
    }
    Ok(said || !values.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> pb::ContactFilter {
        let mut filter = pb::ContactFilter {
            active: Some(true),
            ..Default::default()
        };
        for _ in 1..depth {
            filter = pb::ContactFilter {
                not: Some(Box::new(filter)),
                ..Default::default()
            };
        }
        filter
    }

    #[test]
    fn c8_filters_are_at_most_sixteen_deep() {
        assert!(filter(Some(&nested(DEPTH))).is_ok());
        let refused = filter(Some(&nested(DEPTH + 1))).unwrap_err();
        assert_eq!(refused.code(), tonic::Code::InvalidArgument);
    }

    #[test]
    fn c8_filters_are_bounded_in_breadth() {
        let wide = |parts| pb::ContactFilter {
            and: vec![pb::ContactFilter::default(); parts],
            ..Default::default()
        };
        assert!(filter(Some(&wide(NODES - 1))).is_ok());
        assert_eq!(
            filter(Some(&wide(NODES))).unwrap_err().code(),
            tonic::Code::InvalidArgument
        );
        let searching = |searches| pb::ContactFilter {
            or: vec![
                pb::ContactFilter {
                    search: Some("ada".to_owned()),
                    ..Default::default()
                };
                searches
            ],
            ..Default::default()
        };
        assert!(filter(Some(&searching(SEARCHES))).is_ok());
        assert_eq!(
            filter(Some(&searching(SEARCHES + 1))).unwrap_err().code(),
            tonic::Code::InvalidArgument
        );
        let long = pb::ContactFilter {
            tags: vec!["x".to_owned(); VALUES + 1],
            ..Default::default()
        };
        assert_eq!(
            filter(Some(&long)).unwrap_err().code(),
            tonic::Code::InvalidArgument
        );
    }

    #[test]
    fn c8_a_list_that_is_given_and_empty_is_a_condition() {
        let given = pb::ContactFilter {
            roles_given: true,
            or_given: true,
            ..Default::default()
        };
        let expected = Filter::All(vec![Filter::Is(Condition::Roles(vec![])), Filter::Any(vec![])]);
        assert_eq!(filter(Some(&given)).unwrap(), expected);
        assert_eq!(
            filter(Some(&pb::ContactFilter::default())).unwrap(),
            Filter::All(vec![])
        );
        assert_eq!(filter(None).unwrap(), Filter::All(vec![]));
    }
}
