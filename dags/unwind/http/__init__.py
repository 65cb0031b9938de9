"""HTTP requests to venues: within their rate limits, retried, and on record byte by byte.

`client` makes them, by what a venue states: its `hosts`, its `error_rules` and its rate `limits`.
`fetch_log` is what stays of them.
"""

from unwind.http.client import MAX_PAGES, VenueApi
from unwind.http.error_rules import Signals, UnusableAnswerError, VenueStoppedError
from unwind.http.fetch_log import Answer, Download, Request, Transcript, usable_answers
from unwind.http.hosts import Connection
from unwind.http.limits import DAY_BOUNDS, HOUR_BOUNDS, Bounds, Pace
from unwind.http.session import USER_AGENT

__all__ = [
    "DAY_BOUNDS",
    "HOUR_BOUNDS",
    "MAX_PAGES",
    "USER_AGENT",
    "Answer",
    "Bounds",
    "Connection",
    "Download",
    "Pace",
    "Request",
    "Signals",
    "Transcript",
    "UnusableAnswerError",
    "VenueApi",
    "VenueStoppedError",
    "usable_answers",
]
