//! What a program shows to get access tokens, and what it may be given (I15).

use chrono::{DateTime, TimeDelta, Utc};
use usher_auth::{Permission, PermissionSet};
use usher_types::RawToken;

use super::member::Refused;

/// The purpose of a secret, apart from those of links and refresh tokens.
pub const PURPOSE: &str = "client";
/// What a secret begins with, so that scanners of repositories and logs find one that got lost.
const PREFIX: &str = "usher_";
/// Characters at a secret's end that are kept to tell it from others: 24 of its 256 bits.
const HINT: usize = 4;
/// How long the secret before lives on where nobody says.
const OVERLAP: TimeDelta = TimeDelta::days(1);
/// How long it may at most.
const LONGEST_OVERLAP: TimeDelta = TimeDelta::days(30);
/// These ask for a person: for a reason, and for a password at that moment.
const FOR_PEOPLE: [Permission; 2] = [Permission::PortalImpersonate, Permission::SensitiveExport];

/// The secret as it is shown once, and the hint that is kept of it.
#[must_use]
pub fn shown(token: &RawToken) -> (String, String) {
    let text = token.reveal();
    let hint = text
        .chars()
        .skip(text.chars().count().saturating_sub(HINT))
        .collect();
    (format!("{PREFIX}{text}"), hint)
}

/// What a program shows; none where it cannot be a secret of ours.
#[must_use]
pub fn read(text: &str) -> Option<RawToken> {
    RawToken::parse(text.strip_prefix(PREFIX)?)
}

/// How long the secret before lives on.
///
/// # Errors
/// INVALID below nought and above 30 days.
pub fn read_overlap(seconds: Option<i64>) -> Result<TimeDelta, Refused> {
    let Some(seconds) = seconds else {
        return Ok(OVERLAP);
    };
    match TimeDelta::try_seconds(seconds) {
        Some(overlap) if (TimeDelta::zero()..=LONGEST_OVERLAP).contains(&overlap) => Ok(overlap),
        _ => Err(Refused {
            code: "INVALID",
            field: "overlap",
            message: "the secret before lives on for 0 seconds to 30 days".to_owned(),
        }),
    }
}

/// When the secret before ends: at once without an overlap, and never later than it would have.
#[must_use]
pub fn end_of_former(ends: Option<DateTime<Utc>>, overlap: TimeDelta, now: DateTime<Utc>) -> DateTime<Utc> {
    let overlapped = now + overlap;
    ends.map_or(overlapped, |end| end.min(overlapped))
}

/// Permissions of a program.
///
/// # Errors
/// INVALID for one that people alone can have.
pub fn may_have(permissions: PermissionSet) -> Result<PermissionSet, Refused> {
    let people: PermissionSet = FOR_PEOPLE.into_iter().collect();
    let wrong = permissions.without(permissions.without(people));
    if wrong.is_empty() {
        return Ok(permissions);
    }
    Err(Refused {
        code: "INVALID",
        field: "permissions",
        message: format!("a service account cannot have {}", wrong.names().join(", ")),
    })
}

/// The permissions that a token is asked for, by their names; all of the account's where none is named.
#[must_use]
pub fn within_scope(permissions: PermissionSet, scope: &[String]) -> Option<PermissionSet> {
    if scope.is_empty() {
        return Some(permissions);
    }
    let asked: Option<PermissionSet> = scope.iter().map(|name| Permission::from_name(name)).collect();
    asked.filter(|asked| asked.is_within(permissions))
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn set(names: &[&str]) -> PermissionSet {
        names
            .iter()
            .filter_map(|name| Permission::from_name(name))
            .collect()
    }

    #[test]
    fn i15_a_secret_is_read_as_it_was_shown_and_nothing_else_is_one() {
        let token = RawToken::from_bytes([7; 32]);
        let (text, hint) = shown(&token);
        assert_eq!((text.len(), hint.len()), (49, 4));
        assert!(text.ends_with(&hint));
        assert_eq!(read(&text), Some(token.clone()));
        for wrong in [
            "",
            "usher_",
            "usher_short",
            &token.reveal(),
            &text[..48],
            &format!("{text} "),
        ] {
            assert_eq!(read(wrong), None, "{wrong}");
        }
        // a link's token of the same bits is good for nothing here
        assert_ne!(token.hash(PURPOSE), token.hash("refresh"));
    }

    #[test]
    fn i15_a_secret_before_ends_after_the_overlap_and_never_later_than_it_would_have() {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let day = TimeDelta::days(1);
        assert_eq!(read_overlap(None), Ok(day));
        assert_eq!(read_overlap(Some(0)), Ok(TimeDelta::zero()));
        assert_eq!(read_overlap(Some(2_592_000)), Ok(TimeDelta::days(30)));
        for wrong in [-1, 2_592_001, i64::MAX] {
            assert_eq!(read_overlap(Some(wrong)).unwrap_err().code, "INVALID");
        }
        assert_eq!(end_of_former(None, day, now), now + day);
        let hour = now + TimeDelta::hours(1);
        assert_eq!(end_of_former(Some(hour), day, now), hour);
        assert_eq!(end_of_former(Some(hour), TimeDelta::zero(), now), now);
    }

    #[test]
    fn i15_a_program_has_no_permission_that_asks_for_a_person() {
        let fine = set(&["contacts.read", "portal.invite", "members.manage"]);
        assert_eq!(may_have(fine), Ok(fine));
        let refused = may_have(PermissionSet::all()).unwrap_err();
        assert_eq!((refused.code, refused.field), ("INVALID", "permissions"));
        assert_eq!(
            refused.message,
            "a service account cannot have sensitive.export, portal.impersonate"
        );
    }

    #[test]
    fn i15_a_scope_narrows_and_never_widens() {
        let has = set(&["contacts.read", "contacts.write"]);
        let scope = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            within_scope(has, &names)
        };
        assert_eq!(scope(&[]), Some(has));
        assert_eq!(scope(&["contacts.read"]), Some(set(&["contacts.read"])));
        assert_eq!(scope(&["contacts.read", "email.bulk"]), None);
        assert_eq!(scope(&["everything"]), None);
    }
}
