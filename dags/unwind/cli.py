"""The `unwind` command: the rim, where clocks, files and people are.

Exit codes: 0 done, 1 a gate or a job failed, 2 wrong usage, 128 plus a signal's number where one
stopped it (130 by Ctrl-C). Errors are one plain sentence on standard error.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.text import Text
from typer.core import TyperGroup

from unwind.clock import HOUR, parse_day, parse_hour, parse_instant, utc_now
from unwind.errors import UnwindError, sentence_of
from unwind.printing import DEFAULT_MAX_ROWS, TableFormat, print_rows, shown
from unwind.settings import Home

if TYPE_CHECKING:
    from unwind.landing.csv_files import Reading, Wishes

# What the command is doing, for who stops it.
_phase: list[str] = []


class _Commands(TyperGroup):
    """The commands. What is expected to go wrong ends in one sentence, not in a traceback."""

    def invoke(self, ctx: typer.Context) -> Any:
        """Runs the command that was asked for."""
        _phase.clear()
        try:
            return super().invoke(ctx)
        except UnwindError as error:
            _say_error(str(error))
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt as stopped:
            raise typer.Exit(_say_stopped(stopped, ctx.invoked_subcommand or "")) from None
        except Exception as error:
            # Who reads no further, as `head` does, is told nothing.
            if isinstance(error, BrokenPipeError):
                raise
            sentence = sentence_of(error, Path(os.environ.get("UNWIND_HOME") or "the home"))
            if sentence is None:
                raise
            _say_error(sentence)
            raise typer.Exit(1) from None


app = typer.Typer(
    cls=_Commands,
    name="unwind",
    help="An open warehouse of crypto liquidations and leverage stress.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
# What is printed may hold venues' texts and file names: none of it is markup.
out = Console(markup=False)
err = Console(stderr=True, markup=False)


# Where the recorder tells of its health.
HEALTH_PORT = 8099


# What the demo suggests to ask of what it has built; each answer fits a terminal of 80 columns.
TRY_NEXT = (
    "select hour_at, round(score, 1) as score, score_percentile, regime from stress_hourly"
    " where base_asset = 'ALL' and score > 0 order by hour_at desc limit 5",
    "select hour_at, venue, landing_outcome, covered_share from venue_coverage_hourly"
    " where landing_outcome in ('failed', 'partial') order by hour_at",
    "select base_asset, recovery_divergence, range_divergence, recovery from divergence_hourly"
    " where hour_at = '2026-01-29 14:00' and any_divergence",
)


# What is left behind when a command is stopped.
STANDING = {
    "demo": "run it again: it goes on where it stopped",
    "land": "what was sealed is sealed, and venues that had answered are not asked again: run it "
    "again to go on",
    "import": "a batch is sealed whole or not at all: run it again, a file is taken once",
    "refresh": "readers are where they were: `unwind refresh` builds what is not published",
    "export": "the files that were written are whole: run it again for the others",
}


class _Stopped(KeyboardInterrupt):
    """The command was told to stop, by the signal of this number."""

    def __init__(self, number: int) -> None:
        self.number = number


def main() -> None:
    """Runs the command line. A closed terminal and SIGTERM stop it as Ctrl-C does."""

    def stop(number: int, _: Any) -> None:
        raise _Stopped(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # Under nohup a closed terminal is to be ignored.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, stop)
    try:
        app()
    except KeyboardInterrupt as stopped:
        raise SystemExit(_say_stopped(stopped, "")) from None


def _say_stopped(stopped: KeyboardInterrupt, command: str) -> int:
    """Says where things stand; the exit code, as shells have it."""
    while_ = f" while {_phase[-1]}" if _phase else ""
    standing = STANDING.get(command, "what was landed and published stays")
    _say_error(f"stopped{while_}; {standing}")
    return 128 + getattr(stopped, "number", signal.SIGINT)


@app.command()
def demo(
    port: Annotated[int, typer.Option(help="Loopback port of the replay server; 0 picks one.")] = 0,
) -> None:
    """Rebuilds the hour of 29 January 2026 from a simulated market; needs no network."""
    from unwind.demo import run_demo

    # Airflow, once imported, would print every task's log lines between the progress.
    logging.disable(logging.WARNING)
    with _progress() as report:
        hour_at = run_demo(Home.from_env(), port, report)
    _print_breakdown(hour_at)


@app.command()
def replay(
    port: Annotated[int, typer.Option(help="Loopback port; 0 picks one.")] = 9000,
) -> None:
    """Serves the demo's market in the venues' own formats until stopped; prints the settings."""
    from unwind.replay.episode import default_tape
    from unwind.replay.server import ReplayServer

    with ReplayServer(default_tape(), port=port) as server:
        for name, value in server.environment().items():
            print(f"export {name}={value}", flush=True)
        say = "the simulated market is served; set the variables above where you land. Stop: Ctrl-C"
        print(f"{server.url}: {say}", file=sys.stderr)
        with suppress(KeyboardInterrupt):
            signal.pause()


@app.command()
def land(
    hour: Annotated[str | None, typer.Option(help="One hour, as 2026-01-29T14 (UTC).")] = None,
    from_: Annotated[str | None, typer.Option("--from", help="First hour of several.")] = None,
    to: Annotated[str | None, typer.Option("--to", help="Last hour of several, included.")] = None,
    day: Annotated[str | None, typer.Option(help="A day of dumps, as 2026-01-28.")] = None,
    venue: Annotated[list[str] | None, typer.Option(help="Only these venues.")] = None,
) -> None:
    """Lands hours (or a day's dumps) from the venues, and seals them."""
    from unwind.landing.land import (
        all_settled_at,
        check_landable,
        day_batch,
        hour_batch,
        land_venue,
        seal_batch,
        unsettled_venues,
        venues,
    )

    for name in venue or ():
        if name not in venues():
            raise typer.BadParameter(f"no venue {name!r}; there are {', '.join(venues())}")
        if venues()[name].missing_keys:
            raise typer.BadParameter(
                f"{name} wants your own key: set it as the password of "
                f"{', '.join(venues()[name].missing_keys)}, for example as "
                '{"password": "..."}'
            )
    chosen = venue or [name for name, one in venues().items() if not one.missing_keys]
    asked = [value is not None for value in (hour, from_, to, day)]
    if asked not in ([True, False, False, False], [False, True, True, False], [False] * 3 + [True]):
        raise typer.BadParameter("give one of --hour H, --from H --to H, or --day D")
    if day is not None:
        batches = [day_batch(_parsed(parse_day, day))]
    else:
        first, last = (_parsed(parse_hour, hour if from_ is None else at) for at in (from_, to))
        # The ends first: a span of years is refused before its hours are made.
        for at in (first, last):
            _refused(check_landable, hour_batch(at), utc_now())
        batches = [hour_batch(at) for at in _hours(first, last)]
    for batch in batches:
        _refused(check_landable, batch, utc_now())
    home = _real_home()
    failed, settled = 0, None
    with _progress() as report:
        steps = len(batches) * len(chosen)
        for place, batch in enumerate(batches):
            for turn, name in enumerate(chosen):
                report(f"landing {batch.batch_id} {name}", place * len(chosen) + turn, steps)
                landings = land_venue(home, batch, name, utc_now)
                failed += sum(landing.status == "failed" for landing in landings)
            seal = seal_batch(home, batch, utc_now)
            if unsettled_venues(home, batch):
                settled = all_settled_at(batch)
        report("landed", steps, steps)
    out.print(f"Sealed {len(batches)} batches, the last {seal.batch.batch_id} r{seal.revision}.")
    if failed:
        out.print(
            f"{failed} datasets failed and are sealed as such; `unwind status` says why, landing "
            "again tries them again."
        )
    if settled:
        out.print(
            "Venues were asked before their last hour could be complete, so it is sealed as "
            f"partial: land it again after {settled:%H:%M:%S} UTC."
        )
    out.print("Next: unwind refresh")


@app.command()
def record(
    venue: Annotated[list[str] | None, typer.Option(help="Only these venues.")] = None,
    health_port: Annotated[
        int, typer.Option(help="Loopback port that tells of its health; 0 picks one.")
    ] = HEALTH_PORT,
    name: Annotated[
        str,
        typer.Option(help="Of a recorder beside this home's own one.", envvar="UNWIND_RECORDER"),
    ] = "",
) -> None:
    """Records the venues' streams of liquidations, until stopped."""
    from unwind.recorder import recorder
    from unwind.venues import venues

    if wrong := recorder.check_name(name, venues()):
        raise typer.BadParameter(wrong)
    streaming = {name: one for name, one in venues().items() if one.recorded}
    chosen = venue or list(streaming)
    for one in chosen:
        if one not in streaming:
            raise typer.BadParameter(
                f"no venue {one!r} with a stream; there are {', '.join(streaming)}"
            )
    home = _real_home()
    logging.basicConfig(
        level=os.environ.get("UNWIND_LOG_LEVEL", "INFO"),
        format="%(asctime)s %(levelname)s %(message)s",
        force=True,
    )
    recorded = [streaming[one] for one in dict.fromkeys(chosen)]
    recorder.record(home, recorded, utc_now, health_port, name)


@app.command(name="import")
def import_(
    files: Annotated[list[Path], typer.Argument(help="The files.", show_default=False)],
    venue: Annotated[str, typer.Option(help="Whose data it is.")],
    format: Annotated[
        str, typer.Option(help="frames, rest, force-order-csv, bars-csv, ... (docs/imports.md).")
    ],
    set_: Annotated[
        list[str] | None,
        typer.Option(
            "--set",
            help="What holds for every row of a CSV file of your own columns, as unit=usd or "
            "zone=Europe/Berlin; instrument='{coin}USDT' makes the name of a column.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(help="Which column it is, as open_time=timestamp, or by its place: time=1."),
    ] = None,
    rename: Annotated[
        list[str] | None,
        typer.Option(help="The venue's spelling of a value in an instrument's name, as BTC=XBT."),
    ] = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run",
            help="Only say which columns are recognised, and how many rows would be facts, "
            "repeats and quarantined.",
        ),
    ] = False,
) -> None:
    """Takes recorded files into the raw zone as one sealed batch."""
    from unwind.landing.csv_files import Wishes, described
    from unwind.landing.imports import DATASET_OF_FORMAT, check_venue_and_format, import_files
    from unwind.landing.land import venues

    problem = check_venue_and_format(venue, format, list(venues()))
    if problem:
        raise typer.BadParameter(problem)
    wishes = Wishes(
        {name.replace("-", "_"): value for name, value in _pairs("--set", set_).items()},
        {name.replace("-", "_"): value for name, value in _pairs("--column", column).items()},
        _pairs("--rename", rename),
    )
    home = Home.from_env()
    if dry_run:
        _rehearse(home, venue, format, files, wishes)
        return
    report = import_files(home, venue, format, files, utc_now, wishes)
    withdrawn = _withdrawn_files(home) if report.already_there else {}
    for name in report.already_there:
        if name in withdrawn:
            out.print(
                f"{name} is imported already, and withdrawn: `unwind withdraw --undo "
                f"{withdrawn[name]}` puts it back.",
                soft_wrap=True,
            )
        else:
            out.print(f"{name} is imported already; nothing changes.")
    if wishes:
        for name, reading in report.readings:
            out.print(f"{name}: {described(reading)}", highlight=False, soft_wrap=True)
    _print_left_out(report.readings)
    for seal in report.reread:
        out.print(
            f"Sealed {seal.batch.batch_id} r{seal.revision}: its files are read in another way now."
        )
    if report.seal is None:
        return
    lines = sum(obj.lines for obj in report.imported)
    out.print(
        f"Sealed {report.seal.batch.batch_id}: {len(report.imported)} files, {lines:,} lines "
        f"({DATASET_OF_FORMAT[format]})."
    )
    out.print("Next: unwind refresh (it says what went to quarantine, and why)")


@app.command()
def refresh(
    as_of: Annotated[str | None, typer.Option(help="Build what was sealed by then.")] = None,
    into: Annotated[Path | None, typer.Option(help="Where to build the past.")] = None,
    full: Annotated[bool, typer.Option(help="Rebuild everything from the raw zone.")] = False,
) -> None:
    """Stages, gates, builds, gates and publishes everything sealed and not built."""
    from unwind.landing.ledger import Ledger
    from unwind.warehouse.refresh import refresh as run_refresh

    if (as_of is None) != (into is None):
        raise typer.BadParameter("--as-of and --into go together")
    instant = _parsed(parse_instant, as_of) if as_of else None
    home = Home.from_env()
    home.root.mkdir(parents=True, exist_ok=True)
    if not Ledger(home).sealed() and not home.staging_db.exists():
        out.print(
            f"Nothing to build: nothing is landed or imported in {home.root} yet. "
            "Next: unwind land, or unwind import",
            soft_wrap=True,
        )
        return
    with _progress() as report:
        done = run_refresh(home, full=full, as_of=instant, into=into, report=report)
    for _, _, reason in done.unreadable:
        _say_error(f"left out: {reason}")
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
    built = Home(into.resolve()) if into else home
    _print_quarantine(built, done.batches)
    _print_unrecognised(built, done.batches)


@app.command()
def sql(
    query: Annotated[str, typer.Argument(help="One statement; tables are in schema marts.")],
    format: Annotated[TableFormat, typer.Option(help="How to print it.")] = TableFormat.TABLE,
    limit: Annotated[
        int, typer.Option(min=0, help="Rows of a table that are printed; 0 for all.")
    ] = DEFAULT_MAX_ROWS,
    allow_files: Annotated[
        bool, typer.Option("--allow-files", help="Let the query read and write files.")
    ] = False,
) -> None:
    """Reads the current release."""
    from unwind.warehouse.queries import answered
    from unwind.warehouse.releases import current_db

    home = Home.from_env()
    with answered(home, current_db(home), query, allow_files) as answer:
        print_rows(answer.names, answer.rows, format, limit or None)


@app.command()
def releases(
    roll_back: Annotated[str | None, typer.Option(help="Make this release current.")] = None,
) -> None:
    """Lists releases, or rolls back to one."""
    from unwind.warehouse import releases as published

    home = Home.from_env()
    if roll_back:
        published.roll_back(home, roll_back)
        out.print(f"Readers are on {roll_back} until the next refresh publishes.")
    rows = [
        (
            "*" if release.is_current else "",
            release.release_id,
            release.last_hour_at,
            release.batches,
            release.batches_new,
            release.gate_outcome,
        )
        for release in published.listed(home)
    ]
    print_rows(["current", "release", "last hour", "batches", "new", "gates"], rows)


@app.command(name="release-hold")
def release_hold(
    batch: Annotated[str, typer.Argument(help="The batch's id.")],
    venue: Annotated[str, typer.Argument(help="The venue whose part is held.")],
) -> None:
    """Lets a held part through at the next refresh, on record."""
    from unwind.warehouse.status import release_held_part

    problem = release_held_part(Home.from_env(), batch, venue, utc_now())
    if problem:
        _say_error(problem)
        raise typer.Exit(1)
    out.print(f"{batch} {venue} goes in at the next refresh. Next: unwind refresh")


@app.command()
def withdraw(
    batch: Annotated[str, typer.Argument(help="An import, an hour or a day: import-..., hour-...")],
    venue: Annotated[str | None, typer.Option(help="Only this venue's part of it.")] = None,
    reason: Annotated[str, typer.Option(help="Why, for the record.")] = "by hand",
    undo: Annotated[bool, typer.Option("--undo", help="Put it back in.")] = False,
) -> None:
    """Takes a sealed batch out of the warehouse at the next refresh, on record; raw data stays."""
    from unwind.landing.ledger import Ledger

    Ledger(Home.from_env()).withdraw(batch, venue, reason, utc_now(), undo)
    named = f"{venue}'s part of {batch}" if venue else batch
    if undo:
        out.print(f"{named} goes in again at the next refresh. Next: unwind refresh")
        return
    back = f"unwind withdraw --undo {batch}" + (f" --venue {venue}" if venue else "")
    out.print(
        f"{named} goes out at the next refresh, until `{back}`. Next: unwind refresh",
        soft_wrap=True,
    )


@app.command()
def status() -> None:
    """Says what is landed, sealed, held and built, and how the gates judged."""
    from unwind.warehouse.status import status_tables

    for title, names, rows in status_tables(Home.from_env(), utc_now()):
        out.print(Text(f"\n{title}", style="bold"))
        print_rows(names, rows)


@app.command()
def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Read a sample of the raw objects, a twentieth a day.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="First repair what can be worked out again.")
    ] = False,
) -> None:
    """Says what is wrong and what to do; verifies the raw zone, the ledger and the releases."""
    from unwind.warehouse.status import diagnose
    from unwind.warehouse.verification import repair as repaired

    home, problems = Home.from_env(), False
    with _progress() as report:
        if repair:
            for done in repaired(home, utc_now(), report):
                out.print(f"done {shown(done)}", highlight=False, soft_wrap=True)
        findings = list(diagnose(home, utc_now(), quick, report))
    for finding in findings:
        mark = "ok  " if finding.is_fine else "FAIL"
        out.print(f"{mark} {shown(finding.what)}", highlight=False, soft_wrap=True)
        if not finding.is_fine:
            problems = True
            out.print(f"     {shown(finding.remedy)}", highlight=False, soft_wrap=True)
    if problems:
        raise typer.Exit(1)


@app.command(name="gate-docs")
def gate_docs() -> None:
    """Builds the page of the gates' expectations and latest results, and says where it is."""
    from unwind.warehouse.gates import build_docs

    out.print(f"{build_docs(Home.from_env())}", highlight=False, soft_wrap=True)


@app.command()
def lineage(
    liquidation_id: Annotated[str, typer.Argument(help="From marts.fct_liquidations.")],
) -> None:
    """Shows the raw bytes behind one fact, every sighting of it."""
    from unwind.warehouse.lineage import sightings_of

    for sighting in sightings_of(Home.from_env(), liquidation_id):
        print(
            f"{sighting.source_kind} {shown(sighting.name)} line {sighting.raw_line}, "
            f"row {sighting.row_in_line} of it ({sighting.parser}, batch {sighting.batch_id})"
        )
        print(f"  raw object {sighting.raw_object}")
        print(f"  {shown(sighting.text)}")


@app.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Where the Parquet files go.")],
    mart: Annotated[list[str] | None, typer.Option(help="Only these marts.")] = None,
) -> None:
    """Writes the current release's marts as Parquet files."""
    from unwind.warehouse.exports import export_marts

    with _progress() as report:
        written = export_marts(Home.from_env(), folder, mart, report)
    out.print(f"Wrote {len(written)} files to {folder}.")


@app.command()
def up(
    port: Annotated[int, typer.Option(help="Loopback port of Airflow.")] = 8080,
    health_port: Annotated[int, typer.Option(help="The recorder's port.")] = HEALTH_PORT,
) -> None:
    """Runs Airflow standalone with the DAGs unpaused, and the recorder, until stopped."""
    from unwind import standalone
    from unwind.recorder.state import recorder_states

    home = _real_home()
    own = [one for one in recorder_states(home) if not one.recorder]
    running = [one.venue for one in own if one.is_running(utc_now())]
    companions, ports = {}, {}
    if running:
        out.print(f"A recorder runs already, of {', '.join(running)}; it goes on by itself.")
    else:
        told = [sys.executable, "-m", "unwind.cli", "record", "--health-port", str(health_port)]
        companions["recorder"] = told
        if health_port:
            ports["--health-port"] = health_port
    raise typer.Exit(standalone.up(home, port, companions, ports))


@app.command()
def down() -> None:
    """Ends what `unwind up` runs for this home, or what a killed one left behind."""
    from unwind import standalone

    home = Home.from_env()
    if standalone.down(home):
        out.print("Airflow and the recorder beside it have stopped.")
    else:
        out.print(f"Nothing of `unwind up` runs for {home.root}.", soft_wrap=True)


def _real_home() -> Home:
    """The home, unless the demo filled it: real and simulated data must not mix."""
    home = Home.from_env()
    if home.is_simulated:
        _say_error(
            f"{home.root} holds the demo's simulated market; set UNWIND_HOME to another folder, "
            "or delete that one, before landing from real venues"
        )
        raise typer.Exit(1)
    return home


def _hours(first: datetime, last: datetime) -> list[datetime]:
    if last < first:
        raise typer.BadParameter("--to is before --from")
    return [first + HOUR * place for place in range(int((last - first) / HOUR) + 1)]


def _parsed(parse: Callable[[str], datetime], text: str | None) -> datetime:
    return _refused(parse, text or "")


def _refused(call: Callable[..., Any], *arguments: Any) -> Any:
    """What the call gives; what it refuses with ValueError is wrong usage."""
    try:
        return call(*arguments)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _withdrawn_files(home: Home) -> dict[str, str]:
    """Files of imports that are withdrawn, by name, with what `--undo` takes."""
    from unwind.landing.ledger import EVERY_VENUE, Ledger

    found, ledger = {}, Ledger(home)
    for batch_id, parts in ledger.withdrawn().items():
        seal = ledger.last_seal(batch_id) if batch_id.startswith("import-") else None
        for venue, landings in seal.landings.items() if seal else ():
            if venue in parts or EVERY_VENUE in parts:
                option = "" if EVERY_VENUE in parts else f" --venue {venue}"
                for landing in landings:
                    found |= {obj.name: f"{batch_id}{option}" for obj in landing.objects}
    return found


def _pairs(option: str, texts: list[str] | None) -> dict[str, str]:
    """name=value texts as a dict."""
    pairs = {}
    for text in texts or ():
        name, sign, value = text.partition("=")
        if not (name and sign and value):
            raise typer.BadParameter(f"{option} takes name=value, not {text!r}")
        pairs[name.strip()] = value.strip()
    return pairs


def _print_left_out(readings: Sequence[tuple[str, Reading]]) -> None:
    for name, reading in readings:
        if reading.left_out:
            out.print(
                f"{name}: left out {sum(reading.left_out.values()):,} rows of other venues "
                f"({', '.join(reading.left_out)}); import them with their own --venue.",
                highlight=False,
                soft_wrap=True,
            )


def _rehearse(home: Home, venue: str, format: str, files: list[Path], wishes: Wishes) -> None:
    from unwind.landing.csv_files import described
    from unwind.warehouse.rehearsal import rehearse_import

    with _progress() as report:
        done = rehearse_import(home, venue, format, files, utc_now, wishes, report)
    for name, reading in done.report.readings:
        out.print(f"{name}: {described(reading)}", highlight=False, soft_wrap=True)
    _print_left_out(done.report.readings)
    for name in done.report.already_there:
        out.print(f"{name} is imported already; it would change nothing.")
    for count in done.counts:
        out.print(
            f"{count.kind}: of {count.staged:,} rows {count.facts:,} would be facts, "
            f"{count.repeats:,} repeats, {count.quarantined:,} quarantined",
            highlight=False,
        )
        for reason, rows in count.reasons:
            out.print(f"  quarantined: {rows:,} rows, {reason}", highlight=False)
    if done.report.seal and not done.counts:
        out.print("No row of the files is one that the format has.")
    out.print("This was a dry run: nothing is sealed.")


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int], None]]:
    """A bar on a terminal; plain log lines, one a phase, elsewhere."""
    if not err.is_terminal:
        phases: set[str] = set()

        def log(phase: str, done: int, total: int) -> None:
            _phase[:] = [phase]
            if phase not in phases:
                phases.add(phase)
                # Real time, whatever instant the clock of a demo is set to.
                print(f"{datetime.now(UTC):%H:%M:%S} {phase}", file=sys.stderr, flush=True)

        yield log
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(phase: str, done: int, total: int) -> None:
            _phase[:] = [phase]
            kind = phase.split(" ")[0]
            if kind not in tasks:
                tasks[kind] = bars.add_task(phase, total=max(total, 1))
            bars.update(tasks[kind], description=phase, completed=done, total=max(total, 1))

        yield advance


def _print_breakdown(hour_at: datetime) -> None:
    title = f"\nLiquidations {hour_at:%Y-%m-%d %H:%M}-{hour_at + HOUR:%H:%M} UTC"
    out.print(Text(title, style="bold"))
    query = (
        "select venue, round(long_usd / 1e6, 1) as long_musd,"
        " round(short_usd / 1e6, 1) as short_musd, round(share, 3) as share, events,"
        " is_lower_bound from marts.exchange_breakdown"
        f" where hour_at = timestamp '{hour_at:%Y-%m-%d %H:%M:%S}' and window_hours = 1"
        " and base_asset = 'ALL' order by long_usd desc"
    )
    sql(query)
    out.print(f"\n{_missing_on_purpose()}", soft_wrap=True, highlight=False)
    out.print("\nTry next:", highlight=False)
    for query in TRY_NEXT:
        out.print(f'  .venv/bin/unwind sql "{query}"', soft_wrap=True, highlight=False)
    out.print(
        "  .venv/bin/unwind status\n"
        f"  your own tool on {Home.from_env().current}/warehouse.duckdb, read-only (docs/bi.md)",
        soft_wrap=True,
        highlight=False,
    )


def _missing_on_purpose() -> str:
    """What the simulated market kept from the demo, in one sentence."""
    from unwind.replay.episode import ASSETS, CUT_OFF, DOWN

    no_spot = ", ".join(one.symbol for one in ASSETS if one.has_derivatives and not one.has_spot)
    return (
        f"Missing on purpose: {DOWN.venue} was down from {DOWN.from_at:%Y-%m-%d %H:%M} to "
        f"{DOWN.to_at:%H:%M}, the recorder was cut off from {CUT_OFF.venue} from "
        f"{CUT_OFF.from_at:%Y-%m-%d %H:%M} to {CUT_OFF.to_at:%H:%M}, and {no_spot} has no spot "
        "market: sums of these hours are lower bounds or null."
    )


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


def _say_error(sentence: str) -> None:
    print(f"unwind: {sentence}", file=sys.stderr)


if __name__ == "__main__":
    logging.basicConfig(level=os.environ.get("UNWIND_LOG_LEVEL", "WARNING"))
    main()
