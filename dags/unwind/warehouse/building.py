"""The third phase of a refresh: facts and marts of the pending hours, by one dbt or by units.

Many hours are built slice by slice (slices.py), so that memory does not grow with them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from unwind.progress import Progress, no_progress
from unwind.settings import Home
from unwind.warehouse import files, releases, units, workers
from unwind.warehouse.dbt import DbtProcess, RunDbt, run_dbt
from unwind.warehouse.models import project_fingerprint
from unwind.warehouse.plan import BUILDING, BUILT, GATED, current_plan, set_plan
from unwind.warehouse.skipped import UNCHANGING, built_with, nothing_to_build
from unwind.warehouse.slices import Slice, plan_slices
from unwind.warehouse.state import staging_state
from unwind.warehouse.unit_work import discard

# What its dbt runs build: dbt_project/selectors.yml.
FACTS_AND_MARTS = "selector:facts_and_marts"
VIEWS = f"{FACTS_AND_MARTS},config.materialized:view"

# Builds facts and marts: where, on which build, without which models, by which dbt.
BuildMarts = Callable[[Home, str | None, Sequence[str], RunDbt, Progress], None]


def plan_units(target: Home, processes: int) -> tuple[units.Unit, ...]:
    """The units of the hours that are to be built, where they are worth dividing."""
    if processes == 1:
        return ()
    with staging_state(target) as state:
        run_id, plan = current_plan(state)
    is_ready = plan in (GATED, BUILDING)
    return units.plan_units(target, run_id, processes, FACTS_AND_MARTS) if is_ready else ()


def build(
    target: Home,
    report: Progress,
    dbt: DbtProcess | None,
    processes: int,
    build_marts: BuildMarts | None,
) -> None:
    """Rebuilds facts and marts of the pending hours; facts in units, where these were planned.

    Raises UnitError, DbtError.
    """
    planned = () if build_marts else plan_units(target, processes)
    workers.run_missing(target, planned, dbt, units.STEP, report)
    with files.held(target):
        with staging_state(target) as state:
            run_id, plan = current_plan(state)
            if plan not in (GATED, BUILDING):
                return
            set_plan(state, BUILDING)
            # A project that is edited meanwhile is not the one that is built.
            project = project_fingerprint()
            skipped = nothing_to_build(state) if built_with(state) == project else []
            slices = () if build_marts else plan_slices(state)
            if len(slices) > 1:
                # A build that is interrupted leaves views of a slice: the next one makes them all.
                state.execute("delete from ops.project")
        variables, steps = units.assembling(target, run_id, planned)
        former = files.build_id(target) if build_marts else None
        files.renew_build_id(target)
    run: RunDbt = dbt.run if dbt else partial(run_dbt, target)
    if build_marts:
        build_marts(target, former, skipped, run, report)
    else:
        _build_slices(slices, skipped, steps, variables, run, report)
    if planned:
        discard(target)
    releases.carry_verdicts(target)
    with staging_state(target) as state:
        state.execute("delete from ops.project")
        # Views that units leave out are made by the next build without units.
        if not planned:
            state.execute("insert into ops.project values (?)", [project])
        set_plan(state, BUILT)


def _build_slices(
    slices: Sequence[Slice],
    skipped: Sequence[str],
    steps: Sequence[str],
    variables: Mapping[str, str],
    run: RunDbt,
    report: Progress,
) -> None:
    """Runs dbt for each slice, without what is skipped and the steps that units have built."""
    if len(slices) == 1:
        run(marts_without([*skipped, *steps]), _counted(report, 0, 1), variables=variables)
        return
    # Views have the hours of their slice in their text.
    built = marts_without([*(one for one in skipped if one != UNCHANGING), *steps])
    for place, one in enumerate(slices):
        run(built, _counted(report, place, len(slices)), variables={**variables, **one.variables})
    run(_without(VIEWS, steps), no_progress, variables=variables)


def _counted(report: Progress, place: int, count: int) -> Progress:
    """Reports the nodes of one run of dbt as those of all runs."""
    return lambda _, done, total: report("building", place * total + done, count * total)


def marts_without(skipped: Sequence[str]) -> list[str]:
    """dbt's arguments that build facts and marts without those that are skipped."""
    return _without(FACTS_AND_MARTS, skipped)


def _without(selected: str, skipped: Sequence[str]) -> list[str]:
    return ["run", "--select", selected, *(("--exclude", *skipped) if skipped else ())]
