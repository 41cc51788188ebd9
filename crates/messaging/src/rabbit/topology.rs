//! Exchanges and queues, with the arguments that make them safe.

use lapin::{
    Channel, ExchangeKind,
    options::{
        ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions, QueueDeclareOptions,
        QueueDeleteOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use usher_events::Lane;

use crate::{BrokerError, RabbitSettings, held::LIMIT, transport::Queue};

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
        format!("{}usher.events", self.prefix).into()
    }

    /// The topic exchange of the same facts for our own queues: many in one message.
    pub(super) fn packs(&self) -> ShortString {
        format!("{}usher.packs", self.prefix).into()
    }

    /// The direct exchange of commands between our services.
    pub(super) fn work(&self) -> ShortString {
        format!("{}usher.work", self.prefix).into()
    }

    fn dead(&self) -> ShortString {
        format!("{}usher.dead", self.prefix).into()
    }

    pub(super) fn queue(&self, queue: &Queue) -> ShortString {
        format!("{}{}", self.prefix, queue.name()).into()
    }

    /// Where the broker puts messages that came back too often; the consumer moves them to its own table.
    pub(super) fn dead_queue(&self, queue: &Queue) -> ShortString {
        format!("{}{}", self.prefix, dead_key(queue)).into()
    }
}

fn dead_key(queue: &Queue) -> String {
    format!("{}.dead", queue.base)
}

pub(super) async fn declare(channel: &Channel, names: &Names, queues: &[Queue]) -> Result<(), BrokerError> {
    for (exchange, kind) in [
        (names.events(), ExchangeKind::Topic),
        (names.packs(), ExchangeKind::Topic),
        (names.work(), ExchangeKind::Direct),
        (names.dead(), ExchangeKind::Direct),
    ] {
        let options = ExchangeDeclareOptions {
            durable: true,
            ..Default::default()
        };
        channel
            .exchange_declare(exchange, kind, options, FieldTable::default())
            .await?;
    }
    for queue in queues {
        declare_dead(channel, names, queue).await?;
        declare_queue(channel, names, queue).await?;
    }
    Ok(())
}

async fn declare_dead(channel: &Channel, names: &Names, queue: &Queue) -> Result<(), BrokerError> {
    let arguments = arguments();
    let dead = names.dead_queue(queue);
    channel
        .queue_declare(dead.clone(), QueueDeclareOptions::durable(), arguments)
        .await?;
    bind(channel, dead, names.dead(), dead_key(queue)).await
}

async fn declare_queue(channel: &Channel, names: &Names, queue: &Queue) -> Result<(), BrokerError> {
    let mut arguments = arguments();
    arguments.insert("x-delivery-limit".into(), i64::from(LIMIT).into());
    arguments.insert("x-dead-letter-exchange".into(), text(names.dead().as_str()));
    arguments.insert("x-dead-letter-routing-key".into(), text(&dead_key(queue)));
    // At least once, which needs a queue that refuses rather than drops.
    arguments.insert("x-dead-letter-strategy".into(), text("at-least-once"));
    arguments.insert("x-overflow".into(), text("reject-publish"));
    let name = names.queue(queue);
    channel
        .queue_declare(name.clone(), QueueDeclareOptions::durable(), arguments)
        .await?;
    bind(channel, name.clone(), names.work(), queue.name()).await?;
    for pattern in &queue.bindings {
        bind(channel, name.clone(), names.packs(), pattern.clone()).await?;
    }
    Ok(())
}

/// Deletes queues and then the exchanges. What is not there counts as deleted.
pub(super) async fn delete(channel: &Channel, names: &Names, bases: &[&str]) -> Result<(), BrokerError> {
    for base in bases {
        let [interactive, bulk] = Lane::ALL.map(|lane| Queue {
            base: (*base).to_owned(),
            lane,
            bindings: Vec::new(),
        });
        for name in [
            names.queue(&interactive),
            names.queue(&bulk),
            names.dead_queue(&bulk),
        ] {
            channel.queue_delete(name, QueueDeleteOptions::default()).await?;
        }
    }
    for name in [names.events(), names.packs(), names.work(), names.dead()] {
        let options = ExchangeDeleteOptions::default();
        channel.exchange_delete(name, options).await?;
    }
    Ok(())
}

fn arguments() -> FieldTable {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), text("quorum"));
    // One replica of the service at a time, which keeps the order; the next takes over when it goes.
    arguments.insert("x-single-active-consumer".into(), true.into());
    arguments
}

fn text(value: &str) -> AMQPValue {
    AMQPValue::LongString(value.into())
}

async fn bind(
    channel: &Channel,
    queue: ShortString,
    exchange: ShortString,
    key: String,
) -> Result<(), BrokerError> {
    let options = QueueBindOptions::default();
    Ok(channel
        .queue_bind(queue, exchange, key.into(), options, FieldTable::default())
        .await?)
}
