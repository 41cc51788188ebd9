//! R5: what does not answer yet is waited for; what refuses ends the start.

use std::cell::Cell;
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use usher_service::{Attempt, StartError, wait_for};

#[tokio::test(start_paused = true)]
async fn r5_pauses_grow_until_it_answers() {
    let begin = Instant::now();
    let tries = Cell::new(0);
    let stop = CancellationToken::new();
    let found = wait_for("the database", &stop, || {
        tries.set(tries.get() + 1);
        let answer = if tries.get() < 5 {
            Err(Attempt::NotYet("refused".to_owned()))
        } else {
            Ok(tries.get())
        };
        async move { answer }
    });
    assert_eq!(found.await.unwrap(), 5);
    // 100 + 200 + 400 + 800 ms
    assert_eq!(begin.elapsed(), Duration::from_millis(1500));
}

#[tokio::test(start_paused = true)]
async fn r5_a_wrong_password_stops_the_start() {
    let stop = CancellationToken::new();
    let found = wait_for("PostgreSQL at db:5432", &stop, || async {
        Err::<(), _>(Attempt::Wrong("password authentication failed".to_owned()))
    });
    let Err(StartError::Settings(reason)) = found.await else {
        panic!("it went on");
    };
    assert_eq!(reason, "PostgreSQL at db:5432: password authentication failed");
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_waiting() {
    let stop = CancellationToken::new();
    let stopper = stop.clone();
    tokio::spawn(async move {
        tokio::time::sleep(Duration::from_secs(60)).await;
        stopper.cancel();
    });
    let found = wait_for("the broker", &stop, || async {
        Err::<(), _>(Attempt::NotYet("away".to_owned()))
    });
    assert!(matches!(found.await, Err(StartError::Stopped)));
}
