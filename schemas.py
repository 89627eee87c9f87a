"""The shapes of what comes in and what goes out, with their limits; the rules are elsewhere."""

from typing import Any

from marshmallow import EXCLUDE, Schema, fields, post_load

from conversations.folders import FOLDERS
from conversations.staff_conversation import Changes
from field_types.fields import (
    ActionText,
    Flag,
    FollowUpText,
    MessageTime,
    MessageTimeText,
    PlatformTime,
    PositiveInteger,
    Presence,
    Shape,
    Text,
    Time,
    Word,
)
from models import Direction

Json = dict[str, Any] | list[Any]

# What comes in


class ConversationUpdateSchema(Schema):
    """The keys of a PUT; those that it lacks stay lacking."""

    class Meta:
        unknown = EXCLUDE  # as the vendor does

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
    def read_null_message(self, changes: Changes, **kwargs: Any) -> Changes:
        """Take null for the empty message."""
        if "follow_up_message" in changes:
            changes["follow_up_message"] = changes["follow_up_message"] or ""
        return changes


class NewMessageSchema(Schema):
    """The message of a POST."""

    error_messages = {"type": "It is no object: send an object."}

    class Meta:
        unknown = EXCLUDE

    client_id = Text(required=True)
    text = Text(10_000, required=True, empty=False)
    direction = Text(
        required=True, choices=(Direction.CLIENT_TO_BUSINESS, Direction.BUSINESS_TO_CLIENT)
    )
    conversation_uid = Text()
    conversation_title = Text(255)
    staff_id = Text()
    channels = Text(255)


class MessageCreationSchema(Schema):
    """The body of a POST: the message under its key."""

    class Meta:
        unknown = EXCLUDE

    message = fields.Nested(
        NewMessageSchema,
        required=True,
        error_messages={
            "required": "It is missing: send an object.",
            "null": "null is no object: send an object.",
        },
    )


class PageSchema(Schema):
    """The query of a list of conversations."""

    class Meta:
        unknown = EXCLUDE

    page = PositiveInteger(default=1, maximum=10**9)
    per_page = PositiveInteger(default=25, maximum=100)


class FolderPageSchema(PageSchema):
    folder = fields.String(
        load_default="all",
        metadata={"description": f"One of {', '.join(FOLDERS)}; any other is as if left out."},
    )


class ClientPageSchema(PageSchema):
    per_page = PositiveInteger(default=25, maximum=50)


class MessagePageSchema(PageSchema):
    per_page = PositiveInteger(default=20, maximum=100)
    last_update = Presence()


# What goes out; where two fields show the same attribute, marshmallow wants one `dump_only`.


MESSAGE_OF = {
    Direction.CLIENT_TO_BUSINESS: "client",
    Direction.BUSINESS_TO_CLIENT: "staff",
    Direction.INTERNAL: "system",
}
MESSAGE_TYPE = {
    Direction.CLIENT_TO_BUSINESS: "user",
    Direction.BUSINESS_TO_CLIENT: "user",
    Direction.INTERNAL: "system",
}


class LastMessageSchema(Shape):
    title = fields.String()
    text = fields.String()
    message_of = Word(MESSAGE_OF, attribute="direction")
    extra_data: fields.Constant[Json] = fields.Constant({})


class ClientSummarySchema(Shape):
    uid = fields.String()
    first_name = fields.String()
    last_name = fields.String()
    email = fields.String()


class ClientSchema(ClientSummarySchema):
    display_name = fields.String()
    phone = fields.String()
    spam = fields.Boolean()
    created_at = Time()


class MatterSchema(Shape):
    uid = fields.String()
    title = fields.String()


class StaffSchema(Shape):
    uid = fields.String()
    display_name = fields.String()


class SenderSchema(Shape):
    uid = fields.String()
    full_name = fields.String()
    display_name = fields.String()
    email = fields.String()


class ConversationSchema(Shape):
    """The vendor's representation of a conversation, from a thread."""

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
    deleted = fields.Boolean(attribute="conversation.is_deleted")
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
    client = fields.Nested(ClientSummarySchema, attribute="conversation.client")
    staff = fields.Nested(StaffSchema, attribute="conversation.staff")
    has_matter = fields.Boolean(attribute="conversation.has_matter")
    matter = fields.Nested(MatterSchema, attribute="conversation.matter", allow_none=True)


class DeepConversationSchema(ConversationSchema):
    """The representation with the whole client and the conversation's source (`full_client`)."""

    depth = fields.Constant("deep")
    client = fields.Nested(ClientSchema, attribute="conversation.client")
    require_attention = fields.Boolean(attribute="conversation.business_unread", dump_only=True)
    source = fields.String(attribute="conversation.source", allow_none=True)
    source_data = fields.Dict(attribute="conversation.source_data")
    source_type = fields.String(attribute="conversation.source_type", allow_none=True)
    source_type_h = fields.String(attribute="conversation.source_type_h", allow_none=True)
    sourceable_type = fields.String(attribute="conversation.sourceable_type", allow_none=True)
    sourceable_id = fields.String(attribute="conversation.sourceable_id", allow_none=True)


class PlatformConversationSchema(Shape):
    """The platform's representation of a conversation, from a thread."""

    business_id = fields.String(attribute="staff.business.uid")
    business_unread = fields.Boolean(attribute="conversation.business_unread")
    client_id = fields.String(attribute="conversation.client.uid")
    client_unread = fields.Boolean(attribute="conversation.client_unread")
    created_at = PlatformTime(attribute="conversation.created_at")
    deep_link = fields.String(attribute="conversation.deep_link")
    id = fields.String(attribute="conversation.uid")
    last_business_action = PlatformTime(
        attribute="conversation.last_user_action_at", allow_none=True
    )
    last_client_action = PlatformTime(
        attribute="conversation.last_client_action_at", allow_none=True
    )
    staff_id = fields.String(attribute="conversation.staff.uid")
    title = fields.String(attribute="conversation.title")
    updated_at = PlatformTime(attribute="conversation.updated_at")


class MessageSchema(Shape):
    """The vendor's representation of a message."""

    uid = fields.String()
    text = fields.String()
    sub_type = fields.Constant("text")
    data: fields.Constant[Json] = fields.Constant([])
    message_description = fields.String(attribute="title", dump_only=True)
    appointment_title = fields.Constant(None)
    title = fields.String()
    mail_delivered = fields.Constant(False)
    mail_sent = fields.Boolean()
    mail_read = fields.Constant(False)
    direction = fields.String(metadata={"enum": [str(direction) for direction in Direction]})
    created_at = MessageTime()
    created_at_h = MessageTimeText(attribute="created_at", dump_only=True)
    updated_at = MessageTime()
    conversation_uid = fields.String(attribute="conversation.uid")
    message_of = fields.Constant("message")
    message_type = Word(MESSAGE_TYPE, attribute="direction", dump_only=True)
    messageable = fields.Constant(None)
    documents: fields.Constant[Json] = fields.Constant([])
    attachments = fields.Constant(None)
    trust = fields.Constant(False)
    channels = fields.List(fields.String())
    channel_uid = fields.String(attribute="conversation.channel_uid")
    staff = fields.Nested(SenderSchema, allow_none=True)
    subject = fields.String(attribute="title", dump_only=True)
    was_read = fields.Constant(False)
    external_data: fields.Constant[Json] = fields.Constant({})


class ErrorSchema(Shape):
    code = fields.String()
    field = fields.String()
    message = fields.String()


class RefusalSchema(Shape):
    """The one body of refusals."""

    success = fields.Constant(False)
    errors = fields.List(fields.Nested(ErrorSchema))
