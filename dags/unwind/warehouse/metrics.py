"""The headline figures: one definition of each, in dbt_project/metrics.yml.

Pages, BI tools and docs take a figure's column, interval and unit from here, and which hours are
shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from unwind.database import quoted
from unwind.errors import UnwindError
from unwind.settings import PROJECT_ROOT
from unwind.texts import as_utf8, nearest, some
from unwind.warehouse.promises import Mart, key_of, marts

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

METRICS = PROJECT_ROOT / "dbt_project" / "metrics.yml"

# What a figure counts in, and how that reads in a heading.
UNITS = {
    "usd": "US dollars",
    "share": "a part of a whole, 0.01 is 1%",
    "ratio": "-1 to 1",
    "bp": "hundredths of a percent",
    "score": "0 to 100",
    "percentile": "0 to 100",
}

# The last hour that landed. The spine may go on to the hour that runs, whose figures are not known.
LAST_HOUR = "(select last_hour_at from marts.release)"


def shown_hours(newest: int | None = None, last: str = LAST_HOUR) -> str:
    """The SQL condition on hour_at for the hours of a headline figure, wherever it is shown.

    These are the hours up to the last one that landed; only the `newest` of them where given.
    `last` is another SQL expression for that hour.
    """
    shown = f"hour_at <= {last}"
    return f"{shown} and hour_at > {last} - interval {int(newest)} hour" if newest else shown


class MetricError(UnwindError, ValueError):
    """A metric or a row of it that does not exist, or a definition that does not fit its mart."""

    exit_code = 2


@dataclass(frozen=True)
class Metric:
    """One column of one mart, at one row an hour.

    `low` and `high` are the columns of its interval, `lower_bound` the flag of a figure that can
    only be larger; None where the mart has none. `at` has a value for each column of the mart's
    grain but hour_at.
    """

    name: str
    label: str
    unit: str
    mart: str
    column: str
    low: str | None
    high: str | None
    lower_bound: str | None
    at: Mapping[str, str | int]

    @property
    def description(self) -> str:
        """What its column means, as the mart's yml has it."""
        return marts()[self.mart].column(self.column).description

    def sql(self, hours: int | None = None, **others: str | int) -> str:
        """A query for hour_at and the figure, by hour up to the last one that landed.

        `hours` limits it to the newest ones, `others` replace values of `at`. Raises MetricError
        for a column that `at` does not have.
        """
        unknown = sorted(set(others) - set(self.at))
        if unknown:
            raise MetricError(
                f"{self.name} has no {', '.join(unknown)}; it can be asked for by "
                f"{', '.join(self.at) or 'the hour alone'}"
            )
        columns = [f"{self.column} as {self.name}"]
        if self.low and self.high:
            columns += [f"{self.low} as low", f"{self.high} as high"]
        if self.lower_bound:
            columns += [f"{self.lower_bound} as is_lower_bound"]
        condition = " and ".join([*_equal({**self.at, **others}), shown_hours(hours)])
        return (
            f"select hour_at, {', '.join(columns)} from marts.{self.mart}"
            f" where {condition} order by 1"
        )


@cache
def metrics(path: Path = METRICS) -> Mapping[str, Metric]:
    """Every metric by its name. Raises MetricError where one does not fit its mart."""
    stated = yaml.load(path.read_text(), yaml.CSafeLoader)["metrics"]
    found: dict[str, Metric] = {}
    for one in stated:
        interval = one.get("interval")
        metric = Metric(
            name=one["name"],
            label=one["label"],
            unit=one["unit"],
            mart=one["mart"],
            column=one["column"],
            low=f"{interval}_low" if interval else None,
            high=f"{interval}_high" if interval else None,
            lower_bound=one.get("lower_bound"),
            at=one["at"],
        )
        _check(metric)
        if metric.name in found:
            raise MetricError(f"metrics.yml defines {metric.name} twice")
        found[metric.name] = metric
    return found


def metric(name: str) -> Metric:
    """The metric of that name. Raises MetricError, with the names that exist, where none has it."""
    if name not in metrics():
        raise MetricError(f"there is no metric {name!r}; there are {', '.join(sorted(metrics()))}")
    return metrics()[name]


def row_of(name: str, stated: Iterable[str]) -> dict[str, str | int]:
    """Texts as 'base_asset=ETH' as arguments of a metric's `sql`.

    Raises MetricError for a text of another form, and for one that is no number where `at` has one.
    """
    found: dict[str, str | int] = {}
    for text in stated:
        column, equals, value = as_utf8(text).partition("=")
        if not equals or not column.isidentifier():
            raise MetricError(f"{text!r} names no row; write it as base_asset=ETH")
        is_number = isinstance(metric(name).at.get(column), int)
        if is_number and not value.isdecimal():
            raise MetricError(f"{column} is a whole number, and {value!r} is none")
        found[column] = int(value) if is_number else value
    return found


def check_there(
    release: DuckDBPyConnection, metric: Metric, others: Mapping[str, str | int]
) -> None:
    """Raises MetricError where no hour of the release has such a row: what it lacks, and has."""
    asked = {**metric.at, **others}
    mart = f"marts.{metric.mart}"
    where = " and ".join(_equal(asked)) or "true"
    if release.execute(f"select 1 from {mart} where {where} limit 1").fetchone():
        return
    for column, value in others.items():
        rows = release.execute(
            f"select distinct {column} from {mart} where {column} is not null order by 1"
        ).fetchall()
        there = [one for (one,) in rows]
        if value not in there:
            near = nearest(str(value), map(str, there))
            hint = f"did you mean {near}?" if near else f"there are {some(there)}"
            raise MetricError(f"no row of {mart} has {column} {value!r}; {hint}")
    raise MetricError(
        f"no row of {mart} has {', '.join(f'{name}={value}' for name, value in asked.items())} "
        "together; each of these values has rows with others"
    )


def _equal(at: Mapping[str, str | int]) -> list[str]:
    return [
        f"{name} = {value if isinstance(value, int) else quoted(value)}"
        for name, value in at.items()
    ]


def _check(metric: Metric) -> None:
    mart: Mart | None = marts().get(metric.mart)
    if mart is None:
        raise MetricError(f"{metric.name} is of {metric.mart}, which is no mart")
    if metric.unit not in UNITS:
        raise MetricError(f"{metric.name} is in {metric.unit!r}; units are {', '.join(UNITS)}")
    there = {column.name for column in mart.columns}
    read = [metric.column, metric.low, metric.high, metric.lower_bound]
    missing = [name for name in read if name and name not in there]
    if missing:
        raise MetricError(f"{metric.name} reads {', '.join(missing)}; {mart.name} has none")
    if set(key_of(mart)) != {"hour_at", *metric.at}:
        raise MetricError(
            f"{metric.name} is at {', '.join(metric.at) or 'nothing'}, and a row of {mart.name} is "
            f"one of {', '.join(key_of(mart))}"
        )
