//! The people of the firm, and who may change what of them (I15).

use chrono::{DateTime, Utc};
use usher_auth::{Permission, PermissionSet, Role};
use usher_types::MemberStatus;

const LONGEST_NAME: usize = 200;

/// Where a member's permissions come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A bundle that every organization has.
    Role(Role),
    /// The member's own.
    Own(PermissionSet),
}

impl Grant {
    /// What it comes to.
    #[must_use]
    pub fn permissions(self) -> PermissionSet {
        match self {
            Self::Role(role) => role.permissions(),
            Self::Own(permissions) => permissions,
        }
    }

    /// The role, where it is one.
    #[must_use]
    pub const fn role(self) -> Option<Role> {
        match self {
            Self::Role(role) => Some(role),
            Self::Own(_) => None,
        }
    }

    /// For people: the role's name, or the permissions'.
    #[must_use]
    pub fn described(self) -> String {
        match self {
            Self::Role(role) => role.as_str().to_owned(),
            Self::Own(permissions) if permissions.is_empty() => "no permission".to_owned(),
            Self::Own(permissions) => permissions.names().join(", "),
        }
    }
}

/// Why a change of a member is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Of `MemberErrorCode`.
    pub code: &'static str,
    /// The field, as it is called in the input; empty where no single one is to blame.
    pub field: &'static str,
    /// For people.
    pub message: String,
}

fn refused(code: &'static str, field: &'static str, message: impl Into<String>) -> Refused {
    Refused {
        code,
        field,
        message: message.into(),
    }
}

/// Reads role and permissions of an input, of which one may be given; none where neither is.
///
/// # Errors
/// INVALID for both at once, for a role or a permission that there is none.
pub fn read_grant(role: Option<&str>, permissions: Option<&[String]>) -> Result<Option<Grant>, Refused> {
    match (role, permissions) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(refused(
            "INVALID",
            "permissions",
            "give a role or permissions, not both",
        )),
        (Some(name), None) => Role::from_name(name)
            .map(|role| Some(Grant::Role(role)))
            .ok_or_else(|| refused("INVALID", "role", "there is no such role")),
        (None, Some(names)) => {
            let read = |name: &String| {
                Permission::from_name(name).ok_or_else(|| {
                    let known = PermissionSet::all().names().join(", ");
                    refused(
                        "INVALID",
                        "permissions",
                        format!("a permission is one of {known}"),
                    )
                })
            };
            let set: Result<PermissionSet, Refused> = names.iter().map(read).collect();
            Ok(Some(Grant::Own(set?)))
        }
    }
}

/// The name as it is kept.
///
/// # Errors
/// REQUIRED where nothing is left of it, TOO_LONG beyond 200 characters, INVALID with control characters.
pub fn read_name(typed: &str) -> Result<String, Refused> {
    let name = typed.trim();
    let field = "displayName";
    if name.is_empty() {
        return Err(refused("REQUIRED", field, "a member has a name"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(refused("TOO_LONG", field, "a name has at most 200 characters"));
    }
    if name.chars().any(char::is_control) {
        return Err(refused("INVALID", field, "a name is one line"));
    }
    Ok(name.to_owned())
}

/// Whether somebody with `theirs` may turn `before` into `after`. Nobody grants what they lack, and nobody takes it either:
/// else whoever manages members could strip those who have more.
///
/// # Errors
/// NOT_YOURS_TO_GRANT, naming what is missing.
pub fn may_change(theirs: PermissionSet, before: PermissionSet, after: PermissionSet) -> Result<(), Refused> {
    let changed = after.without(before).with(before.without(after));
    let missing = changed.without(theirs);
    if missing.is_empty() {
        return Ok(());
    }
    let names = missing.names().join(", ");
    Err(refused(
        "NOT_YOURS_TO_GRANT",
        "",
        format!("nobody grants or takes what they lack: {names}"),
    ))
}

/// A member's moments that tell the status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// A password was chosen, or an identity provider has let them in.
    pub accepted_at: Option<DateTime<Utc>>,
    /// Signed in.
    pub last_signed_in_at: Option<DateTime<Utc>>,
    /// The end of the invitation that is out.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Where the member stands at `now`.
#[must_use]
pub fn status(standing: Standing, now: DateTime<Utc>) -> MemberStatus {
    match standing {
        Standing {
            last_signed_in_at: Some(_),
            ..
        } => MemberStatus::Active,
        Standing {
            accepted_at: Some(_), ..
        } => MemberStatus::Accepted,
        Standing {
            expires_at: Some(end),
            ..
        } if end > now => MemberStatus::Invited,
        Standing {
            expires_at: Some(_), ..
        } => MemberStatus::Expired,
        _ => MemberStatus::Waiting,
    }
}

/// What may be done about a member's invitation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvitationStep {
    /// A link, or a further one.
    Resend,
    /// No link any more.
    Cancel,
}

/// Whether the step may be taken.
///
/// # Errors
/// MEMBER_INACTIVE, ALREADY_ACTIVATED or NOT_INVITED.
pub fn may_step(step: InvitationStep, active: bool, status: MemberStatus) -> Result<(), Refused> {
    let refuse = |code, message| Err(refused(code, "id", message));
    match (step, status) {
        (_, MemberStatus::Accepted | MemberStatus::Active) => {
            refuse("ALREADY_ACTIVATED", "this member has come in already")
        }
        (InvitationStep::Resend, _) if !active => refuse(
            "MEMBER_INACTIVE",
            "this member is switched off: switch them on first",
        ),
        (InvitationStep::Cancel, MemberStatus::Waiting) => refuse("NOT_INVITED", "no invitation is out"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use chrono::{TimeDelta, TimeZone};

    use super::*;

    fn set(names: &[&str]) -> PermissionSet {
        names
            .iter()
            .filter_map(|name| Permission::from_name(name))
            .collect()
    }

    #[test]
    fn i15_nobody_grants_or_takes_what_they_lack() {
        let theirs = set(&["members.manage", "contacts.read"]);
        let table: [(&[&str], &[&str], Option<&str>); 6] = [
            (&[], &["contacts.read"], None),
            (&["contacts.read"], &[], None),
            (&[], &["contacts.write"], Some("contacts.write")),
            (&["portal.invite"], &["contacts.read"], Some("portal.invite")),
            // what does not change needs nothing
            (&["settings.write"], &["settings.write", "members.manage"], None),
            (
                &["email.bulk", "contacts.read"],
                &["contacts.write"],
                Some("contacts.write, email.bulk"),
            ),
        ];
        for (before, after, missing) in table {
            let message = may_change(theirs, set(before), set(after)).err().map(|refused| {
                assert_eq!(refused.code, "NOT_YOURS_TO_GRANT");
                refused.message
            });
            let expected = missing.map(|names| format!("nobody grants or takes what they lack: {names}"));
            assert_eq!(message, expected, "{before:?} → {after:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn i15_no_chain_of_changes_lifts_anybody_above_those_who_made_them(
            theirs in 0_usize..1024, steps in proptest::collection::vec(0_usize..1024, 1..6)
        ) {
            let of = |bits: usize| -> PermissionSet {
                Permission::ALL.into_iter().enumerate().filter(|(n, _)| bits >> n & 1 == 1).map(|(_, p)| p).collect()
            };
            let mut held = PermissionSet::NONE;
            for step in steps {
                if may_change(of(theirs), held, of(step)).is_ok() {
                    held = of(step);
                }
            }
            proptest::prop_assert!(held.is_within(of(theirs)));
        }
    }

    #[test]
    fn i15_a_grant_is_a_role_or_permissions() {
        let names = |names: &[&str]| -> Vec<String> { names.iter().map(|name| (*name).to_owned()).collect() };
        assert_eq!(read_grant(None, None), Ok(None));
        assert_eq!(
            read_grant(Some("STAFF"), None),
            Ok(Some(Grant::Role(Role::Staff)))
        );
        let own = names(&["email.bulk"]);
        assert_eq!(
            read_grant(None, Some(&own)),
            Ok(Some(Grant::Own(set(&["email.bulk"]))))
        );
        assert_eq!(
            read_grant(None, Some(&[])),
            Ok(Some(Grant::Own(PermissionSet::NONE)))
        );
        for (role, permissions, field) in [
            (Some("OWNER"), None, "role"),
            (None, Some(names(&["contacts.delete"])), "permissions"),
            (Some("STAFF"), Some(own), "permissions"),
        ] {
            let refused = read_grant(role, permissions.as_deref()).unwrap_err();
            assert_eq!((refused.code, refused.field), ("INVALID", field));
        }
    }

    #[test]
    fn i15_a_name_is_one_line_and_not_empty() {
        assert_eq!(read_name("  Grace Hopper "), Ok("Grace Hopper".to_owned()));
        let code = |name: &str| read_name(name).unwrap_err().code;
        assert_eq!(code("  "), "REQUIRED");
        assert_eq!(code("Grace\nHopper"), "INVALID");
        assert_eq!(code(&"é".repeat(201)), "TOO_LONG");
        assert!(read_name(&"é".repeat(200)).is_ok());
    }

    #[test]
    fn i15_status_and_what_it_allows() {
        use MemberStatus::{Accepted, Active, Expired, Invited, Waiting};
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let at = |standing| status(standing, now);
        let out = |seconds| Standing {
            expires_at: Some(now + TimeDelta::seconds(seconds)),
            ..Standing::default()
        };
        let accepted = Standing {
            accepted_at: Some(now),
            ..Standing::default()
        };
        let active = Standing {
            last_signed_in_at: Some(now),
            ..accepted
        };
        assert_eq!(
            [Standing::default(), out(1), out(0), accepted, active].map(at),
            [Waiting, Invited, Expired, Accepted, Active]
        );
        let code = |step, active, status| may_step(step, active, status).err().map(|refused| refused.code);
        let table = [
            (true, Waiting, None, Some("NOT_INVITED")),
            (true, Invited, None, None),
            (true, Expired, None, None),
            (
                true,
                Accepted,
                Some("ALREADY_ACTIVATED"),
                Some("ALREADY_ACTIVATED"),
            ),
            (true, Active, Some("ALREADY_ACTIVATED"), Some("ALREADY_ACTIVATED")),
            (false, Waiting, Some("MEMBER_INACTIVE"), Some("NOT_INVITED")),
            (
                false,
                Active,
                Some("ALREADY_ACTIVATED"),
                Some("ALREADY_ACTIVATED"),
            ),
        ];
        for (active, status, resend, cancel) in table {
            assert_eq!(
                code(InvitationStep::Resend, active, status),
                resend,
                "{active} {status}"
            );
            assert_eq!(
                code(InvitationStep::Cancel, active, status),
                cancel,
                "{active} {status}"
            );
        }
    }
}
