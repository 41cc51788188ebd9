//! Exchanges and queues that somebody else makes, or has made otherwise.

use usher_messaging::{Broker, BrokerError};
use usher_testkit::block_on;

use super::{
    recorder::recorder,
    stage::{Stage, rabbit_url, subscription},
};

const HINT: &str = "load the definitions that `usher topology` prints, or set broker.topology to declare";

#[test]
fn r5_queues_that_others_make_are_waited_for_and_named() {
    block_on(async {
        let stage = Stage::rabbit().await;
        let (handler, _record) = recorder(|_| Ok(()));
        let wanted = [subscription(
            "notifications.contacts",
            &["usher.contact.*.v1"],
            &handler,
        )];
        let settings = stage.rabbit_settings(&rabbit_url()).expecting_topology();
        let waiting = Broker::rabbit(&settings).unwrap();
        let missing = async |name: &str| {
            let error = waiting.declare(&wanted).await.unwrap_err();
            assert!(error.is_temporary(), "{error}");
            let prefix = stage.prefix();
            assert_eq!(error.to_string(), format!("{prefix}{name} is missing: {HINT}"));
        };
        missing("usher.events").await;
        let operator = stage.broker().await;
        operator.declare(&[]).await.unwrap();
        missing("notifications.contacts.dead").await;
        stage.expect(&wanted);
        operator.declare(&wanted).await.unwrap();
        waiting.declare(&wanted).await.unwrap();
    });
}

#[test]
fn r5_a_queue_that_stands_there_otherwise_ends_the_start_with_its_name() {
    block_on(async {
        let stage = Stage::rabbit().await;
        let (handler, _record) = recorder(|_| Ok(()));
        let wanted = [subscription(
            "notifications.contacts",
            &["usher.contact.*.v1"],
            &handler,
        )];
        stage.expect(&wanted);
        stage.make_queue("notifications.contacts.bulk").await;
        let error = stage.broker().await.declare(&wanted).await.unwrap_err();
        assert!(matches!(error, BrokerError::Settings(_)), "{error:?}");
        let text = error.to_string();
        let name = format!("{}notifications.contacts.bulk", stage.prefix());
        assert!(text.contains(&name), "{text}");
        let hint = ": it stands there otherwise than `usher topology` prints it; delete it once it is empty";
        assert!(text.ends_with(hint), "{text}");
    });
}
