//! A consumer of one queue and lane: slices, then one by one, then dead letters.

use std::{collections::HashSet, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;
use tracing::Instrument;
use usher_database::Database;
use usher_events::Envelope;

use crate::{
    Broker, BrokerError, DeliverError, HandlerError, Pace, Subscription,
    dead_letter::{bury, discreet},
    deliver::deliver_packed,
    held::{Held, LIMIT, Message},
    trace::Processing,
    transport::{Deliveries, Delivery, Pack, Queue},
};

/// Slices that may be held: one at work, one coming in, and some that wait to be tried again.
const SLICES_HELD: usize = 4;
/// After a deadlock; two that met once should not meet at once again.
const CONFLICT: Duration = Duration::from_millis(20);

/// Works on one lane of a subscription.
pub(crate) struct Consumer {
    pub broker: Broker,
    pub database: Database,
    pub subscription: Subscription,
    pub queue: Queue,
    pub pace: Pace,
}

impl Consumer {
    /// Consumes until `stop`, and comes back after every outage.
    pub(crate) async fn run(self, stop: CancellationToken) -> Result<(), BrokerError> {
        while !stop.is_cancelled() {
            let working = async {
                let deliveries = tokio::select! {
                    () = stop.cancelled() => return Ok(()),
                    deliveries = self.broker.transport.consume(&self.queue) => deliveries?,
                };
                self.work(deliveries, &stop).await
            };
            match working.await {
                Ok(()) => {}
                Err(error) if error.is_temporary() => {
                    tracing::warn!(queue = self.queue.name(), %error, "consumer waits");
                    self.pause(self.pace.outage, &stop).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    async fn pause(&self, pause: Duration, stop: &CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }

    async fn work(
        &self,
        mut deliveries: Box<dyn Deliveries>,
        stop: &CancellationToken,
    ) -> Result<(), BrokerError> {
        let mut held = Held::default();
        let slice = usize::from(self.pace.slice);
        while !stop.is_cancelled() {
            let room = held.len() < slice * SLICES_HELD;
            if room {
                let taken = deliveries.take(slice).await?;
                self.accept(taken, &mut held, deliveries.as_mut()).await?;
            }
            let ready = held.ready(Instant::now(), slice);
            if ready.is_empty() {
                let due = held.next_due();
                tokio::select! {
                    () = stop.cancelled() => {}
                    waited = deliveries.wait(), if room => waited?,
                    () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
                }
                continue;
            }
            let done = self.handle(ready, &mut held, stop).await?;
            if !done.is_empty() {
                deliveries.ack(&done).await?;
            }
        }
        self.finish(held, deliveries.as_mut()).await
    }

    /// Works off what has arrived, since the broker counts how often a message comes back. What waits for another try goes
    /// back.
    async fn finish(&self, mut held: Held, deliveries: &mut dyn Deliveries) -> Result<(), BrokerError> {
        deliveries.cancel().await?;
        let slice = usize::from(self.pace.slice);
        let end = Instant::now() + self.pace.drain;
        // Waits for an outage would otherwise end at once.
        let stop = CancellationToken::new();
        while Instant::now() < end {
            let taken = deliveries.take(slice).await?;
            self.accept(taken, &mut held, deliveries).await?;
            let ready = held.ready(Instant::now(), slice);
            if ready.is_empty() {
                break;
            }
            let done = self.handle(ready, &mut held, &stop).await?;
            deliveries.ack(&done).await?;
        }
        Ok(())
    }

    /// Sorts out what is unreadable or has come back too often.
    async fn accept(
        &self,
        taken: Vec<Delivery>,
        held: &mut Held,
        deliveries: &mut dyn Deliveries,
    ) -> Result<(), BrokerError> {
        let mut buried = Vec::new();
        for Delivery {
            tag,
            returned,
            pack,
            content,
        } in taken
        {
            let reason = match &content {
                Err(unreadable) => format!("unreadable: {}", unreadable.reason),
                Ok(_) if returned >= LIMIT => format!("came back unhandled {returned} times"),
                Ok(_) => String::new(),
            };
            match content {
                Ok(envelope) if returned < LIMIT => {
                    held.put(Message {
                        tag,
                        envelope,
                        pack,
                        failures: returned,
                        due: None,
                    });
                }
                content => {
                    bury(&self.database, &self.subscription, (pack, &content), &reason).await?;
                    buried.push(tag);
                }
            }
        }
        if !buried.is_empty() {
            deliveries.ack(&buried).await?;
        }
        Ok(())
    }

    /// Tries a slice as a whole, then one by one; returns the tags that are done and puts the others back.
    async fn handle(
        &self,
        ready: Vec<Message>,
        held: &mut Held,
        stop: &CancellationToken,
    ) -> Result<Vec<u64>, BrokerError> {
        let tags: Vec<u64> = ready.iter().map(|message| message.tag).collect();
        if ready.len() == 1 {
            return self.one_by_one(ready, held, stop).await;
        }
        let (envelopes, rest) = split(ready);
        let packs: Vec<Option<Pack>> = rest.iter().map(|rest| rest.pack).collect();
        match self.step(&envelopes, &packs).await {
            Ok(()) => Ok(tags),
            Err(error) if error.is_passing() => {
                join(envelopes, rest).for_each(|message| held.put(message));
                self.passing(&error, stop).await;
                Ok(Vec::new())
            }
            Err(error) => {
                let error = discreet(&error.to_string());
                tracing::info!(
                    queue = self.queue.name(),
                    error,
                    "slice failed; trying one by one"
                );
                self.one_by_one(join(envelopes, rest).collect(), held, stop).await
            }
        }
    }

    async fn one_by_one(
        &self,
        messages: Vec<Message>,
        held: &mut Held,
        stop: &CancellationToken,
    ) -> Result<Vec<u64>, BrokerError> {
        let mut done = Vec::new();
        let mut blocked = HashSet::new();
        let mut messages = messages.into_iter();
        for message in messages.by_ref() {
            let (tag, key) = (message.tag, message.envelope.key);
            if blocked.contains(&key) {
                held.put(message);
                continue;
            }
            match self
                .step(std::slice::from_ref(&message.envelope), &[message.pack])
                .await
            {
                Ok(()) => done.push(tag),
                Err(error) if error.is_passing() => {
                    held.put(message);
                    self.passing(&error, stop).await;
                    break;
                }
                Err(error) => match self.failed(message, error).await? {
                    None => done.push(tag),
                    Some(message) => {
                        held.put(message);
                        blocked.insert(key);
                    }
                },
            }
        }
        messages.for_each(|message| held.put(message));
        Ok(done)
    }

    /// One transaction. A handler that panics has failed like any other.
    async fn step(&self, slice: &[Envelope], packs: &[Option<Pack>]) -> Result<(), DeliverError> {
        let processing = Processing::begin(self.broker.transport.as_ref(), &self.queue, slice);
        let step = deliver_packed(
            &self.database,
            self.subscription.queue(),
            self.subscription.handler.as_ref(),
            slice,
            packs,
        );
        let step = step.instrument(processing.span.clone());
        let caught = AssertUnwindSafe(step).catch_unwind().await;
        let done = caught.unwrap_or_else(|_| Err(HandlerError::retry("the handler panicked").into()));
        processing.end(done.as_ref().err().map(DeliverError::kind));
        done
    }

    /// Nobody's fault: the same again, soon.
    async fn passing(&self, error: &DeliverError, stop: &CancellationToken) {
        if error.is_conflict() {
            self.pause(CONFLICT, stop).await;
        } else {
            tracing::warn!(queue = self.queue.name(), %error, "consumer waits for the database");
            self.pause(self.pace.outage, stop).await;
        }
    }

    /// The message, if it is to be tried again; it is buried otherwise.
    async fn failed(&self, message: Message, error: DeliverError) -> Result<Option<Message>, BrokerError> {
        let failures = message.failures + 1;
        let rejected = matches!(error, DeliverError::Handler(HandlerError::Reject(_)));
        if rejected || failures >= LIMIT {
            bury(
                &self.database,
                &self.subscription,
                (message.pack, &Ok(message.envelope)),
                &error.to_string(),
            )
            .await?;
            return Ok(None);
        }
        let wait = self.pace.retries[(failures as usize - 1).min(self.pace.retries.len() - 1)];
        let error = discreet(&error.to_string());
        tracing::info!(queue = self.queue.name(), id = %message.envelope.id, error, failures, "message waits");
        Ok(Some(Message {
            failures,
            due: Some(Instant::now() + wait),
            ..message
        }))
    }
}

/// What stands beside an envelope in a [`Message`].
struct Rest {
    tag: u64,
    pack: Option<Pack>,
    failures: u32,
}

fn split(messages: Vec<Message>) -> (Vec<Envelope>, Vec<Rest>) {
    let rest = |message: Message| {
        let rest = Rest {
            tag: message.tag,
            pack: message.pack,
            failures: message.failures,
        };
        (message.envelope, rest)
    };
    messages.into_iter().map(rest).unzip()
}

fn join(envelopes: Vec<Envelope>, rest: Vec<Rest>) -> impl Iterator<Item = Message> {
    envelopes.into_iter().zip(rest).map(|(envelope, rest)| Message {
        tag: rest.tag,
        envelope,
        pack: rest.pack,
        failures: rest.failures,
        due: None,
    })
}
