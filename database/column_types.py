"""The types of columns: how each value is stored."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa


class UTCDateTime(sa.TypeDecorator[datetime]):
    """An aware time: stored as UTC, so that SQL can compare it, and read back as aware UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> datetime | None:
        if value is not None and value.tzinfo is None:
            raise ValueError(f"{value} has no time zone, so it can't be stored.")
        return value and value.astimezone(UTC)

    def result_processor(self, dialect: sa.Dialect, coltype: Any) -> Callable[[Any], Any]:
        """Return what makes an aware time of a stored one; a method less for each than usual."""
        read: Any = self.impl_instance.result_processor(dialect, coltype) or (lambda value: value)

        def process(value: Any) -> datetime | None:
            if value is None:
                return None
            time: datetime = read(value)
            return time.replace(tzinfo=UTC) if time.tzinfo is None else time.astimezone(UTC)

        return process


class Uid(sa.TypeDecorator[str]):
    """A uid, in the order of its characters' codes; no stored one has a NUL."""

    impl = sa.String(collation="C").with_variant(sa.String(), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value and value.replace("\0", "\ufffd")  # which PostgreSQL can look for
