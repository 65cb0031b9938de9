"""The `requests` session of one venue, and how a body is read from it: bounded in time and size."""

from __future__ import annotations

import http.client
import logging
import time
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3

from unwind.http.bounded_transport import BoundedAdapter, cut_off_after

# At DEBUG it writes the URL of every request, with the connection's own query.
logging.getLogger("urllib3").setLevel(logging.INFO)

CHUNK_BYTES = 1 << 16
USER_AGENT = "unwind (open liquidation warehouse; public market data only)"


class Session(requests.Session):
    """Reads the environment's proxies and certificates once for each host.

    Reading them for every request would take longer than most responses.
    """

    def __init__(self) -> None:
        super().__init__()
        self.headers["User-Agent"] = USER_AGENT
        for scheme in ("http://", "https://"):
            self.mount(scheme, BoundedAdapter())
        self._of_host: dict[tuple[str, str], dict[str, Any]] = {}

    def merge_environment_settings(  # type: ignore[override]
        self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        """As in `requests`; every request of a client gives the same arguments for a host."""
        parts = urlsplit(url)
        host = (parts.scheme, parts.netloc)
        if host not in self._of_host:
            self._of_host[host] = dict(
                super().merge_environment_settings(url, proxies, stream, verify, cert)
            )
        return dict(self._of_host[host])


def copy_body(
    response: requests.Response,
    write: Callable[[bytes], Any],
    seconds: float,
    limit: int,
    *,
    sent_at: float,
    decode: bool,
    monotonic: Callable[[], float] = time.monotonic,
) -> str | None:
    """Passes a body on as it arrives; returns the reason if it was cut short.

    `seconds` count from `sent_at`, an instant of `monotonic`. Ends after `limit` bytes.
    """
    until = sent_at + seconds
    too_slow = f"took longer than {seconds:.0f} s"
    size = 0
    left = max(until - monotonic(), 0.0)
    with cut_off_after(response.raw, left) as is_late:
        try:
            while chunk := response.raw.read1(CHUNK_BYTES, decode_content=decode):
                write(chunk)
                size += len(chunk)
                if size > limit:
                    return f"was longer than {limit:,} bytes"
                if monotonic() > until:
                    return too_slow
        except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError):
            return too_slow if is_late.is_set() else f"broke off after {size:,} bytes"
    return too_slow if is_late.is_set() else None


def is_loopback(url: str) -> bool:
    """Whether a URL leads to this machine."""
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")
