"""The interval of a funding rate in hours: from the row, its neighbours, the listing or the venue.

Histories are imported as the venues' responses; expected hours are worked out by hand.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse import refresh
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state

IMPORTED_AT = datetime(2026, 7, 1, tzinfo=UTC)
# Selects what builds fct_funding after staging.
FUNDING_MODELS = ("int_funding_screened", "int_funding_unioned", "fct_funding")


def at(text: str) -> datetime:
    """An instant as the warehouse stores it: naive UTC."""
    return datetime.fromisoformat(text)


def ms(text: str) -> int:
    return int(at(text).replace(tzinfo=UTC).timestamp() * 1000)


def answer(url: str, body: Any, received_at: str, params: dict[str, Any] | None = None) -> str:
    """One response of a venue as the connector writes it."""
    request = {"url": url, "params": params or {}, "status": 200}
    envelope = {
        "received_at": f"{received_at}Z",
        "request": request,
        "body": json.dumps(body),
    }
    return json.dumps(envelope) + "\n"


def take_in(home: Home, folder: Path, venue: str, name: str, text: str, format: str) -> str:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / name
    file.write_text(text)
    seal = import_files(home, venue, format, [file], lambda: IMPORTED_AT).seal
    assert seal is not None
    return seal.batch.batch_id


# --- settlements and listings in each venue's format ----------------------------------------------


def binance(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [{"symbol": symbol, "fundingTime": ms(t) + 3, "fundingRate": "0.0001"} for t in times]
    return answer("https://fapi.binance.com/fapi/v1/fundingRate", rows, received_at)


def binance_listing(intervals: dict[str, int], received_at: str) -> str:
    rows = [{"symbol": name, "fundingIntervalHours": hours} for name, hours in intervals.items()]
    return answer("https://fapi.binance.com/fapi/v1/fundingInfo", rows, received_at)


def bybit(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [
        {"symbol": symbol, "fundingRate": "0.0001", "fundingRateTimestamp": str(ms(t))}
        for t in reversed(times)
    ]
    body = {"retCode": 0, "result": {"category": "linear", "list": rows}}
    return answer("https://api.bybit.com/v5/market/funding/history", body, received_at)


def bybit_ticker(symbol: str, hours: str, next_at: str, received_at: str) -> str:
    row = {
        **{"symbol": symbol, "fundingRate": "0.0002", "fundingIntervalHour": hours},
        "nextFundingTime": str(ms(next_at)),
    }
    body = {"retCode": 0, "time": ms(received_at), "result": {"category": "linear", "list": [row]}}
    return answer("https://api.bybit.com/v5/market/tickers", body, received_at)


def gate(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [{"t": ms(t) // 1000, "r": "0.0001"} for t in reversed(times)]
    url = "https://api.gateio.ws/api/v4/futures/usdt/funding_rate"
    return answer(url, rows, received_at, {"contract": symbol})


def bitget(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [
        {"symbol": symbol, "fundingRate": "0.0001", "fundingRateTimestamp": str(ms(t))}
        for t in reversed(times)
    ]
    url = "https://api.bitget.com/api/v3/market/history-fund-rate"
    body = {"code": "00000", "data": {"resultList": rows}}
    return answer(url, body, received_at, {"symbol": symbol, "category": "USDT-FUTURES"})


def bitget_listing(symbol: str, hours: str, received_at: str) -> str:
    body = {"code": "00000", "data": [{"symbol": symbol, "fundInterval": hours}]}
    return answer("https://api.bitget.com/api/v3/market/instruments", body, received_at)


def aster(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [{"symbol": symbol, "fundingTime": ms(t) + 7, "fundingRate": "0.0001"} for t in times]
    return answer("https://fapi.asterdex.com/fapi/v1/fundingRate", rows, received_at)


def aster_estimate(symbol: str, next_at: str, received_at: str) -> str:
    row = {
        **{"symbol": symbol, "markPrice": "1", "indexPrice": "1", "lastFundingRate": "0.0002"},
        **{"nextFundingTime": ms(next_at), "time": ms(received_at)},
    }
    return answer("https://fapi.asterdex.com/fapi/v1/premiumIndex", [row], received_at)


def coinex(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [
        {"market": symbol, "funding_time": ms(t), "actual_funding_rate": "0.0001"} for t in times
    ]
    url = "https://api.coinex.com/v2/futures/funding-rate-history"
    return answer(url, {"code": 0, "data": rows}, received_at)


def okx(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [
        {"instId": symbol, "fundingTime": str(ms(t)), "fundingRate": "0.0001", "realizedRate": ""}
        for t in reversed(times)
    ]
    url = "https://www.okx.com/api/v5/public/funding-rate-history"
    return answer(url, {"code": "0", "data": rows}, received_at, {"instId": symbol})


def htx(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [
        {"contract_code": symbol, "funding_time": str(ms(t)), "funding_rate": "0.0001"}
        for t in reversed(times)
    ]
    url = "https://api.hbdm.com/linear-swap-api/v1/swap_historical_funding_rate"
    return answer(url, {"status": "ok", "data": {"data": rows}}, received_at)


def kraken(symbol: str, times: Sequence[str], received_at: str) -> str:
    rows = [{"timestamp": f"{t}:00Z", "relativeFundingRate": 0.00001} for t in times]
    url = "https://futures.kraken.com/derivatives/api/v4/historicalfundingrates"
    return answer(url, {"rates": rows}, received_at, {"symbol": symbol})


@dataclass(frozen=True)
class Change:
    """A venue whose contract changes from eight hours to four within its history."""

    venue: str
    symbol: str
    settlements: Callable[[str, Sequence[str], str], str]


CHANGES = (
    Change("binance", "AUCTIONUSDT", binance),
    Change("bybit", "AUCTIONUSDT", bybit),
    Change("gate", "AUCTION_USDT", gate),
    Change("bitget", "AUCTIONUSDT", bitget),
    Change("aster", "AUCTIONUSDT", aster),
    Change("coinex", "AUCTIONUSDT", coinex),
    Change("okx", "AUCTION-USDT-SWAP", okx),
    Change("htx", "AUCTION-USDT", htx),
)
EIGHT_HOURLY = ("2026-06-01T00:00", "2026-06-01T08:00", "2026-06-01T16:00", "2026-06-02T00:00")
FOUR_HOURLY = ("2026-06-02T04:00", "2026-06-02T08:00", "2026-06-02T12:00")
AFTER = "2026-06-02T12:30:00"


@pytest.fixture(scope="module")
def staged(tmp_path_factory: pytest.TempPathFactory) -> duckdb.DuckDBPyConnection:
    folder = tmp_path_factory.mktemp("funding_intervals")
    home = Home(folder / "home")
    texts = {
        one.venue: one.settlements(one.symbol, EIGHT_HOURLY + FOUR_HOURLY, AFTER) for one in CHANGES
    }
    # Today's listing, with another interval than the start of the history.
    texts["binance"] += binance_listing({"AUCTIONUSDT": 4, "ONEUSDT": 4, "OLDUSDT": 4}, AFTER)
    texts["bitget"] += bitget_listing("AUCTIONUSDT", "4", AFTER)
    texts["bybit"] += bybit_ticker("AUCTIONUSDT", "4", "2026-06-02T16:00", AFTER)

    # One settlement hours before the listing, and one sixteen days before it.
    texts["binance"] += binance("ONEUSDT", ["2026-06-02T08:00"], AFTER)
    texts["binance"] += binance("OLDUSDT", ["2026-05-17T08:00"], AFTER)
    # Steps of four hours with one settlement missing; of eight with one missing; a pair alone.
    fours = ["2026-06-01T00:00", "2026-06-01T04:00", "2026-06-01T12:00", "2026-06-01T16:00"]
    eights = ["2026-06-01T00:00", "2026-06-01T08:00", "2026-06-02T00:00", "2026-06-02T08:00"]
    texts["binance"] += binance("FOURUSDT", fours, AFTER) + binance("EIGHTUSDT", eights, AFTER)
    texts["binance"] += binance("LONEUSDT", ["2026-05-01T00:00", "2026-05-01T08:00"], AFTER)
    # Two settlements eight hours apart; a listing between them states four.
    texts["bitget"] += bitget("GAPUSDT", ["2026-05-03T00:00", "2026-05-03T08:00"], AFTER)
    texts["bitget"] += bitget_listing("GAPUSDT", "4", "2026-05-03T00:30:00")
    # Listed at four hours, then no longer among the contracts with an adjusted interval.
    texts["binance"] += binance_listing({"BACKUSDT": 4}, "2026-05-05T01:00:00")
    texts["binance"] += binance_listing({"OTHERUSDT": 4}, "2026-05-05T05:00:00")
    texts["binance"] += binance("BACKUSDT", ["2026-05-05T04:00", "2026-05-05T16:00"], AFTER)
    # A running rate and the settlement before it; a running rate with an undocumented interval.
    texts["aster"] += aster("RUNUSDT", ["2026-06-02T08:00"], AFTER)
    texts["aster"] += aster_estimate("RUNUSDT", "2026-06-02T12:00", "2026-06-02T10:00:00")
    texts["bybit"] += bybit_ticker("ODDUSDT", "3", "2026-06-02T15:00", AFTER)
    texts["kraken_futures"] = kraken("PF_XBTUSD", ["2022-09-28T08:00"], AFTER) + kraken(
        "PF_ETHUSD", ["2026-06-02T08:00", "2026-06-02T10:00"], AFTER
    )
    for venue, text in texts.items():
        take_in(home, folder / "files", venue, f"{venue}.ndjson", text, "rest")
    header = (
        "exchange,symbol,timestamp,local_timestamp,funding_timestamp,funding_rate,"
        "predicted_funding_rate,open_interest,last_price,index_price,mark_price\n"
    )
    rows = "".join(
        f"binance-futures,TICKUSDT,{ms(t)}000,{ms(t)}005,{ms(after)}000,0.0001,,,,,\n"
        for t, after in (
            ("2026-06-01T12:00", "2026-06-01T16:00"),
            ("2026-06-01T16:00", "2026-06-01T20:00"),
            ("2026-06-01T20:00", "2026-06-02T00:00"),
        )
    )
    take_in(home, folder / "files", "binance", "tickers.csv", header + rows, "tardis-csv")
    refresh.stage(home, lambda: IMPORTED_AT)
    return duckdb.connect(str(home.staging_db), read_only=True)


def hours(
    staged: duckdb.DuckDBPyConnection, venue: str, instrument: str, is_settled: bool = True
) -> list[tuple[Any, ...]]:
    return staged.execute(
        "select funding_at, interval_hours, interval_source"
        " from intermediate.int_funding_intervals"
        " where venue = ? and instrument = ? and is_settled = ? order by funding_at",
        [venue, instrument, is_settled],
    ).fetchall()


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.venue)
def test_a_history_has_the_interval_of_its_time_not_todays(
    staged: duckdb.DuckDBPyConnection, change: Change
) -> None:
    assert hours(staged, change.venue, change.symbol) == [
        *((at(time), 8.0, "settlements") for time in EIGHT_HOURLY),
        *((at(time), 4.0, "settlements") for time in FOUR_HOURLY),
    ]


def test_a_single_settlement_takes_the_interval_listed_within_eight_hours(staged) -> None:
    assert hours(staged, "binance", "ONEUSDT") == [(at("2026-06-02T08:00"), 4.0, "listing")]


def test_a_later_listing_does_not_apply_to_a_settlement_weeks_earlier(staged) -> None:
    assert hours(staged, "binance", "OLDUSDT") == [(at("2026-05-17T08:00"), 8.0, "venue_default")]


def test_a_missing_settlement_makes_no_interval(staged) -> None:
    assert [row[1] for row in hours(staged, "binance", "FOURUSDT")] == [4.0, 4.0, 4.0, 4.0]
    assert [row[1] for row in hours(staged, "binance", "EIGHTUSDT")] == [8.0, 8.0, 8.0, 8.0]


def test_two_settlements_are_a_step_unless_a_listing_between_them_is_shorter(staged) -> None:
    assert [row[1:] for row in hours(staged, "binance", "LONEUSDT")] == [(8.0, "settlements")] * 2
    assert [row[1:] for row in hours(staged, "bitget", "GAPUSDT")] == [(4.0, "settlements")] * 2


def test_a_contract_that_left_the_list_of_adjusted_ones_has_eight_hours_again(staged) -> None:
    assert hours(staged, "binance", "BACKUSDT") == [
        (at("2026-05-05T04:00"), 4.0, "listing"),
        (at("2026-05-05T16:00"), 8.0, "listing"),
    ]


def test_a_running_rate_is_for_the_period_whose_end_it_announces(staged) -> None:
    assert [row[1:] for row in hours(staged, "aster", "RUNUSDT", False)] == [(4.0, "settlements")]
    # The running rate is the settlement's only neighbour.
    assert [row[1:] for row in hours(staged, "aster", "RUNUSDT")] == [(4.0, "settlements")]


def test_a_vendors_settlement_times_step_by_the_interval(staged) -> None:
    assert [row[1:] for row in hours(staged, "binance", "TICKUSDT", False)] == [
        (4.0, "settlements")
    ] * 3


def test_an_interval_that_the_venue_does_not_document_is_unknown(staged) -> None:
    assert [row[1:] for row in hours(staged, "bybit", "ODDUSDT", False)] == [(None, "unknown")]


def test_kraken_settled_every_four_hours_and_settles_every_hour(staged) -> None:
    assert [row[1:] for row in hours(staged, "kraken_futures", "PF_XBTUSD")] == [
        (4.0, "venue_default")
    ]
    assert [row[1:] for row in hours(staged, "kraken_futures", "PF_ETHUSD")] == [
        (1.0, "venue_default")
    ] * 2


# --- increments ---------------------------------------------------------------------------------


def increment(home: Home) -> None:
    """Stages what is pending, builds fct_funding, and marks it as built."""
    refresh.stage(home, lambda: IMPORTED_AT)
    refresh.gate_landed(home, lambda: IMPORTED_AT)
    run_dbt(home, ["run", "--select", *FUNDING_MODELS])
    with staging_state(home) as state:
        state.execute("delete from ops.pending_hours")
        state.execute(
            "insert into ops.built_batches"
            " select batch_id, revision, 'release', 0 from ops.build_batches"
        )
        state.execute("update ops.plan set state = 'published'")


def facts(home: Home) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.warehouse_db), read_only=True) as warehouse:
        return warehouse.execute(
            "select instrument, funding_at, is_settled, funding_rate, interval_hours,"
            " interval_source, hour_at from marts.fct_funding order by all"
        ).fetchall()


def parts() -> list[str]:
    """A history in files of Binance's responses, where the intervals depend on other files."""
    symbols = ("AUCTIONUSDT", "FOURUSDT", "ONEUSDT")
    listed = answer(
        "https://fapi.binance.com/fapi/v1/exchangeInfo",
        {
            "symbols": [
                {
                    **{"symbol": name, "baseAsset": name[:-4], "quoteAsset": "USDT"},
                    **{"contractType": "PERPETUAL", "status": "TRADING", "contractStatus": ""},
                    **{"onboardDate": 1577836800000},
                }
                for name in symbols
            ]
        },
        "2026-05-01T00:00:00",
    )
    halves = EIGHT_HOURLY + FOUR_HOURLY
    return [
        listed
        + binance("AUCTIONUSDT", halves[::2], AFTER)
        + binance("FOURUSDT", ["2026-06-01T00:00", "2026-06-01T08:00"], AFTER),
        listed + binance("AUCTIONUSDT", halves[1::2], AFTER),
        listed
        + binance("FOURUSDT", ["2026-06-01T04:00"], AFTER)
        + binance("ONEUSDT", ["2026-06-02T08:00"], AFTER),
        binance_listing({"ONEUSDT": 4}, "2026-06-02T02:00:00"),
        binance_listing({"OTHERUSDT": 4}, "2026-06-02T06:00:00"),
    ]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    folder = tmp_path_factory.mktemp("whole")
    home = Home(folder / "home")
    for place, text in enumerate(parts()):
        take_in(home, folder, "binance", f"part-{place}.ndjson", text, "rest")
    increment(home)
    return facts(home)


def test_the_whole_history_at_once(whole: list[tuple[Any, ...]]) -> None:
    assert [(name, time, hours) for name, time, _, _, hours, _, _ in whole] == [
        *(("AUCTIONUSDT", at(time), 8.0) for time in EIGHT_HOURLY),
        *(("AUCTIONUSDT", at(time), 4.0) for time in FOUR_HOURLY),
        ("FOURUSDT", at("2026-06-01T00:00"), 4.0),
        ("FOURUSDT", at("2026-06-01T04:00"), 4.0),
        ("FOURUSDT", at("2026-06-01T08:00"), 4.0),
        # Missing from the listing of 06:00, so back at eight hours.
        ("ONEUSDT", at("2026-06-02T08:00"), 8.0),
    ]


def test_parts_in_another_order_give_the_same_table(
    tmp_path: Path, whole: list[tuple[Any, ...]]
) -> None:
    """No two parts whose intervals hang on each other are built at once."""
    home = Home(tmp_path / "home")
    texts = parts()
    for places in ((2,), (4, 1), (3, 0)):
        for place in places:
            take_in(home, tmp_path, "binance", f"part-{place}.ndjson", texts[place], "rest")
        increment(home)
    assert facts(home) == whole
