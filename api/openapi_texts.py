"""The texts of the OpenAPI document that belong to no single route or field."""

from demo.seeding import TOKENS
from web import errors
from web.operations import ErrorExamples
from web.request_body import NOT_JSON

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
    f" `/platform/v1` fails with that status, one of {', '.join(map(str, errors.CODES))}."
    " `delay=800`: it is delayed by 800 milliseconds."
)
HEADERS = {
    "X-Ignored": "The names of the ignored fields, with commas between them.",
    "Preference-Applied": "The applied preferences.",
    "Link": 'The absolute addresses of the next and previous pages (`rel="next"`, `rel="prev"`).',
    "X-Total-Count": "How many rows there are on all pages, with `Prefer: count=exact`.",
    "WWW-Authenticate": "How to authenticate: `Bearer`.",
    "Retry-After": "After how many seconds to try again.",
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
    422: "A value is wrong; each wrong field has an entry. With `Prefer: handling=strict`, so"
    " has each ignored field.",
    429: "There are as many sandboxes as there may be.",
    503: "The database can't be used in time; nothing was stored, or the message says otherwise.",
}
ERROR_EXAMPLES: ErrorExamples = {  # of routes that have none of their own
    400: (None, "The body can't be read as JSON: it is empty."),
    401: (None, "401 Unauthorized"),
    403: (None, errors.NOT_AUTHORIZED),
    404: ("id", "Invalid conversation_uid"),
    413: (None, "The body is larger than 1 MiB, which is the most that is read."),
    415: (None, NOT_JSON),
    422: ("archvied", '"archvied" is unknown.'),
    429: (None, errors.TOO_MANY_SANDBOXES.format(1000)),
    503: (None, errors.CANT_BE_USED),
}
