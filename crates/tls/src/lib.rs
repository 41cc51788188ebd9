//! TLS towards database, broker and mail server: whom we trust, and why we do not trust somebody.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{CertificateError, ClientConfig, RootCertStore};

/// Certificates of authorities that are trusted besides the public ones.
#[derive(Clone)]
pub struct Authorities(Arc<str>);

/// The text holds no such certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongAuthorities {
    /// There is none in it.
    #[error("holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----")]
    None,
    /// One of them is none that anybody could be trusted by.
    #[error("holds a certificate that cannot be read")]
    Unreadable,
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Authorities({} bytes)", self.0.len())
    }
}

impl Authorities {
    /// Reads certificates in PEM, one after the other.
    ///
    /// # Errors
    /// [`WrongAuthorities`] where there is none, or one cannot be read.
    pub fn parse(pem: &str) -> Result<Self, WrongAuthorities> {
        let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(pem.as_bytes()).collect();
        let certificates = certificates.map_err(|_| WrongAuthorities::Unreadable)?;
        if certificates.is_empty() {
            return Err(WrongAuthorities::None);
        }
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate).map_err(|_| WrongAuthorities::Unreadable)?;
        }
        Ok(Self(pem.into()))
    }

    /// The text.
    #[must_use]
    pub fn pem(&self) -> &str {
        &self.0
    }
}

/// How a client speaks that trusts the public authorities and these, and shows no certificate of its own.
///
/// # Errors
/// Where the provider offers no protocol version.
pub fn client(authorities: Option<&Authorities>) -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(authorities) = authorities {
        let certificates = CertificateDer::pem_slice_iter(authorities.pem().as_bytes());
        roots.add_parsable_certificates(certificates.flatten());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// Why the certificate of the other side is not trusted, as far as only somebody can mend it: an authority that we do not know, another
/// name. None for every other error; a certificate that has run out may be renewed while we wait.
#[must_use]
pub fn distrust(error: &(dyn Error + 'static)) -> Option<String> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(rustls::Error::InvalidCertificate(reason)) = error.downcast_ref() {
            return words(reason);
        }
        // an error of input and output hides what is in it from `source`
        let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        next = match inner {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn words(reason: &CertificateError) -> Option<String> {
    match reason {
        CertificateError::Expired
        | CertificateError::ExpiredContext { .. }
        | CertificateError::NotValidYet
        | CertificateError::NotValidYetContext { .. } => None,
        // another authority of the same name, which one's own ones often have, is unknown all the same
        CertificateError::UnknownIssuer | CertificateError::BadSignature => {
            Some("its certificate is signed by an authority that we do not know".to_owned())
        }
        other => Some(format!("its certificate is not trusted: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use rcgen::generate_simple_self_signed;

    use super::*;

    #[test]
    fn r5_a_file_of_authorities_holds_certificates() {
        let pem = generate_simple_self_signed(["authority.example".to_owned()])
            .unwrap()
            .cert
            .pem();
        assert_eq!(
            Authorities::parse(&format!("{pem}{pem}")).unwrap().pem().len(),
            pem.len() * 2
        );
        for text in ["", "no certificate"] {
            assert_eq!(Authorities::parse(text).unwrap_err(), WrongAuthorities::None);
        }
        let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        assert_eq!(
            Authorities::parse(broken).unwrap_err(),
            WrongAuthorities::Unreadable
        );
    }

    #[test]
    fn r5_distrust_is_told_from_other_troubles_however_deep_it_is() {
        let of = |reason| {
            let inner = io::Error::new(
                io::ErrorKind::InvalidData,
                rustls::Error::InvalidCertificate(reason),
            );
            distrust(&io::Error::other(inner))
        };
        for unknown in [CertificateError::UnknownIssuer, CertificateError::BadSignature] {
            assert_eq!(
                of(unknown).as_deref(),
                Some("its certificate is signed by an authority that we do not know")
            );
        }
        assert_eq!(
            of(CertificateError::NotValidForName).as_deref(),
            Some("its certificate is not trusted: NotValidForName")
        );
        assert_eq!(of(CertificateError::Expired), None);
        assert_eq!(distrust(&io::Error::other("away")), None);
    }
}
