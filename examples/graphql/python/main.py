"""gql: pages through the contacts, invites one of them and watches the batch over a WebSocket."""

import asyncio
import os
import sys
import uuid

from gql import Client, gql
from gql.transport.httpx import HTTPXAsyncTransport
from gql.transport.websockets import WebsocketsTransport

ENDPOINT = os.environ.get("USHER_URL", "http://127.0.0.1:8080") + "/graphql"
SIGN_IN = gql("""
    mutation SignIn($input: SignInInput!) {
      signIn(input: $input) { session { accessToken } userErrors { message } }
    }
""")
CONTACTS = gql("""
    query Contacts($after: String) {
      contacts(first: 2, after: $after) {
        nodes { id displayName email }
        pageInfo { hasNextPage endCursor }
      }
    }
""")
INVITE = gql("""
    mutation Invite($input: InvitationsInput!) {
      sendInvitations(input: $input) { batch { id } userErrors { message } }
    }
""")
BATCH = gql("""
    subscription Batch($id: ID!) {
      invitationBatch(id: $id) { state total sent }
    }
""")


async def access_token() -> str:
    """`USHER_TOKEN`, or the token of a session that `USHER_EMAIL` and `USHER_PASSWORD` start."""
    if token := os.environ.get("USHER_TOKEN"):
        return token
    credentials = {"email": os.environ["USHER_EMAIL"], "password": os.environ["USHER_PASSWORD"], "as": "MEMBER"}
    async with Client(transport=HTTPXAsyncTransport(ENDPOINT)) as anybody:
        SIGN_IN.variable_values = {"input": credentials}
        payload = (await anybody.execute(SIGN_IN))["signIn"]
    if not payload["session"]:
        sys.exit(payload["userErrors"][0]["message"])
    return payload["session"]["accessToken"]


async def contacts(session):
    """Every contact, page after page."""
    after, pages = None, 0
    while True:
        CONTACTS.variable_values = {"after": after}
        page = (await session.execute(CONTACTS))["contacts"]
        pages += 1
        print(f"Page {pages}:", ", ".join(node["displayName"] for node in page["nodes"]))
        for node in page["nodes"]:
            yield node
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


async def invite(session, person) -> str:
    """Sends the invitation; the id of its batch."""
    # asking again with the same key within a day would answer with the same batch
    INVITE.variable_values = {"input": {"contacts": {"ids": [person["id"]]}, "idempotencyKey": str(uuid.uuid4())}}
    payload = (await session.execute(INVITE))["sendInvitations"]
    if not payload["batch"]:
        sys.exit(payload["userErrors"][0]["message"])
    return payload["batch"]["id"]


async def main(email: str) -> None:
    authorization = {"Authorization": f"Bearer {await access_token()}"}
    async with Client(transport=HTTPXAsyncTransport(ENDPOINT, headers=authorization)) as session:
        known = [contact async for contact in contacts(session)]
        person = next((contact for contact in known if contact["email"] == email), None)
        if not person:
            sys.exit(f"none of {len(known)} contacts has the address {email}")
        print(f"Inviting {person['displayName']}, one of {len(known)}")
        BATCH.variable_values = {"id": await invite(session, person)}
    # the protocol is graphql-transport-ws; the token stands in its first message
    socket = WebsocketsTransport(
        ENDPOINT.replace("http", "ws", 1),
        init_payload=authorization,
        subprotocols=[WebsocketsTransport.GRAPHQLWS_SUBPROTOCOL],
    )
    async with Client(transport=socket) as session:
        async for answer in session.subscribe(BATCH):
            batch = answer["invitationBatch"]
            print(f"{batch['state']}: {batch['sent']} of {batch['total']} sent")


asyncio.run(main(sys.argv[1]))
