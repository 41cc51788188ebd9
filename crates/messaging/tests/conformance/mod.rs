//! One suite for both brokers: the in-process one with SQLite, RabbitMQ with PostgreSQL.

mod document;
mod failures;
mod inbound;
mod outage;
mod outside;
mod recorder;
mod stage;
mod topology;
mod way;

/// Makes each function a test on the in-process broker and one on RabbitMQ.
macro_rules! brokers {
    ($($(#[$meta:meta])* async fn $name:ident($stage:ident: Stage) $body:block)+) => {$(
        $(#[$meta])*
        async fn $name($stage: &crate::conformance::stage::Stage) $body

        mod $name {
            #[test]
            fn embedded() {
                usher_testkit::block_on(async {
                    let stage = crate::conformance::stage::Stage::embedded().await;
                    super::$name(&stage).await;
                });
            }

            #[test]
            fn rabbit() {
                usher_testkit::block_on(async {
                    let stage = crate::conformance::stage::Stage::rabbit().await;
                    super::$name(&stage).await;
                });
            }
        }
    )+};
}
pub(crate) use brokers;
