"""The words: banned phrases, long sentences, and counts that become stale."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.constants import ROOT
from support.documents import DOCUMENTS, find_files

BANNED = {  # with the replacement
    "anew": "again",
    "as if it were": "like",
    "behind it|behind them": "after it",
    "believed": "trusted",
    "beside": "next to, compared with",
    "but for": "except",
    "gives? way": "yields",
    "ha[sv]e? to": "must",
    "heeded": "applied",
    "in a sentence": "with a message",
    "in clear": "in plain text",
    "in words": "human-readable",
    "left out:": "default:",
    "^let|say whether": "enable, return True if",
    "makes? no sense": "is invalid",
    "so many": "this many",
    "stands?": "is",
    "too[.;:,]": "also",
    "whatever|whoever": "any",
}
PHRASES = {
    re.compile(rf"(?<![\w-])(?:{phrase})(?![\w-])", re.IGNORECASE): replacement
    for phrase, replacement in BANNED.items()
}
MAX_WORDS = 35  # of a sentence
RELATIVE = re.compile(r"[-* ]*(?:What|Who|Whoever|That)\b")
FENCE = re.compile(r"^( *)```.*?^\1```", re.MULTILINE | re.DOTALL)
NO_SENTENCE = re.compile(r" *(?:\||#|<|!\[)")  # a line of a table, a heading, HTML or a picture
BLOCK = re.compile(r"\n\s*\n|\n(?= *(?:[-*]|\d+\.) )")
END = re.compile(r"(?<=[.!?])[)*\"]*\s+(?=[^\sa-z])")
STALE = re.compile(r"\b(?:\d[\d,]*|ten|hundreds?|thousands?) (?:lines|tests)\b")
QUOTED = {"bench/generate.py", "field_types/response_fields.py", "models.py"}  # they quote people
CODE = [path for path in find_files() if path.endswith(".py") and path != "tests/test_prose.py"]


def read_prose(document: Path) -> str:
    """Return a document without code, tables, headings, pictures and the addresses of links."""
    text = re.sub(r"`[^`\n]+`", "`", FENCE.sub("", document.read_text()))
    lines = ("" if NO_SENTENCE.match(line) else line for line in text.splitlines())
    return re.sub(r"\]\([^)]*\)", "]", "\n".join(lines))


def split_sentences(prose: str) -> Iterator[str]:
    for block in BLOCK.split(prose):
        yield from END.split(" ".join(block.split()))


def find_phrases(text: str) -> list[str]:
    """Return the banned phrases in a text, each with its replacement."""
    text = " ".join(text.split())
    found = [(phrase.search(text), instead) for phrase, instead in PHRASES.items()]
    return [
        f"{text[max(0, match.start() - 30) : match.end() + 30]!r}: use {instead!r}"
        for match, instead in found
        if match
    ]


def find_texts(path: str) -> Iterator[str]:
    """Yield the comments of a file, its docstrings and, outside of tests, its messages."""
    source = (ROOT / path).read_text()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if not path.startswith("tests/") and path not in QUOTED:
                yield node.value


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_document_uses_plain_prose(document: Path) -> None:
    """Its sentences are short, start with no relative word, and count no lines or tests."""
    prose = read_prose(document)
    wrong = find_phrases(prose) + STALE.findall(prose)
    for each in split_sentences(prose):
        if len(each.split()) > MAX_WORDS or RELATIVE.match(each):
            wrong.append(each)
    assert not wrong, "\n".join(wrong)


def test_code_and_makefile_use_no_banned_phrase() -> None:
    texts = [(path, text) for path in CODE for text in find_texts(path)]
    texts.append(("Makefile", (ROOT / "Makefile").read_text()))
    assert not [(path, each) for path, text in texts for each in find_phrases(text)]
