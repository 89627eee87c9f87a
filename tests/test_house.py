"""The layout of the code: the allowed imports, and the constructs that no file may have."""

import ast
import re
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from support.constants import ROOT
from support.documents import find_files

# From top to bottom. Parts of the same layer never import each other.
LAYERS = (
    ("gunicorn.conf.py",),
    ("serving",),
    ("app.py",),
    ("api", "admin", "inbox_page"),
    ("web",),
    ("demo",),
    ("sandboxes",),
    ("states",),
    ("schemas.py",),
    ("field_types",),
    ("conversations",),
    ("followups.py",),
    ("models.py", "ruby_time"),
    ("database",),
)
LEVELS = {part: level for level, parts in enumerate(LAYERS) for part in parts}
KNOW_HTTP = {"bench", "gunicorn.conf.py", "serving", "app.py", "api", "admin", "inbox_page", "web"}
HTTP = {"flask", "flask_sqlalchemy", "flask_swagger_ui", "werkzeug"}
HTTP_ELSEWHERE = {
    "database/connections.py": {"flask.Flask", "flask.current_app", "flask.g"}
    | {"flask_sqlalchemy.SQLAlchemy"},
    "demo/commands.py": {"flask.Blueprint", "flask.current_app"},
    "demo/seeding.py": {"flask.current_app"},
}
ROOT_FILES = {"app.py", "followups.py", "gunicorn.conf.py", "models.py", "schemas.py"}
PRIVATE = re.compile(r"\b_(?!_)")  # a name of something private


def part_of(path: str) -> str:
    """Return the folder of the root that a path lies in, or the file of the root."""
    return Path(path).parts[0]


FILES = sorted(path for path in find_files() if path.endswith(".py"))
WITHOUT_TESTS = [path for path in FILES if part_of(path) != "tests"]


@cache
def parse(path: str) -> ast.Module:
    return ast.parse((ROOT / path).read_text())


def find_imports(path: str) -> Iterator[str]:
    """Yield what a file imports, as in `flask.cli.with_appcontext`, wherever in the file."""
    for node in ast.walk(parse(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = ".".join([*Path(path).parent.parts] if node.level else [])
            module = ".".join(filter(None, [above, node.module]))
            yield from (f"{module}.{alias.name}" for alias in node.names)


def find_own_imports(path: str) -> Iterator[tuple[str, str]]:
    """Yield each import of our own, and the part of the house that it leads to."""
    parts = {part_of(file) for file in FILES}
    for name in find_imports(path):
        top = name.partition(".")[0]
        for part in parts & {top, f"{top}.py"}:
            yield name, part


def find_library_imports(path: str, libraries: set[str]) -> set[str]:
    return {name for name in find_imports(path) if name.partition(".")[0] in libraries}


def check(paths: Iterable[str], find_wrong: Callable[[str], Iterable[str]]) -> None:
    """Fail with a line for all that breaks a rule."""
    wrong = [f"{path}: {what}" for path in paths for what in sorted(find_wrong(path))]
    assert not wrong, "\n" + "\n".join(wrong)


def test_every_part_has_a_layer() -> None:
    assert {part_of(path) for path in WITHOUT_TESTS} - LEVELS.keys() == {"bench"}
    assert {path for path in FILES if "/" not in path} == ROOT_FILES


def test_imports_go_down_or_stay_in_their_part() -> None:
    def find_wrong(path: str) -> Iterator[str]:
        part = part_of(path)
        for name, target in find_own_imports(path):
            if target != part and LEVELS.get(target, -1) <= LEVELS.get(part, -1):
                yield name

    check(WITHOUT_TESTS, find_wrong)  # the benchmark may import everything except the tests


def test_only_upper_layers_import_http() -> None:
    def find_wrong(path: str) -> set[str]:
        return find_library_imports(path, HTTP) - HTTP_ELSEWHERE.get(path, set())

    check((path for path in WITHOUT_TESTS if part_of(path) not in KNOW_HTTP), find_wrong)
    assert find_library_imports("followups.py", {"sqlalchemy", *HTTP}) == set()
    own = {part for _, part in find_own_imports("followups.py")}
    assert own <= {"models.py", "ruby_time"}


def find_magic(path: str) -> Iterator[str]:
    """Yield what runs strings as code, makes classes in secret, or names private parts.

    The linter finds the rest: `eval`, `exec`, and private parts of other objects.
    """
    for node in ast.walk(parse(path)):
        match node:
            case ast.Call(func=ast.Name(id="compile" | "vars" as name)):
                yield f"{name}("
            case ast.Call(func=ast.Name(id="type"), args=[_, _, _]):
                yield "type(…, …, …)"
            case ast.Attribute(attr="__dict__") | ast.Name(id="__dict__"):
                yield "__dict__"
            case ast.Call(
                func=ast.Name(id="getattr" | "setattr" | "hasattr"),
                args=[_, ast.Constant(value=str(name)), *_],
            ) if name.startswith("_"):
                yield name


def test_files_use_no_magic_or_private_names() -> None:
    check(WITHOUT_TESTS, find_magic)
    check(WITHOUT_TESTS, lambda path: {each for each in find_imports(path) if PRIVATE.search(each)})
