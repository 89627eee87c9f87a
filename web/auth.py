"""Who is calling, and which conversations they may touch."""

from flask import g, request
from sqlalchemy import bindparam, select
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Forbidden, Unauthorized

from conversations.staff_conversation import Thread, find_thread
from database.statements import Query, connection, relate
from models import Access, AccessToken, Business, Staff
from web.errors import UnknownUid

# A token that names no staff is left out by the join.
STAFF_OF_TOKEN = Query(
    select(
        *(Staff.id, Staff.business_id, Staff.access),
        Business,
        *(AccessToken.id, AccessToken.expires_at),
    )
    .join(AccessToken, AccessToken.staff_id == Staff.id)
    .join(Staff.business)
    .where(AccessToken.digest == bindparam("digest"))
)


def authenticate() -> None:
    """Set `g.staff` to the staff that the bearer token names, or refuse with 401.

    A browser's preflight carries no token and needs none.
    """
    environ = request.environ
    if environ["REQUEST_METHOD"] == "OPTIONS":
        return
    scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
    staff = find_staff(token.strip()) if scheme.lower() == "bearer" else None
    if staff is None:
        raise Unauthorized("401 Unauthorized", www_authenticate=WWWAuthenticate("bearer"))
    g.staff = staff


def find_staff(text: str) -> Staff | None:
    """Return the staff that a token names, unless it has expired by their business's clock."""
    row = connection().first(STAFF_OF_TOKEN, {"digest": AccessToken.digest_of(text)})
    if row is None:
        return None
    staff: Staff
    staff, business, token = row
    relate(staff, business=business)
    return staff if token.expires_at is None or business.now() < token.expires_at else None


def open_thread(uid: str, staff: Staff, field: str) -> Thread:
    """Return a conversation as a staff has it; refuse with 404, naming the field, or with 403."""
    thread = find_thread(uid, staff)
    if thread is None:
        raise UnknownUid(field, "Invalid conversation_uid")
    check_access(thread)
    return thread


def check_access(thread: Thread) -> None:
    """Refuse with 403 unless the thread's staff may see and change the conversation.

    Staff who have access to what is assigned to them may also where they are a collaborator,
    whatever the state of their follow-up.
    """
    if not (
        thread.staff.access is Access.ALL
        or thread.conversation.staff_id == thread.staff.id
        or thread.collaborator is not None
    ):
        raise Forbidden("You are not authorized to perform this action.")
