"""JSON in and JSON out of vcita's API: conversations, lists of them, and messages."""

from functools import partial
from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

import models
from conversations.folders import FOLDERS
from field_types.request_fields import (
    NOT_EMPTY,
    Explain,
    LenientBoolean,
    Nested,
    QueryNumber,
    RequestSchema,
    Sent,
    String,
    explain_unknown,
    one_of,
)
from field_types.response_fields import (
    ActionText,
    ClientName,
    EnumLabel,
    FollowUpText,
    MessageTime,
    MessageTimeText,
    PlatformTime,
    ResponseSchema,
    SourceTypeText,
    Time,
)
from field_types.texts import VALUE, doc
from followups import Fields, find_unused_fields
from models import Direction


class ConversationUpdateSchema(RequestSchema):
    """What to change. Every field is optional, and only fields that are sent count.

    Booleans may also be sent as `1`, `0`, `"1"`, `"0"`, or `"true"`, `"false"` in any case. Unknown
    fields are ignored; `X-Ignored` names them.
    """

    tables = (models.Conversation, models.Collaborator)
    archived = LenientBoolean(**doc("Archive it, or take it out of the archive.", True))
    business_unread = LenientBoolean(
        **doc("Mark it as unread or read for the business, and for you if you collaborate on it.")
    )
    spam = LenientBoolean(**doc("Mark the conversation and its client as spam, or not."))
    deleted = LenientBoolean(**doc("Soft-delete it, or take that back.", False))
    campaign = String(255, allow_none=True)
    source_type = String(255, allow_none=True)
    mobile = LenientBoolean()
    follow_up = LenientBoolean(
        **doc("Create, update or remove your follow-up: see the table of the PUT.", True)
    )
    follow_up_date = String(  # read as a time only where it is used (`followups.parse_date`)
        allow_none=True,
        **doc(
            "When the reminder is due, which must be in the future: ISO 8601, JavaScript's"
            " `String(date)`, and all else that Ruby's `Time.parse` reads; UTC if it names no zone."
            " It has to be absolute: of `tomorrow 10:00` only the hour is read. Null: no date. Only"
            " create and update read it.",
            "Mon May 06 2030 13:31:21 GMT+0300 (Israel Daylight Time)",
        ),
    )
    follow_up_message = String(
        10_000,
        allow_none=True,
        pre_load=lambda text: "" if text is None else text,
        **doc(
            "What to remember. Null: nothing. Only create and update read it; without a date it"
            " also becomes an internal message of the conversation."
        ),
    )
    complete_follow_up = LenientBoolean(
        **doc("Whether a removed follow-up is completed, as `GET /__admin/state` shows.", False)
    )

    def ignored_reason(self, name: str, sent: Sent, loaded: Fields) -> Explain | None:
        """Also explain the follow-up fields that this request can't use, where that can be told."""
        decides = ["follow_up", "archived"] if loaded.get("follow_up", True) else ["follow_up"]
        if "follow_up" not in sent or loaded.keys() >= sent.keys() & {*decides}:
            when, unused = find_unused_fields(loaded)
            if name in unused:
                return partial('"{}" has no effect {}.'.format, name, when)
        return super().ignored_reason(name, sent, loaded)


class ConversationQuerySchema(RequestSchema):
    """The query of one conversation."""

    full_client = fields.Raw(
        post_load=lambda word: word.lower() in ("true", "1"),
        **doc(
            "Whether to show the whole client and the source (`depth` is then `deep`). `1` means"
            " true, too; anything else means false.",
            False,
            type="boolean",
        ),
    )


MESSAGE_OF = {
    Direction.CLIENT_TO_BUSINESS: "client",
    Direction.BUSINESS_TO_CLIENT: "staff",
    Direction.INTERNAL: "system",
}
TIME_TEXT = doc("The same in words, in the business's time zone; empty if never.")


class LastMessageSchema(ResponseSchema):
    """The last message of a conversation, in short."""

    title = fields.String(**doc("Its title.", "Jane Smith"))
    text = fields.String(**doc("Its text.", "Sounds good, see you then."))
    message_of = EnumLabel(
        MESSAGE_OF,
        attribute="direction",
        **doc("Who wrote it: `system` stands for an internal message.", "client"),
    )
    extra_data: fields.Constant[dict[str, Any]] = fields.Constant({}, **doc("Always empty here."))


class ClientSummarySchema(ResponseSchema):
    """A client of the business, in short."""

    tables = (models.Client,)
    uid = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()


class ClientSchema(ClientSummarySchema):
    """A client of the business."""

    display_name = ClientName(attribute="first_name", **doc("The full name.", "Jane Smith"))
    phone = fields.String()
    spam = fields.Boolean()
    created_at = Time()


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
    """A conversation as the calling staff member has it: the follow-up is theirs alone."""

    tables = (models.Conversation, models.Collaborator)
    uid = fields.String()
    title = fields.String()
    follow_up = fields.Boolean(**doc("Whether you have an active follow-up on it.", True))
    follow_up_date = Time(allow_none=True)
    follow_up_message = fields.String()
    follow_up_text = FollowUpText(
        attribute="follow_up_date",
        **doc(
            "The follow-up in words, in the business's time zone; empty without an active one.",
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
    last_user_action_at = Time(allow_none=True)
    last_user_action_at_h = ActionText(attribute="last_user_action_at", **TIME_TEXT)
    last_client_action_at = Time(allow_none=True)
    last_client_action_at_h = ActionText(attribute="last_client_action_at", **TIME_TEXT)
    last_message = fields.Nested(LastMessageSchema, allow_none=True, **doc("The last message."))
    depth = fields.Constant("shallow", **doc("How much is shown: `deep` with `full_client`."))
    message_count = fields.Integer()
    client = fields.Nested(ClientSummarySchema, **doc("The client."))
    staff = fields.Nested(StaffSchema, **doc("Who is assigned to it."))
    has_matter = fields.Boolean(**doc("Whether it has a matter.", False))
    matter = fields.Nested(MatterSchema, allow_none=True, **doc("Its subject, or null.", None))


class DeepConversationSchema(ConversationSchema):
    """A conversation with the full client and its source (`full_client`)."""

    depth = fields.Constant("deep", **doc("How much is shown: `shallow` without `full_client`."))
    client = fields.Nested(ClientSchema, **doc("The full client."))
    require_attention = fields.Boolean(
        attribute="business_unread", **doc("The same as `business_unread`.")
    )
    source = fields.String(allow_none=True)
    source_data = fields.Dict()
    source_type = fields.String(allow_none=True)
    source_type_h = SourceTypeText(
        attribute="source_type", allow_none=True, **doc("The kind of the source in words.")
    )
    sourceable_type = fields.String(allow_none=True)
    sourceable_id = fields.String(allow_none=True)


LATEST_FIRST = doc("The conversations, latest action first.")
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
        **doc("Whether to list only the messages of the last minute.", False, type="boolean"),
    )


class ConversationListSchema(ResponseSchema):
    """A page of conversations."""

    data = fields.List(fields.Nested(ConversationSchema), **LATEST_FIRST)


class PlatformConversationSchema(ResponseSchema):
    """A conversation as the platform API shows it."""

    tables = (models.Conversation,)
    business_id = fields.String(
        attribute="business_uid", **doc("The business's uid.", "4bq7ahdt1mfc0zkw")
    )
    business_unread = fields.Boolean()
    client_id = fields.String(attribute="client_uid", **doc("Its client.", "affc25e71f6bd5cc"))
    client_unread = fields.Boolean()
    created_at = PlatformTime()
    deep_link = fields.String(**doc("Its path at vcita.", "/app/conversations/89m2pnabgozdvd9f"))
    id = fields.String(attribute="uid")
    last_business_action = PlatformTime(attribute="last_user_action_at", allow_none=True)
    last_client_action = PlatformTime(attribute="last_client_action_at", allow_none=True)
    staff_id = fields.String(attribute="staff_uid", **doc("Its assignee.", "5ya4gbwm2c3qoic8"))
    title = fields.String()
    updated_at = PlatformTime()


class PlatformConversationPageSchema(ResponseSchema):
    """The conversations of a page, under their name."""

    conversations = fields.List(fields.Nested(PlatformConversationSchema), **LATEST_FIRST)


class PlatformConversationListSchema(ResponseSchema):
    """A page of conversations in the platform's form."""

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
        **doc("Who writes to whom.", "client_to_business"),
    )
    conversation_uid = String(
        allow_none=True,
        **doc("By default the client's latest that you may see, or a new one.", "89m2pnabgozdvd9f"),
    )
    conversation_title = String(
        255, allow_none=True, **doc("The title of the conversation from now on.", "Thursday")
    )
    staff_id = String(allow_none=True, **doc("The sender, by default you.", "5ya4gbwm2c3qoic8"))
    channels = String(
        255,
        allow_none=True,
        **doc("How the business sends it, with commas, by default `email,sms`.", "email"),
    )


class MessageCreationSchema(RequestSchema):
    """The message to add, under its name."""

    message = Nested(NewMessageSchema, required=True, **doc("The message."))


class CreatedMessageSchema(ResponseSchema):
    """What there is to know of a new message."""

    id = fields.Integer(**doc("The number of its row.", 76))
    uid = fields.String(**doc("Its uid.", "jo4yol4564g3exsg"))
    conversation_uid = fields.String(**doc("The conversation that it went to.", "89m2pnabgozdvd9f"))


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
    """A message: from the client, from the business, or an internal one.

    Its times are in the business's time zone.
    """

    tables = (models.Message, models.Conversation)
    uid = fields.String()
    text = fields.String()
    sub_type = fields.Constant("text", **doc("The kind of message: always text here."))
    data: fields.Constant[list[Any]] = fields.Constant([], **NO_OBJECTS)
    message_description = fields.String(attribute="title", **doc("The same as `title`."))
    appointment_title = fields.Constant(None, **doc("Always null here.", type="string"))
    title = fields.String()
    mail_delivered = fields.Constant(False, **doc("Always false here: no mail is sent."))
    mail_sent = fields.Boolean(**doc("Whether the business wrote it, and by email.", True))
    mail_read = fields.Boolean()
    direction = fields.String(validate=one_of(Direction))
    created_at = MessageTime()
    created_at_h = MessageTimeText(attribute="created_at", **doc("The same in words."))
    updated_at = MessageTime()
    conversation_uid = fields.String(**doc("Its conversation.", "89m2pnabgozdvd9f"))
    message_of = fields.Constant("message", **doc("Always `message` here."))
    message_type = EnumLabel(
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
    staff = fields.Nested(SenderSchema, allow_none=True, **doc("Who wrote it; null: the client."))
    subject = fields.String(attribute="title", **doc("The same as `title`."))
    was_read = fields.Boolean()
    external_data: fields.Constant[dict[str, Any]] = fields.Constant(
        {}, **doc("Always empty here.")
    )


class ConversationNotFoundSchema(ResponseSchema):
    """What vcita responds where there is no such conversation."""

    error = fields.String(**doc("What is wrong.", "Couldn't find Conversation"))
