"""The fields of a state, as its JSON has them (`docs/state.md`)."""

from typing import Any

from marshmallow import ValidationError, fields, post_load

from database.statements import Row
from field_types.descriptions import doc
from field_types.error_texts import must_be
from field_types.request_fields import (
    NOT_EMPTY,
    Boolean,
    Integer,
    List,
    Nested,
    RequestSchema,
    String,
    one_of,
)
from field_types.state_fields import (
    MAX_NAME,
    Name,
    Time,
    TimeSpec,
    Uid,
    check_json,
    check_time_zone,
    find_digest,
)
from models import Access, FollowUpState

MAX_TEXT = 10_000
MAX_COUNT = 2**31 - 1
ACCESS = doc(
    "Whether they may see all conversations, or those that are assigned to them or that they"
    " collaborate on.",
    "all",
)


class StaffMemberState(RequestSchema):
    """A staff member, with the tokens to call as them."""

    uid = Uid(required=True, **doc("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    full_name = Name(**doc("The whole name.", "Ram Almog"))
    display_name = String(
        MAX_NAME, **doc("The name that is shown; left out: the whole name.", "Ram Almog")
    )
    email = String(
        MAX_TEXT, load_default="", **doc("The email address.", "ram@physiotherapy.example")
    )
    access = String(validate=[one_of(Access)], post_load=Access, load_default=Access.ALL, **ACCESS)
    tokens = List(
        String(post_load=find_digest),
        load_default=list,
        **doc(
            "Their tokens, in clear or as `sha256:` and the digest; they are shown as the latter.",
            ["sha256:86830996c27d8d61bc0c1e7ae32e39630fa2666a73ac3f23d9890caf97fdb7be"],
        ),
    )


class ClientState(RequestSchema):
    """A client of a business."""

    uid = Uid(required=True, **doc("The client's uid.", "affc25e71f6bd5cc"))
    first_name = Name(**doc("The first name.", "Jane"))
    last_name = String(MAX_NAME, load_default="", **doc("The last name.", "Smith"))
    email = String(MAX_TEXT, required=True, **doc("The email address.", "jane@example.com"))
    phone = String(MAX_TEXT, load_default="", **doc("The phone number.", "+972-51-612-8667"))
    spam = Boolean(load_default=False, **doc("Whether the client is marked as spam.", False))
    created_at = Time(
        load_default=TimeSpec,
        **doc("When the business got to know them; left out: now.", "2026-03-06T07:30:00.000000Z"),
    )


class CollaboratorState(RequestSchema):
    """A staff member on a conversation, with their follow-up."""

    staff = String(MAX_TEXT, required=True, **doc("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    follow_up_state = String(
        validate=[one_of(FollowUpState)],
        post_load=FollowUpState,
        load_default=FollowUpState.NONE,
        **doc("Whether they have a follow-up, or had one.", "active"),
    )
    follow_up_date = Time(
        load_default=None,
        **doc("When an active one is due, or null.", "2026-05-06T10:31:21.000000Z"),
    )
    follow_up_message = String(
        MAX_TEXT,
        load_default="",
        **doc("What to remember of an active one.", "call back about pricing"),
    )
    unread = Boolean(
        load_default=False, **doc("Whether the conversation is unread for them.", False)
    )


class MessageState(RequestSchema):
    """A message of a conversation."""

    sender = String(
        MAX_TEXT,
        data_key="from",
        required=True,
        **doc("Who wrote it: `client`, or a staff member's uid.", "client"),
    )
    text = String(
        MAX_TEXT,
        required=True,
        validate=[NOT_EMPTY],
        **doc("The text.", "Do you treat runner's knee?"),
    )
    internal = Boolean(load_default=False, **doc("Whether only the business sees it.", False))
    at = Time(
        load_default=TimeSpec,
        **doc("When it was written; left out: now.", "2026-05-05T05:18:00.000000Z"),
    )
    uid = Uid(**doc("Its uid; left out, one is made.", "c94840a08ed8f128"))
    title = String(MAX_TEXT, **doc("Its title; left out: the conversation's.", "Jane Smith"))
    channels = List(
        String(255),
        **doc("How it was sent; left out: by email, or for an internal one not at all.", ["email"]),
    )
    mail_read = Boolean(**doc("Whether the mail was read.", False))
    was_read = Boolean(**doc("Whether it was read.", False))


class MatterState(RequestSchema):
    """What a conversation is about."""

    uid = Uid(required=True, **doc("The matter's uid.", "mt7k2c9xq4wz1h5r"))
    title = String(MAX_TEXT, required=True, **doc("Its title.", "ACL rehabilitation 2026"))


class ConversationState(RequestSchema):
    """A conversation with its messages, and the staff members on it."""

    uid = Uid(required=True, **doc("The conversation's uid.", "89m2pnabgozdvd9f"))
    client = Name(
        **doc(
            "The client's uid, or a name: that client then, made if there is none.",
            "affc25e71f6bd5cc",
        )
    )
    staff = String(
        MAX_TEXT,
        **doc(
            "The uid of the staff member who is assigned to it; left out: the first.",
            "5ya4gbwm2c3qoic8",
        ),
    )
    title = String(MAX_TEXT, **doc("The title; left out: the client's name.", "Jane Smith"))
    archived = Boolean(**doc("Whether it is archived.", False))
    business_unread = Boolean(**doc("Whether it is unread for the business.", True))
    client_unread = Boolean(**doc("Whether it is unread for the client.", False))
    spam = Boolean(**doc("Whether it is marked as spam.", False))
    deleted = Boolean(  # a short way to write `deleted_at`
        load_only=True, **doc("Send true to have it softly deleted now.", False)
    )
    deleted_at = Time(allow_none=True, **doc("When it was softly deleted, or null.", None))
    mobile = Boolean(**doc("Whether it comes from a mobile device.", False))
    campaign = String(255, allow_none=True, **doc("The name of a campaign, or null.", "spring"))
    source = String(
        MAX_TEXT,
        allow_none=True,
        **doc("Where it comes from, or null.", "https://almog-physio.example/contact"),
    )
    source_data = fields.Dict(
        validate=check_json,
        error_messages=must_be("an object"),
        **doc("What is known of the source.", {"page": "Contact"}),
    )
    source_type = String(
        255, allow_none=True, **doc("The kind of the source, or null.", "contact_form")
    )
    sourceable_type = String(
        MAX_TEXT,
        allow_none=True,
        **doc("The kind of the record that it began with, or null.", None),
    )
    sourceable_id = String(
        MAX_TEXT, allow_none=True, **doc("The uid of the record that it began with, or null.", None)
    )
    matter = Nested(MatterState, allow_none=True, **doc("What it is about, or null."))
    matter_searchable = Boolean(**doc("Whether its matter can be searched for.", True))
    channel_uid = Uid(**doc("Its channel; left out, one is made.", "0c7ad9d7ffdce338"))
    merged_into = String(
        MAX_TEXT,
        load_default=None,
        **doc("The uid of the conversation that it was merged into, or null.", None),
    )
    message_count = Integer(0, MAX_COUNT, **doc("How many messages it has; left out: counted.", 1))
    sent = Boolean(**doc("Whether the business wrote to the client; left out: as it did.", False))
    received = Boolean(
        **doc("Whether the client wrote to the business; left out: as it did.", True)
    )
    last_user_action_at = Time(
        allow_none=True,
        **doc(
            "When the business last did something, or null; left out: as its messages say.", None
        ),
    )
    last_client_action_at = Time(
        allow_none=True,
        **doc(
            "When the client last wrote, or null; left out: as the messages say.",
            "2026-05-05T05:18:00.000000Z",
        ),
    )
    created_at = Time(
        **doc("When it began; left out: with its first message.", "2026-05-05T05:18:00.000000Z")
    )
    updated_at = Time(
        **doc(
            "When anything of it last changed; left out: with its last message.",
            "2026-05-05T05:18:00.000000Z",
        )
    )
    collaborators = List(
        Nested(CollaboratorState),
        load_default=list,
        **doc("The staff members on it, with their follow-ups."),
    )
    messages = List(Nested(MessageState), load_default=list, **doc("Its messages, oldest first."))

    @post_load
    def read_deleted(self, loaded: Row, **_options: Any) -> Row:
        """Load `deleted` as a time, now."""
        if "deleted" in loaded and "deleted_at" in loaded:
            raise ValidationError('Send either "deleted" or "deleted_at".', "deleted")
        if loaded.pop("deleted", False):
            loaded["deleted_at"] = TimeSpec()
        return loaded


class BusinessState(RequestSchema):
    """A business with all that belongs to it."""

    uid = Uid(required=True, **doc("The business's uid.", "4bq7ahdt1mfc0zkw"))
    name = Name(**doc("Its name.", "Almog Physiotherapy"))
    time_zone = String(
        MAX_TEXT,
        required=True,
        validate=[check_time_zone],
        **doc("The IANA name of its time zone.", "Asia/Jerusalem"),
    )
    staff = List(
        Nested(StaffMemberState), required=True, **doc("Its staff; the first is the default.")
    )
    clients = List(Nested(ClientState), load_default=list, **doc("Its clients."))
    conversations = List(Nested(ConversationState), load_default=list, **doc("Its conversations."))


class SandboxState(RequestSchema):
    """All content of a sandbox: businesses, or conversations of the demo's first business alone."""

    now = Time(
        allow_none=True,
        **doc(
            "Where its clock stands, or null if it runs; left out, the clock stays as it is.",
            "2026-05-05T07:30:00.000000Z",
        ),
    )
    businesses = List(Nested(BusinessState), **doc("The businesses."))
    conversations = List(  # is never shown
        Nested(ConversationState),
        load_only=True,
        **doc(
            "In place of businesses: conversations of the demo's first business; all else is as"
            " freshly seeded."
        ),
    )
