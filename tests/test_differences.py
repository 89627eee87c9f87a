"""A failed comparison names the paths that differ, with the two values, in at most ten lines."""

from typing import Any

import pytest

from support.differences import check_same


@pytest.mark.parametrize(
    ("actual", "lines"),
    [
        ({"uid": "a", "errors": ["Y"]}, ['body.errors[0] is "Y", not "No."']),
        ({"uid": "a"}, ['body.errors is absent, not ["No."]']),
        ({"errors": ["No."], "uid": "a"}, ["body, the order of fields is ['errors', 'uid'], not"]),
        ({"uid": "a", "errors": []}, ["body.errors, the length is 0, not 1"]),
    ],
)
def test_failure_names_each_path(actual: Any, lines: list[str]) -> None:
    with pytest.raises(AssertionError) as failure:
        check_same(actual, {"uid": "a", "errors": ["No."]}, "body")
    _, *found = str(failure.value).splitlines()
    for line, expected in zip(found, lines, strict=True):
        assert line.startswith(expected)


def test_failure_has_at_most_ten_lines() -> None:
    with pytest.raises(AssertionError) as failure:
        check_same([str(number) for number in range(1, 21)], [*range(20)], "rows")
    _, first, *others, last = str(failure.value).splitlines()
    assert (first, len(others), last) == ('rows[0] is "1", not 0', 8, "… and 11 more")
