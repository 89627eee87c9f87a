// A front end's calls, typed by the server's own document: list, read, follow up, be refused.
import createClient from "openapi-fetch";
import type { components, paths } from "./schema.js";

declare const process: { argv: string[] };

type Schemas = components["schemas"];

function check(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(`It does not hold that ${what}.`);
}

/** What to tell the user; it compiles only if the codes are known ones. */
function explain({ code, field, message }: Schemas["ErrorDetail"]): string {
  if (code === "unauthorized") return "Sign in again.";
  return code === "invalid" ? `${field}: ${message}` : `${code}: ${message}`;
}

const api = createClient<paths>({
  baseUrl: process.argv[2] ?? "http://127.0.0.1:8000",
  headers: { Authorization: "Bearer demo-owner" },
});

// A folder
const inbox = await api.GET("/v2/conversations", {
  params: { query: { folder: "inbox", per_page: 10 }, header: { Prefer: "count=exact" } },
});
if (inbox.error) throw new Error(explain(inbox.error.errors[0]!));
const conversations: Schemas["Conversation"][] = inbox.data.data;
const first = conversations[0];
check(first !== undefined && !first.archived, "the inbox holds a conversation");
const total = Number(inbox.response.headers.get("X-Total-Count"));
check(total >= conversations.length, "all rows are counted");
const path = { id: first.uid };

// Its messages; an unknown conversation's 404 has vcita's own form
const r = await api.GET("/v2/conversations/{id}/messages", {
  params: { path, query: { last_update: false } },
});
if (r.error) throw new Error("error" in r.error ? r.error.error : r.error.errors[0]?.message);
const messages: Schemas["Message"][] = r.data;
const staff: string = messages[0]?.staff?.full_name ?? "the client";
check(messages.every((message) => message.conversation_uid === first.uid), "they are its own");

// A follow-up
const date = new Date(Date.now() + 36 * 60 * 60 * 1000);
date.setMilliseconds(0);
const created = await api.PUT("/v2/conversations/{id}", {
  params: { path },
  body: { follow_up: true, follow_up_date: date.toString(), follow_up_message: "from a client" },
});
check(created.data?.follow_up === true, "the follow-up is created");

// One of two depths, which `depth` tells apart
const read = await api.GET("/v2/conversations/{id}", {
  params: { path, query: { full_client: true } },
});
check(read.data?.depth === "deep", "the whole client is shown");
const phone: string = read.data.client.phone;
check(
  read.data.follow_up_date !== null && Date.parse(read.data.follow_up_date) === date.getTime(),
  "the date is the one that was sent",
);

// What does not compile
// @ts-expect-error A boolean is needed.
const wrong: Schemas["ConversationUpdate"] = { archived: "banana" };
check(wrong !== undefined, "the line above is compiled");

// An error, handled by its code
const refused = await api.PUT("/v2/conversations/{id}", {
  params: { path },
  body: { follow_up: true, follow_up_date: new Date(0).toString() },
});
check(refused.response.status === 422 && refused.error !== undefined, "the past is refused");
const [error] = refused.error.errors;
check(error?.code === "invalid" && error.field === "follow_up_date", "the error names the field");

console.log(`${first.title} (${phone}, ${staff}) is followed up on ${read.data.follow_up_date}`);
console.log(explain(error));
