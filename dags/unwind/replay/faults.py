"""Faults that the replay server shows on request.

What venues really answer when they throttle, block, or break.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from unwind.replay.wire.answer import Answer, json_answer

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
GEO_BLOCK = {
    "code": 0,
    "msg": "Service unavailable from a restricted location according to 'b. Eligibility' in "
    "https://www.binance.com/en/terms. Please contact customer service if you believe you "
    "received this message in error.",
}

# Faults that replace the whole answer, those that break one on its way, and those of dumps.
ANSWERED = (
    "throttled",
    "banned",
    "waf",
    "geo_blocked",
    "error_code",
    "html",
    "server_error",
    "not_found",
)
BROKEN = ("truncated", "empty", "reset", "no_answer", "slow")
DUMP_FAULTS = ("broken_zip", "bad_checksum", "odd_rows", "republished")
STREAM_FAULTS = ("drop", "refuse", "silent")
FAULTS = ANSWERED + BROKEN + DUMP_FAULTS + STREAM_FAULTS

VENUE_CONNECTIONS = {
    "binance": ("binance_um", "binance_cm", "binance_spot", "binance_dumps", "binance_ws"),
    "bybit": ("bybit", "bybit_ws"),
    "okx": ("okx", "okx_ws"),
    "hyperliquid": ("hyperliquid", "hyperliquid_nodefills"),
    "market_caps": ("coingecko", "coinpaprika"),
}


def names(venue: str, connection: str) -> bool:
    """Whether `venue`, a connection id or a venue's name, covers a connection."""
    return venue == connection or connection in VENUE_CONNECTIONS.get(venue, ())


@dataclass
class Fault:
    """A fault of one connection, or of all of a venue's.

    It shows for the next `requests` matching requests (None: until it is taken back). `path` limits
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


def answered(fault: Fault, connection: str) -> Answer:
    """The answer that replaces the venue's own."""
    wait = {"retry-after": f"{fault.seconds:g}"}
    if fault.kind == "throttled":
        return _throttled(connection, wait)
    if fault.kind == "banned":
        body = {
            "code": -1003,
            "msg": "Way too much request weight used; IP banned until 1769698800000.",
        }
        return replace(json_answer(body, 418), headers={"content-type": "application/json"} | wait)
    if fault.kind == "waf":
        page = b"access too frequent" if connection == "bybit" else WAF_PAGE
        return Answer(403, page, {"content-type": "text/html"})
    if fault.kind == "geo_blocked":
        return json_answer(GEO_BLOCK, 451)
    if fault.kind == "error_code":
        return _error_code(connection)
    if fault.kind == "server_error":
        return Answer(503, b"Service Unavailable", {"content-type": "text/plain"})
    if fault.kind == "not_found":
        return Answer(404, b"Not Found", {"content-type": "text/plain"})
    return Answer(200, HTML_PAGE, {"content-type": "text/html; charset=utf-8"})


def _throttled(connection: str, wait: dict[str, str]) -> Answer:
    bodies = {
        "okx": {"code": "50011", "data": [], "msg": "Too Many Requests"},
        "bybit": {"retCode": 10006, "retMsg": "Too many visits!", "result": {}, "time": 0},
        "coingecko": {
            "status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit."}
        },
        "coinpaprika": {"error": "too many requests"},
        "hyperliquid": None,
    }
    body = bodies.get(
        connection,
        {
            "code": -1003,
            "msg": "Too many requests; current limit is 2400 request weight per 1 MINUTE.",
        },
    )
    answer = json_answer(body, 429)
    return replace(answer, headers=answer.headers | wait)


def _error_code(connection: str) -> Answer:
    """An error that hides inside HTTP 200."""
    if connection == "bybit":
        return json_answer(
            {
                "retCode": 10006,
                "retMsg": "Too many visits!",
                "result": {},
                "retExtInfo": {},
                "time": 0,
            }
        )
    if connection == "okx":
        return json_answer({"code": "50011", "data": [], "msg": "Too Many Requests"})
    if connection == "coingecko":
        return json_answer(
            {
                "status": {
                    "error_code": 10005,
                    "error_message": "This request is limited to paid plans.",
                }
            }
        )
    return json_answer({"code": -1003, "msg": "Too many requests."})
