//! The data of an envelope.

use std::fmt::{self, Debug, Display, Formatter};

use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::{RawValue, to_raw_value};

/// JSON that stays the text that it is until somebody reads it: most of it is only passed on.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Data(Box<RawValue>);

impl Data {
    /// Writes a value, `null` where it is none that JSON takes.
    #[must_use]
    pub fn of(value: &impl Serialize) -> Self {
        Self(to_raw_value(value).unwrap_or_else(|_| RawValue::NULL.to_owned()))
    }

    /// Takes what somebody else has written.
    ///
    /// # Errors
    /// Where it is no JSON.
    pub fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(text)
    }

    /// Reads it.
    ///
    /// # Errors
    /// Where it does not have the shape.
    pub fn read<T: DeserializeOwned>(&self) -> Result<T, serde_json::Error> {
        serde_json::from_str(self.0.get())
    }
}

impl Display for Data {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.get())
    }
}

impl Debug for Data {
    fn fmt(&self, formatter: &mut Formatter<'_>) -> fmt::Result {
        // it may hold addresses
        write!(formatter, "Data({} bytes)", self.0.get().len())
    }
}

impl PartialEq for Data {
    fn eq(&self, other: &Self) -> bool {
        self.0.get() == other.0.get()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn e4_data_stays_as_it_was_written() {
        let text = "{\"b\": 1,\"a\":\"\\u0000 é\", \"n\": 1.50}";
        let data = Data::parse(text.as_bytes()).unwrap();
        assert_eq!(data.to_string(), text);
        assert_eq!(serde_json::to_string(&[&data]).unwrap(), format!("[{text}]"));
        assert_eq!(
            data.read::<serde_json::Value>().unwrap(),
            json!({"b": 1, "a": "\u{0} é", "n": 1.5})
        );
    }

    #[test]
    fn e4_what_is_no_json_is_no_data() {
        for text in ["", "{", "nobody", "{} {}", "\"\u{1}\""] {
            assert!(Data::parse(text.as_bytes()).is_err(), "{text}");
        }
    }
}
