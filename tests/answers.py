"""Record what the server answers to some 2,600 requests, and compare two such records.

    python tests/answers.py record FILE            # the answers of this checkout
    python tests/answers.py compare FILE [OTHER]   # with another record, by default this checkout

A record holds the requests, too: those of the documentation's curl lines and of the OpenAPI
document's examples, and random ones with a fixed seed. A comparison with this checkout sends the
recorded requests again. Every clock is frozen, and uids that the server makes are masked.
"""

import argparse
import http.client
import json
import lzma
import random
import re
import shlex
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from support.constants import ASSIGNED, FOLLOWED, JANE, MERGED_TWICE, NEIGHBOURS, SHARED, UID
from support.documents import DOCUMENTS
from support.openapi import as_text, find_operations
from support.servers import Server

RECORD = Path(__file__).parent / "data" / "answers.xz"
RANDOM_REQUESTS = 2_000
SEED = 20
FROZEN = {"now": "2026-05-05T07:30:00Z"}
LOCAL = "http://127.0.0.1:8000"
FENCE = re.compile(r"```sh\n(curl .*?)\n```", re.DOTALL)
UNIMPORTANT = {"date", "connection", "content-length", "transfer-encoding", "etag", "last-modified"}
MADE_UID = re.compile(r"(?<=[\"/])[a-z0-9]{16}\b")  # numbers of this length have no quotes
VARIES = {"id", "time", "milliseconds", "revision"}  # numbers and times of the journal, row ids
MAX_TEXT = 160  # characters of a value in a comparison

Json = dict[str, Any]


class Request(NamedTuple):
    """A request as it is sent, and its place in the documentation or the random sequence."""

    name: str
    method: str
    path: str
    headers: dict[str, str]
    body: str | None = None


class Difference(NamedTuple):
    """A part of an answer that differs: its path, and the two values."""

    path: str
    old: str
    new: str


# The requests


def reset(name: str, token: str) -> Request:
    """Return the request that seeds the token's sandbox again and freezes its clock."""
    return ask(f"{name}, reset", token, "POST", "/__admin/reset", FROZEN)


def advance(name: str, sandbox: str) -> Request:
    """Return the request that moves a sandbox's clock on."""
    token = f"demo-owner@{sandbox}"
    return ask(f"{name}, clock", token, "POST", "/__admin/clock/advance", {"seconds": 61})


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


def make_random(seed: int, number: int) -> Iterator[Request]:
    """Yield random requests, right and wrong ones; every hundred of them have a sandbox."""
    source = random.Random(seed)
    for index in range(number):
        sandbox = f"random-{index // 100}"
        if index % 100 == 0:
            yield reset(f"random {index}", f"demo-owner@{sandbox}")
        request = make_one(source, f"random {index}", sandbox)
        is_new_message = request.method == "POST" and request.path == "/platform/v1/messages"
        if is_new_message:  # a tie of two times would be decided by the made uid
            yield advance(request.name, sandbox)
        yield request
        if is_new_message:
            yield advance(request.name, sandbox)


def make_one(source: random.Random, name: str, sandbox: str) -> Request:
    pick = source.choice
    base = pick(["demo-owner"] * 6 + ["demo-colleague", "demo-assigned", "demo-neighbour"] * 2)
    base = base if source.random() < 0.95 else pick(["demo-directory", "demo-expired", "wrong", ""])
    token = f"{base}@{sandbox}" if base else ""
    uid = pick([UID] * 3 + [FOLLOWED, SHARED, ASSIGNED, MERGED_TWICE, NEIGHBOURS, "nothing"])
    headers = {}
    if source.random() < 0.3:
        headers["Prefer"] = pick(
            ["handling=strict", "count=exact", "handling=lenient, count=exact", "code=404"]
            + ["code=503, delay=1", 'handling="strict"; x', "HANDLING=Strict, handling=lenient"]
        )
    if source.random() < 0.1:
        headers["Origin"] = "http://localhost:3000"
    query = pick(["", "", "full_client=true", "full_client=1", "full_client=x", "odd=1", "page=0"])
    lists = pick(["", "folder=inbox", "folder=follow_up&per_page=2", "folder=archived&page=2"])
    lists = pick([lists, "folder=odd", "folder=sent&per_page=5&page=2", "per_page=1000&odd", query])
    match source.random():
        case number if number < 0.55:
            request = ask(
                name, token, "PUT", f"/v2/conversations/{uid}?{query}", make_update(source)
            )
        case number if number < 0.6:
            raw = pick(["", "[", "[]", "null", '{"a": NaN}', '{"a": "\\ud800"}', "[" * 3000, "{}"])
            kind = pick(["application/json", "text/plain"])
            sent = headers | {"Content-Type": kind, "Authorization": f"Bearer {token}"}
            return Request(name, "PUT", f"/v2/conversations/{uid}", sent, raw)
        case number if number < 0.65:
            request = ask(name, token, "GET", f"/v2/conversations/{uid}?{query}")
        case number if number < 0.72:
            request = ask(name, token, "GET", f"/v2/conversations?{lists}")
        case number if number < 0.77:
            request = ask(name, token, "GET", f"/platform/v1/conversations?{lists}")
        case number if number < 0.81:
            request = ask(name, token, "GET", f"/v2/conversations/{uid}/messages?{lists}")
        case number if number < 0.83:
            client = pick([JANE, JANE, "nobody"])
            request = ask(
                name, token, "GET", f"/platform/v1/clients/{client}/conversations?{lists}"
            )
        case number if number < 0.92:
            message = {"message": make_message(source)} if source.random() < 0.95 else {"odd": 1}
            request = ask(name, token, "POST", "/platform/v1/messages", message)
        case number if number < 0.98:
            request = ask(name, token, *make_control(source))
        case _:
            path = pick(
                ["/", "/v2/odd", "//v2/conversations", "/__admin/odd", "/docs/odd", "/odd/"]
            )
            request = ask(name, token, pick(["GET", "PATCH", "OPTIONS", "HEAD"]), path)
    return request._replace(headers=request.headers | headers)


def make_update(source: random.Random) -> Json:
    """Return the body of a PUT, about one in six with something wrong or unknown."""
    flag = [True, False, True, False, 1, 0, "1", "false", "TRUE"]
    dates = ["2026-05-06T10:31:21Z", "Wed May 06 2026 13:31:21 GMT+0300", "tomorrow 10:00", None]
    values: dict[str, list[Any]] = {
        "follow_up": flag,
        "archived": flag,
        "follow_up_date": [*dates, "2020-01-01", "5/6/2026", "soon", "2026-05-05T09:30:00+02:00"],
        "follow_up_message": ["call back", "", None, "שיחה חוזרת"],
        "complete_follow_up": flag,
        "business_unread": flag,
        "spam": flag,
        "deleted": flag,
        "campaign": ["spring", None, "", "x" * 255],
        "source_type": ["contact_form", None],
        "mobile": flag,
    }
    count = source.choice([0, 1, 1, 2, 2, 3, 4, 6])
    names = source.sample(list(values), count)
    if source.random() < 0.5:
        names.append("follow_up")
    body = {name: source.choice(values[name]) for name in names}
    if source.random() < 0.1:
        wrong: list[Any] = [None, 2, 1.0, "yes", [], {}, "x" * 300, "a\0b", 10**30]
        body[source.choice(list(values))] = source.choice(wrong)
    if source.random() < 0.1:
        body[source.choice(["archvied", "followUp", "a,b c", ""])] = source.choice([1, {"deep": 1}])
    return body


def make_message(source: random.Random) -> Json:
    values: dict[str, list[Any]] = {
        "client_id": [JANE, JANE, JANE, "nobody", None],
        "text": ["Hello", "Is Thursday free?", "", "x" * 10_001],
        "direction": ["client_to_business", "business_to_client", "odd"],
        "conversation_uid": [UID, FOLLOWED, ASSIGNED, NEIGHBOURS, "nothing", None],
        "conversation_title": ["Thursday", None],
        "staff_id": ["5ya4gbwm2c3qoic8", "3so2q8r2b35x7phd", "nobody", None],
        "channels": ["email", "sms, email", "", None],
        "odd": [1],
    }
    needed = ["client_id", "text", "direction"]
    names = needed + source.sample(list(values)[3:], source.choice([0, 0, 1, 2]))
    usual = {name: values[name][: 1 + (len(values[name]) > 2)] for name in names}
    chosen = usual if source.random() < 0.7 else values
    return {name: source.choice(chosen[name]) for name in names}


def make_control(source: random.Random) -> tuple[str, str, Any]:
    inbox = {"conversations": [{"uid": UID, "client": "Ann Lee", "messages": []}]}
    return source.choice(
        [
            ("GET", "/__admin/sandbox", None),
            ("GET", "/__admin/state", None),
            ("GET", "/__admin/clock", None),
            ("PUT", "/__admin/clock", {"now": "2026-05-06T07:30:00Z"}),
            ("PUT", "/__admin/clock", {"now": "soon"}),
            ("POST", "/__admin/clock/advance", {"seconds": 3600}),
            ("POST", "/__admin/clock/advance", {"seconds": 0, "to": "2027-01-01"}),
            ("PUT", "/__admin/faults", [{"path": "/v2/*", "status": 503, "times": 1}]),
            ("PUT", "/__admin/faults", [{"delay": 99_999}, {"status": 7}, 1]),
            ("GET", "/__admin/faults", None),
            ("DELETE", "/__admin/faults", None),
            ("POST", "/__admin/reset", FROZEN),
            ("PUT", "/__admin/state", inbox),
            ("PUT", "/__admin/state", {"conversations": [{"uid": "a/b", "odd": 1}]}),
        ]
    )


def make_requests(document: Json) -> Iterator[Request]:
    """Yield all requests of a record."""
    yield from read_documentation()
    yield from read_examples(document)
    yield from make_random(SEED, RANDOM_REQUESTS)


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
    yield from diff(parse(old["body"]), parse(new["body"]), "body")


def parse(body: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        return body


def diff(old: Any, new: Any, path: str, *, is_ordered: bool = True) -> Iterator[Difference]:
    """Yield the paths at which two values differ; the order of fields counts."""
    if isinstance(old, dict) and isinstance(new, dict):
        for name in old | new:
            if name not in old or name not in new:
                yield Difference(f"{path}.{name}", show(old, name), show(new, name))
            elif not is_real_time(name, old):
                yield from diff(old[name], new[name], f"{path}.{name}")
        if is_ordered and [each for each in old if each in new] != [
            each for each in new if each in old
        ]:
            yield Difference(f"{path}, the order of fields", str([*old]), str([*new]))
    elif isinstance(old, list) and isinstance(new, list):
        for index, (one, other) in enumerate(zip(old, new, strict=False)):
            yield from diff(one, other, f"{path}[{index}]")
        if len(old) != len(new):
            yield Difference(f"{path}, the length", str(len(old)), str(len(new)))
    elif type(old) is not type(new) or old != new:
        yield Difference(path, cut(old), cut(new))


def is_real_time(name: str, fields: Json) -> bool:
    """Return True for the value of a field that is another one each time."""
    is_number = not isinstance(fields[name], str)
    return (name in VARIES and (is_number or name == "time")) or (
        name == "now" and fields.get("frozen") is False
    )


def show(fields: Json, name: str) -> str:
    return cut(fields[name]) if name in fields else "absent"


def cut(value: Any) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}…"


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
