//! updateServiceAccount and setServiceAccountActive.

use usher_auth::{PermissionSet, Principal};
use usher_types::MemberId;

use super::{App, ServiceAccount, read_permissions, refused, seen};
use crate::app::{Failure, refuse};
use crate::domain::member::read_name;
use crate::storage::member;

/// What is to change; what is absent stays.
#[derive(Clone, Debug, Default)]
pub(crate) struct ServiceAccountChange {
    pub(crate) id: Option<MemberId>,
    pub(crate) expected_version: Option<i64>,
    pub(crate) display_name: Option<String>,
    pub(crate) permissions: Option<Vec<String>>,
}

impl App {
    /// Changes name or permissions. Where a permission is taken all tokens end, so that none says otherwise.
    ///
    /// # Errors
    /// Refusals with the codes of `ServiceAccountErrorCode`.
    pub(crate) async fn update_service_account(
        &self,
        principal: &Principal,
        change: ServiceAccountChange,
    ) -> Result<ServiceAccount, Failure> {
        let name = change.display_name.as_deref().map(read_name).transpose();
        let name = name.map_err(refused)?;
        let permissions = change.permissions.as_deref().map(read_permissions).transpose()?;
        let desk = self.desk(principal).await?;
        let mut account = desk.service_account(change.id).await?;
        if change
            .expected_version
            .is_some_and(|expected| expected != account.version)
        {
            let message = "the service account changed meanwhile";
            return Err(refuse("CONFLICT", &["expectedVersion"], message).into());
        }
        let before = account.clone();
        let mut changes = Vec::new();
        if let Some(name) = name.filter(|name| *name != before.display_name) {
            changes.push(format!("name {name}"));
            account.display_name = name;
        }
        if let Some(has) = permissions.filter(|has| *has != before.permissions) {
            desk.may_change(before.permissions, has)?;
            account.permissions = has;
            let (after, before) = (account.grant().described(), before.grant().described());
            changes.push(format!("{after} instead of {before}"));
        }
        if changes.is_empty() {
            return seen(&desk, before).await;
        }
        member::update(&desk.tx, &mut account, desk.now).await?;
        if !before.permissions.is_within(account.permissions) {
            desk.take_away(&account, account.permissions, "PERMISSIONS_CHANGED")
                .await?;
        }
        let summary = format!(
            "Changed the service account {}: {}",
            before.display_name,
            changes.join("; ")
        );
        desk.log(&account, "service_account.updated", summary).await?;
        let account = seen(&desk, account).await?;
        desk.tx.commit().await?;
        Ok(account)
    }

    /// Switches an account off or on. One that is off has no token any more, and its batches wait. Off and on are changes of
    /// everything that it may do, so both need all of it.
    ///
    /// # Errors
    /// Refusals with the codes of `ServiceAccountErrorCode`.
    pub(crate) async fn set_service_account_active(
        &self,
        principal: &Principal,
        id: Option<MemberId>,
        active: bool,
    ) -> Result<ServiceAccount, Failure> {
        let desk = self.desk(principal).await?;
        let mut account = desk.service_account(id).await?;
        if account.active == active {
            return seen(&desk, account).await;
        }
        desk.may_change(PermissionSet::NONE, account.permissions)?;
        account.active = active;
        let (action, verb) = if active {
            ("service_account.activated", "on")
        } else {
            desk.take_away(&account, PermissionSet::NONE, "SERVICE_ACCOUNT_DEACTIVATED")
                .await?;
            ("service_account.deactivated", "off")
        };
        member::update(&desk.tx, &mut account, desk.now).await?;
        let summary = format!("Switched the service account {} {verb}", account.display_name);
        desk.log(&account, action, summary).await?;
        let account = seen(&desk, account).await?;
        desk.tx.commit().await?;
        Ok(account)
    }
}
