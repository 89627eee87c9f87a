"""What people read, and the tables in it."""

import re
import subprocess

from support.constants import ROOT

Table = list[list[str]]
DOCUMENTS = [
    ROOT / name
    for name in (
        "README.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        *("docs/api.md", "docs/architecture.md", "docs/backup.md", "docs/benchmarks.md"),
        *("docs/hosting.md", "docs/rules.md", "docs/settings.md", "docs/state.md"),
        *("docs/testing.md", "docs/tour.md"),
    )
]


def read(name: str) -> str:
    return (ROOT / name).read_text()


def find_blocks(document: str, language: str, heading: str = "") -> list[str]:
    """Return the blocks of code in a language, of a document or of the part below a heading."""
    text = read(document)
    if heading:
        text = text.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def find_block(document: str, language: str, beginning: str, heading: str = "") -> str:
    """Return the one block that begins so."""
    blocks = find_blocks(document, language, heading)
    [block] = (block for block in blocks if block.startswith(beginning))
    return block


def find_tables(text: str) -> list[Table]:
    """Return the tables of a Markdown text, as rows of cells; the first row is the heading."""
    return [
        [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
        for table in re.findall(r"(?:^\|.*\|\n)+", f"{text}\n", re.MULTILINE)
    ]


def find_rows(first_heading: str, document: str = "docs/api.md") -> Table:
    """Return the rows of the one table of a document whose first column is headed so."""
    [table] = (each for each in find_tables(read(document)) if each[0][0] == first_heading)
    return table[2:]


def in_code(text: str) -> list[str]:
    return re.findall(r"`([^`]+)`", text)


def find_files() -> list[str]:
    """Return the files of the project that are tracked, or that are new and not ignored."""
    command = ("git", "ls-files", "--cached", "--others", "--exclude-standard")
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for path in listed.splitlines() if (ROOT / path).exists()]
