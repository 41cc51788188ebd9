// Relay's runtime without React: pages through the contacts, invites one and watches the batch over a WebSocket.
import { createClient } from 'graphql-ws';
import {
    Environment,
    Network,
    Observable,
    RecordSource,
    Store,
    commitMutation,
    fetchQuery,
    graphql,
    requestSubscription,
    type GraphQLResponse,
    type RequestParameters,
    type Variables,
} from 'relay-runtime';
import WebSocket from 'ws';
import { accessToken, email, endpoint, socket } from '../session.js';
import type { mainBatchSubscription } from './__generated__/mainBatchSubscription.graphql.js';
import type { mainContactsQuery } from './__generated__/mainContactsQuery.graphql.js';
import type { mainInviteMutation } from './__generated__/mainInviteMutation.graphql.js';

const CONTACTS = graphql`
    query mainContactsQuery($after: String) {
        contacts(first: 2, after: $after) {
            nodes { id displayName email }
            pageInfo { hasNextPage endCursor }
        }
    }
`;
const INVITE = graphql`
    mutation mainInviteMutation($input: InvitationsInput!) {
        sendInvitations(input: $input) { batch { id } userErrors { message } }
    }
`;
const BATCH = graphql`
    subscription mainBatchSubscription($id: ID!) {
        invitationBatch(id: $id) { id state total sent }
    }
`;

/** How Relay reaches the API: questions and changes by fetch, subscriptions through the socket. */
function environment(authorization: string, sockets: ReturnType<typeof createClient>): Environment {
    async function ask({ text }: RequestParameters, variables: Variables): Promise<GraphQLResponse> {
        const response = await fetch(endpoint, {
            method: 'POST',
            headers: { authorization, 'content-type': 'application/json' },
            body: JSON.stringify({ query: text, variables }),
        });
        return response.json();
    }
    function follow({ text }: RequestParameters, variables: Variables): Observable<GraphQLResponse> {
        return Observable.create((sink) =>
            sockets.subscribe({ query: text ?? '', variables }, {
                next: (answer) => sink.next(answer as GraphQLResponse),
                error: (error) => sink.error(error as Error),
                complete: () => sink.complete(),
            }),
        );
    }
    return new Environment({ network: Network.create(ask, follow), store: new Store(new RecordSource()) });
}

const authorization = `Bearer ${await accessToken()}`;
const sockets = createClient({
    url: socket,
    webSocketImpl: WebSocket,
    connectionParams: { Authorization: authorization },
});
const relay = environment(authorization, sockets);

const known: { id: string; displayName: string; email: string | null | undefined }[] = [];
let after: string | null | undefined;
let pages = 0;
do {
    const data = await fetchQuery<mainContactsQuery>(relay, CONTACTS, { after }).toPromise();
    if (!data?.contacts) throw new Error('no contacts');
    const { nodes, pageInfo } = data.contacts;
    console.log(`Page ${(pages += 1)}: ${nodes.map(({ displayName }) => displayName).join(', ')}`);
    known.push(...nodes);
    after = pageInfo.hasNextPage ? pageInfo.endCursor : null;
} while (after);

const person = known.find((contact) => contact.email === email);
if (!person) throw new Error(`none of ${known.length} contacts has the address ${email}`);
console.log(`Inviting ${person.displayName}, one of ${known.length}`);
const invited = await new Promise<mainInviteMutation['response']>((onCompleted, onError) => {
    commitMutation<mainInviteMutation>(relay, {
        mutation: INVITE,
        // asking again with the same key within a day would answer with the same batch
        variables: { input: { contacts: { ids: [person.id] }, idempotencyKey: crypto.randomUUID() } },
        onCompleted,
        onError,
    });
});
const { batch, userErrors } = invited.sendInvitations;
if (!batch) throw new Error(userErrors[0]?.message);

await new Promise<void>((resolve, reject) => {
    requestSubscription<mainBatchSubscription>(relay, {
        subscription: BATCH,
        variables: { id: batch.id },
        onNext(data) {
            const batch = data?.invitationBatch;
            console.log(`${batch?.state}: ${batch?.sent} of ${batch?.total} sent`);
        },
        onError: reject,
        onCompleted: resolve,
    });
});
await sockets.dispose();
