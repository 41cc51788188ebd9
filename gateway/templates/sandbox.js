"use strict";
const field = (id) => document.getElementById(id);
field("sandbox").addEventListener("submit", async (event) => {
  event.preventDefault();
  const headers = { "content-type": "application/json" };
  const token = field("token").value.trim();
  if (token) headers.authorization = `Bearer ${token}`;
  try {
    const variables = JSON.parse(field("variables").value || "{}");
    const body = JSON.stringify({ query: field("query").value, variables });
    const answer = await (await fetch("/graphql", { method: "POST", headers, body })).json();
    const session = answer.data?.signIn?.session;
    if (session) field("token").value = session.accessToken;
    field("answer").textContent = JSON.stringify(answer, null, 2);
  } catch (error) {
    field("answer").textContent = String(error);
  }
});
