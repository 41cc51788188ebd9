//! Settings: one commented default file in the program, a file over it, the environment over that (R5).
//!
//! The default file names every key, so a key that it does not name is refused before anything else happens, in
//! every process alike. Flat keys are [`Common`]; a table belongs to the crate that reads it with
//! [`Settings::section`].

mod common;
mod layers;
mod tls;

pub use common::{Common, Mode};
pub use layers::{DEFAULTS, Sources};
pub use tls::Trust;

use std::sync::Arc;

use config::{Map, Value, ValueKind};
use serde::de::DeserializeOwned;

use crate::StartError;

/// The settings of a process: read once at the start, cheap to clone.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The flat keys, which more than one crate needs.
    pub common: Arc<Common>,
    tables: Arc<Map<String, Value>>,
}

impl Settings {
    /// Reads all layers and checks the flat keys.
    ///
    /// # Errors
    /// [`StartError::Settings`] with one line that names the key, its source and what is wrong with it.
    pub fn load(sources: Sources) -> Result<Self, StartError> {
        let mut flat = layers::read(sources)?;
        let tables: Map<String, Value> = flat
            .extract_if(|_, value| matches!(value.kind, ValueKind::Table(_)))
            .collect();
        let common = Value::new(None, ValueKind::Table(flat))
            .try_deserialize::<Common>()
            .map_err(|error| layers::refuse("", &error))?;
        common.check()?;
        Ok(Self {
            common: Arc::new(common),
            tables: Arc::new(tables),
        })
    }

    /// The defaults with some keys changed (`"database.max_connections"`): what tests start from.
    ///
    /// # Errors
    /// As [`Settings::load`].
    pub fn with<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, StartError> {
        let sources = pairs
            .into_iter()
            .fold(Sources::default(), |sources, (key, value)| {
                sources.set(key, value)
            });
        Self::load(sources)
    }

    /// One table as the type of the crate that owns it; the type should deny unknown fields.
    ///
    /// # Errors
    /// [`StartError::Settings`] when a value has the wrong form, or the default file has no such table.
    pub fn section<T: DeserializeOwned>(&self, name: &str) -> Result<T, StartError> {
        let table = self
            .tables
            .get(name)
            .ok_or_else(|| StartError::settings(format!("the default settings have no table [{name}]")))?;
        table
            .clone()
            .try_deserialize::<T>()
            .map_err(|error| layers::refuse(name, &error))
    }
}
