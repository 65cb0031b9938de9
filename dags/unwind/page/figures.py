"""The page's figures as data: figures.toml says what each is, sql/<figure>.sql what it reads."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from unwind.page.wording import Kind
from unwind.warehouse.metrics import shown_hours

HERE = Path(__file__).parent
# The condition for the newest hours, as every headline figure has it.
_WINDOW = re.compile(r"\{last_(\d+)_hours\}")
ASSET = "base_asset"


@dataclass(frozen=True)
class Column:
    """A column of a figure: its name in SQL, its heading, and what its values are."""

    name: str
    label: str
    kind: Kind


@dataclass(frozen=True)
class Figure:
    """One figure of the page.

    `marts` are those that it reads, `window` is the time that it covers, `reading` how bounds and
    intervals are to be read, `absent` why there may be no rows. `is_hourly` windows end with the
    newest hour. `explain` is the command that leads to a row's facts, with {hour} and {asset}.
    """

    figure_id: str
    section: str
    title: str
    marts: tuple[str, ...]
    columns: tuple[Column, ...]
    window: str
    reading: str
    absent: str
    explain: str
    has_chart: bool = True
    is_wide: bool = False
    is_hourly: bool = True

    @property
    def is_by_asset(self) -> bool:
        """Whether rows are of an asset, which readers choose."""
        return any(column.name == ASSET for column in self.columns)

    @property
    def shown_columns(self) -> tuple[Column, ...]:
        """The table's columns: the asset heads its rows instead."""
        return tuple(column for column in self.columns if column.name != ASSET)

    def query(self, hour: str, assets: str) -> str:
        """Its SQL, with the newest hour and the list of assets as SQL literals.

        {last_48_hours} in it is the condition for the 48 hours that end with the newest one.
        """
        windowed = _WINDOW.sub(
            lambda window: shown_hours(int(window[1]), hour), statement(self.figure_id)
        )
        return windowed.replace("{hour}", hour).replace("{assets}", assets)


@cache
def statement(figure_id: str) -> str:
    """The figure's SQL as it is kept."""
    return (HERE / "sql" / f"{figure_id}.sql").read_text(encoding="utf-8").strip()


@cache
def figures() -> tuple[Figure, ...]:
    """All figures, in the page's order."""
    listed = tomllib.loads((HERE / "figures.toml").read_text(encoding="utf-8"))["figure"]
    return tuple(
        Figure(
            **{key: one[key] for key in one if key not in {"id", "marts", "columns"}},
            figure_id=one["id"],
            marts=tuple(one["marts"]),
            columns=_columns(one["columns"]),
        )
        for one in listed
    )


def _columns(text: str) -> tuple[Column, ...]:
    """Columns from lines of `name kind heading`."""
    split = (line.split(maxsplit=2) for line in text.strip().splitlines())
    return tuple(Column(name, label, Kind(kind)) for name, kind, label in split)
