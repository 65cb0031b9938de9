"""Landing from the simulator: every venue's connector against its full protocol."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from loopback_venue import Waits

from unwind.landing.land import batch_of, land_venue, seal_batch, venues
from unwind.landing.ledger import Landing
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.market.steady import instant
from unwind.simulator.market.tape import Tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator

HOUR = batch_of("hour-2026-01-29T14")
DAY = batch_of("day-2026-01-28")


@pytest.fixture(scope="module")
def tape() -> Tape:
    return short_tape()


@pytest.fixture
def server(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(tape, page_cap=10) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("UNWIND_TRACKED_INSTRUMENTS", "2")
        yield running


def landed_at(server: Simulator) -> datetime:
    return instant(server.now_ms)


def statuses(landings: list[Landing]) -> dict[str, str]:
    return {landing.dataset: landing.status for landing in landings}


def test_an_hour_of_every_venue_lands_complete(
    home: Home, tape: Tape, server: Simulator, waits: Waits
):
    write_segments(
        tape,
        home.recorder,
        datetime(2026, 1, 29, 13, tzinfo=UTC),
        datetime(2026, 1, 29, 16, tzinfo=UTC),
    )
    landings = {
        name: statuses(land_venue(home, HOUR, name, lambda: landed_at(server), waits))
        for name in venues()
    }
    assert {status for parts in landings.values() for status in parts.values()} == {"ok"}
    assert waits.seconds == []
    assert seal_batch(home, HOUR, lambda: landed_at(server), list(venues())).revision == 1


def test_a_day_of_every_venue_lands_complete_but_for_its_missing_files(
    home: Home, server: Simulator, waits: Waits
):
    landings = {
        name: statuses(land_venue(home, DAY, name, lambda: landed_at(server), waits))
        for name in venues()
    }
    assert landings["market_caps"] == {}
    assert {status for parts in landings.values() for status in parts.values()} == {"ok"}


def test_bybit_history_is_complete_though_its_pages_are_short(
    home: Home, server: Simulator, waits: Waits
):
    landings = land_venue(home, DAY, "bybit", lambda: landed_at(server), waits)
    open_interest = next(one for one in landings if one.dataset == "open_interest")
    times: dict[str, list[int]] = {}
    for line in RawZone(home).read(open_interest.objects[0]).splitlines():
        envelope = json.loads(line)
        rows = json.loads(envelope["body"])["result"]["list"]
        symbol = envelope["request"]["params"]["symbol"]
        times.setdefault(symbol, []).extend(int(row["timestamp"]) for row in rows)
    # 288 five-minute marks on 2026-01-28, each once.
    assert len(times) == 4
    for marks in times.values():
        assert sorted(marks) == list(range(1769558400000, 1769644800000, 300000))


@pytest.mark.parametrize(
    "fault", ["throttled", "banned", "waf", "geo_blocked", "error_code", "reset", "not_found"]
)
def test_a_fault_of_okx_costs_okx_and_no_other(
    home: Home, server: Simulator, waits: Waits, fault: str
):
    server.fail("okx", fault)
    failed = land_venue(home, HOUR, "okx", lambda: landed_at(server), waits)
    assert set(statuses(failed).values()) == {"failed"}
    assert all("okx" in landing.detail for landing in failed)
    assert server.requested["okx"] < 10
    landed = land_venue(home, HOUR, "market_caps", lambda: landed_at(server), waits)
    assert statuses(landed) == {"market_caps": "ok"}


def test_two_throttled_answers_are_waited_out(home: Home, server: Simulator, waits: Waits):
    server.fail("okx", "error_code", requests=2)
    landings = land_venue(home, HOUR, "okx", lambda: landed_at(server), waits)
    assert set(statuses(landings).values()) == {"ok"}
    assert len(waits.seconds) == 2


@pytest.mark.parametrize(
    ("venue", "listing"),
    [("htx", "swap_open_interest"), ("kraken_futures", "tickers"), ("lighter", "orderBookDetails")],
)
def test_without_a_venues_listing_its_liquidations_are_failed_not_empty(
    home: Home, server: Simulator, waits: Waits, venue: str, listing: str
):
    server.fail(venue, "not_found", path=listing)
    landed = {
        one.dataset: one for one in land_venue(home, HOUR, venue, lambda: landed_at(server), waits)
    }
    assert landed["liquidations"].status == "failed"
    assert "404" in landed["liquidations"].detail


@pytest.mark.parametrize(
    ("venue", "dataset", "starts_of"),
    [
        ("bitget", "mark_bars", lambda body: [int(row[0]) for row in body["data"]]),
        ("kraken_futures", "mark_bars", lambda body: [row["time"] for row in body["candles"]]),
        (
            *("kraken_futures", "open_interest"),
            lambda body: [at * 1000 for at in body["result"]["timestamp"]],
        ),
    ],
)
def test_a_days_marks_and_open_interest_are_complete(
    home: Home, server: Simulator, waits: Waits, venue: str, dataset: str, starts_of: Any
):
    landings = land_venue(home, DAY, venue, lambda: landed_at(server), waits)
    landed = next(one for one in landings if one.dataset == dataset)
    starts: dict[str, list[int]] = {}
    for line in RawZone(home).read(landed.objects[0]).splitlines():
        envelope = json.loads(line)
        asked = envelope["request"]
        returned = starts.setdefault(asked["params"].get("symbol", asked["url"]), [])
        returned += starts_of(json.loads(envelope["body"]))
    # 288 per contract on 2026-01-28, each once.
    assert len(starts) >= 2
    for one in starts.values():
        assert sorted(one) == list(range(1769558400000, 1769644800000, 300000))


def test_htx_reports_the_whole_hour_however_late_it_is_landed(
    home: Home, server: Simulator, waits: Waits
):
    # 2026-01-29T14 is landed after 15:10, from where HTX counts back.
    landings = {
        one.dataset: one for one in land_venue(home, HOUR, "htx", lambda: landed_at(server), waits)
    }
    hour_ms = 1769695200000
    bars = 0
    for line in RawZone(home).read(landings["prices"].objects[0]).splitlines():
        envelope = json.loads(line)
        if "mark_price_kline" in envelope["request"]["url"]:
            starts = {row["id"] * 1000 for row in json.loads(envelope["body"])["data"]}
            assert starts >= set(range(hour_ms, hour_ms + 3600000, 300000))
            bars += 1
    # Two linear and two coin-margined contracts.
    assert bars == 4
    past = RawZone(home).read(landings["past_open_interest"].objects[0]).splitlines()
    assert [
        [row["ts"] for row in json.loads(json.loads(line)["body"])["data"]["tick"]] for line in past
    ] == [[hour_ms + 3600000, hour_ms]] * 4
