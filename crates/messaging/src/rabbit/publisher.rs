//! Publishing with confirms.

use std::collections::{HashMap, HashSet};

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

/// Events in a pack. A message costs the broker about the same, whatever it holds.
const PACK: usize = 100;

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

    /// Packs, commands, and of the public events one of each routing key first: where that finds no queue nobody listens,
    /// and the others of its key need not be sent, which spares the broker most of its work.
    async fn confirmed(&self, channel: &Channel, messages: &[Outgoing]) -> Result<Vec<bool>, BrokerError> {
        let mut outcomes = vec![true; messages.len()];
        let (first, mut others) = first_of_each_key(messages);
        let (mut sent, mut rests) = (Vec::new(), Vec::new());
        for index in first {
            let mut singles = messages[index].singles()?.into_iter();
            if let Some(single) = singles.next() {
                sent.push((self.send(channel, &single, true).await?, vec![index]));
            }
            rests.push((index, singles));
        }
        for pack in packs(messages) {
            sent.push((self.send_pack(channel, messages, &pack).await?, pack));
        }
        let returned = settle(sent, &mut outcomes).await?;
        let mut unheard = HashSet::new();
        for index in returned {
            if messages[index].is_command() {
                outcomes[index] = false;
            } else {
                unheard.insert(messages[index].routing_key());
            }
        }
        others.retain(|index| !unheard.contains(&messages[*index].routing_key()));
        rests.retain(|(index, _)| !unheard.contains(&messages[*index].routing_key()));
        for index in others {
            rests.push((index, messages[index].singles()?.into_iter()));
        }
        let mut sent = Vec::new();
        for (index, singles) in rests {
            for single in singles {
                sent.push((self.send(channel, &single, false).await?, vec![index]));
            }
        }
        settle(sent, &mut outcomes).await?;
        Ok(outcomes)
    }

    async fn send(
        &self,
        channel: &Channel,
        message: &Outgoing,
        mandatory: bool,
    ) -> Result<PublisherConfirm, BrokerError> {
        let exchange = if message.is_command() {
            self.names.work()
        } else {
            self.names.events()
        };
        let options = BasicPublishOptions {
            mandatory,
            ..Default::default()
        };
        let properties = codec::properties(message);
        let key = message.routing_key().into();
        Ok(channel
            .basic_publish(exchange, key, options, message.data.as_bytes(), properties)
            .await?)
    }

    async fn send_pack(
        &self,
        channel: &Channel,
        messages: &[Outgoing],
        pack: &[usize],
    ) -> Result<PublisherConfirm, BrokerError> {
        let members: Vec<&Outgoing> = pack.iter().map(|index| &messages[*index]).collect();
        let key = members
            .first()
            .map(|message| message.routing_key())
            .unwrap_or_default();
        let (body, properties) = codec::pack(&members)?;
        let options = BasicPublishOptions::default();
        Ok(channel
            .basic_publish(self.names.packs(), key.into(), options, &body, properties)
            .await?)
    }
}

/// Messages with the same routing key, up to a pack's size in events; by their indices, in their order.
fn packs(messages: &[Outgoing]) -> Vec<Vec<usize>> {
    let mut packs: Vec<Vec<usize>> = Vec::new();
    let mut open = HashMap::<String, (usize, usize)>::new();
    for (index, message) in messages
        .iter()
        .enumerate()
        .filter(|(_, message)| !message.is_command())
    {
        let events = message.events();
        let (current, held) = open.entry(message.routing_key()).or_insert((packs.len(), 0));
        if *current == packs.len() || *held + events > PACK {
            (*current, *held) = (packs.len(), 0);
            packs.push(Vec::new());
        }
        packs[*current].push(index);
        *held += events;
    }
    packs
}

/// The first event of each routing key and all commands; then the other events.
fn first_of_each_key(messages: &[Outgoing]) -> (Vec<usize>, Vec<usize>) {
    let mut keys = HashSet::new();
    (0..messages.len()).partition(|index| {
        let message = &messages[*index];
        message.is_command() || keys.insert(message.routing_key())
    })
}

/// Waits for confirms and notes what was not stored; returns the indices of messages that came back for want of a queue,
/// which the broker confirms all the same.
async fn settle(
    sent: Vec<(PublisherConfirm, Vec<usize>)>,
    outcomes: &mut [bool],
) -> Result<Vec<usize>, BrokerError> {
    let (confirms, indices): (Vec<_>, Vec<_>) = sent.into_iter().unzip();
    let mut returned = Vec::new();
    for (confirmation, indices) in join_all(confirms).await.into_iter().zip(indices) {
        match confirmation? {
            Confirmation::Ack(None) => {}
            Confirmation::Ack(Some(_)) => returned.extend(indices),
            Confirmation::Nack(_) => indices.iter().for_each(|index| outcomes[*index] = false),
            Confirmation::NotRequested => {
                return Err(BrokerError::Unavailable(
                    "the channel does not confirm".to_owned(),
                ));
            }
        }
    }
    Ok(returned)
}
