//! Members by their ids, and page by page.

use usher_database::keyset::{CursorValue, Direction, Keyset, Order, Page, Position, Window, fingerprint};
use usher_types::{OrganizationId, fold};
use uuid::Uuid;

use super::App;
use crate::app::Failure;
use crate::app::batch_view::window_error;
use crate::storage::member::{self, Member, Which};

impl App {
    /// Members of the caller's organization, in the order asked for; unknown ones are left out.
    pub(crate) async fn members(&self, id: OrganizationId, ids: Vec<Uuid>) -> Result<Vec<Member>, Failure> {
        let tx = self.read(id).await?;
        let mut members = member::find_all(&tx, id, ids.iter().copied()).await?;
        members.sort_by_key(|member| ids.iter().position(|id| *id == member.id.uuid()));
        Ok(members)
    }

    /// A page of the members by name, and their number where asked for.
    pub(crate) async fn list_members(
        &self,
        organization: OrganizationId,
        which: Which,
        window: Window,
        with_total: bool,
    ) -> Result<(Page<Member>, Option<i64>), Failure> {
        let order = Order::new("MEMBER_NAME", "member.id").column("sort_name", Direction::Ascending);
        let filter = fingerprint([organization.uuid().as_bytes().as_slice(), which.name().as_bytes()]);
        let keyset = Keyset::new(order, window, filter, self.now()).map_err(window_error)?;
        let tx = self.read(organization).await?;
        let rows = member::list(&tx, organization, which, &keyset).await?;
        let total = match with_total {
            true => Some(member::count(&tx, organization, which).await?),
            false => None,
        };
        let page = keyset.page(rows, |member| {
            let name = fold(&member.display_name);
            Position::new(member.id, [CursorValue::Text(name)])
        });
        Ok((page, total))
    }
}
