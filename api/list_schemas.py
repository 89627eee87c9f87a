"""JSON in and JSON out of lists: their queries, and their pages in both forms."""

from functools import partial

from marshmallow import fields

from conversations.folders import FOLDERS
from field_types.descriptions import doc
from field_types.request_fields import Explain, QueryNumber, RequestSchema, Sent, explain_unknown
from field_types.response_fields import PlatformTime, ResponseSchema
from followups import Fields
from schemas import ConversationSchema

WRONG_PAGE = {422: ("page", 'It must be a positive integer, not "0".')}


def per_page(default: int, maximum: int) -> QueryNumber:
    """Return the field that says how many rows a page has."""
    text = f"How many rows a page has; more than {maximum} means {maximum}."
    return QueryNumber(1, maximum, load_default=default, **doc(text, default, maximum=maximum))


class PageSchema(RequestSchema):
    """The query of a list."""

    page = QueryNumber(1, 10**9, load_default=1, **doc("Which page, counted from 1.", 1))
    per_page = per_page(25, 100)


class FolderPageSchema(PageSchema):
    """The query of a folder."""

    folder = fields.String(
        load_default="all",
        **doc(
            "Which folder of yours. "
            + "; ".join(f"`{name}`: {folder.meaning}" for name, folder in FOLDERS.items())
            + ". Any other value is as if it were left out.",
            "inbox",
            enum=list(FOLDERS),
        ),
    )

    def ignored_reason(self, name: str, sent: Sent, loaded: Fields) -> Explain | None:
        """Also explain an unknown folder."""
        folder = sent[name]
        if name == "folder" and folder and folder not in FOLDERS:
            return partial(explain_unknown, folder, "not a folder", list(FOLDERS))
        return super().ignored_reason(name, sent, loaded)


class ClientPageSchema(PageSchema):
    """The query of a client's conversations."""

    per_page = per_page(25, 50)


class MessagePageSchema(PageSchema):
    """The query of a conversation's messages."""

    per_page = per_page(20, 100)
    last_update = fields.Raw(
        post_load=lambda word: word.lower() not in ("", "0", "false"),
        **doc(
            "Whether to list only the messages of the last minute. An empty value and `0` mean"
            " false, too; anything else means true.",
            False,
            type="boolean",
        ),
    )


class ConversationListSchema(ResponseSchema):
    """A page of conversations."""

    data = fields.List(
        fields.Nested(ConversationSchema), **doc("The conversations, latest action first.")
    )


class PlatformConversationSchema(ResponseSchema):
    """A conversation as the platform API shows it."""

    business_id = fields.String(
        attribute="business_uid", **doc("The business's uid.", "4bq7ahdt1mfc0zkw")
    )
    business_unread = fields.Boolean(**doc("Whether it is unread for the business.", True))
    client_id = fields.String(
        attribute="client_uid", **doc("The client's uid.", "affc25e71f6bd5cc")
    )
    client_unread = fields.Boolean(**doc("Whether it is unread for the client.", False))
    created_at = PlatformTime(**doc("When it began, in UTC.", "2026-05-02T03:30:00.000Z"))
    deep_link = fields.String(
        **doc("Its path in vcita's app.", "/app/conversations/89m2pnabgozdvd9f")
    )
    id = fields.String(attribute="uid", **doc("The conversation's uid.", "89m2pnabgozdvd9f"))
    last_business_action = PlatformTime(
        attribute="last_user_action_at",
        allow_none=True,
        **doc("When the business last did something, or null.", "2026-05-05T07:30:00.000Z"),
    )
    last_client_action = PlatformTime(
        attribute="last_client_action_at",
        allow_none=True,
        **doc("When the client last wrote, or null.", "2026-05-05T05:18:00.000Z"),
    )
    staff_id = fields.String(
        attribute="staff_uid", **doc("The staff member who is assigned to it.", "5ya4gbwm2c3qoic8")
    )
    title = fields.String(**doc("The title.", "Jane Smith"))
    updated_at = PlatformTime(
        **doc("When anything of it last changed.", "2026-05-05T07:30:00.000Z")
    )


class PlatformConversationPageSchema(ResponseSchema):
    """The conversations of a page, under their name."""

    conversations = fields.List(
        fields.Nested(PlatformConversationSchema), **doc("The conversations, latest action first.")
    )


class PlatformConversationListSchema(ResponseSchema):
    """A page of conversations in the platform's form."""

    status = fields.Constant("OK", **doc("Always `OK`."))
    data = fields.Nested(PlatformConversationPageSchema, **doc("The page."))
