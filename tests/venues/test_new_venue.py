"""A made-up venue, `mirage`, is added by its own files and two entries in dbt_project.yml.

Its files are Aster's under another name, added to a copy of the project.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import unwind.venues
from tests.liquidations.liquidation_imports import (
    IMPORTED_AT,
    LIQUIDATION_MODELS,
    Built,
    clock_at,
    take_in_text,
)
from tests.venues.cases import VenueCases, all_cases
from unwind.landing.land import due_datasets, hour_batch
from unwind.settings import PROJECT_ROOT, Home
from unwind.simulator import exchanges
from unwind.warehouse import dbt, refresh, skipped

PATTERN, NEW = "aster", "mirage"
OWN_FILES = (
    "dags/unwind/venues/aster.py",
    "dags/unwind/simulator/exchanges/aster.py",
    "dbt_project/macros/venues/aster.sql",
    *(
        f"dbt_project/models/staging/aster/{name}"
        for name in (
            "_aster.yml",
            "stg_aster__liquidations.sql",
            "stg_aster__instruments.sql",
            "stg_aster__open_interest.sql",
            "stg_aster__funding.sql",
            "stg_aster__prices.sql",
            "stg_aster__long_short_ratio.sql",
            "stg_aster__volumes.sql",
        )
    ),
)


def _renamed(text: str) -> str:
    return text.replace(PATTERN, NEW).replace(PATTERN.title(), NEW.title())


@pytest.fixture
def with_mirage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A copy of the dbt project, and folders that extend the packages, with the new venue."""
    copy = tmp_path / "project"
    ignored = shutil.ignore_patterns("target", "logs", "__pycache__")
    shutil.copytree(PROJECT_ROOT / "dbt_project", copy / "dbt_project", ignore=ignored)
    for name in OWN_FILES:
        written = copy / _renamed(name)
        written.parent.mkdir(parents=True, exist_ok=True)
        written.write_text(_renamed((PROJECT_ROOT / name).read_text()))
    settings = copy / "dbt_project" / "dbt_project.yml"
    text = settings.read_text()
    # Its name, and its publication rule.
    for entry in (rf" +- {PATTERN}\n", rf" +{PATTERN}:\n(?: {{6}}.*\n)+"):
        text, entries = re.subn(entry, lambda found: found[0] + _renamed(found[0]), text)
        assert entries == 1
    settings.write_text(text)
    for module in (dbt, skipped):
        monkeypatch.setattr(module, "DBT_PROJECT", copy / "dbt_project")
    for package, folder in ((unwind.venues, "venues"), (exchanges, "simulator/exchanges")):
        path = [*package.__path__, str(copy / "dags" / "unwind" / folder)]
        monkeypatch.setattr(package, "__path__", path)
    _forget()
    yield tmp_path
    monkeypatch.undo()
    _forget()


def _forget() -> None:
    for found in (unwind.venues.venues, exchanges.exchanges, exchanges.exchange_of):
        found.cache_clear()


def test_a_fictional_venue_is_landed_recorded_staged_and_counted(with_mirage: Path) -> None:
    connector = unwind.venues.venues()[NEW]
    assert connector.recorded
    assert exchanges.exchanges()[NEW].connections == ("mirage", "mirage_ws")
    home = Home(with_mirage / "home")
    due = due_datasets(home, hour_batch(IMPORTED_AT), connector)
    assert {"tickers", "premium_index", "funding"} <= {dataset.name for dataset in due}

    pattern: VenueCases = all_cases()[PATTERN]
    text = "".join(message.line() for message in pattern.messages)
    batch = take_in_text(home, with_mirage, NEW, "frames", "mirage.ndjson", text)
    refresh.stage(home, clock_at(IMPORTED_AT))
    refresh.gate_landed(home, clock_at(IMPORTED_AT))
    dbt.run_dbt(home, ["run", "--select", *LIQUIDATION_MODELS])
    warehouse = Built(home, home.warehouse_db, {NEW: batch})
    assert [
        (fact["venue"], fact["instrument"], fact["liquidated_side"], float(fact["notional_usd"]))
        for fact in warehouse.facts(NEW)
    ] == [(NEW, "BTCUSDT", "long", 138.74), (NEW, "ETHUSDT", "short", 400.0)]
    assert warehouse.rows(
        "select distinct venue_name from marts.dim_venues where venue = ?", NEW
    ) == [{"venue_name": "Mirage"}]
