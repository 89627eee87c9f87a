"""Who calls: the staff member whose token a request has, and the time of that request."""

import hashlib
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from database.statements import Query
from models import Access, AccessToken, Business, Sandbox, StaffMember

# A token that names no staff member is left out by the join.
SELECT_CALLER = Query(
    select(
        *(StaffMember.id, StaffMember.access),
        *(Business.id, Business.uid, Business.time_zone),
        *(Sandbox.id, Sandbox.frozen_at),
        *(AccessToken.id, AccessToken.expires_at),
    )
    .join(AccessToken, AccessToken.staff_id == StaffMember.id)
    .join(Business, Business.id == StaffMember.business_id)
    .join(Sandbox, Sandbox.id == AccessToken.sandbox_id)
    .where(Sandbox.name == bindparam("sandbox"))
    .where(AccessToken.digest == bindparam("digest"))
)


class Caller(NamedTuple):
    """The staff member who sends a request, and the time of that request."""

    staff_id: int
    business_id: int
    business_uid: str
    sees_all: bool  # or else what is assigned to them or shared with them
    zone: tzinfo  # of the business
    now: datetime  # the time of the whole request: the sandbox's frozen time, or else the real one


def digest_of(token: str) -> str:
    """Return what is stored of a token: its SHA-256, in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def find_caller(connection: sa.Connection, token: str, sandbox: str) -> Caller | None:
    """Return the staff member that a token names, or None if it names none or has expired.

    A token expires by the real time, whatever the sandbox's clock says.
    """
    values = {"digest": digest_of(token), "sandbox": sandbox}
    row = SELECT_CALLER.first(connection, values)
    if row is None:
        return None
    staff_member, business, sandbox_row, access_token = row
    now = datetime.now(UTC)
    if access_token["expires_at"] is not None and access_token["expires_at"] <= now:
        return None
    return Caller(
        staff_id=staff_member["id"],
        business_id=business["id"],
        business_uid=business["uid"],
        sees_all=staff_member["access"] is Access.ALL,
        zone=ZoneInfo(business["time_zone"]),
        now=sandbox_row["frozen_at"] or now,
    )
