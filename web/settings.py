"""The settings, refused at the start where they make no sense."""

import re
from collections.abc import Mapping
from typing import Any

import click
from flask import Flask

SWITCHES = {"": False, "0": False, "false": False, "1": True, "true": True}
ORIGIN = re.compile(
    r"[a-z][a-z0-9+.-]*://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?", re.IGNORECASE
)
LOG_FORMATS = ("text", "json")
FRAME_ANCESTOR = re.compile(  # what may stand beside others in a Content-Security-Policy
    r"\*|'self'|[a-z][a-z0-9+.-]*:|"
    r"(?!(self|none)$)([a-z][a-z0-9+.-]*://)?((\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:(\d{1,5}|\*))?",
    re.IGNORECASE,
)
MOST_COUNTED = 1_000_000  # sandboxes, requests of a journal, or proxies


class InvalidSetting(click.ClickException):
    """A setting makes no sense; the message says which, and what would be right."""


def read_settings(app: Flask, test_config: Mapping[str, Any] | None) -> None:
    """Set an app's settings, from `instance/config.py` and the environment or from a test's.

    Raises InvalidSetting.
    """
    app.config.from_mapping(
        SQLALCHEMY_DATABASE_URI="sqlite:///conversations.db",
        MAX_CONTENT_LENGTH=2**20,
        CORS_ORIGINS="*",
        STRICT=False,
        ADMIN_API=True,
        SANDBOXES=1000,
        JOURNAL=100,
        STATE=None,
        TRUSTED_PROXIES=0,
        LOG_FORMAT="text",
        FRAME_ANCESTORS="'self'",
    )
    if test_config is None:
        app.config.from_pyfile("config.py", silent=True)
        app.config.from_prefixed_env()
    else:
        app.config.from_mapping(test_config)
    for name in ("STRICT", "ADMIN_API"):
        app.config[name] = _read_switch(name, app.config[name])
    for name in ("SANDBOXES", "JOURNAL", "TRUSTED_PROXIES"):
        app.config[name] = _read_count(name, app.config[name])
    app.config["CORS_ORIGINS"] = _read_origins(app.config["CORS_ORIGINS"])
    if not isinstance(app.config["STATE"], str | None):
        raise _wrong("STATE", app.config["STATE"], "the name of a file")
    if app.config["LOG_FORMAT"] not in LOG_FORMATS:
        raise _wrong("LOG_FORMAT", app.config["LOG_FORMAT"], " or ".join(LOG_FORMATS))
    app.config["FRAME_ANCESTORS"] = _read_ancestors(app.config["FRAME_ANCESTORS"])


def _read_switch(name: str, value: Any) -> bool:
    """Return what a setting means that is on or off."""
    try:
        return SWITCHES[str(value).lower()]
    except KeyError:
        raise _wrong(name, value, "1 or 0") from None


def _read_count(name: str, value: Any) -> int:
    """Return what a setting means that is a number of things."""
    text = str(value)
    if not (text.isascii() and text.isdecimal() and int(text) <= MOST_COUNTED):
        raise _wrong(name, value, f"a whole number from 0 to {MOST_COUNTED:,}")
    return int(text)


def _read_origins(value: Any) -> list[str]:
    """Return the origins whose pages may call; `*` is all of them."""
    origins = value.split(",") if isinstance(value, str) else value
    try:
        origins = [origin.strip() for origin in origins]
    except (TypeError, AttributeError):
        origins = []
    if origins == ["*"]:
        return origins
    if not origins or not all(map(_is_origin, origins)):
        right = "* or origins without a path, with commas between them: http://localhost:3000"
        raise _wrong("CORS_ORIGINS", value, right)
    return origins


def _read_ancestors(value: Any) -> str:
    """Return the sites that may embed the page, as a Content-Security-Policy names them."""
    words = value.split() if isinstance(value, str) else []
    if words != ["'none'"] and not (words and all(map(FRAME_ANCESTOR.fullmatch, words))):
        right = "'self', 'none' or origins with spaces between them: 'self' https://docs.example"
        raise _wrong("FRAME_ANCESTORS", value, right)
    return " ".join(words)


def _is_origin(text: str) -> bool:
    match = ORIGIN.fullmatch(text)
    return match is not None and int(match["port"] or 0) < 2**16


def _wrong(name: str, value: Any, right: str) -> InvalidSetting:
    return InvalidSetting(f"FLASK_{name} is {value!r}, but it has to be {right}.")
