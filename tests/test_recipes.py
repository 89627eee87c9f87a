"""The recipes of docs/testing.md work as they stand; its calls run with the other documents'."""

import re
import shutil
import sys
from pathlib import Path

import pytest

from support.constants import ROOT
from support.npm import run
from support.servers import Server

TEXT = (ROOT / "docs" / "testing.md").read_text()


def find_blocks(language: str, heading: str) -> list[str]:
    """Return the blocks of code in a language below a heading."""
    section = TEXT.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", section, re.DOTALL | re.MULTILINE)


def test_the_playwright_recipe_is_the_text_of_the_example() -> None:
    example = ROOT / "tests" / "playwright"
    files = [without_indents(path.read_text()) for path in example.glob("*.ts")]
    blocks = find_blocks("ts", "Playwright")
    assert len(blocks) == 4
    for block in blocks:
        assert any(without_indents(block) in file for file in files), block


def without_indents(text: str) -> str:
    return "\n".join(line.strip() for line in text.splitlines())


def test_the_pytest_recipe_passes(tmp_path: Path) -> None:
    [setting] = find_blocks("toml", "pytest")
    [code] = find_blocks("python", "pytest")
    assert '"../conversations"' in setting
    setting = setting.replace("../conversations", str(ROOT)) + 'filterwarnings = ["error"]\n'
    (tmp_path / "pyproject.toml").write_text(setting)
    (tmp_path / "test_inbox.py").write_text(code)
    assert "1 passed" in run(sys.executable, "-m", "pytest", cwd=tmp_path)


@pytest.mark.long
@pytest.mark.skipif(shutil.which("npm") is None, reason="Vitest needs node and npm.")
def test_the_vitest_recipe_passes(server: Server, tmp_path: Path) -> None:
    [code] = find_blocks("ts", "Vitest")
    assert "http://127.0.0.1:8000" in code
    (tmp_path / "inbox.test.ts").write_text(code.replace("http://127.0.0.1:8000", server.url))
    (tmp_path / "package.json").write_text('{"private": true, "type": "module"}')
    run(
        "npm",
        "install",
        "--no-package-lock",
        "--no-audit",
        "--no-fund",
        "vitest@4.1.12",
        cwd=tmp_path,
    )
    assert "1 passed" in run("npx", "vitest", "run", "--no-color", cwd=tmp_path)
