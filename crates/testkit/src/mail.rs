//! Mail servers for tests, and what they got.

mod dialogue;

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinHandle;

use tokio_rustls::TlsAcceptor;

use crate::tls::Identity;
use dialogue::Dialogue;

/// A mail as a server took it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ReceivedMail {
    /// Envelope sender.
    pub from: String,
    /// Envelope recipient.
    pub to: String,
    /// What came after the addresses of MAIL, such as `SMTPUTF8`.
    pub parameters: String,
    /// Headers and body, with dots unstuffed.
    pub bytes: Vec<u8>,
}

impl ReceivedMail {
    /// The mail as text.
    ///
    /// # Panics
    /// Where it is not UTF-8.
    #[must_use]
    pub fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("the mail is UTF-8")
    }
}

/// Where in a dialogue a rule applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The server's first line.
    Greeting,
    /// EHLO.
    Hello,
    /// AUTH.
    SignIn,
    /// MAIL FROM.
    Sender,
    /// RCPT TO.
    Recipient,
    /// DATA.
    Data,
    /// The mail with its final dot.
    Content,
}

/// What the server does instead of agreeing.
#[derive(Clone, Debug)]
pub enum Answer {
    /// Says this: a code and words.
    Reply(String),
    /// Closes the connection.
    Close,
    /// Never answers.
    Silence,
    /// Takes the mail and never says so.
    TakeAndSilence,
    /// Takes the mail, waits for a permit, then says so.
    TakeAndWait(Arc<Semaphore>),
}

/// One exception from a server's kindness.
#[derive(Clone, Debug)]
pub struct Rule {
    /// Where.
    pub at: At,
    /// Only for mails to this recipient; none for all.
    pub to: Option<String>,
    /// How many times it does not apply yet.
    pub after: usize,
    /// How often; none for always.
    pub times: Option<usize>,
    /// What it does.
    pub answer: Answer,
}

impl Rule {
    /// Says this, always and to everybody.
    #[must_use]
    pub fn reply(at: At, words: &str) -> Self {
        Self::new(at, Answer::Reply(words.to_owned()))
    }

    /// Does this, always and to everybody.
    #[must_use]
    pub const fn new(at: At, answer: Answer) -> Self {
        Self {
            at,
            to: None,
            after: 0,
            times: None,
            answer,
        }
    }

    /// Only for mails to this recipient.
    #[must_use]
    pub fn to(self, recipient: &str) -> Self {
        Self {
            to: Some(recipient.to_owned()),
            ..self
        }
    }

    /// Not the first so many times.
    #[must_use]
    pub fn after(self, after: usize) -> Self {
        Self { after, ..self }
    }

    /// Only so often.
    #[must_use]
    pub fn times(self, times: usize) -> Self {
        Self {
            times: Some(times),
            ..self
        }
    }
}

/// What a server has seen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// Connections.
    pub connections: usize,
    /// RCPT commands.
    pub recipients: usize,
    /// DATA commands answered with 354: a client may hand the text over.
    pub invited: usize,
    /// Mails taken.
    pub mails: usize,
    /// MAIL commands that came together with the text before.
    pub named_ahead: usize,
    /// Connections that were encrypted by STARTTLS.
    pub encrypted: usize,
}

struct State {
    rules: Mutex<Vec<Rule>>,
    mails: Mutex<Vec<ReceivedMail>>,
    sign_ins: Mutex<Vec<String>>,
    extensions: Vec<&'static str>,
    tls: Option<TlsAcceptor>,
    seen: watch::Sender<Seen>,
}

/// An SMTP server on a port of its own, which does what its rules say.
#[derive(Debug)]
pub struct SmtpServer {
    address: SocketAddr,
    state: Arc<State>,
    task: JoinHandle<()>,
}

impl SmtpServer {
    /// A server that offers what most do.
    pub async fn start() -> Self {
        Self::offering(&["PIPELINING", "8BITMIME", "SMTPUTF8"]).await
    }

    /// A server that offers these extensions.
    pub async fn offering(extensions: &[&'static str]) -> Self {
        Self::serving(extensions, None).await
    }

    /// A server that offers these extensions and STARTTLS, with this certificate.
    pub async fn encrypting(extensions: &[&'static str], identity: &Identity) -> Self {
        Self::serving(extensions, Some(identity.acceptor())).await
    }

    async fn serving(extensions: &[&'static str], tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(State {
            rules: Mutex::default(),
            mails: Mutex::default(),
            sign_ins: Mutex::default(),
            extensions: extensions.to_vec(),
            tls,
            seen: watch::Sender::default(),
        });
        let task = tokio::spawn(accept(listener, Arc::clone(&state)));
        Self { address, state, task }
    }

    /// For `USHER_SMTP_URL`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Adds a rule; earlier ones come first.
    pub fn rule(&self, rule: Rule) {
        lock(&self.state.rules).push(rule);
    }

    /// Forgets all rules.
    pub fn be_kind(&self) {
        lock(&self.state.rules).clear();
    }

    /// The mails taken so far.
    #[must_use]
    pub fn mails(&self) -> Vec<ReceivedMail> {
        lock(&self.state.mails).clone()
    }

    /// The AUTH commands so far.
    #[must_use]
    pub fn sign_ins(&self) -> Vec<String> {
        lock(&self.state.sign_ins).clone()
    }

    /// What it has seen so far.
    #[must_use]
    pub fn seen(&self) -> Seen {
        *self.state.seen.borrow()
    }

    /// Waits until it has seen what `enough` wants.
    pub async fn until(&self, enough: impl FnMut(&Seen) -> bool) -> Seen {
        let mut seen = self.state.seen.subscribe();
        let seen = seen.wait_for(enough).await;
        *seen.expect("the server is alive")
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("State")
            .field("extensions", &self.extensions)
            .field("tls", &self.tls.is_some())
            .finish_non_exhaustive()
    }
}

impl State {
    /// What the rules say, where they say anything.
    fn decide(&self, at: At, to: &str) -> Option<Answer> {
        let mut rules = lock(&self.rules);
        let applies = |rule: &&mut Rule| {
            rule.at == at && rule.times != Some(0) && rule.to.as_deref().is_none_or(|only| only == to)
        };
        let rule = rules.iter_mut().find(applies)?;
        if rule.after > 0 {
            rule.after -= 1;
            return None;
        }
        rule.times = rule.times.map(|times| times - 1);
        Some(rule.answer.clone())
    }

    fn take(&self, mail: ReceivedMail) {
        lock(&self.mails).push(mail);
        self.seen.send_modify(|seen| seen.mails += 1);
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Mails captured in a folder: names without `.eml` and contents, sorted by name.
#[must_use]
pub fn captured_mails(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let entries = std::fs::read_dir(folder).expect("the folder of captured mails");
    let mut mails: Vec<_> = entries
        .filter_map(|entry| {
            let path = entry.expect("an entry").path();
            let name = path.file_name()?.to_str()?.strip_suffix(".eml")?.to_owned();
            (!name.starts_with('.')).then(|| (name, std::fs::read(&path).expect("a mail")))
        })
        .collect();
    mails.sort();
    mails
}

async fn accept(listener: TcpListener, state: Arc<State>) {
    let mut dialogues = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        state.seen.send_modify(|seen| seen.connections += 1);
        let state = Arc::clone(&state);
        // Lost connections are the client's affair.
        dialogues.spawn(async move { Dialogue::over(stream, state).run().await.ok() });
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
