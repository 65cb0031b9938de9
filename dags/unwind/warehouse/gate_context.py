"""Great Expectations' context, and the connection on which a gate judges.

Great Expectations takes seconds to import, so it is imported where it is used; `preload()` in a
thread hides that behind dbt.
"""

from __future__ import annotations

import gc
import importlib
import logging
import os
import shutil
import sys
import threading
import tomllib
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from unwind.database import bounds, quoted
from unwind.errors import UnwindError
from unwind.settings import Home
from unwind.warehouse.lookbacks import windows
from unwind.warehouse.suites import CONTEXT_ROOT, DATASOURCE, LANDED, MARTS, expectations_of

if TYPE_CHECKING:
    from great_expectations.checkpoint.checkpoint import Checkpoint
    from great_expectations.data_context.data_context.file_data_context import FileDataContext
    from sqlalchemy.engine import Connection

DETAIL_MAX_CHARS = 300
# What Great Expectations imports and no gate uses: a third of its import.
UNUSED = ("altair", "scipy.stats")

# Great Expectations reads all of its files with one parser, and a gate may begin while `preload`
# still reads in its thread.
_reading = threading.Lock()


class GateError(UnwindError, RuntimeError):
    """A gate could not judge at all: its files are missing or locked; the text says what to do."""


@dataclass(frozen=True)
class Threshold:
    """A limit that suites read by name, with the day it was set and the observation behind it."""

    name: str
    value: float
    since: date
    reason: str


@dataclass(frozen=True)
class Gate:
    """An open context and its connection, with the schema `gate` in place, and all limits."""

    context: FileDataContext
    connection: Connection
    limits: Mapping[str, float]


def preload(home: Home | None = None) -> None:
    """Imports what the gates need (3 to 10 s of one core), and reads a home's suites.

    May run in a thread while something else works.
    """
    # Read when great_expectations is imported; nothing is to be sent anywhere.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    # Thousands of lines a gate, all of which Airflow would keep in its task's log.
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    if "great_expectations" not in sys.modules:
        with without_garbage_collection():
            _import()
            # Nothing of it becomes garbage, and each collection would walk all of it.
            gc.freeze()
    if home:
        context = context_of(home)
        for checkpoint in (LANDED, MARTS):
            definition_of(context, checkpoint)
        # What the marts gate asks of the project, while dbt builds it.
        windows()
        expectations_of(MARTS)


def _import() -> None:
    for name in UNUSED:
        sys.modules.setdefault(name, _Later(name))
    import great_expectations  # noqa: F401

    import unwind.warehouse.expect_no_rows  # noqa: F401


@contextmanager
def without_garbage_collection() -> Iterator[None]:
    """No garbage collection: each would walk all that Great Expectations has imported."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class _Later(ModuleType):
    """Stands for a module, which is imported when something of it is used.

    importlib.util.LazyLoader would import it at the first `import` of it.
    """

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        sys.modules.pop(self.__name__, None)
        return getattr(importlib.import_module(self.__name__), name)


def thresholds() -> dict[str, Threshold]:
    """The limits in `expectations/thresholds.toml`, by name."""
    listed = tomllib.loads((CONTEXT_ROOT / "thresholds.toml").read_text())
    return {name: Threshold(name, **fields) for name, fields in listed.items()}


def context_of(home: Home) -> FileDataContext:
    """The context of `expectations/`, whose results go below the home. Read once a process."""
    # Great Expectations would print where its own code stumbled over it.
    home.gates.mkdir(parents=True, exist_ok=True)
    preload()
    with _reading:
        # A relative path would be below `expectations/`.
        return _cached_context(home.gates.resolve())


@cache
def _cached_context(results: Path) -> FileDataContext:
    import great_expectations as gx

    return gx.get_context(
        mode="file",
        context_root_dir=CONTEXT_ROOT,
        runtime_environment={"UNWIND_GATES": str(results)},
    )


def definition_of(context: FileDataContext, checkpoint: str) -> Checkpoint:
    """A checkpoint with its suites; read once, since that takes as long as judging some of them."""
    with _reading:
        known = _definitions.setdefault(id(context), {})
        if checkpoint not in known:
            known[checkpoint] = context.checkpoints.get(checkpoint)
        return known[checkpoint]


# Keyed by the context's id; contexts live as long as the process.
_definitions: dict[int, dict[str, Checkpoint]] = {}


@contextmanager
def opened_gate(
    home: Home,
    files: Collection[Path],
    context: FileDataContext | None = None,
    sharers: int = 1,
) -> Iterator[Gate]:
    """A gate over files that exist; `sharers` of them share the memory and the processors.

    Raises GateError where one is missing or locked.
    """
    missing = [str(path) for path in files if not path.exists()]
    if missing:
        raise GateError(
            f"There is nothing to judge: {', '.join(missing)} does not exist; "
            "run `unwind refresh`, which stages and builds before it judges."
        )
    context = context or context_of(home)
    forget_old_runs(home)
    engine = context.data_sources.get(DATASOURCE).get_execution_engine().engine
    try:
        with engine.connect() as connection:
            _prepare(connection, home, sharers)
            for path in files:
                _attach(connection, path)
            yield Gate(context, connection, _name_limits(connection))
    finally:
        # The last connection to a DuckDB in memory closes the files attached to it.
        engine.dispose()


def _prepare(connection: Connection, home: Home, sharers: int) -> None:
    run_sql(connection, "set TimeZone = 'UTC'")
    for setting, value in bounds(home, sharers=sharers).items():
        run_sql(connection, f"set {setting} = {quoted(value)}")
    run_sql(connection, "create schema gate")


def _name_limits(connection: Connection) -> dict[str, float]:
    """Names gate.limits: what the gates alone tolerate, and what models and gates both judge by."""
    seed = "select limit_name, value from staging.seeds.plausibility_limits order by limit_name"
    try:
        shared = run_sql(connection, seed).fetchall()
    except Exception as error:
        raise GateError(
            f"The gate cannot read its limits, seed plausibility_limits: {first_line(error)};"
            " `unwind refresh --full` loads the seeds and builds all of it from raw."
        ) from error
    own = {name: limit.value for name, limit in thresholds().items()}
    limits = {**dict(shared), **own}
    columns = ", ".join(
        f"{value!r}{'::bigint' if isinstance(value, int) else '::double'} as {name}"
        for name, value in limits.items()
    )
    run_sql(connection, f"create table gate.limits as select {columns}")
    return limits


def _attach(connection: Connection, path: Path) -> None:
    try:
        run_sql(connection, f"attach {quoted(path)} as {path.stem} (read_only)")
    except Exception as error:
        raise GateError(
            f"The gate cannot open {path}: {first_line(error)}; end the process that has it open "
            "(only one writer may), then refresh again."
        ) from error


def suites_of(context: FileDataContext, checkpoint: str) -> list[str]:
    """The names of a checkpoint's suites, in their order."""
    return [one.name for one in definition_of(context, checkpoint).validation_definitions]


def all_suites(context: FileDataContext) -> list[str]:
    """The names of the suites of both gates."""
    return [*suites_of(context, LANDED), *suites_of(context, MARTS)]


def forget_old_runs(home: Home) -> None:
    """Keeps the newest runs' results and pages; older verdicts stay in ops.gate_results."""
    kept = int(thresholds()["results_kept_runs"].value)
    for zone in (home.gates / "results", home.gates / "docs" / "validations"):
        for suite in zone.iterdir() if zone.exists() else ():
            runs = [path for path in suite.iterdir() if path.is_dir()] if suite.is_dir() else []
            runs.sort(key=lambda path: path.stat().st_mtime_ns)
            for old in runs[:-kept]:
                shutil.rmtree(old, ignore_errors=True)


def columns_of(connection: Connection, relation: str) -> dict[str, str]:
    """Column types by name as the relation binds now; empty when it does not exist or bind."""
    try:
        described = run_sql(connection, f"describe select * from {relation}").fetchall()
    except Exception:  # noqa: BLE001
        return {}
    return {row[0]: row[1] for row in described}


def run_sql(connection: Connection, sql: str) -> Any:
    """The result of SQL as it is written."""
    # exec_driver_sql: SQLAlchemy would take `:name` and `%` in plain SQL for parameters.
    return connection.exec_driver_sql(sql)


def first_line(error: object) -> str:
    """The first line of an error, shortened."""
    return str(error).strip().splitlines()[0][:DETAIL_MAX_CHARS]
