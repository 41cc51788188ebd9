//! inviteMember.

use usher_auth::{PermissionSet, Principal};
use usher_events::Lane;
use usher_messaging::enqueue;
use usher_proto::bytes_of;
use usher_types::EmailAddress;

use super::{App, refused};
use crate::app::member_link::send_link;
use crate::app::{Failure, refuse};
use crate::domain::member::{read_grant, read_name};
use crate::storage::member::{self, Member};

/// Who is to be a member.
#[derive(Clone)]
pub(crate) struct NewMember {
    pub(crate) email: String,
    pub(crate) display_name: String,
    pub(crate) role: Option<String>,
    pub(crate) permissions: Option<Vec<String>>,
}

impl App {
    /// Makes a member and mails a link, behind which they choose a password like everybody else.
    ///
    /// # Errors
    /// Refusals with the codes of `MemberErrorCode`.
    pub(crate) async fn invite_member(
        &self,
        principal: &Principal,
        new: NewMember,
    ) -> Result<Member, Failure> {
        let address = EmailAddress::parse(&new.email)
            .map_err(|_| refuse("EMAIL_INVALID", &["email"], "this is no address"))?;
        let name = read_name(&new.display_name).map_err(refused)?;
        let grant = read_grant(new.role.as_deref(), new.permissions.as_deref())
            .map_err(refused)?
            .ok_or_else(|| refuse("REQUIRED", &["role"], "give a role or permissions"))?;
        let desk = self.desk(principal).await?;
        desk.may_change(PermissionSet::NONE, grant.permissions())?;
        let taken = member::find_by_address(&desk.tx, desk.organization(), address.canonical()).await?;
        if let Some(other) = taken {
            return Err(address_taken(&other));
        }
        let mut member = Member::new(desk.organization(), &address, name, grant, desk.now);
        desk.take_share(&mut member).await?;
        let maker = self.maker(desk.now);
        let letters = send_link(&desk.tx, &maker, &desk.firm, &mut member, Some(&desk.actor)).await?;
        member::insert(&desk.tx, &member).await?;
        let summary = format!("Invited {} as {}", member.display_name, grant.described());
        desk.log(&member, "member.invited", summary).await?;
        enqueue(&desk.tx, Lane::Interactive, letters).await?;
        desk.tx.commit().await?;
        Ok(member)
    }
}

fn address_taken(other: &Member) -> Failure {
    let (code, message) = if other.active {
        ("EMAIL_TAKEN", "another member has this address")
    } else {
        (
            "EMAIL_OF_INACTIVE_MEMBER",
            "a member who is switched off has this address: switch them on",
        )
    };
    let mut refusal = refuse(code, &["email"], message);
    refusal.contact_id = Some(bytes_of(other.id));
    refusal.into()
}
