"""Landed and imported segments are equivalent: the same lines give the same facts."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from liquidation_imports import IMPORTED_AT, Built, built, clock_at, take_in
from websockets.asyncio.server import ServerConnection, serve

from unwind.landing.land import hour_batch, land_late_segments, seal_batch
from unwind.recorder.service import record_until
from unwind.settings import Home
from unwind.venues import venues

HOUR_AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
BTC_LONG = (
    '{"e":"forceOrder","E":1782820800500,"ps":"BTCUSDT","st":1,"o":{"s":"BTCUSDT","S":"SELL",'
    '"o":"LIMIT","f":"IOC","q":"0.014","p":"9910","ap":"9900","X":"FILLED","l":"0.014",'
    '"z":"0.014","T":1782820800123}}'
)
ETH_SHORT = (
    '{"e":"forceOrder","E":1782820801500,"ps":"ETHUSDT","st":1,"o":{"s":"ETHUSDT","S":"BUY",'
    '"o":"LIMIT","f":"IOC","q":"2","p":"181","ap":"181.5","X":"FILLED","l":"2","z":"2",'
    '"T":1782820801000}}'
)
# The first one is repeated, as with overlapping connections; the last one is torn.
FRAMES = (BTC_LONG, ETH_SHORT, BTC_LONG, '{"e":"forceOrder","E":178282080')


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "timed out waiting"
        await asyncio.sleep(0.05)


async def record_the_hour(home: Home) -> Path:
    """The recorder's segment of an hour in which Binance pushed these frames."""
    now = HOUR_AT.replace(second=2)
    folder = home.recorder / "binance"
    being_written, closed = (folder / f"2026-06-30T12.ndjson{end}" for end in (".open", ""))

    async def push(stream: ServerConnection) -> None:
        for frame in FRAMES:
            await stream.send(frame)
        await stream.wait_closed()

    async with serve(push, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        with pytest.MonkeyPatch.context() as environment, socket.socket() as listener:
            environment.setenv("AIRFLOW_CONN_BINANCE_WS", f"ws://127.0.0.1:{port}")
            listener.bind(("127.0.0.1", 0))
            stop = asyncio.Event()
            recording = asyncio.create_task(
                record_until(stop, home, [venues()["binance"]], lambda: now, listener)
            )
            await until(
                lambda: (
                    being_written.exists()
                    and being_written.read_bytes().count(b'"frame"') == len(FRAMES)
                )
            )
            now = HOUR_AT.replace(hour=13)
            await until(closed.exists)
            stop.set()
            await recording
    return closed


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The segment in the recorder's folder, landed with its hour."""
    home = Home(tmp_path_factory.mktemp("recorded"))
    asyncio.run(record_the_hour(home))
    seal_batch(home, hour_batch(HOUR_AT), clock_at(IMPORTED_AT))
    (seal,) = land_late_segments(home, clock_at(datetime(2026, 6, 30, 13, 30, tzinfo=UTC)))
    return built(home, {"segment": seal.batch.batch_id})


@pytest.fixture(scope="module")
def imported(landed: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """The same segment, imported into another home."""
    home = Home(tmp_path_factory.mktemp("imported"))
    segment = landed.home.recorder / "binance" / "2026-06-30T12.ndjson"
    return built(home, {"segment": take_in(home, "binance", "frames", [segment])})


def facts_of(warehouse: Built) -> list[dict[str, Any]]:
    """The facts without their batch and its seal time."""
    of_batch = {"batch_id", "sealed_at", "available_at"}
    return [
        {name: value for name, value in fact.items() if name not in of_batch}
        for fact in warehouse.facts("segment")
    ]


def test_recorded_frames_become_facts(landed: Built):
    found = [
        (fact["instrument"], fact["liquidated_side"], fact["notional_usd"])
        for fact in facts_of(landed)
    ]
    assert [(instrument, side, float(usd)) for instrument, side, usd in found] == [
        ("BTCUSDT", "long", 138.6),
        ("ETHUSDT", "short", 363.0),
    ]


def test_imported_frames_give_the_same_facts(landed: Built, imported: Built):
    assert facts_of(imported) == facts_of(landed)


def test_every_line_is_accounted_for_alike(landed: Built, imported: Built):
    accounting = landed.accounting("segment")
    # Connected, disconnected and gap lines are no rows.
    assert {name: accounting[name] for name in ("accepted", "repeated", "quarantined")} == {
        "accepted": 2,
        "repeated": 1,
        "quarantined": 1,
    }
    assert imported.accounting("segment") == accounting
