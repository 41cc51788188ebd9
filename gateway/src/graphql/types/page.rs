//! Relay connections: one page of a list.

use async_graphql::{Context, Object, SimpleObject};
use usher_proto::common::v1 as wire;

use super::{Account, Activity, Contact, InvitationBatch, Member, Segment, ServiceAccount, count};
use crate::fault::Fault;

/// The longest page.
pub(crate) const LONGEST: i32 = 100;
/// The length of a page where nobody says.
const USUAL: i32 = 50;

/// The arguments of a list.
#[derive(Debug, Default)]
pub(crate) struct Window {
    pub(crate) first: Option<i32>,
    pub(crate) after: Option<String>,
    pub(crate) last: Option<i32>,
    pub(crate) before: Option<String>,
}

impl Window {
    /// As it travels: the whole is counted only where `totalCount` is asked for.
    pub(crate) fn request(self, ctx: &Context<'_>) -> Result<wire::PageRequest, Fault> {
        self.checked(ctx.look_ahead().field("totalCount").exists())
    }

    /// The cursors are looked at by the service that made them.
    fn checked(self, with_total: bool) -> Result<wire::PageRequest, Fault> {
        if self.first.is_some() && self.last.is_some() {
            return Err(Fault::input("give first or last, not both"));
        }
        for (name, given) in [("first", self.first), ("last", self.last)] {
            if given.is_some_and(|given| !(1..=LONGEST).contains(&given)) {
                return Err(Fault::input(format!("{name} is between 1 and {LONGEST}")));
            }
        }
        Ok(wire::PageRequest {
            first: self.first,
            after: self.after,
            last: self.last,
            before: self.before,
            with_total,
        })
    }
}

/// How many nodes a page can have, for the cost of an operation.
pub(crate) fn page_length(asked: Option<i64>) -> u64 {
    let length = asked.unwrap_or(USUAL.into()).clamp(1, LONGEST.into());
    length.unsigned_abs()
}

/// Where a page lies in its list.
#[derive(SimpleObject, Clone, Debug, Default)]
pub struct PageInfo {
    /// Whether there is more after this page.
    has_next_page: bool,
    /// Whether there is more before this page.
    has_previous_page: bool,
    /// The first node's cursor; give it as `before` for the page before.
    start_cursor: Option<String>,
    /// The last node's cursor; give it as `after` for the page after.
    end_cursor: Option<String>,
}

impl PageInfo {
    fn of(page: &wire::PageInfo) -> Self {
        Self {
            has_next_page: page.has_next_page,
            has_previous_page: page.has_previous_page,
            start_cursor: page.cursors.first().cloned(),
            end_cursor: page.cursors.last().cloned(),
        }
    }
}

macro_rules! connection {
    (@total $page:expr) => {
        $page
            .total
            .map(count)
            .ok_or_else(|| Fault::internal("a total was not asked for"))
    };
    ($connection:ident, $edge:ident, $node:ident, $what:literal $(, $total:literal)?) => {
        #[doc = concat!("A page of ", $what, ".")]
        #[derive(Debug)]
        pub struct $connection {
            nodes: Vec<$node>,
            page: wire::PageInfo,
        }

        impl $connection {
            pub(crate) fn new(nodes: Vec<$node>, page: Option<wire::PageInfo>) -> Self {
                Self { nodes, page: page.unwrap_or_default() }
            }
        }

        #[doc = concat!("A page of ", $what, ".")]
        #[Object]
        impl $connection {
            /// The nodes with their cursors.
            async fn edges(&self) -> Vec<$edge<'_>> {
                let pairs = self.nodes.iter().zip(&self.page.cursors);
                pairs.map(|(node, cursor)| $edge { cursor, node }).collect()
            }

            /// The nodes alone.
            async fn nodes(&self) -> &[$node] {
                &self.nodes
            }

            /// Where this page lies in the list.
            async fn page_info(&self) -> PageInfo {
                PageInfo::of(&self.page)
            }

            $(
                #[doc = $total]
                async fn total_count(&self) -> Result<i32, Fault> {
                    connection!(@total self.page)
                }
            )?
        }

        #[doc = concat!("One of ", $what, " and its place in the list.")]
        #[derive(Debug)]
        pub struct $edge<'a> {
            cursor: &'a str,
            node: &'a $node,
        }

        #[doc = concat!("One of ", $what, " and its place in the list.")]
        #[Object]
        impl<'a> $edge<'a> {
            /// The place in the list, for `after` and `before`. Good for this list in this order alone.
            async fn cursor(&self) -> &str {
                self.cursor
            }

            /// What stands there.
            async fn node(&self) -> &$node {
                self.node
            }
        }
    };
}

connection!(
    ContactConnection,
    ContactEdge,
    Contact,
    "the contacts",
    "Exact; counted only when asked for."
);
connection!(
    AccountConnection,
    AccountEdge,
    Account,
    "the accounts",
    "Exact; counted only when asked for."
);
connection!(
    InvitationBatchConnection,
    InvitationBatchEdge,
    InvitationBatch,
    "the batches",
    "Exact; counted only when asked for."
);
connection!(
    SegmentConnection,
    SegmentEdge,
    Segment,
    "the segments",
    "Exact; counted only when asked for."
);
connection!(
    MemberConnection,
    MemberEdge,
    Member,
    "the members",
    "Exact; counted only when asked for."
);
connection!(
    ServiceAccountConnection,
    ServiceAccountEdge,
    ServiceAccount,
    "the service accounts",
    "Exact; counted only when asked for."
);
connection!(
    ActivityConnection,
    ActivityEdge,
    Activity,
    "the lines of the activity log"
);

#[cfg(test)]
mod tests {
    use super::*;

    fn code(first: Option<i32>, last: Option<i32>) -> Option<crate::fault::Code> {
        let window = Window {
            first,
            last,
            ..Window::default()
        };
        window.checked(false).err().map(|fault| fault.code)
    }

    #[test]
    fn a_page_has_one_to_a_hundred_nodes_from_one_end() {
        let bad = Some(crate::fault::Code::BadUserInput);
        assert_eq!(code(None, None), None);
        assert_eq!(code(Some(1), None), None);
        assert_eq!(code(None, Some(100)), None);
        assert_eq!(code(Some(0), None), bad);
        assert_eq!(code(Some(101), None), bad);
        assert_eq!(code(None, Some(-1)), bad);
        assert_eq!(code(Some(1), Some(1)), bad);
    }
}
