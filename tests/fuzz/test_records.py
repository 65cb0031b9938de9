"""Mutants of every venue and format in one home, refreshed once: nothing fails or gets lost.

`make fuzz` does the same with a million of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest

from tests.fuzz.homes import broken_promises, clock, fill, refresh_with_all
from tests.fuzz.known_rows import AT_THE_LIMIT, FAR_APART, KNOWN_ROWS, KnownRow
from unwind.landing.imports import import_files
from unwind.settings import Home

RECORDS, SEED = 4_000, 20261125


@dataclass(frozen=True)
class Refreshed:
    """A refreshed home, and the batch of each known row by name."""

    home: Home
    batches: dict[str, str]

    def rows(self, query: str, *values: str) -> list[tuple]:
        with duckdb.connect(str(self.home.current / "warehouse.duckdb"), read_only=True) as reader:
            return reader.execute(query, list(values)).fetchall()


@pytest.fixture(scope="module")
def refreshed(tmp_path_factory: pytest.TempPathFactory) -> Refreshed:
    work: Path = tmp_path_factory.mktemp("fuzz-files")
    home = Home(tmp_path_factory.mktemp("fuzz") / "home")
    fill(home, work, RECORDS, SEED)
    batches = {}
    for number, row in enumerate((*KNOWN_ROWS, AT_THE_LIMIT, FAR_APART)):
        file = work / f"known-{number}.rest"
        file.write_text(row.line + "\n")
        seal = import_files(home, row.venue, "rest", [file], clock).seal
        assert seal is not None
        batches[row.name] = seal.batch.batch_id
    refresh_with_all(home)
    return Refreshed(home, batches)


def test_a_refresh_of_mutants_keeps_every_promise(refreshed: Refreshed) -> None:
    assert broken_promises(refreshed.home, refreshed.home.root.parent) == []


@pytest.mark.parametrize("row", [*KNOWN_ROWS, FAR_APART], ids=lambda row: row.name)
def test_a_row_that_cannot_be_read_is_quarantined_with_its_reason(
    refreshed: Refreshed, row: KnownRow
) -> None:
    batch_id = refreshed.batches[row.name]
    if row.dataset == "liquidations":
        found = refreshed.rows(
            "select reject_reason from marts.quarantined_liquidations where batch_id = ?", batch_id
        )
    elif row.dataset == "instruments":
        with duckdb.connect(str(refreshed.home.staging_db), read_only=True) as staging:
            found = staging.execute(
                f"select reject_reason from landed.stg_{row.venue}__instruments where batch_id = ?",
                [batch_id],
            ).fetchall()
    else:
        found = refreshed.rows(
            "select reject_reason from marts.quarantined_observations"
            " where batch_id = ? and dataset = ?",
            *(batch_id, row.dataset),
        )
    assert {reason for (reason,) in found} == set(row.reason.split(", "))


def test_a_liquidation_of_exactly_the_limit_passes_both_screen_and_gate(
    refreshed: Refreshed,
) -> None:
    assert refreshed.rows(
        "select notional_usd::varchar from marts.fct_liquidations where batch_id = ?",
        refreshed.batches[AT_THE_LIMIT.name],
    ) == [("10000000000.0000",)]
