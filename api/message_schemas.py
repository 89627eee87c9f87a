"""JSON in and JSON out of messages."""

from typing import Any

from marshmallow import fields

from field_types.descriptions import about
from field_types.request_fields import RequestSchema, Text
from field_types.response_fields import (
    MessageTime,
    MessageTimeText,
    ResponseSchema,
    RowSchema,
    Word,
)
from models import Direction

MESSAGE_TYPE = dict.fromkeys(Direction, "user") | {Direction.INTERNAL: "system"}


class NewMessageSchema(RequestSchema):
    """A message to add."""

    error_messages = {"type": "It must be an object."}

    client_id = Text(required=True, metadata=about("The client's uid.", "affc25e71f6bd5cc"))
    text = Text(
        10_000,
        required=True,
        empty=False,
        metadata=about("The text, of 1 to 10,000 characters.", "Is Thursday free?"),
    )
    direction = Text(
        required=True,
        choices=(Direction.CLIENT_TO_BUSINESS, Direction.BUSINESS_TO_CLIENT),
        metadata=about("Who writes to whom.", "client_to_business"),
    )
    conversation_uid = Text(
        metadata=about(
            "The conversation that it goes to. Left out or null: the client's latest one that you"
            " may see, or else a new one.",
            "89m2pnabgozdvd9f",
        )
    )
    conversation_title = Text(
        255,
        metadata=about(
            "The title of a new conversation. Left out or null: the client's name.", "Thursday"
        ),
    )
    staff_id = Text(
        metadata=about(
            "The staff member who sends it for the business. Left out or null: you.",
            "5ya4gbwm2c3qoic8",
        )
    )
    channels = Text(
        255,
        metadata=about(
            "How the business sends it, with commas between the channels. Left out or null:"
            " `email,sms`. A message from the client always has `email`.",
            "email",
        ),
    )


class MessageCreationSchema(RequestSchema):
    """The message to add, under its name."""

    message = fields.Nested(
        NewMessageSchema,
        required=True,
        error_messages={
            "required": "It is required: send an object.",
            "null": "It must be an object, not null.",
        },
        metadata=about("The message."),
    )


class CreatedMessageSchema(RowSchema):
    """What there is to know of a new message."""

    id = fields.Integer(metadata=about("The number of its row.", 76))
    uid = fields.String(metadata=about("Its uid.", "jo4yol4564g3exsg"))
    conversation_uid = fields.String(
        metadata=about("The conversation that it went to.", "89m2pnabgozdvd9f")
    )


class MessageCreatedSchema(RowSchema):
    """The response to a new message."""

    status = fields.Constant("OK", metadata=about("Always `OK`."))
    data = fields.Nested(CreatedMessageSchema, metadata=about("The new message."))


class SenderSchema(RowSchema):
    """The staff member who sent a message."""

    uid = fields.String(metadata=about("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    full_name = fields.String(metadata=about("The whole name.", "Ram Almog"))
    display_name = fields.String(metadata=about("The name that is shown.", "Ram Almog"))
    email = fields.String(metadata=about("The email address.", "ram@physiotherapy.example"))


class MessageSchema(ResponseSchema):
    """A message: from the client, from the business, or an internal one."""

    # Where two fields show the same attribute, marshmallow wants one to be `dump_only`.
    uid = fields.String(
        attribute="message.uid", metadata=about("The message's uid.", "a2081062dc4e21cc")
    )
    text = fields.String(
        attribute="message.text",
        metadata=about("The text.", "Hello Jane! We do, every week. Does it hurt on stairs, too?"),
    )
    sub_type = fields.Constant("text", metadata=about("The kind of message: always text here."))
    data: fields.Constant[list[Any]] = fields.Constant(
        [], metadata=about("Always empty here.", items={"type": "object"})
    )
    message_description = fields.String(
        attribute="message.title",
        dump_only=True,
        metadata=about("The same as `title`.", "Jane Smith"),
    )
    appointment_title = fields.Constant(None, metadata=about("Always null here.", type="string"))
    title = fields.String(
        attribute="message.title",
        metadata=about("The conversation's title when it was written.", "Jane Smith"),
    )
    mail_delivered = fields.Constant(False, metadata=about("Always false here: no mail is sent."))
    mail_sent = fields.Boolean(metadata=about("Whether the business wrote it, and by email.", True))
    mail_read = fields.Boolean(
        attribute="message.mail_read", metadata=about("Whether the mail was read.", False)
    )
    direction = fields.String(
        attribute="message.direction",
        metadata=about(
            "Who wrote to whom; `internal`: the business to itself.",
            "business_to_client",
            enum=[str(direction) for direction in Direction],
        ),
    )
    created_at = MessageTime(
        attribute="message.created_at",
        metadata=about(
            "When it was written, in the business's time zone.", "2026-05-02T07:00:00.000+03:00"
        ),
    )
    created_at_h = MessageTimeText(
        attribute="message.created_at",
        dump_only=True,
        metadata=about("The same in words.", "May 2, 7:00 am"),
    )
    updated_at = MessageTime(
        attribute="message.updated_at",
        metadata=about("When it last changed.", "2026-05-02T07:00:00.000+03:00"),
    )
    conversation_uid = fields.String(
        attribute="conversation.uid", metadata=about("Its conversation.", "89m2pnabgozdvd9f")
    )
    message_of = fields.Constant("message", metadata=about("Always `message` here."))
    message_type = Word(
        MESSAGE_TYPE,
        attribute="message.direction",
        dump_only=True,
        metadata=about("`system` for an internal message, else `user`.", "user"),
    )
    messageable = fields.Constant(
        None,
        metadata=about("Always null here.", type="object", additionalProperties=True),
    )
    documents: fields.Constant[list[Any]] = fields.Constant(
        [], metadata=about("Always empty here.", items={"type": "object"})
    )
    attachments = fields.Constant(
        None, metadata=about("Always null here.", type="array", items={"type": "object"})
    )
    trust = fields.Constant(False, metadata=about("Always false here."))
    channels = fields.List(
        fields.String(),
        attribute="message.channels",
        metadata=about("How it was sent; empty for an internal message.", ["email"]),
    )
    channel_uid = fields.String(
        attribute="conversation.channel_uid",
        metadata=about("The conversation's channel.", "0c7ad9d7ffdce338"),
    )
    staff = fields.Nested(
        SenderSchema,
        allow_none=True,
        metadata=about("The staff member who wrote it; null if the client did."),
    )
    subject = fields.String(
        attribute="message.title",
        dump_only=True,
        metadata=about("The same as `title`.", "Jane Smith"),
    )
    was_read = fields.Boolean(
        attribute="message.was_read", metadata=about("Whether it was read.", False)
    )
    external_data: fields.Constant[dict[str, Any]] = fields.Constant(
        {}, metadata=about("Always empty here.")
    )


class ConversationNotFoundSchema(RowSchema):
    """What vcita responds where there is no such conversation."""

    error = fields.String(metadata=about("What is wrong.", "Couldn't find Conversation"))
