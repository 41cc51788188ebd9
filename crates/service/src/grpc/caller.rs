//! Who calls: found on the way in, told on the way out.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use tonic::service::Interceptor;
use tonic::{Request, Status};
use usher_auth::{Denied, Operation, Principal, Service, ServiceTokens, Verifier, authorize};
use usher_types::{OrganizationId, SharedClock};

/// Metadata with the machine's word for a refusal, where the gRPC code alone does not tell.
pub const CODE_METADATA: &str = "usher-code";

/// A token on its way to another service.
#[derive(Clone)]
pub struct Bearer(HeaderValue);

impl std::fmt::Debug for Bearer {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Bearer")
    }
}

impl Bearer {
    /// A token to send along.
    ///
    /// # Errors
    /// UNAUTHENTICATED for a text that cannot be a token.
    pub fn new(token: &str) -> Result<Self, Status> {
        let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| not_valid())?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// The token with which this request came, to be sent on in the caller's name.
    pub fn of<T>(request: &Request<T>) -> Option<Self> {
        request.extensions().get::<Self>().cloned()
    }

    /// The request with the token.
    pub fn on<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        self.put(&mut request);
        request
    }

    fn put<T>(&self, request: &mut Request<T>) {
        let metadata = std::mem::take(request.metadata_mut());
        let mut headers = metadata.into_headers();
        headers.insert(AUTHORIZATION, self.0.clone());
        *request.metadata_mut() = tonic::metadata::MetadataMap::from_headers(headers);
    }
}

/// For `XxxClient::with_interceptor(channel, bearer)`.
impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        self.put(&mut request);
        Ok(request)
    }
}

/// Makes the service tokens of background work.
#[derive(Clone)]
pub struct ServiceCaller {
    tokens: ServiceTokens,
    clock: SharedClock,
}

impl std::fmt::Debug for ServiceCaller {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("ServiceCaller")
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl ServiceCaller {
    /// In the name of the service that `tokens` belongs to.
    pub fn new(tokens: ServiceTokens, clock: SharedClock) -> Self {
        Self { tokens, clock }
    }

    /// A token for one call to `callee` about this organization; it lives a minute.
    ///
    /// # Errors
    /// INTERNAL when it cannot be signed.
    pub fn bearer(&self, callee: Service, organization: Option<OrganizationId>) -> Result<Bearer, Status> {
        let token = self.tokens.mint(callee, organization, self.clock.now());
        Bearer::new(&token.map_err(|error| super::internal(&error))?)
    }
}

/// Who calls; `None` where the request brought no token. A wrong token never gets here.
pub fn principal<T>(request: &Request<T>) -> Option<&Arc<Principal>> {
    request.extensions().get::<Arc<Principal>>()
}

/// Whether whoever calls may, where that can be nobody.
///
/// # Errors
/// As [`require`].
pub fn permit<T>(request: &Request<T>, operation: Operation) -> Result<(), Status> {
    authorize(principal(request).map(Arc::as_ref), operation).map_err(denied)
}

/// Who calls, if the caller may.
///
/// # Errors
/// UNAUTHENTICATED without a token (for a public operation too: those ask [`permit`]), PERMISSION_DENIED else,
/// with [`CODE_METADATA`] `READ_ONLY_SESSION` where that is the reason.
pub fn require<T>(request: &Request<T>, operation: Operation) -> Result<Arc<Principal>, Status> {
    let caller = principal(request);
    authorize(caller.map(Arc::as_ref), operation).map_err(denied)?;
    caller.cloned().ok_or_else(|| denied(Denied::Unauthenticated))
}

/// The organization in which the caller works; every statement is scoped to it.
///
/// # Errors
/// PERMISSION_DENIED for a service token without one.
pub fn organization(principal: &Principal) -> Result<OrganizationId, Status> {
    principal.organization.ok_or_else(|| denied(Denied::Forbidden))
}

/// A refusal of the authorization table as the status that crosses gRPC.
pub fn denied(denied: Denied) -> Status {
    match denied {
        Denied::Unauthenticated => Status::unauthenticated("sign in first"),
        Denied::Forbidden => Status::permission_denied("not permitted"),
        Denied::ReadOnlySession => {
            let mut status = Status::permission_denied("this session only reads");
            let code = tonic::metadata::MetadataValue::from_static("READ_ONLY_SESSION");
            status.metadata_mut().insert(CODE_METADATA, code);
            status
        }
    }
}

/// What the token of a request says: nobody, somebody, or a refusal of the whole request.
pub(super) fn identify(
    headers: &HeaderMap,
    verifier: Option<&Verifier>,
) -> Result<Option<(Arc<Principal>, Bearer)>, Status> {
    let (Some(value), Some(verifier)) = (headers.get(AUTHORIZATION), verifier) else {
        return Ok(None);
    };
    let token = value
        .to_str()
        .ok()
        .and_then(|text| text.strip_prefix("Bearer "))
        .ok_or_else(not_valid)?;
    match verifier.verify(token) {
        Ok(principal) => {
            let mut value = value.clone();
            value.set_sensitive(true);
            Ok(Some((principal, Bearer(value))))
        }
        // without verification keys we cannot tell a wrong token from a right one
        Err(_) if !verifier.is_ready() => Err(Status::unavailable("verification keys have not arrived yet")),
        Err(_) => Err(not_valid()),
    }
}

fn not_valid() -> Status {
    Status::unauthenticated("the token is not valid")
}
