"""HTTP connections whose handshakes and response headers end in time.

`requests` bounds the silence between two bytes, not the whole: headers that trickle, or an endless
row of `100 Continue`, would hold a request open for ever. Here a timer shuts the socket down, and
the reader sees a connection that broke off.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

# 2026-11-25: venues send their headers within a second, some within ten when they are busy.
MAX_HEADER_SECONDS = 60.0


class _EndsInTime:
    """Mixed into a connection of urllib3: connecting and reading headers are cut off when late."""

    sock: socket.socket | None

    def connect(self) -> None:
        with self._cut_off_when_late():
            super().connect()  # type: ignore[misc]

    def getresponse(self) -> Any:
        with self._cut_off_when_late():
            return super().getresponse()  # type: ignore[misc]

    @contextmanager
    def _cut_off_when_late(self) -> Iterator[None]:
        is_late = threading.Event()
        timer = threading.Timer(MAX_HEADER_SECONDS, self._cut_off, [is_late])
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()
        if is_late.is_set():
            # Headers that end with the connection would pass for a complete answer.
            raise TimeoutError(f"no complete headers within {MAX_HEADER_SECONDS:.0f} s")

    def _cut_off(self, is_late: threading.Event) -> None:
        is_late.set()
        # Unlike a close, a shutdown wakes the thread that waits in a read.
        with suppress(OSError, AttributeError):
            socket.socket.shutdown(self.sock, socket.SHUT_RDWR)  # type: ignore[arg-type]


class _BoundedHttp(_EndsInTime, HTTPConnection):
    pass


class _BoundedHttps(_EndsInTime, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _BoundedHttp


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _BoundedHttps


class BoundedAdapter(HTTPAdapter):
    """Mount it for http:// and https:// of a `requests.Session`."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """As HTTPAdapter, with connections that end in time."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HttpPool, "https": _HttpsPool}
