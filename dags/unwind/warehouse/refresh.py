"""The refresh: stage, gate, build, gate, publish, over everything sealed and not built.

Each phase is a separate function, so that a scheduler can run them as tasks; they share the plan in
the warehouse's state. Phases are idempotent. After a kill at any moment, the next refresh plans
everything that is not built, rebuilds every pending hour, and produces the same tables.

Everything is rebuilt from the raw zone on request (`full`), when a model has changed since the
files were built, and when one of the two files is not the one that was built. The rebuild happens
beside the files in use and replaces them once its release is published (files.py): until then,
readers and state are unaffected.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from unwind.clock import Clock, iso, utc_now
from unwind.durable import write_json
from unwind.errors import UnwindError
from unwind.landing.leftovers import sweep_home
from unwind.memory import memory_limit
from unwind.progress import Progress, no_progress
from unwind.settings import Home, settings, usable
from unwind.warehouse import building, files, gates, left_out, pending_hours, releases, units
from unwind.warehouse.building import BuildMarts
from unwind.warehouse.dbt import DbtError, DbtProcess, RunDbt, begun_early, run_dbt
from unwind.warehouse.models import fingerprints
from unwind.warehouse.plan import (
    BUILT,
    GATED,
    JUDGED,
    PUBLISHED,
    REFUSED,
    STAGED,
    current_plan,
    has_pending_hours,
    set_plan,
)
from unwind.warehouse.rebuilding import rebuild_reason
from unwind.warehouse.skipped import is_same_project, nothing_to_stage
from unwind.warehouse.staging_units import apart
from unwind.warehouse.state import (
    append_rows,
    naive_utc,
    staging_state,
    transaction,
    write_build_batches,
    write_build_folders,
)
from unwind.warehouse.unit_work import discard as discard_units
from unwind.warehouse.work_list import Part, Warehouse, Work, hold_releases, work_of
from unwind.warehouse.workers import of_this_machine
from unwind.warehouse.writing import writer_lock

# What its dbt run builds: dbt_project/selectors.yml.
STAGING = "selector:staging"
UNTESTED = ("--exclude-resource-type", "test", "--exclude-resource-type", "unit_test")

logger = logging.getLogger(__name__)


class GateRefusedError(UnwindError, RuntimeError):
    """The marts gate found rows that would mislead readers; they stay on the previous release."""


@dataclass(frozen=True)
class RefreshReport:
    """What a refresh did; `release_id` is null when there was nothing to build.

    `held` are the parts that the landed gate holds or whose bytes are damaged; `unreadable` are
    the batches whose entry in the ledger cannot be read; `rebuilt` states why everything was
    rebuilt from the raw zone, if it was.
    """

    release_id: str | None
    batches: tuple[str, ...]
    held: tuple[Part, ...]
    warnings: int
    unreadable: tuple[Part, ...] = ()
    rebuilt: str | None = None


def refresh(
    home: Home,
    full: bool = False,
    as_of: datetime | None = None,
    into: Path | None = None,
    clock: Clock = utc_now,
    report: Progress = no_progress,
    build_marts: BuildMarts | None = None,
    processes: int | None = None,
    dbt: DbtProcess | None = None,
) -> RefreshReport:
    """Runs all phases. `full` starts from empty tables; `as_of` with `into` builds the past.

    `build_marts` builds elsewhere than in DuckDB; up to `processes` work side by side; `dbt` is a
    process that was begun earlier, and is ended with what it builds. Raises
    GateRefusedError (readers stay on theirs), DbtError, UnitError, WriterBusyError, ValueError;
    SettingError and WarehouseFileError before anything is begun.
    """
    if (as_of is None) != (into is None):
        raise ValueError("--as-of and --into go together: the past is built beside the present")
    check_settings()
    target = Home(usable(into.resolve(), "--into")) if into else home
    if into:
        files.refuse_taken(target)
    with (
        writer_lock(target, report=None if report is no_progress else report),
        # Importing dbt takes seconds, so it runs while the work is found and planned.
        dbt or DbtProcess(target) as dbt,
    ):
        built_in, rebuilt = _begin(target, full)
        dbt.move_to(built_in)
        if rebuilt:
            report(f"rebuilding everything: {rebuilt}", 0, 1)
        warehouse = Warehouse(home, built_in, as_of, clock)
        try:
            at_once = of_this_machine(processes or settings().workers)
            return replace(_refresh(warehouse, report, at_once, build_marts, dbt), rebuilt=rebuilt)
        except GateRefusedError:
            raise
        except BaseException as error:
            dbt.end()
            files.discard(built_in)
            discard_units(built_in)
            if _is_of_a_file(error):
                raise files.WarehouseFileError(
                    f"the refresh stopped: {str(error).strip()}\nReaders stay on the former "
                    "release. Where the disk is full, free some space and refresh again; where a "
                    "file is corrupt, `unwind refresh --full` rebuilds it from the raw zone."
                ) from error
            raise


def _is_of_a_file(error: BaseException) -> bool:
    """Whether a file of the warehouse, or its disk, is the cause."""
    if isinstance(error, DbtError):
        return any(word in str(error) for word in files.UNUSABLE)
    return isinstance(error, duckdb.IOException | duckdb.FatalException | duckdb.InternalException)


def _refresh(
    warehouse: Warehouse,
    report: Progress,
    processes: int,
    build_marts: BuildMarts | None,
    dbt: DbtProcess,
) -> RefreshReport:
    """All phases; dbt's process is ended once all is built."""
    found = _plan(warehouse)
    if not found.is_needed:
        return RefreshReport(None, (), (), 0, found.work.unreadable)
    # What the gates need is imported while dbt stages; earlier, it would hold up the planning.
    preload = threading.Thread(target=gates.preload, args=[warehouse.target], daemon=True)
    preload.start()
    found = _stage(warehouse, found, report, dbt.run, dbt, processes)
    held = _gate_landed(warehouse, report, found.run_id)
    building.build(warehouse.target, report, dbt, processes, build_marts)
    dbt.end()
    # The marts gate forks, which no lock of another thread may survive.
    preload.join()
    warnings = _gate_marts(warehouse, report, found.run_id)
    release_id, batches = _publish(warehouse, report)
    return RefreshReport(release_id, batches, held, warnings, found.work.unreadable)


def check_settings() -> None:
    """Reads every setting that a refresh needs, also those that it reads after publishing.

    Raises SettingError.
    """
    stated = settings()
    _ = (stated.keep_releases, stated.keep_release_days, stated.workers, stated.has_page)
    utc_now()
    memory_limit()


def stage(home: Home, clock: Clock = utc_now) -> bool:
    """The first phase alone, as a task; False when there is nothing to build."""
    check_settings()
    with writer_lock(home):
        built_in, rebuilt = _begin(home)
        if rebuilt:
            logger.warning("everything is rebuilt from the raw zone: %s", rebuilt)
        # Planning starts PyArrow's threads.
        with begun_early(built_in) as run:
            warehouse = Warehouse(home, built_in, None, clock)
            found = _plan(warehouse)
            found = _stage(warehouse, found, no_progress, run, None, 1)
        for _, _, reason in found.work.unreadable:
            logger.error("%s", reason)
        return found.is_needed


def gate_landed(home: Home, clock: Clock = utc_now) -> tuple[Part, ...]:
    """The second phase alone: the held parts, as (batch, venue, reason)."""
    with writer_lock(home):
        return _gate_landed(_under_way(home, clock))


def plan_units(home: Home, clock: Clock = utc_now) -> list[dict[str, Any]]:
    """The units into which the third phase is divided, as plain values; none for one process."""
    with writer_lock(home):
        planned = building.plan_units(_under_way(home, clock).target, settings().workers)
        return [unit.described() for unit in planned]


def run_unit(home: Home, unit: dict[str, Any]) -> bool:
    """Builds one unit, without the writer's lock; False where its run is over."""
    return units.run_unit(home, units.Unit(**unit))


def build(home: Home, clock: Clock = utc_now, build_marts: BuildMarts | None = None) -> None:
    """The third phase alone; of units that were planned, it builds those that are not complete."""
    with writer_lock(home):
        target = _under_way(home, clock).target
        building.build(target, no_progress, None, settings().workers, build_marts)


def gate_marts(home: Home, clock: Clock = utc_now) -> int:
    """The fourth phase alone: the count of warnings. Raises GateRefusedError."""
    with writer_lock(home):
        return _gate_marts(_under_way(home, clock))


def publish(home: Home, clock: Clock = utc_now) -> str | None:
    """The last phase alone: the new release's id, null when nothing was judged fit."""
    with writer_lock(home):
        return _publish(_under_way(home, clock))[0]


def _under_way(home: Home, clock: Clock) -> Warehouse:
    """Where the refresh builds whose first phase has run."""
    files.finish_swap(home)
    return Warehouse(home, files.being_built(home), None, clock)


def _begin(target: Home, full: bool = False) -> tuple[Home, str | None]:
    """The home in which this refresh builds, and the reason for a full rebuild, if any."""
    sweep_home(target)
    files.finish_swap(target)
    files.discard(files.beside(target))
    discard_units(target)
    releases.take_own_copy(target)
    reason = "that was asked for" if full else rebuild_reason(target)
    is_first = not any(path.exists() for path in files.pair(target))
    if reason is None or is_first:
        return target, None
    return files.beside(target), reason


class _Found(NamedTuple):
    """What there is to do: `run_id` stages it without `skipped`; null where nothing is staged."""

    work: Work
    is_needed: bool
    run_id: str | None = None
    skipped: Sequence[str] = ()


def _plan(warehouse: Warehouse) -> _Found:
    """Plans what is not built."""
    target = warehouse.target
    with files.held(target):
        files.prepare(target)
        with staging_state(target) as state:
            work = work_of(state, warehouse)
            if not work.seals and not has_pending_hours(state):
                is_gone = bool(current_plan(state)[0]) and not releases.has_current(target)
                if is_gone:
                    # The readers' release was deleted; the warehouse still holds it, judged.
                    set_plan(state, JUDGED)
                return _Found(work, is_gone)
            with transaction(state):
                run_id = _write_plan(state, warehouse, work)
            skipped = nothing_to_stage(state) if is_same_project(state) else []
    return _Found(work, True, run_id, skipped)


def _stage(
    warehouse: Warehouse,
    found: _Found,
    report: Progress,
    run: RunDbt,
    dbt: DbtProcess | None,
    processes: int,
) -> _Found:
    """Stages what was found, in units by forks of `dbt`; what was staged in the end."""
    target, skipped = warehouse.target, found.skipped
    if found.run_id is None:
        return found
    try:
        with apart(target, dbt, processes, not skipped, report) as variables:
            _run_staging(skipped, report, run, variables)
    except DbtError:
        broken = left_out.delete_broken_lines(warehouse.home, found.work.seals)
        if not broken:
            raise
        # One file that breaks in the middle must not stop the others: planned again, its lines are
        # derived from the raw object, or its part is left out.
        logger.warning("derived lines were broken: %s", ", ".join(map(str, broken)))
        again = partial(run_dbt, target)
        return _stage(warehouse, _plan(warehouse), report, again, None, 1)
    with staging_state(target) as state, transaction(state):
        pending_hours.add_after_staging(state)
        set_plan(state, STAGED)
    return found


def _run_staging(
    skipped: Sequence[str], report: Progress, run: RunDbt, variables: Mapping[str, str]
) -> None:
    # What is skipped includes the seeds, which a run has none of; units have them first.
    command = ["run"] if skipped or variables else ["build", *UNTESTED]
    run(
        [*command, "--select", STAGING, *(("--exclude", *skipped) if skipped else ())],
        lambda name, done, total: report("staging", done, total),
        variables=variables,
    )


def _write_plan(state: duckdb.DuckDBPyConnection, warehouse: Warehouse, work: Work) -> str:
    """Writes what is to be staged into the state, and gives the id of its run."""
    started_at = warehouse.clock()
    run_id = _new_run_id(started_at)
    state.execute("delete from ops.plan")
    state.execute(
        "insert into ops.plan values (?, 'staging', ?, ?)",
        [run_id, naive_utc(started_at), releases.code_version()],
    )
    if state.execute("select name from ops.models limit 1").fetchone() is None:
        append_rows(state, "ops.models", fingerprints().items())
    batches = [seal.batch.batch_id for seal in work.seals]
    write_build_folders(state, batches, work.seals)
    write_build_batches(
        state,
        warehouse.home,
        [left_out.without(seal, work.left_out) for seal in work.seals],
    )
    left_out.note(state, work.left_out)
    # Until they are published they count as unbuilt, however this refresh ends.
    state.execute(
        "delete from ops.built_batches where batch_id in (select batch_id from ops.build_batches)"
    )
    # Hours that rows of the former revisions of these batches are about are rebuilt as well.
    pending_hours.note_before_staging(state)
    return run_id


def _new_run_id(started_at: datetime) -> str:
    """A unique run id, even where the clock stands still, as in the demo."""
    return f"run-{started_at:%Y%m%dT%H%M%S%f}-{uuid.uuid4().hex[:6]}"


def _planned(target: Home) -> tuple[str, str]:
    with staging_state(target) as state:
        return current_plan(state)


def _gate_landed(
    warehouse: Warehouse, report: Progress = no_progress, staged: str | None = None
) -> tuple[Part, ...]:
    """Judges each venue's part of the staged batches; holds those with a critical failure.

    `staged` is the run that is known to be staged. Returns the held parts.
    """
    target = warehouse.target
    run_id, plan = (staged, STAGED) if staged else _planned(target)
    if plan != STAGED:
        return ()
    report("landed gate", 0, 1)
    checked_at = warehouse.clock()
    results = gates.check_landed(target, run_id, checked_at)
    released_parts = hold_releases(warehouse.home, warehouse.as_of)
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
            is_released = (revision, venue) in released_parts.get(batch_id, ())
            at = naive_utc(checked_at)
            state.execute(
                "insert into ops.holds values (?, ?, ?, ?, ?, ?)",
                [batch_id, revision, venue, reason, at, at if is_released else None],
            )
            if not is_released:
                held.append((batch_id, venue, reason))
        held += left_out.hold_damaged(state, checked_at)
        stopping = gates.run_failures(results)
        if stopping:
            raise _refused(target, "landed", stopping, checked_at)
        set_plan(state, GATED)
    report("landed gate", 1, 1)
    return tuple(held)


def _gate_marts(
    warehouse: Warehouse, report: Progress = no_progress, built: str | None = None
) -> int:
    """Judges the marts over the hours that were built. Returns the count of warnings.

    `built` is the run that is known to be built. Raises GateRefusedError on a critical failure:
    nothing is published, and the hours stay pending, so that the next published release has been
    judged with them.
    """
    target = warehouse.target
    run_id, plan = (built, BUILT) if built else _planned(target)
    if plan == REFUSED:
        raise GateRefusedError("the marts gate has refused this build; see `unwind status`")
    if plan != BUILT:
        return 0
    report("marts gate", 0, 1)
    checked_at = warehouse.clock()
    results = gates.check_marts(target, run_id, checked_at)
    failed = [result for result in results if not result.success]
    critical = [result for result in failed if result.is_critical_failure]
    with staging_state(target) as state:
        gates.write_results(state, run_id, results)
        set_plan(state, REFUSED if critical else JUDGED)
    report("marts gate", 1, 1)
    if critical:
        raise _refused(target, "marts", critical, checked_at)
    return len(failed)


def _publish(
    warehouse: Warehouse, report: Progress = no_progress
) -> tuple[str | None, tuple[str, ...]]:
    """Makes what was judged the current release. Returns its id and the batches new in it."""
    target = warehouse.target
    with staging_state(target) as state:
        run_id, plan = current_plan(state)
        if plan != JUDGED:
            return None, ()
        batches = state.execute(
            "select batch_id, revision from ops.build_batches order by batch_id"
        ).fetchall()
    report("publishing", 0, 1)
    release_id = releases.publish(target, run_id, warehouse.clock(), warehouse.home)
    target.refusal.unlink(missing_ok=True)
    released = hold_releases(warehouse.home, warehouse.as_of)
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
        set_plan(state, PUBLISHED)
        state.execute("commit")
    if files.is_beside(target):
        target = files.in_use(target)
        files.swap_in(target)
    # Readers have the release by now, and its file; the next build writes into a copy.
    report("publishing", 1, 1)
    report("preparing the next release", 0, 1)
    releases.prune(target, warehouse.clock())
    releases.take_own_copy(target)
    report("preparing the next release", 1, 1)
    return release_id, tuple(batch_id for batch_id, _ in batches)


def _refused(
    target: Home, gate: str, failures: Sequence[gates.GateResult], at: datetime
) -> GateRefusedError:
    """The error of a refusal, of which a note is left for `unwind watch`."""
    refusal = gates.refusal(gate, failures)
    write_json(target.refusal, {"refused_at": iso(at), "message": refusal})
    return GateRefusedError(refusal)
