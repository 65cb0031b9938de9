"""HTTP connections with a time limit on handshakes, headers and bodies.

`requests` limits the silence between two bytes, not the total time: trickling headers, endless
`100 Continue` responses, or chunks whose sizes or trailers never end would keep a request open
forever. Here an alarm shuts the socket down, and the reader sees a broken connection.
"""

from __future__ import annotations

import heapq
import itertools
import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
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
        with self._headers_in_time():
            super().connect()  # type: ignore[misc]

    def getresponse(self) -> Any:
        # A response that ends with its connection takes the socket away from it.
        sock = self.sock
        with self._headers_in_time():
            response = super().getresponse()  # type: ignore[misc]
        response.unwind_socket = sock
        return response

    @contextmanager
    def _headers_in_time(self) -> Iterator[None]:
        with _shut_down_after(MAX_HEADER_SECONDS, lambda: self.sock) as is_late:
            yield
        if is_late.is_set():
            # Headers that end with the connection would look like a complete answer.
            raise TimeoutError(f"no complete headers within {MAX_HEADER_SECONDS:.0f} s")


def cut_off_after(response: Any, seconds: float) -> AbstractContextManager[threading.Event]:
    """While the body of a `urllib3` response is read: ends its connection after so many seconds.

    The event that it yields is set when it was ended. A body that ends with its connection looks
    complete even then.
    """
    return _shut_down_after(seconds, lambda: getattr(response, "unwind_socket", None))


@contextmanager
def _shut_down_after(
    seconds: float, found: Callable[[], socket.socket | None]
) -> Iterator[threading.Event]:
    is_late = threading.Event()

    def shut_down() -> None:
        is_late.set()
        # Unlike a close, a shutdown wakes the thread that waits in a read.
        with suppress(OSError, AttributeError, TypeError):
            socket.socket.shutdown(found(), socket.SHUT_RDWR)  # type: ignore[arg-type]

    alarm = _ALARMS.set(seconds, shut_down)
    try:
        yield is_late
    finally:
        _ALARMS.cancel(alarm)


class _Alarms:
    """Runs due calls in one thread, because a thread per request costs a tenth of the landing time.

    The calls must neither raise nor block.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._due: list[tuple[float, int]] = []
        self._calls: dict[int, Callable[[], None]] = {}
        self._places = itertools.count()
        self._process = 0

    def set(self, seconds: float, call: Callable[[], None]) -> int:
        """Schedules a call after so many seconds; returns a function that cancels it."""
        at = time.monotonic() + seconds
        with self._changed:
            place = next(self._places)
            self._calls[place] = call
            heapq.heappush(self._due, (at, place))
            if self._process != os.getpid():
                # None yet, or in a process that was forked: threads stay behind.
                self._process = os.getpid()
                threading.Thread(target=self._watch, name="alarms", daemon=True).start()
            elif self._due[0][1] == place:
                self._changed.notify()
        return place

    def cancel(self, place: int) -> None:
        """Does nothing where it was already called."""
        with self._changed:
            self._calls.pop(place, None)

    def _watch(self) -> None:
        while True:
            with self._changed:
                wait = self._due[0][0] - time.monotonic() if self._due else None
                if wait is None or wait > 0:
                    self._changed.wait(wait)
                    continue
                call = self._calls.pop(heapq.heappop(self._due)[1], None)
            if call is not None:
                call()


_ALARMS = _Alarms()


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
