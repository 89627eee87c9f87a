"""gunicorn's settings, which the command `gunicorn` reads in this folder."""

import gc
import os
import resource
import sys
from contextlib import suppress
from typing import Any

from gevent import monkey

monkey.patch_all()  # all waits yield, those of the database's driver and pool included

HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = os.environ.get("PORT") or "8000"
WORKERS = os.environ.get("WEB_CONCURRENCY") or "2"

if not PORT.isdecimal() or not 1 <= int(PORT) <= 65535:
    sys.exit(f"PORT must be a number from 1 to 65535, not {PORT!r}.")
if not WORKERS.isdecimal() or int(WORKERS) < 1:
    sys.exit(f"WEB_CONCURRENCY must be a number of processes, 1 or more, not {WORKERS!r}.")

MAX_FILES = 65_536  # open files of a process, if the system allows it
_, HARD_LIMIT = resource.getrlimit(resource.RLIMIT_NOFILE)
FILES = MAX_FILES if HARD_LIMIT == resource.RLIM_INFINITY else min(HARD_LIMIT, MAX_FILES)
with suppress(ValueError, OSError):  # macOS has another limit
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, HARD_LIMIT))

wsgi_app = "app:create_app(prepare=False)"  # `on_starting` prepares the database
bind = f"[{HOST.strip('[]')}]:{PORT}" if ":" in HOST else f"{HOST}:{PORT}"
workers = int(WORKERS)
worker_class = "serving.worker.Worker"
worker_connections = max(FILES - 100, FILES // 2)  # the rest is for other files
keepalive = 75  # seconds that a connection may be idle
limit_request_line = 8190  # bytes
limit_request_field_size = 8190  # bytes of each header
sendfile = False  # it would wait for clients without a limit
# `*` saves a look-up of each address; no header is trusted, as the application has TRUSTED_PROXIES.
forwarded_allow_ips = "*"
forwarder_headers = ""
secure_scheme_headers: dict[str, str] = {}
control_socket_disable = True  # a user's servers would share it


# The functions import modules themselves, as gunicorn adds this folder to the path only later.


def on_starting(server: Any) -> None:
    """Prepare the database once, before the workers start."""
    gc.disable()  # garbage collection would take a fifth of the start
    from click import ClickException

    from database.connections import close_connections, database_name, is_in_memory
    from demo.startup import init_database
    from web.access_log import CleanFormatter

    for handler in server.log.error_log.handlers:
        handler.setFormatter(CleanFormatter(server.log.error_fmt, server.log.datefmt))
    try:
        app = server.app.wsgi()  # the workers inherit it
        with app.app_context():
            if is_in_memory() and server.cfg.workers > 1:
                sys.exit(
                    "Processes can't share an in-memory database. Run one process"
                    " (WEB_CONCURRENCY=1), or set FLASK_SQLALCHEMY_DATABASE_URI to a file."
                )
            init_database()
            server.log.info(
                "Version %s, with the database %s", app.config["VERSION"], database_name()
            )
            close_connections()  # a connection must not cross a fork
    except ClickException as error:
        sys.exit(error.message)
    gc.freeze()  # the workers share all these objects
    gc.enable()


def when_ready(server: Any) -> None:
    """Print the address, the tokens, and a request to try."""
    from demo.seeding import TOKENS

    url = str(server.LISTENERS[0])
    url = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    tokens = "\n".join(f"  {token:<16}{meaning}" for token, meaning in TOKENS.items())
    print(
        f"""
The server listens on {url}. Open that address in a browser to see the inbox.
Press Ctrl-C to stop the server. The tokens are:

{tokens}

To send a request, run this in another terminal:

  curl -X PUT {url}/v2/conversations/89m2pnabgozdvd9f \\
    -H 'Authorization: Bearer demo-owner' -H 'Content-Type: application/json' \\
    -d '{{"follow_up": true, "follow_up_message": "call back about pricing"}}'
""",
        flush=True,
    )


def post_worker_init(worker: Any) -> None:
    """Prepare an in-memory database, which belongs to this process."""
    from database.connections import is_in_memory
    from demo.startup import init_database

    with worker.wsgi.app_context():
        if is_in_memory():
            init_database()


def worker_exit(_server: Any, worker: Any) -> None:
    """Write the last requests into the request journal."""
    if worker.wsgi:
        worker.wsgi.extensions["journal_writer"].write()


def on_exit(server: Any) -> None:
    """Move all data into the database's main file, unless another server has it open."""
    from database.connections import checkpoint

    with server.app.wsgi().app_context():
        checkpoint()
