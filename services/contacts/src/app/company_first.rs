//! Company-first mode (C7), as the use cases about links keep to it.

use sea_orm::DbErr;
use usher_database::Transaction;
use usher_types::{AccountId, AccountKind, OrganizationId};

use super::Failure;
use crate::domain::refusal::{AccountCode as Code, Refusal};
use crate::storage::companies::{self, Whose};
use crate::storage::organization;

/// The mode of an organization, which stays as it is until the transaction ends.
#[derive(Clone, Copy, Debug)]
pub(super) struct CompanyFirst {
    organization: OrganizationId,
    on: bool,
}

impl CompanyFirst {
    /// Asked before contacts and accounts are locked.
    pub(super) async fn of(tx: &Transaction, organization: OrganizationId) -> Result<Self, DbErr> {
        let settings = organization::for_writer(tx, organization).await?;
        Ok(Self::from(organization, settings.company_first))
    }

    /// Where the settings are known already.
    pub(super) const fn from(organization: OrganizationId, on: bool) -> Self {
        Self { organization, on }
    }

    /// Those of these accounts that are companies with contacts have a primary one.
    pub(super) async fn keep_primary(self, tx: &Transaction, accounts: &[AccountId]) -> Result<(), DbErr> {
        if self.on && !accounts.is_empty() {
            companies::promote_oldest(tx, self.organization, Some(accounts)).await?;
        }
        Ok(())
    }

    /// COMPANY_REQUIRED where somebody has lost their last company with an account of kind `lost`.
    pub(super) async fn keep_company(
        self,
        tx: &Transaction,
        lost: AccountKind,
        whose: Whose,
        field: &[&str],
    ) -> Result<(), Failure<Code>> {
        if !self.on || !lost.is_company() || !companies::is_missing(tx, self.organization, whose).await? {
            return Ok(());
        }
        let message = "Every contact needs a company: link whoever has no other one to another first.";
        Err(Refusal::new(Code::CompanyRequired, field, message).into())
    }
}
