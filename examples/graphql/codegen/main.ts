// No client library: fetch and server-sent events, and the types that GraphQL Code Generator's client preset writes.
import { createClient } from 'graphql-sse';
import { accessToken, email, endpoint } from '../session.js';
import { graphql } from './gql/index.js';
import type { BatchSubscription, ContactsQuery, TypedDocumentString } from './gql/graphql.js';

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
        invitationBatch(id: $id) { state total sent }
    }
`);

const authorization = `Bearer ${await accessToken()}`;

async function ask<Data, Variables>(document: TypedDocumentString<Data, Variables>, variables: Variables): Promise<Data> {
    const response = await fetch(endpoint, {
        method: 'POST',
        headers: {
            authorization,
            'content-type': 'application/json',
            accept: 'application/graphql-response+json',
        },
        body: JSON.stringify({ query: document, variables }),
    });
    // 294: there is data, and errors beside it; this program wants the whole answer
    const { data, errors } = await response.json();
    if (response.status !== 200) throw new Error(errors[0].extensions.code);
    return data;
}

const known: NonNullable<ContactsQuery['contacts']>['nodes'] = [];
let after: string | null | undefined;
let pages = 0;
do {
    const { contacts } = await ask(CONTACTS, { after });
    if (!contacts) throw new Error('no contacts');
    const { nodes, pageInfo } = contacts;
    console.log(`Page ${(pages += 1)}: ${nodes.map(({ displayName }) => displayName).join(', ')}`);
    known.push(...nodes);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
} while (after);

const person = known.find((contact) => contact.email === email);
if (!person) throw new Error(`none of ${known.length} contacts has the address ${email}`);
console.log(`Inviting ${person.displayName}, one of ${known.length}`);
const { sendInvitations } = await ask(INVITE, {
    // asking again with the same key within a day would answer with the same batch
    input: { contacts: { ids: [person.id] }, idempotencyKey: crypto.randomUUID() },
});
const { batch, userErrors } = sendInvitations;
if (!batch) throw new Error(userErrors[0]?.message);

const events = createClient({ url: endpoint, headers: { authorization } });
const answers = events.iterate<BatchSubscription>({ query: BATCH.toString(), variables: { id: batch.id } });
for await (const { data, errors } of answers) {
    if (!data) throw errors?.[0] ?? new Error('no batch');
    const { state, sent, total } = data.invitationBatch;
    console.log(`${state}: ${sent} of ${total} sent`);
}
