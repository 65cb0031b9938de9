"""How much may be requested of a venue: its rate limits, and the bounds of one landing."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from unwind.http.error_rules import MAX_REST_SECONDS, ErrorRules, VenueStoppedError

# Others (the recorder, a second machine) share the address's budget with us.
RATE_LIMIT_SHARE = 0.8


@dataclass(frozen=True)
class RateLimit:
    """A documented limit: `budget` cost units in any `seconds`, for paths that start so."""

    path: str
    budget: float
    seconds: float


@dataclass(frozen=True)
class Bounds:
    """Limits of time and size for one landing of a venue, and for each of its datasets.

    Bytes are those of a dataset's answers and files together. 2026-11-25: the longest hour seen
    took four minutes (of a venue that allows three requests a minute) and 100 MB.
    """

    venue_seconds: float = 45 * 60.0
    dataset_seconds: float = 30 * 60.0
    dataset_bytes: int = 4 * 2**30


HOUR_BOUNDS = Bounds()
# 2026-11-25: a day's dumps are up to 1,500 files, two requests each.
DAY_BOUNDS = Bounds(5 * 3600.0, 3 * 3600.0, 32 * 2**30)


class Deadlines:
    """When the landing of a venue, and of the dataset that is being landed, must end."""

    def __init__(self, venue: str, bounds: Bounds, monotonic: Callable[[], float]) -> None:
        self._venue = venue
        self._bounds = bounds
        self._monotonic = monotonic
        self._ends_at = monotonic() + bounds.venue_seconds
        self._dataset_ends_at = self._ends_at

    def begin_dataset(self) -> None:
        """Starts the next dataset's limits."""
        self._dataset_ends_at = self._monotonic() + self._bounds.dataset_seconds

    def seconds_left(self) -> float:
        """Until the first of the two deadlines."""
        return min(self._ends_at, self._dataset_ends_at) - self._monotonic()

    def check(self, bytes_taken: int, wait_seconds: float = 0.0) -> None:
        """Raises VenueStoppedError where a landing has taken all the time or space that it may."""
        now, bounds = self._monotonic() + wait_seconds, self._bounds
        if now >= self._ends_at:
            reached = f"the landing of {self._venue} may take {bounds.venue_seconds:,.0f} s"
        elif now >= self._dataset_ends_at:
            reached = f"one dataset's landing may take {bounds.dataset_seconds:,.0f} s"
        elif bytes_taken >= bounds.dataset_bytes:
            reached = f"one dataset's answers may be {bounds.dataset_bytes:,} bytes long"
        else:
            return
        raise VenueStoppedError(
            f"{self._venue} was not asked any further: {reached}; what came is kept, land again"
        )


class RateLimiter:
    """The used part of a venue's rate limits; each budget under the name of its group."""

    def __init__(self, rate_limits: Sequence[RateLimit]) -> None:
        self._rate_limits = rate_limits
        self._spent: dict[tuple[str, RateLimit], deque[tuple[float, float]]] = {}

    def wait_seconds(self, budget: str, path: str, cost: float, now: float) -> float:
        """How long to wait until a request to a path fits into its limit."""
        spent = self._of(budget, path)
        return rate_limit_wait_seconds(*spent, cost, now) if spent else 0.0

    def spend(self, budget: str, path: str, cost: float, at: float) -> None:
        """Counts a request that is sent now."""
        if spent := self._of(budget, path):
            spent[0].append((at, cost))

    def _of(self, budget: str, path: str) -> tuple[deque[tuple[float, float]], RateLimit] | None:
        rate_limit = next((one for one in self._rate_limits if path.startswith(one.path)), None)
        return (
            (self._spent.setdefault((budget, rate_limit), deque()), rate_limit)
            if rate_limit
            else None
        )


def rate_limit_wait_seconds(
    spent: deque[tuple[float, float]], rate_limit: RateLimit, cost: float, now: float
) -> float:
    """How long to wait until `cost` fits the limit; drops entries older than the window."""
    while spent and spent[0][0] <= now - rate_limit.seconds:
        spent.popleft()
    allowed = rate_limit.budget * RATE_LIMIT_SHARE
    used = sum(part for _, part in spent)
    wait = 0.0
    for at, part in spent:
        if used + cost <= allowed:
            break
        used -= part
        wait = at + rate_limit.seconds - now
    return wait


def stated_rests(
    error_rules: ErrorRules, headers: Mapping[str, str], now: datetime
) -> Iterator[float]:
    """The seconds to pause where the venue's own headers show that its budget is nearly used up."""
    used = _number(headers.get(error_rules.used_header or ""))
    if used is not None and used >= RATE_LIMIT_SHARE * error_rules.used_limit:
        next_minute = (now + timedelta(minutes=1)).replace(second=0, microsecond=0)
        yield (next_minute - now).total_seconds()
    remaining = _number(headers.get(error_rules.remaining_header or ""))
    reset = _number(headers.get(error_rules.reset_at_header or ""))
    if remaining is not None and remaining < 1 and reset is not None:
        reset_at_seconds = reset / 1000 if reset > 1e11 else reset
        rest = reset_at_seconds - now.timestamp()
        yield min(max(rest, 0.0), MAX_REST_SECONDS)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and value == value and abs(value) < 1e18 else None
