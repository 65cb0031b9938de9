"""The parts of an exchange's file: its contracts, APIs, streams and faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from heapq import merge
from operator import itemgetter
from typing import Any, NamedTuple

from unwind.simulator.endpoints import Moment, Quote
from unwind.simulator.market.scenario import Asset, Instrument, PublicationRule
from unwind.simulator.market.tape import Liquidation, Tape
from unwind.simulator.responses import Request, Response, json_response, json_text

# What was pushed in [from, to) to a subscriber of these symbols (None: of all), as (push time,
# text) in order of the push.
Frames = Callable[[Tape, int, int, frozenset[str] | None], list[tuple[int, str]]]
Responder = Callable[[Tape, int, str, Request], Response]
FileFault = Callable[[Tape, int, str, Request, str], Response]


@dataclass(frozen=True)
class Heartbeat:
    """A text that the venue sends at an interval, made from the tape's instant.

    After `unanswered` of them without an answer it closes the connection (None: it never does).
    """

    seconds: float
    text: Callable[[int], str]
    unanswered: int | None = None


@dataclass(eq=False)
class Subscriber:
    """The subscriptions of one open connection: symbols as `Frames` takes them, or everything.

    A `deaf` one was accepted but will never be sent anything. `wrap` is put around each of its
    frames; `beat` may be changed by a client's message, and `unanswered` is set to 0 when it
    answers.
    """

    connection: str
    path: str
    deaf: bool = False
    symbols: set[str] = field(default_factory=set)
    everything: bool = False
    wrap: Callable[[str], str] | None = None
    beat: Heartbeat | None = None
    unanswered: int = 0


Opened = Callable[[Subscriber, Moment, str], Iterable[Any]]


def greeting(*messages: Any) -> Opened:
    """A greeting that does not depend on the URL."""
    return lambda subscriber, now, query: messages


SILENT = greeting()


@dataclass(frozen=True)
class ExchangeStream:
    """One WebSocket connection id.

    `opened` takes the query of the URL (the path is the subscriber's), may subscribe by it, and
    gives the greeting. `replies` answers a client's text, snapshots included, and notes in the
    subscriber what it asked for. Both give texts, or values that are sent as JSON. `pack` makes of
    every outgoing text the bytes that are sent.
    """

    connection: str
    frames: Frames
    replies: Callable[[Subscriber, Moment, str], Iterable[Any]]
    opened: Opened = SILENT
    pack: Callable[[str], bytes] | None = None
    beat: Heartbeat | None = None


def _no_contracts(asset: Asset) -> Sequence[Instrument]:
    return ()


@dataclass(frozen=True)
class Trading:
    """What is traded at a venue.

    `contracts` are those it lists on a coin (see `listings.contract`), their shares being parts
    of the venue's, and `stocks` those on an asset of the sector `stocks`. The weights give how an
    asset's open interest and new positions divide between venues; `size_scale` is the size of its
    positions relative to the others'.
    """

    contracts: Callable[[Asset], Iterable[Instrument]]
    rule: PublicationRule
    oi_weight: float
    flow_weight: float
    size_scale: float = 1.0
    stocks: Callable[[Asset], Iterable[Instrument]] = _no_contracts


@dataclass(frozen=True)
class Exchange:
    """A venue as its file states it.

    `apis` has a responder for each HTTP connection id; those in `files` serve files, which still
    appear after the tape's end. `faults` are the responses, by connection id and kind of fault
    (`throttled`, `error_code`, ...), that differ from the usual ones; `faulty_file` shows a fault
    of files. `capped` names the parameter of page sizes that a server may lower. `key` is the one
    that it accepts, where it wants one.

    `written` is the text of one published liquidation, to be found in the frames or else in what
    `reported` gives of the liquidations that happened in [from, to).
    """

    name: str
    apis: Mapping[str, Responder] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    streams: tuple[ExchangeStream, ...] = ()
    trading: Trading | None = None
    faults: Mapping[str, Mapping[str, Response]] = field(default_factory=dict)
    faulty_file: FileFault | None = None
    capped: str | None = None
    key: str | None = None
    written: Callable[[Liquidation], Any] | None = None
    reported: Callable[[Tape, int, int], Iterable[str]] | None = None

    @property
    def connections(self) -> tuple[str, ...]:
        """Its connection ids."""
        return (*self.apis, *(stream.connection for stream in self.streams))

    def received(self, tape: Tape, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
        """The frames that a recorder of all its streams receives in [from, to)."""
        sent = (stream.frames(tape, from_ms, to_ms, None) for stream in self.streams)
        return list(merge(*sent, key=itemgetter(0)))


def rate_limited(body: Any) -> dict[str, Response]:
    """The faults of a venue that words a rate limit alike with status 429 and inside status 200."""
    return {"throttled": json_response(body, 429), "error_code": json_response(body)}


# -- pushes ----------------------------------------------------------------------------------------


class Push(NamedTuple):
    """What a venue published of one contract at one instant."""

    at_ms: int
    contract: Instrument
    rows: list[Liquidation]
    tape: Tape

    def quote_before(self) -> Quote:
        """The contract half a second earlier: for trades without a liquidation."""
        return Quote(self.tape, self.contract, self.at_ms - 500)


def per_push(venue: str, messages: Callable[[Push], Iterable[Any]]) -> Frames:
    """Frames made push by push: texts, or values that are sent as JSON."""

    def frames(
        tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
    ) -> list[tuple[int, str]]:
        groups: dict[tuple[int, int], list[Liquidation]] = {}
        for one in tape.records(tape.pushed_rows(venue, from_ms, to_ms)):
            if symbols is None or one.contract.symbol in symbols:
                groups.setdefault((one.pushed_ms, one.instrument), []).append(one)
        return [
            (at_ms, as_text(message))
            for (at_ms, _), rows in groups.items()
            for message in messages(Push(at_ms, rows[0].contract, rows, tape))
        ]

    return frames


def as_text(message: Any) -> str:
    """A message as it is sent: text unchanged, anything else as JSON."""
    return message if isinstance(message, str) else json_text(message)
