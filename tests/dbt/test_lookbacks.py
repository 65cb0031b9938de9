"""The hours that a changed hour rebuilds follow from the windows stated by the models."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from unwind.settings import Home
from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.lookbacks import lookback_hours, windows
from unwind.warehouse.models import fingerprints, parents
from unwind.warehouse.promises import MODELS

TEXTS = {path.stem: path.read_text() for path in MODELS.rglob("*.sql")}
TABLE = re.compile(r'"(?:staging|warehouse|memory)"\."(?:intermediate|marts|landed)"\."(\w+)"')
FIRST_HOUR_READ = re.compile(r"select min\(hour_at\) - interval (\d+) hour")
REBUILT = re.compile(r"spine\.hour_at <= pending\.hour_at \+ interval (\d+) hour")
REACHES = re.compile(r"interval (\d+) hour preceding|- interval (\d+) hour\b")

# Read in full: spans of expected hours are looked up by their ends, and derived from all events.
READ_WHOLE = {
    ("exchange_breakdown", "int_expected_venues"),
    ("int_expected_venues", "int_instrument_liquidations_hourly"),
}


@pytest.fixture(scope="module")
def compiled(empty_tables: Callable[[], Home]) -> dict[str, str]:
    """Every model's compiled SQL."""
    files = empty_tables().dbt_target.rglob("compiled/**/*.sql")
    texts = {path.stem: path.read_text() for path in files}
    return {name: text for name, text in texts.items() if name in TEXTS}


def hours_read(sql: str) -> dict[str, int]:
    """By table, the furthest that any CTE reads behind the first rebuilt hour."""
    found: dict[str, int] = {}
    for cte in re.split(r"\n\)[,\n]|union all", sql):
        for hours in map(int, FIRST_HOUR_READ.findall(cte)):
            for table in TABLE.findall(cte):
                found[table] = max(hours, found.get(table, 0))
    return {table: hours for table, hours in found.items() if hours}


def test_windows_are_those_of_the_sql(compiled: dict[str, str]) -> None:
    stated = {
        name: {table: hours for table, hours in of.items() if (name, table) not in READ_WHOLE}
        for name, of in windows().items()
        if name in TEXTS
    }
    in_sql = {name: hours_read(sql) for name, sql in compiled.items()}
    # An ephemeral model's reads appear in its readers' SQL too.
    assert {name: of for name, of in in_sql.items() if of and of != stated.get(name)} == {}
    assert {name: of for name, of in stated.items() if of and of != in_sql[name]} == {}


def test_no_window_in_a_models_sql_reaches_further_than_it_states(
    compiled: dict[str, str],
) -> None:
    farther = {}
    for name, sql in compiled.items():
        own = max(windows().get(name, {}).values(), default=0)
        # `> hour - interval 24 hour` excludes its end: 23 hours back.
        found = [int(one or two) for one, two in REACHES.findall(sql) if int(one or two) > own + 1]
        if found and "hour_at" in sql and not name.startswith(("stg_", "int_funding_intervals")):
            farther[name] = (own, found)
    assert farther == {}


def test_python_and_dbt_rebuild_the_same_hours(compiled: dict[str, str]) -> None:
    by_dbt = {
        name: {int(hours) for hours in REBUILT.findall(sql)} for name, sql in compiled.items()
    }
    assert {name for name, hours in by_dbt.items() if hours} > {"fct_liquidations", "stress_hourly"}
    for name, text in TEXTS.items():
        if "build_hours()" in text:
            assert by_dbt[name] == {lookback_hours(name)} - {0}, name


def test_a_look_back_is_the_longest_sum_of_upstream_windows() -> None:
    # Prices by instrument, a day of them by asset, a week of those.
    assert lookback_hours("int_asset_prices_hourly") == 24
    assert lookback_hours("int_price_windows_hourly") == 24 + 168
    # Open interest is valued at the price of the hour before, observed up to an hour before, and
    # changes of composition fade in over 720 hours; an instrument's last figure is valid for 24.
    assert lookback_hours("leverage_hourly") == 1 + 1 + (719 + 24) + 1
    # Assets are tracked by 720 hours of liquidations, and levels are of 720 hours of these assets.
    # Then 90 days three times: the regime of a percentile of a mean of percentiles.
    assert lookback_hours("int_mass_below_spot_hourly") == 720 + 719
    assert lookback_hours("stress_hourly") == 720 + 719 + 3 * 2160


@pytest.fixture
def project(tmp_path: Path) -> Path:
    shutil.copytree(
        DBT_PROJECT, tmp_path / "project", ignore=shutil.ignore_patterns("target", "logs")
    )
    return tmp_path / "project"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert text.count(old) == 1
    path.write_text(text.replace(old, new))


def test_a_changed_variable_changes_what_is_rebuilt_and_restaged(project: Path) -> None:
    edit(project / "dbt_project.yml", "stress_window_hours: 2160", "stress_window_hours: 4320")
    for name, windows_on_the_way in (
        ("int_stress_values", 0),
        ("int_stress_percentiles", 1),
        ("stress_components_hourly", 2),
        ("stress_hourly", 3),
    ):
        longer = lookback_hours(name, project) - lookback_hours(name)
        assert longer == windows_on_the_way * 2160, name
        has_changed = fingerprints(project)[name] != fingerprints()[name]
        assert has_changed == (windows_on_the_way > 0), name


def test_a_changed_window_of_a_parent_changes_what_is_rebuilt_and_restaged(project: Path) -> None:
    edit(
        project / "models" / "intermediate" / "int_price_windows_hourly.yml",
        "int_asset_prices_hourly: 168",
        "int_asset_prices_hourly: 1168",
    )
    assert lookback_hours("liquidation_clusters", project) == 24 + 1168 + 719
    for name in ("int_price_windows_hourly", "liquidation_clusters", "stress_hourly"):
        assert fingerprints(project)[name] != fingerprints()[name]
    assert fingerprints(project)["fct_liquidations"] == fingerprints()["fct_liquidations"]


def test_a_window_of_a_table_that_a_model_does_not_read_is_an_error(project: Path) -> None:
    edit(
        project / "models" / "intermediate" / "int_price_windows_hourly.yml",
        "int_asset_prices_hourly: 168",
        "fct_volumes: 168",
    )
    with pytest.raises(ValueError, match=r"int_price_windows_hourly .* fct_volumes"):
        windows(project)


def test_no_ephemeral_model_filters_by_the_hours_to_build() -> None:
    """Inlined into its readers, it would filter by its own hours, and rows would get lost."""
    ephemeral = {name for name, text in TEXTS.items() if "materialized='ephemeral'" in text}
    assert "int_reported_liquidations_screened" in ephemeral
    assert {name for name in ephemeral if "build_hours()" in TEXTS[name]} == set()


def test_a_table_of_the_hours_being_built_reaches_as_far_back_as_its_readers() -> None:
    of_this_build = {
        name
        for name, text in TEXTS.items()
        if "materialized='table'" in text and "build_hours()" in text
    }
    of_this_build |= {
        name
        for name, text in TEXTS.items()
        if "materialized='table'" in text and "int_liquidations_valued" in parents(name)
    }
    assert of_this_build == {
        *("int_liquidations_valued", "int_liquidation_grains", "int_liquidation_first_sources"),
        *("int_liquidations_seen_again", "int_partly_published_liquidations"),
    }
    readers = {
        (table, reader) for table in of_this_build for reader in TEXTS if table in parents(reader)
    }
    assert ("int_liquidations_valued", "int_liquidations_screened") in readers
    assert {
        (table, reader)
        for table, reader in readers
        if lookback_hours(table) != lookback_hours(reader)
    } == set()
