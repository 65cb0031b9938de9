"""How far back the models of the dbt project reach, derived from the windows that they state.

A model's meta states how many hours before its own hour it reads each of its parents
(`window_hours: {parent: hours}`). Its look-back is the longest sum of these along any path to its
sources: a changed hour affects its rows up to that many hours later. The macro `lookback_hours_of`
computes the same in dbt.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from jinja2.nativetypes import NativeEnvironment

from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.models import parents, settings_of, variables


@cache
def windows(project: Path = DBT_PROJECT) -> dict[str, dict[str, int]]:
    """The hours that each model reads behind its own hour, by the parent's name, where it does.

    Raises ValueError where a model states a window of a table that it does not read.
    """
    rendered = NativeEnvironment().from_string
    values = variables(project)
    found = {}
    for name, settings in settings_of(project).items():
        stated: dict[str, Any] = (settings or {}).get("meta", {}).get("window_hours", {})
        found[name] = {
            parent: int(rendered(str(hours)).render(var=values.__getitem__))
            for parent, hours in stated.items()
        }
        unread = found[name].keys() - parents(name, project)
        if unread:
            raise ValueError(
                f"{name} states windows of {', '.join(unread)}, which it does not read"
            )
    return found


@cache
def lookback_hours(model: str, project: Path = DBT_PROJECT) -> int:
    """The hours after a changed one in which a model's rows may change with it."""
    own = windows(project).get(model, {})
    return max(
        (own.get(name, 0) + lookback_hours(name, project) for name in parents(model, project)),
        default=0,
    )
