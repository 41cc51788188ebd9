//! The three layers, and the refusal of keys that the default file does not name.

use std::path::{Path, PathBuf};

use config::{Config, Environment, File, FileFormat, Map, Source, Value, ValueKind};

use crate::StartError;

/// The commented file with every default, as it is embedded in the program.
pub const DEFAULTS: &str = include_str!("../../usher.toml");

/// The variable that names the settings file.
const CONFIG_VARIABLE: &str = "USHER_CONFIG";
/// Variables that begin like settings but belong to tests and to the benchmark.
const FOREIGN: [&str; 2] = ["test_", "bench_"];

/// Where settings come from besides the defaults.
#[derive(Clone, Default)]
pub struct Sources {
    file: Option<PathBuf>,
    environment: Map<String, String>,
    overrides: Vec<(String, String)>,
}

/// Keys alone: passwords are among the values.
impl std::fmt::Debug for Sources {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let overrides: Vec<&String> = self.overrides.iter().map(|(key, _)| key).collect();
        formatter
            .debug_struct("Sources")
            .field("file", &self.file)
            .field("variables", &self.environment.len())
            .field("overrides", &overrides)
            .finish()
    }
}

impl Sources {
    /// What a process sees: the file of `--config`, else of `USHER_CONFIG`, and the environment.
    pub fn of_process(config_flag: Option<PathBuf>) -> Self {
        let environment: Map<String, String> = std::env::vars_os()
            .filter_map(|(key, value)| Some((key.into_string().ok()?, value.into_string().ok()?)))
            .collect();
        let file = config_flag
            .or_else(|| environment.get(CONFIG_VARIABLE).map(PathBuf::from))
            .filter(|path| !path.as_os_str().is_empty());
        Self {
            file,
            environment,
            overrides: Vec::new(),
        }
    }

    /// Reads this file over the defaults.
    #[must_use]
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Takes this variable as if it stood in the environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.insert(name.to_owned(), value.to_owned());
        self
    }

    /// Sets a key over all layers; levels are divided by dots.
    #[must_use]
    pub fn set(mut self, key: &str, value: &str) -> Self {
        self.overrides.push((key.to_owned(), value.to_owned()));
        self
    }
}

/// One line for a value of the wrong form; `table` is empty for flat keys.
pub(super) fn refuse(table: &str, error: &config::ConfigError) -> StartError {
    let place = if table.is_empty() {
        String::new()
    } else {
        format!("[{table}]: ")
    };
    StartError::settings(format!("{place}{}", error.to_string().replace('\n', " ")))
}

/// Merges the layers into one tree of the default file's shape.
pub(super) fn read(sources: Sources) -> Result<Map<String, Value>, StartError> {
    let defaults = parse(File::from_str(DEFAULTS, FileFormat::Toml))?;
    let mut builder = Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
    if let Some(path) = &sources.file {
        let file = read_file(path)?;
        known_keys(&defaults, &file, "", &path.display().to_string())?;
        builder = builder.add_source(File::from(path.as_path()).format(FileFormat::Toml));
    }
    let mut texts = variables(&sources)?;
    texts.extend(
        sources
            .overrides
            .into_iter()
            .map(|(key, value)| (key.clone(), value, key)),
    );
    for (key, value, origin) in texts {
        let value = typed(&defaults, &key, value)
            .ok_or_else(|| StartError::settings(format!("{origin}: there is no such setting")))?;
        builder = builder
            .set_override(&key, value)
            .map_err(|error| refuse("", &error))?;
    }
    let tree = builder.build().map_err(|error| refuse("", &error))?;
    tree.collect().map_err(|error| refuse("", &error))
}

fn parse<S: Source + Send + Sync + 'static>(source: S) -> Result<Map<String, Value>, StartError> {
    source.collect().map_err(|error| refuse("", &error))
}

fn read_file(path: &Path) -> Result<Map<String, Value>, StartError> {
    // config's own message for a missing file does not say that it is missing
    if let Err(error) = std::fs::metadata(path) {
        return Err(StartError::settings(format!(
            "settings file {}: {error}",
            path.display()
        )));
    }
    parse(File::from(path).format(FileFormat::Toml))
}

/// The variables that are settings: (key with dots, value, name for messages).
fn variables(sources: &Sources) -> Result<Vec<(String, String, String)>, StartError> {
    let environment = Environment::with_prefix("USHER")
        .prefix_separator("_")
        .separator("__")
        .source(Some(sources.environment.clone()));
    let mut found = Vec::new();
    for (key, value) in environment.collect().map_err(|error| refuse("", &error))? {
        let foreign = key == "config" || FOREIGN.iter().any(|prefix| key.starts_with(prefix));
        if !foreign {
            let name = format!("USHER_{}", key.replace('.', "__").to_uppercase());
            let text = value.into_string().map_err(|error| refuse("", &error))?;
            found.push((key, text, name));
        }
    }
    found.sort();
    Ok(found)
}

/// Refuses a key that the defaults do not name, at any level.
fn known_keys(
    defaults: &Map<String, Value>,
    given: &Map<String, Value>,
    above: &str,
    origin: &str,
) -> Result<(), StartError> {
    for (key, value) in given {
        let path = if above.is_empty() {
            key.clone()
        } else {
            format!("{above}.{key}")
        };
        match (defaults.get(key).map(|default| &default.kind), &value.kind) {
            (None, _) => {
                return Err(StartError::settings(format!(
                    "{origin}: there is no setting {path}"
                )));
            }
            (Some(ValueKind::Table(below)), ValueKind::Table(table)) => {
                known_keys(below, table, &path, origin)?;
            }
            (Some(ValueKind::Table(_)), _) => {
                return Err(StartError::settings(format!("{origin}: {path} is a table")));
            }
            _ => {}
        }
    }
    Ok(())
}

/// The text as a value of the form that the default has: only a list needs another form than text.
///
/// Numbers and switches stay text, which the typed sections parse; guessing here would turn the password `0012`
/// into a number. `None`: the defaults have no such key.
fn typed(defaults: &Map<String, Value>, key: &str, text: String) -> Option<Value> {
    let mut level = defaults;
    let mut levels = key.split('.').peekable();
    while let Some(name) = levels.next() {
        match (&level.get(name)?.kind, levels.peek()) {
            (ValueKind::Table(below), Some(_)) => level = below,
            (ValueKind::Table(_), None) | (_, Some(_)) => return None,
            (ValueKind::Array(_), None) => return Some(list(&text)),
            (_, None) => return Some(Value::from(text)),
        }
    }
    None
}

fn list(text: &str) -> Value {
    let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
    Value::from(
        items
            .map(|item| Value::from(item.to_owned()))
            .collect::<Vec<Value>>(),
    )
}
