"""The venues: one file each, discovered in this package.

A venue's file states its hosts, error rules, rate limits and datasets: functions that paginate its
responses for a window of time. It interprets no more than pagination needs.
"""

from __future__ import annotations

import importlib
import pkgutil
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal, Protocol

from unwind.connections import connection_variable, password
from unwind.file_formats import FileFormat
from unwind.http import Connection, ErrorRules, RateLimit, Request, VenueApi


class NotKnownError(LookupError):
    """A dataset needs the contents of another (such as instruments), which are unknown."""


# 2026-11-25: the largest frames of liquidations seen are snapshots of some 100 kB.
MAX_FRAME_BYTES = 4 * 2**20

Cadence = Literal["hour", "daily", "day"]
# Landed with every hour; with the first hour of a day; with a day's batch of dumps and history.
HOUR: Cadence = "hour"
DAILY: Cadence = "daily"
DAY: Cadence = "day"


@dataclass(frozen=True)
class Window:
    """The time that a batch covers, `to_at` excluded."""

    from_at: datetime
    to_at: datetime

    @property
    def from_ms(self) -> int:
        return int(self.from_at.timestamp() * 1000)

    @property
    def last_ms(self) -> int:
        """The last millisecond inside; venues' ranges are inclusive at both ends."""
        return int(self.to_at.timestamp() * 1000) - 1

    @property
    def hours(self) -> list[datetime]:
        count = int((self.to_at - self.from_at) / timedelta(hours=1))
        return [self.from_at + timedelta(hours=hour) for hour in range(count)]


class LandingContext(Protocol):
    """The information available while a dataset is fetched."""

    def tracked(self, market: str = "") -> list[str]:
        """The instruments of a market with the most open interest, largest first."""
        ...

    def responses(self, dataset: str) -> Iterator[tuple[Request, Any]]:
        """A dataset's answers, from this landing or the last one of the past day.

        Raises NotKnownError where there are none.
        """
        ...

    def has(self, url: str, sha256: str | None = None) -> bool:
        """Whether a file is in the batch already (with these bytes), so need not be fetched."""
        ...


@dataclass(frozen=True)
class Ranked:
    """An instrument's size in its market; sizes compare only within a market."""

    market: str
    instrument: str
    size: float


Fetch = Callable[[VenueApi, Window, LandingContext], None]
Ranking = Callable[[Iterable[tuple[Request, Any]]], Iterator[Ranked]]


@dataclass(frozen=True)
class Settling:
    """How long after an hour's end a venue's responses may still be incomplete.

    `stated_on` is the day of this statement, `source` its origin or the reason for the choice.
    """

    after_end: timedelta
    stated_on: str
    source: str


@dataclass(frozen=True)
class Retention:
    """How far back a venue's responses on liquidations reach."""

    back: timedelta
    stated_on: str
    source: str


# The default for venues whose file sets none.
UNSTATED_SETTLING = Settling(
    timedelta(minutes=2), "2026-11-25", "nothing is stated of this venue; the longest of the others"
)


@dataclass(frozen=True)
class Dataset:
    """One dataset of a venue: how often it is landed, and the function that fetches it.

    `refetched` ones are checked in every landing (a dump may be published again). The one with
    `ranking` determines which instruments are tracked and is fetched first. `files` are downloads
    instead of API responses. A dataset that `is_snapshot` gives the current state, whatever the
    window: it is complete once the window is over, without a settling time.
    """

    name: str
    cadences: tuple[Cadence, ...]
    fetch: Fetch
    refetched: bool = False
    ranking: Ranking | None = None
    files: bool = False
    is_snapshot: bool = False


@dataclass(frozen=True)
class Stream:
    """One WebSocket feed of liquidations, as pure data: its address and its messages.

    `connection` is a key of the venue's CONNECTIONS (a wss:// host), `path` what follows it.
    `subscribe` holds the texts to send on opening. A venue without a wildcard has `instruments`
    instead, which lists what there is by REST, and `subscribe_to`, which makes of such a list the
    texts of each connection that is needed (`split` keeps them within a venue's limits).

    `ping` is the text that keeps it alive, sent every `ping_seconds`; if empty, the protocol's own
    ping is sent, or none where `reply` answers the venue's pings (None: the frame is not a ping).
    In each case silence for three `ping_seconds` means a dead connection. `unpack` decompresses a
    frame (`gunzip`); a frame that it refuses with ValueError is recorded as received.
    Neither pings that are replied to nor short frames that contain one of `control_frames` (answers
    to our pings) are recorded; one of `refusals` says that a subscription was refused. After
    `life_seconds` the connection is replaced by a fresh one, the two overlapping.
    """

    connection: str
    path: str
    subscribe: tuple[str, ...] = ()
    instruments: Callable[[VenueApi], Iterable[str]] | None = None
    subscribe_to: Callable[[Sequence[str]], Sequence[tuple[str, ...]]] | None = None
    ping: str = ""
    ping_seconds: float = 20.0
    reply: Callable[[str], str | None] | None = None
    unpack: Callable[[bytes], bytes] | None = None
    control_frames: tuple[str, ...] = ()
    refusals: tuple[str, ...] = ()
    life_seconds: float | None = None

    @property
    def name(self) -> str:
        """Its name in segments and logs."""
        return f"{self.connection}{self.path}"


def gunzip(payload: bytes) -> bytes:
    """A frame of gzip, decompressed; raises ValueError if it is not gzip or becomes too large."""
    unpacking = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = unpacking.decompress(payload, MAX_FRAME_BYTES)
    except zlib.error as error:
        raise ValueError(f"a frame is no gzip ({error})") from error
    if not unpacking.eof:
        raise ValueError(f"a frame of gzip is cut, or unpacks to over {MAX_FRAME_BYTES:,} bytes")
    return unpacked


def split(
    topics: Iterable[str], most: float, weigh: Callable[[str], float] = len
) -> list[list[str]]:
    """Topics in order, in parts that each weigh at most `most`; a text weighs its characters."""
    parts: list[list[str]] = []
    weight = 0.0
    for topic in topics:
        weight += weigh(topic)
        if not parts or weight > most:
            parts.append([])
            weight = weigh(topic)
        parts[-1].append(topic)
    return parts


@dataclass(frozen=True)
class Venue:
    """A venue as declared in its file; `recorded` ones have streams of liquidations.

    `formats` are those of files that only it publishes. One without markets publishes other
    venues' totals.
    """

    name: str
    connections: Mapping[str, Connection]
    error_rules: ErrorRules
    rate_limits: Sequence[RateLimit]
    datasets: tuple[Dataset, ...]
    streams: tuple[Stream, ...] = ()
    settling: Settling = UNSTATED_SETTLING
    retention: Retention | None = None
    formats: tuple[FileFormat, ...] = ()
    has_markets: bool = True

    @property
    def recorded(self) -> bool:
        return bool(self.streams)

    @property
    def missing_keys(self) -> list[str]:
        """The connection variables whose password must be set before it can be queried."""
        return [
            connection_variable(name)
            for name, connection in self.connections.items()
            if connection.key_header and not _has_key(name)
        ]


def _has_key(connection: str) -> bool:
    try:
        return bool(password(connection))
    except ValueError:
        # Set but unreadable, which the landing reports.
        return True


def dataset(
    name: str,
    *cadences: Cadence,
    refetched: bool = False,
    ranking: Ranking | None = None,
    files: bool = False,
    is_snapshot: bool = False,
) -> Callable[[Fetch], Dataset]:
    """Registers a function as a dataset of the venue of its file."""

    def made(fetch: Fetch) -> Dataset:
        return Dataset(name, cadences, fetch, refetched, ranking, files, is_snapshot)

    return made


@cache
def venues() -> Mapping[str, Venue]:
    """Every venue by name, in order of names."""
    found = (
        _venue(importlib.import_module(f"{__name__}.{module.name}"))
        for module in pkgutil.iter_modules(__path__)
    )
    return {venue.name: venue for venue in sorted(found, key=lambda venue: venue.name)}


def _venue(module: Any) -> Venue:
    datasets = tuple(value for value in vars(module).values() if isinstance(value, Dataset))
    seen: set[tuple[str, Cadence]] = set()
    for dataset in datasets:
        for cadence in dataset.cadences:
            # A day's batch and an hour's are two; a daily dataset is part of the hour's.
            place = (dataset.name, DAY if cadence == DAY else HOUR)
            if place in seen:
                raise ValueError(
                    f"{module.__name__} lands {dataset.name} twice in one batch; "
                    "make the two functions one"
                )
            seen.add(place)
    return Venue(
        name=module.NAME,
        connections=module.CONNECTIONS,
        error_rules=module.ERROR_RULES,
        rate_limits=module.RATE_LIMITS,
        # The ranking dataset comes first, because the others need its instruments.
        datasets=tuple(sorted(datasets, key=lambda dataset: dataset.ranking is None)),
        streams=getattr(module, "STREAMS", ()),
        settling=getattr(module, "SETTLING", UNSTATED_SETTLING),
        retention=getattr(module, "RETENTION", None),
        formats=getattr(module, "FORMATS", ()),
        has_markets=getattr(module, "HAS_MARKETS", True),
    )
