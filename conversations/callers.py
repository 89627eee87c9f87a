"""Callers: the staff members of the tokens, in their sandboxes at the times of the requests."""

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import and_, bindparam, select

from database.statements import Query
from models import Access, AccessToken, Business, Sandbox, StaffMember

SELECT_CALLER = Query(
    select(
        *(Sandbox.id, Sandbox.frozen_at, Sandbox.fault_rules, Sandbox.last_used_at),
        *(Sandbox.generation, Sandbox.revision),
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

    sandbox: str  # its name
    sandbox_id: int
    generation: int  # of the sandbox, and so are the next three
    revision: int
    last_used_at: datetime
    fault_rules: Sequence[Mapping[str, Any]]
    staff_id: int
    staff_uid: str
    business_id: int
    business_uid: str
    sees_all: bool  # else only assigned and shared conversations
    zone: tzinfo  # of the business
    now: datetime  # the time of the request: the sandbox's frozen time, or else the real one

    @property
    def parameters(self) -> dict[str, Any]:
        """Return the parameters of queries that find what the caller may see."""
        return {
            "business_id": self.business_id,
            "staff_id": self.staff_id,
            "sees_all": self.sees_all,
        }


def hash_token(token: str) -> str:
    """Return the stored digest of a token: its SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def get_caller(connection: sa.Connection, token: str, sandbox: str) -> Caller:
    """Return the staff member that a token names in a sandbox; raise AuthenticationFailed."""
    row = SELECT_CALLER.first(connection, {"digest": hash_token(token), "sandbox": sandbox})
    if row is None:
        raise UnknownSandbox("The sandbox is unknown; only the demo's staff tokens create one.")
    sandbox_row, access_token, staff_member, business = row
    if access_token is None:
        raise AuthenticationFailed("The token is unknown.")
    now = datetime.now(UTC)  # a token expires by the real time, not by the sandbox's clock
    if access_token["expires_at"] is not None and access_token["expires_at"] <= now:
        raise AuthenticationFailed("The token has expired.")
    if staff_member is None:
        raise AuthenticationFailed("The token belongs to no staff member.")
    return Caller(
        sandbox=sandbox,
        sandbox_id=sandbox_row["id"],
        generation=sandbox_row["generation"],
        revision=sandbox_row["revision"],
        last_used_at=sandbox_row["last_used_at"],
        fault_rules=sandbox_row["fault_rules"],
        staff_id=staff_member["id"],
        staff_uid=staff_member["uid"],
        business_id=business["id"],
        business_uid=business["uid"],
        sees_all=staff_member["access"] is Access.ALL,
        zone=ZoneInfo(business["time_zone"]),
        now=sandbox_row["frozen_at"] or now,
    )
