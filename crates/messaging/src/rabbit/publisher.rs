//! Publishing with confirms.

use futures::future::join_all;
use lapin::{
    Channel, Confirmation, PublisherConfirm,
    options::{BasicPublishOptions, ConfirmSelectOptions},
};
use tokio::sync::Mutex;

use super::{
    codec,
    link::{Link, within},
    topology::Names,
};
use crate::{BrokerError, transport::Outgoing};

#[derive(Debug)]
pub(super) struct Publisher {
    link: Link,
    names: Names,
    channel: Mutex<Option<Channel>>,
}

impl Publisher {
    pub(super) fn new(link: Link, names: Names) -> Self {
        Self {
            link,
            names,
            channel: Mutex::default(),
        }
    }

    /// Publishes all, then waits for all confirms. A channel on which anything went wrong is not used again.
    pub(super) async fn publish(&self, messages: &[Outgoing]) -> Result<Vec<bool>, BrokerError> {
        let mut current = self.channel.lock().await;
        let channel = match current.take().filter(|channel| channel.status().connected()) {
            Some(channel) => channel,
            None => self.open().await?,
        };
        let outcomes = within("publish", self.confirmed(&channel, messages)).await?;
        *current = Some(channel);
        Ok(outcomes)
    }

    async fn open(&self) -> Result<Channel, BrokerError> {
        let channel = self.link.channel().await?;
        within("confirm", async {
            Ok(channel.confirm_select(ConfirmSelectOptions::default()).await?)
        })
        .await?;
        Ok(channel)
    }

    async fn confirmed(&self, channel: &Channel, messages: &[Outgoing]) -> Result<Vec<bool>, BrokerError> {
        let mut confirms = Vec::with_capacity(messages.len());
        for message in messages {
            confirms.push(self.send(channel, message).await?);
        }
        let confirmations = join_all(confirms).await;
        messages
            .iter()
            .zip(confirmations)
            .map(|(message, confirmation)| outcome(message, confirmation?))
            .collect()
    }

    async fn send(&self, channel: &Channel, message: &Outgoing) -> Result<PublisherConfirm, BrokerError> {
        let exchange = if message.is_command() {
            self.names.work()
        } else {
            self.names.events()
        };
        let options = BasicPublishOptions {
            mandatory: true,
            ..Default::default()
        };
        let properties = codec::properties(message);
        let key = message.routing_key().into();
        Ok(channel
            .basic_publish(exchange, key, options, message.data.as_bytes(), properties)
            .await?)
    }
}

/// Without a queue the broker confirms all the same, with the message returned.
fn outcome(message: &Outgoing, confirmation: Confirmation) -> Result<bool, BrokerError> {
    match confirmation {
        Confirmation::Ack(None) => Ok(true),
        Confirmation::Ack(Some(_)) => Ok(!message.is_command()),
        Confirmation::Nack(_) => Ok(false),
        Confirmation::NotRequested => Err(BrokerError::Unavailable(
            "the channel does not confirm".to_owned(),
        )),
    }
}
