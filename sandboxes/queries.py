"""What a sandbox holds beside its conversations: businesses, staff members and tokens."""

from sqlalchemy import bindparam, select

from database.statements import Query
from models import AccessToken, Business, StaffMember, TokenKind

OF_SANDBOX = Business.sandbox_id == bindparam("sandbox_id")
SELECT_BUSINESSES = Query(
    select(*Business.__table__.columns).where(OF_SANDBOX).order_by(Business.position)
)
SELECT_STAFF = Query(
    select(*StaffMember.__table__.columns)
    .join(Business, Business.id == StaffMember.business_id)
    .where(OF_SANDBOX)
    .order_by(Business.position, StaffMember.position)
)
_tokens = (
    select(*AccessToken.__table__.columns)
    .where(AccessToken.sandbox_id == bindparam("sandbox_id"))
    .order_by(AccessToken.digest)
)
SELECT_TOKENS = Query(_tokens)
SELECT_VALID_TOKENS = Query(
    _tokens.where(AccessToken.kind == TokenKind.STAFF, AccessToken.expires_at.is_(None))
)
