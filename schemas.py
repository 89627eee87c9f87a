"""JSON in and JSON out: the fields of every request and response, with their types and limits."""

from functools import partial
from typing import Any

from marshmallow import Schema, fields, post_load

from conversations.folders import FOLDERS
from field_types.request_fields import (
    Explain,
    Flag,
    PositiveInteger,
    RequestSchema,
    Sent,
    Switch,
    Text,
    explain_unknown,
)
from field_types.response_fields import (
    ActionText,
    ClientName,
    FollowUpText,
    IsSet,
    MessageTime,
    MessageTimeText,
    PlatformTime,
    ResponseSchema,
    RowSchema,
    SourceTypeText,
    Time,
    Word,
)
from followups import Fields, find_unused_fields
from models import Direction

Json = dict[str, Any] | list[Any]

# Requests


class ConversationUpdateSchema(RequestSchema):
    """The body of a PUT."""

    archived = Flag()
    business_unread = Flag()
    spam = Flag()
    deleted = Flag()
    campaign = Text(255)
    source_type = Text(255)
    mobile = Flag()
    follow_up = Flag()
    follow_up_date = Text()  # read as a time only where it is used (`followups.read_date`)
    follow_up_message = Text(10_000)
    complete_follow_up = Flag()

    @post_load
    def read_null_message(self, loaded: Fields, **kwargs: Any) -> Fields:
        """Load null as an empty message."""
        if "follow_up_message" in loaded:
            loaded["follow_up_message"] = loaded["follow_up_message"] or ""
        return loaded

    def explain_ignored(self, name: str, sent: Sent, loaded: Fields) -> Explain | None:
        """Also explain the follow-up fields that this request can't use, where that can be told."""
        decides = ["follow_up", "archived"] if loaded.get("follow_up", True) else ["follow_up"]
        if "follow_up" not in sent or loaded.keys() >= sent.keys() & {*decides}:
            when, unused = find_unused_fields(loaded)
            if name in unused:
                return partial('"{}" has no effect {}.'.format, name, when)
        return super().explain_ignored(name, sent, loaded)


class NewMessageSchema(RequestSchema):
    """The message of a POST."""

    error_messages = {"type": "It must be an object."}

    client_id = Text(required=True)
    text = Text(10_000, required=True, empty=False)
    direction = Text(
        required=True, choices=(Direction.CLIENT_TO_BUSINESS, Direction.BUSINESS_TO_CLIENT)
    )
    conversation_uid = Text()
    conversation_title = Text(255)
    staff_id = Text()
    channels = Text(255)


class MessageCreationSchema(RequestSchema):
    """The body of a POST: the message under its name."""

    message = fields.Nested(
        NewMessageSchema,
        required=True,
        error_messages={
            "required": "It is required: send an object.",
            "null": "It must be an object, not null.",
        },
    )


class ConversationQuerySchema(RequestSchema):
    """The query of one conversation."""

    full_client = Switch(
        {"true", "1"},
        is_on=True,
        description="`true` or `1` shows the whole client and the source.",
    )


class PageSchema(RequestSchema):
    """The query of a list."""

    page = PositiveInteger(default=1, maximum=10**9)
    per_page = PositiveInteger(default=25, maximum=100)


class FolderPageSchema(PageSchema):
    """The query of a folder."""

    folder = fields.String(
        load_default="all",
        metadata={"description": f"One of {', '.join(FOLDERS)}; any other is as if left out."},
    )

    def explain_ignored(self, name: str, sent: Sent, loaded: Fields) -> Explain | None:
        """Also explain an unknown folder."""
        folder = sent[name]
        if name == "folder" and folder and folder not in FOLDERS:
            return partial(explain_unknown, folder, "not a folder", list(FOLDERS))
        return super().explain_ignored(name, sent, loaded)


class ClientPageSchema(PageSchema):
    """The query of a client's conversations."""

    per_page = PositiveInteger(default=25, maximum=50)


class MessagePageSchema(PageSchema):
    """The query of a conversation's messages."""

    per_page = PositiveInteger(default=20, maximum=100)
    last_update = Switch(
        {"", "0", "false"}, is_on=False, description="Only the messages of the last minute."
    )


# Responses; where two fields show the same attribute, marshmallow wants one to be `dump_only`.

MESSAGE_OF = {
    Direction.CLIENT_TO_BUSINESS: "client",
    Direction.BUSINESS_TO_CLIENT: "staff",
    Direction.INTERNAL: "system",
}
MESSAGE_TYPE = dict.fromkeys(Direction, "user") | {Direction.INTERNAL: "system"}


class LastMessageSchema(RowSchema):
    """The last message of a conversation."""

    title = fields.String()
    text = fields.String()
    message_of = Word(MESSAGE_OF, attribute="direction")
    extra_data: fields.Constant[Json] = fields.Constant({})


class ClientSummarySchema(RowSchema):
    """A client, in short."""

    uid = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()


class ClientSchema(ClientSummarySchema):
    """A whole client."""

    display_name = ClientName(attribute="first_name", dump_only=True)
    phone = fields.String()
    spam = fields.Boolean()
    created_at = Time()


class MatterSchema(RowSchema):
    """What a conversation is about."""

    uid = fields.String()
    title = fields.String()


class StaffSchema(RowSchema):
    """The staff member who is assigned to a conversation."""

    uid = fields.String()
    display_name = fields.String()


class SenderSchema(RowSchema):
    """The staff member who sent a message."""

    uid = fields.String()
    full_name = fields.String()
    display_name = fields.String()
    email = fields.String()


class ConversationSchema(ResponseSchema):
    """A conversation as the calling staff member has it."""

    uid = fields.String(attribute="conversation.uid")
    title = fields.String(attribute="conversation.title")
    follow_up = fields.Boolean()
    follow_up_date = Time(allow_none=True)
    follow_up_message = fields.String()
    follow_up_text = FollowUpText(attribute="follow_up_date", dump_only=True)
    business_unread = fields.Boolean(attribute="conversation.business_unread")
    spam = fields.Boolean(attribute="conversation.spam")
    archived = fields.Boolean(attribute="conversation.archived")
    sent = fields.Boolean(attribute="conversation.sent")
    received = fields.Boolean(attribute="conversation.received")
    deleted = IsSet(attribute="conversation.deleted_at")
    matter_searchable = fields.Boolean(attribute="conversation.matter_searchable")
    last_user_action_at = Time(attribute="conversation.last_user_action_at", allow_none=True)
    last_user_action_at_h = ActionText(attribute="conversation.last_user_action_at", dump_only=True)
    last_client_action_at = Time(attribute="conversation.last_client_action_at", allow_none=True)
    last_client_action_at_h = ActionText(
        attribute="conversation.last_client_action_at", dump_only=True
    )
    last_message = fields.Nested(LastMessageSchema, allow_none=True)
    depth = fields.Constant("shallow")
    message_count = fields.Integer(attribute="conversation.message_count")
    client = fields.Nested(ClientSummarySchema)
    staff = fields.Nested(StaffSchema)
    has_matter = IsSet(attribute="conversation.matter_uid")
    matter = fields.Nested(MatterSchema, allow_none=True)


class DeepConversationSchema(ConversationSchema):
    """A conversation with the whole client and its source (`full_client`)."""

    depth = fields.Constant("deep")
    client = fields.Nested(ClientSchema)
    require_attention = fields.Boolean(attribute="conversation.business_unread", dump_only=True)
    source = fields.String(attribute="conversation.source", allow_none=True)
    source_data = fields.Dict(attribute="conversation.source_data")
    source_type = fields.String(attribute="conversation.source_type", allow_none=True)
    source_type_h = SourceTypeText(
        attribute="conversation.source_type", allow_none=True, dump_only=True
    )
    sourceable_type = fields.String(attribute="conversation.sourceable_type", allow_none=True)
    sourceable_id = fields.String(attribute="conversation.sourceable_id", allow_none=True)


class PlatformConversationSchema(ResponseSchema):
    """A conversation as the platform API shows it."""

    business_id = fields.String(attribute="business_uid")
    business_unread = fields.Boolean(attribute="conversation.business_unread")
    client_id = fields.String(attribute="client.uid")
    client_unread = fields.Boolean(attribute="conversation.client_unread")
    created_at = PlatformTime(attribute="conversation.created_at")
    deep_link = fields.String()
    id = fields.String(attribute="conversation.uid")
    last_business_action = PlatformTime(
        attribute="conversation.last_user_action_at", allow_none=True
    )
    last_client_action = PlatformTime(
        attribute="conversation.last_client_action_at", allow_none=True
    )
    staff_id = fields.String(attribute="staff.uid")
    title = fields.String(attribute="conversation.title")
    updated_at = PlatformTime(attribute="conversation.updated_at")


class MessageSchema(ResponseSchema):
    """A message."""

    uid = fields.String(attribute="message.uid")
    text = fields.String(attribute="message.text")
    sub_type = fields.Constant("text")
    data: fields.Constant[Json] = fields.Constant([])
    message_description = fields.String(attribute="message.title", dump_only=True)
    appointment_title = fields.Constant(None)
    title = fields.String(attribute="message.title")
    mail_delivered = fields.Constant(False)
    mail_sent = fields.Boolean()
    mail_read = fields.Boolean(attribute="message.mail_read")
    direction = fields.String(
        attribute="message.direction",
        metadata={"enum": [str(direction) for direction in Direction]},
    )
    created_at = MessageTime(attribute="message.created_at")
    created_at_h = MessageTimeText(attribute="message.created_at", dump_only=True)
    updated_at = MessageTime(attribute="message.updated_at")
    conversation_uid = fields.String(attribute="conversation.uid")
    message_of = fields.Constant("message")
    message_type = Word(MESSAGE_TYPE, attribute="message.direction", dump_only=True)
    messageable = fields.Constant(None)
    documents: fields.Constant[Json] = fields.Constant([])
    attachments = fields.Constant(None)
    trust = fields.Constant(False)
    channels = fields.List(fields.String(), attribute="message.channels")
    channel_uid = fields.String(attribute="conversation.channel_uid")
    staff = fields.Nested(SenderSchema, allow_none=True)
    subject = fields.String(attribute="message.title", dump_only=True)
    was_read = fields.Boolean(attribute="message.was_read")
    external_data: fields.Constant[Json] = fields.Constant({})


class ErrorDetailSchema(Schema):
    """What is wrong, and with which field if one is at fault."""

    code = fields.String()
    field = fields.String()
    message = fields.String()


class ErrorResponseSchema(Schema):
    """The body of every error response."""

    success = fields.Constant(False)
    errors = fields.List(fields.Nested(ErrorDetailSchema))
