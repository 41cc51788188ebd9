//! One connection to the SMTP server of tests.

use std::io;
use std::sync::Arc;

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;

use super::{Answer, At, ReceivedMail, State};

/// How a command went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Went {
    Well,
    Refused,
    Closed,
}

/// A connection, encrypted or not.
trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

pub(super) struct Dialogue {
    stream: BufReader<Box<dyn Stream>>,
    encrypted: bool,
    state: Arc<State>,
    mail: ReceivedMail,
    /// Sender and recipient are accepted.
    addressed: bool,
}

impl Dialogue {
    pub(super) fn over(stream: TcpStream, state: Arc<State>) -> Self {
        stream.set_nodelay(true).expect("an option of the socket");
        Self {
            stream: BufReader::new(Box::new(stream)),
            encrypted: false,
            state,
            mail: ReceivedMail::default(),
            addressed: false,
        }
    }

    pub(super) async fn run(mut self) -> io::Result<()> {
        let mut went = self.agree(At::Greeting, "220 test ESMTP").await?;
        while went != Went::Closed {
            let mut line = String::new();
            if self.stream.read_line(&mut line).await? == 0 {
                return Ok(());
            }
            went = self.command(line.trim_end()).await?;
        }
        Ok(())
    }

    async fn command(&mut self, line: &str) -> io::Result<Went> {
        let verb = line
            .split([' ', ':'])
            .next()
            .unwrap_or_default()
            .to_ascii_uppercase();
        match verb.as_str() {
            "EHLO" => {
                let mut offered = self.state.extensions.clone();
                if self.state.tls.is_some() && !self.encrypted {
                    offered.push("STARTTLS");
                }
                let hello = hello(&offered);
                self.agree(At::Hello, &hello).await
            }
            "MAIL" => {
                let (from, parameters) = path(line);
                self.mail = ReceivedMail {
                    from,
                    parameters,
                    ..ReceivedMail::default()
                };
                self.agree(At::Sender, "250 2.1.0 ok").await
            }
            "RCPT" => {
                self.mail.to = path(line).0;
                self.state.seen.send_modify(|seen| seen.recipients += 1);
                let went = self.agree(At::Recipient, "250 2.1.5 ok").await?;
                self.addressed = went == Went::Well;
                Ok(went)
            }
            "DATA" if !std::mem::take(&mut self.addressed) => {
                self.refuse(At::Data, "503 5.5.1 no valid recipients").await
            }
            "DATA" => match self.agree(At::Data, "354 go on").await? {
                Went::Well => {
                    self.state.seen.send_modify(|seen| seen.invited += 1);
                    self.content().await
                }
                went => Ok(went),
            },
            "QUIT" => {
                self.say("221 bye").await?;
                Ok(Went::Closed)
            }
            "AUTH" => {
                self.state
                    .sign_ins
                    .lock()
                    .expect("not poisoned")
                    .push(line.to_owned());
                self.agree(At::SignIn, "235 2.7.0 welcome").await
            }
            "STARTTLS" => self.encrypt().await,
            "RSET" | "NOOP" => self.say("250 ok").await.map(|()| Went::Well),
            _ => self.say("502 what?").await.map(|()| Went::Refused),
        }
    }

    /// What was said before does not count any more (RFC 3207).
    async fn encrypt(&mut self) -> io::Result<Went> {
        let Some(tls) = self.state.tls.clone().filter(|_| !self.encrypted) else {
            return self.say("502 what?").await.map(|()| Went::Refused);
        };
        self.say("220 go ahead").await?;
        let nobody: Box<dyn Stream> = Box::new(tokio::io::empty());
        let plain = std::mem::replace(&mut self.stream, BufReader::new(nobody));
        let encrypted: Box<dyn Stream> = Box::new(tls.accept(plain.into_inner()).await?);
        self.stream = BufReader::new(encrypted);
        self.encrypted = true;
        self.state.seen.send_modify(|seen| seen.encrypted += 1);
        Ok(Went::Well)
    }

    /// Reads up to the final dot.
    async fn content(&mut self) -> io::Result<Went> {
        let mut bytes = Vec::new();
        loop {
            let start = bytes.len();
            if self.stream.read_until(b'\n', &mut bytes).await? == 0 {
                return Ok(Went::Closed);
            }
            match &bytes[start..] {
                b".\r\n" => {
                    bytes.truncate(start);
                    break;
                }
                [b'.', ..] => {
                    bytes.remove(start);
                }
                _ => {}
            }
        }
        self.mail.bytes = bytes;
        if self.stream.buffer().starts_with(b"MAIL FROM") {
            self.state.seen.send_modify(|seen| seen.named_ahead += 1);
        }
        self.agree(At::Content, "250 2.0.0 taken").await
    }

    /// Says no, unless a rule says otherwise.
    async fn refuse(&mut self, at: At, no: &str) -> io::Result<Went> {
        self.agree(at, no).await.map(|went| match went {
            Went::Well => Went::Refused,
            other => other,
        })
    }

    /// Says yes, unless a rule says otherwise.
    async fn agree(&mut self, at: At, yes: &str) -> io::Result<Went> {
        match self.state.decide(at, &self.mail.to) {
            None => self.take(at),
            Some(Answer::Reply(words)) => {
                self.say(&words).await?;
                return Ok(Went::Refused);
            }
            Some(Answer::Close) => return Ok(Went::Closed),
            Some(Answer::Silence) => return self.be_silent().await,
            Some(Answer::TakeAndSilence) => {
                self.take(at);
                return self.be_silent().await;
            }
            Some(Answer::TakeAndWait(permits)) => {
                self.take(at);
                permits.acquire().await.expect("the semaphore is open").forget();
            }
        }
        self.say(yes).await?;
        Ok(Went::Well)
    }

    fn take(&mut self, at: At) {
        if at == At::Content {
            self.state.take(std::mem::take(&mut self.mail));
        }
    }

    /// Waits until the client has had enough.
    async fn be_silent(&mut self) -> io::Result<Went> {
        let mut line = String::new();
        while self.stream.read_line(&mut line).await? > 0 {
            line.clear();
        }
        Ok(Went::Closed)
    }

    async fn say(&mut self, words: &str) -> io::Result<()> {
        self.stream.write_all(format!("{words}\r\n").as_bytes()).await?;
        self.stream.flush().await
    }
}

fn hello(extensions: &[&str]) -> String {
    let mut lines = vec!["test"];
    lines.extend(extensions);
    let last = lines.len() - 1;
    let line = |(index, text): (usize, &&str)| {
        let mark = if index == last { ' ' } else { '-' };
        format!("250{mark}{text}")
    };
    lines
        .iter()
        .enumerate()
        .map(line)
        .collect::<Vec<_>>()
        .join("\r\n")
}

/// The address between the angle brackets, and what follows them.
fn path(line: &str) -> (String, String) {
    let (_, rest) = line.split_once('<').unwrap_or_default();
    let (address, parameters) = rest.split_once('>').unwrap_or((rest, ""));
    (address.to_owned(), parameters.trim().to_owned())
}
