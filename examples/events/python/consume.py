"""Reads Usher's events about contacts with pika: consume.py AMQP_URL PREFIX QUEUE COUNT. Ends after COUNT of them."""

import json
import sys

import pika

url, prefix, queue, count = sys.argv[1:]
channel = pika.BlockingConnection(pika.URLParameters(url)).channel()
# A queue of our own, which outlives us and keeps what is published while we are away.
channel.queue_declare(queue, durable=True, arguments={"x-queue-type": "quorum", "x-delivery-limit": 5})
channel.queue_bind(queue, f"{prefix}usher.events", routing_key="contact.*.v1.*")
channel.basic_qos(prefetch_count=100)
print("listening", flush=True)

# What we did: in the database of a real service, in the transaction that has the effect.
done, versions = set(), {}
for method, properties, body in channel.consume(queue):
    attributes = {
        name.removeprefix("cloudEvents_"): value
        for name, value in properties.headers.items()
        if name.startswith("cloudEvents_")
    }
    contact = json.loads(body)
    # Every fact arrives at least once, and an older one may follow a newer one from the other lane.
    is_news = attributes["id"] not in done and versions.get(contact["id"], 0) < contact["version"]
    if is_news:
        done.add(attributes["id"])
        versions[contact["id"]] = contact["version"]
        print(attributes["type"], contact["external_id"], contact["email"], flush=True)
    channel.basic_ack(method.delivery_tag)
    if len(done) == int(count):
        break
