"""The request and response schemas of vcita's API: conversations, lists of them, and messages."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

import models
from conversations.folders import FOLDERS
from field_types import response_fields as responses
from field_types.request_fields import LenientBoolean, Nested, QueryNumber, RequestSchema, String
from field_types.response_fields import ResponseSchema
from field_types.texts import NOT_EMPTY, VALUE, Explain, doc, explain_unknown, one_of
from followups import Fields, find_unused_fields
from models import Direction


class ConversationUpdateSchema(RequestSchema):
    """The fields to change. All are optional; omitted fields keep their values.

    Booleans may also be `1`, `0`, `"1"`, `"0"`, or `"true"`, `"false"` in any case. Unknown fields
    are ignored and listed in `X-Ignored`.
    """

    tables = (models.Conversation, models.Collaborator)
    archived = LenientBoolean(**doc("Archive or unarchive the conversation.", True))
    business_unread = LenientBoolean(
        **doc("Mark it as unread or read for the business, and for you if you collaborate on it.")
    )
    spam = LenientBoolean(**doc("Mark or unmark the conversation and its client as spam."))
    deleted = LenientBoolean(**doc("Soft-delete or restore the conversation.", False))
    campaign = String(255, allow_none=True)
    source_type = String(255, allow_none=True)
    mobile = LenientBoolean()
    follow_up = LenientBoolean(
        **doc("Create, update or remove your follow-up. See the table of the PUT.", True)
    )
    follow_up_date = String(  # parsed only if it is used (`followups.parse_date`)
        allow_none=True,
        **doc(
            "When the reminder is due; must be in the future. Accepts ISO 8601, JavaScript's"
            " `String(date)` and all other formats of Ruby's `Time.parse`; the default zone is UTC."
            " Relative words are ignored: `tomorrow 10:00` means today at 10:00. Null clears the"
            " date. Used only on create and update.",
            "Mon May 06 2030 13:31:21 GMT+0300 (Israel Daylight Time)",
        ),
    )
    follow_up_message = String(
        10_000,
        allow_none=True,
        pre_load=lambda text: "" if text is None else text,
        **doc(
            "The reminder's text; null means empty. Used only on create and update. Without a date,"
            " it is also added as an internal message."
        ),
    )
    complete_follow_up = LenientBoolean(
        **doc("Complete a removed follow-up; only `GET /__admin/state` shows it.", False)
    )

    def ignored_reason(self, name: str, sent: Mapping[str, Any], loaded: Fields) -> Explain | None:
        """Also explain follow-up fields without effect, if the fields that decide it are valid."""
        decides = ["follow_up", "archived"] if loaded.get("follow_up", True) else ["follow_up"]
        if "follow_up" not in sent or loaded.keys() >= sent.keys() & {*decides}:
            when, unused = find_unused_fields(loaded)
            if name in unused:
                return partial('"{}" has no effect {}.'.format, name, when)
        return super().ignored_reason(name, sent, loaded)


class ConversationQuerySchema(RequestSchema):
    """The query of a conversation."""

    full_client = fields.Raw(
        post_load=lambda word: word.lower() in ("true", "1"),
        **doc(
            "Include the full client and the source; `depth` is then `deep`. `1` also means true;"
            " any other value means false.",
            False,
            type="boolean",
        ),
    )


MESSAGE_OF = {
    Direction.CLIENT_TO_BUSINESS: "client",
    Direction.BUSINESS_TO_CLIENT: "staff",
    Direction.INTERNAL: "system",
}
TIME_TEXT = doc("The same, human-readable in the business's time zone; empty if never.")


class LastMessageSchema(ResponseSchema):
    """The summary of a conversation's last message."""

    title = fields.String(**doc("The message's title.", "Jane Smith"))
    text = fields.String(**doc("The message's text.", "Sounds good, see you then."))
    message_of = responses.EnumLabel(
        MESSAGE_OF,
        attribute="direction",
        **doc("The sender; `system` for an internal message.", "client"),
    )
    extra_data: fields.Constant[dict[str, Any]] = fields.Constant({}, **doc("Always empty here."))


class ClientSummarySchema(ResponseSchema):
    """The summary of a client."""

    tables = (models.Client,)
    uid = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()


class ClientSchema(ClientSummarySchema):
    """A client of the business."""

    display_name = responses.ClientName(
        attribute="first_name", **doc("The full name.", "Jane Smith")
    )
    phone = fields.String()
    spam = fields.Boolean()
    created_at = responses.Time()


class MatterSchema(ResponseSchema):
    """The subject of a conversation."""

    uid = fields.String(**doc("The matter's uid.", "mt7k2c9xq4wz1h5r"))
    title = fields.String(**doc("The matter's title.", "ACL rehabilitation 2026"))


class StaffSchema(ResponseSchema):
    """The staff member who is assigned to a conversation."""

    tables = (models.StaffMember,)
    uid = fields.String()
    display_name = fields.String()


class ConversationSchema(ResponseSchema):
    """A conversation with the follow-up of the calling staff member."""

    tables = (models.Conversation, models.Collaborator)
    uid = fields.String()
    title = fields.String()
    follow_up = fields.Boolean(**doc("Whether you have an active follow-up on it.", True))
    follow_up_date = responses.Time(allow_none=True)
    follow_up_message = fields.String()
    follow_up_text = responses.FollowUpText(
        attribute="follow_up_date",
        **doc(
            "The follow-up, human-readable in the business's time zone; empty if none is active.",
            "Reminder set for May 6, 2030 at 1:31 PM",
        ),
    )
    business_unread = fields.Boolean()
    spam = fields.Boolean()
    archived = fields.Boolean()
    sent = fields.Boolean()
    received = fields.Boolean()
    deleted = fields.Boolean(**doc("Whether it is soft-deleted.", False))
    matter_searchable = fields.Boolean()
    last_user_action_at = responses.Time(allow_none=True)
    last_user_action_at_h = responses.ActionText(attribute="last_user_action_at", **TIME_TEXT)
    last_client_action_at = responses.Time(allow_none=True)
    last_client_action_at_h = responses.ActionText(attribute="last_client_action_at", **TIME_TEXT)
    last_message = fields.Nested(LastMessageSchema, allow_none=True, **doc("The last message."))
    depth = fields.Constant("shallow", **doc("The level of detail: `deep` with `full_client`."))
    message_count = fields.Integer()
    client = fields.Nested(ClientSummarySchema, **doc("The client."))
    staff = fields.Nested(StaffSchema, **doc("The assigned staff member."))
    has_matter = fields.Boolean(**doc("Whether it has a matter.", False))
    matter = fields.Nested(MatterSchema, allow_none=True, **doc("The matter, or null.", None))


class DeepConversationSchema(ConversationSchema):
    """A conversation with the full client and its source (`full_client`)."""

    depth = fields.Constant("deep", **doc("The level of detail: `shallow` without `full_client`."))
    client = fields.Nested(ClientSchema, **doc("The full client."))
    require_attention = fields.Boolean(
        attribute="business_unread", **doc("The same as `business_unread`.")
    )
    source = fields.String(allow_none=True)
    source_data = fields.Dict()
    source_type = fields.String(allow_none=True)
    source_type_h = responses.SourceTypeText(
        attribute="source_type", allow_none=True, **doc("The type of the source, human-readable.")
    )
    sourceable_type = fields.String(allow_none=True)
    sourceable_id = fields.String(allow_none=True)


LATEST_FIRST = doc("The conversations, latest action first.")
WRONG_PAGE = {422: ("page", 'It must be a positive integer, not "0".')}


def per_page(default: int, maximum: int) -> QueryNumber:
    """Return the field for the number of rows of a page."""
    text = f"Rows per page; values above {maximum} are capped at {maximum}."
    return QueryNumber(1, maximum, load_default=default, **doc(text, default, maximum=maximum))


class PageSchema(RequestSchema):
    """The query of a list."""

    page = QueryNumber(1, 10**9, load_default=1, **doc("The page, counted from 1.", 1))
    per_page = per_page(25, 100)


class FolderPageSchema(PageSchema):
    """The query of a folder."""

    folder = fields.String(
        load_default="all",
        **doc(
            "; ".join(f"`{name}`: {folder.meaning}" for name, folder in FOLDERS.items())
            + ". Any other value means `all`.",
            "inbox",
            enum=list(FOLDERS),
        ),
    )

    def ignored_reason(self, name: str, sent: Mapping[str, Any], loaded: Fields) -> Explain | None:
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
        **doc("List only the messages of the last minute.", False, type="boolean"),
    )


class ConversationListSchema(ResponseSchema):
    """A page of conversations."""

    data = fields.List(fields.Nested(ConversationSchema), **LATEST_FIRST)


class PlatformConversationSchema(ResponseSchema):
    """A conversation in the platform API's format."""

    tables = (models.Conversation,)
    business_id = fields.String(
        attribute="business_uid", **doc("The business's uid.", "4bq7ahdt1mfc0zkw")
    )
    business_unread = fields.Boolean()
    client_id = fields.String(attribute="client_uid", **doc("The client.", "affc25e71f6bd5cc"))
    client_unread = fields.Boolean()
    created_at = responses.PlatformTime()
    deep_link = fields.String(**doc("The path at vcita.", "/app/conversations/89m2pnabgozdvd9f"))
    id = fields.String(attribute="uid")
    last_business_action = responses.PlatformTime(attribute="last_user_action_at", allow_none=True)
    last_client_action = responses.PlatformTime(attribute="last_client_action_at", allow_none=True)
    staff_id = fields.String(attribute="staff_uid", **doc("The assignee.", "5ya4gbwm2c3qoic8"))
    title = fields.String()
    updated_at = responses.PlatformTime()


class PlatformConversationPageSchema(ResponseSchema):
    """The page's conversations in an object."""

    conversations = fields.List(fields.Nested(PlatformConversationSchema), **LATEST_FIRST)


class PlatformConversationListSchema(ResponseSchema):
    """A page of conversations in the platform API's format."""

    status = fields.Constant("OK", **doc("Always `OK`."))
    data = fields.Nested(PlatformConversationPageSchema, **doc("The page."))


WRONG_DIRECTION = f"It must be client_to_business or business_to_client, not {VALUE}."
MESSAGE_TYPE = dict.fromkeys(Direction, "user") | {Direction.INTERNAL: "system"}
NO_OBJECTS = doc("Always empty here.", items={"type": "object"})


class NewMessageSchema(RequestSchema):
    """A message to add."""

    client_id = String(required=True, **doc("The client's uid.", "affc25e71f6bd5cc"))
    text = String(
        10_000, required=True, validate=[NOT_EMPTY], **doc("The text.", "Is Thursday free?")
    )
    direction = String(
        load_default="business_to_client",
        validate=[OneOf(["client_to_business", "business_to_client"], error=WRONG_DIRECTION)],
        **doc("The direction of the message.", "client_to_business"),
    )
    conversation_uid = String(
        allow_none=True,
        **doc("Default: the client's latest that you may see, or a new one.", "89m2pnabgozdvd9f"),
    )
    conversation_title = String(
        255, allow_none=True, **doc("The conversation's new title.", "Thursday")
    )
    staff_id = String(allow_none=True, **doc("The sender's uid. Default: you.", "5ya4gbwm2c3qoic8"))
    channels = String(
        255, allow_none=True, **doc("Comma-separated channels. Default: `email,sms`.", "email")
    )


class MessageCreationSchema(RequestSchema):
    """The message to add, in an object."""

    message = Nested(NewMessageSchema, required=True, **doc("The message."))


class CreatedMessageSchema(ResponseSchema):
    """The identifiers of a new message."""

    id = fields.Integer(**doc("The numeric id.", 76))
    uid = fields.String(**doc("The message's uid.", "jo4yol4564g3exsg"))
    conversation_uid = fields.String(**doc("The conversation's uid.", "89m2pnabgozdvd9f"))


class MessageCreatedSchema(ResponseSchema):
    """The response to a new message."""

    status = fields.Constant("OK", **doc("Always `OK`."))
    data = fields.Nested(CreatedMessageSchema, **doc("The new message."))


class SenderSchema(ResponseSchema):
    """The staff member who sent a message."""

    tables = (models.StaffMember,)
    uid = fields.String()
    full_name = fields.String()
    display_name = fields.String()
    email = fields.String()


class MessageSchema(ResponseSchema):
    """A message from the client or the business, with times in the business's time zone."""

    tables = (models.Message, models.Conversation)
    uid = fields.String()
    text = fields.String()
    sub_type = fields.Constant("text", **doc("Always `text` here."))
    data: fields.Constant[list[Any]] = fields.Constant([], **NO_OBJECTS)
    message_description = fields.String(attribute="title", **doc("The same as `title`."))
    appointment_title = fields.Constant(None, **doc("Always null here.", type="string"))
    title = fields.String()
    mail_delivered = fields.Constant(False, **doc("Always false here: no mail is sent."))
    mail_sent = fields.Boolean(**doc("Whether the business sent it by email.", True))
    mail_read = fields.Boolean()
    direction = fields.String(validate=one_of(Direction))
    created_at = responses.MessageTime()
    created_at_h = responses.MessageTimeText(
        attribute="created_at", **doc("The same, human-readable.")
    )
    updated_at = responses.MessageTime()
    conversation_uid = fields.String(**doc("The conversation's uid.", "89m2pnabgozdvd9f"))
    message_of = fields.Constant("message", **doc("Always `message` here."))
    message_type = responses.EnumLabel(
        MESSAGE_TYPE, attribute="direction", **doc("`system` if it is internal, else `user`.")
    )
    messageable = fields.Constant(
        None, **doc("Always null here.", type="object", additionalProperties=True)
    )
    documents: fields.Constant[list[Any]] = fields.Constant([], **NO_OBJECTS)
    attachments = fields.Constant(
        None, **doc("Always null here.", type="array", items={"type": "object"})
    )
    trust = fields.Constant(False, **doc("Always false here."))
    channels = fields.List(fields.String())
    channel_uid = fields.String()
    staff = fields.Nested(SenderSchema, allow_none=True, **doc("The sender; null for the client."))
    subject = fields.String(attribute="title", **doc("The same as `title`."))
    was_read = fields.Boolean()
    external_data: fields.Constant[dict[str, Any]] = fields.Constant(
        {}, **doc("Always empty here.")
    )


class ConversationNotFoundSchema(ResponseSchema):
    """vcita's response to an unknown conversation."""

    error = fields.String(**doc("The error message.", "Couldn't find Conversation"))
