"""A dry run of an import predicts the import, and leaves nothing behind."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.liquidations.liquidation_imports import clock_at
from unwind.landing.csv_reading import ReadOptions
from unwind.landing.imports import ImportRefusedError, import_files
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse import refresh, skipped
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.rehearsal import imports_without_rows, rehearse_import

IMPORTED_AT = datetime(2026, 7, 1, tzinfo=UTC)
ROW = "BTC,SELL,LIMIT,IOC,0.1,80000,80100,FILLED,0.1,0.1,17696952000{:02d},8010\n"
KNOWN = "".join(ROW.format(number) for number in range(3))
# Two known rows, two new ones of which one is repeated, and three unusable ones.
FILE = (
    KNOWN[: 2 * len(ROW.format(0))]
    + ROW.format(10)
    + ROW.format(11) * 2
    + ROW.format(12).replace("SELL", "SOLD")
    + ROW.format(13).replace("0.1,0.1,", "0.1,much,")
    + "BTC,SELL,LIMIT\n"
    + "2026-01-29 14:00:00 connected\n"
)
FUNDING = (
    "symbol,time,rate\n"
    "BTCUSDT,2026-01-28T16:00:00Z,0.0001\nBTCUSDT,2026-01-29T00:00:00Z,0.0002\n"
    "BTCUSDT,2026-01-29T00:00:00Z,0.0002\nBTCUSDT,2026-01-29T04:00:00Z,0.0003\n"
    "BTCUSDT,2026-01-29T08:00:00Z,0.0004\nBTCUSDT,2026-01-29T12:00:00Z,none\n"
)
FOREIGN = (
    '{"received_at": "2026-01-29T14:00:00.000000Z", "request": {"url":'
    ' "https://api.bybit.com/v5/market/tickers", "params": {}, "status": 200}, "body": "{}"}\n'
)
OPTIONS = ReadOptions({"interval_hours": "from_gaps"})


def written(folder: Path, name: str, text: str) -> Path:
    file = folder / name
    file.write_text(text)
    return file


def build(home: Home) -> None:
    """Stages what is sealed, and builds the two marts that account for it."""
    clock = clock_at(IMPORTED_AT)
    refresh.stage(home, clock)
    refresh.gate_landed(home, clock)
    accounts = ("+liquidation_accounting", "+observation_accounting")
    there = (refresh.STAGING, skipped.UNCHANGING)
    run_dbt(home, ["run", "--select", *accounts, "--exclude", *there])


@pytest.fixture(scope="module")
def rehearsed(tmp_path_factory: pytest.TempPathFactory):
    """Two dry runs, their leftovers, then the imports' batches and the home built from them."""
    folder = tmp_path_factory.mktemp("rehearsal")
    home = Home(folder / "home")
    clock = clock_at(IMPORTED_AT)
    known = written(folder, "known.csv", KNOWN)
    import_files(home, "binance", "force-order-csv", [known], clock)
    build(home)
    file = written(folder, "new.csv", FILE)
    funding = written(folder, "funding.csv", FUNDING)
    imports = [
        ("binance", "force-order-csv", [known, file], ReadOptions()),
        ("bybit", "funding-csv", [funding], OPTIONS),
    ]
    done = [
        rehearse_import(home, venue, format, files, clock, options)
        for venue, format, files, options in imports
    ]
    left = sorted(path.name for path in home.root.iterdir())
    sealed = len(Ledger(home).sealed())
    seals = [
        import_files(home, venue, format, files, clock, options).seal
        for venue, format, files, options in imports
    ]
    # Responses of another venue than the one given.
    foreign = written(folder, "foreign.ndjson", FOREIGN)
    seals.append(import_files(home, "binance", "rest", [foreign], clock).seal)
    # What is packed twice has no lines when it is unpacked once.
    packed = folder / "packed.ndjson.gz"
    packed.write_bytes(gzip.compress(gzip.compress(FOREIGN.encode())))
    seals.append(import_files(home, "binance", "frames", [packed], clock).seal)
    withdrawn = written(folder, "withdrawn.csv", ROW.format(20))
    seals.append(import_files(home, "binance", "force-order-csv", [withdrawn], clock).seal)
    Ledger(home).withdraw(seals[-1].batch.batch_id, None, "a trial", IMPORTED_AT)
    build(home)
    return done, left, sealed, [seal.batch.batch_id for seal in seals], home


def asked(home: Home, query: str, *values) -> list[tuple]:
    with duckdb.connect(str(home.warehouse_db), read_only=True) as connection:
        return connection.execute(query, list(values)).fetchall()


def test_an_import_without_a_recognised_row_is_named(rehearsed) -> None:
    _, _, _, batches, home = rehearsed
    assert imports_without_rows(home, batches) == sorted(batches[2:4])


def test_a_new_home_can_be_tried_in(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = written(tmp_path, "new.csv", FILE)
    clock = clock_at(IMPORTED_AT)
    done = rehearse_import(home, "binance", "force-order-csv", [file], clock, ReadOptions())
    (count,) = done.counts
    assert (count.facts, count.repeats, count.quarantined) == (4, 1, 3)
    assert done.is_recognised
    assert not home.warehouse_dir.exists()
    assert not Ledger(home).sealed()
    # A warehouse that was lost has facts that the copy would lack.
    lost = home.releases / "20260101T000000Z-00" / "release.json"
    lost.parent.mkdir(parents=True)
    lost.touch()
    with pytest.raises(ImportRefusedError, match="run `unwind refresh` first"):
        rehearse_import(home, "binance", "force-order-csv", [file], clock, ReadOptions())


def test_nothing_is_sealed_and_nothing_left_behind(rehearsed) -> None:
    _, left, sealed, _, _ = rehearsed
    assert sealed == 1
    assert [name for name in left if "rehearsal" in name] == []


def test_an_already_imported_file_is_reported(rehearsed) -> None:
    assert rehearsed[0][0].report.already_there == ("known.csv",)


def test_liquidations_match_the_dry_run(rehearsed) -> None:
    done, _, _, batches, home = rehearsed
    (count,) = done[0].counts
    # The five good rows are four events. Their place in the raw zone decides which sighting of a
    # known event wins: here the new file's, so that the known file's rows become repeats.
    assert (count.kind, count.staged, count.quarantined) == ("liquidations", 8, 3)
    assert (count.facts, count.repeats) == (4, 1)
    assert asked(
        home,
        "select sum(staged), sum(accepted), sum(repeated), sum(quarantined)"
        " from marts.liquidation_accounting where batch_id = ?",
        batches[0],
    ) == [(8, 4, 1, 3)]
    # Three known events and two new ones.
    events = "select count(distinct liquidation_id) from marts.liquidation_sightings"
    assert asked(home, events) == [(5,)]
    assert sorted(count.reasons) == [
        ("unknown_side", 1),
        ("unreadable_quantity", 1),
        ("wrong_column_count", 1),
    ]


def test_funding_matches_the_dry_run_with_its_intervals(rehearsed) -> None:
    done, _, _, batches, home = rehearsed
    (count,) = done[1].counts
    assert (count.kind, count.staged, count.facts, count.repeats) == ("funding", 6, 4, 1)
    assert count.reasons == (("unreadable_number", 1),)
    assert asked(
        home,
        "select sum(staged), sum(accepted), sum(repeated), sum(quarantined)"
        " from marts.observation_accounting where batch_id = ?",
        batches[1],
    ) == [(6, 4, 1, 1)]
    assert asked(
        home,
        "select interval_hours from marts.fct_funding where batch_id = ? order by funding_at",
        batches[1],
    ) == [(8.0,), (8.0,), (4.0,), (4.0,)]
