"""The tables that Spark reads and writes: Parquet files and, per table, one list of them.

A table's list (`table.json`) names its columns and, for each partition, its files. Files are never
written again: a build adds new ones and then replaces the list, so a table is always either as it
was or as it will be, whatever was killed. A partition that is built to nothing is not in the list.
"""

from __future__ import annotations

import json
import shutil
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unwind.durable import write_json

# The one partition of a table that is always replaced as a whole.
WHOLE = "all"
LIST = "table.json"
MADE_FROM = "build.json"
# What is written for one run alone.
ASIDE = "_aside"


@dataclass(frozen=True)
class Table:
    """A table's columns, as Spark writes a schema in JSON, and its files by partition.

    `replaced` are the partitions that were replaced last; None where all were.
    """

    schema: dict[str, Any]
    partitions: dict[str, list[str]] = field(default_factory=dict)
    replaced: list[str] | None = None

    @property
    def columns(self) -> dict[str, Any]:
        """The columns' types, as Spark names them in JSON."""
        return {one["name"]: one["type"] for one in self.schema["fields"]}


@dataclass(frozen=True)
class Store:
    """A folder of tables, each named `schema.name`."""

    root: Path

    def names(self) -> list[str]:
        return sorted(path.parent.name for path in self.root.glob(f"*/{LIST}"))

    def table(self, name: str) -> Table | None:
        """A table; None where there is none."""
        try:
            stated = json.loads((self.root / name / LIST).read_text())
        except FileNotFoundError:
            return None
        return Table(stated["schema"], stated["partitions"], stated["replaced"])

    def files(self, name: str, partitions: Iterable[str] | None = None) -> list[str]:
        """The paths of a table's files, of the named partitions or of all."""
        table = self.table(name)
        assert table, name
        wanted = table.partitions if partitions is None else partitions
        return [
            str(self.root / name / path)
            for partition in sorted(wanted)
            for path in table.partitions.get(partition, ())
        ]

    def new_folder(self, name: str) -> Path:
        """A folder of the table's that nothing has been written to."""
        (self.root / name).mkdir(parents=True, exist_ok=True)
        return self.root / name / f"v-{uuid.uuid4().hex}"

    def aside(self, name: str) -> Path:
        """A folder for what is written for one run alone."""
        return self.root / ASIDE / name

    def put(
        self,
        name: str,
        schema: dict[str, Any],
        written: Mapping[str, Iterable[Path]],
        replaced: Sequence[str] | None = None,
        before: Sequence[str] | None = (),
    ) -> None:
        """Makes files part of a table: they take the place of the `replaced` partitions, or of all.

        `before` are the partitions that the same run has replaced already, None for all.
        """
        former = self.table(name)
        kept = dict(former.partitions) if former and replaced is not None else {}
        for partition in replaced or ():
            kept.pop(partition, None)
        for partition, paths in written.items():
            new = sorted(str(path.relative_to(self.root / name)) for path in paths)
            kept[partition] = [*kept.get(partition, ()), *new]
        is_whole = replaced is None or before is None
        write_json(
            self.root / name / LIST,
            {
                "schema": schema,
                "partitions": kept,
                "replaced": None if is_whole else sorted({*(replaced or ()), *(before or ())}),
            },
        )

    def build_id(self) -> str | None:
        """The build of the warehouse's files that the tables are a copy of; None where of none."""
        try:
            return str(json.loads((self.root / MADE_FROM).read_text())["build_id"])
        except FileNotFoundError:
            return None

    def set_build_id(self, build_id: str) -> None:
        write_json(self.root / MADE_FROM, {"build_id": build_id})

    def clear(self) -> None:
        shutil.rmtree(self.root, ignore_errors=True)

    def sweep(self) -> None:
        """Deletes the files that no table has any more, and what was written for one run."""
        shutil.rmtree(self.root / ASIDE, ignore_errors=True)
        for name in self.names():
            kept = {self.root / name / path for path in map(Path, self._listed(name))}
            for folder in (self.root / name).glob("v-*"):
                if not any(path.is_relative_to(folder) for path in kept):
                    shutil.rmtree(folder, ignore_errors=True)

    def _listed(self, name: str) -> list[str]:
        table = self.table(name)
        return [path for paths in table.partitions.values() for path in paths] if table else []
