//! The first start: an organization and its administrator, where the deployment has none (R1).
//!
//! In development a password is made up and shown once. In production nothing secret is ever printed: the address must be
//! given, and the password with it, or the administrator is invited by mail.

use secrecy::{ExposeSecret, SecretString};
use usher_parts::Parts;
use usher_service::{Settings, StartError};
use usher_types::SharedTokens;

use crate::app::{
    AddOrganizationError, Administrator, NewOrganization, OrganizationOffice, add_organization,
    has_organization,
};
use crate::domain::password::{Known, MIN_LENGTH, Password, Refused};

/// Characters of a password that was made up: more than 110 bits.
const PASSWORD_LENGTH: usize = 20;
/// Of the address that the default settings give to the administrator: nothing can be mailed there.
const DEVELOPMENT_DOMAIN: &str = "@usher.localhost";

/// Whom the first start made, to be told to the person at the terminal.
#[derive(Clone, Debug)]
pub struct FirstAdministrator {
    /// The address to sign in with.
    pub email: String,
    /// The password, where development made one up: it is shown now and never again.
    pub made_up_password: Option<SecretString>,
    /// The way in is a link in a mail.
    pub invited: bool,
}

impl FirstAdministrator {
    /// For the person at the terminal, once: not for logs.
    #[must_use]
    pub fn announcement(&self) -> String {
        let invited = if self.invited { "   (invited by mail)" } else { "" };
        let mut text = format!("  Administrator  {}{invited}\n", self.email);
        if let Some(password) = &self.made_up_password {
            text += &format!(
                "  Password       {}   (made up now, not shown again)\n",
                password.expose_secret()
            );
        }
        text
    }
}

/// Makes the organization and the administrator of the settings where there is no organization yet. Several at once are
/// safe: one makes them.
///
/// # Errors
/// [`StartError::Settings`] where slug, name, address or password of the settings are not in order, or production does not
/// say who its administrator is.
pub async fn first_start(
    settings: &Settings,
    parts: &Parts,
) -> Result<Option<FirstAdministrator>, StartError> {
    let broken = |error| StartError::failed("the database", &error);
    if has_organization(&parts.database).await.map_err(broken)? {
        return Ok(None);
    }
    let Some((made, administrator)) = wanted(settings, &parts.tokens)? else {
        return Ok(None);
    };
    let office = OrganizationOffice {
        database: parts.database.clone(),
        clock: parts.clock.clone(),
        tokens: parts.tokens.clone(),
        seal_keys: parts.keys.seal()?,
    };
    let new = NewOrganization {
        slug: settings.common.organization_slug.clone(),
        name: settings.common.organization_name.clone(),
        admin_email: made.email.clone(),
        administrator,
    };
    match add_organization(&office, new).await {
        Ok(_) => Ok(Some(made)),
        // another replica was first
        Err(AddOrganizationError::SlugTaken) => Ok(None),
        Err(AddOrganizationError::Invalid(reason)) => {
            Err(StartError::settings(format!("the first organization: {reason}")))
        }
        Err(error) => Err(StartError::failed("the first organization", &error)),
    }
}

/// Whom the settings want, and how they get in; nobody where development gives no address.
fn wanted(
    settings: &Settings,
    tokens: &SharedTokens,
) -> Result<Option<(FirstAdministrator, Administrator)>, StartError> {
    let common = &settings.common;
    let development = common.is_development();
    let given = common.admin_email.clone();
    let Some(email) = given.filter(|email| development || !email.ends_with(DEVELOPMENT_DOMAIN)) else {
        if development {
            return Ok(None);
        }
        return Err(StartError::settings(
            "USHER_ADMIN_EMAIL is not given; the first start in production needs it, and USHER_ADMIN_PASSWORD unless the \
             administrator is to be invited by mail",
        ));
    };
    let made = |made_up_password, invited| FirstAdministrator {
        email: email.clone(),
        made_up_password,
        invited,
    };
    Ok(Some(match common.admin_password.clone() {
        Some(password) => {
            check_password(settings, &email, &password)?;
            (made(None, false), Administrator::Password(password))
        }
        None if development => {
            let password = made_up_password(tokens);
            (
                made(Some(password.clone()), false),
                Administrator::Password(password),
            )
        }
        None => (made(None, true), Administrator::Invited),
    }))
}

/// An operator chooses like everybody else (I10).
fn check_password(settings: &Settings, email: &str, password: &SecretString) -> Result<(), StartError> {
    let common = &settings.common;
    let known = Known::new([
        email,
        common.organization_name.as_str(),
        common.organization_slug.as_str(),
    ]);
    let Err(refused) = Password::choose(password.expose_secret(), MIN_LENGTH, &known) else {
        return Ok(());
    };
    let reason = match refused {
        Refused::TooShort(least) => format!("has at least {least} characters"),
        Refused::TooLong => "has at most 1,024 bytes".to_owned(),
        Refused::Common => "is not among the common ones".to_owned(),
        Refused::Guessable => "is not made of the firm's name or the administrator's address".to_owned(),
    };
    Err(StartError::settings(format!(
        "USHER_ADMIN_PASSWORD is refused: a password {reason}"
    )))
}

/// Letters and digits alone, so that it can be selected by a double click and typed into a shell.
fn made_up_password(tokens: &SharedTokens) -> SecretString {
    let text = tokens.token().reveal() + &tokens.token().reveal();
    let plain: String = text
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(PASSWORD_LENGTH)
        .collect();
    SecretString::from(plain)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use usher_types::SystemTokens;

    use super::*;

    fn read(pairs: &[(&str, &str)]) -> Result<Option<(FirstAdministrator, Administrator)>, String> {
        let settings = Settings::with(pairs.iter().copied()).unwrap();
        let tokens: SharedTokens = Arc::new(SystemTokens);
        wanted(&settings, &tokens).map_err(|error| error.to_string())
    }

    #[test]
    fn r1_development_makes_a_password_up_and_shows_it_once() {
        let (made, _) = read(&[]).unwrap().unwrap();
        let text = made.announcement();
        assert!(
            text.starts_with("  Administrator  admin@usher.localhost\n  Password       "),
            "{text}"
        );
        let given = "kestrel orchid lantern";
        let (made, administrator) = read(&[("admin_password", given)]).unwrap().unwrap();
        assert_eq!(made.announcement(), "  Administrator  admin@usher.localhost\n");
        assert!(
            matches!(administrator, Administrator::Password(password) if password.expose_secret() == given)
        );
        assert!(read(&[("admin_email", "")]).unwrap().is_none());
    }

    #[test]
    fn r5_production_needs_an_administrator_of_its_own_and_prints_no_password() {
        const MODE: (&str, &str) = ("mode", "production");
        const EMAIL: (&str, &str) = ("admin_email", "owner@firm.example");
        let needed = "USHER_ADMIN_EMAIL is not given; the first start in production needs it, and USHER_ADMIN_PASSWORD \
                      unless the administrator is to be invited by mail";
        for nobody in [
            &[MODE][..],
            &[MODE, ("admin_email", "")],
            &[MODE, ("admin_password", "kestrel orchid lantern")],
        ] {
            assert_eq!(read(nobody).unwrap_err(), needed);
        }
        let (made, administrator) = read(&[MODE, EMAIL]).unwrap().unwrap();
        assert!(matches!(administrator, Administrator::Invited));
        assert_eq!(
            made.announcement(),
            "  Administrator  owner@firm.example   (invited by mail)\n"
        );
        let given = [MODE, EMAIL, ("admin_password", "kestrel orchid lantern")];
        let (made, administrator) = read(&given).unwrap().unwrap();
        assert!(matches!(administrator, Administrator::Password(_)));
        assert_eq!(made.announcement(), "  Administrator  owner@firm.example\n");
    }

    #[test]
    fn i10_an_operator_chooses_a_password_like_everybody_else() {
        let table = [
            ("kestrel orchid", "has at least 15 characters"),
            ("123456789123456789", "is not among the common ones"),
            (
                "owner@firm.example",
                "is not made of the firm's name or the administrator's address",
            ),
        ];
        for (password, reason) in table {
            for mode in ["development", "production"] {
                let pairs = [
                    ("mode", mode),
                    ("admin_email", "owner@firm.example"),
                    ("admin_password", password),
                ];
                let expected = format!("USHER_ADMIN_PASSWORD is refused: a password {reason}");
                assert_eq!(read(&pairs).unwrap_err(), expected, "{mode}");
            }
        }
    }
}
