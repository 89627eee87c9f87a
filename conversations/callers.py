"""Who calls: the staff member whose token a request has, and the time of that request."""

import hashlib
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from database.statements import Query
from models import Access, AccessToken, Business, Sandbox, StaffMember

SELECT_CALLER = Query(
    select(
        *(AccessToken.id, AccessToken.expires_at),
        *(Sandbox.id, Sandbox.frozen_at),
        *(StaffMember.id, StaffMember.uid, StaffMember.access),
        *(Business.id, Business.uid, Business.time_zone),
    )
    .join(Sandbox, Sandbox.id == AccessToken.sandbox_id)
    .outerjoin(StaffMember, StaffMember.id == AccessToken.staff_id)
    .outerjoin(Business, Business.id == StaffMember.business_id)
    .where(Sandbox.name == bindparam("sandbox"))
    .where(AccessToken.digest == bindparam("digest"))
)


class NoCaller(LookupError):
    """A token by which nobody can call; the message says why, in a word or two."""


class Caller(NamedTuple):
    """The staff member who sends a request, and the time of that request."""

    sandbox: str
    staff_id: int
    staff_uid: str
    business_id: int
    business_uid: str
    sees_all: bool  # or else what is assigned to them or shared with them
    zone: tzinfo  # of the business
    now: datetime  # the time of the whole request: the sandbox's frozen time, or else the real one


def digest_of(token: str) -> str:
    """Return what is stored of a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def get_caller(connection: sa.Connection, token: str, sandbox: str) -> Caller:
    """Return the staff member that a token names in a sandbox; raise NoCaller if there is none.

    A token expires by the real time, whatever the sandbox's clock says.
    """
    row = SELECT_CALLER.first(connection, {"digest": digest_of(token), "sandbox": sandbox})
    if row is None:
        raise NoCaller("unknown")
    access_token, sandbox_row, staff_member, business = row
    now = datetime.now(UTC)
    if access_token["expires_at"] is not None and access_token["expires_at"] <= now:
        raise NoCaller("expired")
    if staff_member is None:
        raise NoCaller("no staff member")
    return Caller(
        sandbox=sandbox,
        staff_id=staff_member["id"],
        staff_uid=staff_member["uid"],
        business_id=business["id"],
        business_uid=business["uid"],
        sees_all=staff_member["access"] is Access.ALL,
        zone=ZoneInfo(business["time_zone"]),
        now=sandbox_row["frozen_at"] or now,
    )
