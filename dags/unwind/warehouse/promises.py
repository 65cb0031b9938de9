"""The contracts of marts in their yml: grain, columns, and which rows a build replaces.

The one place that reads models' yml outside dbt. Gates judge by it, continuity compares by it, and
the suites under `expectations/` are generated from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from unwind.settings import PROJECT_ROOT
from unwind.warehouse.lookbacks import lookback_hours

MODELS = PROJECT_ROOT / "dbt_project" / "models"

# The rows of a mart that a build replaces, by the partition of its model.
HOURS, DAYS, BATCHES, RUNS, WHOLE = "hour_at", "event_date", "batch_id", "run_id", "none"

# What names the assets of a mart: assets that are tracked; or also what events alone name, what
# venues without a listing name, or what reports of others name, which may be any.
TRACKED, EVENTS, OBSERVATIONS, OTHERS = "tracked", "events", "observations", "others"

# Which liquidations count in totals, as the macro counted_liquidations has it.
COUNTED = (
    "event_kind in ('liquidation', 'backstop', 'deleveraging')"
    " and liquidated_side in ('long', 'short')"
)

# A test of dbt in a yml: its name, and its arguments or settings.
Test = str | Mapping[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a mart as its yml states it."""

    name: str
    data_type: str
    description: str
    tests: tuple[Test, ...]

    @property
    def is_not_null(self) -> bool:
        """Whether the yml calls it not null."""
        return any(name_of(test) == "not_null" for test in self.tests)


@dataclass(frozen=True)
class Mart:
    """A mart as its yml states it.

    A build replaces its rows of the hours pending and of the later hours within `lookback_hours`
    (partition HOURS), of the days of these hours (DAYS), of the batches being built (BATCHES), none
    but adds those of its run (RUNS), or all (WHOLE). With `keeps_as_of_hours` it drops hours that
    newer days with data left behind. `assets` is what names its assets.
    """

    name: str
    folder: str
    description: str
    partition: str
    keeps_as_of_hours: bool
    assets: str
    columns: tuple[Column, ...]
    tests: tuple[Test, ...]
    project: Path

    @property
    def lookback_hours(self) -> int:
        """How many hours after a changed one its rows may change: from the project's graph."""
        return lookback_hours(self.name, self.project)

    def column(self, name: str) -> Column:
        """Its column of that name. Raises KeyError where there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}")


def key_of(mart: Mart) -> tuple[str, ...]:
    """The columns of a mart's grain; empty where its yml states none."""
    for test in mart.tests:
        if name_of(test) == "unique_grain":
            return tuple(arguments_of(test)["columns"])
    return tuple(
        column.name
        for column in mart.columns
        if any(name_of(test) == "unique" for test in column.tests)
    )


# Columns by which a row's batch is found.
NAMES_OF_ROWS = ("batch_id", "hour_at", "venue")


def identifying(mart: Mart) -> list[str]:
    """The columns that name a row and its batch."""
    named = [column.name for column in mart.columns if column.name in NAMES_OF_ROWS]
    return list(dict.fromkeys([*key_of(mart), *named]))


def name_of(test: Test) -> str:
    """The name of a test: `not_null`, `accepted_values`."""
    return test if isinstance(test, str) else next(iter(test))


def arguments_of(test: Test) -> Mapping[str, Any]:
    """The arguments of a test; empty where it has none."""
    return {} if isinstance(test, str) else (test[name_of(test)] or {}).get("arguments", {})


def settings_of(test: Test) -> Mapping[str, Any]:
    """Everything that a test states: name, arguments, config."""
    return {} if isinstance(test, str) else test[name_of(test)] or {}


@cache
def marts(models: Path = MODELS) -> Mapping[str, Mart]:
    """Every mart of the project by its name."""
    found = {}
    for path in sorted((models / "marts").rglob("*.yml")):
        for stated in yaml.load(path.read_text(), yaml.CSafeLoader).get("models", []):
            mart = _mart(stated, path.parent.name, models.parent)
            found[mart.name] = mart
    return found


def column_types(model: str, models: Path = MODELS) -> dict[str, str]:
    """The columns that the yml of an intermediate model states, with DuckDB's names of their types.

    Raises LookupError where no yml states the model's columns.
    """
    for path in sorted((models / "intermediate").glob("*.yml")):
        for stated in yaml.load(path.read_text(), yaml.CSafeLoader).get("models", []):
            if stated["name"] == model and "columns" in stated:
                return {one["name"]: one["data_type"].upper() for one in stated["columns"]}
    raise LookupError(f"no yml in {models / 'intermediate'} states the columns of {model}")


def _mart(stated: Mapping[str, Any], folder: str, project: Path) -> Mart:
    meta = stated.get("config", {}).get("meta", {})
    return Mart(
        name=stated["name"],
        folder=folder,
        description=stated["description"],
        partition=meta.get("partition", HOURS),
        keeps_as_of_hours=meta.get("keeps") == "as_of_hours",
        assets=meta.get("assets", TRACKED),
        columns=tuple(
            Column(
                one["name"], one["data_type"], one["description"], tuple(one.get("data_tests", []))
            )
            for one in stated["columns"]
        ),
        tests=tuple(stated.get("data_tests", [])),
        project=project,
    )


def replaced_hours(mart: Mart) -> str:
    """A query over the hours that this build replaces of a mart (macro build_hours)."""
    pending = "select hour_at from staging.ops.pending_hours"
    if not mart.lookback_hours:
        return f"select distinct hour_at from ({pending}) as pending"
    # Rows of messages without an event have hours outside the spine.
    return f"""
        {pending}
        union
        select spine.hour_at
        from staging.ops.hours as spine
        asof inner join ({pending}) as pending on spine.hour_at >= pending.hour_at
        where spine.hour_at <= pending.hour_at + interval {mart.lookback_hours} hour
    """


def replaced_days(mart: Mart) -> str:
    """A query over the days that this build replaces of a mart (macro build_days)."""
    return f"select distinct hour_at::date as event_date from ({replaced_hours(mart)}) as replaced"


def rebuilt_hours(mart: Mart) -> str:
    """A query over the hours of which this build makes rows: those replaced that the mart keeps."""
    hours = replaced_hours(mart)
    if not mart.keeps_as_of_hours:
        return hours
    return f"select hour_at from ({hours}) as replaced where hour_at in ({KEPT_HOURS})"


def _detail_days() -> int:
    project = yaml.load((MODELS.parent / "dbt_project.yml").read_text(), yaml.CSafeLoader)
    return int(project["vars"]["detail_days"])


# The hours that as-of marts keep (macro kept_as_of_hours).
KEPT_HOURS = f"""
    select hour_at from staging.ops.hours
    where hour_at::date not in (select utc_date from staging.ops.empty_days)
    qualify row_number() over (order by hour_at desc) <= {24 * _detail_days()}
"""
