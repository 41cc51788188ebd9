//! Soft, hard, and unasked-for stops.

use std::time::Duration;

use tokio::time::Instant;
use usher_service::{Lifecycle, StartError};

fn failure(outcome: Result<(), StartError>) -> String {
    match outcome {
        Err(StartError::Failed(reason)) => reason,
        other => panic!("no failure: {other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn a_soft_stop_lets_work_come_to_its_end() {
    let begin = Instant::now();
    let lifecycle = Lifecycle::new(Duration::from_secs(20));
    let stop = lifecycle.stopping();
    lifecycle.spawn("worker", async move {
        stop.cancelled().await;
        tokio::time::sleep(Duration::from_secs(5)).await;
    });
    lifecycle.stop();
    lifecycle.finish().await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn work_that_takes_too_long_is_dropped_and_told() {
    let begin = Instant::now();
    let lifecycle = Lifecycle::new(Duration::from_secs(20));
    lifecycle.spawn("worker", std::future::pending());
    lifecycle.stop();
    assert_eq!(
        failure(lifecycle.finish().await),
        "work in progress was dropped at the stop: worker"
    );
    assert_eq!(begin.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn a_second_signal_does_not_wait() {
    let begin = Instant::now();
    let lifecycle = Lifecycle::new(Duration::from_secs(20));
    lifecycle.spawn("worker", std::future::pending());
    lifecycle.abort();
    assert!(lifecycle.finish().await.is_err());
    assert_eq!(begin.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn an_unasked_for_end_is_a_failure() {
    let lifecycle = Lifecycle::default();
    lifecycle.spawn("relay", async {});
    assert_eq!(
        failure(lifecycle.finish().await),
        "relay ended although nobody asked"
    );
}

#[tokio::test(start_paused = true)]
async fn a_panic_stops_everything() {
    let lifecycle = Lifecycle::default();
    let stop = lifecycle.stopping();
    lifecycle.spawn("other", async move { stop.cancelled().await });
    lifecycle.spawn("sweeper", async { panic!("broken") });
    assert_eq!(failure(lifecycle.finish().await), "sweeper panicked");
}

#[tokio::test(start_paused = true)]
async fn the_first_failure_is_the_one_that_is_told() {
    let lifecycle = Lifecycle::default();
    lifecycle.fail(StartError::Failed("first".to_owned()));
    lifecycle.fail(StartError::Failed("second".to_owned()));
    assert_eq!(failure(lifecycle.finish().await), "first");
}

#[tokio::test(start_paused = true)]
async fn a_child_stops_alone_and_with_its_parent() {
    let parent = Lifecycle::default();
    let (one, other) = (parent.child(), parent.child());
    one.stop();
    assert!(!parent.is_stopping() && !other.is_stopping());
    one.finish().await.unwrap();
    parent.stop();
    assert!(other.is_stopping());
    other.finish().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_short_task_may_end_but_is_waited_for() {
    let begin = Instant::now();
    let lifecycle = Lifecycle::default();
    lifecycle.spawn_short(async {});
    lifecycle.spawn_short(tokio::time::sleep(Duration::from_secs(3)));
    lifecycle.stop();
    lifecycle.finish().await.unwrap();
    assert_eq!(begin.elapsed(), Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn what_others_lean_on_stops_last() {
    let front = Lifecycle::default();
    let behind = front.outliving();
    front.stop();
    assert!(!behind.is_stopping());
    front.finish().await.unwrap();
    behind.stop();
    behind.finish().await.unwrap();
}

/// However many wait one after the other: the pod is killed when the grace is over.
#[tokio::test(start_paused = true)]
async fn a_stop_has_one_grace() {
    let begin = Instant::now();
    let front = Lifecycle::new(Duration::from_secs(20));
    let behind = front.outliving();
    for life in [&front, &behind] {
        life.spawn("worker", std::future::pending());
    }
    front.stop();
    tokio::time::sleep(Duration::from_secs(15)).await;
    front.overdue().await;
    assert!(front.finish().await.is_err());
    behind.stop();
    // whether what the first has dropped is gone already does not matter
    behind.finish().await.ok();
    assert_eq!(begin.elapsed(), Duration::from_secs(20));
}

#[tokio::test(start_paused = true)]
async fn nothing_stays_up_without_what_it_leans_on() {
    let front = Lifecycle::default();
    let behind = front.outliving();
    behind.fail(StartError::Failed("the database is gone".to_owned()));
    front.stopping().cancelled().await;
    front.finish().await.unwrap();
    assert_eq!(failure(behind.finish().await), "the database is gone");

    let front = Lifecycle::default();
    let behind = front.outliving();
    front.abort();
    assert!(behind.aborting().is_cancelled());
}
