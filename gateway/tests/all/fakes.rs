//! Services that answer what a test says, and remember what they were asked.

use std::collections::HashMap;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use axum::body::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt, Full};
use prost::Message;
use tonic::Status;
use tonic::body::Body;
use tonic::server::NamedService;

type Answer = Box<dyn Fn(Bytes) -> Result<Vec<Vec<u8>>, Status> + Send + Sync>;

/// One call that arrived.
#[derive(Clone, Debug)]
pub struct Call {
    pub method: String,
    pub authorization: Option<String>,
    pub message: Bytes,
}

/// The answers and the calls of all services.
#[derive(Clone, Default)]
pub struct Fakes {
    answers: Arc<Mutex<HashMap<&'static str, Answer>>>,
    calls: Arc<Mutex<Vec<Call>>>,
    silent: Arc<Mutex<Vec<&'static str>>>,
}

impl Fakes {
    /// Answers a method, such as "ListContacts".
    pub fn on<Q, A>(
        &self,
        method: &'static str,
        answer: impl Fn(Q) -> Result<A, Status> + Send + Sync + 'static,
    ) -> &Self
    where
        Q: Message + Default,
        A: Message,
    {
        self.stream(method, move |question| Ok(vec![answer(question)?]))
    }

    /// Answers a method with a stream.
    pub fn stream<Q, A>(
        &self,
        method: &'static str,
        answer: impl Fn(Q) -> Result<Vec<A>, Status> + Send + Sync + 'static,
    ) -> &Self
    where
        Q: Message + Default,
        A: Message,
    {
        let answer: Answer = Box::new(move |bytes| {
            let answers = answer(Q::decode(bytes).unwrap())?;
            Ok(answers.into_iter().map(|answer| answer.encode_to_vec()).collect())
        });
        self.answers.lock().unwrap().insert(method, answer);
        self
    }

    /// Never answers a method.
    pub fn silent(&self, method: &'static str) {
        self.silent.lock().unwrap().push(method);
    }

    /// The methods that were called, in order.
    pub fn called(&self) -> Vec<String> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|call| call.method.clone())
            .collect()
    }

    /// The calls of a method.
    pub fn calls<Q: Message + Default>(&self, method: &str) -> Vec<Q> {
        let calls = self.calls.lock().unwrap();
        let found = calls.iter().filter(|call| call.method == method);
        found
            .map(|call| Q::decode(call.message.clone()).unwrap())
            .collect()
    }

    /// The tokens that calls brought along.
    pub fn tokens(&self) -> Vec<Option<String>> {
        self.calls
            .lock()
            .unwrap()
            .iter()
            .map(|call| call.authorization.clone())
            .collect()
    }

    async fn answer(self, request: Request<Body>) -> Response<Body> {
        let method = request.uri().path().rsplit('/').next().unwrap().to_owned();
        let authorization = request
            .headers()
            .get("authorization")
            .map(|value| value.to_str().unwrap().to_owned());
        let body = request.into_body().collect().await.unwrap().to_bytes();
        // five bytes in front: not compressed, and the length
        let message = body.slice(5..);
        self.calls.lock().unwrap().push(Call {
            method: method.clone(),
            authorization,
            message: message.clone(),
        });
        let silent = self.silent.lock().unwrap().contains(&method.as_str());
        if silent {
            std::future::pending::<()>().await;
        }
        let answered = match self.answers.lock().unwrap().get(method.as_str()) {
            Some(answer) => answer(message),
            None => Err(Status::unimplemented(method)),
        };
        match answered {
            Ok(messages) => {
                let mut body = Vec::new();
                for message in messages {
                    body.push(0);
                    body.extend(u32::try_from(message.len()).unwrap().to_be_bytes());
                    body.extend(message);
                }
                let mut trailers = HeaderMap::new();
                trailers.insert("grpc-status", "0".parse().unwrap());
                let body = Full::new(Bytes::from(body)).with_trailers(async move { Some(Ok(trailers)) });
                Response::builder()
                    .header("content-type", "application/grpc")
                    .body(Body::new(body.map_err(|never| match never {})))
                    .unwrap()
            }
            Err(status) => status.into_http(),
        }
    }
}

macro_rules! services {
    ($($service:ident = $name:literal),+) => {$(
        #[derive(Clone)]
        pub struct $service(pub Fakes);

        impl NamedService for $service {
            const NAME: &'static str = $name;
        }

        impl tower::Service<Request<Body>> for $service {
            type Response = Response<Body>;
            type Error = Infallible;
            type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

            fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
                Poll::Ready(Ok(()))
            }

            fn call(&mut self, request: Request<Body>) -> Self::Future {
                let fakes = self.0.clone();
                Box::pin(async move { Ok(fakes.answer(request).await) })
            }
        }
    )+};
}

services! {
    Contacts = "usher.contacts.v1.Contacts",
    Invitations = "usher.invitations.v1.Invitations",
    Batches = "usher.invitations.v1.Batches",
    Recovery = "usher.invitations.v1.Recovery",
    Insight = "usher.invitations.v1.Insight",
    Members = "usher.invitations.v1.Members",
    ServiceAccounts = "usher.invitations.v1.ServiceAccounts",
    Sessions = "usher.invitations.v1.Sessions",
    Notifications = "usher.notifications.v1.Notifications",
    DeadLetters = "usher.operations.v1.DeadLetters"
}
