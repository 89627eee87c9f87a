"""The texts of the OpenAPI document, except those of single routes and fields."""

from demo.seeding import TOKENS

TITLE = "A local mock server of vcita's conversations"
INTRODUCTION = f"""\
vcita's `PUT /v2/conversations/{{id}}` does five jobs at once: it archives, marks as spam, marks as
read, soft-deletes, and creates, updates, completes or removes the calling staff member's follow-up
reminder. This server responds as vcita does, and stores what you send.

Send a token with each request, as `Authorization: Bearer demo-owner`:

| token | caller |
|---|---|
{chr(10).join(f"| `{token}` | {meaning} |" for token, meaning in TOKENS.items())}

Append `@` and a name, as in `demo-owner@worker-3`, to use a sandbox: a private copy of the demo
data, created on first use and isolated from all others.

Like vcita, the server ignores unknown fields. The response header `X-Ignored` lists them; with the
request header `Prefer: handling=strict` they are errors."""
TAGS = {
    "Conversations": "Conversations, with the follow-ups of the calling staff member.",
    "Messages": "The messages between the business and its client.",
    "Platform": "Conversations in the form of vcita's platform API, and new messages.",
    "Controls": "Not part of vcita: sandboxes, their clocks and states, fault injection, the"
    " request journal and the health check.",
}
TAG_OF_BLUEPRINT = {"v2": "Conversations", "platform_v1": "Platform"}  # others: Controls
CONVERSATIONS = {  # by `depth`
    "shallow": "#/components/schemas/Conversation",
    "deep": "#/components/schemas/DeepConversation",
}
CONVERSATION_RESPONSE = {
    "description": "A conversation; its `depth` is `deep` with `full_client`, else `shallow`.",
    "oneOf": [{"$ref": reference} for reference in CONVERSATIONS.values()],
    "discriminator": {"propertyName": "depth", "mapping": CONVERSATIONS},
}
PREFER = (
    "Comma-separated preferences (RFC 7240). `handling=strict`: ignored fields are errors."
    " `count=exact`: return the number of rows of a list. Under `/v2` and `/platform/v1`,"
    " `code=503`: return the documented error of this status (400 to 599); `delay=800`: delay the"
    " response by 800 ms (up to 30,000). Other values of these get 422; other preferences are"
    " ignored."
)
HEADERS = {
    "X-Ignored": "Comma-separated names of the ignored fields.",
    "Preference-Applied": "The preferences that were applied.",
    "Link": 'The absolute addresses of the next and previous pages (`rel="next"`, `rel="prev"`).',
    "X-Total-Count": "The number of rows on all pages, with `Prefer: count=exact`.",
    "WWW-Authenticate": "Why the token is rejected (RFC 6750); only `Bearer` without a token.",
    "Retry-After": "The number of seconds to wait before a retry.",
    "X-Fault": "The source of an injected error: `preference`, or a rule such as `rule 2`.",
}
ERRORS = {
    400: "The body is not JSON, or not the required object or array.",
    401: "The token is missing, unknown or expired, or it names no staff member.",
    403: "The staff member may not see or change this conversation.",
    404: "Nothing with this uid exists in the business.",
    409: "The sandbox `default` can't be deleted, or another was deleted during the request.",
    413: "The body is too large.",
    415: "The header Content-Type is not that of JSON, or Content-Encoding is not identity.",
    422: "A value is invalid; `errors` has an entry for each field. Unknown fields are errors with"
    " `Prefer: handling=strict`, and always in the admin API.",
    429: "The sandbox limit is reached.",
    503: "The database is unavailable. Nothing was stored, unless the message says otherwise.",
}
