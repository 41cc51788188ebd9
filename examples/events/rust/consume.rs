//! Reads Usher's events about contacts with lapin: AMQP_URL PREFIX QUEUE COUNT. Ends after COUNT of them.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    io::Write,
};

use futures::StreamExt;
use lapin::{
    Channel, Connection, ConnectionProperties, Consumer,
    message::Delivery,
    options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable},
};
use serde::Deserialize;

/// What we need of `usher.contact.*.v1`; there is more.
#[derive(Deserialize)]
struct Contact {
    id: String,
    version: i64,
    external_id: Option<String>,
    email: Option<String>,
}

/// What we did: in the database of a real service, in the transaction that has the effect.
#[derive(Default)]
struct Done {
    ids: HashSet<String>,
    versions: HashMap<String, i64>,
}

impl Done {
    /// Every fact arrives at least once, and an older one may follow a newer one from the other lane.
    fn is_news(&mut self, id: String, contact: &Contact) -> bool {
        let known = self.versions.get(&contact.id).copied().unwrap_or_default();
        if self.ids.contains(&id) || known >= contact.version {
            return false;
        }
        self.versions.insert(contact.id.clone(), contact.version);
        self.ids.insert(id)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, prefix, queue, count] = arguments.as_slice() else {
        return Err("consume AMQP_URL PREFIX QUEUE COUNT".into());
    };
    let (count, mut done) = (count.parse::<usize>()?, Done::default());
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let mut events = listen(&channel, prefix, queue).await?;
    writeln!(std::io::stdout(), "listening")?;
    while done.ids.len() < count {
        let Some(event) = events.next().await.transpose()? else {
            break;
        };
        let contact: Contact = serde_json::from_slice(&event.data)?;
        let kind = attribute(&event, "type");
        if done.is_news(attribute(&event, "id"), &contact) {
            let (id, email) = (
                contact.external_id.unwrap_or_default(),
                contact.email.unwrap_or_default(),
            );
            writeln!(std::io::stdout(), "{kind} {id} {email}")?;
        }
        event.ack(BasicAckOptions::default()).await?;
    }
    connection.close(200, "done".into()).await?;
    Ok(())
}

/// A queue of our own, which outlives us and keeps what is published while we are away.
async fn listen(channel: &Channel, prefix: &str, queue: &str) -> Result<Consumer, lapin::Error> {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    arguments.insert("x-delivery-limit".into(), 5_i64.into());
    channel
        .queue_declare(queue.into(), QueueDeclareOptions::durable(), arguments)
        .await?;
    let (exchange, pattern) = (format!("{prefix}usher.events"), "contact.*.v1.*");
    let options = QueueBindOptions::default();
    channel
        .queue_bind(
            queue.into(),
            exchange.into(),
            pattern.into(),
            options,
            FieldTable::default(),
        )
        .await?;
    channel.basic_qos(100, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    channel
        .basic_consume(queue.into(), "example".into(), options, FieldTable::default())
        .await
}

/// An attribute of CloudEvents in binary mode.
fn attribute(event: &Delivery, name: &str) -> String {
    let headers = event.properties.headers().as_ref();
    let value = headers.and_then(|headers| headers.inner().get(format!("cloudEvents_{name}").as_str()));
    match value {
        Some(AMQPValue::LongString(text)) => text.to_string(),
        _ => String::new(),
    }
}
