"""Several recorders of one venue: their segments make one hour, and a shared event is one fact."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from loopback_venue import Loopback, Waits, as_json, clock
from typer.testing import CliRunner
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from unwind.cli import app
from unwind.clock import utc_now
from unwind.landing.land import batch_of, land_late_segments, land_venue, seal_batch
from unwind.landing.ledger import HourCoverage, Landing, Ledger
from unwind.recorder.segments import event_line, frame_line
from unwind.recorder.service import Limits, check_name, record_until
from unwind.recorder.state import recorder_states
from unwind.settings import Home
from unwind.venues import venues
from unwind.warehouse.refresh import refresh

HOUR = batch_of("hour-2026-01-29T14")
AT = datetime(2026, 1, 29, 14, tzinfo=UTC)


def at(minute: float) -> datetime:
    return AT + timedelta(minutes=minute)


def gap(from_minute: float, to_minute: float, **more: Any) -> bytes:
    details = {"reason": "test", "from_at": at(from_minute), "to_at": at(to_minute), **more}
    return event_line(at(to_minute), "gap", details)


def recorded(home: Home, name: str, *lines: bytes, venue: str = "bybit", hour: int = 14) -> Path:
    folder = home.recorder / name / venue
    folder.mkdir(parents=True, exist_ok=True)
    segment = folder / f"2026-01-29T{hour:02d}.ndjson"
    segment.write_bytes(b"".join(lines))
    return segment


def liquidations(home: Home, venue: str = "bybit") -> Landing:
    landed = Ledger(home).landed(HOUR.batch_id, venue)
    return next(one for one in landed if one.dataset == "liquidations")


def streamed(landing: Landing) -> HourCoverage:
    (one,) = [one for one in landing.coverage or () if one.source_kind == "stream"]
    return one


@pytest.fixture
def quiet(all_venues: Loopback) -> Loopback:
    """Venues refuse every request, so that only recorded data lands."""
    return all_venues


@pytest.mark.usefixtures("quiet")
def test_overlapping_gaps_of_two_give_a_complete_hour(home: Home, waits: Waits):
    recorded(home, "", gap(0, 25))
    recorded(home, "tokyo", gap(25, 60))
    land_venue(home, HOUR, "bybit", clock, waits)
    landing = liquidations(home)
    assert [one.name for one in landing.objects] == [
        "recorder/bybit/2026-01-29T14.ndjson",
        "recorder/tokyo/bybit/2026-01-29T14.ndjson",
    ]
    assert landing.status == "ok"
    assert streamed(landing) == HourCoverage(AT, "stream", "complete", 1.0)


@pytest.mark.usefixtures("quiet")
def test_an_hour_lacks_what_both_recorders_lacked(home: Home, waits: Waits):
    recorded(home, "", gap(0, 30))
    recorded(home, "tokyo", gap(24, 60))
    land_venue(home, HOUR, "bybit", clock, waits)
    landing = liquidations(home)
    assert (landing.status, landing.detail) == (
        "partial",
        "2026-01-29T14: the recorder missed 360 s of the hour",
    )
    assert streamed(landing).outcome == "partial"
    assert streamed(landing).covered_share == pytest.approx(0.9)


@pytest.mark.usefixtures("quiet")
def test_a_segment_that_is_copied_later_fills_the_hours_gap(home: Home, waits: Waits):
    recorded(home, "", gap(0, 30))
    land_venue(home, HOUR, "bybit", clock, waits)
    seal_batch(home, HOUR, clock)
    assert liquidations(home).status == "partial"
    # An unfinished copy, replaced once it is complete.
    elsewhere = Home(home.root.parent / "elsewhere")
    line = frame_line(at(10), "{}")
    whole = recorded(elsewhere, "", line, line)
    recorded(home, "osaka", line[:20])
    assert [seal.revision for seal in land_late_segments(home, clock)] == [2]
    shutil.copytree(elsewhere.recorder, home.recorder / "osaka", dirs_exist_ok=True)
    (seal,) = land_late_segments(home, clock)
    assert seal.revision == 3
    landing = liquidations(home)
    assert (landing.status, landing.detail) == ("ok", "")
    assert streamed(landing).covered_share == 1.0
    assert [one.bytes for one in landing.objects][1] == whole.stat().st_size
    assert land_late_segments(home, clock) == []


@pytest.mark.usefixtures("quiet")
def test_a_segment_that_was_removed_after_landing_still_counts(home: Home, waits: Waits):
    ours = recorded(home, "", gap(0, 30))
    land_venue(home, HOUR, "bybit", clock, waits)
    seal_batch(home, HOUR, clock)
    ours.unlink()
    recorded(home, "tokyo", gap(20, 60))
    land_late_segments(home, clock)
    assert streamed(liquidations(home)).covered_share == pytest.approx(1 - 600 / 3600)


def test_the_rest_row_is_unchanged_when_the_streams_gap_is_filled(
    home: Home, all_venues: Loopback, waits: Waits
):
    all_venues.otherwise = lambda asked: as_json([])
    recorded(home, "", gap(0, 30), venue="bitfinex")
    land_venue(home, HOUR, "bitfinex", clock, waits)
    seal_batch(home, HOUR, clock)
    assert "the recorder missed 1,800 s" in liquidations(home, "bitfinex").detail
    recorded(home, "tokyo", venue="bitfinex")
    land_late_segments(home, clock)
    landing = liquidations(home, "bitfinex")
    assert (landing.status, landing.detail) == ("ok", "")


@pytest.mark.parametrize("name", ["bybit", "Tokyo", "a/b", "..", "-x", "a b", "x" * 64])
def test_a_recorders_name_is_a_folders_name_and_no_venues(name: str):
    assert "is no recorder's name" in (check_name(name, venues()) or "")


@pytest.mark.parametrize("name", ["", "tokyo", "eu-west-1.b", "2"])
def test_names_of_recorders(name: str):
    assert check_name(name, venues()) is None


def test_an_invalid_name_is_wrong_usage(home: Home, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("UNWIND_HOME", str(home.root))
    result = CliRunner().invoke(app, ["record", "--name", "bybit"])
    assert result.exit_code == 2
    assert "is no recorder's name" in " ".join(result.output.split())
    assert not home.recorder.exists()


# -- two recorders, one of them killed -------------------------------------------------------------

RUN = """
import asyncio, socket, sys
from pathlib import Path
from unwind.clock import utc_now
from unwind.http import Connection, ErrorRules
from unwind.recorder.service import Limits, record_until
from unwind.settings import Home
from unwind.venues import Stream, Venue
home, name, port = Home(Path(sys.argv[1])), sys.argv[2], sys.argv[3]
venue = Venue("bybit", {"bybit_ws": Connection(f"ws://127.0.0.1:{port}")}, ErrorRules(), (), (),
              (Stream("bybit_ws", "/feed", ping_seconds=5.0),))
with socket.socket() as listener:
    listener.bind(("127.0.0.1", 0))
    asyncio.run(record_until(asyncio.Event(), home, [venue], utc_now, listener,
                             Limits(flush_seconds=0.05, state_seconds=0.05), name))
"""


def _frames(home: Home, name: str) -> list[str]:
    lines = [
        json.loads(line)
        for path in sorted((home.recorder / name / "bybit").glob("*.ndjson*"))
        for line in path.read_bytes().splitlines()
        if line.endswith(b"}")
    ]
    return [line["frame"] for line in lines if "frame" in line]


def test_two_record_one_venue_and_the_second_goes_on_when_the_first_is_killed(home: Home):
    sent: list[str] = []

    async def count(connection: ServerConnection) -> None:
        with suppress(ConnectionClosed):
            while True:
                sent.append(str(len(sent)))
                await connection.send(sent[-1])
                await asyncio.sleep(0.01)

    async def until(holds) -> None:
        async with asyncio.timeout(60):
            while not holds():
                await asyncio.sleep(0.02)

    async def drive() -> None:
        async with serve(count, "127.0.0.1", 0) as server:
            port = str(server.sockets[0].getsockname()[1])
            processes = {
                name: subprocess.Popen(
                    [sys.executable, "-c", RUN, home.root, name, port],
                    env={**os.environ, "AIRFLOW_CONN_BYBIT_WS": ""},
                )
                for name in ("", "tokyo")
            }
            try:
                await until(lambda: _frames(home, "") and _frames(home, "tokyo"))
                states = {one.recorder: one for one in recorder_states(home)}
                assert set(states) == {"", "tokyo"}
                assert all(one.is_running(utc_now()) for one in states.values())
                processes[""].kill()
                processes[""].wait()
                coverage = len(_frames(home, "tokyo"))
                await until(lambda: len(_frames(home, "tokyo")) > coverage + 20)
            finally:
                for one in processes.values():
                    one.send_signal(signal.SIGTERM)
                    one.kill()
                    one.wait()

    asyncio.run(drive())
    assert max(map(int, _frames(home, "tokyo"))) > max(map(int, _frames(home, "")))


def test_a_second_recorder_of_one_name_is_refused_and_one_of_another_name_is_not(home: Home):
    venue = venues()["bitfinex"]

    async def run(*names: str) -> None:
        stop = asyncio.Event()
        listeners = [socket.socket() for _ in names]
        for listener in listeners:
            listener.bind(("127.0.0.1", 0))
        running = [
            asyncio.create_task(
                record_until(stop, home, [venue], utc_now, listener, Limits(), name)
            )
            for listener, name in zip(listeners, names, strict=True)
        ]
        await asyncio.sleep(0.3)
        stop.set()
        try:
            await asyncio.gather(*running)
        finally:
            for listener in listeners:
                listener.close()

    os.environ["AIRFLOW_CONN_BITFINEX_WS"] = "ws://127.0.0.1:1"
    try:
        asyncio.run(run("", "tokyo"))
        with pytest.raises(RuntimeError, match=r"by the recorder tokyo; stop that"):
            asyncio.run(run("tokyo", "tokyo"))
    finally:
        del os.environ["AIRFLOW_CONN_BITFINEX_WS"]


# -- in the warehouse ------------------------------------------------------------------------------


def _bybit(*rows: tuple[str, str, int], received: datetime) -> bytes:
    data = [
        {"T": at_ms, "s": "BTCUSDT", "S": side, "v": quantity, "p": "60000"}
        for side, quantity, at_ms in rows
    ]
    frame = {"topic": "allLiquidation.BTCUSDT", "type": "snapshot", "ts": 1, "data": data}
    return frame_line(received, json.dumps(frame))


def _ms(minute: float) -> int:
    return int(at(minute).timestamp() * 1000)


@pytest.mark.usefixtures("quiet")
def test_an_event_recorded_twice_is_one_fact_and_identical_events_of_one_frame_stay_two(
    home: Home, waits: Waits
):
    both = ("Buy", "0.5", _ms(10))
    repeated = ("Sell", "0.25", _ms(11))
    ours, theirs = ("Buy", "0.125", _ms(12)), ("Buy", "0.0625", _ms(40))
    late = ("Buy", "1", _ms(59.9999))
    # Ours has a gap from 30 to 60, theirs from 0 to 5; the identical events are in one frame.
    recorded(
        home,
        "",
        _bybit(both, received=at(10.01)),
        _bybit(repeated, repeated, received=at(11.01)),
        _bybit(ours, received=at(12.01)),
        gap(30, 60),
    )
    recorded(
        home,
        "tokyo",
        gap(0, 5),
        _bybit(both, received=at(10.02)),
        _bybit(repeated, repeated, received=at(11.02)),
        _bybit(theirs, received=at(40.01)),
        _bybit(late, received=at(59.99999)),
    )
    # On the hour boundary: ours received it in the next hour, theirs in this one.
    recorded(home, "", _bybit(late, received=at(60.001)), hour=15)
    for batch in (HOUR, batch_of("hour-2026-01-29T15")):
        later = batch.covers_to_at + timedelta(minutes=5)
        land_venue(home, batch, "bybit", lambda later=later: later, waits)
        seal_batch(home, batch, lambda later=later: later)
    refresh(home, clock=lambda: at(200))
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        facts = release.execute(
            "select liquidated_side, quantity_base::double, count(*), sum(sightings)"
            " from marts.fct_liquidations where venue = 'bybit' group by all order by 2"
        ).fetchall()
        coverage = release.execute(
            "select is_complete, covered_share from marts.venue_coverage_hourly"
            " where venue = 'bybit' and hour_at = timestamp '2026-01-29 14:00:00'"
        ).fetchall()
    assert facts == [
        ("long", 0.0625, 1, 1),
        ("long", 0.125, 1, 1),
        ("short", 0.25, 2, 4),
        ("long", 0.5, 1, 2),
        ("long", 1.0, 1, 2),
    ]
    assert coverage == [(True, 1.0)]
