//! When an organization reminds.

use serde::{Deserialize, Serialize};

use super::quiet::Quiet;
use crate::domain::organization::{Refused, invalid};

/// Reminders of one invitation.
const MOST: usize = 5;
/// An invitation lives thirty days at most (I5).
const DAYS: std::ops::RangeInclusive<i32> = 1..=29;
const FIELD: &str = "reminders";

/// When an organization reminds. Nobody is reminded unless it says so.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Days after the invitation was sent, ascending.
    pub days: Vec<i32>,
    /// Also the day before the invitation's end.
    pub before_end: bool,
    /// When nobody is written to.
    pub quiet: Quiet,
}

/// A change: what is absent stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlanChange {
    /// Replaces the list.
    pub days: Option<Vec<i32>>,
    /// The day before the end.
    pub before_end: Option<bool>,
    /// "20:00".
    pub quiet_from: Option<String>,
    /// "08:00".
    pub quiet_to: Option<String>,
    /// Saturdays and Sundays.
    pub quiet_weekends: Option<bool>,
}

impl Plan {
    /// Whether it asks for any reminder.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        self.before_end || !self.days.is_empty()
    }

    /// The plan after `change`.
    ///
    /// # Errors
    /// The first thing that is wrong with it.
    pub fn with(&self, change: PlanChange) -> Result<Self, Refused> {
        let mut next = self.clone();
        if let Some(days) = change.days {
            next.days = checked_days(days)?;
        }
        next.before_end = change.before_end.unwrap_or(next.before_end);
        if let Some(from) = change.quiet_from {
            next.quiet.from = minutes(&from)?;
        }
        if let Some(to) = change.quiet_to {
            next.quiet.to = minutes(&to)?;
        }
        next.quiet.weekends = change.quiet_weekends.unwrap_or(next.quiet.weekends);
        Ok(next)
    }
}

fn checked_days(mut days: Vec<i32>) -> Result<Vec<i32>, Refused> {
    days.sort_unstable();
    days.dedup();
    if days.len() > MOST {
        return Err(invalid(FIELD, "at most five days on which to remind"));
    }
    if !days.iter().all(|day| DAYS.contains(day)) {
        return Err(invalid(
            FIELD,
            "a reminder goes out 1 to 29 days after the invitation",
        ));
    }
    Ok(days)
}

/// Minutes after midnight of "08:00".
fn minutes(text: &str) -> Result<u16, Refused> {
    let parsed = || {
        let (hour, minute) = text.split_once(':')?;
        let digits = |part: &str| part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !digits(hour) || !digits(minute) {
            return None;
        }
        let (hour, minute): (u16, u16) = (hour.parse().ok()?, minute.parse().ok()?);
        (hour < 24 && minute < 60).then_some(hour * 60 + minute)
    };
    parsed().ok_or_else(|| invalid(FIELD, "a time of the day is written as 08:00"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn i16_nobody_is_reminded_unless_the_organization_says_so() {
        let plan = Plan::default();
        assert!(!plan.is_on());
        assert_eq!(
            (plan.quiet.from, plan.quiet.to, plan.quiet.weekends),
            (1200, 480, false)
        );
        let on = plan.with(PlanChange {
            before_end: Some(true),
            ..PlanChange::default()
        });
        assert!(on.unwrap().is_on());
    }

    #[test]
    fn i16_a_plan_is_taken_in_its_canonical_form_or_refused() {
        let days = |days: &[i32]| PlanChange {
            days: Some(days.to_vec()),
            ..PlanChange::default()
        };
        let from = |text: &str| PlanChange {
            quiet_from: Some(text.to_owned()),
            ..PlanChange::default()
        };
        assert_eq!(Plan::default().with(days(&[5, 2, 5])).unwrap().days, [2, 5]);
        assert_eq!(Plan::default().with(from("23:59")).unwrap().quiet.from, 1439);
        for wrong in [
            days(&[0]),
            days(&[30]),
            days(&[1, 2, 3, 4, 5, 6]),
            from("24:00"),
            from("8:00"),
            from("08:60"),
            from("+8:00"),
        ] {
            assert_eq!(
                Plan::default().with(wrong.clone()).unwrap_err().code,
                "INVALID",
                "{wrong:?}"
            );
        }
    }
}
