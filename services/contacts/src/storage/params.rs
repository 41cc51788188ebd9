//! Parameters of a statement whose text is put together.

use sea_orm::Value;

/// Values in the order of their numbers.
#[derive(Clone, Debug, Default)]
pub(super) struct Params(Vec<Value>);

impl Params {
    pub(super) fn new(values: impl IntoIterator<Item = Value>) -> Self {
        Self(values.into_iter().collect())
    }

    /// Adds a value and gives its number.
    pub(super) fn add(&mut self, value: impl Into<Value>) -> usize {
        self.0.push(value.into());
        self.0.len()
    }

    /// The number that the next value gets.
    pub(super) fn next(&self) -> usize {
        self.0.len() + 1
    }

    pub(super) fn extend(&mut self, values: impl IntoIterator<Item = Value>) {
        self.0.extend(values);
    }

    pub(super) fn into_values(self) -> Vec<Value> {
        self.0
    }
}
