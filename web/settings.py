"""Reading and validating the settings."""

import os
import re
from collections.abc import Callable, Mapping
from functools import partial
from os.path import commonprefix
from typing import Any

import click
from flask import Flask

from database.connections import MAX_CONNECTIONS

SWITCHES = {"": False, "0": False, "false": False, "1": True, "true": True}
ORIGIN = re.compile(r"(?ai)[a-z][a-z0-9+.-]*://([a-z0-9._-]+|\[[0-9a-f:.]+\])(:(?P<port>\d{1,5}))?")
HOST = re.compile("[A-Za-z0-9.-]+")
FRAME_ANCESTOR = re.compile(  # one of several in a Content-Security-Policy
    r"(?ai)\*|'self'|[a-z][a-z0-9+.-]*:|(?!(self|none)$)([a-z][a-z0-9+.-]*://)?"
    r"((\*\.)?[a-z0-9-]+(\.[a-z0-9-]+)*|\[[0-9a-f:.]+\])(:(\d{1,5}|\*))?"
)


class InvalidSetting(click.ClickException):
    """A setting is invalid; the message has the rule and the value."""


def read_settings(app: Flask, test_config: Mapping[str, Any] | None) -> None:
    """Read an app's settings (see `create_app`); raise InvalidSetting."""
    app.config["MAX_CONTENT_LENGTH"] = 2**20
    app.config.from_mapping({name: default for name, (default, _) in SETTINGS.items()})
    known = {*app.config}  # Flask's own settings
    variables: set[str] = set()
    if test_config is None:
        app.config.from_pyfile("config.py", silent=True)
        variables = {name[6:] for name in os.environ if name.startswith("FLASK_")}
        for name in ("HOST", "PORT"):
            if f"FLASK_{name}" in os.environ:
                raise InvalidSetting(f"FLASK_{name} has no effect; set {name} instead.")
    else:
        app.config.from_mapping(test_config)
    for name in sorted((variables | app.config.keys()) - known):
        for setting in SETTINGS:
            if is_near(name.upper(), setting) or name.upper().startswith(f"{setting}__"):
                raise InvalidSetting(f"FLASK_{name} is unknown; did you mean FLASK_{setting}?")
    if test_config is None:
        app.config.from_prefixed_env()  # after the check, as it splits a name at `__`
    for name, (_, read) in SETTINGS.items():
        value = app.config[name]
        try:
            app.config[name] = read(value)
        except ValueError as error:
            raise InvalidSetting(f"FLASK_{name} must be {error}, not {value!r}.") from None


def is_near(name: str, other: str, edits: int = 2) -> bool:
    """Return True if at most two edits of single characters change one name into the other."""
    same = len(commonprefix([name, other]))
    name, other = name[same:], other[same:]
    if not (name and other and edits):
        return len(name) + len(other) <= edits
    changed = (name[1:], other), (name, other[1:]), (name[1:], other[1:])
    return any(is_near(*pair, edits - 1) for pair in changed)


def _read_switch(value: Any) -> bool:
    if str(value).lower() not in SWITCHES:
        raise ValueError("1 or 0")
    return SWITCHES[str(value).lower()]


def _read_count(value: Any, least: int = 0, most: int = 1_000_000) -> int:
    text = str(value)
    if not (text.isascii() and text.isdecimal() and least <= int(text) <= most):
        raise ValueError(f"a whole number from {least} to {most:,}")
    return int(text)


def _read_list(value: Any) -> list[str]:
    items = value.split(",") if isinstance(value, str) else value
    is_list = isinstance(items, list | tuple) and all(isinstance(each, str) for each in items)
    return [item.strip() for item in items] if is_list else []


def _read_hosts(value: Any) -> list[str] | None:
    hosts = _read_list(value)
    if value not in (None, "") and not (hosts and all(map(HOST.fullmatch, hosts))):
        raise ValueError("names or IPv4 addresses without a port, separated by commas: localhost")
    return [host.lower() for host in hosts] if value else None


def _read_origins(value: Any) -> list[str]:
    origins = _read_list(value)
    if origins != ["*"] and not (origins and all(map(_is_origin, origins))):
        raise ValueError("* or origins without a path, separated by commas: http://localhost:3000")
    return origins


def _is_origin(text: str) -> bool:
    match = ORIGIN.fullmatch(text)
    return match is not None and int(match["port"] or 0) < 2**16


def _read_file_name(value: Any) -> Any:
    if not isinstance(value, str | None):
        raise ValueError("the name of a file")
    return value


def _read_word(value: Any, *words: str) -> Any:
    if value not in words:
        raise ValueError(" or ".join(words))
    return value


def _read_ancestors(value: Any) -> str:
    words = value.split() if isinstance(value, str) else []
    if words != ["'none'"] and not (words and all(map(FRAME_ANCESTOR.fullmatch, words))):
        raise ValueError(
            "'self', 'none' or origins separated by spaces ('self' https://docs.example)"
        )
    return " ".join(words)


SETTINGS: dict[str, tuple[Any, Callable[[Any], Any]]] = {
    # the default, and a function that returns the parsed value or raises ValueError with the rule
    "SQLALCHEMY_DATABASE_URI": ("sqlite:///conversations.db", lambda url: url),  # read later
    "CORS_ORIGINS": ("*", _read_origins),
    "STRICT": (False, _read_switch),
    "ADMIN_API": (True, _read_switch),
    "SANDBOXES": (1000, _read_count),
    "JOURNAL": (100, _read_count),
    "STATE": (None, _read_file_name),
    "TRUSTED_PROXIES": (0, _read_count),
    "TRUSTED_HOSTS": (None, _read_hosts),  # Flask's own
    "LOG_FORMAT": ("text", lambda value: _read_word(value, "text", "json")),
    "LOG_LEVEL": ("info", lambda value: _read_word(value, "info", "warning")),
    "POOL_SIZE": (5, partial(_read_count, least=1, most=MAX_CONNECTIONS)),
    "FRAME_ANCESTORS": ("'self'", _read_ancestors),
}
