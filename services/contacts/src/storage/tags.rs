//! Tags as rows, which filters look in; lists show those on the row itself.

use usher_database::Column;
use usher_types::OrganizationId;
use uuid::Uuid;

use super::batch::Batch;
use super::filter::json_texts;
use super::rows::Rows;

/// A tag, whose it is, and their organization.
type Tag = (OrganizationId, Uuid, String);

/// A table of tags and its column of owners.
#[derive(Debug)]
pub(super) struct Table {
    rows: Rows<Tag>,
    owner: &'static str,
}

const fn columns(owner: &'static str) -> [Column<Tag>; 3] {
    [
        Column::uuid("organization_id", |tag| tag.0.uuid()),
        Column::uuid(owner, |tag| tag.1),
        Column::text("tag", |tag| &tag.2),
    ]
}

/// Of contacts.
pub(super) const CONTACT: Table = Table {
    rows: Rows {
        table: "contact_tag",
        columns: &columns("contact_id"),
        conflict: "",
    },
    owner: "contact_id",
};
/// Of accounts.
pub(super) const ACCOUNT: Table = Table {
    rows: Rows {
        table: "account_tag",
        columns: &columns("account_id"),
        conflict: "",
    },
    owner: "account_id",
};

/// Writes the tags of new owners.
pub(super) fn insert<'a>(
    batch: &mut Batch,
    table: &Table,
    organization: OrganizationId,
    owners: impl IntoIterator<Item = (Uuid, &'a [String])>,
) {
    let rows = owners
        .into_iter()
        .flat_map(|(owner, tags)| tags.iter().map(move |tag| (organization, owner, tag.clone())));
    batch.rows(&table.rows, &rows.collect::<Vec<_>>());
}

/// Removes the tags of the first list that are not in the second, and writes those that are only there.
pub(super) fn replace(
    batch: &mut Batch,
    table: &Table,
    organization: OrganizationId,
    owner: Uuid,
    (before, after): (&[String], &[String]),
) {
    let without = |tags: &[String], others: &[String]| -> Vec<String> {
        tags.iter().filter(|tag| !others.contains(tag)).cloned().collect()
    };
    let gone = without(before, after);
    if !gone.is_empty() {
        let sql = format!(
            "DELETE FROM {} WHERE organization_id = $1 AND {} = $2 AND tag IN {}",
            table.rows.table,
            table.owner,
            json_texts(batch.dialect(), 3)
        );
        let gone = serde_json::Value::from(gone).to_string();
        batch.add(sql, [organization.uuid().into(), owner.into(), gone.into()]);
    }
    let new = without(after, before);
    insert(batch, table, organization, [(owner, new.as_slice())]);
}
