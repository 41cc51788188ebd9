//! The rules of e-mail, pure: placeholders and checks (N4), replies and retries (N3), where a message goes next (N1).

pub mod check;
pub mod pattern;
pub mod placeholder;
pub mod reply;
pub mod retry;
pub mod transition;
