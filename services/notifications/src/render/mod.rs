//! From what was asked for to the bytes of a mail: templates (N4), MIME (N5).

mod compile;
mod encoded;
mod mime;
mod templates;

pub use compile::{CompileError, Compiled, Content, Ready, Wording, compile};
pub use mime::{Letterhead, Mail, Parts, Sender, Unwritable, write_mail};
pub use templates::offered;
