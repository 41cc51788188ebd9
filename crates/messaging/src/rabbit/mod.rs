//! RabbitMQ.

mod arrivals;
mod codec;
mod link;
mod publisher;
mod settings;
mod topology;

use std::sync::Arc;

pub use settings::RabbitSettings;

use self::{
    arrivals::Arrivals,
    link::Link,
    publisher::Publisher,
    topology::{Names, Topology},
};
use crate::{
    BrokerError, Subscription,
    transport::{Deliveries, Exchange, Outgoing, Queue, Transport},
};

/// Two connections, since the broker's flow control stops a publishing connection as a whole.
#[derive(Debug)]
pub(crate) struct Rabbit {
    names: Names,
    declares: bool,
    publisher: Publisher,
    consuming: Arc<Link>,
}

impl Rabbit {
    /// Reads the settings; connections are made when they are first needed.
    pub(crate) fn new(settings: &RabbitSettings) -> Result<Self, BrokerError> {
        let way = (settings.uri()?, settings.tls());
        let names = Names::new(settings);
        let link = |role: &str| Link::new(way.clone(), format!("usher-{}-{role}", settings.name));
        Ok(Self {
            publisher: Publisher::new(link("publish"), names.clone()),
            consuming: Arc::new(link("consume")),
            declares: settings.declares,
            names,
        })
    }
}

impl RabbitSettings {
    /// What these subscriptions need, in the broker's own format of definitions, for operators who make it themselves. It is what
    /// [`crate::Broker::declare`] makes, in the virtual host of the URL.
    ///
    /// # Errors
    /// Where the URL cannot be read.
    pub fn definitions(&self, subscriptions: &[Subscription]) -> Result<serde_json::Value, BrokerError> {
        let topology = Topology::new(&Names::new(self), &crate::run::queues(subscriptions));
        Ok(topology.definitions(&self.uri()?.vhost))
    }

    /// Deletes these queues, by their names without lanes, and all exchanges of the prefix, with everything that is in
    /// them. For tests and trials, which leave no rubbish then; never where messages count.
    ///
    /// # Errors
    /// Where the URL cannot be read, or the broker refuses or does not answer.
    pub async fn delete(&self, queues: &[&str]) -> Result<(), BrokerError> {
        let link = Link::new((self.uri()?, self.tls()), format!("usher-{}-delete", self.name));
        let channel = link.channel().await?;
        link::within("delete", topology::delete(&channel, &Names::new(self), queues)).await
    }
}

#[async_trait::async_trait]
impl Transport for Rabbit {
    fn system(&self) -> &'static str {
        "rabbitmq"
    }

    fn exchange(&self, exchange: Exchange) -> String {
        match exchange {
            Exchange::Events => self.names.events(),
            Exchange::Packs => self.names.packs(),
            Exchange::Work => self.names.work(),
        }
        .to_string()
    }

    async fn greet(&self) -> Result<(), BrokerError> {
        self.consuming.channel().await.map(drop)
    }

    async fn declare(&self, queues: &[Queue]) -> Result<(), BrokerError> {
        let topology = Topology::new(&self.names, queues);
        if !self.declares {
            return link::within("looking for queues", topology.expect(&self.consuming)).await;
        }
        let channel = self.consuming.channel().await?;
        link::within("declare", topology.declare(&channel)).await
    }

    async fn publish(&self, messages: &[Outgoing]) -> Result<Vec<bool>, BrokerError> {
        self.publisher.publish(messages).await
    }

    async fn consume(&self, queue: &Queue) -> Result<Box<dyn Deliveries>, BrokerError> {
        let channel = self.consuming.channel().await?;
        Ok(Box::new(
            link::within("consume", Arrivals::new(channel, &self.names, queue)).await?,
        ))
    }
}
