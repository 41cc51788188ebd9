//! One live contact an address and organization (C3).

use sea_orm::DbErr;
use usher_database::is_unique_violation;
use usher_types::ContactId;

use super::{App, Caller, Failure};
use crate::domain::address::Address;
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::storage::claim::{self, Claim, Holder};

/// Why a contact cannot have this address, where another has it.
pub(super) fn taken(address: &Address, claim: Claim) -> Option<Refusal<Code>> {
    let holder = claim.holder.filter(|_| !address.placeholder)?;
    Some(refusal(holder))
}

fn refusal(holder: Holder) -> Refusal<Code> {
    let (code, message) = if holder.active {
        (Code::EmailTaken, "Another contact has this e-mail address.")
    } else {
        (
            Code::EmailOfInactiveContact,
            "An inactive contact has this e-mail address; they can be made active again.",
        )
    };
    Refusal::new(code, &["email"], message).because_of(holder.id)
}

impl App {
    /// Turns the unique index's refusal into the caller's: somebody took the address since we looked. `tx` is over.
    pub(super) async fn lost_race(
        &self,
        caller: &Caller,
        address: Option<&Address>,
        by: Option<ContactId>,
        error: DbErr,
    ) -> Failure<Code> {
        let (true, Some(address)) = (is_unique_violation(&error), address) else {
            return error.into();
        };
        let looked = async {
            let tx = self.read(caller).await?;
            claim::find(&tx, caller.organization, &address.canonical, by).await
        };
        match looked.await {
            Ok(claim) => taken(address, claim).map_or_else(
                || {
                    let message = "Another contact has this e-mail address.";
                    Refusal::new(Code::EmailTaken, &["email"], message).into()
                },
                Failure::from,
            ),
            Err(error) => error.into(),
        }
    }
}
