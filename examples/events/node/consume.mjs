// Reads Usher's events about contacts with amqplib: consume.mjs AMQP_URL PREFIX QUEUE COUNT. Ends after COUNT of them.
import amqp from 'amqplib';

const [url, prefix, queue, count] = process.argv.slice(2);
const connection = await amqp.connect(url);
const channel = await connection.createChannel();
// A queue of our own, which outlives us and keeps what is published while we are away.
await channel.assertQueue(queue, { durable: true, arguments: { 'x-queue-type': 'quorum', 'x-delivery-limit': 5 } });
await channel.bindQueue(queue, `${prefix}usher.events`, 'contact.*.v1.*');
await channel.prefetch(100);

// What we did: in the database of a real service, in the transaction that has the effect.
const done = new Set();
const versions = new Map();

function handle({ properties, content }) {
  const attribute = (name) => properties.headers[`cloudEvents_${name}`];
  const contact = JSON.parse(content);
  // Every fact arrives at least once, and an older one may follow a newer one from the other lane.
  if (done.has(attribute('id')) || (versions.get(contact.id) ?? 0) >= contact.version) return;
  done.add(attribute('id'));
  versions.set(contact.id, contact.version);
  console.log(attribute('type'), contact.external_id, contact.email);
}

await new Promise((resolve) => {
  channel.consume(queue, (message) => {
    if (done.size === Number(count)) return;
    handle(message);
    channel.ack(message);
    if (done.size === Number(count)) resolve();
  });
  console.log('listening');
});
await channel.close();
await connection.close();
