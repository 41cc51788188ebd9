//! Consuming a queue, and what the broker has given up of it.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    time::Duration,
};

use futures::{FutureExt, StreamExt, stream::SelectAll};
use lapin::{
    Channel, Consumer,
    message::Delivery as Arrived,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, QueueDeclareOptions,
    },
    types::{FieldTable, ShortString},
};
use tokio::time::{Interval, MissedTickBehavior, interval};
use usher_events::Lane;

use super::{codec, link::within, topology::Names};
use crate::{
    BrokerError,
    held::LIMIT,
    transport::{Deliveries, Delivery, Queue},
};

/// Messages on their way to us. A mass comes in packs and in commands of many letters.
const fn prefetch(lane: Lane) -> u16 {
    match lane {
        Lane::Interactive => 200,
        Lane::Bulk => 50,
    }
}

/// An idle connection is asked whether it lives.
const LIVENESS: Duration = Duration::from_secs(30);

pub(super) struct Arrivals {
    channel: Channel,
    queue: ShortString,
    dead: ShortString,
    consumers: SelectAll<Consumer>,
    /// Arrived while waiting.
    next: Option<Arrived>,
    /// Unpacked and not yet taken.
    unpacked: VecDeque<Delivery>,
    /// The broker's tags that are not yet acknowledged, with the number of their envelopes that are not done.
    open: BTreeMap<u64, usize>,
    /// The broker's tag of each envelope that is not done, by its own.
    origins: HashMap<u64, u64>,
    /// The next envelope's own tag.
    tag: u64,
    liveness: Interval,
    cancelled: bool,
    /// Whether others publish into the queue.
    open_to_others: bool,
    /// The exchange of what the broker has given up; a routing key can be anybody's choice.
    given_up: ShortString,
}

impl Arrivals {
    pub(super) async fn new(channel: Channel, names: &Names, queue: &Queue) -> Result<Self, BrokerError> {
        channel
            .basic_qos(prefetch(queue.lane), BasicQosOptions::default())
            .await?;
        let (name, dead) = (names.queue(queue), names.dead_queue(queue));
        let mut consumers = SelectAll::new();
        consumers.push(consume(&channel, &name).await?);
        if queue.lane == Lane::Interactive {
            consumers.push(consume(&channel, &dead).await?);
        }
        let mut liveness = interval(LIVENESS);
        liveness.set_missed_tick_behavior(MissedTickBehavior::Delay);
        liveness.reset();
        Ok(Self {
            channel,
            queue: name,
            dead,
            consumers,
            next: None,
            unpacked: VecDeque::new(),
            open: BTreeMap::new(),
            origins: HashMap::new(),
            tag: 0,
            liveness,
            cancelled: false,
            open_to_others: queue.is_open(),
            given_up: names.dead(),
        })
    }

    fn unpack(&mut self, arrived: &Arrived) {
        let given_up = arrived.exchange == self.given_up;
        let returned = if given_up { LIMIT } else { codec::returned(arrived) };
        let contents = if self.open_to_others {
            vec![(None, codec::foreign(arrived))]
        } else {
            codec::contents(arrived)
        };
        self.open.insert(arrived.delivery_tag, contents.len());
        for (pack, content) in contents {
            self.tag += 1;
            self.origins.insert(self.tag, arrived.delivery_tag);
            self.unpacked.push_back(Delivery {
                tag: self.tag,
                returned,
                pack,
                content,
            });
        }
    }

    /// Notes envelopes as done and returns the broker's tags of which all are.
    fn done(&mut self, tags: &[u64]) -> Vec<u64> {
        let mut done = Vec::new();
        for origin in tags.iter().filter_map(|tag| self.origins.remove(tag)) {
            let left = self.open.get_mut(&origin).map_or(0, |left| {
                *left -= 1;
                *left
            });
            if left == 0 {
                self.open.remove(&origin);
                done.push(origin);
            }
        }
        done
    }

    /// What has arrived already; an error or an end of the stream means that the channel is gone.
    fn arrived(&mut self) -> Result<Option<Arrived>, BrokerError> {
        if let Some(next) = self.next.take() {
            return Ok(Some(next));
        }
        match self.consumers.next().now_or_never() {
            None => Ok(None),
            Some(Some(arrived)) => Ok(Some(arrived?)),
            Some(None) if self.cancelled => Ok(None),
            Some(None) => Err(ended()),
        }
    }

    async fn alive(&self) -> Result<(), BrokerError> {
        let options = QueueDeclareOptions {
            passive: true,
            ..QueueDeclareOptions::durable()
        };
        let asked = self
            .channel
            .queue_declare(self.queue.clone(), options, FieldTable::default());
        within("liveness", async { Ok(asked.await.map(|_| ())?) }).await
    }
}

fn ended() -> BrokerError {
    BrokerError::Unavailable("the broker ended the consumer".to_owned())
}

async fn consume(channel: &Channel, queue: &ShortString) -> Result<Consumer, BrokerError> {
    let options = BasicConsumeOptions::default();
    // The queue's name as the tag: one consumer a queue and channel.
    Ok(channel
        .basic_consume(queue.clone(), queue.clone(), options, FieldTable::default())
        .await?)
}

#[async_trait::async_trait]
impl Deliveries for Arrivals {
    async fn take(&mut self, limit: usize) -> Result<Vec<Delivery>, BrokerError> {
        while self.unpacked.len() < limit {
            let Some(arrived) = self.arrived()? else { break };
            self.unpack(&arrived);
        }
        // a pack is taken whole
        let mut count = limit.min(self.unpacked.len());
        while count > 0
            && let (Some(last), Some(next)) = (self.unpacked.get(count - 1), self.unpacked.get(count))
            && last.pack.is_some()
            && last.pack == next.pack
        {
            count += 1;
        }
        Ok(self.unpacked.drain(..count).collect())
    }

    async fn wait(&mut self) -> Result<(), BrokerError> {
        while self.next.is_none() && self.unpacked.is_empty() {
            tokio::select! {
                arrived = self.consumers.next() => self.next = Some(arrived.ok_or_else(ended)??),
                _ = self.liveness.tick() => self.alive().await?,
            }
        }
        Ok(())
    }

    /// One frame for all in the usual case that nothing older is open. Beside a second consumer something older may not even be
    /// unpacked.
    async fn ack(&mut self, tags: &[u64]) -> Result<(), BrokerError> {
        let done = self.done(tags);
        let floor = if self.consumers.len() > 1 {
            0
        } else {
            self.open.keys().next().copied().unwrap_or(u64::MAX)
        };
        let together = done.iter().copied().filter(|tag| *tag < floor).max();
        if let Some(tag) = together {
            self.channel
                .basic_ack(tag, BasicAckOptions { multiple: true })
                .await?;
        }
        for tag in done.iter().filter(|tag| **tag > floor) {
            self.channel.basic_ack(*tag, BasicAckOptions::default()).await?;
        }
        Ok(())
    }

    async fn cancel(&mut self) -> Result<(), BrokerError> {
        self.cancelled = true;
        for tag in [&self.queue, &self.dead] {
            let cancelling = self
                .channel
                .basic_cancel(tag.clone(), BasicCancelOptions::default());
            within("cancel", async { Ok(cancelling.await?) }).await?;
        }
        Ok(())
    }
}
