//! The identity providers of the settings: the file that `[oidc]` names.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use secrecy::SecretString;
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use url::Url;
use usher_auth::PermissionSet;
use usher_oidc::{Http, Provider, Registration, is_guarded};
use usher_service::{Settings, StartError, Trust};

use crate::domain::provider::{Mapping, read_gives};
use crate::storage::member::Member;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    providers: PathBuf,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    provider: Vec<Entry>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    organization: String,
    issuer: String,
    client_id: String,
    #[serde(deserialize_with = "secret")]
    client_secret: SecretString,
    #[serde(default = "usual_scopes")]
    scopes: String,
    #[serde(default = "usual_claim")]
    claim: String,
    #[serde(default = "usual_verified")]
    email_verified: String,
    #[serde(default)]
    redirect_uris: Vec<String>,
    grant: Vec<Rule>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Rule {
    value: String,
    gives: String,
}

/// A text. The usual message would quote what stands there in its place.
fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    let text = String::deserialize(deserializer).map(SecretString::from);
    text.map_err(|_| D::Error::custom("client_secret is a text in quotes"))
}

fn usual_scopes() -> String {
    "openid email profile".to_owned()
}

fn usual_claim() -> String {
    "groups".to_owned()
}

fn usual_verified() -> String {
    "email_verified".to_owned()
}

/// Where an organization's members come from.
#[derive(Debug)]
pub(crate) struct Place {
    /// The slug.
    pub(crate) organization: String,
    pub(crate) provider: Provider,
    /// The claim that says what somebody may do, and what its values give.
    pub(crate) claim: String,
    pub(crate) mapping: Mapping,
    /// The claim that says whether an address is the person's.
    pub(crate) email_verified: String,
    returns: Vec<String>,
}

impl Place {
    /// Whether the provider may send people back to this address: our own page, or one of the settings.
    pub(crate) fn returns_to(&self, address: &str) -> bool {
        self.returns.iter().any(|known| known == address)
    }
}

/// The providers, at most one an organization. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub(crate) struct Providers(Arc<[Place]>);

impl Providers {
    /// Reads the file; without one there is no provider. Nobody is asked yet.
    ///
    /// # Errors
    /// [`StartError::Settings`] where the file or anything in it is wrong.
    pub(crate) fn read(settings: &Settings) -> Result<Self, StartError> {
        let table: Table = settings.section("oidc")?;
        if table.providers.as_os_str().is_empty() {
            return Ok(Self::default());
        }
        let wrong = |reason: String| wrong(&table.providers, &reason);
        let text = std::fs::read_to_string(&table.providers).map_err(|error| wrong(error.to_string()))?;
        // the message alone: what it quotes of the file may be a secret
        let file: File = toml::from_str(&text).map_err(|error| wrong(error.message().replace('\n', " ")))?;
        let http = Http::new(Trust::of(settings)?.oidc.as_ref())
            .map_err(|error| StartError::Failed(format!("TLS: {error}")))?;
        let mut places: Vec<Place> = Vec::new();
        for entry in file.provider {
            let slug = entry.organization.clone();
            if places.iter().any(|place| place.organization == slug) {
                return Err(wrong(format!("{slug} has two providers")));
            }
            let place = place(entry, &settings.common.public_url(), http.clone());
            places.push(place.map_err(|reason| wrong(format!("{slug}: {reason}")))?);
        }
        Ok(Self(places.into()))
    }

    /// The provider of the organization with this slug.
    pub(crate) fn of(&self, organization: &str) -> Option<&Place> {
        self.0.iter().find(|place| place.organization == organization)
    }

    /// Whether a provider alone signs this member in: then no password does, and none can be chosen. A provider that has taken the place
    /// of the one they came from does: only an installation that gives it up altogether goes back to passwords (ADR 41).
    pub(crate) fn sign_in_alone(&self, organization: &str, member: &Member) -> bool {
        member.identity.is_some() && self.of(organization).is_some()
    }
}

fn wrong(file: &Path, reason: &str) -> StartError {
    StartError::settings(format!("[oidc]: providers: {}: {reason}", file.display()))
}

fn place(entry: Entry, public_url: &str, http: Http) -> Result<Place, String> {
    let registration = Registration::new(
        &entry.issuer,
        &entry.client_id,
        entry.client_secret,
        &entry.scopes,
    )
    .map_err(|error| error.to_string())?;
    if entry.grant.is_empty() {
        return Err("grant: without a rule nobody could sign in".to_owned());
    }
    let rules: Result<Vec<(String, PermissionSet)>, String> = entry
        .grant
        .into_iter()
        .map(|rule| {
            let gives = read_gives(&rule.gives).ok_or_else(|| {
                let known = PermissionSet::all().names().join(", ");
                format!("grant: {:?} is neither a role nor some of {known}", rule.gives)
            })?;
            Ok((rule.value, gives))
        })
        .collect();
    if let Some(wrong) = entry
        .redirect_uris
        .iter()
        .find(|address| !may_come_back_to(address))
    {
        return Err(format!(
            "redirect_uris: {wrong:?} is no https address without a fragment"
        ));
    }
    let own = format!("{public_url}/auth/oidc/{}/callback", entry.organization);
    Ok(Place {
        provider: Provider::new(registration, http),
        organization: entry.organization,
        claim: entry.claim,
        mapping: Mapping::new(rules?),
        email_verified: entry.email_verified,
        returns: std::iter::once(own).chain(entry.redirect_uris).collect(),
    })
}

/// Codes travel there.
fn may_come_back_to(address: &str) -> bool {
    Url::parse(address).is_ok_and(|url| is_guarded(&url) && url.fragment().is_none())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use chrono::{TimeZone, Utc};
    use usher_auth::Role;
    use usher_types::{EmailAddress, OrganizationId};

    use super::*;
    use crate::domain::member::Grant;
    use crate::storage::member::Identity;

    const FINE: &str = r#"
        [[provider]]
        organization = "birch"
        issuer = "https://login.birch.example"
        client_id = "usher"
        client_secret = "hush-hush"
        redirect_uris = ["https://app.birch.example/back"]
        grant = [{ value = "staff", gives = "STAFF" }, { value = "mailers", gives = "portal.invite email.bulk" }]
    "#;

    fn read(text: &str) -> Result<Providers, StartError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        let path = file.path().to_str().unwrap();
        Providers::read(&Settings::with([
            ("oidc.providers", path),
            ("public_url", "https://portal.birch.example/"),
        ])?)
    }

    #[test]
    fn r5_providers_come_from_a_file_that_the_settings_name() {
        let none = Providers::read(&Settings::with([]).unwrap()).unwrap();
        assert!(none.of("birch").is_none());
        let providers = read(FINE).unwrap();
        let place = providers.of("birch").unwrap();
        assert!(providers.of("cedar").is_none());
        assert_eq!(
            (place.claim.as_str(), place.email_verified.as_str()),
            ("groups", "email_verified")
        );
        assert!(place.returns_to("https://portal.birch.example/auth/oidc/birch/callback"));
        assert!(place.returns_to("https://app.birch.example/back"));
        for other in [
            "https://portal.birch.example/auth/oidc/cedar/callback",
            "https://app.birch.example/",
            "",
        ] {
            assert!(!place.returns_to(other), "{other}");
        }
        assert!(!format!("{providers:?}").contains("hush"));
    }

    #[test]
    fn i15_a_member_who_came_from_a_provider_has_no_password_while_there_is_one() {
        let providers = read(FINE).unwrap();
        let now = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let address = EmailAddress::parse("ada@birch.example").unwrap();
        let grant = Grant::Role(Role::Staff);
        let mut member = Member::new(OrganizationId::new(now), &address, "Ada".to_owned(), grant, now);
        assert!(!providers.sign_in_alone("birch", &member));
        for issuer in ["https://login.birch.example", "https://former.birch.example"] {
            member.identity = Some(Identity {
                issuer: issuer.to_owned(),
                subject: "ada".to_owned(),
            });
            assert!(providers.sign_in_alone("birch", &member), "{issuer}");
        }
        // given up altogether, or never had
        assert!(!providers.sign_in_alone("cedar", &member));
        assert!(!Providers::default().sign_in_alone("birch", &member));
    }

    #[test]
    fn r5_a_wrong_file_of_providers_is_refused_with_the_reason_and_without_the_secret() {
        let twice = format!("{FINE}{FINE}");
        for (from, to, reason) in [
            ("", "", "birch has two providers"),
            (
                "https://login.birch",
                "http://login.birch",
                "birch: issuer is an https address; http is for providers on this machine alone",
            ),
            (
                "\"usher\"",
                "\"\"",
                "birch: client_id and client_secret are what the provider gave to this installation",
            ),
            (
                "\"STAFF\"",
                "\"CLERK\"",
                "birch: grant: \"CLERK\" is neither a role nor some of contacts.read",
            ),
            ("client_id", "client", "unknown field `client`"),
            ("\"hush-hush\"", "4711", "client_secret is a text in quotes"),
            (
                "issuer = \"https://login.birch.example\"",
                "",
                "missing field `issuer`",
            ),
            (
                "client_id = \"usher\"",
                "scopes = \"email\"\nclient_id = \"usher\"",
                "birch: scopes are names with spaces between them, openid among them",
            ),
            (
                "https://app.birch.example/back",
                "back",
                "birch: redirect_uris: \"back\" is no https address",
            ),
            (
                "https://app.birch.example/back",
                "http://app.birch.example/back",
                "birch: redirect_uris: \"http://app.birch.example/back\" is no https address",
            ),
            (
                "https://app.birch.example/back",
                "https://app.birch.example/#back",
                "birch: redirect_uris: \"https://app.birch.example/#back\" is no https address",
            ),
            ("[[provider]]", "[[provider", "providers: "),
        ] {
            let text = if from.is_empty() {
                twice.clone()
            } else {
                FINE.replace(from, to)
            };
            let error = read(&text).unwrap_err();
            assert!(matches!(error, StartError::Settings(_)), "{error}");
            assert!(error.to_string().contains(reason), "{error}");
            assert!(!error.to_string().contains("hush"), "{error}");
            assert!(!error.to_string().contains("4711"), "{error}");
        }
        let missing = Settings::with([("oidc.providers", "/nowhere/providers.toml")]).unwrap();
        let error = Providers::read(&missing).unwrap_err().to_string();
        assert!(
            error.starts_with("[oidc]: providers: /nowhere/providers.toml: "),
            "{error}"
        );
    }
}
