"""JSON in and JSON out of a conversation: what the PUT takes, and what is shown."""

from functools import partial
from typing import Any

from marshmallow import fields, post_load

from field_types.descriptions import doc
from field_types.request_fields import Explain, LenientBoolean, RequestSchema, Sent, String
from field_types.response_fields import (
    ActionText,
    ClientName,
    EnumLabel,
    FollowUpText,
    ResponseSchema,
    SourceTypeText,
    Time,
)
from followups import Fields, find_unused_fields
from models import Direction

# The request


class ConversationUpdateSchema(RequestSchema):
    """What to change. Every field is optional, and only fields that are sent count.

    Booleans may also be sent as `1`, `0`, `"1"`, `"0"`, or `"true"`, `"false"` in any case. Unknown
    fields are ignored; `X-Ignored` names them.
    """

    archived = LenientBoolean(
        **doc("Archive the conversation, or take it out of the archive.", True)
    )
    business_unread = LenientBoolean(
        **doc(
            "Mark it as unread or read for the business, and for you if you collaborate on it.",
            False,
        )
    )
    spam = LenientBoolean(**doc("Mark the conversation and its client as spam, or not.", False))
    deleted = LenientBoolean(**doc("Soft-delete it, or take that back.", False))
    campaign = String(
        255, allow_none=True, **doc("A name of your own for a campaign; stored.", "spring")
    )
    source_type = String(
        255, allow_none=True, **doc("Where the conversation comes from; stored.", "contact_form")
    )
    mobile = LenientBoolean(**doc("Whether it comes from a mobile device; stored.", False))
    follow_up = LenientBoolean(
        **doc("Create, update or remove your follow-up: see the table of the PUT.", True)
    )
    follow_up_date = String(  # read as a time only where it is used (`followups.parse_date`)
        allow_none=True,
        **doc(
            "When the reminder is due, which must be in the future: ISO 8601, what JavaScript's"
            " `String(date)` gives, and whatever else Ruby's `Time.parse` reads; UTC if it names no"
            " zone. It has to be absolute: of `tomorrow 10:00` only the hour is read. Null: no"
            " date. Only create and update read it.",
            "Mon May 06 2030 13:31:21 GMT+0300 (Israel Daylight Time)",
        ),
    )
    follow_up_message = String(
        10_000,
        allow_none=True,
        **doc(
            "What to remember. Null: nothing. Only create and update read it; without a date it"
            " also becomes an internal message of the conversation.",
            "call back about pricing",
        ),
    )
    complete_follow_up = LenientBoolean(
        **doc(
            "Whether the follow-up that is removed counts as completed. The response looks the"
            " same; `GET /__admin/state` shows the difference.",
            False,
        )
    )

    @post_load
    def read_null_message(self, loaded: Fields, **kwargs: Any) -> Fields:
        """Load null as an empty message."""
        if "follow_up_message" in loaded:
            loaded["follow_up_message"] = loaded["follow_up_message"] or ""
        return loaded

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


# The response

MESSAGE_OF = {
    Direction.CLIENT_TO_BUSINESS: "client",
    Direction.BUSINESS_TO_CLIENT: "staff",
    Direction.INTERNAL: "system",
}


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

    uid = fields.String(**doc("The client's uid.", "affc25e71f6bd5cc"))
    first_name = fields.String(**doc("The first name.", "Jane"))
    last_name = fields.String(**doc("The last name, or an empty string.", "Smith"))
    email = fields.String(**doc("The email address.", "jane@example.com"))


class ClientSchema(ClientSummarySchema):
    """A whole client of the business."""

    display_name = ClientName(
        attribute="first_name", **doc("The first and the last name.", "Jane Smith")
    )
    phone = fields.String(**doc("The phone number, or an empty string.", "+972-51-612-8667"))
    spam = fields.Boolean(**doc("Whether the client is marked as spam.", False))
    created_at = Time(**doc("When the business got to know them.", "2026-03-06T07:30:00Z"))


class MatterSchema(ResponseSchema):
    """What a conversation is about."""

    uid = fields.String(**doc("The matter's uid.", "mt7k2c9xq4wz1h5r"))
    title = fields.String(**doc("The matter's title.", "ACL rehabilitation 2026"))


class StaffSchema(ResponseSchema):
    """The staff member who is assigned to a conversation."""

    uid = fields.String(**doc("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    display_name = fields.String(**doc("The name that is shown.", "Ram Almog"))


class ConversationSchema(ResponseSchema):
    """A conversation as the calling staff member has it: the follow-up is theirs alone."""

    uid = fields.String(**doc("The conversation's uid.", "89m2pnabgozdvd9f"))
    title = fields.String(**doc("The title, at first the client's name.", "Jane Smith"))
    follow_up = fields.Boolean(**doc("Whether you have an active follow-up on it.", True))
    follow_up_date = Time(
        allow_none=True,
        **doc(
            "When it is due, in UTC; null without a date or without an active follow-up.",
            "2030-05-06T10:31:21Z",
        ),
    )
    follow_up_message = fields.String(
        **doc("What to remember; empty without an active follow-up.", "call back about pricing")
    )
    follow_up_text = FollowUpText(
        attribute="follow_up_date",
        **doc(
            "The follow-up in words, in the business's time zone; empty without an active one.",
            "Reminder set for May 6, 2030 at 1:31 PM",
        ),
    )
    business_unread = fields.Boolean(**doc("Whether it is unread for the business.", True))
    spam = fields.Boolean(**doc("Whether it is marked as spam.", False))
    archived = fields.Boolean(**doc("Whether it is archived.", False))
    sent = fields.Boolean(**doc("Whether the business wrote to the client.", True))
    received = fields.Boolean(**doc("Whether the client wrote to the business.", True))
    deleted = fields.Boolean(**doc("Whether it is soft-deleted.", False))
    matter_searchable = fields.Boolean(**doc("Whether its matter can be searched for.", True))
    last_user_action_at = Time(
        allow_none=True,
        **doc(
            "When the business last did something, a message or a change, in UTC; null if never.",
            "2026-05-05T07:30:00Z",
        ),
    )
    last_user_action_at_h = ActionText(
        attribute="last_user_action_at",
        **doc("The same in words, in the business's time zone; empty if never.", "Today, 10:30 AM"),
    )
    last_client_action_at = Time(
        allow_none=True, **doc("When the client last wrote; null if never.", "2026-05-05T05:18:00Z")
    )
    last_client_action_at_h = ActionText(
        attribute="last_client_action_at",
        **doc("The same in words, in the business's time zone; empty if never.", "Today, 8:18 AM"),
    )
    last_message = fields.Nested(
        LastMessageSchema, allow_none=True, **doc("The last message; null if there is none.")
    )
    depth = fields.Constant("shallow", **doc("How much is shown: `deep` with `full_client`."))
    message_count = fields.Integer(**doc("How many messages it has, internal ones, too.", 7))
    client = fields.Nested(ClientSummarySchema, **doc("The client."))
    staff = fields.Nested(StaffSchema, **doc("Who is assigned to it."))
    has_matter = fields.Boolean(**doc("Whether it has a matter.", False))
    matter = fields.Nested(
        MatterSchema, allow_none=True, **doc("What it is about; null without a matter.", None)
    )


class DeepConversationSchema(ConversationSchema):
    """A conversation with the whole client and its source (`full_client`)."""

    depth = fields.Constant("deep", **doc("How much is shown: `shallow` without `full_client`."))
    client = fields.Nested(ClientSchema, **doc("The whole client."))
    require_attention = fields.Boolean(
        attribute="business_unread",
        **doc("Whether somebody should look at it: the same as `business_unread`.", True),
    )
    source = fields.String(
        allow_none=True,
        **doc("Where it comes from, or null.", "https://almog-physio.example/contact"),
    )
    source_data = fields.Dict(
        **doc("What is known of the source.", {"page": "Contact", "form": "Ask us anything"})
    )
    source_type = fields.String(
        allow_none=True, **doc("The kind of the source, as it was sent, or null.", "contact_form")
    )
    source_type_h = SourceTypeText(
        attribute="source_type",
        allow_none=True,
        **doc("The kind of the source in words, or null.", "Contact form"),
    )
    sourceable_type = fields.String(
        allow_none=True, **doc("The kind of the record that it began with, or null.", None)
    )
    sourceable_id = fields.String(
        allow_none=True, **doc("The uid of the record that it began with, or null.", None)
    )
