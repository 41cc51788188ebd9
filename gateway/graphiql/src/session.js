// The session of whoever signed in on the page. Its tokens stand in this page's memory and nowhere else.
const ENDPOINT = '/graphql';
const SESSION = 'session { accessToken refreshToken expiresAt } userErrors { message }';
const SIGN_IN = `mutation SignIn($input: SignInInput!) { signIn(input: $input) { ${SESSION} } }`;
const REFRESH = `mutation Refresh($input: RefreshSessionInput!) { refreshSession(input: $input) { ${SESSION} } }`;
const SIGN_OUT = 'mutation SignOut($input: SignOutInput!) { signOut(input: $input) { userErrors { message } } }';
const VIEWER = `{ viewer {
    ... on Member { displayName }
    ... on PortalUser { contact { displayName } }
} }`;
/** A token that ends within this time, in milliseconds, is renewed before it is used. */
const MARGIN = 10_000;

let session = null;

async function ask(query, variables, headers = {}) {
    const body = JSON.stringify({ query, variables });
    const response = await fetch(ENDPOINT, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body,
    });
    const { data, errors } = await response.json();
    if (errors) throw new Error(errors[0].message);
    return data;
}

function keep(payload) {
    session = payload.session;
    if (!session) throw new Error(payload.userErrors[0].message);
}

/** Signs in, and says as whom. */
export async function signIn(input) {
    keep((await ask(SIGN_IN, { input })).signIn);
    const { viewer } = await ask(VIEWER, {}, await authorization());
    return viewer.displayName ?? viewer.contact.displayName;
}

export async function signOut() {
    const input = { refreshToken: session?.refreshToken };
    session = null;
    if (input.refreshToken) await ask(SIGN_OUT, { input });
}

/** The header of whoever is signed in, with a token that still holds for a while. */
export async function authorization() {
    if (!session) return {};
    if (Date.parse(session.expiresAt) - Date.now() < MARGIN) {
        keep((await ask(REFRESH, { input: { refreshToken: session.refreshToken } })).refreshSession);
    }
    return { Authorization: `Bearer ${session.accessToken}` };
}
