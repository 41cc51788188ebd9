//! The few pages that people meet: plain HTML, no script needed, strict headers.

use usher_service::StartError;

/// The templates.
#[derive(Debug)]
pub(crate) struct Pages;

impl Pages {
    pub(crate) fn new() -> Result<Self, StartError> {
        Ok(Self)
    }
}
