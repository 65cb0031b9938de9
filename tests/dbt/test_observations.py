"""Observations from raw bytes to marts: named by listings, screened and accounted for.

Values are from public responses of the venues, or made up in their shape; expected figures are
worked out by hand.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from unwind.landing.imports import import_files
from unwind.landing.land import hour_batch
from unwind.landing.ledger import Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

IMPORTED_AT = datetime(2026, 7, 1, tzinfo=UTC)
LIGHTER = "https://mainnet.zklighter.elliot.ai/api/v1"


def clock() -> datetime:
    return IMPORTED_AT


def answer(url: str, body: Any, received_at: str, **params: str) -> str:
    """One response of a venue as the connector writes it."""
    request = {"url": url, "params": params, "status": 200}
    return json.dumps({"received_at": received_at, "request": request, "body": json.dumps(body)})


def take_in(home: Home, venue: str, *lines: str) -> None:
    """Imports responses of a venue as one batch."""
    file = home.root / f"{venue}-{abs(hash(lines))}.ndjson"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))
    assert import_files(home, venue, "rest", [file], clock).seal is not None


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    """The cases of two venues, each of hours of its own, in one refresh, gates and all."""
    home = Home(tmp_path_factory.mktemp("observations"))
    land_lighter(home)
    land_binance(home)
    land_the_same_bytes_twice(home)
    refresh(home, clock=clock)
    return duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True)


def lighter_market(symbol: str, market_id: int, price: float, open_interest: float) -> dict:
    return {
        **{"symbol": symbol, "market_id": market_id, "market_type": "perp", "status": "active"},
        **{"last_trade_price": price, "open_interest": open_interest},
    }


def lighter_markets(received_at: str, *markets: dict) -> str:
    body = {"code": 200, "order_book_details": list(markets)}
    return answer(f"{LIGHTER}/orderBookDetails", body, received_at)


def lighter_funding(received_at: str, market_id: str) -> str:
    rate = {"timestamp": 1776693600, "value": "0.9", "rate": "0.0012", "direction": "short"}
    body = {"code": 200, "resolution": "1h", "fundings": [rate]}
    return answer(f"{LIGHTER}/fundings", body, received_at, market_id=market_id, resolution="1h")


AT_14_07 = "2026-04-20T14:07:24.429000Z"


# 1.33 million coins are 99.75 billion at the median of 75,000, 101 billion at 76,000.
BEYOND_THE_LIMIT = {
    "14:07": (75_000.0, 827.3),
    "14:12": (75_000.0, 827.3),
    "14:17": (76_000.0, 1_330_000.0),
}


def land_lighter(home: Home) -> None:
    take_in(
        home,
        "lighter",
        lighter_markets(
            AT_14_07,
            lighter_market("BTC", 1, 75232.0, 827.3),
            lighter_market("ETH", 0, 2308.57, 15205.1),
        ),
        lighter_funding("2026-04-20T14:07:25.429000Z", "1"),
        # No listing has market 77.
        lighter_funding("2026-04-20T14:07:26.429000Z", "77"),
        *(
            lighter_markets(f"2026-04-25T{at}:24Z", lighter_market("BTC", 1, price, size))
            for at, (price, size) in BEYOND_THE_LIMIT.items()
        ),
    )


MARKETS_LANDED_TWICE = 40


def land_the_same_bytes_twice(home: Home) -> None:
    """One response in the batches of two hours: nothing but the batch tells its rows apart."""
    markets = [
        lighter_market(f"TIE{place}", 500 + place, 10.0, 1000.0)
        for place in range(MARKETS_LANDED_TWICE)
    ]
    line = lighter_markets("2026-05-02T14:07:24.429000Z", *markets)
    for hour in (15, 14):
        batch = hour_batch(datetime(2026, 5, 2, hour, tzinfo=UTC))
        obj = RawZone(home).put(
            f"{line}\n".encode(),
            venue="lighter",
            dataset="mixed",
            format="rest",
            name="markets.ndjson",
            received_at=IMPORTED_AT,
        )
        landing = Landing("mixed", "ok", "", 1, (obj,), IMPORTED_AT)
        Ledger(home).record_landing(batch.batch_id, "lighter", [landing])
        Ledger(home).seal(batch, IMPORTED_AT)


class TestLighter:
    """Its markets are numbers; only the listing names them."""

    def test_open_interest_is_filed_under_the_asset_that_the_listing_names(self, release) -> None:
        # 827.3 x 75,232 and 15,205.1 x 2,308.57, one-sided.
        assert release.execute(
            "select instrument, base_asset, oi_base, round(oi_usd, 2) from marts.fct_open_interest"
            " where venue = 'lighter' and hour_at::date = '2026-04-20' order by all"
        ).fetchall() == [
            ("0", "ETH", 15205.1, 35102037.71),
            ("1", "BTC", 827.3, 62239433.6),
        ]

    def test_prices_and_funding_are_filed_under_it_too(self, release) -> None:
        assert release.execute(
            "select instrument, base_asset, close_usd from marts.fct_prices"
            " where venue = 'lighter' and hour_at::date = '2026-04-20' order by all"
        ).fetchall() == [("0", "ETH", 2308.57), ("1", "BTC", 75232.0)]
        assert release.execute(
            "select instrument, base_asset, funding_rate, interval_hours from marts.fct_funding"
            " where venue = 'lighter'"
        ).fetchall() == [("1", "BTC", -0.000012, 1.0)]

    def test_no_asset_is_a_number(self, release) -> None:
        tables = release.execute(
            "select table_name from information_schema.columns"
            " where table_schema = 'marts' and column_name = 'base_asset'"
        ).fetchall()
        assert len(tables) > 10
        for (table,) in tables:
            assert release.execute(
                f"select count(*) from marts.{table} where base_asset in ('0', '1', '77')"
            ).fetchone() == (0,), table

    def test_a_market_without_a_listing_is_quarantined(self, release) -> None:
        assert release.execute(
            "select dataset, instrument, reject_reason from marts.quarantined_observations"
            " where venue = 'lighter'"
        ).fetchall() == [("funding", "77", "no_listing")]

    def test_dollars_beyond_the_limit_at_its_own_price_are_unknown(self, release) -> None:
        assert release.execute(
            "select oi_base, round(oi_usd), price_source from marts.fct_open_interest"
            " where hour_at::date = '2026-04-25' order by observed_at"
        ).fetchall() == [
            (827.3, 62_047_500, "mark_as_of"),
            (827.3, 62_047_500, "mark_as_of"),
            (1_330_000, None, None),
        ]

    def test_the_same_bytes_in_two_batches_are_accepted_once_and_repeated_once(
        self, release
    ) -> None:
        # Prices and open interest of each market.
        assert release.execute(
            "select batch_id, sum(staged)::int, sum(accepted)::int, sum(repeated)::int"
            " from marts.observation_accounting where hour_at::date = '2026-05-02'"
            " and dataset in ('prices', 'open_interest') group by all order by all"
        ).fetchall() == [
            ("hour-2026-05-02T14", 2 * MARKETS_LANDED_TWICE, 2 * MARKETS_LANDED_TWICE, 0),
            ("hour-2026-05-02T15", 2 * MARKETS_LANDED_TWICE, 0, 2 * MARKETS_LANDED_TWICE),
        ]


BINANCE = "https://fapi.binance.com"
AT_NOON = "2026-06-30T12:00:30.000000Z"
NOON_MS = 1782820800000


def open_interest(symbol: str, size: str, minute: int = 0) -> str:
    body = {"symbol": symbol, "openInterest": size, "time": NOON_MS + 60_000 * minute}
    return answer(f"{BINANCE}/fapi/v1/openInterest", body, AT_NOON)


def statistics(symbol: str, size: str, value: str) -> str:
    row = {"symbol": symbol, "sumOpenInterest": size, "sumOpenInterestValue": value}
    return answer(
        f"{BINANCE}/futures/data/openInterestHist", [{**row, "timestamp": NOON_MS}], AT_NOON
    )


def premium_index(symbol: str, mark: str, rate: str = "", minute: int = 0) -> str:
    row = {"symbol": symbol, "markPrice": mark, "indexPrice": "0", "lastFundingRate": rate}
    times = {"time": NOON_MS + 60_000 * minute, "nextFundingTime": NOON_MS + 4 * 3_600_000}
    return answer(f"{BINANCE}/fapi/v1/premiumIndex", [{**row, **times}], AT_NOON)


def minute_bar(symbol: str, price: str, volume: str, quote_volume: str, minute: int) -> str:
    start = NOON_MS + 60_000 * (minute - 60)
    taken = [1, "0", "0", "0"]
    row = [start, *[price] * 4, volume, start + 59_999, quote_volume, *taken]
    return answer("https://api.binance.com/api/v3/klines", [row], AT_NOON, symbol=symbol)


def account_ratio(symbol: str, ratio: str) -> str:
    row = {"symbol": symbol, "longShortRatio": ratio, "timestamp": NOON_MS}
    return answer(f"{BINANCE}/futures/data/globalLongShortAccountRatio", [row], AT_NOON)


def land_binance(home: Home) -> None:
    good = [
        open_interest("BTCUSDT", "20000"),
        premium_index("BTCUSDT", "75232", "0.0001"),
        account_ratio("BTCUSDT", "1.5"),
        minute_bar("BTCUSDT", "75000", "2", "150000", 1),
    ]
    take_in(
        home,
        "binance",
        *good,
        # The venue's own dollars exceed anything ever traded.
        statistics("ETHUSDT", "124496091.76", "9370000000000"),
        # Too many coins, which only their value shows: 124,496,091.76 x 75,232.
        open_interest("BTCUSDT", "124496091.76", minute=1),
        open_interest("BTCUSDT", "5e46", minute=2),
        # The venue's dollars contradict its coins: 1,000 coins for 5 dollars.
        statistics("BTCUSDC", "1000", "5"),
        premium_index("BTCUSDC", "75200"),
        premium_index("ETHUSDT", "1e-308"),
        *(premium_index("SOLUSDT", "150", minute=minute) for minute in range(3)),
        premium_index("SOLUSDT", "150000", minute=3),
        premium_index("XRPUSDT", "2", "0.6"),
        minute_bar("BTCUSDT", "75000", "70000000", "5250000000000", 2),
        # Two bitcoins do not trade for a hundred dollars.
        minute_bar("BTCUSDT", "75000", "2", "100", 3),
        minute_bar("ETHBTC", "0.03", "2", "0.06", 4),
        account_ratio("ETHUSDT", "20000000"),
        open_interest("BTC-NEW/USDT", "1"),
        # An unlisted symbol of an unknown coin.
        open_interest("ZZZZUSDT", "1"),
    )
    # Implausible intervals of 48 hours and half an hour, after a plausible one.
    rates = home.root / "rates.csv"
    rates.write_text(
        "instrument,time,funding_rate,interval_hours\n"
        "SOLUSDT,2026-04-20T00:00:00Z,0.0001,8\nSOLUSDT,2026-04-20T08:00:00Z,0.0001,48\n"
        "LTCUSDT,2026-04-20T08:00:00Z,0.0001,0.5\n"
    )
    assert import_files(home, "binance", "funding-csv", [rates], clock).seal is not None
    # The same responses, recorded by another collector.
    take_in(home, "binance", *good, open_interest("BTCUSDT", "20001", minute=5))


class TestScreens:
    """Implausible rows are quarantined with reason and values; every row is accounted for."""

    def test_each_is_quarantined_with_its_reason(self, release) -> None:
        assert release.execute(
            "select dataset, reject_reason, instrument from marts.quarantined_observations"
            " where venue = 'binance' order by all"
        ).fetchall() == [
            ("funding", "implausible_interval", "LTCUSDT"),
            ("funding", "implausible_interval", "SOLUSDT"),
            ("funding", "implausible_rate", "XRPUSDT"),
            ("long_short_ratio", "implausible_ratio", "ETHUSDT"),
            ("open_interest", "contradictory_open_interest", "BTCUSDC"),
            ("open_interest", "garbled_symbol", "BTC-NEW/USDT"),
            ("open_interest", "implausible_number", "BTCUSDT"),
            ("open_interest", "implausible_open_interest", "BTCUSDT"),
            ("open_interest", "implausible_open_interest", "ETHUSDT"),
            ("open_interest", "no_listing", "ZZZZUSDT"),
            ("prices", "contradictory_volume", "BTCUSDT"),
            ("prices", "garbled_symbol", "ETHBTC"),
            ("prices", "implausible_price", "ETHUSDT"),
            ("prices", "implausible_volume", "BTCUSDT"),
            ("prices", "price_off_others", "SOLUSDT"),
        ]

    def test_rejected_values_are_kept_as_text(self, release) -> None:
        texts = release.execute(
            "select raw_values from marts.quarantined_observations"
            " where reject_reason in ('implausible_number', 'implausible_price') order by dataset"
        ).fetchall()
        sizes, prices = (json.loads(text) for (text,) in texts)
        assert sizes == {"oi_contracts": None, "oi_base": "5e46", "oi_usd": None}
        assert prices["close_usd"] == "1e-308"

    def test_the_good_ones_are_facts(self, release) -> None:
        assert release.execute(
            "select instrument, oi_base from marts.fct_open_interest where venue = 'binance'"
            " order by all"
        ).fetchall() == [("BTCUSDT", 20000.0), ("BTCUSDT", 20001.0)]
        assert release.execute(
            "select instrument, count(*) from marts.fct_prices where venue = 'binance'"
            " group by all order by all"
        ).fetchall() == [("BTCUSDC", 1), ("BTCUSDT", 2), ("SOLUSDT", 3), ("XRPUSDT", 1)]

    def test_every_staged_row_is_a_fact_a_repeat_or_quarantined(self, release) -> None:
        assert release.execute(
            "select dataset, sum(staged)::int, sum(accepted)::int, sum(repeated)::int,"
            " sum(quarantined)::int from marts.observation_accounting where venue = 'binance'"
            " group by all order by all"
        ).fetchall() == [
            ("funding", 6, 2, 1, 3),
            ("long_short_ratio", 3, 1, 1, 1),
            # 7 in the first import, of which one is good; the second repeats it and adds another.
            ("open_interest", 9, 2, 1, 6),
            # 8 marks and 4 bars, then a repeated mark and a repeated bar.
            ("prices", 14, 7, 2, 5),
        ]

    def test_symbols_of_no_known_grammar_are_counted(self, release) -> None:
        assert release.execute(
            "select venue, dataset, symbol, occurrences from marts.unrecognised_symbols"
            " order by all"
        ).fetchall() == [
            ("binance", "open_interest", "BTC-NEW/USDT", 1),
            ("binance", "prices", "ETHBTC", 1),
        ]
        assert release.execute(
            "select severity, success from marts.gate_results"
            " where expectation = 'symbols_recognised'"
        ).fetchall() == [("warning", False)]
