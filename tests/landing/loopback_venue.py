"""A loopback server with scripted replies that records the requests it receives."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

NOW = datetime(2026, 1, 29, 15, 2, 3, 456789, tzinfo=UTC)


def clock() -> datetime:
    """Some two minutes after the end of the hour that the tests land."""
    return NOW


@dataclass
class Waits:
    """A fake sleep: records the seconds and returns at once."""

    seconds: list[float] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        self.seconds.append(seconds)


@dataclass(frozen=True)
class Reply:
    """`promised_bytes` sets a Content-Length that differs from the body's length."""

    body: bytes = b""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    promised_bytes: int | None = None


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    query: str
    params: dict[str, str]
    json: Any = None
    headers: dict[str, str] = field(default_factory=dict)


def as_json(value: Any, status: int = 200, **headers: str) -> Reply:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Reply(json.dumps(value).encode(), status, named)


Answering = Callable[[Asked], Reply]


class Loopback:
    """Routes by path: a list of replies (the last one repeats), or a function."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.routes: dict[str, list[Reply] | Answering] = {}
        self.otherwise: Answering = lambda asked: Reply(b"<html>no such page</html>", 404)
        self.url = ""

    def paths(self) -> list[str]:
        return [one.path for one in self.asked]

    def reply_to(self, asked: Asked) -> Reply:
        self.asked.append(asked)
        route = self.routes.get(asked.path)
        if route is None:
            return self.otherwise(asked)
        if callable(route):
            return route(asked)
        return route.pop(0) if len(route) > 1 else route[0]


@contextmanager
def served() -> Iterator[Loopback]:
    loopback = Loopback()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, *args: Any) -> None:
            pass

        def do_GET(self) -> None:
            self._answer(None)

        def do_POST(self) -> None:
            length = int(self.headers.get("Content-Length", 0))
            self._answer(json.loads(self.rfile.read(length)))

        def _answer(self, body: Any) -> None:
            parts = urlsplit(self.path)
            params = dict(parse_qsl(parts.query, keep_blank_values=True))
            asked = Asked(
                self.command, parts.path, parts.query, params, body, dict(self.headers.items())
            )
            reply = loopback.reply_to(asked)
            self.send_response(reply.status)
            for name, text in reply.headers.items():
                self.send_header(name, text)
            promised = reply.promised_bytes
            self.send_header(
                "Content-Length", str(len(reply.body) if promised is None else promised)
            )
            self.end_headers()
            self.wfile.write(reply.body)
            if promised is not None:
                self.close_connection = True

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    loopback.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
