"""The venues' wire formats: one file each, found by being here.

A venue file has pure functions from a tape and an instant to the bytes that the venue would send,
and states as `VENUE` what there is of it: `WireVenue(name, answers=..., streams=..., trading=...)`.
A new venue is a new file; nothing else changes, for the weights are shares of their sum.

What a file is made of comes from the `Tape`:

- liquidations: `tape.records(tape.pushed_rows(venue, from_ms, to_ms))` by the instant of their
  push, `tape.records(tape.rows(venue, from_ms, to_ms))` by their own; both what was published
  alone. Their text is exact by `answer.stepped(one.quantity_steps, instrument.quantity_decimals)`
  and `stepped(one.fill_ticks, instrument.price_decimals)`;
- what one frame of a push carries: `pushes(tape, venue, from_ms, to_ms, symbols)`;
- contracts: `tape.instruments_of(venue, market)`, `tape.instrument_number[venue, symbol]`;
- open interest, one-sided, at a minute's end: `oi_contracts`, `oi_base`, `oi_usd`;
- prices at a minute's end: `mark_price`, `index_price`; bars: `mark_bars(tape, instrument, ...)`
  of the mark as it is written, or `bars(asset, first, last, width)`,
  with the day's `volume_usd[asset_index[asset], minute]`;
- funding: `funding_rate` per interval, `funding_times_ms`; ratios: `long_short_ratios`;
- `minute_of(now_ms)`: the last complete minute. Nothing may be told of the time after `now_ms`.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from heapq import merge
from operator import itemgetter

from unwind.simulator.market import (
    MINUTE_MS,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
)
from unwind.simulator.responses import Answer, Request, fixed

# What was pushed in [from, to) to a subscriber of these symbols (None: of all), as (push time,
# text) in order of the push.
Frames = Callable[[Tape, int, int, frozenset[str] | None], list[tuple[int, str]]]
Answering = Callable[[Tape, int, Request], Answer]


@dataclass(frozen=True)
class Beat:
    """A text that the venue sends by itself every so many seconds, made of the tape's instant.

    After `unanswered` of them without an answer it closes the connection (None: it never does).
    """

    seconds: float
    text: Callable[[int], str]
    unanswered: int | None = None


@dataclass(eq=False)
class Subscriber:
    """What one open connection has subscribed to: symbols as `Frames` takes them, or everything.

    A `deaf` one was accepted but will never be told anything. `wrap` is put around each of its
    frames; `beat` may be changed by what the client says, and `unanswered` is set to 0 when it
    answers.
    """

    connection: str
    path: str
    deaf: bool = False
    symbols: set[str] = field(default_factory=set)
    everything: bool = False
    wrap: Callable[[str], str] | None = None
    beat: Beat | None = None
    unanswered: int = 0


def _silent(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    return []


@dataclass(frozen=True)
class WireStream:
    """One WebSocket connection id: what is said on it.

    `opened` takes the query of the URL (the path is the subscriber's), may subscribe by it, and
    gives the greeting. `replies` answers a client's text, snapshots included, and notes in the
    subscriber what it asked for. `pack` makes of every outgoing text the bytes that are sent.
    """

    connection: str
    frames: Frames
    replies: Callable[[Subscriber, Tape, int, str], list[str]]
    opened: Callable[[Subscriber, Tape, int, str], list[str]] = _silent
    pack: Callable[[str], bytes] | None = None
    beat: Beat | None = None


def _none(asset: Asset) -> Sequence[Instrument]:
    return ()


@dataclass(frozen=True)
class Trading:
    """What is traded at a venue.

    `contracts` are those it lists on a coin (see `listings.contract`), their shares being parts
    of the venue's, and `stocks` those on an asset of the sector `stocks`. The weights tell how an
    asset's open interest and new positions divide between venues; `size_scale` is the size of its
    positions relative to the others'.
    """

    contracts: Callable[[Asset], Sequence[Instrument]]
    oi_weight: float
    flow_weight: float
    rule: PublicationRule
    size_scale: float = 1.0
    stocks: Callable[[Asset], Sequence[Instrument]] = _none


@dataclass(frozen=True)
class WireVenue:
    """A venue as its file states it.

    `answers` has a function for each HTTP connection id; those in `files` serve files, which still
    appear after the tape's end. `faults` are the answers, by connection id and kind of fault
    (`throttled`, `error_code`, ...), that differ from the usual ones; `faulty_file` shows a fault
    of files. `capped` names the parameter of page sizes that a server may lower. `key` is the one
    that it accepts, where it wants one.

    `recorded` is what a recorder hears in [from, to), if not the streams' frames. `written` is the
    text of one published liquidation, to be found in the frames or else in what `told` gives of the
    liquidations that happened in [from, to).
    """

    name: str
    answers: Mapping[str, Answering] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    streams: tuple[WireStream, ...] = ()
    trading: Trading | None = None
    faults: Mapping[tuple[str, str], Answer] = field(default_factory=dict)
    faulty_file: Callable[[Tape, int, Request, str], Answer] | None = None
    capped: str | None = None
    key: str | None = None
    recorded: Callable[[Tape, int, int], list[tuple[int, str]]] | None = None
    written: Callable[[Tape, Liquidation], str] | None = None
    told: Callable[[Tape, int, int], Iterable[str]] | None = None

    @property
    def connections(self) -> tuple[str, ...]:
        """Its connection ids."""
        return (*self.answers, *(stream.connection for stream in self.streams))

    def received(self, tape: Tape, from_ms: int, to_ms: int) -> list[tuple[int, str]]:
        """What a recorder of all its streams hears in [from, to)."""
        if self.recorded is not None:
            return self.recorded(tape, from_ms, to_ms)
        heard = (stream.frames(tape, from_ms, to_ms, None) for stream in self.streams)
        return list(merge(*heard, key=itemgetter(0)))


def pushes(
    tape: Tape, venue: str, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, Instrument, list[Liquidation]]]:
    """What a venue published: each push's instant in [from, to), contract and rows."""
    groups: dict[tuple[int, int], list[Liquidation]] = {}
    for one in tape.records(tape.pushed_rows(venue, from_ms, to_ms)):
        if symbols is None or tape.instruments[one.instrument].symbol in symbols:
            groups.setdefault((one.pushed_ms, one.instrument), []).append(one)
    return [
        (pushed_ms, tape.instruments[number], rows) for (pushed_ms, number), rows in groups.items()
    ]


def mark_bars(
    tape: Tape, instrument: Instrument, starts: range, now_ms: int
) -> list[tuple[int, list[str]]]:
    """A contract's mark bars that begin at these instants (ms), a step of the range long.

    Each is its start, and open, high, low and close as the contract's prices are written. The last
    one may be unfinished at `now_ms`, and is left out before its first minute is over.
    """
    if not starts:
        return []
    first = (starts[0] - tape.start_ms) // MINUTE_MS
    last = (min(starts[-1] + starts.step, now_ms, tape.end_ms) - tape.start_ms) // MINUTE_MS
    bars = tape.bars(instrument.asset, first, last, starts.step // MINUTE_MS, spot=False).tolist()
    scale, decimals = instrument.multiplier, instrument.price_decimals
    return [
        (at_ms, [fixed(price * scale, decimals) for price in bar[:4]])
        for at_ms, bar in zip(starts, bars, strict=False)
    ]


@cache
def venues() -> Mapping[str, WireVenue]:
    """Every venue by name: those with a stream first, each in order of names."""
    found: list[WireVenue] = [
        importlib.import_module(f"{__name__}.{module.name}").VENUE
        for module in pkgutil.iter_modules(__path__)
    ]
    found.sort(key=lambda venue: (not venue.streams, venue.name))
    return {venue.name: venue for venue in found}


@cache
def venue_by_connection() -> Mapping[str, WireVenue]:
    """Each connection id's venue."""
    return {one: venue for venue in venues().values() for one in venue.connections}
