"""The types of columns: how each value is stored."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa


class UTCDateTime(sa.TypeDecorator[datetime]):
    """An aware time: stored as UTC, so that SQL can compare it, and read back as aware UTC."""

    impl = sa.DateTime(timezone=True)
    cache_ok = True

    def bind_processor(self, dialect: sa.Dialect) -> Callable[[Any], Any]:
        """Return a function that makes a stored time of an aware one, faster than SQLAlchemy's."""
        if dialect.name == "sqlite":
            return lambda value: value and _to_utc(value).isoformat(" ", "microseconds")[:26]
        return lambda value: value and _to_utc(value)

    def result_processor(self, dialect: sa.Dialect, coltype: Any) -> Callable[[Any], Any]:
        """Return a function that makes an aware time of a stored one."""
        if dialect.name == "sqlite":  # a string, as in `2026-05-06 10:31:21.000000`
            return _parse_time
        return lambda value: value and value.astimezone(UTC)


class FrozenJSON(sa.TypeDecorator[Any]):
    """JSON that is read as an immutable value, so that no edit in place can be lost."""

    impl = sa.JSON
    cache_ok = True

    def process_result_value(self, value: Any, dialect: sa.Dialect) -> Any:
        return _freeze(value)


class Uid(sa.TypeDecorator[str]):
    """A uid, in the order of its characters' codes; no stored one has a NUL."""

    impl = sa.String(collation="C").with_variant(sa.String(), "sqlite")
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: sa.Dialect) -> str | None:
        return value and value.replace("\0", "\ufffd")  # which PostgreSQL can look for


def _to_utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError(f"{value} has no time zone, so it can't be stored.")
    return value.astimezone(UTC)


@lru_cache(maxsize=2_000)  # a list has the same times again and again
def _parse_time(text: str | None) -> datetime | None:
    return datetime.fromisoformat(f"{text}+00:00") if text else None


def _freeze(value: Any) -> Any:
    if isinstance(value, dict):
        return MappingProxyType({name: _freeze(each) for name, each in value.items()})
    return tuple(map(_freeze, value)) if isinstance(value, list) else value
