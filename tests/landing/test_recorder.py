"""The recorder against the simulator, and against small servers that fail as venues do.

Every test runs the whole recorder on loopback, with pauses of fractions of a second.
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import hashlib
import itertools
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.simulator.published import frames as pushed
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from unwind.clock import Clock, utc_now
from unwind.http import Connection, ErrorRules, VenueApi
from unwind.recorder.segments import missed
from unwind.recorder.service import Limits, RecorderError, record_until
from unwind.recorder.state import RecorderState, StreamState, read_state
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.market.steady import instant
from unwind.simulator.server import Simulator
from unwind.venues import Stream, Venue, gunzip, venues

Serve = Callable[[ServerConnection], Awaitable[None]]

# Everything a hundred times as fast, with pauses short enough for tests.
FAST = Limits(
    flush_seconds=0.05,
    state_seconds=0.05,
    initial_backoff_seconds=0.05,
    max_backoff_seconds=0.4,
    jitter_seconds=0.01,
    steady_seconds=5.0,
    overlap_seconds=0.3,
    refused_again_seconds=0.2,
    list_again_seconds=0.3,
)
FEED = Stream("fake_ws", "/feed", ping_seconds=5.0)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path / "home")


def fake(port: int, *streams: Stream, name: str = "fake") -> Venue:
    host = Connection(f"ws://127.0.0.1:{port}")
    return Venue(name, {"fake_ws": host}, ErrorRules(), (), (), streams)


@asynccontextmanager
async def recording(
    home: Home, *recorded: Venue, limits: Limits = FAST, clock: Clock = utc_now
) -> AsyncIterator[int]:
    """Runs a recorder inside the block, once it has written its state; the port of its health."""
    stop = asyncio.Event()

    def has_begun() -> bool:
        states = [read_state(home.recorder / venue.name) for venue in recorded]
        return all(state and state.streams for state in states)

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(record_until(stop, home, recorded, clock, listener, limits))
        try:
            await until(lambda: task.done() or has_begun())
            yield listener.getsockname()[1]
        finally:
            stop.set()
            await task


@asynccontextmanager
async def served(handler: Serve, port: int = 0) -> AsyncIterator[int]:
    async def answered(socket: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            await handler(socket)

    async with serve(answered, "127.0.0.1", port) as server:
        yield server.sockets[0].getsockname()[1]


async def until(holds: Callable[[], Any], seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "timed out waiting"
        await asyncio.sleep(0.02)


def recorded_lines(home: Home, venue: str = "fake") -> list[dict[str, Any]]:
    segments = sorted((home.recorder / venue).glob("*.ndjson*"))
    return [json.loads(line) for path in segments for line in path.read_bytes().splitlines()]


def frames(home: Home, venue: str = "fake") -> list[str]:
    return [line["frame"] for line in recorded_lines(home, venue) if "frame" in line]


def events(home: Home, event: str, venue: str = "fake") -> list[dict[str, Any]]:
    return [line for line in recorded_lines(home, venue) if line.get("event") == event]


def stream_gaps(home: Home) -> list[dict[str, Any]]:
    """Gaps of single streams, without the one before the first connection."""
    return [
        gap
        for gap in events(home, "gap")
        if "stream" in gap and gap["reason"] != "not connected yet"
    ]


def state_of(home: Home, venue: str = "fake") -> RecorderState:
    state = read_state(home.recorder / venue)
    assert state is not None
    return state


async def say_nothing(socket: ServerConnection) -> None:
    await socket.wait_closed()


# -- healthy venues -----------------------------------------------------------------------------


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    tape = short_tape()
    with Simulator(tape, now=instant(tape.start_ms)) as server:
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        yield server


def _without_answers(home: Home) -> list[str]:
    """Bybit's recorded frames, without acknowledgements."""
    return [text for text in frames(home, "bybit") if '"op":"subscribe"' not in text]


def test_all_frames_of_the_venues_are_recorded_verbatim(home: Home, simulator: Simulator):
    tape = simulator.tape
    until_at = instant(tape.start_ms) + timedelta(hours=2)
    until_ms = tape.start_ms + 2 * 3_600_000

    async def drive() -> None:
        chosen = [venues()[name] for name in ("binance", "bybit", "okx")]
        async with recording(home, *chosen):
            await until(lambda: len(events(home, "connected", "bybit")) == 2)
            await until(lambda: events(home, "connected", "binance"))
            await until(lambda: len(frames(home, "okx")) >= 2)
            # Subscriptions have been sent; give the venue a moment to accept them.
            await asyncio.sleep(0.3)
            await asyncio.to_thread(simulator.set_now, until_at)
            of_binance = pushed("binance", tape, tape.start_ms, until_ms)
            await until(lambda: len(frames(home, "binance")) == len(of_binance))
            of_bybit = pushed("bybit", tape, tape.start_ms, until_ms)
            await until(lambda: len(_without_answers(home)) == len(of_bybit))

    asyncio.run(drive())
    assert frames(home, "binance") == [
        text for _, text in pushed("binance", tape, tape.start_ms, until_ms)
    ]
    assert sorted(_without_answers(home)) == sorted(
        text for _, text in pushed("bybit", tape, tape.start_ms, until_ms)
    )
    of_okx = [text for text in frames(home, "okx") if '"data"' in text]
    assert of_okx == [text for _, text in pushed("okx", tape, tape.start_ms, until_ms)]


def test_pongs_are_not_recorded(home: Home, simulator: Simulator):
    okx = venues()["okx"]
    often = replace(okx, streams=(replace(okx.streams[0], ping_seconds=0.05),))

    async def drive() -> None:
        async with recording(home, often):
            await until(lambda: len(frames(home, "okx")) >= 2)
            await asyncio.sleep(0.5)

    asyncio.run(drive())
    assert [text for text in frames(home, "okx") if "pong" in text] == []


# -- connections that break ---------------------------------------------------------------------


def test_a_lost_connection_is_restored_and_the_gap_is_recorded(home: Home):
    number = itertools.count()

    async def one_frame(socket: ServerConnection) -> None:
        await socket.send(f"frame {next(number)}")
        await asyncio.sleep(0.05)
        await socket.close(1001, "maintenance")

    async def drive() -> None:
        async with served(one_frame) as port, recording(home, fake(port, FEED)):
            await until(lambda: len(frames(home)) >= 3)

    asyncio.run(drive())
    assert frames(home)[:3] == ["frame 0", "frame 1", "frame 2"]
    lost, _ = events(home, "disconnected")[:2]
    assert (lost["stream"], "maintenance" in lost["reason"]) == ("fake_ws/feed", True)
    gap, *_ = stream_gaps(home)
    assert gap["from_at"] < gap["to_at"]
    assert gap["reason"] == lost["reason"]
    assert state_of(home).streams[0].reconnects >= 2


def test_a_venue_that_closes_at_once_is_connected_to_less_and_less_often(home: Home):
    opened = []

    async def hang_up(socket: ServerConnection) -> None:
        opened.append(time.monotonic())

    async def drive() -> None:
        async with served(hang_up) as port, recording(home, fake(port, FEED)):
            await asyncio.sleep(2.0)

    asyncio.run(drive())
    # Pauses of 0.05, 0.1, 0.2 and then 0.4 s.
    assert 5 <= len(opened) <= 9
    assert opened[4] - opened[3] > 0.3


def test_a_host_that_is_down_is_connected_to_when_it_is_back(home: Home):
    async def greet(socket: ServerConnection) -> None:
        await socket.send("back")
        await socket.wait_closed()

    async def drive() -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        async with recording(home, fake(port, FEED)):
            await until(lambda: "cannot connect" in state_of(home).streams[0].problem)
            async with served(greet, port):
                await until(lambda: frames(home) == ["back"])
                await until(lambda: state_of(home).streams[0].down_since is None)

    asyncio.run(drive())


def test_a_quiet_feed_is_healthy(home: Home):
    opened = []

    async def quiet(socket: ServerConnection) -> None:
        opened.append(socket)
        await socket.wait_closed()

    async def drive() -> None:
        feed = replace(FEED, ping_seconds=0.05)
        async with served(quiet) as port, recording(home, fake(port, feed)):
            await asyncio.sleep(1.0)

    asyncio.run(drive())
    assert len(opened) == 1
    assert stream_gaps(home) == []


async def shake_hands_and_freeze(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """A server that accepts a stream and then answers nothing, not even pings."""
    asked = await reader.readuntil(b"\r\n\r\n")
    key = re.search(rb"Sec-WebSocket-Key: (\S+)", asked)[1]
    mark = base64.b64encode(
        hashlib.sha1(key + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()  # RFC 6455, 4.2.2
    )
    writer.write(
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + mark + b"\r\n\r\n"
    )
    with suppress(ConnectionError):
        await reader.read()
    writer.close()


@pytest.mark.parametrize("feed", [FEED, replace(FEED, ping="ping", control_frames=("pong",))])
def test_a_dead_connection_is_replaced(home: Home, feed: Stream):
    async def drive() -> None:
        frozen = await asyncio.start_server(shake_hands_and_freeze, "127.0.0.1", 0)
        port = frozen.sockets[0].getsockname()[1]
        async with frozen, recording(home, fake(port, replace(feed, ping_seconds=0.1))):
            await until(lambda: len(events(home, "connected")) >= 2)

    asyncio.run(drive())
    assert events(home, "disconnected")[0]["reason"] == "no answer to pings"
    gap, *_ = stream_gaps(home)
    # The gap starts at the last sign of life, here the start of the connection.
    lasted = datetime.fromisoformat(gap["to_at"]) - datetime.fromisoformat(gap["from_at"])
    assert lasted > timedelta(seconds=0.3)


# -- invalid frames -------------------------------------------------------------------------------


def test_malformed_frames_are_written_as_received(home: Home):
    async def garble(socket: ServerConnection) -> None:
        await socket.send('{"e":"forceOrder",')
        await socket.send("")
        await socket.send(b"\xff\x00{", text=True)
        await socket.send(b"\x1f\x8b not gzip")
        await socket.send("<html>502</html>\n")
        await socket.wait_closed()

    async def drive() -> None:
        feed = replace(FEED, unpack=gunzip)
        async with served(garble) as port, recording(home, fake(port, feed)):
            await until(lambda: len(frames(home)) == 5)

    asyncio.run(drive())
    assert frames(home) == [
        '{"e":"forceOrder",',
        "",
        "\\xff\x00{",
        "\x1f\\x8b not gzip",
        "<html>502</html>\n",
    ]
    assert stream_gaps(home) == []


def test_a_giant_frame_costs_a_gap_and_not_the_memory(home: Home):
    sizes = iter([3000, 10])

    async def shout(socket: ServerConnection) -> None:
        await socket.send("x" * next(sizes, 1))
        await socket.wait_closed()

    async def drive() -> None:
        limits = replace(FAST, max_frame_bytes=1000)
        async with served(shout) as port, recording(home, fake(port, FEED), limits=limits):
            await until(lambda: frames(home) == ["x" * 10])
            await until(lambda: len(stream_gaps(home)) == 2)

    asyncio.run(drive())
    reason = "a frame of more than 1,000 bytes was not taken"
    assert events(home, "disconnected")[0]["reason"] == reason
    assert sorted(gap.get("dropped", 0) for gap in stream_gaps(home)) == [0, 1]
    assert state_of(home).streams[0].dropped == 1


def test_gzip_bombs_are_refused():
    assert gunzip(gzip.compress(b'{"op":"ping"}')) == b'{"op":"ping"}'
    with pytest.raises(ValueError, match="unpacks to over 4,194,304 bytes"):
        gunzip(gzip.compress(bytes(5 * 2**20)))
    with pytest.raises(ValueError, match="no gzip"):
        gunzip(b'{"op":"ping"}')


@pytest.mark.parametrize(
    "stream",
    [one for venue in venues().values() for one in venue.streams if one.unpack],
    ids=lambda stream: stream.name,
)
@pytest.mark.parametrize(
    "frame", [b'{"op":"ping"}', gzip.compress(b'{"op":"ping"}')[:-4]], ids=["plain", "cut"]
)
def test_a_frame_with_unexpected_compression_costs_no_connection(stream, frame):
    with pytest.raises(ValueError, match="a frame"):
        stream.unpack(frame)


def htx_pong(text: str) -> str | None:
    ping = json.loads(text)
    return json.dumps({"op": "pong", "ts": ping["ts"]}) if ping["op"] == "ping" else None


def deribit_test(text: str) -> str | None:
    wanted = json.loads(text).get("params", {}).get("type") == "test_request"
    return '{"method":"public/test"}' if wanted else None


@pytest.mark.parametrize(
    ("reply", "pack", "ping", "pong"),
    [
        (htx_pong, gzip.compress, '{"op":"ping","ts":"7"}', '{"op": "pong", "ts": "7"}'),
        (
            deribit_test,
            bytes,
            '{"method":"heartbeat","params":{"type":"test_request"}}',
            '{"method":"public/test"}',
        ),
    ],
)
def test_a_venues_own_pings_are_answered_and_not_recorded(
    home: Home, reply: Any, pack: Any, ping: str, pong: str
):
    answers = []

    async def ask(socket: ServerConnection) -> None:
        assert await socket.recv() == "subscribe"
        await socket.send(pack(ping.encode()))
        answers.append(await socket.recv())
        await socket.send(pack(b'{"op":"notify"}'))
        await socket.send(pack(b"neither ping nor JSON"))
        await socket.wait_closed()

    async def drive() -> None:
        unpack = gunzip if pack is gzip.compress else None
        feed = replace(FEED, subscribe=("subscribe",), unpack=unpack, reply=reply)
        async with served(ask) as port, recording(home, fake(port, feed)):
            await until(lambda: len(frames(home)) == 2)

    asyncio.run(drive())
    assert answers == [pong]
    assert frames(home) == ['{"op":"notify"}', "neither ping nor JSON"]


# -- subscriptions ------------------------------------------------------------------------------

REFUSED = '{"success":false,"ret_msg":"error:handler not found,topic:allLiquidation.GONEUSDT"}'


def listed_in(names: list[str]) -> Callable[[VenueApi], list[str]]:
    return lambda api: list(names)


def one_request(names: Any) -> list[tuple[str, ...]]:
    return [(json.dumps([f"allLiquidation.{name}" for name in names]),)]


def test_a_refused_subscription_is_a_gap_until_it_is_accepted(home: Home):
    answers = iter(['{"event":"error","code":"60012"}'] * 2)

    async def refuse(socket: ServerConnection) -> None:
        await socket.recv()
        await socket.send(next(answers, '{"event":"subscribe"}'))
        await socket.wait_closed()

    async def drive() -> None:
        feed = replace(FEED, subscribe=("all",), refusals=('"event":"error"',))
        async with served(refuse) as port, recording(home, fake(port, feed)):
            await until(lambda: "refused" in state_of(home).streams[0].problem)
            await until(lambda: state_of(home).streams[0].down_since is None)

    asyncio.run(drive())
    (gap,) = stream_gaps(home)
    assert gap["reason"] == 'a subscription was refused: {"event":"error","code":"60012"}'
    assert frames(home)[:1] == ['{"event":"error","code":"60012"}']


def test_a_refused_instrument_is_left_out_and_costs_no_other(home: Home):
    subscriptions = []

    async def refuse(socket: ServerConnection) -> None:
        asked = json.loads(await socket.recv())
        subscriptions.append(asked)
        await socket.send(REFUSED if "allLiquidation.GONEUSDT" in asked else '{"success":true}')
        await socket.wait_closed()

    async def drive() -> None:
        feed = replace(
            FEED,
            instruments=listed_in(["BTCUSDT", "GONEUSDT", "GONEUSDT-27FEB26"]),
            subscribe_to=one_request,
            refusals=('"success":false',),
        )
        limits = replace(FAST, list_again_seconds=60)
        async with served(refuse) as port, recording(home, fake(port, feed), limits=limits):
            await until(lambda: frames(home)[-1:] == ['{"success":true}'])
            await until(lambda: state_of(home).streams[0].down_since is None)

    asyncio.run(drive())
    assert subscriptions[-1] == ["allLiquidation.BTCUSDT", "allLiquidation.GONEUSDT-27FEB26"]


def test_a_new_instrument_is_subscribed_without_a_gap(home: Home):
    names = ["BTCUSDT"]
    subscriptions = []

    async def listen(socket: ServerConnection) -> None:
        subscriptions.append(json.loads(await socket.recv()))
        await socket.wait_closed()

    async def drive() -> None:
        feed = replace(
            FEED, instruments=lambda api: list(names), subscribe_to=one_request, ping_seconds=1
        )
        async with served(listen) as port, recording(home, fake(port, feed)):
            await until(lambda: subscriptions == [["allLiquidation.BTCUSDT"]])
            names.append("NEWUSDT")
            await until(lambda: len(events(home, "disconnected")) == 1)

    asyncio.run(drive())
    assert subscriptions[-1] == ["allLiquidation.BTCUSDT", "allLiquidation.NEWUSDT"]
    assert events(home, "disconnected")[0]["reason"] == "replaced by a fresh connection"
    assert [gap["reason"] for gap in stream_gaps(home)] == ["its instruments are not known yet"]


def test_many_instruments_take_several_connections(home: Home):
    subscriptions = []

    async def listen(socket: ServerConnection) -> None:
        subscriptions.append(await socket.recv())
        await socket.send("frame")
        await socket.wait_closed()

    def one_connection_each(names: Any) -> list[tuple[str, ...]]:
        return [(name,) for name in names]

    async def drive() -> None:
        feed = replace(
            FEED, instruments=listed_in(["1", "2", "3"]), subscribe_to=one_connection_each
        )
        async with served(listen) as port, recording(home, fake(port, feed)):
            await until(lambda: len(frames(home)) == 3)

    asyncio.run(drive())
    assert sorted(subscriptions) == ["1", "2", "3"]
    names = [stream.stream for stream in state_of(home).streams]
    assert names == ["fake_ws/feed", "fake_ws/feed#2", "fake_ws/feed#3"]


def test_one_venues_broken_code_costs_only_itself(home: Home):
    def broken(names: Any) -> list[tuple[str, ...]]:
        raise KeyError("contractCode")

    async def greet(socket: ServerConnection) -> None:
        await socket.send("hello")
        await socket.wait_closed()

    async def drive() -> None:
        bad = replace(FEED, instruments=listed_in(["BTC"]), subscribe_to=broken)
        async with (
            served(greet) as port,
            recording(home, fake(port, bad, name="bad"), fake(port, FEED, name="good")),
        ):
            await until(lambda: frames(home, "good") == ["hello"])
            await until(lambda: "contractCode" in state_of(home, "bad").streams[0].problem)

    asyncio.run(drive())


# -- connections with a known lifetime ----------------------------------------------------------


def test_connections_overlap_when_their_life_ends(home: Home):
    everyone: set[ServerConnection] = set()
    last = -1

    async def listen(socket: ServerConnection) -> None:
        everyone.add(socket)
        try:
            await socket.wait_closed()
        finally:
            everyone.discard(socket)

    async def push() -> None:
        nonlocal last
        for last in itertools.count():
            for one in list(everyone):
                with suppress(ConnectionClosed):
                    await one.send(str(last))
            await asyncio.sleep(0.01)

    async def drive() -> None:
        feed = replace(FEED, life_seconds=0.6)
        async with served(listen) as port, recording(home, fake(port, feed)):
            pushing = asyncio.create_task(push())
            await until(lambda: len(events(home, "disconnected")) == 3)
            await asyncio.sleep(0.3)
            pushing.cancel()

    asyncio.run(drive())
    numbers = [int(text) for text in frames(home)]
    assert set(numbers) == set(range(numbers[0], max(numbers) + 1))
    assert len(numbers) > len(set(numbers))
    assert stream_gaps(home) == []
    assert state_of(home).streams[0].reconnects == 0


# -- the hour, the queue, the health ------------------------------------------------------------


def shifted(start: datetime) -> Clock:
    """A clock that starts at another instant and runs at normal speed."""
    began = time.monotonic()
    return lambda: start + timedelta(seconds=time.monotonic() - began)


def test_a_silent_hour_is_closed_when_it_is_over(home: Home):
    clock = shifted(datetime(2026, 1, 29, 14, 59, 59, tzinfo=UTC))
    folder = home.recorder / "fake"

    async def drive() -> None:
        async with served(say_nothing) as port, recording(home, fake(port, FEED), clock=clock):
            await until(lambda: (folder / "2026-01-29T14.ndjson").exists())
            assert clock() < datetime(2026, 1, 29, 15, 0, 1, tzinfo=UTC)
            await until(lambda: (folder / "2026-01-29T15.ndjson.open").exists())

    asyncio.run(drive())
    # The recorder was started a second before the hour's end.
    assert missed(folder / "2026-01-29T14.ndjson").seconds == pytest.approx(3599, abs=1)
    assert (folder / "2026-01-29T15.ndjson.open").read_bytes().count(b"gap") == 0


def test_frames_dropped_by_a_full_queue_are_counted_in_a_gap(home: Home):
    count = 5000

    async def flood(socket: ServerConnection) -> None:
        for number in range(count):
            await socket.send(f"{number:0100d}")
        await socket.wait_closed()

    async def drive() -> None:
        limits = replace(FAST, max_held_bytes=20_000, flush_seconds=0.3)
        async with served(flood) as port, recording(home, fake(port, FEED), limits=limits):
            await until(
                lambda: (
                    sum((state_of(home).streams[0].frames, state_of(home).streams[0].dropped))
                    == count
                )
            )
            await asyncio.sleep(0.5)

    asyncio.run(drive())
    dropped = sum(gap.get("dropped", 0) for gap in events(home, "gap"))
    assert dropped > 0
    assert len(frames(home)) + dropped == count
    (segment,) = (home.recorder / "fake").glob("*.ndjson.open")
    assert missed(segment).frames == dropped


def get(port: int) -> tuple[int, Any]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=5) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as refusal:
        return refusal.code, json.load(refusal)


def test_health_is_503_when_a_stream_is_down_for_long(home: Home):
    later = timedelta()

    async def drive() -> tuple[Any, Any]:
        nonlocal later
        async with served(say_nothing) as port:
            venue = fake(port, FEED, replace(FEED, connection="down_ws"))
            nowhere = {**venue.connections, "down_ws": Connection("ws://127.0.0.1:1")}
            venue = replace(venue, connections=nowhere)
            async with recording(home, venue, clock=lambda: utc_now() + later) as health:
                await until(lambda: state_of(home).streams[1].problem)
                await until(lambda: state_of(home).streams[0].connected_at)
                young = await asyncio.to_thread(get, health)
                later = timedelta(seconds=181)
                return young, await asyncio.to_thread(get, health)

    (young, _), (old, output) = asyncio.run(drive())
    assert (young, old) == (200, 503)
    (complaint,) = output["complaints"]
    assert complaint.startswith("down_ws/feed is down since ")
    assert "cannot connect" in complaint
    connected, _ = output["venues"][0]["streams"]
    assert (connected["stream"], connected["down_since"]) == ("fake_ws/feed", None)


def test_a_state_is_read_as_it_was_written():
    at = datetime(2026, 1, 29, 14, tzinfo=UTC)
    stream = StreamState("fake_ws/feed", connected_at=at, frames=3)
    state = RecorderState("fake", at, at, None, at, None, 0, None, "", (stream,))
    assert RecorderState.from_json(state.as_json()) == state
    assert state.is_running(at + timedelta(seconds=14))
    assert not state.is_running(at + timedelta(seconds=15))


# -- the process --------------------------------------------------------------------------------


def start(home: Home, port: int) -> subprocess.Popen[str]:
    """`unwind record` of Binance, whose stream leads to this port."""
    environment = {
        **os.environ,
        "UNWIND_HOME": str(home.root),
        "AIRFLOW_CONN_BINANCE_WS": f"ws://127.0.0.1:{port}",
    }
    return subprocess.Popen(
        [sys.executable, "-m", "unwind.cli", "record", "--venue", "binance", "--health-port", "0"],
        env=environment,
        stderr=subprocess.PIPE,
        text=True,
    )


class Counting:
    """A stream of numbers, 200 a second, with the time at which each was sent."""

    def __init__(self) -> None:
        self.sent_at: list[float] = []

    async def __call__(self, socket: ServerConnection) -> None:
        while True:
            await socket.send(str(len(self.sent_at)))
            self.sent_at.append(time.monotonic())
            await asyncio.sleep(0.005)


def test_a_kill_loses_at_most_a_second_and_the_next_start_records_the_gap(home: Home):
    counting = Counting()
    wall_clock = time.time() - time.monotonic()

    async def drive() -> float:
        async with served(counting) as port:
            killed = start(home, port)
            await until(lambda: len(counting.sent_at) > 600, 30)
            killed.kill()
            killed_at = time.monotonic()
            await asyncio.to_thread(killed.communicate)
            before = len(frames(home, "binance"))
            again = start(home, port)
            await until(lambda: len(frames(home, "binance")) > before + 100, 30)
            again.send_signal(signal.SIGTERM)
            await asyncio.to_thread(again.communicate)
            assert again.returncode == 0
            return killed_at

    killed_at = asyncio.run(drive())
    lines = recorded_lines(home, "binance")
    (gap,) = [
        place
        for place, line in enumerate(lines)
        if place > 0 and line.get("reason") == "the recorder was not running"
    ]
    before = [int(line["frame"]) for line in lines[:gap] if "frame" in line]
    after = [int(line["frame"]) for line in lines[gap:] if "frame" in line]
    assert before == list(range(len(before)))
    due = sum(at < killed_at - 1.0 for at in counting.sent_at)
    assert len(before) >= due > 0
    assert after == list(range(after[0], after[0] + len(after)))
    # Lost frames are within the gap.
    lost_at = counting.sent_at[len(before)] + wall_clock
    assert datetime.fromisoformat(lines[gap]["from_at"]).timestamp() <= lost_at + 0.05


def test_sigterm_loses_nothing_that_was_received(home: Home):
    counting = Counting()

    async def drive() -> None:
        async with served(counting) as port:
            process = start(home, port)
            await until(lambda: len(counting.sent_at) > 100, 30)
            process.send_signal(signal.SIGTERM)
            _, output = await asyncio.to_thread(process.communicate)
            assert (process.returncode, "Traceback" in output) == (0, False)

    asyncio.run(drive())
    numbers = [int(text) for text in frames(home, "binance")]
    assert numbers == list(range(len(numbers)))
    assert len(numbers) > 100
    assert events(home, "disconnected", "binance")[-1]["reason"] == "closed by the recorder"
    assert state_of(home, "binance").stopped_at is not None


def test_a_second_recorder_of_a_venue_is_refused(home: Home):
    async def drive() -> tuple[int, str]:
        async with served(say_nothing) as port, recording(home, fake(port, FEED, name="binance")):
            await until(lambda: read_state(home.recorder / "binance"))
            second = start(home, port)
            _, output = await asyncio.to_thread(second.communicate)
            return second.returncode, output

    code, output = asyncio.run(drive())
    assert code == 1
    assert output == (
        f"unwind: binance is recorded already in {home.root}; stop that recorder first, choose "
        "other venues with --venue, or record beside it with another --name\n"
    )


def test_an_unwritable_folder_is_reported_in_a_sentence(home: Home):
    home.root.mkdir()
    home.recorder.write_text("a file where the folder should be")

    async def drive() -> None:
        async with recording(home, fake(1, FEED)):
            pass

    with pytest.raises(RecorderError, match="cannot be written"):
        asyncio.run(drive())
