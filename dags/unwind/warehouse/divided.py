"""Which models of the dbt project are built in units of hours, apart from each other.

A model's rows of an hour depend on its parents' rows of that hour and of the look-back before it
(lookbacks.py). Where that look-back is a few hours, a range of hours can be built from staged rows
alone, in any process: these are the facts, and what is summed from them hour by hour. Models that
look back over days (windows, percentiles, episodes) are built once, above all facts.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.lookbacks import lookback_hours
from unwind.warehouse.models import model_files, parents, settings_of

# 2026-11-27: facts reach back one hour, for the price as of an instant, and two for open interest
# at an hour's start. The next ones reach back a day, which each range would build a second time.
MAX_LOOKBACK_HOURS = 2
# Open interest of an hour's end may be observed in the first minutes of the next (instants.sql).
HOURS_AFTER = 1

_MATERIALIZED = re.compile(r"materialized\s*=\s*'(\w+)'")
_PARTITION = re.compile(r"'partition'\s*:\s*'(\w+)'")


@cache
def divided_models(project: Path = DBT_PROJECT) -> frozenset[str]:
    """The models whose rows units of hours write: partitioned by hour, with a short look-back."""
    return frozenset(
        name
        for name in _files(project)
        if name not in staged_models(project)
        and _materialized(name, project) == "incremental"
        and _partition(name, project) == "hour_at"
        and lookback_hours(name, project) <= MAX_LOOKBACK_HOURS
    )


@cache
def models_of_a_unit(project: Path = DBT_PROJECT) -> frozenset[str]:
    """The models that a unit builds: the divided ones, and all that they read above staging."""
    reached: set[str] = set()
    waiting = set(divided_models(project))
    while waiting:
        reached |= waiting
        read = set().union(*(parents(name, project) for name in waiting)) & _files(project).keys()
        waiting = read - reached - staged_models(project)
    return frozenset(reached)


@cache
def steps_of_a_unit(project: Path = DBT_PROJECT) -> frozenset[str]:
    """Tables that hold the rows of one run for divided models alone, and the views of these tables.

    Where units have built the divided models, the writer has no use for them.
    """
    between = models_of_a_unit(project) - divided_models(project)
    read = {name for name in between if _is_mart(name, project)} | models_above(project)
    waiting = read
    while waiting:
        waiting = set().union(*(parents(name, project) & between for name in waiting)) - read
        read |= waiting
    left = between - read
    steps = {name for name in left if _materialized(name, project) == "table"}
    views = left - steps
    while found := {name for name in views if parents(name, project) & steps}:
        steps |= found
        views -= found
    return frozenset(steps)


def models_above(project: Path = DBT_PROJECT) -> frozenset[str]:
    """The models that no unit builds: what stands above facts."""
    return frozenset(_files(project).keys() - models_of_a_unit(project) - staged_models(project))


@cache
def staged_models(project: Path = DBT_PROJECT) -> frozenset[str]:
    """The models that staging builds: the selector `staging`."""
    return frozenset(
        name
        for name, path in _files(project).items()
        if "staging" in path.parts
        or "staging" in (settings_of(project).get(name) or {}).get("tags", [])
    )


@cache
def _files(project: Path) -> dict[str, Path]:
    return {path.stem: path.relative_to(project) for path in model_files(project)}


def _is_mart(name: str, project: Path) -> bool:
    return "marts" in _files(project)[name].parts


@cache
def _materialized(name: str, project: Path) -> str:
    stated = _MATERIALIZED.search((project / _files(project)[name]).read_text())
    if stated:
        return stated[1]
    otherwise = "incremental" if _is_mart(name, project) else "view"
    return str((settings_of(project).get(name) or {}).get("materialized", otherwise))


@cache
def _partition(name: str, project: Path) -> str | None:
    stated = _PARTITION.search((project / _files(project)[name]).read_text())
    if stated:
        return stated[1]
    otherwise = "hour_at" if _is_mart(name, project) else None
    meta: dict[str, str] = (settings_of(project).get(name) or {}).get("meta", {})
    return meta.get("partition", otherwise)
