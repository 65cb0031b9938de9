"""Mutants of every venue and format in one home, refreshed once: nothing stops, nothing is lost.

`make fuzz` is the same with a million of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.fuzz.homes import broken_promises, clock, fill, refresh_with_all
from tests.fuzz.known_rows import AT_THE_LIMIT, FAR_APART, KNOWN_ROWS, KnownRow
from unwind.landing.imports import import_files
from unwind.settings import Home

RECORDS, SEED = 4_000, 20261125


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    work: Path = tmp_path_factory.mktemp("fuzz-files")
    home = Home(tmp_path_factory.mktemp("fuzz") / "home")
    fill(home, work, RECORDS, SEED)
    for number, row in enumerate((*KNOWN_ROWS, AT_THE_LIMIT, FAR_APART)):
        file = work / f"known-{number}.rest"
        file.write_text(row.line + "\n")
        import_files(home, row.venue, "rest", [file], clock)
    refresh_with_all(home)
    return home


@pytest.fixture(scope="module")
def release(home: Home) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as reader:
        yield reader


def batch_of(home: Home, row: KnownRow) -> str:
    with duckdb.connect(str(home.staging_db), read_only=True) as staging:
        for batch_id, lines_path in staging.execute(
            "select batch_id, lines_path from ops.build_objects where venue = ? and lines = 1",
            [row.venue],
        ).fetchall():
            (text,) = staging.execute("select text from read_parquet(?)", [lines_path]).fetchone()
            if text == row.line:
                return batch_id
    raise AssertionError(f"{row.name} was not staged")


def test_a_refresh_of_mutants_keeps_every_promise(home: Home) -> None:
    assert broken_promises(home, home.root.parent) == []


@pytest.mark.parametrize("row", [*KNOWN_ROWS, FAR_APART], ids=lambda row: row.name)
def test_a_row_that_cannot_be_read_is_quarantined_with_its_reason(
    home: Home, release: duckdb.DuckDBPyConnection, row: KnownRow
) -> None:
    batch_id = batch_of(home, row)
    if row.dataset == "liquidations":
        query = "select reject_reason from marts.quarantined_liquidations where batch_id = ?"
        found = release.execute(query, [batch_id]).fetchall()
    else:
        query = (
            "select reject_reason from marts.quarantined_observations"
            " where batch_id = ? and dataset = ?"
        )
        found = release.execute(query, [batch_id, row.dataset]).fetchall()
    assert {reason for (reason,) in found} == set(row.reason.split(", "))


def test_a_liquidation_of_exactly_the_limit_is_taken_by_screen_and_gate_alike(
    home: Home, release: duckdb.DuckDBPyConnection
) -> None:
    query = "select notional_usd::varchar from marts.fct_liquidations where batch_id = ?"
    assert release.execute(query, [batch_of(home, AT_THE_LIMIT)]).fetchall() == [
        ("10000000000.0000",)
    ]
