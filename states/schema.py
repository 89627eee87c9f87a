"""The fields of a state, as its JSON has them (`docs/state.md`)."""

from typing import Any

from marshmallow import ValidationError, post_load
from marshmallow.validate import Length

from database.statements import Row
from field_types.descriptions import about
from field_types.state_fields import (
    Boolean,
    Choice,
    Count,
    Items,
    JsonObject,
    Moment,
    Part,
    StateSchema,
    Text,
    Time,
    TimeZone,
    Token,
    Uid,
)
from models import Access, FollowUpState

LONGEST_NAME = 500  # characters of a part of a name
ACCESS = about(
    "Whether they may see all conversations, or those that are assigned to them or that they"
    " collaborate on.",
    "all",
)


class StaffMemberState(StateSchema):
    """A staff member, with the tokens to call as them."""

    uid = Uid(required=True, metadata=about("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    full_name = Text(
        LONGEST_NAME, required=True, empty=False, metadata=about("The whole name.", "Ram Almog")
    )
    display_name = Text(
        LONGEST_NAME,
        metadata=about("The name that is shown; left out: the whole name.", "Ram Almog"),
    )
    email = Text(load_default="", metadata=about("The email address.", "ram@physiotherapy.example"))
    access = Choice(
        Access,
        load_default=Access.ALL,
        metadata=ACCESS,
    )
    tokens = Items(
        Token(),
        load_default=list,
        metadata=about(
            "Their tokens, in clear or as `sha256:` and the digest; they are shown as the latter.",
            ["sha256:86830996c27d8d61bc0c1e7ae32e39630fa2666a73ac3f23d9890caf97fdb7be"],
        ),
    )


class ClientState(StateSchema):
    """A client of a business."""

    uid = Uid(required=True, metadata=about("The client's uid.", "affc25e71f6bd5cc"))
    first_name = Text(
        LONGEST_NAME, required=True, empty=False, metadata=about("The first name.", "Jane")
    )
    last_name = Text(LONGEST_NAME, load_default="", metadata=about("The last name.", "Smith"))
    email = Text(required=True, metadata=about("The email address.", "jane@example.com"))
    phone = Text(load_default="", metadata=about("The phone number.", "+972-51-612-8667"))
    spam = Boolean(
        load_default=False, metadata=about("Whether the client is marked as spam.", False)
    )
    created_at = Time(
        load_default=Moment,
        metadata=about(
            "When the business got to know them; left out: now.", "2026-03-06T07:30:00.000000Z"
        ),
    )


class CollaboratorState(StateSchema):
    """A staff member on a conversation, with their follow-up."""

    staff = Text(required=True, metadata=about("The staff member's uid.", "5ya4gbwm2c3qoic8"))
    follow_up_state = Choice(
        FollowUpState,
        load_default=FollowUpState.NONE,
        metadata=about("Whether they have a follow-up, or had one.", "active"),
    )
    follow_up_date = Time(
        load_default=None,
        allow_none=True,
        metadata=about("When an active one is due, or null.", "2026-05-06T10:31:21.000000Z"),
    )
    follow_up_message = Text(
        load_default="",
        metadata=about("What to remember of an active one.", "call back about pricing"),
    )
    unread = Boolean(
        load_default=False, metadata=about("Whether the conversation is unread for them.", False)
    )


class MessageState(StateSchema):
    """A message of a conversation."""

    sender = Text(
        data_key="from",
        required=True,
        metadata=about("Who wrote it: `client`, or a staff member's uid.", "client"),
    )
    text = Text(
        required=True,
        validate=Length(min=1, error="It must not be empty."),
        metadata=about("The text.", "Do you treat runner's knee?"),
    )
    internal = Boolean(
        load_default=False, metadata=about("Whether only the business sees it.", False)
    )
    at = Time(
        load_default=Moment,
        metadata=about("When it was written; left out: now.", "2026-05-05T05:18:00.000000Z"),
    )
    uid = Uid(metadata=about("Its uid; left out, one is made.", "c94840a08ed8f128"))
    title = Text(metadata=about("Its title; left out: the conversation's.", "Jane Smith"))
    channels = Items(
        Text(limit=255),
        metadata=about(
            "How it was sent; left out: by email, or for an internal one not at all.", ["email"]
        ),
    )
    mail_read = Boolean(metadata=about("Whether the mail was read.", False))
    was_read = Boolean(metadata=about("Whether it was read.", False))


class MatterState(StateSchema):
    """What a conversation is about."""

    uid = Uid(required=True, metadata=about("The matter's uid.", "mt7k2c9xq4wz1h5r"))
    title = Text(required=True, metadata=about("Its title.", "ACL rehabilitation 2026"))


class ConversationState(StateSchema):
    """A conversation with its messages, and the staff members on it."""

    uid = Uid(required=True, metadata=about("The conversation's uid.", "89m2pnabgozdvd9f"))
    client = Text(
        LONGEST_NAME,
        required=True,
        empty=False,
        metadata=about(
            "The client's uid, or a name: that client then, made if there is none.",
            "affc25e71f6bd5cc",
        ),
    )
    staff = Text(
        metadata=about(
            "The uid of the staff member who is assigned to it; left out: the first.",
            "5ya4gbwm2c3qoic8",
        )
    )
    title = Text(metadata=about("The title; left out: the client's name.", "Jane Smith"))
    archived = Boolean(metadata=about("Whether it is archived.", False))
    business_unread = Boolean(metadata=about("Whether it is unread for the business.", True))
    client_unread = Boolean(metadata=about("Whether it is unread for the client.", False))
    spam = Boolean(metadata=about("Whether it is marked as spam.", False))
    deleted = Boolean(  # a short way to write `deleted_at`
        load_only=True, metadata=about("Send true to have it softly deleted now.", False)
    )
    deleted_at = Time(allow_none=True, metadata=about("When it was softly deleted, or null.", None))
    mobile = Boolean(metadata=about("Whether it comes from a mobile device.", False))
    campaign = Text(
        255, allow_none=True, metadata=about("The name of a campaign, or null.", "spring")
    )
    source = Text(
        allow_none=True,
        metadata=about("Where it comes from, or null.", "https://almog-physio.example/contact"),
    )
    source_data = JsonObject(metadata=about("What is known of the source.", {"page": "Contact"}))
    source_type = Text(
        255, allow_none=True, metadata=about("The kind of the source, or null.", "contact_form")
    )
    sourceable_type = Text(
        allow_none=True,
        metadata=about("The kind of the record that it began with, or null.", None),
    )
    sourceable_id = Text(
        allow_none=True,
        metadata=about("The uid of the record that it began with, or null.", None),
    )
    matter = Part(MatterState, allow_none=True, metadata=about("What it is about, or null."))
    matter_searchable = Boolean(metadata=about("Whether its matter can be searched for.", True))
    channel_uid = Uid(metadata=about("Its channel; left out, one is made.", "0c7ad9d7ffdce338"))
    merged_into = Text(
        load_default=None,
        allow_none=True,
        metadata=about("The uid of the conversation that it was merged into, or null.", None),
    )
    message_count = Count(metadata=about("How many messages it has; left out: counted.", 1))
    sent = Boolean(
        metadata=about("Whether the business wrote to the client; left out: as it did.", False)
    )
    received = Boolean(
        metadata=about("Whether the client wrote to the business; left out: as it did.", True)
    )
    last_user_action_at = Time(
        allow_none=True,
        metadata=about(
            "When the business last did something, or null; left out: as its messages say.", None
        ),
    )
    last_client_action_at = Time(
        allow_none=True,
        metadata=about(
            "When the client last wrote, or null; left out: as the messages say.",
            "2026-05-05T05:18:00.000000Z",
        ),
    )
    created_at = Time(
        metadata=about(
            "When it began; left out: with its first message.", "2026-05-05T05:18:00.000000Z"
        )
    )
    updated_at = Time(
        metadata=about(
            "When anything of it last changed; left out: with its last message.",
            "2026-05-05T05:18:00.000000Z",
        )
    )
    collaborators = Items(
        Part(CollaboratorState),
        load_default=list,
        metadata=about("The staff members on it, with their follow-ups."),
    )
    messages = Items(
        Part(MessageState), load_default=list, metadata=about("Its messages, oldest first.")
    )

    @post_load
    def read_deleted(self, loaded: Row, **_options: Any) -> Row:
        """Load `deleted` as a time, now."""
        if "deleted" in loaded and "deleted_at" in loaded:
            raise ValidationError('Send either "deleted" or "deleted_at".', "deleted")
        if loaded.pop("deleted", False):
            loaded["deleted_at"] = Moment()
        return loaded


class BusinessState(StateSchema):
    """A business with all that belongs to it."""

    uid = Uid(required=True, metadata=about("The business's uid.", "4bq7ahdt1mfc0zkw"))
    name = Text(
        LONGEST_NAME, required=True, empty=False, metadata=about("Its name.", "Almog Physiotherapy")
    )
    time_zone = TimeZone(
        required=True, metadata=about("The IANA name of its time zone.", "Asia/Jerusalem")
    )
    staff = Items(
        Part(StaffMemberState),
        required=True,
        metadata=about("Its staff; the first is the default."),
    )
    clients = Items(Part(ClientState), load_default=list, metadata=about("Its clients."))
    conversations = Items(
        Part(ConversationState), load_default=list, metadata=about("Its conversations.")
    )


class SandboxState(StateSchema):
    """All content of a sandbox: businesses, or conversations of the demo's first business alone."""

    now = Time(
        allow_none=True,
        metadata=about(
            "Where its clock stands, or null if it runs; left out, the clock stays as it is.",
            "2026-05-05T07:30:00.000000Z",
        ),
    )
    businesses = Items(Part(BusinessState), metadata=about("The businesses."))
    conversations = Items(  # is never shown
        Part(ConversationState),
        load_only=True,
        metadata=about(
            "In place of businesses: conversations of the demo's first business; all else is as"
            " freshly seeded."
        ),
    )
