// What all programs here begin with: where Usher is, and an access token.
const address = process.env['USHER_URL'] ?? 'http://127.0.0.1:8080';

export const endpoint = `${address}/graphql`;
export const socket = endpoint.replace(/^http/, 'ws');

/** Whom to invite: the program's one argument. */
export const email = process.argv[2] ?? '';

/** `USHER_TOKEN`, or the token of a session that `USHER_EMAIL` and `USHER_PASSWORD` start. */
export async function accessToken(): Promise<string> {
    const { USHER_TOKEN: token, USHER_EMAIL: email, USHER_PASSWORD: password } = process.env;
    if (token) return token;
    const response = await fetch(endpoint, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({
            query: `mutation SignIn($input: SignInInput!) {
                signIn(input: $input) { session { accessToken } userErrors { message } }
            }`,
            variables: { input: { email, password, as: 'MEMBER' } },
        }),
    });
    const { data, errors } = await response.json();
    const refused = errors?.[0] ?? data.signIn.userErrors[0];
    if (refused) throw new Error(refused.message);
    return data.signIn.session.accessToken;
}
