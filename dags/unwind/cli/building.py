"""Commands that change the contents of the next release: refresh, release-hold, withdraw."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unwind.cli.terminal import out, parsed, print_error, progress
from unwind.clock import parse_time, utc_now
from unwind.errors import UnknownNameError
from unwind.settings import TARGETS, Home, settings, usable

if TYPE_CHECKING:
    from unwind.warehouse.building import BuildMarts


def refresh(
    as_of: Annotated[str | None, typer.Option(help="Build what was sealed by then.")] = None,
    into: Annotated[Path | None, typer.Option(help="Where to build the past.")] = None,
    full: Annotated[bool, typer.Option(help="Rebuild everything from the raw zone.")] = False,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Processes at work; else UNWIND_WORKERS.")
    ] = None,
    target: Annotated[
        str | None, typer.Option(help="Where facts and marts are built: duckdb or spark.")
    ] = None,
) -> None:
    """Stages, gates, builds, gates and publishes everything sealed and not built."""
    from unwind.landing.ledger import Ledger
    from unwind.warehouse.dbt import DbtProcess

    if (as_of is None) != (into is None):
        raise typer.BadParameter("--as-of and --into go together")
    instant = None if as_of is None else parsed(parse_time, as_of)
    home = Home.from_env()
    built = Home(usable(into.resolve(), "--into")) if into else home
    home.root.mkdir(parents=True, exist_ok=True)
    if not home.staging_db.exists() and not Ledger(home).sealed():
        out.print(
            f"Nothing to build: nothing is landed or imported in {home.root} yet. "
            "Next: unwind land, or unwind import",
            soft_wrap=True,
        )
        return
    # It imports dbt, which takes longest, while this process imports what follows.
    dbt = DbtProcess(home)
    from unwind.warehouse.refresh import GateRefusedError
    from unwind.warehouse.refresh import refresh as run_refresh

    try:
        with dbt, progress() as report:
            done = run_refresh(
                home,
                full=full,
                as_of=instant,
                into=into,
                report=report,
                build_marts=_build_marts(target or settings().target),
                processes=workers,
                dbt=dbt,
            )
    except GateRefusedError:
        # Readers stay on the former release, whose page now says why.
        _write_page(built)
        raise
    for _, _, reason in done.unreadable:
        print_error(f"left out: {reason}")
    if done.release_id is None:
        out.print("Nothing to build: everything sealed is published.")
        return
    if done.rebuilt:
        out.print(f"Rebuilt everything from the raw zone: {done.rebuilt}.", soft_wrap=True)
    out.print(f"Published {done.release_id} with {len(done.batches)} new batches.")
    for batch_id, held_venue, reason in done.held:
        out.print(f"Held: {batch_id} {held_venue}: {reason}")
    if done.warnings:
        out.print(f"{done.warnings} warnings; `unwind status` lists them.")
    _write_page(built)
    _print_quarantine(built, done.batches)
    _print_unrecognised(built, done.batches)


def _build_marts(target: str) -> BuildMarts | None:
    """What builds facts and marts there; None for DuckDB. Raises SparkError."""
    if target not in TARGETS:
        raise typer.BadParameter(f"--target is {' or '.join(TARGETS)}")
    if target != "spark":
        return None
    from unwind.spark.build import build_on_spark, python_of_spark

    python_of_spark()
    # Read again where Spark is started; a wrong one ends the command before anything is staged.
    _ = settings().spark_memory, settings().spark_options
    return build_on_spark


def release_hold(
    batch: Annotated[str, typer.Argument(help="The batch's id.")],
    venue: Annotated[str, typer.Argument(help="The venue whose part is held.")],
) -> None:
    """Releases a held part at the next refresh, and records that."""
    from unwind.warehouse.status import release_held_part

    problem = release_held_part(Home.from_env(), batch, venue, utc_now())
    if problem:
        print_error(problem)
        raise typer.Exit(1)
    out.print(f"{batch} {venue} goes in at the next refresh. Next: unwind refresh")


def withdraw(
    batch: Annotated[str, typer.Argument(help="An import, an hour or a day: import-..., hour-...")],
    venue: Annotated[str | None, typer.Option(help="Only this venue's part of it.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "by hand",
    undo: Annotated[bool, typer.Option("--undo", help="Put it back in.")] = False,
) -> None:
    """Removes a sealed batch from the warehouse at the next refresh; raw data stays."""
    from unwind.landing.ledger import Ledger, LedgerError

    ledger = Ledger(Home.from_env())
    try:
        ledger.withdraw(batch, venue, reason, utc_now(), undo)
    except LedgerError as error:
        last = ledger.last_seal(batch)
        if last and (venue is None or venue in last.landings):
            raise
        raise UnknownNameError(str(error)) from None
    named = f"{venue}'s part of {batch}" if venue else batch
    if undo:
        out.print(f"{named} goes in again at the next refresh. Next: unwind refresh")
        return
    back = f"unwind withdraw --undo {batch}" + (f" --venue {venue}" if venue else "")
    out.print(
        f"{named} goes out at the next refresh, until `{back}`. Next: unwind refresh",
        soft_wrap=True,
    )


def _write_page(home: Home) -> None:
    """Writes the current release's page; a failure is one sentence, and no failed refresh."""
    from unwind.page.writing import page_after_release

    problem = page_after_release(home)
    if problem:
        print_error(problem)


def _print_quarantine(home: Home, batches: tuple[str, ...]) -> None:
    from unwind.database import connect
    from unwind.warehouse.releases import current_db

    with connect(home, current_db(home), read_only=True) as connection:
        rows = connection.execute(
            "select dataset, reject_reason, count(*) from ("
            " select 'liquidations' as dataset, reject_reason, batch_id"
            " from marts.quarantined_liquidations union all"
            " select dataset, reject_reason, batch_id from marts.quarantined_observations)"
            " where batch_id in (select unnest(?)) group by all order by 3 desc, 1, 2",
            [list(batches)],
        ).fetchall()
    for dataset, reason, count in rows:
        out.print(f"Quarantined: {count:,} rows of {dataset}, {reason}", highlight=False)


def _print_unrecognised(home: Home, batches: tuple[str, ...]) -> None:
    from unwind.warehouse.rehearsal import imports_without_rows

    for batch_id in imports_without_rows(home, batches):
        out.print(
            f"Nothing of {batch_id} was recognised: check its --venue and --format, and whether "
            "its lines are what docs/imports.md describes.",
            highlight=False,
            soft_wrap=True,
        )
