"""JSON in and JSON out of messages."""

from typing import Any

from marshmallow import fields
from marshmallow.validate import OneOf

from field_types.descriptions import doc
from field_types.error_texts import VALUE
from field_types.request_fields import NOT_EMPTY, Nested, RequestSchema, String
from field_types.response_fields import EnumLabel, MessageTime, MessageTimeText, ResponseSchema
from models import Direction

WRONG_DIRECTION = f"It must be client_to_business or business_to_client, not {VALUE}."
MESSAGE_TYPE = dict.fromkeys(Direction, "user") | {Direction.INTERNAL: "system"}


class NewMessageSchema(RequestSchema):
    """A message to add."""

    client_id = String(required=True, **doc("The client's uid.", "affc25e71f6bd5cc"))
    text = String(
        10_000,
        required=True,
        validate=[NOT_EMPTY],
        **doc("The text, of 1 to 10,000 characters.", "Is Thursday free?"),
    )
    direction = String(
        required=True,
        validate=[
            OneOf(
                [Direction.CLIENT_TO_BUSINESS, Direction.BUSINESS_TO_CLIENT], error=WRONG_DIRECTION
            )
        ],
        **doc("Who writes to whom.", "client_to_business"),
    )
    conversation_uid = String(
        allow_none=True,
        **doc(
            "The conversation that it goes to. Left out or null: the client's latest one that you"
            " may see, or else a new one.",
            "89m2pnabgozdvd9f",
        ),
    )
    conversation_title = String(
        255,
        allow_none=True,
        **doc("The title of a new conversation. Left out or null: the client's name.", "Thursday"),
    )
    staff_id = String(
        allow_none=True,
        **doc(
            "The staff member who sends it for the business. Left out or null: you.",
            "5ya4gbwm2c3qoic8",
        ),
    )
    channels = String(
        255,
        allow_none=True,
        **doc(
            "How the business sends it, with commas between the channels. Left out or null:"
            " `email,sms`. A message from the client always has `email`.",
            "email",
        ),
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

    uid = fields.String(**doc("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    full_name = fields.String(**doc("The whole name.", "Ram Almog"))
    display_name = fields.String(**doc("The name that is shown.", "Ram Almog"))
    email = fields.String(**doc("The email address.", "ram@physiotherapy.example"))


class MessageSchema(ResponseSchema):
    """A message: from the client, from the business, or an internal one."""

    uid = fields.String(**doc("The message's uid.", "a2081062dc4e21cc"))
    text = fields.String(
        **doc("The text.", "Hello Jane! We do, every week. Does it hurt on stairs, too?")
    )
    sub_type = fields.Constant("text", **doc("The kind of message: always text here."))
    data: fields.Constant[list[Any]] = fields.Constant(
        [], **doc("Always empty here.", items={"type": "object"})
    )
    message_description = fields.String(
        attribute="title", **doc("The same as `title`.", "Jane Smith")
    )
    appointment_title = fields.Constant(None, **doc("Always null here.", type="string"))
    title = fields.String(**doc("The conversation's title when it was written.", "Jane Smith"))
    mail_delivered = fields.Constant(False, **doc("Always false here: no mail is sent."))
    mail_sent = fields.Boolean(**doc("Whether the business wrote it, and by email.", True))
    mail_read = fields.Boolean(**doc("Whether the mail was read.", False))
    direction = fields.String(
        **doc(
            "Who wrote to whom; `internal`: the business to itself.",
            "business_to_client",
            enum=[str(direction) for direction in Direction],
        )
    )
    created_at = MessageTime(
        **doc("When it was written, in the business's time zone.", "2026-05-02T07:00:00.000+03:00")
    )
    created_at_h = MessageTimeText(
        attribute="created_at", **doc("The same in words.", "May 2, 7:00 am")
    )
    updated_at = MessageTime(**doc("When it last changed.", "2026-05-02T07:00:00.000+03:00"))
    conversation_uid = fields.String(**doc("Its conversation.", "89m2pnabgozdvd9f"))
    message_of = fields.Constant("message", **doc("Always `message` here."))
    message_type = EnumLabel(
        MESSAGE_TYPE,
        attribute="direction",
        **doc("`system` for an internal message, else `user`.", "user"),
    )
    messageable = fields.Constant(
        None, **doc("Always null here.", type="object", additionalProperties=True)
    )
    documents: fields.Constant[list[Any]] = fields.Constant(
        [], **doc("Always empty here.", items={"type": "object"})
    )
    attachments = fields.Constant(
        None, **doc("Always null here.", type="array", items={"type": "object"})
    )
    trust = fields.Constant(False, **doc("Always false here."))
    channels = fields.List(
        fields.String(),
        attribute="channels",
        **doc("How it was sent; empty for an internal message.", ["email"]),
    )
    channel_uid = fields.String(**doc("The conversation's channel.", "0c7ad9d7ffdce338"))
    staff = fields.Nested(
        SenderSchema,
        allow_none=True,
        **doc("The staff member who wrote it; null if the client did."),
    )
    subject = fields.String(attribute="title", **doc("The same as `title`.", "Jane Smith"))
    was_read = fields.Boolean(**doc("Whether it was read.", False))
    external_data: fields.Constant[dict[str, Any]] = fields.Constant(
        {}, **doc("Always empty here.")
    )


class ConversationNotFoundSchema(ResponseSchema):
    """What vcita responds where there is no such conversation."""

    error = fields.String(**doc("What is wrong.", "Couldn't find Conversation"))
