"""Callers: the staff members of the tokens, in their sandboxes at the times of the requests."""

import hashlib
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import and_, bindparam, select

from database.statements import Query, Row
from models import Access, AccessToken, Business, Sandbox, StaffMember

SELECT_CALLER = Query(
    select(
        *Sandbox.__table__.columns,
        *(AccessToken.id, AccessToken.expires_at),
        *(StaffMember.id, StaffMember.uid, StaffMember.access),
        *(Business.id, Business.uid, Business.time_zone),
    )
    .outerjoin(
        AccessToken,
        and_(AccessToken.sandbox_id == Sandbox.id, AccessToken.digest == bindparam("digest")),
    )
    .outerjoin(StaffMember, StaffMember.id == AccessToken.staff_id)
    .outerjoin(Business, Business.id == StaffMember.business_id)
    .where(Sandbox.name == bindparam("sandbox"))
)


class AuthenticationFailed(LookupError):
    """The token is rejected; the message gives the reason in visible ASCII."""


class UnknownSandbox(AuthenticationFailed):
    """There is no sandbox of this name."""


class Caller(NamedTuple):
    """The staff member who sends a request, with the sandbox and the time of the request."""

    sandbox: Row
    staff: Row
    business: Row
    zone: tzinfo  # of the business
    now: datetime  # the time of the request: the sandbox's frozen time, or else the real one

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters of queries that find what the caller may see."""
        return {
            "business_id": self.business["id"],
            "staff_id": self.staff["id"],
            "sees_all": self.staff["access"] is Access.ALL,
        }


def hash_token(token: str) -> str:
    """Return the stored digest of a token: its SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def get_caller(connection: sa.Connection, token: str, sandbox: str) -> Caller:
    """Return the staff member that a token names in a sandbox; raise AuthenticationFailed."""
    row = SELECT_CALLER.first(connection, {"digest": hash_token(token), "sandbox": sandbox})
    if row is None:
        raise UnknownSandbox("The sandbox is unknown; only the demo's staff tokens create one.")
    sandbox_row, access_token, staff, business = row
    if access_token is None:
        raise AuthenticationFailed("The token is unknown.")
    now = datetime.now(UTC)  # a token expires by the real time, not by the sandbox's clock
    if access_token["expires_at"] is not None and access_token["expires_at"] <= now:
        raise AuthenticationFailed("The token has expired.")
    if staff is None:
        raise AuthenticationFailed("The token belongs to no staff member.")
    zone = ZoneInfo(business["time_zone"])
    return Caller(sandbox_row, staff, business, zone, sandbox_row["frozen_at"] or now)
