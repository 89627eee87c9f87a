"""The pages of a list: the rows of one, and the headers with the links to others."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import TypeVar
from urllib.parse import quote, urlencode

from conversations.folders import FOLDER_LISTS, ConversationList
from conversations.staff_conversation import StaffConversation
from database.connections import get_connection
from web.record import RequestRecord

Item = TypeVar("Item")


def read_page(
    record: RequestRecord, read: Callable[..., Sequence[Item]], count: Callable[[], int]
) -> Sequence[Item]:
    """Return the page of a list in the query of a request, and add the headers of a list."""
    number, size = record.query["page"], record.query["per_page"]
    rows = read(limit=size + 1, offset=(number - 1) * size)  # one more, to detect a next page
    pages = {"next": number + 1} if len(rows) > size else {}
    if number > 1:
        pages["prev"] = number - 1
    if pages:
        record.headers["Link"] = ", ".join(
            f'<{_find_address(record, page, size)}>; rel="{name}"' for name, page in pages.items()
        )
    if record.preferences.get("count") == "exact":
        record.applied.append("count=exact")
        record.headers["X-Total-Count"] = str(count())
    return rows[:size]


def _find_address(record: RequestRecord, number: int, size: int) -> str:
    request = record.request
    sent = request.args.items(multi=True)
    query = [(name, value) for name, value in sent if name not in ("page", "per_page")]
    query += [("page", str(number)), ("per_page", str(size))]
    return f"{record.origin}{quote(request.script_root + request.path)}?{urlencode(query)}"


def list_page(
    record: RequestRecord, conversations: ConversationList, **values: int
) -> Sequence[StaffConversation]:
    """Return the page of a list of conversations in the query of a request."""
    connection, caller = get_connection(), record.caller
    read = partial(conversations.read, connection, caller, **values)
    return read_page(record, read, partial(conversations.count, connection, caller, **values))


def list_page_of_folder(record: RequestRecord) -> Sequence[StaffConversation]:
    """Return the page of the caller's folder in the query of a request."""
    return list_page(record, FOLDER_LISTS.get(record.query["folder"], FOLDER_LISTS["all"]))
