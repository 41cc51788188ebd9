// Publishes a contact into Usher with amqplib: publish.mjs AMQP_URL PREFIX EXTERNAL_ID VERSION EMAIL.
//
// The user of AMQP_URL stands in Usher's setting inbound.publishers, which says for which organization it speaks.
import { randomUUID } from 'node:crypto';
import amqp from 'amqplib';

const [url, prefix, externalId, version, email] = process.argv.slice(2);
const connection = await amqp.connect(url);
const channel = await connection.createConfirmChannel();
channel.on('return', () => {
  throw new Error('no queue takes it: is the exchange the one of this Usher?');
});

// Structured mode: the whole event is the body. Binary mode, as in the other examples, is taken just as well.
const id = randomUUID();
const event = {
  specversion: '1.0',
  id,
  source: '/examples/node',
  type: 'usher.inbound.contact.upserted.v1',
  time: new Date().toISOString(),
  subject: externalId,
  datacontenttype: 'application/json',
  data: {
    external_id: externalId,
    version: Number(version),
    role: 'CLIENT',
    first_name: 'Grace',
    last_name: 'Hopper',
    email,
  },
};
channel.publish(`${prefix}usher.inbound`, 'contact.upserted.v1', Buffer.from(JSON.stringify(event)), {
  contentType: 'application/cloudevents+json',
  messageId: id,
  persistent: true,
  mandatory: true,
  // Who we are: the broker refuses any other name.
  userId: decodeURIComponent(new URL(url).username),
});
await channel.waitForConfirms();
console.log('published', externalId);
await connection.close();
