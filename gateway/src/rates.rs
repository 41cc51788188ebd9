//! How much a caller may ask for in a time. Each process counts for itself.

use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::StateInformationMiddleware;
use governor::state::keyed::DashMapStateStore;
use governor::{Quota, RateLimiter};
use serde::Serialize;
use usher_auth::Subject;
use uuid::Uuid;

use crate::graphql::Caller;
use crate::meters;

/// After so many questions those who have not asked for long are forgotten.
const SWEEP: u32 = 10_000;
/// Budgets that are counted by operation are refilled within this time.
const MINUTE: Duration = Duration::from_secs(60);

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Budget {
    /// The cost of operations.
    Points,
    /// Guesses at a password.
    SignIns,
    /// Uses of a link that was mailed.
    Links,
    /// Requests that end in a mail and have no budget a day.
    Mails,
}

impl Budget {
    /// The budget of an operation that has one of its own besides its points.
    pub(crate) fn of(operation: &str) -> Option<Self> {
        match operation {
            "signIn" | "beginProviderSignIn" | "finishProviderSignIn" => Some(Self::SignIns),
            "acceptInvitation" | "confirmEmailChange" | "declineInvitation" | "invitationLanding"
            | "resetPassword" => Some(Self::Links),
            "requestNewLink" | "requestPasswordReset" | "sendPasswordReset" => Some(Self::Mails),
            _ => None,
        }
    }
}

/// What an installation may choose; nought is no limit.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RateSettings {
    /// Points that can be saved up.
    pub(crate) points: u32,
    pub(crate) points_per_second: u32,
    pub(crate) sign_ins_per_minute: u32,
    pub(crate) links_per_minute: u32,
    pub(crate) mails_per_minute: u32,
}

/// Who is counted: whoever is signed in, programs included, and else the network that the request comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Payer {
    Person(Uuid),
    Source(String),
}

impl Payer {
    /// Who pays for a request.
    pub(crate) fn of(caller: Option<&Caller>, source: &str) -> Self {
        match caller.map(|caller| caller.principal.subject) {
            Some(Subject::Member(id) | Subject::ServiceAccount(id)) => Self::Person(id.uuid()),
            Some(Subject::Contact(id)) => Self::Person(id.uuid()),
            Some(Subject::Service(_)) | None => Self::Source(network(source)),
        }
    }
}

/// Whoever has one address of IPv6 has all of its network.
fn network(source: &str) -> String {
    match source.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V6(address)) => {
            let [a, b, c, d, ..] = address.segments();
            Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).to_string()
        }
        Ok(IpAddr::V4(address)) => address.to_string(),
        Err(_) => source.to_owned(),
    }
}

/// What is left after paying.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Left {
    /// The most that can be saved up.
    maximum_available: u32,
    /// What can be spent now.
    currently_available: u32,
    /// What comes back in a second.
    restore_rate: u32,
}

/// There is not enough left: try again after so many seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooMuch {
    pub(crate) seconds: u64,
}

type Counter = RateLimiter<Payer, DashMapStateStore<Payer>, DefaultClock, StateInformationMiddleware>;

/// A counter for each budget that is limited.
#[derive(Debug)]
pub(crate) struct Rates {
    settings: RateSettings,
    points: Option<Counter>,
    sign_ins: Option<Counter>,
    links: Option<Counter>,
    mails: Option<Counter>,
    asked: AtomicU32,
}

impl Rates {
    pub(crate) fn new(settings: RateSettings) -> Self {
        let by_minute = |most: u32| {
            let most = NonZeroU32::new(most)?;
            Some(Quota::with_period(MINUTE / most.get())?.allow_burst(most))
        };
        let points = || {
            let most = NonZeroU32::new(settings.points)?;
            let second = NonZeroU32::new(settings.points_per_second).unwrap_or(NonZeroU32::MIN);
            Some(Quota::per_second(second).allow_burst(most))
        };
        Self {
            settings,
            points: points().map(counter),
            sign_ins: by_minute(settings.sign_ins_per_minute).map(counter),
            links: by_minute(settings.links_per_minute).map(counter),
            mails: by_minute(settings.mails_per_minute).map(counter),
            asked: AtomicU32::new(0),
        }
    }

    /// Pays `amount` out of a budget; what is left of it, where it is limited.
    pub(crate) fn pay(&self, budget: Budget, payer: &Payer, amount: u32) -> Result<Option<Left>, TooMuch> {
        let paid = self.try_pay(budget, payer, amount);
        if paid.is_err() {
            meters::throttled(budget);
        }
        paid
    }

    fn try_pay(&self, budget: Budget, payer: &Payer, amount: u32) -> Result<Option<Left>, TooMuch> {
        let counter = match budget {
            Budget::Points => &self.points,
            Budget::SignIns => &self.sign_ins,
            Budget::Links => &self.links,
            Budget::Mails => &self.mails,
        };
        let (Some(counter), Some(amount)) = (counter, NonZeroU32::new(amount)) else {
            return Ok(None);
        };
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP == SWEEP - 1 {
            for counter in [&self.points, &self.sign_ins, &self.links, &self.mails] {
                counter.iter().for_each(RateLimiter::retain_recent);
            }
        }
        match counter.check_key_n(payer, amount) {
            Ok(Ok(state)) => Ok(Some(Left {
                maximum_available: self.settings.points,
                currently_available: state.remaining_burst_capacity(),
                restore_rate: self.settings.points_per_second,
            })),
            Ok(Err(not_yet)) => {
                let wait = not_yet.wait_time_from(counter.clock().now());
                // rounded up, so that waiting as long as the answer says is enough
                let seconds = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
                Err(TooMuch {
                    seconds: seconds.max(1),
                })
            }
            // more at once than can ever be saved up
            Err(_) => Err(TooMuch {
                seconds: MINUTE.as_secs(),
            }),
        }
    }
}

fn counter(quota: Quota) -> Counter {
    RateLimiter::keyed(quota).with_middleware()
}

#[cfg(test)]
mod tests {
    use async_graphql::parser::parse_schema;
    use async_graphql::parser::types::{TypeKind, TypeSystemDefinition};

    use super::*;

    const NONE: RateSettings = RateSettings {
        points: 0,
        points_per_second: 0,
        sign_ins_per_minute: 0,
        links_per_minute: 0,
        mails_per_minute: 0,
    };

    fn source(text: &str) -> Payer {
        Payer::of(None, text)
    }

    #[test]
    fn points_are_paid_until_nothing_is_left_and_each_payer_has_their_own() {
        let rates = Rates::new(RateSettings {
            points: 100,
            points_per_second: 1,
            ..NONE
        });
        let one = source("192.0.2.1");
        let left = rates.pay(Budget::Points, &one, 60).unwrap().unwrap();
        assert_eq!(
            left,
            Left {
                maximum_available: 100,
                currently_available: 40,
                restore_rate: 1
            }
        );
        assert_eq!(rates.pay(Budget::Points, &one, 70), Err(TooMuch { seconds: 30 }));
        assert!(rates.pay(Budget::Points, &source("192.0.2.2"), 100).is_ok());
    }

    #[test]
    fn nought_is_no_limit() {
        let rates = Rates::new(NONE);
        for budget in [Budget::Points, Budget::SignIns, Budget::Links, Budget::Mails] {
            assert_eq!(rates.pay(budget, &source("192.0.2.1"), u32::MAX), Ok(None));
        }
    }

    /// Operations that anybody may call and that have no budget but their points.
    const WITHOUT_BUDGET: [(&str, &str); 3] = [
        ("viewer", "says what the token says"),
        (
            "refreshSession",
            "every open tab does it, and a token that is wrong ends its session",
        ),
        ("signOut", "ends what the caller holds"),
    ];

    /// Every operation that anybody may call, by its description.
    fn public() -> Vec<String> {
        let mut found = Vec::new();
        for definition in parse_schema(crate::graphql::sdl()).unwrap().definitions {
            let TypeSystemDefinition::Type(definition) = definition else {
                continue;
            };
            let name = definition.node.name.node.as_str();
            let is_root = matches!(name, "Query" | "Mutation" | "Subscription");
            let (true, TypeKind::Object(object)) = (is_root, definition.node.kind) else {
                continue;
            };
            for field in object.fields {
                let description = field.node.description.map(|text| text.node).unwrap_or_default();
                if description.contains("Public") {
                    found.push(field.node.name.node.to_string());
                }
            }
        }
        found
    }

    #[test]
    fn whatever_anybody_may_call_has_a_budget_of_its_own_or_is_named_here() {
        let mut budgeted: Vec<String> = crate::graphql::operations()
            .into_iter()
            .map(|operation| operation.name)
            .filter(|name| Budget::of(name).is_some())
            .collect();
        let is_named = |name: &String| WITHOUT_BUDGET.iter().any(|(known, _)| known == name);
        let mut expected = public();
        assert_eq!(expected.iter().filter(|name| is_named(name)).count(), 3);
        expected.retain(|name| !is_named(name));
        // a member's, and mails all the same
        expected.push("sendPasswordReset".to_owned());
        budgeted.sort_unstable();
        expected.sort_unstable();
        assert_eq!(budgeted, expected);
    }

    #[test]
    fn a_network_of_ipv6_is_one_source() {
        assert_eq!(source("2001:db8::1"), source("2001:db8::ffff:1"));
        assert_ne!(source("2001:db8::1"), source("2001:db8:0:1::1"));
        assert_eq!(source("::ffff:192.0.2.1"), source("192.0.2.1"));
        assert_eq!(source("unknown"), Payer::Source("unknown".to_owned()));
    }
}
