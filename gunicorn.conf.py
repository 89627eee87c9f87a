"""How gunicorn serves the application; `gunicorn` alone, typed in this folder, reads this."""

import gc
import os
import socket
import sys
from typing import Any

HOST = os.environ.get("HOST") or "127.0.0.1"
PORT = os.environ.get("PORT") or "8000"
WORKERS = os.environ.get("WEB_CONCURRENCY") or "2"

if not PORT.isdecimal() or not 1 <= int(PORT) <= 65535:
    sys.exit(f"PORT is {PORT!r}, but it has to be a number from 1 to 65535.")
if not WORKERS.isdecimal() or int(WORKERS) < 1:
    sys.exit(f"WEB_CONCURRENCY is {WORKERS!r}, but it has to be a number of processes, 1 or more.")

SILENT_SECONDS = 8 * 3600  # the longest that a connection may send nothing

wsgi_app = "app:create_app(prepare=False)"  # it is prepared before there are processes
bind = f"[{HOST}]:{PORT}" if ":" in HOST else f"{HOST}:{PORT}"
workers = int(WORKERS)
# A worker without threads serves twice as much as one with four, but waits for what a connection
# sends. Browsers open connections ahead of their use: Linux can keep those from us until they send
# something (`when_ready`). Elsewhere threads have to wait for them.
threads = 1 if hasattr(socket, "TCP_DEFER_ACCEPT") else 4
limit_request_line = 0  # 0 is no limit: a URL that is too long gets our own error response
control_socket_disable = True  # it would be one socket for all servers of a user


# gunicorn puts this folder on the path only after it has read this file, so imports are inside.


def on_starting(server: Any) -> None:
    """Prepare the database once, before there are several processes that would."""
    gc.disable()  # garbage collection would take a fifth of the start
    from sqlalchemy.exc import SQLAlchemyError

    from app import VERSION, create_app
    from database.connections import database_name, db
    from demo.commands import UnusableDatabase, prepare_database

    try:
        app = create_app(prepare=False)
        with app.app_context():
            prepare_database()
            server.log.info("Version %s, with the database %s", VERSION, database_name())
    except UnusableDatabase as error:
        sys.exit(error.message)
    except (SQLAlchemyError, ImportError, ValueError) as error:  # of a URL that makes no sense
        sys.exit(f"The server can't start: {error}. Is FLASK_SQLALCHEMY_DATABASE_URI right?")
    with app.app_context():
        db.engine.dispose()  # a connection to SQLite must not cross a fork
    gc.freeze()  # what is here stays for good, and stays shared with the workers
    gc.enable()


def when_ready(server: Any) -> None:
    """Let nobody wait for silent connections; tell where it listens, and what to try."""
    from demo.commands import TOKENS

    for listener in server.LISTENERS:
        if hasattr(socket, "TCP_DEFER_ACCEPT") and listener.sock.family != socket.AF_UNIX:
            listener.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, SILENT_SECONDS)
    url = str(server.LISTENERS[0])
    url = url.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
    tokens = "\n".join(f"  {token:<16}{meaning}" for token, meaning in TOKENS.items())
    print(
        f"""
The server listens on {url}, and Ctrl-C stops it. These are its tokens:

{tokens}

Try it with this line, in another terminal:

  curl -X PUT {url}/v2/conversations/89m2pnabgozdvd9f \\
    -H 'Authorization: Bearer demo-owner' -H 'Content-Type: application/json' \\
    -d '{{"follow_up": true, "follow_up_message": "call back about pricing"}}'
""",
        flush=True,
    )
