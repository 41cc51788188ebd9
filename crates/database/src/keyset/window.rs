//! What a caller asks for: `first`/`after` or `last`/`before`.

/// How many a page holds when the caller does not say.
const DEFAULT_SIZE: u32 = 50;
/// The largest page.
const MAX_SIZE: u32 = 100;

/// Why a window is refused: BAD_USER_INPUT at `field`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {reason}")]
pub struct WindowError {
    /// `first`, `last`, `after` or `before`.
    pub field: &'static str,
    /// In words, for the caller.
    pub reason: &'static str,
}

/// A checked window: 1 to 100 rows, 50 where nothing is said, in one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    pub(super) size: u32,
    pub(super) backwards: bool,
    pub(super) after: Option<String>,
    pub(super) before: Option<String>,
}

impl Window {
    /// Checks the four arguments of a connection. Empty cursors count as absent, as in proto3.
    ///
    /// # Errors
    /// [`WindowError`] for `first` together with `last`, or a size outside 1 to 100.
    pub fn new(
        first: Option<i32>,
        after: Option<String>,
        last: Option<i32>,
        before: Option<String>,
    ) -> Result<Self, WindowError> {
        if first.is_some() && last.is_some() {
            return Err(WindowError {
                field: "last",
                reason: "give first or last, not both",
            });
        }
        let present = |cursor: Option<String>| cursor.filter(|text| !text.is_empty());
        Ok(Self {
            size: size("first", first)?
                .or(size("last", last)?)
                .unwrap_or(DEFAULT_SIZE),
            backwards: last.is_some(),
            after: present(after),
            before: present(before),
        })
    }

    /// How many rows the caller wants.
    #[must_use]
    pub const fn size(&self) -> u32 {
        self.size
    }
}

fn size(field: &'static str, wanted: Option<i32>) -> Result<Option<u32>, WindowError> {
    let Some(wanted) = wanted else { return Ok(None) };
    match u32::try_from(wanted) {
        Ok(size) if (1..=MAX_SIZE).contains(&size) => Ok(Some(size)),
        _ => Err(WindowError {
            field,
            reason: "a page holds 1 to 100",
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_holds_50_unless_said_and_1_to_100_in_any_case() {
        assert_eq!(Window::new(None, None, None, None).unwrap().size(), 50);
        assert_eq!(Window::new(Some(100), None, None, None).unwrap().size(), 100);
        assert!(Window::new(None, None, Some(7), None).unwrap().backwards);
        for wrong in [0, -1, 101] {
            assert_eq!(
                Window::new(Some(wrong), None, None, None).unwrap_err().field,
                "first"
            );
            assert_eq!(
                Window::new(None, None, Some(wrong), None).unwrap_err().field,
                "last"
            );
        }
        assert_eq!(
            Window::new(Some(1), None, Some(1), None).unwrap_err().field,
            "last"
        );
    }
}
