// urql: pages through the contacts, invites one of them and watches the batch over a WebSocket.
import { Client, cacheExchange, fetchExchange, subscriptionExchange } from '@urql/core';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { accessToken, email, endpoint, socket } from '../session.js';
import { graphql } from './gql/index.js';
import type { ContactsQuery } from './gql/graphql.js';

const CONTACTS = graphql(`
    query Contacts($after: String) {
        contacts(first: 2, after: $after) {
            nodes { id displayName email }
            pageInfo { hasNextPage endCursor }
        }
    }
`);
const INVITE = graphql(`
    mutation Invite($input: InvitationsInput!) {
        sendInvitations(input: $input) { batch { id } userErrors { message } }
    }
`);
const BATCH = graphql(`
    subscription Batch($id: ID!) {
        invitationBatch(id: $id) { id state total sent }
    }
`);

const authorization = `Bearer ${await accessToken()}`;
const sockets = createClient({
    url: socket,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: authorization },
});
const client = new Client({
    url: endpoint,
    // urql asks by GET unless told otherwise, which Usher answers only with the header GraphQL-Require-Preflight
    preferGetMethod: false,
    fetchOptions: { headers: { authorization } },
    exchanges: [
        cacheExchange,
        fetchExchange,
        subscriptionExchange({
            forwardSubscription: ({ query = '', variables }) => ({
                subscribe: (sink) => ({ unsubscribe: sockets.subscribe({ query, variables }, sink) }),
            }),
        }),
    ],
});

const known: NonNullable<ContactsQuery['contacts']>['nodes'] = [];
let after: string | null | undefined;
let pages = 0;
do {
    const { data, error } = await client.query(CONTACTS, { after });
    if (!data?.contacts) throw error ?? new Error('no contacts');
    const { nodes, pageInfo } = data.contacts;
    console.log(`Page ${(pages += 1)}: ${nodes.map(({ displayName }) => displayName).join(', ')}`);
    known.push(...nodes);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
} while (after);

const person = known.find((contact) => contact.email === email);
if (!person) throw new Error(`none of ${known.length} contacts has the address ${email}`);
console.log(`Inviting ${person.displayName}, one of ${known.length}`);
const { data, error } = await client.mutation(INVITE, {
    // asking again with the same key within a day would answer with the same batch
    input: { contacts: { ids: [person.id] }, idempotencyKey: crypto.randomUUID() },
});
const { batch, userErrors } = data?.sendInvitations ?? { userErrors: [] };
if (!batch) throw error ?? new Error(userErrors[0]?.message);

await new Promise<void>((resolve, reject) => {
    client.subscription(BATCH, { id: batch.id }).subscribe(({ data, error, hasNext }) => {
        if (error) return reject(error);
        // at its end urql shows the last answer once more
        if (!hasNext || !data) return resolve();
        const { state, sent, total } = data.invitationBatch;
        console.log(`${state}: ${sent} of ${total} sent`);
    });
});
await sockets.dispose();
