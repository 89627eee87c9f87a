"""How gunicorn serves the application; `gunicorn` alone, typed in this folder, reads this."""

import gc
import os
import resource
import socket
import sys
from contextlib import suppress
from typing import Any

from gevent import monkey

monkey.patch_all()  # whatever waits lets others run, the database's driver and its pool too

HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = os.environ.get("PORT") or "8000"
WORKERS = os.environ.get("WEB_CONCURRENCY") or "2"

if not PORT.isdecimal() or not 1 <= int(PORT) <= 65535:
    sys.exit(f"PORT is {PORT!r}, but it has to be a number from 1 to 65535.")
if not WORKERS.isdecimal() or int(WORKERS) < 1:
    sys.exit(f"WEB_CONCURRENCY is {WORKERS!r}, but it has to be a number of processes, 1 or more.")

MOST_FILES = 65_536  # that a process has open, where the system lets it
OTHER_FILES = 100  # that are not clients' connections
_, HARD_LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)
FILES = MOST_FILES if HARD_LIMIT == resource.RLIM_INFINITY else min(HARD_LIMIT, MOST_FILES)
with suppress(ValueError, OSError):  # macOS has another limit besides
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, HARD_LIMIT))

wsgi_app = "app:create_app(prepare=False)"  # it is prepared before there are processes
bind = f"[{HOST.strip('[]')}]:{PORT}" if ":" in HOST else f"{HOST}:{PORT}"
workers = int(WORKERS)
worker_class = "serving.worker.Worker"
worker_connections = max(FILES - OTHER_FILES, FILES // 2)
limit_request_line = 8190  # bytes
limit_request_field_size = 8190  # bytes of each header
sendfile = False  # it would wait for a client without a limit
forwarded_allow_ips = ""  # whom the application believes, TRUSTED_PROXIES says
control_socket_disable = True  # it would be one socket for all servers of a user


# gunicorn puts this folder on the path only after it has read this file, so imports are inside.


def on_starting(server: Any) -> None:
    """Prepare the database once, before there are several processes that would."""
    gc.disable()  # garbage collection would take a fifth of the start
    from click import ClickException

    from app import VERSION, create_app
    from database.connections import close_connections, database_name, is_in_memory
    from demo.startup import init_database

    check_addresses(server.cfg.address)
    try:
        app = create_app(prepare=False)
        with app.app_context():
            if is_in_memory() and server.cfg.workers > 1:
                sys.exit(
                    "Each process would have an in-memory database of its own. Run one process"
                    " (WEB_CONCURRENCY=1), or name a file in FLASK_SQLALCHEMY_DATABASE_URI."
                )
            init_database()
            server.log.info("Version %s, with the database %s", VERSION, database_name())
    except ClickException as error:
        sys.exit(error.message)
    with app.app_context():
        close_connections()  # a connection must not cross a fork
    gc.freeze()  # what is here stays for good, and stays shared with the workers
    gc.enable()


def check_addresses(addresses: list[Any]) -> None:
    """Exit with a sentence if a port can't be had; gunicorn would try for five seconds."""
    if "GUNICORN_FD" in os.environ:
        return  # a new master takes over the sockets of the old one
    for address in addresses:
        if not isinstance(address, tuple):
            continue  # a Unix socket
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        try:
            socket.create_server(address, family=family).close()
        except (OSError, TypeError, UnicodeError) as error:
            reason = str(getattr(error, "strerror", error)).partition(" (")[0]
            sys.exit(
                f"The server can't listen on {address[0]}, port {address[1]}: {reason}."
                " HOST and PORT choose others, as in: PORT=9000 make run"
            )


def when_ready(server: Any) -> None:
    """Tell where the server listens, and what to try."""
    from demo.seeding import TOKENS

    url = str(server.LISTENERS[0])
    url = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    tokens = "\n".join(f"  {token:<16}{meaning}" for token, meaning in TOKENS.items())
    print(
        f"""
The server listens on {url}, and Ctrl-C stops it. A browser shows its page there.
These are its tokens:

{tokens}

Try it with this line, in another terminal:

  curl -X PUT {url}/v2/conversations/89m2pnabgozdvd9f \\
    -H 'Authorization: Bearer demo-owner' -H 'Content-Type: application/json' \\
    -d '{{"follow_up": true, "follow_up_message": "call back about pricing"}}'
""",
        flush=True,
    )


def post_worker_init(worker: Any) -> None:
    """Prepare a database in memory, which only this process has."""
    from database.connections import is_in_memory
    from demo.startup import init_database

    with worker.wsgi.app_context():
        if is_in_memory():
            init_database()


def worker_exit(_server: Any, worker: Any) -> None:
    """Let no request be missing in the journal."""
    if worker.wsgi:
        worker.wsgi.extensions["journal_writer"].write()


def on_exit(_server: Any) -> None:
    """Move everything into the one file, if no other server has it open."""
    from app import create_app
    from database.connections import tidy_up

    with create_app(prepare=False).app_context():
        tidy_up()
