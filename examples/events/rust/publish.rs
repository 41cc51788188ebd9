//! Publishes a contact into Usher with lapin: AMQP_URL PREFIX EXTERNAL_ID VERSION EMAIL.
//!
//! The user of AMQP_URL stands in Usher's setting inbound.publishers, which says for which organization it speaks.

use std::{error::Error, io::Write};

use lapin::{
    BasicProperties, Confirmation, Connection, ConnectionProperties,
    options::{BasicPublishOptions, ConfirmSelectOptions},
    types::{AMQPValue, FieldTable},
    uri::AMQPUri,
};
use serde_json::json;
use uuid::Uuid;

const KIND: &str = "usher.inbound.contact.upserted.v1";
const PERSISTENT: u8 = 2;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, prefix, external_id, version, email] = arguments.as_slice() else {
        return Err("publish AMQP_URL PREFIX EXTERNAL_ID VERSION EMAIL".into());
    };
    let contact = json!({
        "external_id": external_id,
        "version": version.parse::<i64>()?,
        "role": "CLIENT",
        "first_name": "Linus",
        "last_name": "Pauling",
        "email": email,
    });
    // Who we are: the broker refuses any other name.
    let user = url.parse::<AMQPUri>()?.authority.userinfo.username;
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let exchange = format!("{prefix}usher.inbound");
    let body = contact.to_string();
    let confirmed = channel
        .basic_publish(
            exchange.into(),
            "contact.upserted.v1".into(),
            options,
            body.as_bytes(),
            event(external_id, &user),
        )
        .await?;
    match confirmed.await? {
        Confirmation::Ack(None) => {}
        other => return Err(format!("it was not taken: {other:?}").into()),
    }
    writeln!(std::io::stdout(), "published {external_id}")?;
    connection.close(200, "done".into()).await?;
    Ok(())
}

/// Binary mode: the attributes of the event are headers.
fn event(external_id: &str, user: &str) -> BasicProperties {
    let id = Uuid::new_v4().to_string();
    let attributes = [
        ("specversion", "1.0"),
        ("id", id.as_str()),
        ("source", "/examples/rust"),
        ("type", KIND),
        ("subject", external_id),
    ];
    let mut headers = FieldTable::default();
    for (name, value) in attributes {
        headers.insert(
            format!("cloudEvents_{name}").into(),
            AMQPValue::LongString(value.into()),
        );
    }
    BasicProperties::default()
        .with_headers(headers)
        .with_content_type("application/json".into())
        .with_delivery_mode(PERSISTENT)
        .with_message_id(id.into())
        .with_user_id(user.into())
}
