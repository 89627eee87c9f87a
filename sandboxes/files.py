"""The files that sandboxes are exported to: one for each, whose name says which.

File systems that do not tell `Worker` from `worker` keep both, and no file is a hidden one.
"""

import re
from pathlib import Path

from sandboxes.lifecycle import NAME

SUFFIX = ".json"
MARKED = re.compile(r"[A-Z]|^\.")  # what has a + in front in a file's name, and is not upper case
MARK = re.compile(r"\+(.)")


def file_of(folder: Path, sandbox: str) -> Path:
    """Return the file of a sandbox: `worker-3.json`, or `+worker.json` of `Worker`."""
    stem = MARKED.sub(lambda match: f"+{match[0].lower()}", sandbox)
    return folder / f"{stem}{SUFFIX}"


def find_files(folder: Path) -> list[tuple[str, Path]]:
    """Return the names of the sandboxes that have a file in a folder, each with the file."""
    found = []
    for path in sorted(folder.glob(f"*{SUFFIX}")):
        name = MARK.sub(lambda match: match[1].upper(), path.name.removesuffix(SUFFIX))
        if NAME.fullmatch(name) and file_of(folder, name) == path:
            found.append((name, path))
    return found
