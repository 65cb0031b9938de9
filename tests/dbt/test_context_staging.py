"""Each venue's meaning of open interest, funding, prices, ratios and sizes, from raw to facts.

The messages in context/answers.json land as the responses of one hour, the files in context/dumps
as the dumps of one day; dbt builds them once. Expected values are written by hand.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pytest

from unwind.landing.ledger import Batch, Landing, Ledger
from unwind.landing.raw import RawObject, RawZone
from unwind.settings import Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state, write_build_batches

CONTEXT = Path(__file__).with_name("context")
BUCKET = "https://data.binance.vision/data"
# dataset, format, folder in the bucket, and the file in context/dumps where its name differs.
DUMPS = {
    "BTCUSDT-metrics-2026-06-24": ("metrics", "metrics-csv", "futures/um/daily/metrics/BTCUSDT"),
    "BTCUSDT-metrics-2026-06-25": ("metrics", "metrics-csv", "futures/um/daily/metrics/BTCUSDT"),
    "BTCUSD_PERP-metrics-2026-06-24": (
        "metrics",
        "metrics-csv",
        "futures/cm/daily/metrics/BTCUSD_PERP",
    ),
    "BTCUSDT-fundingRate-2026-06": (
        "funding",
        "funding-csv",
        "futures/um/monthly/fundingRate/BTCUSDT",
    ),
    "BTCUSDT-5m-2026-06-24": ("spot_bars", "klines-csv", "spot/daily/klines/BTCUSDT/5m"),
    "ETHUSDT-5m-2024-06-24": ("spot_bars", "klines-csv", "spot/daily/klines/ETHUSDT/5m"),
    "BTCUSDT-mark-5m-2026-06-24": (
        "mark_bars",
        "klines-csv",
        "futures/um/daily/markPriceKlines/BTCUSDT/5m",
    ),
    "BTCUSD_PERP-5m-2026-06-24": (
        "mark_bars",
        "klines-csv",
        "futures/cm/daily/klines/BTCUSD_PERP/5m",
    ),
}
MODELS = (
    "fct_open_interest",
    "fct_funding",
    "fct_prices",
    "fct_long_short_ratio",
    "fct_market_caps",
    "dim_instruments",
    "dim_assets",
    "int_publication_rules",
    "dim_venues",
    "dim_hours",
)

RECEIVED_AT = datetime(2026, 1, 29, 15, 2, tzinfo=UTC)
HOUR = Batch(
    "hour-2026-01-29T14",
    "hour",
    datetime(2026, 1, 29, 14, tzinfo=UTC),
    datetime(2026, 1, 29, 15, tzinfo=UTC),
)
DAY = Batch(
    "day-2026-06-30",
    "day",
    datetime(2026, 6, 30, tzinfo=UTC),
    datetime(2026, 7, 1, tzinfo=UTC),
)
HELD = Batch(
    "hour-2026-01-29T13",
    "hour",
    datetime(2026, 1, 29, 13, tzinfo=UTC),
    datetime(2026, 1, 29, 14, tzinfo=UTC),
)


def at(text: str) -> datetime:
    """An instant as the warehouse stores it: naive UTC."""
    return datetime.fromisoformat(text)


AT_14_05 = at("2026-01-29T14:05")
AT_15_02 = at("2026-01-29T15:02")


def rest_object(home: Home, venue: str, dataset: str, answers: list[dict[str, Any]]) -> RawObject:
    """One landing's responses as the envelope lines that a connector writes."""
    lines = [
        json.dumps(
            {
                "received_at": "2026-01-29T15:02:00.000000Z",
                "request": {
                    "url": answer["url"],
                    "params": answer["params"],
                    "status": answer.get("status", 200),
                }
                | ({"json": answer["json"]} if "json" in answer else {}),
                "body": answer["text"] if "text" in answer else json.dumps(answer["body"]),
            }
        )
        for answer in answers
    ]
    return RawZone(home).put(
        ("\n".join(lines) + "\n").encode(),
        venue=venue,
        dataset=dataset,
        format="rest",
        name=f"{dataset}.ndjson",
        received_at=RECEIVED_AT,
    )


def dump_object(home: Home, stem: str) -> RawObject:
    """A file of context/dumps, zipped as the bucket serves it."""
    dataset, format, folder = DUMPS[stem]
    published = stem.replace("-mark", "")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(CONTEXT / "dumps" / f"{stem}.csv", f"{published}.csv")
    return RawZone(home).put(
        packed.getvalue(),
        venue="binance",
        dataset=dataset,
        format=format,
        name=f"{BUCKET}/{folder}/{published}.zip",
        received_at=datetime(2026, 7, 1, 4, tzinfo=UTC),
    )


def land(
    home: Home, batch: Batch, venue: str, objects: list[RawObject], landed_at: datetime
) -> None:
    """Records the objects as landings of a venue, one per dataset."""
    by_dataset = groupby(sorted(objects, key=lambda one: one.dataset), lambda one: one.dataset)
    Ledger(home).record_landing(
        batch.batch_id,
        venue,
        [Landing(dataset, "ok", "", 1, tuple(landed), landed_at) for dataset, landed in by_dataset],
    )


def hours(first: datetime, count: int) -> list[datetime]:
    return [first + timedelta(hours=number) for number in range(count)]


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Everything landed and built once, with the models' data and unit tests."""
    home = Home(tmp_path_factory.mktemp("context"))
    answers = json.loads((CONTEXT / "answers.json").read_text())

    def place(answer: dict[str, Any]) -> tuple[str, str]:
        return answer["venue"], answer["dataset"]

    landed: dict[str, list[RawObject]] = {}
    for (venue, dataset), several in groupby(sorted(answers, key=place), place):
        landed.setdefault(venue, []).append(rest_object(home, venue, dataset, list(several)))
    for venue, objects in landed.items():
        land(home, HOUR, venue, objects, RECEIVED_AT)
    land(home, DAY, "binance", [dump_object(home, stem) for stem in DUMPS], DAY.covers_to_at)
    held = rest_object(
        home,
        "bybit",
        "funding",
        [
            {
                "url": "https://api.bybit.com/v5/market/funding/history",
                "params": {"category": "linear", "symbol": "XRPUSDT"},
                "body": {
                    "retCode": 0,
                    "result": {
                        "list": [
                            {
                                "symbol": "XRPUSDT",
                                "fundingRate": "0.5",
                                "fundingRateTimestamp": "1769673600000",
                            }
                        ]
                    },
                },
            }
        ],
    )
    land(home, HELD, "bybit", [held], RECEIVED_AT)
    ledger = Ledger(home)
    seals = [
        ledger.seal(HELD, RECEIVED_AT + timedelta(minutes=1)),
        ledger.seal(HOUR, RECEIVED_AT + timedelta(minutes=1)),
        ledger.seal(DAY, datetime(2026, 7, 2, tzinfo=UTC)),
    ]
    touched = [
        *hours(at("2024-06-24"), 1),
        *hours(at("2026-01-29"), 16),
        *hours(at("2026-06-01"), 5),
        *hours(at("2026-06-24"), 26),
    ]
    with staging_state(home) as connection:
        write_build_batches(connection, home, seals)
        connection.execute("insert into ops.hours select unnest(?::timestamp[])", [touched])
        connection.execute("insert into ops.pending_hours from ops.hours")
        connection.execute(
            "insert into ops.holds values (?, 1, 'bybit', 'for the test', ?, null)",
            [HELD.batch_id, at("2026-01-29T15:00")],
        )
    duckdb.connect(str(home.warehouse_db)).close()
    run_dbt(home, ["build", "--select", *(f"+{model}" for model in MODELS)])
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"attach '{home.warehouse_db}' as warehouse (read_only)")
        connection.execute(f"attach '{home.staging_db}' as staging (read_only)")
        connection.execute("use warehouse.marts")
        yield connection


def rows(
    warehouse: duckdb.DuckDBPyConnection, table: str, columns: str, **key: Any
) -> list[tuple[Any, ...]]:
    """These columns of the table's rows with this key, in order."""
    condition = " and ".join(f"{name} = ?" for name in key) or "true"
    return warehouse.execute(
        f"select {columns} from {table} where {condition} order by all", list(key.values())
    ).fetchall()


# --- open interest ------------------------------------------------------------------------------


def test_binance_usd_margined_open_interest_is_base_coin_with_its_value(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_open_interest",
        "oi_contracts, oi_base, oi_usd, price_source, base_asset",
        instrument="BTCUSDT",
        venue="binance",
        observed_at=AT_14_05,
    ) == [(None, 20403.637, 1713905508.0, "venue", "BTC")]


def test_open_interest_of_a_thousand_pepe_is_counted_in_pepe(warehouse) -> None:
    assert rows(
        warehouse, "fct_open_interest", "base_asset, oi_base, oi_usd", instrument="1000PEPEUSDT"
    ) == [("PEPE", 1_000_000_000.0, 4600.0)]


def test_coin_margined_contracts_are_worth_100_dollars_for_btc_whatever_the_price(
    warehouse,
) -> None:
    assert rows(
        warehouse,
        "fct_open_interest",
        "oi_contracts, oi_base, oi_usd, price_source",
        instrument="BTCUSD_PERP",
        observed_at=AT_14_05,
    ) == [(100_000.0, 119.05, 10_000_000.0, "contract_size")]


def test_the_current_quarter_in_january_is_the_last_friday_of_march_and_10_dollars_for_eth(
    warehouse,
) -> None:
    assert rows(
        warehouse, "fct_open_interest", "instrument, oi_usd", venue="binance", base_asset="ETH"
    ) == [("ETHUSD_260327", 50_000.0)]


def test_metrics_of_24_june_2026_are_labelled_by_the_end_and_from_25_june_by_the_start(
    warehouse,
) -> None:
    # Both files have the label 2026-06-25 00:00: there 81,000 is of 00:00 and 82,000 of 00:05.
    assert warehouse.execute(
        "select observed_at, oi_base, oi_usd from fct_open_interest"
        " where instrument = 'BTCUSDT' and observed_at >= timestamp '2026-06-01' order by all"
    ).fetchall() == [
        (at("2026-06-24T23:55"), 80_000.0, 8e9),
        (at("2026-06-25"), 81_000.0, 8.1e9),
        (at("2026-06-25T00:05"), 82_000.0, 8.2e9),
        (at("2026-06-25T00:10"), 83_000.0, 8.3e9),
    ]


def test_coin_margined_metrics_were_labelled_by_the_start_all_along(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_open_interest",
        "observed_at, oi_contracts, oi_base, oi_usd",
        instrument="BTCUSD_PERP",
        oi_contracts=100_000,
    )[1:] == [(at("2026-06-24T00:05"), 100_000.0, 1000.0, 10_000_000.0)]


def test_bybit_open_interest_counts_one_side(warehouse) -> None:
    # 63,910,691 is both sides; without the single figure, half of 63,910,600.
    assert rows(
        warehouse, "fct_open_interest", "observed_at, oi_base", venue="bybit", base_asset="ETH"
    ) == [(AT_14_05, 31_955_300.0), (at("2026-01-29T14:10"), 31_955_346.0)]


def test_bybit_tickers_count_both_sides_too(warehouse) -> None:
    assert rows(
        warehouse, "fct_open_interest", "oi_base, oi_usd", venue="bybit", instrument="BTCUSDT"
    ) == [(50_000.0, 4.2e9)]


def test_bybit_inverse_open_interest_is_dollars_and_its_value_is_coins(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_open_interest",
        "observed_at, oi_contracts, oi_base, oi_usd",
        venue="bybit",
        instrument="BTCUSD",
    ) == [
        # 84,050 is the close of Binance's spot bar that ended at 14:10, which is unknown at 14:05.
        (AT_14_05, 230_567_192.0, None, 230_567_192.0),
        (AT_15_02, 230_567_192.0, 2745.01, 230_567_192.0),
    ]


def test_okx_open_interest_is_taken_in_contracts_coins_and_dollars(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_open_interest",
        "observed_at, oi_contracts, oi_base, oi_usd, price_source",
        instrument="BTC-USDT-SWAP",
    ) == [
        (AT_14_05, 2_100_000.0, 21_000.0, 1.764e9, "venue"),
        (at("2026-01-29T15:01:59"), 2_125_419.0, 21_254.19, 1_785_351_960.5, "venue"),
    ]


def test_okx_inverse_contracts_are_worth_their_size_of_100_dollars(warehouse) -> None:
    assert rows(
        warehouse, "fct_open_interest", "oi_usd, price_source", instrument="BTC-USD-SWAP"
    ) == [(500_000_000.0, "contract_size")]


def test_hyperliquid_contexts_are_joined_by_position_and_valued_at_their_mark(warehouse) -> None:
    # MATIC, second in the list, is delisted; the third context is kPEPE's.
    assert rows(
        warehouse,
        "fct_open_interest",
        "instrument, base_asset, oi_base, round(oi_usd, 4), price_source, observed_at",
        venue="hyperliquid",
    ) == [
        ("BTC", "BTC", 30_000.5, 2_520_342_005.0, "mark_as_of", AT_15_02),
        ("kPEPE", "PEPE", 5e9, 23_025.0, "mark_as_of", AT_15_02),
    ]


def test_hyperliquid_lists_of_unequal_length_are_rejected_entirely(warehouse) -> None:
    assert rows(
        warehouse,
        "staging.landed.stg_hyperliquid__open_interest",
        "instrument, reject_reason",
        raw_line=2,
    ) == [
        ("xyz:TSLA", "lists_of_unequal_length"),
        (None, "lists_of_unequal_length"),
    ]


def test_broken_rows_are_quarantined_with_their_reason_and_errors_are_not_rows(warehouse) -> None:
    assert warehouse.execute(
        "select instrument, reject_reason, count(*)"
        " from staging.intermediate.int_open_interest_screened"
        " where venue = 'binance' and reject_reason is not null"
        " group by all order by all"
    ).fetchall() == [
        ("ADAUSDT", "implausible_time", 1),
        ("ADAUSDT", "negative_number", 1),
        ("ADAUSDT", "unreadable_number", 1),
        ("ADA\u00a0USDT", "garbled_symbol", 1),
        (None, "unreadable_json", 1),
    ]
    assert rows(warehouse, "fct_open_interest", "*", base_asset="ADA") == []
    assert (
        rows(warehouse, "staging.landed.stg_bybit__open_interest", "*", instrument="SOLUSDT") == []
    )


# --- funding ------------------------------------------------------------------------------------


def test_binance_settlements_lose_their_jitter_and_have_their_own_interval(warehouse) -> None:
    at_8 = at("2026-01-29T08:00")
    assert warehouse.execute(
        "select instrument, funding_at, funding_rate, interval_hours from fct_funding"
        " where venue = 'binance' and is_settled and funding_at < timestamp '2026-02-01'"
        " order by all"
    ).fetchall() == [("1000PEPEUSDT", at_8, -0.0002, 4.0), ("BTCUSDT", at_8, 0.0001, 8.0)]


def test_binance_funding_dumps_carry_the_interval(warehouse) -> None:
    assert warehouse.execute(
        "select funding_at, funding_rate, interval_hours from fct_funding"
        " where venue = 'binance' and funding_at >= timestamp '2026-06-01' order by all"
    ).fetchall() == [
        (at("2026-06-01"), 0.0001, 8.0),
        (at("2026-06-01T04:00"), -0.00005, 4.0),
    ]


def test_binance_premium_index_is_an_estimate_and_dated_contracts_have_none(warehouse) -> None:
    assert warehouse.execute(
        "select instrument, funding_at, funding_rate, interval_hours from fct_funding"
        " where venue = 'binance' and not is_settled order by all"
    ).fetchall() == [
        ("1000PEPEUSDT", AT_15_02, -0.0002, 4.0),
        ("BTCUSDT", AT_15_02, 0.0001, 8.0),
        ("BTCUSD_PERP", AT_15_02, 0.00005, 8.0),
    ]


def test_bybit_funding_takes_its_interval_from_the_ticker(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_funding",
        "instrument, base_asset, funding_at, funding_rate, interval_hours",
        venue="bybit",
        is_settled=True,
    ) == [
        ("BTCUSDT", "BTC", at("2026-01-29"), 0.00015, 8.0),
        ("BTCUSDT", "BTC", at("2026-01-29T08:00"), 0.0001, 8.0),
        ("SHIB1000USDT", "SHIB", at("2026-01-29T12:00"), -0.0003, 4.0),
    ]


def test_okx_funding_takes_its_interval_from_consecutive_settlements(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_funding",
        "funding_at, funding_rate, interval_hours",
        instrument="BTC-USDT-SWAP",
    ) == [
        (at("2026-01-29T04:00"), 0.0000227999822151, 4.0),
        (at("2026-01-29T08:00"), 0.0000746572360545, 4.0),
    ]


def test_okx_funding_of_one_settlement_takes_its_interval_from_the_next_one_announced(
    warehouse,
) -> None:
    assert rows(
        warehouse,
        "fct_funding",
        "is_settled, funding_rate, interval_hours",
        instrument="ETH-USDT-SWAP",
    ) == [(False, 0.0003, 2.0), (True, 0.0002, 2.0)]


def test_hyperliquid_funding_is_hourly(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_funding",
        "funding_at, funding_rate, interval_hours, is_settled",
        venue="hyperliquid",
        base_asset="BTC",
    ) == [
        (at("2026-01-29T13:00"), -0.0000081, 1.0, True),
        (at("2026-01-29T14:00"), 0.0000125, 1.0, True),
        (AT_15_02, 0.0000125, 1.0, False),
    ]


def test_held_rows_are_in_no_fact(warehouse) -> None:
    assert rows(warehouse, "fct_funding", "*", instrument="XRPUSDT") == []
    assert len(rows(warehouse, "staging.landed.stg_bybit__funding", "*", instrument="XRPUSDT")) == 1


# --- prices -------------------------------------------------------------------------------------


def test_mark_and_index_are_points_per_coin(warehouse) -> None:
    assert warehouse.execute(
        "select venue, instrument, price_kind, bar_seconds, round(close_usd, 12) from fct_prices"
        " where base_asset = 'PEPE' order by all"
    ).fetchall() == [
        ("binance", "1000PEPEUSDT", "index", None, 0.00000461),
        ("binance", "1000PEPEUSDT", "mark", None, 0.0000046),
        ("hyperliquid", "kPEPE", "index", None, 0.0000046),
        ("hyperliquid", "kPEPE", "mark", None, 0.000004605),
    ]


def test_an_uncalculated_index_is_not_a_price(warehouse) -> None:
    assert rows(warehouse, "fct_prices", "price_kind, close_usd", instrument="BTCUSDT_260327") == [
        ("mark", 84_500.0)
    ]


def test_a_spot_bar_is_available_at_its_end_and_an_unfinished_one_is_rejected(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_prices",
        "observed_at, close_at, bar_seconds, open_usd, high_usd, low_usd, close_usd,"
        " volume_base, volume_usd",
        price_kind="spot",
        hour_at=at("2026-01-29T14:00"),
    ) == [
        (
            AT_14_05,
            at("2026-01-29T14:10"),
            300,
            84_100.0,
            84_200.0,
            83_950.0,
            84_050.0,
            12.5,
            1_050_625.0,
        )
    ]
    assert (at("2026-01-29T15:00"), "unfinished_bar") in rows(
        warehouse, "staging.landed.stg_binance__prices", "observed_at, reject_reason"
    )


def test_spot_dumps_are_microseconds_since_2025_and_milliseconds_before(warehouse) -> None:
    assert warehouse.execute(
        "select instrument, observed_at, close_at, bar_seconds, close_usd from fct_prices"
        " where price_kind = 'spot' and hour_at != timestamp '2026-01-29 14:00' order by all"
    ).fetchall() == [
        ("BTCUSDT", at("2026-06-24"), at("2026-06-24T00:05"), 300, 100_050.0),
        ("ETHUSDT", at("2024-06-24"), at("2024-06-24T00:05"), 300, 3505.0),
    ]


def test_mark_bars_are_milliseconds_with_a_header_and_have_no_volume(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_prices",
        "observed_at, bar_seconds, close_usd, volume_usd",
        price_kind="mark",
        instrument="BTCUSDT",
        bar_seconds=300,
    ) == [(at("2026-06-24"), 300, 100_060.0, None)]


def test_a_bar_whose_high_is_under_its_open_is_rejected(warehouse) -> None:
    assert rows(
        warehouse,
        "staging.landed.stg_binance__prices",
        "observed_at",
        reject_reason="contradictory_bar",
    ) == [(at("2026-06-24T00:05"),)]


def test_coin_margined_volume_is_contracts_and_its_quote_volume_is_coins(warehouse) -> None:
    assert rows(
        warehouse, "fct_prices", "instrument, volume_base, volume_usd", price_kind="last"
    ) == [("BTCUSD_PERP", 5.0, 500_000.0)]


def test_instrument_names_give_asset_quote_and_kind(warehouse) -> None:
    names = " union all ".join(
        "select venue, instrument, venue_asset, quote_asset, contract_type, price_kind"
        f" from staging.landed.stg_{venue}__prices"
        for venue in ("binance", "bybit", "okx", "hyperliquid")
    )
    assert warehouse.execute(
        "select distinct venue, instrument, venue_asset, quote_asset, contract_type"
        f" from ({names}) where price_kind = 'mark' order by all"
    ).fetchall() == [
        ("binance", "1000PEPEUSDT", "1000PEPE", "USDT", "linear"),
        # BUSD is a quote asset too, and BN is no asset.
        ("binance", "BNBUSD_PERP", "BNB", "USD", "inverse"),
        ("binance", "BTCUSDT", "BTC", "USDT", "linear"),
        ("binance", "BTCUSDT_260327", "BTC", "USDT", "linear"),
        ("binance", "BTCUSD_PERP", "BTC", "USD", "inverse"),
        ("binance", "\u5e01\u5b89\u4eba\u751fUSDT", "\u5e01\u5b89\u4eba\u751f", "USDT", "linear"),
        ("bybit", "BTC-27MAR26", "BTC", "USDC", "linear"),
        ("bybit", "BTCPERP", "BTC", "USDC", "linear"),
        ("bybit", "BTCUSD", "BTC", "USD", "inverse"),
        ("bybit", "BTCUSDH26", "BTC", "USD", "inverse"),
        ("bybit", "BTCUSDT", "BTC", "USDT", "linear"),
        ("bybit", "SHIB1000USDT", "SHIB1000", "USDT", "linear"),
        ("hyperliquid", "BTC", "BTC", "USDC", "linear"),
        ("hyperliquid", "kPEPE", "kPEPE", "USDC", "linear"),
        ("hyperliquid", "xyz:TSLA", "TSLA", "USDC", "linear"),
        ("hyperliquid", None, None, "USDC", "linear"),
        ("okx", "BTC-USD-SWAP", "BTC", "USD", "inverse"),
        ("okx", "BTC-USD_UM_XPERP-310404", "BTC", "USD", "linear"),
        ("okx", "BTC/USD", None, None, "linear"),
    ]


# --- ratios -------------------------------------------------------------------------------------


def test_ratios_name_what_they_compare(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_long_short_ratio",
        "venue, instrument, ratio_kind, long_short_ratio",
        observed_at=AT_14_05,
    ) == [
        ("binance", "BTCUSDT", "accounts", 1.96),
        ("binance", "BTCUSDT", "taker_volume", 1.5586),
        ("bybit", "BTCUSDT", "accounts", 0.9608),
    ]


def test_an_empty_ratio_in_a_dump_gives_no_row(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_long_short_ratio",
        "ratio_kind, long_short_ratio",
        observed_at=at("2026-06-25T00:10"),
    ) == [("accounts", 1.33), ("taker_volume", 0.93)]


# --- market caps --------------------------------------------------------------------------------


def test_a_market_cap_belongs_to_the_coin_with_the_id_and_not_to_its_namesake(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_market_caps",
        "asset_name, market_cap_usd, price_usd, rank, sector, source, change_24h_share",
        base_asset="BTC",
    ) == [("Bitcoin", 1_710_173_790_000.0, 85_590.0, 1, "store_of_value", "coingecko", -0.0412345)]
    assert rows(
        warehouse,
        "staging.landed.stg_market_caps",
        "instrument, base_asset",
        reject_reason="ambiguous_symbol",
    ) == [("bridged-bitcoin", None), ("twin-a", None), ("twin-b", None)]


@pytest.mark.parametrize("asset", ["ZBR", "UNV"])
def test_a_coin_that_no_listing_and_no_seed_names_is_quarantined(warehouse, asset) -> None:
    assert rows(warehouse, "fct_market_caps", "asset_name", base_asset=asset) == []
    screened = "staging.intermediate.int_market_caps_screened"
    reasons = rows(warehouse, screened, "reject_reason", base_asset=asset)
    assert set(reasons) == {("no_listing",)}


def test_a_market_cap_of_zero_is_unknown(warehouse) -> None:
    assert rows(
        warehouse,
        "staging.landed.stg_market_caps",
        "distinct market_cap_usd, price_usd, rank",
        base_asset="UNV",
    ) == [(None, 2.0, None)]


def test_coinpaprika_gives_the_same(warehouse) -> None:
    assert rows(
        warehouse,
        "fct_market_caps",
        "market_cap_usd, price_usd, volume_24h_usd, change_24h_share, source",
        base_asset="ETH",
    ) == [(343_992_819_500.0, 2850.1, 24e9, -0.055, "coinpaprika")]


# --- instruments and dimensions -----------------------------------------------------------------


def test_the_first_known_specification_applies_to_earlier_times(warehouse) -> None:
    assert rows(
        warehouse,
        "dim_instruments",
        "instrument, valid_from, valid_to, contract_type, base_asset, asset_multiplier,"
        " contract_size::double, first_observed_at",
        venue="bybit",
    ) == [
        ("BTCUSD", at("1970-01-01"), None, "inverse", "BTC", 1, 1.0, AT_15_02),
        ("BTCUSDT", at("1970-01-01"), None, "linear", "BTC", 1, 1.0, AT_15_02),
        ("SHIB1000USDT", at("1970-01-01"), None, "linear", "SHIB", 1000, 1.0, AT_15_02),
    ]


def test_documented_contract_sizes_stand_in_where_no_snapshot_states_them(warehouse) -> None:
    assert warehouse.execute(
        "select instrument, contract_size::double, specification_source = 'snapshot'"
        " from dim_instruments where venue = 'okx' order by all"
    ).fetchall() == [
        ("BTC-USD-SWAP", 100.0, True),
        ("BTC-USDT-211231", 0.01, False),
        ("BTC-USDT-SWAP", 0.01, False),
        ("DOGE-USDT-SWAP", 1000.0, False),
        ("ETH-USDT-SWAP", 0.1, True),
        ("SOL-USDT-SWAP", 1.0, False),
    ]


def test_coin_margined_instruments_carry_their_dollar_size(warehouse) -> None:
    assert rows(
        warehouse,
        "dim_instruments",
        "instrument, contract_type, venue_asset, base_asset, asset_multiplier,"
        " contract_size::double",
        venue="binance",
    ) == [
        ("1000PEPEUSDT", "linear", "1000PEPE", "PEPE", 1000, 1.0),
        ("BTCUSDT", "linear", "BTC", "BTC", 1, 1.0),
        ("BTCUSD_PERP", "inverse", "BTC", "BTC", 1, 100.0),
    ]


def test_binance_published_the_largest_of_each_second_from_14_april_2026(warehouse) -> None:
    assert rows(
        warehouse, "dim_venues", "valid_from, valid_to, publication_rule", venue="binance"
    ) == [
        (at("1970-01-01"), at("2021-04-27"), "full"),
        (at("2021-04-27"), at("2026-04-14"), "one_per_symbol_second_latest"),
        (at("2026-04-14"), None, "one_per_symbol_second_largest"),
    ]


def test_the_spine_knows_the_calendar(warehouse) -> None:
    # 2026-01-29 was a Thursday.
    assert rows(
        warehouse,
        "dim_hours",
        "hour_of_day, day_of_week, is_weekend",
        hour_at=at("2026-01-29T14:00"),
    ) == [(14, 4, False)]


def test_assets_know_their_sector(warehouse) -> None:
    assert rows(
        warehouse,
        "dim_assets",
        "asset_name, sector, is_stablecoin, has_derivatives",
        base_asset="USDT",
    ) == [("Tether", "stablecoin", True, False)]
