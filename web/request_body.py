"""JSON as the standard has it: what Python reads beyond that would break storing or answering."""

import json
import math
from typing import Any, NoReturn

from flask.json.provider import DefaultJSONProvider

ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
LONGEST_INTEGER = 4300  # digits; Python reads no more


class StrictJSONProvider(DefaultJSONProvider):
    """Read and write JSON without NaN, infinite numbers, lone surrogates or bottomless nesting."""

    def dumps(self, obj: Any, **_options: Any) -> str:
        """Return the JSON text of what the schemas dump."""
        return ENCODER.encode(obj)

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Return what a JSON text means; raise ValueError, with the reason, if it is none."""
        try:
            text = s.decode() if isinstance(s, bytes) else s
            if not text.strip():
                raise ValueError("it is empty")
            value = json.loads(
                text,
                parse_int=_parse_int,
                parse_float=_parse_float,
                parse_constant=_refuse_constant,
                **kwargs,
            )
            if "\\ud" in text.lower():  # an escape that may be half of a pair
                json.dumps(value, ensure_ascii=False).encode()
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        except UnicodeError:
            raise ValueError("it holds text that is not valid Unicode") from None
        return value


def _parse_int(text: str) -> int:
    if len(text) > LONGEST_INTEGER:
        raise ValueError(f"it holds an integer of {len(text):,} digits")
    return int(text)


def _parse_float(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise ValueError(f"it holds a number that is too large, {text:.40}")
    return number


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"it holds {name}, which no JSON has")
