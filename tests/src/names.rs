//! A name server of a test's own, which knows texts and nothing else.

use std::collections::HashMap;
use std::net::SocketAddr;

use hickory_resolver::proto::op::{Message, OpCode};
use hickory_resolver::proto::rr::rdata::TXT;
use hickory_resolver::proto::rr::{RData, Record};
use tokio::net::UdpSocket;
use tokio::task::JoinHandle;

/// The largest question over UDP without extensions.
const QUESTION: usize = 512;

/// Answers until it is dropped.
#[derive(Debug)]
pub struct NameServer {
    address: SocketAddr,
    answering: JoinHandle<()>,
}

impl NameServer {
    /// Starts one that knows these names, each with one text.
    ///
    /// # Panics
    /// Where no port is free.
    pub async fn start(texts: &[(&str, &str)]) -> Self {
        let known = texts
            .iter()
            .map(|(name, text)| (format!("{name}."), (*text).to_owned()))
            .collect();
        let socket = UdpSocket::bind("127.0.0.1:0").await.expect("a free port");
        let address = socket.local_addr().expect("its address");
        Self {
            address,
            answering: tokio::spawn(answer(socket, known)),
        }
    }

    /// Where it is.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        self.answering.abort();
    }
}

async fn answer(socket: UdpSocket, known: HashMap<String, String>) {
    let mut bytes = [0; QUESTION];
    while let Ok((length, from)) = socket.recv_from(&mut bytes).await {
        let question = Message::from_vec(&bytes[..length]).expect("a question");
        let mut answer = Message::response(question.metadata.id, OpCode::Query);
        for query in question.queries {
            if let Some(text) = known.get(&query.name.to_string().to_lowercase()) {
                let text = RData::TXT(TXT::new(vec![text.clone()]));
                answer.add_answer(Record::from_rdata(query.name.clone(), 60, text));
            }
            answer.add_query(query);
        }
        let bytes = answer.to_vec().expect("an answer");
        socket.send_to(&bytes, from).await.expect("it is sent");
    }
}
