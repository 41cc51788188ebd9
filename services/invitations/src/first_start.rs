//! The first start: an organization and its administrator, where the deployment has none (R1).

use secrecy::{ExposeSecret, SecretString};
use usher_parts::Parts;
use usher_service::{Settings, StartError};
use usher_types::SharedTokens;

use crate::app::{
    AddOrganizationError, Administrator, NewOrganization, OrganizationOffice, add_organization,
    has_organization,
};

/// Characters of a password that was made up: more than 110 bits.
const PASSWORD_LENGTH: usize = 20;

/// Whom the first start made, to be told to the person at the terminal.
#[derive(Clone, Debug)]
pub struct FirstAdministrator {
    /// The address to sign in with.
    pub email: String,
    /// The password, where none was given: it is shown now and never again.
    pub made_up_password: Option<SecretString>,
}

impl FirstAdministrator {
    /// For the person at the terminal, once: not for logs.
    #[must_use]
    pub fn announcement(&self) -> String {
        let mut text = format!("  Administrator  {}\n", self.email);
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
/// [`StartError::Settings`] where slug, name or address of the settings are not in order.
pub async fn first_start(
    settings: &Settings,
    parts: &Parts,
) -> Result<Option<FirstAdministrator>, StartError> {
    let common = &settings.common;
    let Some(email) = common.admin_email.clone() else {
        return Ok(None);
    };
    let broken = |error| StartError::failed("the database", &error);
    if has_organization(&parts.database).await.map_err(broken)? {
        return Ok(None);
    }
    let made_up = common
        .admin_password
        .is_none()
        .then(|| made_up_password(&parts.tokens));
    let Some(password) = common.admin_password.clone().or_else(|| made_up.clone()) else {
        return Ok(None);
    };
    let office = OrganizationOffice {
        database: parts.database.clone(),
        clock: parts.clock.clone(),
        tokens: parts.tokens.clone(),
        seal_keys: parts.keys.seal()?,
    };
    let new = NewOrganization {
        slug: common.organization_slug.clone(),
        name: common.organization_name.clone(),
        admin_email: email.clone(),
        administrator: Administrator::Password(password),
    };
    match add_organization(&office, new).await {
        Ok(_) => Ok(Some(FirstAdministrator {
            email,
            made_up_password: made_up,
        })),
        // another replica was first
        Err(AddOrganizationError::SlugTaken) => Ok(None),
        Err(AddOrganizationError::Invalid(reason)) => {
            Err(StartError::settings(format!("the first organization: {reason}")))
        }
        Err(error) => Err(StartError::failed("the first organization", &error)),
    }
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
