"""The texts of the OpenAPI document that belong to no single route or field."""

from demo.seeding import TOKENS

TITLE = "A local mock server of vcita's conversations"
INTRODUCTION = f"""\
vcita's `PUT /v2/conversations/{{id}}` does five jobs at once: it archives, marks as spam, marks as
read, soft-deletes, and creates, updates, completes or removes the calling staff member's follow-up
reminder. This server responds as vcita does, and keeps what you send.

Send a token with each request, as `Authorization: Bearer demo-owner`:

| token | who calls with it |
|---|---|
{chr(10).join(f"| `{token}` | {meaning} |" for token, meaning in TOKENS.items())}

With `@` and a name after it, as in `demo-owner@worker-3`, a token selects a sandbox: a private copy
of the demo data, which the first request creates. A change in one sandbox is visible in no other.

Like vcita, the server ignores misspelled fields. The response header `X-Ignored` names them, and
with the request header `Prefer: handling=strict` they are errors."""
TAGS = {
    "Conversations": "One conversation, and lists of them, as the calling staff member has them.",
    "Messages": "What the business and its client wrote to each other.",
    "Platform": "Conversations in the form of vcita's platform API, and new messages.",
    "Controls": "What vcita does not have: sandboxes, their clocks and states, errors and delays on"
    " demand, recent requests, and the server's health.",
}
TAG_OF_BLUEPRINT = {"v2": "Conversations", "platform_v1": "Platform"}  # of the others: Controls
CONVERSATIONS = {  # by `depth`
    "shallow": "#/components/schemas/Conversation",
    "deep": "#/components/schemas/DeepConversation",
}
CONVERSATION_RESPONSE = {
    "description": "A conversation, in short or with `full_client` whole; `depth` says which.",
    "oneOf": [{"$ref": reference} for reference in CONVERSATIONS.values()],
    "discriminator": {"propertyName": "depth", "mapping": CONVERSATIONS},
}
PREFER = (
    "Preferences with commas between them (RFC 7240). `handling=strict`: ignored fields are errors."
    " `count=exact`: the rows of a list are counted. `code=503`: a request under `/v2` or"
    " `/platform/v1` fails with that status, from 400 to 599, and gets the response that is"
    " documented for it. `delay=800`: it is delayed by 800 milliseconds, up to 30,000. Other values"
    " of these get 422; other preferences are ignored."
)
HEADERS = {
    "X-Ignored": "The names of the ignored fields, with commas between them.",
    "Preference-Applied": "The applied preferences.",
    "Link": 'The absolute addresses of the next and previous pages (`rel="next"`, `rel="prev"`).',
    "X-Total-Count": "How many rows there are on all pages, with `Prefer: count=exact`.",
    "WWW-Authenticate": "Why the token is refused (RFC 6750); `Bearer` alone without a token.",
    "Retry-After": "After how many seconds to try again.",
    "X-Fault": "The error was asked for: by the `preference`, or by a rule, as in `rule 2`.",
}
INTEGER_HEADERS = {"X-Total-Count", "Retry-After"}
ERRORS = {
    400: "The body is not JSON, or not an object or array where one is needed.",
    401: "The token is missing, unknown or expired, or it names no staff member.",
    403: "The staff member may not see or change this conversation.",
    404: "Nothing with this uid exists in the business.",
    409: "The sandbox `default` can't be deleted, or another was deleted during the request.",
    413: "The body is too large.",
    415: "The header Content-Type does not say JSON, or Content-Encoding says more than identity.",
    422: "A value is wrong; each wrong field has an entry. With `Prefer: handling=strict`, and"
    " always in the admin API, so has each unknown field.",
    429: "There are as many sandboxes as there may be.",
    503: "The database can't be used in time; nothing was stored, or the message says otherwise.",
}
