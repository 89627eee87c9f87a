// A front end's calls, typed by the server's own document: list, follow up, read back, be refused.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

type Conversation = components["schemas"]["Conversation"];

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`It does not hold that ${what}.`);
}

const api = createClient<paths>({
  baseUrl: process.argv[2] ?? "http://127.0.0.1:8000",
  headers: { Authorization: "Bearer demo-owner" },
});

const inbox = await api.GET("/v2/conversations", { params: { query: { folder: "inbox" } } });
check(inbox.data !== undefined, "the inbox is listed");
const first: Conversation | undefined = inbox.data.data[0];
check(first !== undefined && !first.archived, "the inbox holds a conversation");
const path = { id: first.uid };

const date = new Date(Date.now() + 36 * 60 * 60 * 1000);
date.setMilliseconds(0);
const created = await api.PUT("/v2/conversations/{id}", {
  params: { path },
  body: { follow_up: true, follow_up_date: date.toString(), follow_up_message: "from a client" },
});
check(created.data?.follow_up === true, "the follow-up is created");

const read = await api.GET("/v2/conversations/{id}", { params: { path } });
check(read.data?.follow_up_message === "from a client", "the follow-up is read back");
check(
  read.data.follow_up_date !== null && Date.parse(read.data.follow_up_date) === date.getTime(),
  "its date is the one that was sent",
);
const client: string = read.data.client.first_name;

const refused = await api.PUT("/v2/conversations/{id}", {
  params: { path },
  body: { follow_up: true, follow_up_date: new Date(0).toString() },
});
check(refused.response.status === 422 && refused.error !== undefined, "the past is refused");
const [error] = refused.error.errors;
check(error?.field === "follow_up_date", "the refusal names the field");

console.log(`${client} is followed up on ${read.data.follow_up_date}; the past: ${error.message}`);
