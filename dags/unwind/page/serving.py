"""The current release's page over HTTP, on loopback alone.

It is a file that needs no server; this is for `unwind up`, whose readers want an address that
stays. Nothing but the page is served: no listing, no other file, no method that changes anything.
"""

from __future__ import annotations

import re
import signal
import threading
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from unwind.page.writing import PAGE
from unwind.settings import Home

LOOPBACK = "127.0.0.1"
PATHS = {"/", f"/{PAGE}"}
# A reader that sends nothing holds a thread no longer than this.
TIMEOUT_SECONDS = 10
# The page's own policy, which names the hashes of its scripts and styles.
_POLICY = re.compile(rb'http-equiv="Content-Security-Policy" content="([^"]+)"')
_NOTHING = "default-src 'none'"
_ABSENT = (
    "There is no page yet: `unwind refresh` writes one with each release, and `unwind page` writes "
    "that of the current one.\n"
)


class PageServer(ThreadingHTTPServer):
    """Serves one home's page; each request reads the file of the release that is current then."""

    daemon_threads = True

    def __init__(self, home: Home, port: int, host: str = LOOPBACK) -> None:
        self.home = home
        super().__init__((host, port), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: PageServer
    timeout = TIMEOUT_SECONDS
    protocol_version = "HTTP/1.1"
    server_version = "unwind"
    sys_version = ""

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def _answer(self, with_body: bool) -> None:
        if not self._is_for_this_machine():
            self._send(HTTPStatus.MISDIRECTED_REQUEST, b"", with_body)
        elif self.path.partition("?")[0] not in PATHS:
            self._send(HTTPStatus.NOT_FOUND, b"", with_body)
        else:
            try:
                page = (self.server.home.current / PAGE).read_bytes()
            except OSError:
                self._send(HTTPStatus.NOT_FOUND, _ABSENT.encode(), with_body)
            else:
                self._send(HTTPStatus.OK, page, with_body, "text/html; charset=utf-8")

    def _is_for_this_machine(self) -> bool:
        """Whether the address was this one: a foreign name could be pointed here by its owner."""
        host = self.headers.get("Host", "").rpartition(":")[0] or self.headers.get("Host", "")
        return host in {LOOPBACK, "localhost"}

    def _send(
        self,
        status: HTTPStatus,
        body: bytes,
        with_body: bool,
        kind: str = "text/plain; charset=utf-8",
    ) -> None:
        found = _POLICY.search(body[:8192]) if status == HTTPStatus.OK else None
        policy = found[1].decode() if found else _NOTHING
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Security-Policy", f"{policy}; frame-ancestors 'none'")
        self.send_header("X-Content-Type-Options", "nosniff")
        self.send_header("X-Frame-Options", "DENY")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("Cross-Origin-Opener-Policy", "same-origin")
        self.send_header("Cross-Origin-Resource-Policy", "same-origin")
        # The next release has another page at the same address.
        self.send_header("Cache-Control", "no-store")
        self.end_headers()
        if with_body:
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Logs no requests."""


def serve(home: Home, port: int, host: str = LOOPBACK) -> None:
    """Serves until SIGINT or SIGTERM. Raises OSError where the port is taken.

    Another `host` is for a container, whose port is published on loopback: requests by another name
    are refused in any case.
    """
    with PageServer(home, port, host) as server:

        def stop(*_: Any) -> None:
            # `shutdown` waits for the loop, which runs in this thread.
            threading.Thread(target=server.shutdown, daemon=True).start()

        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        server.serve_forever(poll_interval=0.2)
