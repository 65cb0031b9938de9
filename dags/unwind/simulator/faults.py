"""Faults that the simulator shows on request.

The real responses of venues that throttle, block, or break.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from unwind.simulator.exchanges import exchange_of
from unwind.simulator.responses import Response, json_response

RETRY_AFTER_SECONDS = 1
WAF_PAGE = (
    b"<!DOCTYPE html><html><head><title>ERROR: The request could not be satisfied</title></head>"
    b"<body><h1>403 ERROR</h1><p>Request blocked. We can't connect to the server "
    b"for this app or website at this time.</p></body></html>"
)
HTML_PAGE = (
    b"<!DOCTYPE html><html><head><title>Maintenance</title></head>"
    b"<body>We will be back soon.</body></html>"
)
TEXT, PAGE = {"content-type": "text/plain"}, {"content-type": "text/html; charset=utf-8"}
# The default for venues that state no other.
USUAL = {
    "throttled": json_response({"error": "Too Many Requests"}, 429),
    "banned": json_response({"error": "Banned"}, 418),
    "waf": Response(403, WAF_PAGE, PAGE),
    "geo_blocked": json_response({"error": "Not available in your location"}, 451),
    "error_code": json_response({"error": "Too Many Requests"}),
    "html": Response(200, HTML_PAGE, PAGE),
    "server_error": Response(503, b"Service Unavailable", TEXT),
    "not_found": Response(404, b"Not Found", TEXT),
}

# Faults that replace the whole response, those that break one on its way, and those of dumps.
REPLACED = tuple(USUAL)
BROKEN = ("truncated", "empty", "reset", "no_answer", "slow")
DUMP_FAULTS = ("broken_zip", "bad_checksum", "odd_rows", "republished")
STREAM_FAULTS = ("drop", "refuse", "silent")
FAULTS = REPLACED + BROKEN + DUMP_FAULTS + STREAM_FAULTS


def names(venue: str, connection: str) -> bool:
    """Whether `venue`, a connection id or a venue's name, covers a connection."""
    found = exchange_of(connection)
    return venue == connection or (found is not None and venue == found.name)


@dataclass
class Fault:
    """A fault of one connection, or of all of a venue's.

    It shows for the next `requests` matching requests (None: until it is healed). `path` limits
    it to paths that contain the text; `seconds` is the Retry-After of `throttled` and `banned`, and
    the delay of `slow` and `no_answer`.
    """

    venue: str
    kind: str
    requests: int | None = None
    path: str = ""
    seconds: float = RETRY_AFTER_SECONDS

    def __post_init__(self) -> None:
        if self.kind not in FAULTS:
            raise ValueError(f"no such fault: {self.kind!r}; choose one of {', '.join(FAULTS)}")

    def matches(self, connection: str, path: str) -> bool:
        """Whether this fault applies to a request."""
        return names(self.venue, connection) and self.path in path and self.requests != 0


def fault_response(fault: Fault, connection: str) -> Response:
    """The response that replaces the venue's own."""
    exchange = exchange_of(connection)
    stated = exchange.faults.get(connection, {}) if exchange else {}
    response = stated.get(fault.kind, USUAL[fault.kind])
    if fault.kind in ("throttled", "banned"):
        return replace(response, headers=response.headers | {"retry-after": f"{fault.seconds:g}"})
    return response
