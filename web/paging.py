"""The pages of a list: the rows of one, and the headers that link to the others."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from flask import request

from conversations.folders import FOLDER_LISTS, ConversationList
from conversations.staff_conversation import StaffConversation
from database.connections import get_connection
from web.record import RequestRecord

Item = TypeVar("Item")


class Page(NamedTuple):
    """A page of a list, as a request asks for it."""

    number: int  # from 1
    size: int

    @property
    def offset(self) -> int:
        """Return how many rows come before the page."""
        return (self.number - 1) * self.size

    @property
    def limit(self) -> int:
        """Return how many rows to read: one more than the page has, which is on the next one."""
        return self.size + 1

    def paginate(
        self, record: RequestRecord, rows: Sequence[Item], count: Callable[[], int]
    ) -> Sequence[Item]:
        """Return the rows of the page; add the headers that link to the next and previous page.

        With the preference `count=exact` a header has the number of rows on all pages.
        """
        pages = {"next": self.number + 1} if len(rows) > self.size else {}
        if self.number > 1:
            pages["prev"] = self.number - 1
        if pages:
            record.headers["Link"] = ", ".join(
                f'<{self._find_address(number)}>; rel="{name}"' for name, number in pages.items()
            )
        if record.preferences.get("count") == "exact":
            record.apply_preference("count=exact")
            record.headers["X-Total-Count"] = str(count())
        return rows[: self.size]

    def _find_address(self, number: int) -> str:
        """Return the path and query of another page, otherwise as this one was asked for."""
        query = [
            (name, value)
            for name, value in request.args.items(multi=True)
            if name not in ("page", "per_page")
        ]
        query += [("page", str(number)), ("per_page", str(self.size))]
        return f"{quote(request.script_root + request.path)}?{urlencode(query)}"


def get_page(record: RequestRecord) -> Page:
    """Return the page that the query of a request asks for."""
    return Page(record.query["page"], record.query["per_page"])


def list_page(
    record: RequestRecord, conversations: ConversationList, **values: int
) -> Sequence[StaffConversation]:
    """Return the page of a list that the query of a request asks for."""
    page, connection, caller = get_page(record), get_connection(), record.caller
    found = conversations.read(connection, caller, limit=page.limit, offset=page.offset, **values)
    return page.paginate(record, found, lambda: conversations.count(connection, caller, **values))


def list_page_of_folder(record: RequestRecord) -> Sequence[StaffConversation]:
    """Return the page of the caller's folder that the query of a request asks for."""
    return list_page(record, FOLDER_LISTS.get(record.query["folder"], FOLDER_LISTS["all"]))
