//! An organization's settings and what they may be.

use chrono::{DateTime, Utc};
use usher_types::{EmailAddress, OrganizationId, Version};

use super::reminder::{Plan, PlanChange};

/// A week (I5).
pub const DEFAULT_LIFE: i64 = 604_800;
/// One hour to thirty days.
pub const LIFE: std::ops::RangeInclusive<i64> = 3_600..=2_592_000;
/// Invitation mails a day: an organization's, and a member's (I17).
pub const DEFAULT_DAILY: i64 = 200_000;
/// To one recipient (I17).
pub const DEFAULT_DAILY_PER_RECIPIENT: i64 = 20;
const DAILY: std::ops::RangeInclusive<i64> = 1..=1_000_000;
const DAILY_PER_RECIPIENT: std::ops::RangeInclusive<i64> = 1..=100;
/// Of mails and pages where nothing else is said.
pub const DEFAULT_LOCALE: &str = "en";
/// The same.
pub const DEFAULT_TIME_ZONE: &str = "UTC";
const LONGEST_NAME: usize = 200;
const LONGEST_SLUG: usize = 63;
const MOST_DOMAINS: usize = 100;

/// A firm and all its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The tenant.
    pub id: OrganizationId,
    /// What `signIn` takes.
    pub slug: String,
    /// As shown.
    pub name: String,
    /// I3.
    pub portal_enabled: bool,
    /// Every contact has a company, and each company a primary contact (C7). Contacts sees to it.
    pub company_first: bool,
    /// Seconds (I5).
    pub invitation_life: i64,
    /// Canonical domains whose addresses may repeat and count as INVALID (C3).
    pub placeholder_domains: Vec<String>,
    /// The address that answers go to, where it is not the inviter's.
    pub reply_to: Option<String>,
    /// Of mails and pages where the recipient has none.
    pub locale: String,
    /// IANA name.
    pub time_zone: String,
    /// Invitation mails a day (I17).
    pub daily: i64,
    /// Of them, those that one member answers for.
    pub daily_per_member: i64,
    /// Of them, those to one recipient.
    pub daily_per_recipient: i64,
    /// The shortest password, in code points (I10).
    pub password_min_length: i32,
    /// When open invitations are reminded of (I16).
    pub reminders: Plan,
    /// Goes up with every change.
    pub version: Version,
    /// When it was made.
    pub created_at: DateTime<Utc>,
}

/// A change: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Change {
    /// As shown.
    pub name: Option<String>,
    /// I3.
    pub portal_enabled: Option<bool>,
    /// C7.
    pub company_first: Option<bool>,
    /// Seconds.
    pub invitation_life: Option<i64>,
    /// Replaces the list.
    pub placeholder_domains: Option<Vec<String>>,
    /// Replaces or clears the address.
    pub reply_to: Option<Option<String>>,
    /// BCP 47.
    pub locale: Option<String>,
    /// IANA name.
    pub time_zone: Option<String>,
    /// I17.
    pub daily: Option<i64>,
    /// I17.
    pub daily_per_member: Option<i64>,
    /// I17.
    pub daily_per_recipient: Option<i64>,
    /// `Some(None)`: back to the default, which is none.
    pub reminders: Option<Option<PlanChange>>,
}

/// Why a setting is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// INVALID or TOO_LONG.
    pub code: &'static str,
    /// The setting, as it is called in the input.
    pub field: &'static str,
    /// For people.
    pub message: &'static str,
}

pub(super) const fn invalid(field: &'static str, message: &'static str) -> Refused {
    Refused {
        code: "INVALID",
        field,
        message,
    }
}

impl Organization {
    /// A new organization with every default.
    ///
    /// # Errors
    /// Where slug or name are not in order.
    pub fn new(id: OrganizationId, slug: &str, name: &str, now: DateTime<Utc>) -> Result<Self, Refused> {
        Ok(Self {
            id,
            slug: checked_slug(slug)?,
            name: checked_name(name)?,
            portal_enabled: true,
            company_first: false,
            invitation_life: DEFAULT_LIFE,
            placeholder_domains: Vec::new(),
            reply_to: None,
            locale: DEFAULT_LOCALE.to_owned(),
            time_zone: DEFAULT_TIME_ZONE.to_owned(),
            daily: DEFAULT_DAILY,
            daily_per_member: DEFAULT_DAILY,
            daily_per_recipient: DEFAULT_DAILY_PER_RECIPIENT,
            password_min_length: 15,
            reminders: Plan::default(),
            version: Version::FIRST,
            created_at: now,
        })
    }

    /// The organization after `change`, of the next version; the same one where nothing changes.
    ///
    /// # Errors
    /// Everything that is wrong with it, and then nothing changes.
    pub fn with(&self, change: Change) -> Result<Self, Vec<Refused>> {
        let mut next = self.clone();
        let mut refused = Vec::new();
        set(
            &mut next.name,
            change.name.map(|name| checked_name(&name)),
            &mut refused,
        );
        set(
            &mut next.portal_enabled,
            change.portal_enabled.map(Ok),
            &mut refused,
        );
        set(
            &mut next.company_first,
            change.company_first.map(Ok),
            &mut refused,
        );
        set(
            &mut next.invitation_life,
            change.invitation_life.map(checked_life),
            &mut refused,
        );
        set(
            &mut next.placeholder_domains,
            change.placeholder_domains.map(checked_domains),
            &mut refused,
        );
        set(
            &mut next.reply_to,
            change.reply_to.map(checked_reply_to),
            &mut refused,
        );
        set(&mut next.locale, change.locale.map(checked_locale), &mut refused);
        set(
            &mut next.time_zone,
            change.time_zone.map(checked_zone),
            &mut refused,
        );
        set(
            &mut next.daily,
            change
                .daily
                .map(|number| checked_daily("dailyInvitations", number)),
            &mut refused,
        );
        set(
            &mut next.daily_per_member,
            change
                .daily_per_member
                .map(|number| checked_daily("dailyInvitationsPerMember", number)),
            &mut refused,
        );
        set(
            &mut next.daily_per_recipient,
            change.daily_per_recipient.map(checked_daily_per_recipient),
            &mut refused,
        );
        let plan = |change: Option<PlanChange>| {
            change.map_or(Ok(Plan::default()), |change| self.reminders.with(change))
        };
        set(&mut next.reminders, change.reminders.map(plan), &mut refused);
        if !refused.is_empty() {
            return Err(refused);
        }
        if next != *self {
            next.version = self.version.next();
        }
        Ok(next)
    }
}

fn set<T>(place: &mut T, given: Option<Result<T, Refused>>, refused: &mut Vec<Refused>) {
    match given {
        Some(Ok(value)) => *place = value,
        Some(Err(reason)) => refused.push(reason),
        None => {}
    }
}

fn checked_slug(slug: &str) -> Result<String, Refused> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let edges = !slug.starts_with('-') && !slug.ends_with('-');
    if slug.is_empty() || slug.len() > LONGEST_SLUG || !slug.bytes().all(plain) || !edges {
        return Err(invalid(
            "slug",
            "a slug is 1 to 63 lower-case letters, digits and dashes",
        ));
    }
    Ok(slug.to_owned())
}

fn checked_name(name: &str) -> Result<String, Refused> {
    let name = name.trim();
    if name.is_empty() || name.chars().any(char::is_control) {
        return Err(invalid("name", "the name is empty or holds control characters"));
    }
    if name.chars().count() > LONGEST_NAME {
        return Err(Refused {
            code: "TOO_LONG",
            field: "name",
            message: "a name has at most 200 characters",
        });
    }
    Ok(name.to_owned())
}

fn checked_life(seconds: i64) -> Result<i64, Refused> {
    if LIFE.contains(&seconds) {
        Ok(seconds)
    } else {
        Err(invalid(
            "invitationLife",
            "an invitation lives 3600 to 2592000 seconds",
        ))
    }
}

fn checked_daily(field: &'static str, number: i64) -> Result<i64, Refused> {
    if DAILY.contains(&number) {
        Ok(number)
    } else {
        Err(invalid(field, "a budget is 1 to 1000000 mails a day"))
    }
}

fn checked_daily_per_recipient(number: i64) -> Result<i64, Refused> {
    if DAILY_PER_RECIPIENT.contains(&number) {
        Ok(number)
    } else {
        Err(invalid(
            "dailyInvitationsPerRecipient",
            "a recipient gets 1 to 100 invitation mails a day",
        ))
    }
}

fn checked_domains(domains: Vec<String>) -> Result<Vec<String>, Refused> {
    const FIELD: &str = "placeholderDomains";
    if domains.len() > MOST_DOMAINS {
        return Err(Refused {
            code: "TOO_LONG",
            field: FIELD,
            message: "at most 100 domains",
        });
    }
    // an address at the domain says whether it is one, and gives its canonical form
    let canonical = |domain: &String| {
        let text = domain.trim().trim_start_matches('@');
        EmailAddress::parse(&format!("x@{text}")).map(|address| address.domain().to_owned())
    };
    let mut domains = domains
        .iter()
        .map(canonical)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| invalid(FIELD, "one of these is not a domain"))?;
    domains.sort();
    domains.dedup();
    Ok(domains)
}

fn checked_reply_to(address: Option<String>) -> Result<Option<String>, Refused> {
    match address {
        None => Ok(None),
        Some(text) => EmailAddress::parse(&text)
            .map(|address| Some(address.typed().to_owned()))
            .map_err(|_| invalid("replyTo", "this is not an e-mail address")),
    }
}

fn checked_locale(locale: String) -> Result<String, Refused> {
    let mut parts = locale.split('-');
    let language = parts.next().unwrap_or_default();
    let alphanumeric =
        |part: &str| (1..=8).contains(&part.len()) && part.bytes().all(|b| b.is_ascii_alphanumeric());
    let fits = (2..=3).contains(&language.len())
        && language.bytes().all(|byte| byte.is_ascii_alphabetic())
        && parts.all(alphanumeric)
        && locale.len() <= 35;
    if fits {
        Ok(locale)
    } else {
        Err(invalid(
            "locale",
            "this is not a language tag such as en or de-AT",
        ))
    }
}

fn checked_zone(zone: String) -> Result<String, Refused> {
    if zone.parse::<chrono_tz::Tz>().is_ok() {
        Ok(zone)
    } else {
        Err(invalid(
            "timeZone",
            "this is not a time zone such as Europe/Vienna",
        ))
    }
}

#[cfg(test)]
mod tests {
    use chrono::TimeZone;

    use super::*;

    fn firm() -> Organization {
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        Organization::new(OrganizationId::new(now), "birch", "Birch & Partners", now).unwrap()
    }

    #[test]
    fn i3_the_portal_is_on_when_an_organization_is_made() {
        let firm = firm();
        assert!(firm.portal_enabled);
        assert_eq!(firm.invitation_life, 604_800);
        assert_eq!(firm.version, Version::FIRST);
    }

    #[test]
    fn settings_are_taken_in_their_canonical_form() {
        let change = Change {
            name: Some("  Birch ".into()),
            placeholder_domains: Some(vec![
                "@Example.COM".into(),
                "bücher.example".into(),
                "example.com".into(),
            ]),
            reply_to: Some(Some(" Office@Birch.example ".into())),
            locale: Some("de-AT".into()),
            time_zone: Some("Europe/Vienna".into()),
            invitation_life: Some(3600),
            portal_enabled: Some(false),
            company_first: Some(true),
            daily: Some(1),
            daily_per_member: Some(1_000_000),
            daily_per_recipient: Some(100),
            reminders: None,
        };
        let next = firm().with(change).unwrap();
        assert_eq!(next.name, "Birch");
        assert_eq!(
            (next.daily, next.daily_per_member, next.daily_per_recipient),
            (1, 1_000_000, 100)
        );
        assert_eq!(next.placeholder_domains, ["example.com", "xn--bcher-kva.example"]);
        assert_eq!(next.reply_to.as_deref(), Some("Office@Birch.example"));
        assert_eq!(next.version, Version::FIRST.next());
        assert_eq!(firm().with(Change::default()).unwrap().version, Version::FIRST);
    }

    #[test]
    fn i5_everything_that_is_wrong_is_said_at_once() {
        let change = Change {
            name: Some("x".repeat(201)),
            invitation_life: Some(3599),
            placeholder_domains: Some(vec!["no domain".into()]),
            reply_to: Some(Some("nobody".into())),
            locale: Some("english!".into()),
            time_zone: Some("Mars/Olympus".into()),
            portal_enabled: None,
            company_first: None,
            daily: Some(0),
            daily_per_member: Some(1_000_001),
            daily_per_recipient: Some(101),
            reminders: Some(Some(PlanChange {
                days: Some(vec![30]),
                ..PlanChange::default()
            })),
        };
        let refused: Vec<_> = firm()
            .with(change)
            .unwrap_err()
            .iter()
            .map(|refused| (refused.field, refused.code))
            .collect();
        assert_eq!(
            refused,
            [
                ("name", "TOO_LONG"),
                ("invitationLife", "INVALID"),
                ("placeholderDomains", "INVALID"),
                ("replyTo", "INVALID"),
                ("locale", "INVALID"),
                ("timeZone", "INVALID"),
                ("dailyInvitations", "INVALID"),
                ("dailyInvitationsPerMember", "INVALID"),
                ("dailyInvitationsPerRecipient", "INVALID"),
                ("reminders", "INVALID"),
            ]
        );
    }

    #[test]
    fn r6_slugs_are_what_fits_into_an_address() {
        let now = firm().created_at;
        for slug in ["", "Birch", "a b", "-a", "a-", &"a".repeat(64)] {
            assert!(
                Organization::new(OrganizationId::new(now), slug, "x", now).is_err(),
                "{slug}"
            );
        }
    }
}
