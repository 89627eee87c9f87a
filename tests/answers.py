"""Record what the server answers to some 2,600 requests, and compare two such records.

    python tests/answers.py record FILE            # the answers of this checkout
    python tests/answers.py compare FILE [OTHER]   # with another record, by default this checkout

A record holds the requests, too: those of the documentation's curl lines and of the OpenAPI
document's examples, and random ones, which a new record takes over from the one before. A
comparison with this checkout sends the recorded requests again. Every clock is frozen, and uids
that the server makes are masked.
"""

import argparse
import http.client
import json
import lzma
import re
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from support.differences import Difference, diff
from support.documents import DOCUMENTS
from support.openapi import as_text, find_operations
from support.servers import Server

RECORD = Path(__file__).parent / "data" / "answers.xz"
FROZEN = {"now": "2026-05-05T07:30:00Z"}
LOCAL = "http://127.0.0.1:8000"
FENCE = re.compile(r"```sh\n(curl .*?)\n```", re.DOTALL)
UNIMPORTANT = {"date", "connection", "content-length", "transfer-encoding", "etag", "last-modified"}
MADE_UID = re.compile(r"(?<=[\"/])[a-z0-9]{16}\b")  # numbers of this length have no quotes
VARIES = {"id", "time", "milliseconds", "revision"}  # numbers and times of the journal, row ids

Json = dict[str, Any]


class Request(NamedTuple):
    """A request as it is sent, and its place in the documentation or the random sequence."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: str | None = None


# The requests


def reset(name: str, token: str) -> Request:
    """Return the request that seeds the token's sandbox again and freezes its clock."""
    return ask(f"{name}, reset", token, "POST", "/__admin/reset", FROZEN)


def ask(name: str, token: str, method: str, path: str, body: Any = None, **headers: str) -> Request:
    """Return a request with a body that is JSON, or with none."""
    headers |= {"Authorization": f"Bearer {token}"} if token else {}
    if body is None:
        return Request(name, method, path, headers)
    headers |= {"Content-Type": "application/json"}
    return Request(name, method, path, headers, json.dumps(body))


def starts_clock(request: Request) -> bool:
    """Return True if a sandbox may be on real time after a request."""
    if (request.method, request.path) == ("POST", "/__admin/reset"):
        return '"now"' not in (request.body or "")
    paths = {("DELETE", "/__admin/clock"), ("DELETE", "/__admin/sandbox")}
    return (request.method, request.path) in paths


def with_resets(requests: Iterator[Request]) -> Iterator[Request]:
    """Yield requests, each sandbox reset before its first one and after its clock was started."""
    known: set[str] = set()
    for request in requests:
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        sandbox = token.partition("@")[2]
        if token.startswith("demo-") and sandbox not in known:
            known.add(sandbox)
            yield reset(request.name, f"demo-owner@{sandbox}" if sandbox else "demo-owner")
        yield request
        if starts_clock(request):
            yield reset(request.name, token)


def read_documentation() -> Iterator[Request]:
    """Yield the requests of the curl lines of README and docs/ that reach the local server."""
    for document in DOCUMENTS:
        calls = [parse_curl(call) for call in FENCE.findall(document.read_text())]
        lines = (call for call in calls if call)
        numbered = (
            call._replace(name=f"{document.name}, call {number}")
            for number, call in enumerate(lines, start=1)
        )
        yield from with_resets(numbered)


def parse_curl(command: str) -> Request | None:
    """Return the request of a curl command, or None for one that needs a shell or another host."""
    if re.search(r"[|>]|@state", re.sub(r"'[^']*'", "", command)) or "\ncurl" in command:
        return None
    method, path, body, headers = "GET", "", None, {}
    words = iter(shlex.split(command)[1:])
    for word in words:
        match word:
            case "-X":
                method = next(words)
            case "-H":
                name, _, value = next(words).partition(": ")
                headers[name] = value
            case "-d" | "--json":
                body = next(words)
            case "-o" | "-w" | "-D" | "--output" | "--write-out" | "--cacert" | "--resolve":
                next(words)
            case _ if word.startswith(LOCAL):
                path = word.removeprefix(LOCAL)
    return Request("", method, path, headers, body) if path else None


def read_examples(document: Json) -> Iterator[Request]:
    """Yield each operation of the OpenAPI document with each example, and with errors on demand."""
    for operation in find_operations(document):
        parameters = [each for each in operation.described["parameters"] if "example" in each]
        path = operation.path
        for each in parameters:
            if each["in"] == "path":
                path = path.replace(f"{{{each['name']}}}", each["example"])
        query = "&".join(
            f"{each['name']}={as_text(each['example'])}"
            for each in parameters
            if each["in"] == "query"
        )
        method = operation.method.upper()
        for number, body in enumerate(operation.bodies, start=1):
            token = f"demo-owner@{operation.name}-{number}"
            name = f"example {number} of {operation.name}"
            yield reset(name, token)
            for target in (path, f"{path}?{query}"):
                yield ask(name, token, method, target, body)
                yield reset(name, token)
            yield ask(
                f"{name}, strict", token, method, f"{path}?odd=1", body, Prefer="handling=strict"
            )
            yield ask(f"{name}, 503", token, method, path, body, Prefer="code=503")
            yield reset(name, token)


def make_requests(document: Json) -> Iterator[Request]:
    """Yield all requests of a record."""
    yield from read_documentation()
    yield from read_examples(document)
    requests = (Request(*each["request"]) for each in load(RECORD))
    yield from (each for each in requests if each.name.startswith("random "))


# The answers


class Recorder:
    """One connection to a server, and the uids that this made so far."""

    def __init__(self, server: Server) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        self.host = f"http://127.0.0.1:{server.port}"
        self.known: set[str] = set()
        self.made: dict[str, str] = {}

    def send(self, request: Request) -> Json:
        """Send a request; return its status, its headers that matter, and its body."""
        self.known |= {*MADE_UID.findall(f"{request.path} {request.body}")}
        body = request.body.encode() if request.body is not None else None
        if request.path.startswith("/__admin/requests"):
            time.sleep(1.1)  # in which the journal has what was answered before
        self.connection.request(request.method, request.path, body, request.headers)
        with self.connection.getresponse() as response:
            text = response.read().decode()
            headers = {
                name.lower(): self.mask(value)
                for name, value in response.getheaders()
                if name.lower() not in UNIMPORTANT
            }
        if "allow" in headers:
            headers["allow"] = ", ".join(sorted(headers["allow"].split(", ")))
        if response.will_close:
            self.connection.close()
        if headers.get("content-type", "").startswith(
            "text/"
        ):  # a page, which is no answer of JSON
            text = ""
        return {"status": response.status, "headers": headers, "body": self.mask(text)}

    def learn(self, request: Request) -> None:
        """Take the uids in the answer to a request for known ones."""
        self.connection.request(request.method, request.path, headers=request.headers)
        self.known |= {*MADE_UID.findall(self.connection.getresponse().read().decode())}

    def mask(self, text: str) -> str:
        return MADE_UID.sub(self._mask_one, text.replace(self.host, LOCAL))

    def _mask_one(self, match: re.Match[str]) -> str:
        uid = match[0]
        if uid in self.known:
            return uid
        return self.made.setdefault(uid, f"<made {len(self.made) + 1}>")


def record(requests: list[Request] | None = None) -> list[Json]:
    """Return the requests with the answers of this checkout's server, by default to all of them."""
    with TemporaryDirectory() as folder:
        server = Server(Path(folder) / "conversations.db")
        recorder = Recorder(server)
        try:
            recorder.learn(ask("", "demo-owner", "GET", "/__admin/state"))
            if requests is None:
                _, document = server.ask("demo-owner", "GET", "/openapi.json")
                requests = [*make_requests(document)]
            return [{"request": each, "answer": recorder.send(each)} for each in requests]
        finally:
            recorder.connection.close()
            server.stop()


def write(path: Path, answers: list[Json]) -> None:
    lines = "\n".join(json.dumps(each, ensure_ascii=False) for each in answers)
    path.write_bytes(lzma.compress(lines.encode()))


def load(path: Path) -> list[Json]:
    return [json.loads(line) for line in lzma.decompress(path.read_bytes()).decode().splitlines()]


# The comparison


def compare(old: list[Json], new: list[Json]) -> list[str]:
    """Return a line for each difference, with the first request that has it and their number."""
    found: dict[Difference, list[str]] = {}
    for before, after in zip(old, new, strict=True):
        request = Request(*before["request"])
        where = f"{request.name}: {request.method} {request.path}"
        for difference in find_differences(before["answer"], after["answer"]):
            found.setdefault(difference, []).append(where)
    return [
        f"{path}: {old} is now {new}\n    {len(where)} requests, first {where[0]}"
        for (path, old, new), where in found.items()
    ]


def find_differences(old: Json, new: Json) -> Iterator[Difference]:
    """Yield the parts of an answer that differ."""
    yield from diff(old["status"], new["status"], "status")
    yield from diff(old["headers"], new["headers"], "headers", is_ordered=False)
    yield from diff(parse(old["body"]), parse(new["body"]), "body", varies=is_real_time)


def parse(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def is_real_time(name: str, fields: Json) -> bool:
    """Return True for the value of a field that is another one each time."""
    is_number = not isinstance(fields[name], str)
    return (name in VARIES and (is_number or name == "time")) or (
        name == "now" and fields.get("frozen") is False
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    commands = parser.add_subparsers(dest="command", required=True)
    recording = commands.add_parser("record", help="record the answers of this checkout")
    recording.add_argument("file", type=Path, nargs="?", default=RECORD)
    comparing = commands.add_parser("compare", help="name each difference between two records")
    comparing.add_argument("file", type=Path, nargs="?", default=RECORD)
    comparing.add_argument("other", type=Path, nargs="?", help="by default this checkout answers")
    arguments = parser.parse_args()
    if arguments.command == "record":
        answers = record()
        write(arguments.file, answers)
        print(f"{arguments.file} has the answers to {len(answers):,} requests.")
        return 0
    old = load(arguments.file)
    new = (
        load(arguments.other) if arguments.other else record([Request(*e["request"]) for e in old])
    )
    differences = compare(old, new)
    print("\n".join([*differences, f"{len(differences):,} differences in {len(old):,} answers."]))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
