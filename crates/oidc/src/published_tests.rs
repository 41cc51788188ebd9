//! A provider of the test's own, which counts how often it is asked.

use std::sync::atomic::{AtomicUsize, Ordering};

use chrono::TimeZone;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::*;

/// What it does with the next questions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Answers,
    Fails,
    /// Until it is in another mood.
    Waits,
}

struct Stage {
    published: Published,
    documents: Arc<AtomicUsize>,
    mood: watch::Sender<Mood>,
}

impl Stage {
    async fn set() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
        let documents = Arc::new(AtomicUsize::new(0));
        let (mood, moods) = watch::channel(Mood::Answers);
        let document = json!({
            "issuer": issuer,
            "authorization_endpoint": format!("{issuer}/authorize"),
            "token_endpoint": format!("{issuer}/token"),
            "jwks_uri": format!("{issuer}/keys"),
        });
        let counted = Arc::clone(&documents);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let (mut moods, document, counted) =
                    (moods.clone(), document.to_string(), Arc::clone(&counted));
                tokio::spawn(async move {
                    let mut request = vec![0; 4096];
                    let length = stream.read(&mut request).await.unwrap();
                    let keys = request[..length].starts_with(b"GET /keys ");
                    if !keys {
                        counted.fetch_add(1, Ordering::SeqCst);
                    }
                    let mood = *moods.wait_for(|mood| *mood != Mood::Waits).await.unwrap();
                    let (status, body) = match (mood, keys) {
                        (Mood::Fails, _) => (503, String::new()),
                        (_, true) => (200, r#"{"keys":[]}"#.to_owned()),
                        (_, false) => (200, document),
                    };
                    let length = body.len();
                    let answer = format!(
                        "HTTP/1.1 {status} x\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
                    );
                    stream.write_all(answer.as_bytes()).await.unwrap();
                });
            }
        });
        Self {
            published: Published::new(&issuer, Http::new(None).unwrap()),
            documents,
            mood,
        }
    }

    async fn asked_after(&self, seconds: i64, because: Because) -> Result<(), Trouble> {
        let start = Utc.with_ymd_and_hms(2026, 3, 1, 12, 0, 0).unwrap();
        let now = start + TimeDelta::seconds(seconds);
        self.published.known(because, now).await.map(drop)
    }

    async fn signs_in(&self, seconds: i64) -> Result<(), Trouble> {
        self.asked_after(seconds, Because::SomebodySignsIn).await
    }

    fn documents(&self) -> usize {
        self.documents.load(Ordering::SeqCst)
    }

    /// Until nothing is asked for any more.
    async fn settled(&self) {
        let asked = self.published.memory().asked.clone();
        if let Some(asked) = asked {
            let _ = asked.await;
        }
    }
}

#[tokio::test]
async fn i15_what_a_provider_has_published_counts_for_an_hour() {
    let stage = Stage::set().await;
    stage.signs_in(0).await.unwrap();
    stage.signs_in(3_599).await.unwrap();
    assert_eq!(stage.documents(), 1);
    // it is there at once, and asked for beside it
    stage.mood.send(Mood::Waits).unwrap();
    stage.signs_in(3_600).await.unwrap();
    stage.signs_in(3_601).await.unwrap();
    stage.mood.send(Mood::Answers).unwrap();
    stage.settled().await;
    assert_eq!(stage.documents(), 2);
    stage.signs_in(7_199).await.unwrap();
    assert_eq!(stage.documents(), 2);
}

#[tokio::test]
async fn i15_a_provider_that_is_away_is_asked_again_in_a_minute_and_counts_meanwhile() {
    let stage = Stage::set().await;
    stage.signs_in(0).await.unwrap();
    stage.mood.send(Mood::Fails).unwrap();
    for (seconds, documents) in [(3_600, 2), (3_659, 2), (3_660, 3)] {
        stage.signs_in(seconds).await.unwrap();
        stage.settled().await;
        assert_eq!(stage.documents(), documents, "{seconds}");
    }
}

#[tokio::test]
async fn i15_an_unknown_key_is_asked_for_once_a_minute() {
    let stage = Stage::set().await;
    stage.signs_in(0).await.unwrap();
    for (seconds, documents) in [(10, 2), (11, 2), (69, 2), (70, 3)] {
        stage.asked_after(seconds, Because::AKeyIsUnknown).await.unwrap();
        assert_eq!(stage.documents(), documents, "{seconds}");
    }
}

#[tokio::test]
async fn i15_nobody_asks_a_provider_that_was_away_just_now() {
    let stage = Stage::set().await;
    stage.mood.send(Mood::Fails).unwrap();
    for (seconds, documents) in [(0, 1), (9, 1), (10, 2)] {
        assert!(matches!(stage.signs_in(seconds).await, Err(Trouble::Away(_))));
        assert_eq!(stage.documents(), documents, "{seconds}");
    }
    stage.mood.send(Mood::Answers).unwrap();
    stage.signs_in(20).await.unwrap();
}

#[tokio::test]
async fn i15_many_ask_once_and_what_comes_is_kept_when_they_have_gone() {
    let stage = Stage::set().await;
    stage.mood.send(Mood::Waits).unwrap();
    for _ in 0..20 {
        // each of them asks, and goes away at once
        assert!(stage.signs_in(0).now_or_never().is_none());
    }
    stage.mood.send(Mood::Answers).unwrap();
    stage.settled().await;
    assert!(stage.signs_in(0).now_or_never().unwrap().is_ok());
    assert_eq!(stage.documents(), 1);
}
