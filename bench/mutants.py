"""Change the service in one place at a time, and name each change that no test notices.

`python -m bench.mutants` makes sixty changes in a copy of the checkout, and runs the tests of the
changed part after each. The seed is fixed, so the same code gets the same changes.
"""

import ast
import compileall
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[1]
COUNT, SEED = 60, 23
RULES = "follow_up_rules update_conversation journal ignored documentation model"
REQUESTS = (
    "errors bodies ignored faults response_headers inbox reading messages journal"
    " access_log start openapi examples sandboxes proxies reset traps waiting page"
    " wrong_values"
)
SANDBOXES = "sandboxes journal reset traps state wrong_values state_files demo storage"
TESTS = {  # the tests of each part, in one process
    "followups.py": RULES,
    "conversations/updates.py": RULES,
    "web": REQUESTS,
    "sandboxes": SANDBOXES,
}
COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
Change = Callable[[], None]


class Mutant(NamedTuple):
    """A change of one file: its line, and the code before and after it."""

    path: str
    line: int
    before: str
    after: str
    code: str


def find_changes(tree: ast.Module) -> Iterator[tuple[ast.AST, Change]]:
    """Yield each node that can be changed, with the function that changes it."""
    for node in ast.walk(tree):
        match node:
            case ast.Compare(ops=[operator]):
                yield node, set_to(node, "ops", [COMPARISONS[type(operator)]()])
            case ast.BoolOp(op=operator):
                other = ast.Or() if isinstance(operator, ast.And) else ast.And()
                yield node, set_to(node, "op", other)
            case ast.If(test=test) | ast.IfExp(test=test):
                yield node, set_to(node, "test", ast.UnaryOp(ast.Not(), test))
            case ast.Constant(value=bool(value)):
                yield node, set_to(node, "value", not value)
            case ast.Constant(value=int(value)):
                yield node, set_to(node, "value", value + 1)
            case ast.Return(value=ast.expr()):
                yield node, set_to(node, "value", ast.Constant(None))
            case ast.Expr(value=ast.Call()):
                yield node, set_to(node, "value", ast.Constant(None))


def set_to(node: ast.AST, field: str, value: object) -> Change:
    """Return a function that sets a field of a node."""
    return lambda: setattr(node, field, value)


def mutate(path: str) -> list[Mutant]:
    """Return the mutants of a file, in an order of chance."""
    code = (ROOT / path).read_text()
    mutants = []
    for number in range(len(list(find_changes(ast.parse(code))))):
        tree = ast.parse(code)
        node, change = list(find_changes(tree))[number]
        before, line = show(node), getattr(node, "lineno", 0)
        change()
        changed = ast.unparse(ast.fix_missing_locations(tree))
        mutants.append(Mutant(path, line, before, show(node), changed))
    random.Random(f"{SEED} {path}").shuffle(mutants)
    return mutants


def show(node: ast.AST) -> str:
    """Return the first line of the code of a node."""
    return ast.unparse(node).partition("\n")[0]


def choose_mutants(count: int) -> list[Mutant]:
    """Return about the same number of mutants of each file."""
    files = [path for part in TESTS for path in sorted(ROOT.glob(f"{part}/*.py")) or [ROOT / part]]
    queues = [mutate(str(path.relative_to(ROOT))) for path in files]
    chosen: list[Mutant] = []
    while len(chosen) < count and any(queues):
        chosen += [queue.pop() for queue in queues if queue]
    return sorted(chosen[:count])


def passes(part: str, copy: Path) -> bool:
    """Return True if the tests of a part pass in a copy of the checkout."""
    tests = [f"tests/test_{name}.py" for name in TESTS[part].split()]
    chosen = ["-x", "-q", "-p", "no:cacheprovider", "-p", "bench.mutants"]
    command = [sys.executable, "-m", "pytest", *chosen, *tests]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        result = subprocess.run(
            command, cwd=copy, env=environment, capture_output=True, timeout=900
        )
    except subprocess.TimeoutExpired:
        return False  # a request never ends
    return result.returncode == 0


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out the tests that start a server, since each takes seconds."""
    items[:] = [item for item in items if "server" not in getattr(item, "fixturenames", [])]


def main() -> None:
    """Print each mutant that survives, and how many did."""
    mutants = choose_mutants(COUNT)
    survivors = 0
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        skipped = shutil.ignore_patterns(".venv", "node_modules", "instance", "__pycache__")
        shutil.copytree(ROOT, copy, ignore=skipped)
        compileall.compile_dir(copy, quiet=1)
        for part in TESTS:
            assert passes(part, copy), f"The tests of {part} fail without any change."
        for mutant in mutants:
            (copy / mutant.path).write_text(mutant.code)
            part = next(part for part in TESTS if mutant.path.startswith(part))
            if passes(part, copy):
                survivors += 1
                change = f"{mutant.before}  ->  {mutant.after}"
                print(f"{mutant.path}:{mutant.line}: {change}", flush=True)
            shutil.copy(ROOT / mutant.path, copy / mutant.path)
    print(f"{survivors} of {len(mutants)} mutants survived.")


if __name__ == "__main__":
    main()
