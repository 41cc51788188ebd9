//! The gateway's own settings: the table `[gateway]`.

use std::time::Duration;

use serde::Deserialize;
use usher_service::{Settings, StartError};

use crate::graphql::Limits;
use crate::rates::RateSettings;

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Introspection {
    Auto,
    On,
    Off,
}

/// The table `[gateway]` of the settings.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GatewaySettings {
    introspection: Introspection,
    query_complexity: u32,
    query_depth: u32,
    query_aliases: u32,
    query_root_fields: u32,
    query_seconds: u64,
    slow_reader_seconds: u64,
    rate_points: u32,
    rate_points_per_second: u32,
    sign_ins_per_minute: u32,
    links_per_minute: u32,
    mails_per_minute: u32,
    cors_origins: String,
    trusted_documents: String,
    /// Whether documents that are not trusted are refused.
    pub(crate) trusted_only: bool,
    /// Proxies of ours in front, whose `X-Forwarded-For` is believed.
    pub(crate) proxy_hops: usize,
}

impl GatewaySettings {
    pub(crate) fn of(settings: &Settings) -> Result<Self, StartError> {
        let own: Self = settings.section("gateway")?;
        if own.rate_points != 0 && own.rate_points < own.query_complexity {
            return Err(StartError::settings(
                "gateway.rate_points is less than gateway.query_complexity, so an operation that is allowed could never be paid",
            ));
        }
        let times = [
            ("slow_reader_seconds", own.slow_reader_seconds == 0),
            (
                "rate_points_per_second",
                own.rate_points != 0 && own.rate_points_per_second == 0,
            ),
        ];
        for (name, is_missing) in times {
            if is_missing {
                return Err(StartError::settings(format!("gateway.{name} is at least 1")));
            }
        }
        Ok(own)
    }

    /// Whether clients may ask what the API holds.
    pub(crate) const fn introspection(&self, development: bool) -> bool {
        match self.introspection {
            Introspection::Auto => development,
            Introspection::On => true,
            Introspection::Off => false,
        }
    }

    pub(crate) const fn limits(&self) -> Limits {
        Limits {
            depth: self.query_depth,
            aliases: self.query_aliases,
            root_fields: self.query_root_fields,
            cost: self.query_complexity,
        }
    }

    /// What callers may ask for in a time.
    pub(crate) const fn rates(&self) -> RateSettings {
        RateSettings {
            points: self.rate_points,
            points_per_second: self.rate_points_per_second,
            sign_ins_per_minute: self.sign_ins_per_minute,
            links_per_minute: self.links_per_minute,
            mails_per_minute: self.mails_per_minute,
        }
    }

    /// How long one operation may take.
    pub(crate) const fn query_time(&self) -> Duration {
        Duration::from_secs(self.query_seconds)
    }

    /// How long a client may leave what is sent to it.
    pub(crate) const fn slow_reader(&self) -> Duration {
        Duration::from_secs(self.slow_reader_seconds)
    }

    /// Whose pages may call the API from a browser.
    pub(crate) fn cors_origins(&self) -> impl Iterator<Item = &str> {
        list(&self.cors_origins)
    }

    /// The files with trusted documents.
    pub(crate) fn trusted_documents(&self) -> impl Iterator<Item = &str> {
        list(&self.trusted_documents)
    }
}

fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|entry| !entry.is_empty())
}
