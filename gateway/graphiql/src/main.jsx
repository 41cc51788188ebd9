import './workers.js';
import { createGraphiQLFetcher } from '@graphiql/toolkit';
import { GraphiQL } from 'graphiql';
import 'graphiql/style.css';
import { createClient } from 'graphql-ws';
import { useState } from 'react';
import { createRoot } from 'react-dom/client';
import { authorization, signIn, signOut } from './session.js';
import './page.css';

const FIRST = `# Sign in above; then this says who is asking.
query Viewer {
  viewer {
    ... on Member {
      displayName
      permissions
    }
    ... on PortalUser {
      contact {
        displayName
      }
    }
  }
}
`;
// a link can bring an operation along: /?query=…
const brought = new URLSearchParams(location.search).get('query') ?? undefined;
// a header that is written into the editor goes before that of the session
const withToken = async (input, init) =>
    fetch(input, { ...init, headers: { ...(await authorization()), ...init.headers } });
const fetcher = createGraphiQLFetcher({
    url: '/graphql',
    fetch: withToken,
    wsClient: createClient({
        url: new URL('/graphql', location.href.replace(/^http/, 'ws')).href,
        connectionParams: authorization,
    }),
});

function SignIn({ onDone }) {
    const [refusal, setRefusal] = useState(null);
    async function submit(event) {
        event.preventDefault();
        const given = Object.fromEntries(new FormData(event.target));
        try {
            onDone(await signIn({ ...given, organization: given.organization || null }));
        } catch (error) {
            setRefusal(error.message);
        }
    }
    return (
        <form onSubmit={submit}>
            <label>E-mail <input name="email" type="email" autoComplete="username" required /></label>
            <label>Password <input name="password" type="password" autoComplete="current-password" required /></label>
            <label>Organization <input name="organization" placeholder="only where there are several" /></label>
            <label>
                As <select name="as"><option value="MEMBER">member</option><option value="CONTACT">contact</option></select>
            </label>
            <button type="submit">Sign in</button>
            {refusal && <span role="alert">{refusal}</span>}
        </form>
    );
}

function Page() {
    const [who, setWho] = useState(null);
    async function leave() {
        await signOut();
        setWho(null);
    }
    return (
        <>
            <header>
                {who === null ? (
                    <SignIn onDone={setWho} />
                ) : (
                    <p>Signed in as <strong>{who}</strong> <button onClick={leave}>Sign out</button></p>
                )}
                <a href="/dev/mail">Captured mail</a>
            </header>
            <main><GraphiQL fetcher={fetcher} defaultQuery={FIRST} initialQuery={brought} /></main>
        </>
    );
}

createRoot(document.getElementById('page')).render(<Page />);
