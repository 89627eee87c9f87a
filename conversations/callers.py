"""Who calls: the staff member whose token a request has, and the time of that request."""

import hashlib
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy import bindparam, select

from database.statements import Query
from models import Access, AccessToken, Business, Sandbox, Staff

# A token that names no staff member is left out by the join.
STAFF_OF_TOKEN = Query(
    select(
        *(Staff.id, Staff.access),
        *(Business.id, Business.uid, Business.time_zone),
        *(Sandbox.id, Sandbox.frozen_at),
        *(AccessToken.id, AccessToken.expires_at),
    )
    .join(AccessToken, AccessToken.staff_id == Staff.id)
    .join(Business, Business.id == Staff.business_id)
    .join(Sandbox, Sandbox.id == AccessToken.sandbox_id)
    .where(Sandbox.name == bindparam("sandbox"))
    .where(AccessToken.digest == bindparam("digest"))
)


class Caller(NamedTuple):
    """A staff member with a request."""

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
    row = STAFF_OF_TOKEN.first(connection, values)
    if row is None:
        return None
    staff, business, home, access_token = row
    now = datetime.now(UTC)
    if access_token["expires_at"] is not None and access_token["expires_at"] <= now:
        return None
    return Caller(
        staff_id=staff["id"],
        business_id=business["id"],
        business_uid=business["uid"],
        sees_all=staff["access"] is Access.ALL,
        zone=ZoneInfo(business["time_zone"]),
        now=home["frozen_at"] or now,
    )
