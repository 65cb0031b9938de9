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
    *("int_instrument_versions", "int_known_assets", "int_listed_assets", "resource_type:seed"),
    *("int_listing_venues", "int_listed_funding_intervals", "int_named_instruments"),
    *("int_funding_staged", "int_funding_sightings", "int_funding_listings"),
    "int_funding_intervals",
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
        threading.Thread(target=gates.preload, args=[target], daemon=True).start()
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
            if _plan(state)[0] and not releases.has_current(target):
                # Somebody deleted what readers read; the warehouse still holds it, judged.
                _set_plan(state, JUDGED)
                return True
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
        _keep_listed_assets(state)
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
        _add_hours_of_changed_listings(state)
        _add_hours_of_changed_funding_intervals(state)
        _add_hours_after(state)
        _extend_spine(state)
        _add_hours_before(state)
        _note_landed_days(state)
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
    # Readers have the release by now; this copy is what the next one writes its changes into.
    report("preparing the next release", 0, 1)
    releases.prepare(target)
    report("preparing the next release", 1, 1)
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


# What rows of an instrument are named and valued by.
VERSION_TERMS = "contract_type, base_asset, asset_multiplier, quote_asset, contract_size"

# What names an observation whose instrument no listing has: the model `int_<name>` and its key.
NAMES_OF_OBSERVATIONS = {
    "known_assets": "base_asset",
    "named_instruments": "venue, instrument",
    "listing_venues": "venue",
}

# Rows of observations by the instant that they are about; as built, rejected ones included.
OBSERVATION_TABLES = (
    "int_prices_screened",
    "int_open_interest_screened",
    "int_funding_screened",
    "int_volumes_screened",
    "int_long_short_ratio_screened",
)


def _table_exists(state: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = state.execute(
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found[0])


def _keep_instrument_versions(state: duckdb.DuckDBPyConnection) -> None:
    """Notes specifications and known assets before staging.

    They are kept while a killed run's hours are pending.
    """
    noted = _table_exists(state, "ops", "instrument_versions_before")
    if noted or not _table_exists(state, "intermediate", "int_listing_venues"):
        return
    state.execute("begin")
    state.execute(
        "create table ops.instrument_versions_before as"
        f" select venue, instrument, valid_from, valid_to, {VERSION_TERMS}"
        " from intermediate.int_instrument_versions"
    )
    for names in NAMES_OF_OBSERVATIONS:
        state.execute(
            f"create table ops.{names}_before as select {NAMES_OF_OBSERVATIONS[names]}"
            f" from intermediate.int_{names}"
        )
    state.execute("commit")


def _add_hours_of_changed_instruments(state: duckdb.DuckDBPyConnection) -> None:
    """Hours whose rows a new or corrected listing names or values otherwise.

    Only the stretches of time count in which an instrument means something else than before: a
    contract size that changes today leaves the years before it alone.
    """
    if not _table_exists(state, "ops", "instrument_versions_before"):
        # The first build ever: every hour is pending anyway.
        return
    tables = [table for table in OBSERVATION_TABLES if _table_exists(state, "intermediate", table)]
    _find_changed_stretches(state)
    if state.execute("select count(*) from changed_stretches").fetchone()[0]:
        for table, instant in (
            ("int_liquidations_unioned", "event_at"),
            *((table, "observed_at") for table in tables),
        ):
            _add_hours(
                state,
                f"""
                select rows_of.hour_at
                from intermediate.{table} as rows_of
                inner join changed_stretches as changed
                    on rows_of.venue = changed.venue and rows_of.instrument = changed.instrument
                    and rows_of.{instant} >= changed.from_at and rows_of.{instant} < changed.to_at
                """,
            )
    _add_hours_of_changed_names(state, tables)
    for noted in ("instrument_versions", *NAMES_OF_OBSERVATIONS):
        state.execute(f"drop table ops.{noted}_before")


def _find_changed_stretches(state: duckdb.DuckDBPyConnection) -> None:
    """Makes changed_stretches: from when to when which instrument has other terms than before."""
    columns = (
        "venue, instrument, valid_from, coalesce(valid_to, timestamp '9999-01-01') as valid_to,"
        f" row({VERSION_TERMS}) as terms"
    )
    state.execute(
        f"""
        create or replace temp table changed_stretches as
        with before as (
            select {columns} from ops.instrument_versions_before
        ),
        now as (
            select {columns} from intermediate.int_instrument_versions
        ),
        changed as (
            (from before except from now) union (from now except from before)
        ),
        bounds as (
            select venue, instrument, valid_from as from_at from changed
            union
            select venue, instrument, valid_to from changed
        ),
        stretches as (
            select *, lead(from_at) over (partition by venue, instrument order by from_at) as to_at
            from bounds
        )
        select stretches.*
        from stretches
        left join before
            on stretches.venue = before.venue and stretches.instrument = before.instrument
            and stretches.from_at >= before.valid_from and stretches.from_at < before.valid_to
        left join now
            on stretches.venue = now.venue and stretches.instrument = now.instrument
            and stretches.from_at >= now.valid_from and stretches.from_at < now.valid_to
        where stretches.to_at is not null and before.terms is distinct from now.terms
        """
    )


def _add_hours_of_changed_names(state: duckdb.DuckDBPyConnection, tables: Sequence[str]) -> None:
    """An asset, instrument or venue that a listing has made known, or that none knows any longer.

    Rows without a listing of their own are quarantined, or marked, until something knows them.
    """
    for names, columns in NAMES_OF_OBSERVATIONS.items():
        state.execute(
            f"""
            create or replace temp table changed_{names} as
            with now as (select {columns} from intermediate.int_{names})
            (from ops.{names}_before except from now)
            union
            (from now except from ops.{names}_before)
            """
        )
        if not state.execute(f"select count(*) from changed_{names}").fetchone()[0]:
            continue
        for table in tables:
            _add_hours(
                state,
                f"select hour_at from intermediate.{table}"
                f" semi join changed_{names} using ({columns}) where not is_listed",
            )
        if names == "known_assets":
            _add_hours(
                state,
                "select hour_at from intermediate.int_liquidations_unioned"
                " where spelled_asset in (select base_asset from changed_known_assets)",
            )


def _keep_listed_assets(state: duckdb.DuckDBPyConnection) -> None:
    """Notes which assets were listed before staging, while a killed run's hours are pending."""
    noted = _table_exists(state, "ops", "listed_assets_before")
    if _table_exists(state, "intermediate", "int_listed_assets") and not noted:
        state.execute(
            "create table ops.listed_assets_before as select * from intermediate.int_listed_assets"
        )


def _add_hours_of_changed_listings(state: duckdb.DuckDBPyConnection) -> None:
    """Which venues normally report an asset, and so what is zero, changes with their listings.

    A venue's first listing ends the rule by events for all of its time.
    """
    if not _table_exists(state, "ops", "listed_assets_before"):
        return
    before, now = "ops.listed_assets_before", "intermediate.int_listed_assets"
    _add_hours(
        state,
        f"""
        with changed as (
            (select * from {before} except select * from {now} as now_listed)
            union
            (select * from {now} as now_listed except select * from {before})
        )
        select hours.hour_at
        from ops.hours as hours
        inner join changed
            on hours.hour_at < changed.listed_to
            and hours.hour_at + interval 1 hour > changed.listed_from
        """,
    )
    state.execute("drop table ops.listed_assets_before")


def _add_hours_of_changed_funding_intervals(state: duckdb.DuckDBPyConnection) -> None:
    """The hours of built rates whose interval is known differently now.

    A settlement's neighbours and a listing of its time may land in any order, hours away from it.
    """
    if not _table_exists(state, "intermediate", "int_funding_screened"):
        # The first build ever: every hour is pending anyway.
        return
    _add_hours(
        state,
        """
        select built.hour_at
        from intermediate.int_funding_screened as built
        inner join intermediate.int_funding_intervals as known
            on built.venue = known.venue and built.instrument = known.instrument
            and built.observed_at = known.funding_at and built.is_settled = known.is_settled
        where built.interval_source != 'unknown'
            and built.interval_hours is distinct from known.interval_hours
            or built.interval_source is distinct from known.interval_source
        """,
    )


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


def _add_hours_before(state: duckdb.DuckDBPyConnection) -> None:
    """The hour before each pending one: an hour's first minutes may say how the last one ended.

    Open interest on the full hour, or polled seconds after it, is what was open at the end of the
    hour before (macros/instants.sql). Whether an hour still holds such a row does not matter here:
    its former revision may have.
    """
    _add_hours(state, "select hour_at - interval 1 hour as hour_at from ops.pending_hours")


def _accepted_rows(state: duckdb.DuckDBPyConnection) -> str:
    """A query over the rows that staging accepted: batch and hour of each, listings left out."""
    listings = ("__liquidations", "__instruments", "__funding_intervals")
    observations = [
        f"select batch_id, hour_at from landed.{table} where reject_reason is null"
        for table in _landed_tables(state)
        if not table.endswith(listings)
    ]
    liquidations = (
        "select batch_id, hour_at from intermediate.int_liquidations_unioned"
        " where line_class = 'row' and reject_reason is null"
    )
    return " union all ".join([liquidations, *observations])


def _extend_spine(state: duckdb.DuckDBPyConnection) -> None:
    """The spine runs from the first to the last hour that a batch covers or that an accepted row
    belongs to; new hours are built. Batches that were built before are in the spine.
    """
    state.execute(
        f"""
        create or replace temp table spine as
        with accepted as ({_accepted_rows(state)}),
        bounds as (
            select min(hour_at) as first_hour, max(hour_at) as last_hour from ops.hours
            union all
            select min(covers_from_at), max(covers_to_at) - interval 1 hour
            from ops.batches where covers_from_at is not null
            union all
            select min(hour_at), max(hour_at) from accepted
            where batch_id in (select batch_id from ops.build_batches)
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


def _note_landed_days(state: duckdb.DuckDBPyConnection) -> None:
    """Which days of the spine have landed data: as-of tables keep the newest of these.

    A day has some when an hour's or day's batch covers it, or an import has rows of it; what a
    batch's pages reach back to does not count. A day that gets its first data is built whole. When
    a day loses its last (a corrected import), older days are kept again: all of the spine is built.
    """
    state.execute(
        "create or replace temp table landed_before as"
        " select distinct utc_date from ops.landed_days"
    )
    state.execute(
        """
        create or replace temp table batches_to_note as
        select batch_id from ops.build_batches
        union
        select batch_id from ops.batches
        where batch_id not in (select batch_id from ops.landed_days)
        """
    )
    state.execute(
        "delete from ops.landed_days where batch_id in (select batch_id from batches_to_note)"
    )
    # A batch without a day gets a row with null, so that it is not looked at again.
    state.execute(
        f"""
        insert into ops.landed_days
        with accepted as ({_accepted_rows(state)}),
        noted as (
            select batches.* from ops.batches as batches
            inner join batches_to_note using (batch_id)
        ),
        hours as (
            select
                batch_id,
                unnest(range(covers_from_at, covers_to_at, interval 1 hour)) as hour_at
            from noted where covers_from_at is not null
            union all
            select accepted.batch_id, accepted.hour_at
            from accepted
            inner join noted using (batch_id)
            where noted.covers_from_at is null
        )
        select noted.batch_id, hours.hour_at::date as utc_date, max(hours.hour_at) as last_hour_at
        from noted
        left join hours using (batch_id)
        group by all
        """
    )
    state.execute(
        """
        create or replace temp table empty_days as
        select distinct hour_at::date as utc_date from ops.hours
        where hour_at::date not in (
            select utc_date from ops.landed_days where utc_date is not null
        )
        """
    )
    _add_hours(
        state,
        """
        select hour_at from ops.hours
        where hour_at::date in (from ops.empty_days except from empty_days)
            or exists (from empty_days semi join landed_before using (utc_date))
        """,
    )
    state.execute("delete from ops.empty_days")
    state.execute("insert into ops.empty_days from empty_days")
