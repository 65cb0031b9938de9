"""A warehouse in miniature: the rows that a model was given, and the model run on them again.

A release keeps the compiled SQL of its models (`models/`). That SQL, unchanged, is run on copies of
a few rows of each table that it reads. Where it gives the same row again, those rows are all that
the row stands on.
"""

from __future__ import annotations

import importlib.util
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from types import SimpleNamespace, TracebackType

import duckdb

from unwind.database import connect, quoted, row_of
from unwind.errors import UnwindError
from unwind.settings import Home
from unwind.warehouse import lookbacks, models, releases
from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.lineage_macros import COMBINED, KEYS
from unwind.warehouse.releases import current_db

# If rows with the same keys do not reproduce the row, those of other instruments and venues, or of
# other assets, are read as well: a share needs the total, a rank its competitors.
WIDENED: tuple[frozenset[str], ...] = (
    frozenset(),
    frozenset({"venue", "instrument"}),
    frozenset({"base_asset"}),
    frozenset({"venue", "instrument", "base_asset"}),
    frozenset(KEYS),
)
# The two files as they are, and the names that models know them by.
PLACES = {"released": "warehouse", "built": "staging"}
ATTACHED = tuple(PLACES)
# A relation in compiled SQL, and in a model in Python.
_READ = re.compile(r'"(?:staging|warehouse)"\."\w+"\."(\w+)"|dbt\.ref\("(\w+)"\)')
# Measured in the first minutes after an hour, a stock is the one of the hour's end.
NEXT_HOURS = 1


class UnexplainedError(UnwindError, LookupError):
    """A row cannot be explained; the text says why and what to do."""


@dataclass(frozen=True)
class Relation:
    """A table or view of the two files: its name, its place and its columns with their types."""

    name: str
    database: str
    schema: str
    columns: Mapping[str, str]
    is_view: bool

    @property
    def path(self) -> str:
        """Its name in SQL, all of its rows."""
        return f"{self.database}.{self.schema}.{self.name}"

    @property
    def given(self) -> str:
        """Its name in SQL, in the miniature."""
        return f"given_{self.path}"

    @property
    def is_read_from_raw(self) -> bool:
        """Whether each of its rows names the raw line that it was read from."""
        return "raw_line" in self.columns


@dataclass(frozen=True)
class Reading:
    """Which rows of a relation, as `p`, a model reads: SQL.

    condition: a predicate; hours: a query of their hours; keys: a predicate, by the keys alone.
    """

    condition: str
    hours: str
    keys: str


@dataclass
class Miniature:
    """The current release and the staging file that it was built from, and rows taken from them.

    `warehouse` and `staging` are all of their tables; `given_warehouse` and `given_staging` have
    what is given. Raises UnexplainedError where staging is of another build.
    """

    home: Home
    connection: duckdb.DuckDBPyConnection = field(init=False)
    release: Path = field(init=False)

    def __post_init__(self) -> None:
        database = current_db(self.home).resolve()
        self.release = database.parent
        self.connection = connect(self.home)
        try:
            self._attach(database)
        except BaseException:
            self.connection.close()
            raise

    def __enter__(self) -> Miniature:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.connection.close()

    @cached_property
    def relations(self) -> Mapping[str, Relation]:
        """Every table and view of the two files by its name."""
        views = self.connection.execute(
            "select view_name from duckdb_views() where database_name in ('released', 'built')"
        ).fetchall()
        columns = self.connection.execute(
            "select database_name, schema_name, table_name,"
            " list((column_name, data_type) order by column_index) from duckdb_columns()"
            " where database_name in ('warehouse', 'staging') group by all"
        ).fetchall()
        return {
            name: Relation(name, database, schema, dict(types), (name,) in views)
            for database, schema, name, types in columns
        }

    @cached_property
    def has_code(self) -> Mapping[str, Path]:
        """The compiled code of each model, as the release keeps it."""
        return {path.stem: path for path in (self.release / releases.MODELS).iterdir()}

    def parents(self, name: str) -> list[Relation]:
        """What a model reads; nothing where its rows were read from raw lines, or are recorded."""
        if self.relations[name].is_read_from_raw or name not in self.has_code:
            return []
        code = self.has_code[name].read_text()
        read = {found[1] or found[2] for found in _READ.finditer(code)} - {name}
        there = [self.relations[parent] for parent in sorted(read & self.relations.keys())]
        return [parent for parent in there if parent.schema != "ops"]

    def give(self, name: str, rows: str) -> None:
        """Puts the rows of a query, which has the relation's columns, into the miniature."""
        self.connection.execute(f"create or replace table {self.relations[name].given} as {rows}")

    def give_read(self, parent: Relation, readings: Sequence[Reading]) -> None:
        """Puts the rows of a relation that any of the readings are of into the miniature."""
        if parent.is_view:
            # Some views have the rows of the hours that are being built.
            self._want_hours("", " union ".join(one.hours for one in readings))
        read = " or ".join(dict.fromkeys(f"({one.condition})" for one in readings))
        self.give(parent.name, f"select p.* from {parent.path} as p where {read}")

    def count(self, name: str) -> int:
        """How many rows of a relation are given."""
        return int(row_of(self.connection, f"select count(*) from {self.relations[name].given}")[0])

    def reading(self, model: str, parent: Relation, widened: frozenset[str]) -> Reading:
        """What the given rows of a model read of a parent, by all keys but the widened ones."""
        of_model = self.relations[model]
        shared = [
            key
            for key in KEYS
            if key in of_model.columns and key in parent.columns and key not in widened
        ]
        reads = [
            f"(m.{key} = {quoted(COMBINED)} or p.{key} is not distinct from m.{key})"
            if of_model.columns[key] == "VARCHAR"
            else f"p.{key} is not distinct from m.{key}"
            for key in shared
        ]

        def matched(reads: Sequence[str], grouped: Sequence[str]) -> str:
            if not reads:
                return "true"
            rows = f"select {', '.join(grouped)} from {of_model.given} group by all"
            return f"exists (select 1 from ({rows}) as m where {' and '.join(reads)})"

        keys, hours = matched(reads, shared), "select hour_at from staging.ops.hours"
        if "hour_at" not in of_model.columns or "hour_at" not in parent.columns:
            return Reading(keys, hours, keys)
        behind = str(lookbacks.windows().get(model, {}).get(parent.name, 0))
        if "window_hours" in of_model.columns and "window_hours" not in parent.columns:
            behind = f"least({behind}, window_hours - 1)"
        ahead = NEXT_HOURS if parent.is_read_from_raw else 0
        ends = (
            f"min(hour_at - ({behind}) * interval 1 hour) as first_at,"
            f" max(hour_at) + interval {ahead} hour as last_at"
        )
        hours += (
            f" where exists (select 1 from (select {ends} from {of_model.given})"
            " where hour_at between first_at and last_at)"
        )
        within = "p.hour_at between m.first_at and m.last_at"
        return Reading(matched([*reads, within], [*shared, ends]), hours, keys)

    def again(self, model: str) -> str:
        """Runs a model on what is given; the name of a table with the rows that it gives.

        Raises duckdb.Error.
        """
        of_model = self.relations[model]
        if "hour_at" in of_model.columns:
            self._want_hours("given_", f"select hour_at from {of_model.given}")
        if "batch_id" in of_model.columns:
            self.connection.execute(
                "create or replace table given_staging.ops.build_batches as"
                f" select distinct b.* from staging.ops.batches as b"
                f" semi join {of_model.given} as m on b.batch_id = m.batch_id"
            )
        code = self.has_code[model]
        if code.suffix == ".py":
            self._run_python(model)
        else:
            text = code.read_text()
            for database in ("staging", "warehouse"):
                text = text.replace(f'"{database}".', f'"given_{database}".')
            self.connection.execute(f"create or replace table memory.main.again as {text}")
        return "memory.main.again"

    def _want_hours(self, prefix: str, hours: str) -> None:
        """Makes the hours of a query the ones that are built: of all tables, or of the given."""
        self.connection.execute(
            f"create or replace table {prefix}staging.ops.pending_hours as"
            f" select distinct hour_at from ({hours}) where hour_at is not null"
        )

    def _attach(self, database: Path) -> None:
        run = self.connection.execute
        run(f"attach {quoted(database)} as released (read_only)")
        try:
            run(f"attach {quoted(self.home.staging_db)} as built (read_only)")
        except duckdb.Error as error:
            raise UnexplainedError(
                f"{self.home.staging_db} cannot be read ({str(error).splitlines()[0]}); a refresh "
                "has it while it runs: try again when it is over"
            ) from None
        ids = [run(f"select build_id from {name}.ops.build").fetchone() for name in ATTACHED]
        if ids[0] != ids[1]:
            raise UnexplainedError(
                f"{self.home.staging_db} is not of the build that release {self.release.name} is "
                "of; `unwind refresh` makes them one, `unwind releases` shows which is current"
            )
        self._show_all()

    def _show_all(self) -> None:
        """Shows all tables under the names that models know, and makes room for what is given."""
        run = self.connection.execute
        for place in PLACES.values():
            for prefix in ("", "given_"):
                run(f"attach ':memory:' as {prefix}{place}")
        found = run(
            "select database_name, schema_name, table_name"
            " from (from duckdb_tables() union all by name"
            " select * rename (view_name as table_name) from duckdb_views() where not internal)"
            f" where database_name in {ATTACHED} and (database_name, schema_name)"
            " not in (('released', 'ops')) order by all"
        ).fetchall()
        for attached, schema in {row[:2] for row in found}:
            for prefix in ("", "given_"):
                run(f"create schema if not exists {prefix}{PLACES[attached]}.{schema}")
        for _, schema, name in found:
            if schema == "ops":
                # Tables that a build changes must be writable.
                run(f"create table staging.ops.{name} as from built.ops.{name}")
                if name not in ("pending_hours", "build_batches"):
                    run(f"create view given_staging.ops.{name} as from staging.ops.{name}")
        waiting = [row for row in found if row[1] != "ops"]
        while waiting:
            # A view can be shown once all that it reads is.
            left = [row for row in waiting if not self._is_shown(*row)]
            if len(left) == len(waiting):
                break
            waiting = left

    def _is_shown(self, attached: str, schema: str, name: str) -> bool:
        try:
            self.connection.execute(
                f"create view {PLACES[attached]}.{schema}.{name} as from {attached}.{schema}.{name}"
            )
        except duckdb.CatalogException:
            return False
        return True

    def _run_python(self, model: str) -> None:
        source = next(path for path in models.model_files(DBT_PROJECT) if path.stem == model)
        spec = importlib.util.spec_from_file_location(model, source)
        assert spec
        assert spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        dbt = SimpleNamespace(ref=lambda name: self.connection.table(self.relations[name].given))
        self.connection.execute("drop table if exists memory.main.again")
        module.model(dbt, self.connection).create("again")
