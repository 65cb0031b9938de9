"""The contract families of 2025 and 2026, simulated, and what Bitget and Binance publish of a
second.

Each family is served, landed and recorded over loopback, and the landed data matches the market's
own books.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.simulator.published import frames, windows_from_order

from unwind.landing.land import batch_of, land_venue
from unwind.landing.ledger import Landing
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.simulator.episode import ASSETS, SEED_EPISODE, calm_tape, short_tape
from unwind.simulator.exchanges import exchanges, hyperliquid_fills, respond
from unwind.simulator.listings import STOCKS, listed
from unwind.simulator.market.positions import BACKSTOP, LONG, SHORT
from unwind.simulator.market.publication import published
from unwind.simulator.market.scenario import Asset
from unwind.simulator.market.steady import DAY_MS, HOUR_MS, MINUTE_MS, instant
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import Request
from unwind.simulator.server import Simulator

TESLA = Asset(
    *("TSLA", "Tesla", "", "", 430.0, 3.2e9, STOCKS),
    own_volatility=0.02,
    oi_usd=4e8,
    activity=0.3,
    position_usd=6_000,
)
HOUR = batch_of("hour-2026-01-29T14")
PEAK_MS = 1769695200000
FAMILIES = [
    ("okx", "BTC-USD_UM-SWAP"),
    ("okx", "BTC-USD_UM-260327"),
    ("bitmex", "XBTH26"),
    ("bitmex", "TSLAUSDT"),
    ("gate", "BTC_USD1"),
    ("hyperliquid", "hyna:BTC"),
    ("hyperliquid", "xyz:TSLA"),
]


@pytest.fixture(scope="module")
def tape() -> Tape:
    """The last days of the episode, with a stock contract as well."""
    assets = (*ASSETS[:2], TESLA)
    return Tape(
        replace(
            SEED_EPISODE,
            from_at=datetime(2026, 1, 27, tzinfo=UTC),
            assets=assets,
            instruments=listed(assets),
        )
    )


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


@pytest.fixture
def server(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(tape) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("UNWIND_TRACKED_INSTRUMENTS", "3")
        yield running


def land(home: Home, server: Simulator, venue: str) -> dict[str, Landing]:
    landings = land_venue(
        home, HOUR, venue, lambda: instant(server.now_ms), lambda seconds: None, lambda: 0.0
    )
    return {landing.dataset: landing for landing in landings}


def responses(home: Home, landing: Landing) -> list[tuple[dict[str, Any], Any]]:
    """Requests and parsed bodies of the landed REST responses."""
    lines = [
        json.loads(line)
        for one in landing.objects
        if one.format == "rest"
        for line in RawZone(home).read(one).splitlines()
    ]
    return [(line["request"], json.loads(line["body"])) for line in lines]


def books(tape: Tape, venue: str, symbol: str, from_ms: int = PEAK_MS) -> list[tuple[int, int]]:
    """Time and size (in steps) of each published liquidation of a contract in an hour."""
    number = tape.instrument_number[venue, symbol]
    return sorted(
        (one.at_ms, one.quantity_steps)
        for one in tape.records(tape.rows(venue, from_ms, from_ms + HOUR_MS))
        if one.instrument == number
    )


@pytest.mark.parametrize(("venue", "symbol"), FAMILIES)
def test_every_family_has_a_contract_in_the_books(tape: Tape, venue: str, symbol: str) -> None:
    number = tape.instrument_number[venue, symbol]
    of_contract = tape.liquidations.instrument == number
    assert of_contract.any()
    assert tape.oi_usd(tape.instruments[number], tape.minutes - 1) > 0


def test_a_share_is_listed_where_shares_are_and_nowhere_else(tape: Tape) -> None:
    assert {(i.venue, i.symbol) for i in tape.instruments if i.asset == "TSLA"} == {
        ("bitmex", "TSLAUSDT"),
        ("hyperliquid", "xyz:TSLA"),
    }


def test_okx_lands_and_streams_contracts_margined_in_dollars(
    home: Home, tape: Tape, server: Simulator
) -> None:
    landed = land(home, server, "okx")
    assert {landing.status for landing in landed.values()} == {"ok"}
    listing = {
        row["instId"]: row
        for _, body in responses(home, landed["instruments"])
        for row in body["data"]
    }
    for symbol, kind in (("BTC-USD_UM-SWAP", "SWAP"), ("BTC-USD_UM-260327", "FUTURES")):
        row = listing[symbol]
        assert (row["instType"], row["instFamily"], row["uly"]) == (kind, "BTC-USD_UM", "BTC-USD")
        assert (row["ctType"], row["ctVal"], row["ctValCcy"]) == ("linear", "0.01", "BTC")
        assert row["settleCcy"] == "USD"
        landed_rows = sorted(
            (int(detail["ts"]), round(float(detail["sz"]) * 100))
            for request, body in responses(home, landed["liquidations"])
            if request["params"]["instType"] == kind
            for item in body["data"]
            if item["instId"] == symbol
            for detail in item["details"]
            if PEAK_MS <= int(detail["ts"]) < PEAK_MS + HOUR_MS
        )
        assert landed_rows == books(tape, "okx", symbol)
    assert books(tape, "okx", "BTC-USD_UM-SWAP")
    for dataset in ("open_interest", "premium_index"):
        assert {"BTC-USD_UM-SWAP", "BTC-USD_UM-260327"} <= {
            row.get("instId") if isinstance(row, dict) else None
            for _, body in responses(home, landed[dataset])
            for row in body["data"]
        }
    framed = sorted(
        (int(detail["ts"]), round(float(detail["sz"]) * 100))
        for _, text in frames("okx", tape, PEAK_MS, PEAK_MS + HOUR_MS + MINUTE_MS)
        for item in json.loads(text)["data"]
        if item["instId"] == "BTC-USD_UM-SWAP"
        for detail in item["details"]
        if int(detail["ts"]) < PEAK_MS + HOUR_MS
    )
    assert framed == books(tape, "okx", "BTC-USD_UM-SWAP")


def test_gate_lands_and_streams_the_settlement_in_usd1(
    home: Home, tape: Tape, server: Simulator
) -> None:
    landed = land(home, server, "gate")
    assert {landing.status for landing in landed.values()} == {"ok"}
    for dataset, path in (
        ("contracts", "contracts"),
        ("liquidations", "liq_orders"),
        ("contract_stats", "contract_stats"),
        ("funding", "funding_rate"),
    ):
        in_usd1 = [
            body
            for request, body in responses(home, landed[dataset])
            if request["url"].endswith(f"/futures/usd1/{path}")
        ]
        assert in_usd1, dataset
    landed_rows = sorted(
        (row["time"], abs(row["size"]))
        for request, body in responses(home, landed["liquidations"])
        for row in body
        if row["contract"] == "BTC_USD1"
    )
    assert landed_rows == [(at // 1000, steps) for at, steps in books(tape, "gate", "BTC_USD1")]
    assert landed_rows
    framed = sorted(
        (row["time"], abs(int(row["size"])))
        for _, text in frames("gate", tape, PEAK_MS, PEAK_MS + HOUR_MS + MINUTE_MS)
        for row in json.loads(text)["result"]
        if row["contract"] == "BTC_USD1" and row["time"] < (PEAK_MS + HOUR_MS) // 1000
    )
    assert framed == landed_rows


def test_bitmex_lists_shares_and_dated_contracts_by_their_codes(
    home: Home, tape: Tape, server: Simulator
) -> None:
    landed = land(home, server, "bitmex")
    listing = {
        row["symbol"]: row for _, body in responses(home, landed["instruments"]) for row in body
    }
    assert {symbol: row["typ"] for symbol, row in listing.items() if symbol != "ETHUSDT"} == {
        **{"XBTUSDT": "FFWCSX", "XBTUSD": "FFWCSX", "XBTH26": "FFCCSX", "TSLAUSDT": "FFSCSX"},
    }
    tesla = listing["TSLAUSDT"]
    assert (tesla["underlying"], tesla["underlyingToPositionMultiplier"]) == ("TSLA", 1000)
    assert listing["XBTH26"]["fundingRate"] is None
    ordered = [
        (row["symbol"], row["leavesQty"])
        for _, text in frames("bitmex", tape, tape.start_ms, tape.end_ms)
        if (message := json.loads(text))["action"] == "insert"
        for row in message["data"]
        if row["symbol"] == "TSLAUSDT"
    ]
    number = tape.instrument_number["bitmex", "TSLAUSDT"]
    assert len(ordered) == (tape.liquidations.instrument == number).sum()


def test_hyperliquid_lands_each_exchanges_contexts(
    home: Home, tape: Tape, server: Simulator
) -> None:
    landed = land(home, server, "hyperliquid")
    assert landed["premium_index"].status == "ok"
    landed_rows = {
        request["json"].get("dex", ""): (body[0]["collateralToken"], body[0]["universe"])
        for request, body in responses(home, landed["premium_index"])
        if request["json"]["type"] == "metaAndAssetCtxs"
    }
    assert {dex: token for dex, (token, _) in landed_rows.items()} == {"": 0, "hyna": 235, "xyz": 0}
    assert [coin["name"] for coin in landed_rows["hyna"][1]] == ["hyna:BTC"]
    assert [coin["name"] for coin in landed_rows["xyz"][1]] == ["xyz:TSLA"]
    assert all(":" not in coin["name"] for coin in landed_rows[""][1])
    victims = sorted(
        (fill["time"], fill["tid"], float(fill["sz"]))
        for line in hyperliquid_fills.block_lines(tape, PEAK_MS)
        for address, fill in json.loads(line)["events"]
        if fill["coin"] == "hyna:BTC"
        and address.lower() == fill.get("liquidation", {}).get("liquidatedUser", "").lower()
    )
    # All fills of a block have the same time, so sizes are compared.
    assert sorted(round(size * 1e5) for _, _, size in victims) == sorted(
        steps for _, steps in books(tape, "hyperliquid", "hyna:BTC")
    )
    assert victims


def test_without_node_fills_the_vaults_fills_are_the_books_backstops(
    home: Home, tape: Tape, server: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_HYPERLIQUID_NODEFILLS")
    landed = land(home, server, "hyperliquid")
    assert landed["liquidations"].status == "partial"
    landed_rows = sorted(
        (fill["coin"], fill["tid"])
        for request, body in responses(home, landed["liquidations"])
        if request["json"]["type"] == "userFillsByTime"
        for fill in body
    )
    backstops = [
        one
        for one in tape.records(tape.rows("hyperliquid", PEAK_MS, PEAK_MS + HOUR_MS))
        if one.kind == BACKSTOP and tape.instruments[one.instrument].market == "perp"
    ]
    assert len(landed_rows) == len(backstops) > 10
    assert {coin for coin, _ in landed_rows} == {
        tape.instruments[one.instrument].symbol for one in backstops
    }


# -- what is published of a second -----------------------------------------------------------------


def _seconds(tape: Tape, venue: str) -> dict[tuple[int, int], list[int]]:
    """All liquidations of a venue by contract and second."""
    found = defaultdict(list)
    for row in tape.rows(venue, tape.start_ms, tape.end_ms, published=False).tolist():
        at_second = int(tape.liquidations.at_ms[row]) // 1000
        found[int(tape.liquidations.instrument[row]), at_second].append(row)
    return found


def test_bitget_publishes_the_largest_long_and_the_largest_short_of_a_second() -> None:
    tape = short_tape()
    market = tape.liquidations
    crowded = 0
    for together in _seconds(tape, "bitget").values():
        for side in (LONG, SHORT):
            of_side = [row for row in together if market.side[row] == side]
            shown = [row for row in of_side if market.published[row]]
            assert len(shown) == (1 if of_side else 0)
            if shown:
                assert market.notional_usd[shown[0]] == max(market.notional_usd[of_side])
        crowded += len(together) > 1
    assert crowded > 0


def test_a_long_and_a_short_of_one_second_are_both_published_and_the_smaller_ones_are_not(
    tape: Tape,
) -> None:
    number = tape.instrument_number["bitget", "BTCUSDT"]
    other = tape.instrument_number["bitget", "ETHUSDT"]
    columns = {
        "instrument": np.array([number, number, number, number, other, number]),
        "at_ms": PEAK_MS + np.array([100, 200, 300, 400, 450, 1000]),
        "side": np.array([LONG, SHORT, LONG, SHORT, LONG, LONG]),
        "notional_usd": np.array([900.0, 50.0, 800.0, 60.0, 5.0, 1.0]),
    }
    shown, _ = published(tape.scenario, columns)
    assert shown.tolist() == [True, False, False, True, True, True]


@pytest.mark.parametrize(
    ("day", "measure"),
    [(datetime(2026, 4, 13, tzinfo=UTC), "first"), (datetime(2026, 4, 14, tzinfo=UTC), "largest")],
)
def test_binance_publishes_the_first_of_a_second_until_2026_04_14_and_then_the_largest(
    day: datetime, measure: str
) -> None:
    # One tape over both days, so that the rule changes within it.
    tape = _busy_april()
    market = tape.liquidations
    from_ms = int(day.timestamp()) * 1000
    crowded = 0
    for together in windows_from_order(tape, "binance", from_ms, from_ms + DAY_MS):
        (shown,) = [row for row in together if market.published[row]]
        values = -market.at_ms if measure == "first" else market.notional_usd
        assert values[shown] == max(values[row] for row in together)
        crowded += len(together) > 1
    assert crowded > 0


def _busy_april() -> Tape:
    return calm_tape(datetime(2026, 4, 13, tzinfo=UTC), datetime(2026, 4, 15, tzinfo=UTC))


def test_the_rules_are_those_that_the_warehouse_states() -> None:
    rules = {name: venue.trading.rule for name, venue in exchanges().items() if venue.trading}
    assert rules["bitget"].kind == "largest_per_side"
    assert (rules["binance"].kind, rules["binance"].changes) == (
        "first_from_order",
        ((datetime(2026, 4, 14, tzinfo=UTC), "largest_from_order"),),
    )


def test_an_unknown_exchange_is_refused(tape: Tape) -> None:
    request = Request(
        *("hyperliquid", "POST", "/info", {}),
        json.dumps({"type": "metaAndAssetCtxs", "dex": "none"}).encode(),
    )
    assert respond(tape, tape.end_ms, request).status == 422
