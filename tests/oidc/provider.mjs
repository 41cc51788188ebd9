// A provider for tests, on a port of this machine: provider.mjs REDIRECT_URI...
// Says where it is on the first line. `POST /test` with {"people": {NAME: CLAIMS}} says who there is, with {"rotate": true} it signs
// with another key from then on, as one does that was started anew.
import { createHash, generateKeyPairSync } from "node:crypto";
import { createServer } from "node:http";
import { Provider } from "oidc-provider";

const redirectUris = process.argv.slice(2);
const people = {};

function signingKey() {
  const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const key = privateKey.export({ format: "jwk" });
  const kid = createHash("sha256").update(key.n).digest("base64url").slice(0, 12);
  return { ...key, kid, use: "sig", alg: "RS256" };
}

function provider(issuer) {
  const made = new Provider(issuer, {
    clients: [
      {
        client_id: "usher",
        client_secret: "the/secret+of us",
        redirect_uris: redirectUris,
        response_types: ["code"],
        grant_types: ["authorization_code"],
      },
    ],
    claims: { openid: ["sub"], email: ["email", "email_verified"], profile: ["name"], groups: ["groups"] },
    scopes: ["openid", "email", "profile", "groups"],
    cookies: { keys: ["test"] },
    features: { devInteractions: { enabled: false } },
    findAccount: (_, sub) => people[sub] && { accountId: sub, claims: () => ({ sub, ...people[sub] }) },
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    jwks: { keys: [signingKey()] },
    pkce: { required: () => true },
    // everybody has agreed
    loadExistingGrant: async (ctx) => {
      const grant = new ctx.oidc.provider.Grant({
        clientId: ctx.oidc.client.clientId,
        accountId: ctx.oidc.session.accountId,
      });
      grant.addOIDCScope("openid email profile groups");
      await grant.save();
      return grant;
    },
  });
  made.on("server_error", (_, error) => console.error(error));
  return made;
}

async function text(request) {
  let all = "";
  for await (const part of request) all += part;
  return all;
}

const server = createServer(async (request, response) => {
  if (request.url === "/test") {
    const wish = JSON.parse(await text(request));
    Object.assign(people, wish.people);
    if (wish.rotate) current = provider(issuer);
    return response.end();
  }
  if (request.url.startsWith("/interaction/")) {
    if (request.method === "GET") {
      response.setHeader("content-type", "text/html");
      return response.end('<form method="post"><input name="login" id="login"><button>Go</button></form>');
    }
    const login = new URLSearchParams(await text(request)).get("login");
    const result = people[login] ? { login: { accountId: login } } : { error: "access_denied" };
    return current.interactionFinished(request, response, result, { mergeWithLastSubmission: false });
  }
  return current.callback()(request, response);
});
server.listen(0, "127.0.0.1");
await new Promise((done) => server.once("listening", done));
const issuer = `http://127.0.0.1:${server.address().port}`;
let current = provider(issuer);
console.log(issuer);
