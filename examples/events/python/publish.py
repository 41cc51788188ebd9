"""Publishes a contact into Usher with pika: publish.py AMQP_URL PREFIX EXTERNAL_ID VERSION EMAIL.

The user of AMQP_URL stands in Usher's setting inbound.publishers, which says for which organization it speaks.
"""

import datetime
import json
import sys
import uuid

import pika

url, prefix, external_id, version, email = sys.argv[1:]
parameters = pika.URLParameters(url)
channel = pika.BlockingConnection(parameters).channel()
# The broker says when it has a message, and gives back what no queue takes.
channel.confirm_delivery()

kind = "usher.inbound.contact.upserted.v1"
event_id = str(uuid.uuid4())
headers = {
    "cloudEvents_specversion": "1.0",
    "cloudEvents_id": event_id,
    "cloudEvents_source": "/examples/python",
    "cloudEvents_type": kind,
    "cloudEvents_time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
    "cloudEvents_subject": external_id,
}
contact = {
    "external_id": external_id,
    "version": int(version),
    "role": "CLIENT",
    "first_name": "Ada",
    "last_name": "Lovelace",
    "email": email,
}
channel.basic_publish(
    exchange=f"{prefix}usher.inbound",
    routing_key="contact.upserted.v1",
    body=json.dumps(contact),
    properties=pika.BasicProperties(
        content_type="application/json",
        delivery_mode=pika.DeliveryMode.Persistent,
        message_id=event_id,
        # Who we are: the broker refuses any other name.
        user_id=parameters.credentials.username,
        headers=headers,
    ),
    mandatory=True,
)
print("published", external_id, flush=True)
