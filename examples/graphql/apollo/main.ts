// Apollo Client: pages through the contacts, invites one of them and watches the batch over a WebSocket.
import { ApolloClient, ApolloLink, HttpLink, InMemoryCache } from '@apollo/client';
import { SetContextLink } from '@apollo/client/link/context';
import { GraphQLWsLink } from '@apollo/client/link/subscriptions';
import { relayStylePagination } from '@apollo/client/utilities';
import { OperationTypeNode } from 'graphql';
import { createClient } from 'graphql-ws';
import WebSocket from 'ws';
import { accessToken, email, endpoint, socket } from '../session.js';
import { graphql } from './gql/index.js';

const CONTACTS = graphql(`
    query Contacts($after: String) {
        contacts(first: 2, after: $after) {
            edges { node { id displayName email } }
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
const client = new ApolloClient({
    link: ApolloLink.split(
        ({ operationType }) => operationType === OperationTypeNode.SUBSCRIPTION,
        new GraphQLWsLink(sockets),
        new SetContextLink(() => ({ headers: { authorization } })).concat(new HttpLink({ uri: endpoint })),
    ),
    cache: new InMemoryCache({
        typePolicies: { Query: { fields: { contacts: relayStylePagination(['filter', 'orderBy']) } } },
    }),
});

// an answer of which a part is missing throws: the error policy "none" is Apollo's own default
const list = client.watchQuery({ query: CONTACTS });
let { data: page } = await client.query({ query: CONTACTS });
for (let pages = 1; page?.contacts; pages += 1) {
    const { edges, pageInfo } = page.contacts;
    console.log(`Page ${pages}: ${edges.map(({ node }) => node.displayName).join(', ')}`);
    if (!pageInfo.hasNextPage) break;
    ({ data: page } = await list.fetchMore({ variables: { after: pageInfo.endCursor } }));
}

// the cache has put the pages together
const known = client.readQuery({ query: CONTACTS })?.contacts?.edges.map(({ node }) => node) ?? [];
const person = known.find((contact) => contact.email === email);
if (!person) throw new Error(`none of ${known.length} contacts has the address ${email}`);
console.log(`Inviting ${person.displayName}, one of ${known.length}`);
const { data } = await client.mutate({
    mutation: INVITE,
    // asking again with the same key within a day would answer with the same batch
    variables: { input: { contacts: { ids: [person.id] }, idempotencyKey: crypto.randomUUID() } },
});
const { batch, userErrors } = data?.sendInvitations ?? { userErrors: [] };
if (!batch) throw new Error(userErrors[0]?.message);

await new Promise<void>((resolve, reject) => {
    client.subscribe({ query: BATCH, variables: { id: batch.id } }).subscribe({
        next({ data, error }) {
            if (error) return reject(error);
            const batch = data?.invitationBatch;
            console.log(`${batch?.state}: ${batch?.sent} of ${batch?.total} sent`);
        },
        error: reject,
        complete: resolve,
    });
});
client.stop();
await sockets.dispose();
