"""The refresh: stage, gate, build, gate, publish, over everything sealed and not built.

Each phase is a function of its own, so that a scheduler can run them as tasks; what they share is
the plan in the warehouse's own state. A phase that finds its work done does nothing. Killed at any
moment, the next refresh plans anew over all that is not built, and rebuilds every hour that was
pending: the same tables come out.
"""

from __future__ import annotations

import fcntl
import hashlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path

import duckdb

from unwind.clock import Clock, utc_now
from unwind.landing.ledger import Ledger, SealRef
from unwind.settings import Home
from unwind.warehouse import gates, releases
from unwind.warehouse.dbt import DBT_PROJECT, DbtProcess, OnNode, run_dbt
from unwind.warehouse.state import naive_utc, staging_state, write_build_batches

# What each phase leaves the plan in.
STAGED, GATED, BUILDING, BUILT, JUDGED, REFUSED, PUBLISHED = (
    *("staged", "gated", "building", "built", "judged", "refused", "published"),
)

# Kept as they are while the project is the same: they hold no rows of their own, or never new ones.
UNCHANGING = ("config.materialized:view", "resource_type:seed")

STAGING_MODELS = (
    *("path:models/staging", "int_liquidations_unioned", "int_instruments_unioned"),
    *("int_instrument_versions", "resource_type:seed"),
)

# 2026-11-22: a refresh of years takes minutes; one that waits longer has met a stuck one.
LOCK_WAIT_SECONDS = 1800

Report = Callable[[str, int, int], None]
RunDbt = Callable[[Sequence[str], OnNode], None]


def _silent(phase: str, done: int, total: int) -> None:
    """Reports to nobody."""


class GateRefusedError(RuntimeError):
    """The marts gate has found what would mislead readers; they stay on the former release."""


class WriterBusyError(RuntimeError):
    """Another refresh is writing, and went on for longer than this one would wait."""


@dataclass(frozen=True)
class Warehouse:
    """Where to read raw data and the ledger, where to build, and as of when.

    `home` holds the raw zone and the ledger; `target` the warehouse and its releases, which is
    the same home unless the past is rebuilt beside it (`as_of`).
    """

    home: Home
    target: Home
    as_of: datetime | None
    clock: Clock


@dataclass(frozen=True)
class RefreshReport:
    """What a refresh did; `release_id` is null when there was nothing to build."""

    release_id: str | None
    batches: tuple[str, ...]
    held: tuple[tuple[str, str, str], ...]
    warnings: int


def refresh(
    home: Home,
    full: bool = False,
    as_of: datetime | None = None,
    into: Path | None = None,
    clock: Clock = utc_now,
    report: Report = _silent,
) -> RefreshReport:
    """Runs all phases. `full` starts from empty tables; `as_of` with `into` builds the past.

    Raises GateRefusedError (readers are where they were), DbtError, WriterBusyError, ValueError
    for `as_of` without `into`.
    """
    if (as_of is None) != (into is None):
        raise ValueError("--as-of and --into go together: the past is built beside the present")
    target = Home(into.resolve()) if into else home
    warehouse = Warehouse(home, target, as_of, clock)
    # Imports of seconds, done while dbt works.
    with writer_lock(target), ExitStack() as processes:
        building: list[DbtProcess] = []

        def report_staging(phase: str, done: int, total: int) -> None:
            # While models are staged, the next dbt run's imports of seconds use the other core.
            if not building:
                building.append(processes.enter_context(DbtProcess(target)))
            report(phase, done, total)

        if full:
            _forget(target)
        staging = processes.enter_context(DbtProcess(target))
        # As do the gates' imports while dbt itself is imported.
        threading.Thread(target=gates.preload, daemon=True).start()
        if not _stage(warehouse, report_staging, staging.run):
            return RefreshReport(None, (), (), 0)
        held = _gate_landed(warehouse, report)
        _build(warehouse, report, building[0].run if building else partial(run_dbt, target))
        warnings = _gate_marts(warehouse, report)
        release_id, batches = _publish(warehouse, report)
        return RefreshReport(release_id, batches, held, warnings)


def stage(home: Home, clock: Clock = utc_now) -> bool:
    """The first phase alone, as a task; False when there is nothing to build."""
    with writer_lock(home):
        return _stage(Warehouse(home, home, None, clock), _silent, partial(run_dbt, home))


def gate_landed(home: Home, clock: Clock = utc_now) -> tuple[tuple[str, str, str], ...]:
    """The second phase alone: the held parts, as (batch, venue, reason)."""
    with writer_lock(home):
        return _gate_landed(Warehouse(home, home, None, clock))


def build(home: Home, clock: Clock = utc_now) -> None:
    """The third phase alone."""
    with writer_lock(home):
        _build(Warehouse(home, home, None, clock), _silent, partial(run_dbt, home))


def gate_marts(home: Home, clock: Clock = utc_now) -> int:
    """The fourth phase alone: the count of warnings. Raises GateRefusedError."""
    with writer_lock(home):
        return _gate_marts(Warehouse(home, home, None, clock))


def publish(home: Home, clock: Clock = utc_now) -> str | None:
    """The last phase alone: the new release's id, null when nothing was judged fit."""
    with writer_lock(home):
        return _publish(Warehouse(home, home, None, clock))[0]


@contextmanager
def writer_lock(home: Home, wait_seconds: float = LOCK_WAIT_SECONDS) -> Iterator[None]:
    """The one writer's lock on a warehouse; freed by the system however the holder ends."""
    home.warehouse_dir.mkdir(parents=True, exist_ok=True)
    with (home.warehouse_dir / ".lock").open("w") as lock:
        deadline = time.monotonic() + wait_seconds
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise WriterBusyError(
                        f"another refresh has been writing {home.warehouse_dir} for over "
                        f"{wait_seconds:.0f} s; wait for it or end it, then refresh again"
                    ) from None
                time.sleep(0.2)
        yield


def unbuilt(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse) -> list[SealRef]:
    """The work list: sealed revisions that no release holds yet, and newly released holds."""
    built = set(
        connection.execute(
            "select batch_id, revision, holds_released from ops.built_batches"
        ).fetchall()
    )
    releases_of = hold_releases(warehouse.home)
    return [
        ref
        for ref in Ledger(warehouse.home).sealed(warehouse.as_of)
        if (ref.batch_id, ref.revision, len(releases_of.get(ref.batch_id, ()))) not in built
    ]


def hold_releases(home: Home) -> dict[str, set[tuple[int, str]]]:
    """Which (revision, venue) parts of each batch a person has let through."""
    found: dict[str, set[tuple[int, str]]] = {}
    for path in home.hold_releases.glob("*.json"):
        batch_id, revision, venue = path.stem.rsplit(".", 2)
        found.setdefault(batch_id, set()).add((int(revision.removeprefix("r")), venue))
    return found


def _stage(warehouse: Warehouse, report: Report, run: RunDbt) -> bool:
    """Plans, and stages the batches that are not built. False when there is nothing to do."""
    target, ledger = warehouse.target, Ledger(warehouse.home)
    _recover(target)
    with staging_state(target) as state:
        refs = unbuilt(state, warehouse)
        if not refs and not _pending(state):
            return False
        started_at = warehouse.clock()
        state.execute("delete from ops.plan")
        state.execute(
            "insert into ops.plan values (?, 'staging', ?, ?)",
            [f"run-{started_at:%Y%m%dT%H%M%S%f}", naive_utc(started_at), releases.code_version()],
        )
        # Hours that the former revisions of these batches told of are rebuilt as well.
        write_build_batches(state, warehouse.home, [ledger.read(ref) for ref in refs])
        _add_hours_of_batches(state)
        _keep_instrument_versions(state)
        unchanging = _nothing_to_stage(state) if _is_same_project(state) else []
    # The release to come is copied while dbt leaves the warehouse alone; `with` waits for it.
    with ThreadPoolExecutor(1) as beside:
        copied = beside.submit(releases.prepare, target)
        run(
            [
                *("build", "--exclude-resource-type", "test"),
                *("--exclude-resource-type", "unit_test", "--select", *STAGING_MODELS),
                *(("--exclude", *unchanging) if unchanging else ()),
            ],
            lambda name, done, total: report("staging", done, total),
        )
    copied.result()
    with staging_state(target) as state:
        _add_hours_of_batches(state)
        _add_hours_of_changed_instruments(state)
        _add_hours_after(state)
        _extend_spine(state)
        _set_plan(state, STAGED)
    return True


def _gate_landed(
    warehouse: Warehouse, report: Report = _silent
) -> tuple[tuple[str, str, str], ...]:
    """Judges each venue's part of the staged batches; holds those with a critical failure.

    Returns the held parts as (batch, venue, reason).
    """
    target = warehouse.target
    with staging_state(target) as state:
        run_id, plan = _plan(state)
    if plan != STAGED:
        return ()
    report("landed gate", 0, 1)
    checked_at = warehouse.clock()
    results = gates.check_landed(target, run_id, checked_at)
    let_through = hold_releases(warehouse.home)
    with staging_state(target) as state:
        gates.write_results(state, run_id, results)
        state.execute(
            "delete from ops.holds where batch_id in (select batch_id from ops.build_batches)"
        )
        revisions = dict(
            state.execute("select batch_id, revision from ops.build_batches").fetchall()
        )
        held = []
        for (batch_id, venue), reason in sorted(gates.held_parts(results).items()):
            revision = revisions[batch_id]
            is_released = (revision, venue) in let_through.get(batch_id, ())
            at = naive_utc(checked_at)
            state.execute(
                "insert into ops.holds values (?, ?, ?, ?, ?, ?)",
                [batch_id, revision, venue, reason, at, at if is_released else None],
            )
            if not is_released:
                held.append((batch_id, venue, reason))
        stopping = gates.run_failures(results)
        if stopping:
            raise GateRefusedError(_refusal("landed", stopping))
        _set_plan(state, GATED)
    report("landed gate", 1, 1)
    return tuple(held)


def _build(warehouse: Warehouse, report: Report, run: RunDbt) -> None:
    """Rebuilds facts and marts of the pending hours."""
    target = warehouse.target
    with staging_state(target) as state:
        if _plan(state)[1] not in (GATED, BUILDING):
            return
        _set_plan(state, BUILDING)
        is_same_project = _is_same_project(state)
    run(
        ["run", "--exclude", *STAGING_MODELS, *(UNCHANGING if is_same_project else ())],
        lambda name, done, total: report("building", done, total),
    )
    with staging_state(target) as state:
        state.execute("delete from ops.project")
        state.execute("insert into ops.project values (?)", [project_fingerprint()])
        _set_plan(state, BUILT)


def _gate_marts(warehouse: Warehouse, report: Report = _silent) -> int:
    """Judges the marts over the hours that were built. Returns the count of warnings.

    Raises GateRefusedError on a critical failure: nothing is published, and the hours stay
    pending, so that whatever is published later has been judged with them.
    """
    target = warehouse.target
    with staging_state(target) as state:
        run_id, plan = _plan(state)
    if plan == REFUSED:
        raise GateRefusedError("the marts gate has refused this build; see `unwind status`")
    if plan != BUILT:
        return 0
    report("marts gate", 0, 1)
    results = gates.check_marts(target, run_id, warehouse.clock())
    failed = [result for result in results if not result.success]
    critical = [result for result in failed if result.is_critical_failure]
    with staging_state(target) as state:
        gates.write_results(state, run_id, results)
        _set_plan(state, REFUSED if critical else JUDGED)
    report("marts gate", 1, 1)
    if critical:
        raise GateRefusedError(_refusal("marts", critical))
    return len(failed)


def _publish(warehouse: Warehouse, report: Report = _silent) -> tuple[str | None, tuple[str, ...]]:
    """Makes what was judged the current release. Returns its id and the batches new in it."""
    target = warehouse.target
    with staging_state(target) as state:
        run_id, plan = _plan(state)
        if plan != JUDGED:
            return None, ()
        batches = state.execute(
            "select batch_id, revision from ops.build_batches order by batch_id"
        ).fetchall()
    report("publishing", 0, 1)
    release_id = releases.publish(target, run_id, warehouse.clock())
    released = hold_releases(warehouse.home)
    with staging_state(target) as state:
        state.execute("begin")
        state.execute(
            "delete from ops.built_batches"
            " where batch_id in (select batch_id from ops.build_batches)"
        )
        for batch_id, revision in batches:
            state.execute(
                "insert into ops.built_batches values (?, ?, ?, ?)",
                [batch_id, revision, release_id, len(released.get(batch_id, ()))],
            )
        state.execute("delete from ops.pending_hours")
        _set_plan(state, PUBLISHED)
        state.execute("commit")
    releases.prune(target, warehouse.clock())
    report("publishing", 1, 1)
    return release_id, tuple(batch_id for batch_id, _ in batches)


def _refusal(gate: str, failures: Sequence[gates.GateResult]) -> str:
    return "\n".join(
        [
            f"the {gate} gate refused this build; readers stay on the former release:",
            *(f"- {failure.suite}: {failure.message}" for failure in failures),
        ]
    )


def _recover(home: Home) -> None:
    """Replays what a killed writer left in the write-ahead logs, and folds it in."""
    for path in (home.warehouse_db, home.staging_db):
        with duckdb.connect(str(path)) as connection:
            connection.execute("checkpoint")


def _forget(home: Home) -> None:
    for path in (home.warehouse_db, home.staging_db):
        for file in (path, path.with_name(path.name + ".wal")):
            file.unlink(missing_ok=True)


def project_fingerprint() -> str:
    """sha256 over the dbt project's models, macros and seeds."""
    hasher = hashlib.sha256()
    for path in sorted(DBT_PROJECT.rglob("*")):
        if path.suffix in {".sql", ".yml", ".csv"} and path.is_file():
            hasher.update(path.relative_to(DBT_PROJECT).as_posix().encode())
            hasher.update(path.read_bytes())
    return hasher.hexdigest()


def _is_same_project(state: duckdb.DuckDBPyConnection) -> bool:
    """Whether the last complete build was made with the dbt project as it is now."""
    row = state.execute("select fingerprint from ops.project").fetchone()
    return row is not None and row[0] == project_fingerprint()


def _nothing_to_stage(state: duckdb.DuckDBPyConnection) -> list[str]:
    """What staging leaves out: what never changes, and venues with nothing in these batches."""
    touched = {
        name
        for (name,) in state.execute(
            # A vendor's folder is named as its formats begin.
            "select venue from ops.build_venues"
            " union select split_part(format, '-', 1) from ops.build_objects"
            # What any venue's CSV files of the user's own columns are staged by.
            " union select 'csv' from ops.build_objects where reading is not null"
        ).fetchall()
    }
    folders = sorted(path.name for path in (DBT_PROJECT / "models" / "staging").iterdir())
    return [
        *UNCHANGING,
        *(f"path:models/staging/{folder}" for folder in folders if folder not in touched),
    ]


def _plan(state: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    row = state.execute("select run_id, state from ops.plan").fetchone()
    return row if row else ("", PUBLISHED)


def _set_plan(state: duckdb.DuckDBPyConnection, plan: str) -> None:
    state.execute("update ops.plan set state = ?", [plan])


def _pending(state: duckdb.DuckDBPyConnection) -> bool:
    return bool(state.execute("select count(*) from ops.pending_hours").fetchone()[0])


def _landed_tables(state: duckdb.DuckDBPyConnection) -> Sequence[str]:
    rows = state.execute(
        "select table_name from information_schema.tables"
        " where table_schema = 'landed' and table_type = 'BASE TABLE' order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def _add_hours(state: duckdb.DuckDBPyConnection, query: str) -> None:
    state.execute(
        f"""
        insert into ops.pending_hours
        select distinct hour_at from ({query}) as touched
        where hour_at is not null and hour_at not in (select hour_at from ops.pending_hours)
        """
    )


def _add_hours_of_batches(state: duckdb.DuckDBPyConnection) -> None:
    """The hours that the staged rows of these batches tell of, and those the batches cover."""
    for table in _landed_tables(state):
        _add_hours(
            state,
            f"select hour_at from landed.{table}"
            " where batch_id in (select batch_id from ops.build_batches)",
        )
    _add_hours(
        state,
        """
        select unnest(range(covers_from_at, covers_to_at, interval 1 hour)) as hour_at
        from ops.batches
        where batch_id in (select batch_id from ops.build_batches) and covers_from_at is not null
        """,
    )


VERSION_COLUMNS = (
    "venue, instrument, contract_type, base_asset, asset_multiplier, quote_asset, contract_size,"
    " valid_from, valid_to"
)


def _table_exists(state: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = state.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found[0])


def _keep_instrument_versions(state: duckdb.DuckDBPyConnection) -> None:
    """Notes the specifications before staging; kept while a killed run's hours are pending."""
    noted = _table_exists(state, "ops", "instrument_versions_before")
    if _table_exists(state, "intermediate", "int_instrument_versions") and not noted:
        state.execute(
            "create table ops.instrument_versions_before as"
            f" select {VERSION_COLUMNS} from intermediate.int_instrument_versions"
        )


def _add_hours_of_changed_instruments(state: duckdb.DuckDBPyConnection) -> None:
    """A new or corrected specification revalues the hours in which the instrument has rows."""
    noted = _table_exists(state, "ops", "instrument_versions_before")
    if not noted:
        # The first build ever: every hour is pending anyway.
        return
    before = "ops.instrument_versions_before"
    now = f"(select {VERSION_COLUMNS} from intermediate.int_instrument_versions)"
    _add_hours(
        state,
        f"""
        with changed as (
            (select * from {before} except select * from {now} as now_versions)
            union
            (select * from {now} as now_versions except select * from {before})
        )
        select rows_of.hour_at
        from intermediate.int_liquidations_unioned as rows_of
        inner join changed
            on rows_of.venue = changed.venue and rows_of.instrument = changed.instrument
            and rows_of.event_at >= changed.valid_from
            and rows_of.event_at < coalesce(changed.valid_to, timestamp '9999-01-01')
        """,
    )
    state.execute("drop table ops.instrument_versions_before")


def _add_hours_after(state: duckdb.DuckDBPyConnection) -> None:
    """What the next hour takes from the one before.

    An hour's last prices value the next hour's first liquidations that have no own price, and what
    an hour received first is no event of the next one.
    """
    _add_hours(
        state,
        """
        select hour_at from intermediate.int_liquidations_unioned
        where (
            settle_asset is not null or price_kind = 'entry' or event_at_source = 'receive'
        )
            and hour_at in (select hour_at + interval 1 hour from ops.pending_hours)
        """,
    )


def _extend_spine(state: duckdb.DuckDBPyConnection) -> None:
    """The spine runs from the first to the last hour that any batch covers; new hours are built.

    What an import covers, its good rows tell. Batches that were built before are in the spine.
    """
    listings = ("__liquidations", "__instruments")
    told = " union all ".join(
        f"select batch_id, hour_at from landed.{table} where reject_reason is null"
        for table in _landed_tables(state)
        if not table.endswith(listings)
    )
    state.execute(
        f"""
        create or replace temp table spine as
        with told as (
            select batch_id, hour_at from intermediate.int_liquidations_unioned
            where line_class = 'row' and reject_reason is null
            union all
            {told}
        ),
        bounds as (
            select min(hour_at) as first_hour, max(hour_at) as last_hour from ops.hours
            union all
            select min(covers_from_at), max(covers_to_at) - interval 1 hour
            from ops.batches where covers_from_at is not null
            union all
            select min(told.hour_at), max(told.hour_at) from told
            where told.batch_id in (
                select batch_id from ops.build_batches
                inner join ops.batches using (batch_id)
                where ops.batches.kind = 'import'
            )
        )
        select unnest(
            range(min(first_hour), max(last_hour) + interval 1 hour, interval 1 hour)
        ) as hour_at
        from bounds
        """
    )
    _add_hours(
        state, "select hour_at from spine where hour_at not in (select hour_at from ops.hours)"
    )
    state.execute("delete from ops.hours")
    state.execute("insert into ops.hours select hour_at from spine")
