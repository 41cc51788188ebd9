//! updateMember.

use usher_auth::{Permission, Principal};
use usher_types::MemberId;

use super::{App, refused};
use crate::app::{Failure, refuse};
use crate::domain::member::{Grant, read_grant, read_name};
use crate::storage::member::{self, Member};

/// What is to change; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct MemberChange {
    pub(crate) id: Option<MemberId>,
    pub(crate) expected_version: Option<i64>,
    pub(crate) display_name: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) permissions: Option<Vec<String>>,
}

impl App {
    /// Changes name, role or permissions. Whoever loses a permission is signed out, so that no token says otherwise; what is
    /// gained comes with the next token.
    ///
    /// # Errors
    /// Refusals with the codes of `MemberErrorCode`.
    pub(crate) async fn update_member(
        &self,
        principal: &Principal,
        change: MemberChange,
    ) -> Result<Member, Failure> {
        let name = change.display_name.as_deref().map(read_name).transpose();
        let name = name.map_err(refused)?;
        let grant = read_grant(change.role.as_deref(), change.permissions.as_deref()).map_err(refused)?;
        let desk = self.desk(principal).await?;
        let mut member = desk.subject(change.id).await?;
        if change
            .expected_version
            .is_some_and(|expected| expected != member.version)
        {
            return Err(refuse("CONFLICT", &["expectedVersion"], "the member changed meanwhile").into());
        }
        let before = member.clone();
        if let Some(grant) = grant {
            let (had, has) = (before.permissions, grant.permissions());
            desk.may_change(had, has)?;
            let manages = Permission::MembersManage;
            if before.active && had.contains(manages) && !has.contains(manages) {
                desk.keep_a_manager(member.id).await?;
            }
            (member.role, member.permissions) = (grant.role(), has);
        }
        if let Some(name) = name {
            member.display_name = name;
        }
        let changes = changes(&before, &member);
        if changes.is_empty() {
            return Ok(before);
        }
        member::update(&desk.tx, &mut member, desk.now).await?;
        if !before.permissions.is_within(member.permissions) {
            desk.take_away(&member, member.permissions, "PERMISSIONS_CHANGED")
                .await?;
        }
        let summary = format!("Changed {}: {}", before.display_name, changes.join("; "));
        desk.log(&member, "member.updated", summary).await?;
        desk.tx.commit().await?;
        Ok(member)
    }
}

fn changes(before: &Member, after: &Member) -> Vec<String> {
    let mut changes = Vec::new();
    if before.display_name != after.display_name {
        changes.push(format!("name {}", after.display_name));
    }
    let (had, has): (Grant, Grant) = (before.grant(), after.grant());
    if had != has {
        changes.push(format!("{} instead of {}", has.described(), had.described()));
    }
    changes
}
