//! The built-in templates, embedded: `templates/{kind}/{locale}/{subject.txt,body.txt,body.html}`.

use usher_events::MailKind;
use usher_text::Language;

/// One mail in one language.
#[derive(Clone, Copy, Debug)]
pub struct Builtin {
    pub kind: MailKind,
    pub language: Language,
    pub subject: &'static str,
    pub text: &'static str,
    pub html: &'static str,
}

macro_rules! builtin {
    ($kind:ident, $folder:literal, $language:ident, $locale:literal) => {
        Builtin {
            kind: MailKind::$kind,
            language: Language::$language,
            subject: include_str!(concat!("../../templates/", $folder, "/", $locale, "/subject.txt")),
            text: include_str!(concat!("../../templates/", $folder, "/", $locale, "/body.txt")),
            html: include_str!(concat!("../../templates/", $folder, "/", $locale, "/body.html")),
        }
    };
}

pub const BUILTIN: &[Builtin] = &[
    builtin!(Invitation, "invitation", English, "en"),
    builtin!(MemberInvitation, "member_invitation", English, "en"),
    builtin!(EmailChange, "email_change", English, "en"),
    builtin!(EmailChangedNotice, "email_changed_notice", English, "en"),
    builtin!(PasswordReset, "password_reset", English, "en"),
    builtin!(MemberPasswordReset, "member_password_reset", English, "en"),
    builtin!(PasswordChanged, "password_changed", English, "en"),
    builtin!(InvitationDeclined, "invitation_declined", English, "en"),
    builtin!(AccountAccess, "account_access", English, "en"),
    builtin!(Reminder, "reminder", English, "en"),
];

/// The frame around every HTML body.
pub const LAYOUT: &str = include_str!("../../templates/layout.html");
/// The frame's inside for a body that was written for one sending.
pub const EDITED: &str = include_str!("../../templates/edited.html");

/// The languages in which there is such a mail.
#[must_use]
pub fn offered(kind: MailKind) -> Vec<Language> {
    BUILTIN
        .iter()
        .filter(|builtin| builtin.kind == kind)
        .map(|builtin| builtin.language)
        .collect()
}

/// The template of a mail in a language; the English one where that language has none.
pub fn find(kind: MailKind, language: Language) -> Option<&'static Builtin> {
    let of = |language| {
        BUILTIN
            .iter()
            .find(|builtin| builtin.kind == kind && builtin.language == language)
    };
    of(language).or_else(|| of(Language::English))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    #[test]
    fn n4_every_folder_of_templates_is_embedded() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates");
        let folders = |path: &Path| -> Vec<String> {
            let entries = std::fs::read_dir(path).unwrap().map(Result::unwrap);
            let folders = entries.filter(|entry| entry.path().is_dir());
            folders
                .map(|entry| entry.file_name().into_string().unwrap())
                .collect()
        };
        let mut found = Vec::new();
        for kind in folders(&root) {
            for locale in folders(&root.join(&kind)) {
                found.push((kind.clone(), locale));
            }
        }
        let mut embedded: Vec<_> = BUILTIN
            .iter()
            .map(|builtin| {
                (
                    builtin.kind.as_str().to_owned(),
                    builtin.language.tag().to_owned(),
                )
            })
            .collect();
        found.sort();
        embedded.sort();
        assert_eq!(found, embedded);
    }
}
