"""HTTP requests to venues: within their rate limits, retried, and on record byte by byte."""

from unwind.http.client import (
    DAY_BOUNDS,
    HOUR_BOUNDS,
    MAX_PAGES,
    USER_AGENT,
    Answer,
    Bounds,
    Connection,
    Download,
    Pace,
    Request,
    Signals,
    Transcript,
    UnusableAnswerError,
    VenueApi,
    VenueStoppedError,
    usable_answers,
)

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
