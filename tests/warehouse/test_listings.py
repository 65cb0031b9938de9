"""Rows are named by the listing of their time, whenever it lands: incremental builds of hours and
listings in any order equal one full build."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import pytest

from tests.warehouse.hand_made import at, binance, land, marts, query, seal
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

LIGHTER = "https://mainnet.zklighter.elliot.ai/api/v1"
MINUTE = 30
# The listings that land, by hour.
LISTINGS: dict[int, dict[int, str]] = {
    11: {1: "BTC", 7: "OLDCOIN", 77: "NEWCOIN"},
    # Market 77 is delisted, and 78 is new.
    12: {1: "BTC", 7: "OLDCOIN", 78: "OTHERCOIN"},
}
HOURS = (10, 11, 12, 13)


def clock() -> datetime:
    return at(20)


def rest_answer(path: str, body: object, received_at: datetime, **params: str) -> str:
    request = {"url": f"{LIGHTER}/{path}", "params": params, "status": 200}
    envelope = {"received_at": received_at.isoformat(), "request": request}
    return json.dumps({**envelope, "body": json.dumps(body)})


def markets(listed: dict[int, str], received_at: datetime) -> str:
    rows = [
        {
            **{"symbol": symbol, "market_id": number, "market_type": "perp", "status": "active"},
            **{"last_trade_price": 2.0, "open_interest": 500.0},
        }
        for number, symbol in listed.items()
    ]
    body = {"code": 200, "order_book_details": rows}
    return rest_answer("orderBookDetails", body, received_at)


def funding(number: int, settled_at: datetime, received_at: datetime) -> str:
    rate = {"timestamp": int(settled_at.timestamp()), "rate": "0.0012", "direction": "long"}
    body = {"code": 200, "fundings": [rate]}
    return rest_answer("fundings", body, received_at, market_id=str(number))


def land_hour(home: Home, hour: int) -> None:
    """Funding of markets 1 and 77, a liquidation of NEWCOIN at Binance, and the hour's listing."""
    # After every venue has settled; earlier landings would be partial.
    landed_at = at(hour + 1, 10)
    if hour in LISTINGS:
        lines = [markets(LISTINGS[hour], landed_at)]
        land(home, hour, "lighter", lines, "markets", "rest", landed_at)
    rates = [funding(number, at(hour, MINUTE), landed_at) for number in (1, 77)]
    land(home, hour, "lighter", rates, "funding", "rest", landed_at)
    events = [binance("NEWCOINUSDT", "SELL", "10", "2", at(hour, MINUTE))]
    land(home, hour, "binance", events, landed_at=landed_at)
    seal(home, hour, at(hour + 1, 11))


def built_of(root: Path, hours: Sequence[int]) -> Home:
    home = Home(root)
    for hour in hours:
        land_hour(home, hour)
    refresh(home, clock=clock)
    return home


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return built_of(tmp_path_factory.mktemp("at_once"), HOURS)


FUNDING = "select hour(funding_at), instrument, base_asset from marts.fct_funding order by all"
LISTED = "select hour(event_at), is_listed from marts.fct_liquidations order by all"


def test_rows_are_named_by_the_listing_of_their_time(at_once) -> None:
    # The first listing also applies to earlier rows; the listing of 13:10 no longer has 77.
    assert query(at_once, FUNDING) == [
        (10, "1", "BTC"),
        (10, "77", "NEWCOIN"),
        (11, "1", "BTC"),
        (11, "77", "NEWCOIN"),
        (12, "1", "BTC"),
        (12, "77", "NEWCOIN"),
        (13, "1", "BTC"),
    ]
    assert query(
        at_once,
        "select hour(observed_at), instrument, reject_reason"
        " from marts.quarantined_observations order by all",
    ) == [(13, "77", "no_listing")]
    assert query(
        at_once,
        "select instrument, valid_from::varchar, valid_to::varchar, is_trading"
        " from marts.dim_instruments"
        " where venue = 'lighter' and instrument in ('77', '78') order by all",
    ) == [
        ("77", "1970-01-01 00:00:00", "2026-01-29 13:10:00", True),
        ("78", "1970-01-01 00:00:00", "2026-01-29 12:10:00", False),
        ("78", "2026-01-29 12:10:00", None, True),
    ]


def test_an_asset_that_a_listing_of_another_venue_names_is_listed(at_once) -> None:
    assert query(at_once, LISTED) == [(10, True), (11, True), (12, True), (13, True)]
    assert query(
        at_once, "select asset_source from marts.dim_assets where base_asset = 'NEWCOIN'"
    ) == [("listing",)]


def test_a_listing_that_lands_later_brings_the_quarantined_rows_back(tmp_path, at_once) -> None:
    home = built_of(tmp_path / "late", (10, 13))
    # Markets 0 and 1 are documented, 77 is unknown.
    assert query(home, FUNDING) == [(10, "1", "BTC"), (13, "1", "BTC")]
    assert query(home, LISTED) == [(10, False), (13, False)]
    for hour in (12, 11):
        land_hour(home, hour)
        refresh(home, clock=clock)
    one_by_one, whole = marts(home), marts(at_once)
    assert [name for name in whole if one_by_one[name] != whole[name]] == []
