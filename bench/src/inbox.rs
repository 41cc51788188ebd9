//! A mail server of the bench's own that tells when it took which mail, and takes bulk mail no faster than it is told to.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;

use crate::failure::{Context, Failure};
use crate::workshop::runtime;

/// What stands before the token in a mail's link.
const LINK: &str = "/activate/";

/// A running server; it ends with the bench.
#[derive(Clone)]
pub struct Inbox {
    address: String,
    state: Arc<State>,
}

struct State {
    /// The domain of those who are waited for. Everybody else is bulk.
    watched: &'static str,
    /// Between two bulk mails, over all connections; none: as fast as they come.
    pause: Option<Duration>,
    taken: Mutex<Taken>,
    changed: Notify,
}

#[derive(Default)]
struct Taken {
    /// When the mail to each of the watched was answered with 250.
    watched: HashMap<String, Instant>,
    bulk: usize,
    /// When the next bulk mail may be answered.
    next: Option<Instant>,
    tokens: Vec<String>,
}

impl Inbox {
    /// Listens on a free port; takes at most so many bulk mails a second.
    ///
    /// # Errors
    /// When it cannot.
    pub fn open(watched: &'static str, a_second: Option<u32>) -> Result<Self, Failure> {
        let state = Arc::new(State {
            watched,
            pause: a_second.map(|rate| Duration::from_secs(1) / rate),
            taken: Mutex::default(),
            changed: Notify::new(),
        });
        // a thread of its own: mail also comes while nothing is measured
        let runtime = runtime()?;
        let listener = runtime.block_on(TcpListener::bind(("127.0.0.1", 0)));
        let listener = listener.context("the inbox")?;
        let address = listener.local_addr().context("the inbox")?.to_string();
        let serving = state.clone();
        std::thread::spawn(move || {
            runtime.block_on(async {
                while let Ok((stream, _)) = listener.accept().await {
                    tokio::spawn(serve(stream, serving.clone()));
                }
            });
        });
        Ok(Self { address, state })
    }

    /// Where it is, for Usher.
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// Bulk mails so far.
    pub fn bulk(&self) -> usize {
        self.state.taken().bulk
    }

    /// Takes the tokens of the links that came so far.
    pub fn take_tokens(&self) -> Vec<String> {
        std::mem::take(&mut self.state.taken().tokens)
    }

    /// Waits for the mail to one of the watched.
    pub async fn taken_at(&self, recipient: &str) -> Instant {
        loop {
            let changed = self.state.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if let Some(at) = self.state.taken().watched.remove(recipient) {
                return at;
            }
            changed.await;
        }
    }
}

impl State {
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How long the answer to a bulk mail has to wait.
    fn turn(&self) -> Option<Duration> {
        let pause = self.pause?;
        let mut taken = self.taken();
        let now = Instant::now();
        let turn = taken.next.map_or(now, |next| next.max(now));
        taken.next = Some(turn + pause);
        Some(turn - now)
    }

    fn take(&self, recipient: String, mail: &[u8]) {
        let mut taken = self.taken();
        if recipient.ends_with(self.watched) {
            taken.watched.insert(recipient, Instant::now());
        } else {
            taken.bulk += 1;
            taken.tokens.extend(token(mail));
        }
        drop(taken);
        self.changed.notify_waiters();
    }
}

/// The token of the first link; a soft line break of quoted-printable may stand in it.
fn token(mail: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(mail).replace("=\r\n", "");
    let (_, rest) = text.split_once(LINK)?;
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"-_".contains(letter));
    Some(rest[..end?].to_owned())
}

async fn serve(stream: TcpStream, state: Arc<State>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let (read, mut write) = stream.into_split();
    let mut read = BufReader::with_capacity(64 * 1024, read);
    write.write_all(b"220 bench ESMTP\r\n").await?;
    let (mut line, mut mail, mut recipient) = (String::new(), Vec::new(), String::new());
    loop {
        line.clear();
        if read.read_line(&mut line).await? == 0 {
            return Ok(());
        }
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        let answer: &[u8] = match verb.as_str() {
            "EHLO" => b"250-bench\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
            "RCPT" => {
                let address = line.split(['<', '>']).nth(1);
                address.unwrap_or_default().clone_into(&mut recipient);
                b"250 ok\r\n"
            }
            "DATA" => {
                write.write_all(b"354 go on\r\n").await?;
                content(&mut read, &mut mail).await?;
                if !recipient.ends_with(state.watched)
                    && let Some(wait) = state.turn()
                {
                    tokio::time::sleep(wait).await;
                }
                write.write_all(b"250 taken\r\n").await?;
                state.take(std::mem::take(&mut recipient), &mail);
                continue;
            }
            "QUIT" => return write.write_all(b"221 bye\r\n").await,
            _ => b"250 ok\r\n",
        };
        write.write_all(answer).await?;
    }
}

/// Reads up to the final dot.
async fn content(read: &mut (impl AsyncBufReadExt + Unpin), mail: &mut Vec<u8>) -> io::Result<()> {
    mail.clear();
    loop {
        let start = mail.len();
        if read.read_until(b'\n', mail).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if mail.get(start..) == Some(b".\r\n") {
            return Ok(());
        }
    }
}
