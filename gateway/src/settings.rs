//! The gateway's own settings: the table `[gateway]`.

use serde::Deserialize;
use usher_service::{Settings, StartError};

use crate::graphql::{Limits, SchemaSettings};

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
    query_complexity: usize,
    query_depth: u32,
    query_aliases: u32,
    query_root_fields: u32,
    /// Proxies of ours in front, whose `X-Forwarded-For` is believed.
    pub(crate) proxy_hops: usize,
}

impl GatewaySettings {
    pub(crate) fn of(settings: &Settings) -> Result<Self, StartError> {
        settings.section("gateway")
    }

    pub(crate) fn schema(&self, development: bool) -> SchemaSettings {
        SchemaSettings {
            introspection: match self.introspection {
                Introspection::Auto => development,
                Introspection::On => true,
                Introspection::Off => false,
            },
            complexity: self.query_complexity,
        }
    }

    pub(crate) fn limits(&self) -> Limits {
        Limits {
            depth: self.query_depth,
            aliases: self.query_aliases,
            root_fields: self.query_root_fields,
        }
    }
}
