"""Times as vcita's Ruby reads them."""

from ruby_time.times import parse_time

__all__ = ["parse_time"]
