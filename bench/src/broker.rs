//! RabbitMQ is the machine's; the bench keeps its own queues on it, told apart by a prefix.

use std::process::Command;

use crate::child::output;
use crate::note;
use crate::workshop::tool;

/// In front of the name of everything that belongs to the bench.
pub const PREFIX: &str = "usher-bench.";

/// RabbitMQ where `make bench` found or started it.
pub fn url() -> String {
    std::env::var("USHER_TEST_AMQP_URL")
        .unwrap_or_else(|_| "amqp://guest:guest@127.0.0.1:5672/%2f".to_owned())
}

/// Empties what a run that was broken off left in the queues. Where the broker is not ours to command it stays: consumers
/// know none of it and pass it by.
pub fn empty() {
    let run = |arguments: &[&str]| {
        tool("rabbitmqctl", "rabbitmq-server").and_then(|ctl| output(Command::new(ctl).args(arguments)))
    };
    let Ok(queues) = run(&["--quiet", "list_queues", "name", "messages"]) else {
        return;
    };
    for line in queues.lines() {
        let mut fields = line.split('\t');
        let (Some(name), Some(messages)) = (fields.next(), fields.next()) else {
            continue;
        };
        if name.starts_with(PREFIX) && messages != "0" {
            note(&format!("{name} held {messages} messages of an earlier run"));
            run(&["--quiet", "purge_queue", name]).ok();
        }
    }
}
