// Follows one operation with the field's own clients and prints each answer as a line, then how it ended.
//   follow.mjs ws|sse ADDRESS TOKEN DOCUMENT
import { createClient as createSocket } from 'graphql-ws';
import { createClient as createEvents } from 'graphql-sse';
import WebSocket from 'ws';

const [transport, address, token, query] = process.argv.slice(2);
const Authorization = `Bearer ${token}`;
const client =
    transport === 'ws'
        ? createSocket({
              url: address.replace('http', 'ws'),
              webSocketImpl: WebSocket,
              connectionParams: { Authorization },
              retryAttempts: 0,
          })
        : createEvents({ url: address, headers: { Authorization }, retryAttempts: 0 });
const how = (error) => error.code ?? error.response?.status ?? JSON.stringify(error);
try {
    for await (const answer of client.iterate({ query })) console.log(JSON.stringify(answer));
    console.log('complete');
} catch (error) {
    console.log(`ended by ${how(error)}`);
}
await client.dispose();
