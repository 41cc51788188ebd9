//! Exchanges, queues and bindings, with the arguments that make them safe: what programs declare, and what operators load as
//! definitions.

use lapin::{
    Channel, ErrorKind, ExchangeKind,
    options::{
        ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use serde_json::{Map, Value, json};
use usher_events::Lane;

use super::link::Link;
use crate::{BrokerError, RabbitSettings, held::LIMIT, transport::Queue};

/// The reply code for what is not there.
const NOT_FOUND: u16 = 404;

/// Names with the installation's prefix.
#[derive(Clone, Debug)]
pub(super) struct Names {
    prefix: String,
}

impl Names {
    pub(super) fn new(settings: &RabbitSettings) -> Self {
        Self {
            prefix: settings.prefix.clone(),
        }
    }

    /// The topic exchange of public facts.
    pub(super) fn events(&self) -> ShortString {
        self.of("usher.events").into()
    }

    /// The topic exchange of the same facts for our own queues: many in one message.
    pub(super) fn packs(&self) -> ShortString {
        self.of("usher.packs").into()
    }

    /// The direct exchange of commands between our services.
    pub(super) fn work(&self) -> ShortString {
        self.of("usher.work").into()
    }

    /// The direct exchange of what came back too often.
    pub(super) fn dead(&self) -> ShortString {
        self.of("usher.dead").into()
    }

    pub(super) fn queue(&self, queue: &Queue) -> ShortString {
        self.of(&queue.name()).into()
    }

    /// Where the broker puts messages that came back too often; the consumer moves them to its own table.
    pub(super) fn dead_queue(&self, queue: &Queue) -> ShortString {
        self.of(&dead_key(queue)).into()
    }

    fn of(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }
}

fn dead_key(queue: &Queue) -> String {
    format!("{}.dead", queue.base)
}

type Arguments = Map<String, Value>;

#[derive(Debug)]
struct Exchange {
    name: String,
    kind: &'static str,
    arguments: Arguments,
}

#[derive(Debug)]
struct Binding {
    exchange: String,
    queue: String,
    key: String,
}

/// All that some queues need.
#[derive(Debug)]
pub(super) struct Topology {
    exchanges: Vec<Exchange>,
    queues: Vec<(String, Arguments)>,
    bindings: Vec<Binding>,
}

impl Topology {
    pub(super) fn new(names: &Names, queues: &[Queue]) -> Self {
        let mut all = Self {
            exchanges: exchanges(names),
            queues: Vec::new(),
            bindings: Vec::new(),
        };
        for queue in queues {
            if queue.lane == Lane::Interactive {
                let dead = names.of(&dead_key(queue));
                all.queues.push((dead.clone(), arguments()));
                all.bind(names.of("usher.dead"), &dead, dead_key(queue));
            }
            all.add(names, queue);
        }
        all
    }

    fn add(&mut self, names: &Names, queue: &Queue) {
        let mut arguments = arguments();
        arguments.insert("x-delivery-limit".into(), LIMIT.into());
        arguments.insert("x-dead-letter-exchange".into(), names.of("usher.dead").into());
        arguments.insert("x-dead-letter-routing-key".into(), dead_key(queue).into());
        // At least once, which needs a queue that refuses rather than drops.
        arguments.insert("x-dead-letter-strategy".into(), "at-least-once".into());
        arguments.insert("x-overflow".into(), "reject-publish".into());
        let name = names.of(&queue.name());
        self.queues.push((name.clone(), arguments));
        self.bind(names.of("usher.work"), &name, queue.name());
        for pattern in &queue.bindings {
            self.bind(names.of("usher.packs"), &name, pattern.clone());
        }
        for pattern in &queue.inbound {
            self.bind(names.of("usher.inbound"), &name, pattern.clone());
        }
        // What no pattern fits is not lost: it becomes a dead letter that says so. One queue takes it.
        if queue.is_open() && queue.lane == Lane::Interactive {
            self.bind(names.of("usher.inbound.other"), &name, String::new());
        }
    }

    fn bind(&mut self, exchange: String, queue: &str, key: String) {
        self.bindings.push(Binding {
            exchange,
            queue: queue.to_owned(),
            key,
        });
    }

    /// Makes all of it exist.
    pub(super) async fn declare(&self, channel: &Channel) -> Result<(), BrokerError> {
        for exchange in &self.exchanges {
            let (name, kind) = (exchange.name.as_str().into(), kind(exchange.kind));
            let options = ExchangeDeclareOptions {
                durable: true,
                ..Default::default()
            };
            channel
                .exchange_declare(name, kind, options, table(&exchange.arguments))
                .await?;
        }
        for (name, arguments) in &self.queues {
            let options = QueueDeclareOptions::durable();
            channel
                .queue_declare(name.as_str().into(), options, table(arguments))
                .await?;
        }
        for Binding { exchange, queue, key } in &self.bindings {
            let (queue, exchange, key) = (queue.as_str(), exchange.as_str(), key.as_str());
            let options = QueueBindOptions::default();
            channel
                .queue_bind(
                    queue.into(),
                    exchange.into(),
                    key.into(),
                    options,
                    FieldTable::default(),
                )
                .await?;
        }
        Ok(())
    }

    /// Looks whether exchanges and queues are there, and changes nothing. The broker tells nobody who may not change them what
    /// arguments and bindings they have.
    pub(super) async fn expect(&self, link: &Link) -> Result<(), BrokerError> {
        let channel = link.channel().await?;
        for exchange in &self.exchanges {
            let options = ExchangeDeclareOptions {
                passive: true,
                ..Default::default()
            };
            let name = exchange.name.as_str().into();
            let asked = channel.exchange_declare(name, kind(exchange.kind), options, FieldTable::default());
            asked.await.map_err(|error| missing(&exchange.name, error))?;
        }
        for (name, _) in &self.queues {
            let options = QueueDeclareOptions {
                passive: true,
                ..QueueDeclareOptions::durable()
            };
            let asked = channel.queue_declare(name.as_str().into(), options, FieldTable::default());
            asked.await.map_err(|error| missing(name, error))?;
        }
        Ok(())
    }

    /// The same as a file of definitions for one virtual host.
    pub(super) fn definitions(&self, vhost: &str) -> Value {
        let exchange = |exchange: &Exchange| {
            json!({
                "name": exchange.name, "vhost": vhost, "type": exchange.kind, "durable": true, "auto_delete": false,
                "internal": false, "arguments": exchange.arguments,
            })
        };
        let queue = |(name, arguments): &(String, Arguments)| json!({ "name": name, "vhost": vhost, "durable": true, "auto_delete": false, "arguments": arguments });
        let binding = |binding: &Binding| {
            json!({
                "source": binding.exchange, "vhost": vhost, "destination": binding.queue, "destination_type": "queue",
                "routing_key": binding.key, "arguments": {},
            })
        };
        json!({
            "exchanges": self.exchanges.iter().map(exchange).collect::<Vec<_>>(),
            "queues": self.queues.iter().map(queue).collect::<Vec<_>>(),
            "bindings": self.bindings.iter().map(binding).collect::<Vec<_>>(),
        })
    }
}

/// What is not there yet may come, so it is waited for (R5).
fn missing(name: &str, error: lapin::Error) -> BrokerError {
    match error.kind() {
        ErrorKind::ProtocolError(protocol) if protocol.get_id() == NOT_FOUND => {
            BrokerError::Missing(format!(
                "{name} is missing: load the definitions that `usher topology` prints, or set broker.topology to declare"
            ))
        }
        _ => error.into(),
    }
}

fn exchanges(names: &Names) -> Vec<Exchange> {
    let exchange = |name, kind| Exchange {
        name: names.of(name),
        kind,
        arguments: Arguments::new(),
    };
    let mut inbound = exchange("usher.inbound", "topic");
    let other = names.of("usher.inbound.other");
    inbound
        .arguments
        .insert("alternate-exchange".into(), other.into());
    vec![
        exchange("usher.events", "topic"),
        exchange("usher.packs", "topic"),
        exchange("usher.work", "direct"),
        exchange("usher.dead", "direct"),
        exchange("usher.inbound.other", "fanout"),
        inbound,
    ]
}

fn kind(name: &str) -> ExchangeKind {
    match name {
        "topic" => ExchangeKind::Topic,
        "fanout" => ExchangeKind::Fanout,
        _ => ExchangeKind::Direct,
    }
}

fn arguments() -> Arguments {
    let mut arguments = Arguments::new();
    arguments.insert("x-queue-type".into(), "quorum".into());
    // One replica of the service at a time, which keeps the order; the next takes over when it goes.
    arguments.insert("x-single-active-consumer".into(), true.into());
    arguments
}

fn table(arguments: &Arguments) -> FieldTable {
    let mut table = FieldTable::default();
    for (name, value) in arguments {
        let value = match value {
            Value::Bool(flag) => AMQPValue::Boolean(*flag),
            Value::Number(number) => AMQPValue::LongLongInt(number.as_i64().unwrap_or_default()),
            other => AMQPValue::LongString(other.as_str().unwrap_or_default().into()),
        };
        table.insert(name.as_str().into(), value);
    }
    table
}

/// Deletes queues and then the exchanges. What is not there counts as deleted.
pub(super) async fn delete(channel: &Channel, names: &Names, bases: &[&str]) -> Result<(), BrokerError> {
    for base in bases {
        for end in ["interactive", "bulk", "dead"] {
            let name = names.of(&format!("{base}.{end}")).into();
            channel.queue_delete(name, QueueDeleteOptions::default()).await?;
        }
    }
    for exchange in exchanges(names) {
        let options = ExchangeDeleteOptions::default();
        channel.exchange_delete(exchange.name.into(), options).await?;
    }
    Ok(())
}
