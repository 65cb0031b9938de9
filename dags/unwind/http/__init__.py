"""HTTP requests to venues: within their rate limits, retried, and on record byte by byte.

`client` makes them, by what a venue states: its `hosts`, its `error_rules` and its rate `limits`.
`fetch_log` is what stays of them.
"""

from unwind.http.client import MAX_PAGES, VenueApi
from unwind.http.error_rules import ErrorRules, UnusableResponseError, VenueStoppedError
from unwind.http.fetch_log import Download, FetchLog, Request, Response, usable_responses
from unwind.http.hosts import Connection
from unwind.http.limits import DAY_BOUNDS, HOUR_BOUNDS, Bounds, RateLimit
from unwind.http.session import USER_AGENT

__all__ = [
    "DAY_BOUNDS",
    "HOUR_BOUNDS",
    "MAX_PAGES",
    "USER_AGENT",
    "Bounds",
    "Connection",
    "Download",
    "ErrorRules",
    "FetchLog",
    "RateLimit",
    "Request",
    "Response",
    "UnusableResponseError",
    "VenueApi",
    "VenueStoppedError",
    "usable_responses",
]
