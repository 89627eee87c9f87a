"""Where two values of JSON differ: each path, with what was there and what is."""

import json
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

MAX_TEXT = 160  # characters of a value
MAX_LINES = 9
Varies = Callable[[str, dict[str, Any]], bool]  # of a field's name and its object


class Difference(NamedTuple):
    """A part of a value that differs: its path, and the two values."""

    path: str
    old: str
    new: str


def check_same(actual: Any, expected: Any, name: str = "") -> None:
    """Fail with the paths at which two values differ, unless they are the same."""
    __tracebackhide__ = True  # so that a failure begins with the test's line
    check_none(diff(expected, actual, name))


def check_none(differences: Iterator[Difference]) -> None:
    """Fail with the first differences if there are any."""
    __tracebackhide__ = True
    lines = [f"{path or 'It'} is {new}, not {old}" for path, old, new in differences]
    left = f"\n… and {len(lines) - MAX_LINES} more" if len(lines) > MAX_LINES else ""
    assert not lines, "\n" + "\n".join(lines[:MAX_LINES]) + left


def diff(
    old: Any,
    new: Any,
    path: str,
    *,
    is_ordered: bool = True,
    varies: Varies = lambda name, fields: False,
) -> Iterator[Difference]:
    """Yield the paths at which two values differ; the order of fields matters."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old | new:
            if name not in old or name not in new:
                yield Difference(f"{path}.{name}", show(old, name), show(new, name))
            elif not varies(name, old):
                yield from diff(old[name], new[name], f"{path}.{name}", varies=varies)
        orders = [
            [each for each in one if each in other] for one, other in ((old, new), (new, old))
        ]
        if is_ordered and orders[0] != orders[1]:
            yield Difference(f"{path}, the order of fields", str([*old]), str([*new]))
    elif isinstance(old, list) and isinstance(new, list):
        for index, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from diff(one, other, f"{path}[{index}]", varies=varies)
        if len(old) != len(new):
            yield Difference(f"{path}, the length", str(len(old)), str(len(new)))
    elif type(old) is not type(new) or old != new:
        yield Difference(path, cut(old), cut(new))


def show(fields: dict[str, Any], name: str) -> str:
    return cut(fields[name]) if name in fields else "absent"


def cut(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"
