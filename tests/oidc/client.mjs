// What a client library makes of our token endpoint: client.mjs ISSUER CLIENT_ID CLIENT_SECRET [SCOPE]
import * as oauth from "oauth4webapi";

const [issuer, id, secret, scope] = process.argv.slice(2);
const options = { [oauth.allowInsecureRequests]: true };
const found = await oauth.discoveryRequest(new URL(issuer), { ...options, algorithm: "oauth2" });
const server = await oauth.processDiscoveryResponse(new URL(issuer), found);
for (const shown of [oauth.ClientSecretBasic(secret), oauth.ClientSecretPost(secret)]) {
  const client = { client_id: id };
  const parameters = new URLSearchParams(scope ? { scope } : {});
  const response = await oauth.clientCredentialsGrantRequest(server, client, shown, parameters, options);
  const result = await oauth.processClientCredentialsResponse(server, client, response).then(
    (token) => ({ type: token.token_type, expires: token.expires_in, scope: token.scope, token: token.access_token }),
    async (error) => ({ error: error.error ?? (await error.response.json()).error, status: error.status }),
  );
  console.log(JSON.stringify(result));
}
