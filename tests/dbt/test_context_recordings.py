"""Real venue responses recorded by others, imported unchanged and staged."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from unwind.landing.imports import import_files
from unwind.landing.ledger import Ledger
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.state import staging_state, write_build_batches

RECORDINGS = Path(
    os.environ.get("UNWIND_RECORDINGS") or PROJECT_ROOT.parent / "shared" / "recordings"
)
pytestmark = [
    pytest.mark.recordings,
    pytest.mark.skipif(
        not RECORDINGS.is_dir(),
        reason=f"no recordings at {RECORDINGS}; set UNWIND_RECORDINGS to their folder",
    ),
]
IMPORTED_AT = datetime(2026, 9, 20, tzinfo=UTC)
MODELS = (
    "stg_binance__instruments",
    "stg_bybit__funding",
    "stg_hyperliquid__funding",
    "stg_market_caps",
    "+int_funding_intervals",
)


def at(text: str) -> datetime:
    """An instant as the warehouse stores it: naive UTC."""
    return datetime.fromisoformat(text)


def envelope(url: str, body: str, asked: dict[str, str] | None = None) -> str:
    """One `rest` line, received on the day after the latest recording."""
    request = {"url": url, "params": {}, "status": 200} | ({"json": asked} if asked else {})
    return json.dumps({"received_at": "2026-09-19T00:00:00Z", "request": request, "body": body})


def recorded_answers() -> dict[str, str]:
    """One envelope line per venue, with the recorded text unchanged as its body."""
    capture = (RECORDINGS / "wire_captures" / "BINANCE_FUTURES.0").read_text().splitlines()[0]
    url, _, answer = capture.partition(" -> ")
    fixtures = RECORDINGS / "wire_fixtures"
    return {
        "binance": envelope(url, answer.partition(": ")[2]),
        "bybit": envelope(
            "https://api.bybit.com/v5/market/funding/history",
            (fixtures / "bybit_http_get_funding_history.json").read_text(),
        ),
        "hyperliquid": envelope(
            "https://api.hyperliquid.xyz/info",
            (fixtures / "hyperliquid_http_funding_history.json").read_text(),
            {"type": "fundingHistory", "coin": "BTC"},
        ),
        "market_caps": envelope(
            "https://api.coingecko.com/api/v3/coins/markets",
            (RECORDINGS / "context" / "market_cap" / "coins_markets.json").read_text(),
        ),
    }


@pytest.fixture(scope="module")
def staging(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    home = Home(tmp_path_factory.mktemp("recorded"))
    for venue, line in recorded_answers().items():
        file = home.root / f"{venue}.ndjson"
        file.write_text(line + "\n")
        import_files(home, venue, "rest", [file], lambda: IMPORTED_AT)
    ledger = Ledger(home)
    with staging_state(home) as connection:
        write_build_batches(connection, home, [ledger.read(ref) for ref in ledger.sealed()])
    duckdb.connect(str(home.warehouse_db)).close()
    run_dbt(home, ["seed"])
    run_dbt(home, ["run", "--select", *MODELS])
    with duckdb.connect(str(home.staging_db), read_only=True) as connection:
        yield connection


def test_binance_instruments_of_july_2021_are_read_in_full(staging) -> None:
    assert staging.execute(
        "select count(*), count(*) filter (where reject_reason is not null)"
        " from landed.stg_binance__instruments"
    ).fetchone() == (122, 0)
    assert staging.execute(
        "select instrument, venue_asset, base_asset from landed.stg_binance__instruments"
        " where venue_asset != base_asset order by all"
    ).fetchall() == [("1000SHIBUSDT", "1000SHIB", "SHIB")]
    assert staging.execute(
        "select base_asset, status from landed.stg_binance__instruments"
        " where instrument = '1INCHUSDT'"
    ).fetchall() == [("1INCH", "trading")]


def test_bybit_settlements_eight_hours_apart_are_eight_hourly(staging) -> None:
    assert staging.execute(
        "select observed_at, funding_rate, is_settled, reject_reason"
        " from landed.stg_bybit__funding order by all"
    ).fetchall() == [
        (at("2024-03-08"), 0.00015, True, None),
        (at("2024-03-08T08:00"), 0.0001, True, None),
    ]
    assert staging.execute(
        "select funding_at, interval_hours, interval_source"
        " from intermediate.int_funding_intervals where venue = 'bybit' order by all"
    ).fetchall() == [
        (at("2024-03-08"), 8.0, "settlements"),
        (at("2024-03-08T08:00"), 8.0, "settlements"),
    ]


def test_hyperliquid_settlements_may_lack_their_premium(staging) -> None:
    assert staging.execute(
        "select observed_at, funding_rate, interval_hours, reject_reason"
        " from landed.stg_hyperliquid__funding order by all"
    ).fetchall() == [
        (at("2026-02-01T01:20"), 0.0000125, 1.0, None),
        (at("2026-02-01T02:20"), -0.0000081, 1.0, None),
        (at("2026-02-01T03:20"), 0.0000033, 1.0, None),
    ]


def test_coingecko_market_caps_are_read_with_the_instant_of_each(staging) -> None:
    assert staging.execute(
        "select base_asset, market_cap_usd, rank, observed_at, change_24h_share"
        " from landed.stg_market_caps where instrument = 'bitcoin' and reject_reason is null"
    ).fetchall() == [("BTC", 322_053_364_166.0, 1, at("2023-01-02T17:08:13.102000"), 0.0096122)]
