"""Commands that take data in: land, record, import."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unwind.cli.terminal import HIGHEST_PORT, out, parsed, progress, real_home, refused
from unwind.clock import HOUR, parse_day, parse_hour, utc_now
from unwind.settings import RECORDER, Home, settings

if TYPE_CHECKING:
    from unwind.landing.csv_reading import Reading, ReadOptions

# Where the recorder reports its health.
HEALTH_PORT = 8099


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
        batches = [day_batch(parsed(parse_day, day))]
    else:
        first, last = (parsed(parse_hour, hour if from_ is None else at) for at in (from_, to))
        # Both ends first: a span of years is refused before its hours are generated.
        for at in (first, last):
            refused(check_landable, hour_batch(at), utc_now())
        batches = [hour_batch(at) for at in _hours(first, last)]
    for batch in batches:
        refused(check_landable, batch, utc_now())
    home = real_home()
    failed, settled = 0, None
    with progress() as report:
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


def record(
    venue: Annotated[list[str] | None, typer.Option(help="Only these venues.")] = None,
    health_port: Annotated[
        int,
        typer.Option(
            min=0, max=HIGHEST_PORT, help="Loopback port of its health page; 0 picks one."
        ),
    ] = HEALTH_PORT,
    name: Annotated[
        str,
        typer.Option(help="Of an additional recorder, beside this home's own.", envvar=RECORDER),
    ] = "",
) -> None:
    """Records the venues' streams of liquidations, until stopped."""
    from unwind.recorder import service as recorder
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
    home = real_home()
    logging.basicConfig(
        level=settings().log_level("INFO"),
        format="%(asctime)s %(levelname)s %(message)s",
        force=True,
    )
    recorded = [streaming[one] for one in dict.fromkeys(chosen)]
    recorder.record(home, recorded, utc_now, health_port, name)


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
            help="What applies to every row of a CSV file with your own columns, as unit=usd or "
            "zone=Europe/Berlin; instrument='{coin}USDT' makes the name of a column.",
        ),
    ] = None,
    column: Annotated[
        list[str] | None,
        typer.Option(
            help="Which column it is, as open_time=timestamp, or by its position: time=1."
        ),
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
    """Imports recorded files into the raw zone as one sealed batch."""
    from unwind.landing.csv_reading import ReadOptions, described
    from unwind.landing.formats import formats
    from unwind.landing.imports import check_venue_and_format, import_files
    from unwind.landing.land import venues

    problem = check_venue_and_format(venue, format, list(venues()))
    if problem:
        raise typer.BadParameter(problem)
    options = ReadOptions(
        {name.replace("-", "_"): value for name, value in _pairs("--set", set_).items()},
        {name.replace("-", "_"): value for name, value in _pairs("--column", column).items()},
        _pairs("--rename", rename),
    )
    home = Home.from_env()
    if dry_run:
        _rehearse(home, venue, format, files, options)
        return
    report = import_files(home, venue, format, files, utc_now, options)
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
    if options:
        for name, reading in report.readings:
            out.print(f"{name}: {described(reading)}", highlight=False, soft_wrap=True)
    _print_left_out(report.readings)
    for seal in report.reread:
        out.print(
            f"Sealed {seal.batch.batch_id} r{seal.revision}: its files are read differently now."
        )
    if report.seal is None:
        return
    lines = sum(obj.lines for obj in report.imported)
    out.print(
        f"Sealed {report.seal.batch.batch_id}: {len(report.imported)} files, {lines:,} lines "
        f"({formats()[format].dataset})."
    )
    out.print("Next: unwind refresh (it says what went to quarantine, and why)")


def _hours(first: datetime, last: datetime) -> list[datetime]:
    if last < first:
        raise typer.BadParameter("--to is before --from")
    return [first + HOUR * place for place in range(int((last - first) / HOUR) + 1)]


def _withdrawn_files(home: Home) -> dict[str, str]:
    """Files of imports that are withdrawn, by name, with what `--undo` takes."""
    from unwind.landing.ledger import EVERY_VENUE, Ledger

    found: dict[str, str] = {}
    ledger = Ledger(home)
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


def _rehearse(home: Home, venue: str, format: str, files: list[Path], options: ReadOptions) -> None:
    from unwind.landing.csv_reading import described
    from unwind.warehouse.rehearsal import rehearse_import

    with progress() as report:
        done = rehearse_import(home, venue, format, files, utc_now, options, report)
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
    if done.report.seal and not done.is_recognised:
        out.print(
            "Nothing of the files was recognised: check --venue and --format, and whether their "
            "lines are what docs/imports.md describes.",
            soft_wrap=True,
        )
    out.print("This was a dry run: nothing is sealed.")
