"""The pages of a list: which rows one has, and the headers that lead to the others."""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import quote, urlencode

from flask import Response, after_this_request, g, request

from conversations.folders import count_folder, list_folder
from conversations.staff_conversation import StaffConversation
from database.connections import get_connection
from followups import Fields
from web.request_loading import note_preference, read_preferences

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

    def cut(self, rows: Sequence[Item], count: Callable[[], int]) -> Sequence[Item]:
        """Return the rows of the page, and let the response name the pages beside it.

        With the preference `count=exact` it also says how many rows there are on all pages.
        """
        beside = {"next": self.number + 1} if len(rows) > self.size else {}
        if self.number > 1:
            beside["prev"] = self.number - 1
        links = ", ".join(
            f'<{self._find_address(to)}>; rel="{name}"' for name, to in beside.items()
        )
        total = None
        if read_preferences().get("count") == "exact":
            note_preference("count=exact")
            total = count()

        @after_this_request
        def add_headers(response: Response) -> Response:
            if links:
                response.headers["Link"] = links
            if total is not None:
                response.headers["X-Total-Count"] = str(total)
            return response

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


def take_page(query: Fields) -> Page:
    """Return the page that the fields of a query ask for, and leave the others."""
    return Page(query.pop("page"), query.pop("per_page"))


def list_page_of_folder(query: Fields) -> Sequence[StaffConversation]:
    """Return the page of the caller's folder that the fields of a query ask for."""
    page, folder, connection = take_page(query), query["folder"], get_connection()
    found = list_folder(connection, g.caller, folder, limit=page.limit, offset=page.offset)
    return page.cut(found, lambda: count_folder(connection, g.caller, folder))
