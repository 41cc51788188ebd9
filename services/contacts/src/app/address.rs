//! One live contact an address and organization (C3).

use sea_orm::DbErr;
use usher_database::{Transaction, is_unique_violation};
use usher_types::{ContactId, OrganizationId};

use super::{App, Caller, Failure};
use crate::domain::address::Address;
use crate::domain::refusal::{ContactCode as Code, Refusal};
use crate::storage::contacts::{self, Holder};

/// Why a contact cannot have this address, where another has it.
pub(super) async fn taken(
    tx: &Transaction,
    organization: OrganizationId,
    address: &Address,
    except: Option<ContactId>,
) -> Result<Option<Refusal<Code>>, DbErr> {
    if address.placeholder {
        return Ok(None);
    }
    let holder = contacts::holder(tx, organization, &address.canonical, except).await?;
    Ok(holder.map(refusal))
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
        except: Option<ContactId>,
        error: DbErr,
    ) -> Failure<Code> {
        let (true, Some(address)) = (is_unique_violation(&error), address) else {
            return error.into();
        };
        let looked = async {
            let tx = self.read(caller).await?;
            taken(&tx, caller.organization, address, except).await
        };
        match looked.await {
            Ok(Some(refusal)) => refusal.into(),
            Ok(None) => Refusal::new(
                Code::EmailTaken,
                &["email"],
                "Another contact has this e-mail address.",
            )
            .into(),
            Err(error) => error.into(),
        }
    }
}
