"""The types of columns: how each value is stored."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import sqlalchemy as sa


class UTCDateTime(sa.TypeDecorator[datetime]):
    """An aware time, stored and read as UTC, so that SQL can compare it."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        """Return a function that converts an aware time to a stored one."""
        if dialect.name == "sqlite":
            return lambda value: value and _format_time(value)
        return lambda value: value and _to_utc(value)

    def result_processor(self, dialect: sa.Dialect, coltype: Any) -> Callable[[Any], Any]:
        """Return a function that converts a stored time to an aware one."""
        if dialect.name == "sqlite":  # a string, as in `2026-05-06 10:31:21.000000`
            return _parse_time
        return lambda value: value and value.astimezone(UTC)


class Uid(sa.TypeDecorator[str]):
    """A uid, sorted by code points; no stored uid has a NUL."""

    impl = sa.String(collation="C").with_variant(sa.String(), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value and value.replace("\0", "\ufffd")  # PostgreSQL rejects NUL


def _to_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone, so it can't be stored.")
    return value.astimezone(UTC)


@lru_cache(maxsize=2_000)  # rows repeat the same times
def _format_time(value: datetime) -> str:
    return _to_utc(value).isoformat(" ", "microseconds")[:26]


@lru_cache(maxsize=2_000)  # lists repeat the same times
def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(f"{text}+00:00") if text else None
