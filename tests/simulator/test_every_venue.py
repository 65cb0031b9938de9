"""What every simulated venue must do, by discovery."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from os.path import commonprefix
from pathlib import Path

import numpy as np
import pytest

from unwind.http import VenueApi
from unwind.simulator.episode import short_tape
from unwind.simulator.exchange import Exchange, Subscriber, as_text
from unwind.simulator.exchanges import exchanges
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS, instant
from unwind.simulator.market.tape import Tape
from unwind.simulator.server import Simulator
from unwind.simulator.streams import STREAMS, OpenStream
from unwind.venues import Stream, Venue, venues

VENUES = list(exchanges().values())
TRADED = [venue for venue in VENUES if venue.trading]
RECORDED = [venue for venue in VENUES if venue.streams]
# Some venues push rows as old as this.
LATE_MS = MINUTE_MS


@pytest.fixture(scope="module")
def tape() -> Tape:
    return short_tape()


@pytest.fixture(scope="module")
def busiest_ms(tape: Tape) -> int:
    """The start of the hour with the most published liquidations."""
    at_ms = tape.liquidations.at_ms[tape.liquidations.published]
    hours, counts = np.unique(at_ms[at_ms < tape.end_ms - HOUR_MS] // HOUR_MS, return_counts=True)
    return int(hours[counts.argmax()]) * HOUR_MS


@pytest.mark.parametrize("venue", venues().values(), ids=lambda venue: venue.name)
def test_a_connectors_connections_are_those_that_are_simulated(venue: Venue) -> None:
    # A connection that follows another is served by that one.
    own = {name for name, one in venue.connections.items() if one.follows is None}
    assert set(exchanges()[venue.name].connections) == own


def test_only_venues_that_have_a_connector_are_exchanges() -> None:
    assert set(exchanges()) == set(venues())


@pytest.mark.parametrize("venue", TRADED, ids=lambda venue: venue.name)
def test_every_published_liquidation_of_the_busiest_hour_is_sent(
    venue: Exchange, tape: Tape, busiest_ms: int
) -> None:
    rows = tape.records(tape.rows(venue.name, busiest_ms, busiest_ms + HOUR_MS))
    assert rows
    assert venue.written is not None
    written = Counter(as_text(venue.written(one)) for one in rows)
    if venue.streams:
        received = venue.received(tape, busiest_ms, busiest_ms + HOUR_MS + LATE_MS)
        sent: Iterable[str] = [text for _, text in received]
    else:
        assert venue.reported is not None
        sent = venue.reported(tape, busiest_ms, busiest_ms + HOUR_MS)
    assert written <= _found(written, "\n".join(sent))


def _found(wanted: Iterable[str], text: str) -> Counter[str]:
    """How often each of the wanted texts occurs in a long text."""
    wanted = list(wanted)
    start = commonprefix(wanted)  # noqa: RUF071  texts, not paths
    lengths = {len(one) for one in wanted}
    found: Counter[str] = Counter()
    at = text.find(start)
    while at >= 0:
        found.update(text[at : at + length] for length in lengths)
        at = text.find(start, at + 1)
    return found


@pytest.mark.parametrize("venue", RECORDED, ids=lambda venue: venue.name)
def test_frames_are_the_same_again_and_windows_lose_and_repeat_nothing(
    venue: Exchange, tape: Tape, same_tape: Tape, busiest_ms: int
) -> None:
    middle_ms = busiest_ms + 17 * MINUTE_MS + 1234
    end_ms = busiest_ms + HOUR_MS
    for stream in venue.streams:
        whole = stream.frames(tape, busiest_ms, end_ms, None)
        pushed = [at_ms for at_ms, _ in whole]
        assert pushed == sorted(pushed)
        assert busiest_ms <= pushed[0]
        assert pushed[-1] < end_ms
        assert stream.frames(same_tape, busiest_ms, end_ms, None) == whole
        parts = stream.frames(tape, busiest_ms, middle_ms, None)
        assert parts + stream.frames(tape, middle_ms, end_ms, None) == whole


@pytest.fixture(scope="module")
def same_tape() -> Tape:
    return short_tape()


@pytest.mark.parametrize("venue", RECORDED, ids=lambda venue: venue.name)
def test_a_connectors_subscriptions_cover_everything_that_is_pushed(
    venue: Exchange,
    tape: Tape,
    busiest_ms: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connector = venues()[venue.name]
    with Simulator(tape, now=instant(busiest_ms)) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        api = VenueApi(
            venue.name,
            connector.connections,
            connector.error_rules,
            connector.rate_limits,
            folder=tmp_path,
            clock=lambda: datetime.now(UTC),
        )
        with api.recording("instruments"):
            opened = [
                _subscribed(tape, busiest_ms, stream, texts)
                for stream in connector.streams
                for texts in (
                    stream.subscribe_to(list(stream.instruments(api)))
                    if stream.instruments and stream.subscribe_to
                    else [stream.subscribe]
                )
            ]
        api.close()
    pushed: Counter[str] = Counter()
    for one in opened:
        one.push(tape, busiest_ms, busiest_ms + HOUR_MS)
        pushed.update(_drained(one))
    frames = [
        text
        for stream in venue.streams
        for _, text in stream.frames(tape, busiest_ms, busiest_ms + HOUR_MS, None)
    ]
    assert pushed == Counter(frames)


def _subscribed(tape: Tape, now_ms: int, stream: Stream, texts: Iterable[str]) -> OpenStream:
    """A connection after sending these texts, none of which was refused."""
    path, _, query = stream.path.partition("?")
    opened = OpenStream(STREAMS[stream.connection], Subscriber(stream.connection, path or "/"))
    opened.greet(tape, now_ms, query)
    for text in texts:
        opened.receive(tape, now_ms, text)
    replies = _drained(opened)
    assert not [text for text in replies for refusal in stream.refusals if refusal in text]
    return opened


def _drained(opened: OpenStream) -> list[str]:
    return [opened.waiting.get_nowait() or "" for _ in range(opened.waiting.qsize())]
