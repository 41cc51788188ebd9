//! The discovery document (OpenID Connect Discovery 1.0 §3).

use serde::Deserialize;
use url::Url;

use crate::Trouble;
use crate::registration::is_guarded;

#[derive(Debug, Deserialize)]
struct Document {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    userinfo_endpoint: Option<String>,
    jwks_uri: String,
    token_endpoint_auth_methods_supported: Option<Vec<String>>,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
}

/// Where a provider does what.
#[derive(Clone, Debug)]
pub(crate) struct Metadata {
    pub(crate) authorization_endpoint: Url,
    pub(crate) token_endpoint: Url,
    pub(crate) userinfo_endpoint: Option<Url>,
    pub(crate) jwks_uri: Url,
    /// The secret travels in the header, as every provider must take it unless it says otherwise; else in the form.
    pub(crate) takes_basic: bool,
    /// The way back names the issuer, always (RFC 9207 §3).
    pub(crate) names_itself: bool,
}

impl Metadata {
    /// Where the document of an issuer is.
    pub(crate) fn address(issuer: &str) -> String {
        format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        )
    }

    /// Reads the document of this issuer. One that says another issuer is a stranger's (§4.3).
    pub(crate) fn read(json: &[u8], issuer: &str) -> Result<Self, Trouble> {
        let document: Document = serde_json::from_slice(json)
            .map_err(|_| Trouble::Wrong("its discovery document cannot be read".to_owned()))?;
        if document.issuer != issuer {
            return Err(Trouble::Wrong(
                "its discovery document names another issuer than the settings".to_owned(),
            ));
        }
        let methods = document.token_endpoint_auth_methods_supported;
        Ok(Self {
            authorization_endpoint: endpoint(&document.authorization_endpoint)?,
            token_endpoint: endpoint(&document.token_endpoint)?,
            userinfo_endpoint: document.userinfo_endpoint.as_deref().map(endpoint).transpose()?,
            jwks_uri: endpoint(&document.jwks_uri)?,
            takes_basic: methods
                .is_none_or(|methods| methods.iter().any(|method| method == "client_secret_basic")),
            names_itself: document.authorization_response_iss_parameter_supported,
        })
    }
}

fn endpoint(text: &str) -> Result<Url, Trouble> {
    Url::parse(text).ok().filter(is_guarded).ok_or_else(|| {
        Trouble::Wrong("its discovery document names an address that is none, or without TLS".to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(change: impl FnOnce(&mut serde_json::Value)) -> Result<Metadata, Trouble> {
        let issuer = "https://login.example";
        let mut document = serde_json::json!({
            "issuer": issuer,
            "authorization_endpoint": "https://login.example/authorize",
            "token_endpoint": "https://login.example/token",
            "jwks_uri": "https://keys.example/jwks",
        });
        change(&mut document);
        Metadata::read(document.to_string().as_bytes(), issuer)
    }

    #[test]
    fn i15_a_discovery_document_is_its_own_issuers() {
        assert!(read(|_| {}).unwrap().takes_basic);
        let post = read(|document| {
            document["token_endpoint_auth_methods_supported"] = serde_json::json!(["client_secret_post"]);
        });
        assert!(!post.unwrap().takes_basic);
        assert!(!read(|_| {}).unwrap().names_itself);
        let named = read(|document| document["authorization_response_iss_parameter_supported"] = true.into());
        assert!(named.unwrap().names_itself);
        for (member, value) in [
            ("issuer", "https://login.example/"),
            ("token_endpoint", "http://login.example/token"),
            ("userinfo_endpoint", "http://login.example/me"),
            ("jwks_uri", "nowhere"),
        ] {
            let refused = read(|document| document[member] = value.into()).unwrap_err();
            assert!(matches!(refused, Trouble::Wrong(_)), "{member}: {refused}");
        }
        assert_eq!(
            Metadata::address("https://login.example/realms/firm/"),
            "https://login.example/realms/firm/.well-known/openid-configuration"
        );
    }
}
