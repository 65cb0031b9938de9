"""Commands for readers: sql, metric, check, page, releases, lineage, export."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from unwind.cli.terminal import out, progress
from unwind.printing import DEFAULT_MAX_ROWS, TableFormat, print_rows, shown
from unwind.settings import Home


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
    """Queries the current release."""
    from unwind.warehouse.queries import answered
    from unwind.warehouse.releases import current_db

    home = Home.from_env()
    with answered(home, current_db(home), query, allow_files) as answer:
        print_rows(answer.names, answer.rows, format, limit or None)


def metric(
    name: Annotated[
        str | None, typer.Argument(help="From docs/metrics.md; all are listed if not given.")
    ] = None,
    at: Annotated[
        list[str] | None, typer.Option(help="Which row an hour: base_asset=ETH. Repeatable.")
    ] = None,
    hours: Annotated[int, typer.Option(min=0, help="The newest hours; 0 for all.")] = 24,
    sql: Annotated[bool, typer.Option("--sql", help="Print the query instead.")] = False,
    format: Annotated[TableFormat, typer.Option(help="How to print it.")] = TableFormat.TABLE,
) -> None:
    """Prints a headline figure by hour, with its interval."""
    from unwind.database import connect
    from unwind.warehouse import metrics
    from unwind.warehouse.queries import answered
    from unwind.warehouse.releases import current_db

    if name is None:
        listed = [
            (one.name, one.label, one.unit, ", ".join(f"{key}={at}" for key, at in one.at.items()))
            for one in metrics.metrics().values()
        ]
        print_rows(["metric", "what", "unit", "at"], listed, format)
        return
    one, others = metrics.metric(name), metrics.row_of(name, at or [])
    query = one.sql(hours or None, **others)
    if sql:
        print(query)
        return
    home = Home.from_env()
    if others:
        with connect(home, current_db(home), read_only=True) as release:
            metrics.check_there(release, one, others)
    with answered(home, current_db(home), query) as answer:
        print_rows(answer.names, answer.rows, format, None)


class AnswerFormat(StrEnum):
    """How an answer is printed."""

    TEXT = "text"
    JSON = "json"


# Exit codes 1 and 2 are those of any command.
CODES = {"HOLDS": 0, "HOLDS_ONLY_IF": 3, "CONTRADICTED": 4, "UNDETERMINED": 5}


def check(
    claim: Annotated[
        str, typer.Argument(help='As in "long > 230e6 and short < 5e6 within 1h on 2026-01-29".')
    ],
    format: Annotated[AnswerFormat, typer.Option(help="How to print it.")] = AnswerFormat.TEXT,
) -> None:
    """Judges a claim about liquidations; exits with 0 where it holds, else 3, 4 or 5."""
    from unwind.claims.check import check as checked
    from unwind.claims.report import json_of, text_of

    answer = checked(Home.from_env(), claim)
    print(text_of(answer) if format == AnswerFormat.TEXT else json_of(answer))
    raise typer.Exit(CODES[answer.verdict.name])


def watch() -> None:
    """Notifies what has changed since the last watch, once for each change and channel."""
    from unwind.watch.channels import message, web_channels
    from unwind.watch.watch import has_begun
    from unwind.watch.watch import watch as watched

    home = Home.from_env()
    is_first = not has_begun(home)
    changes = watched(home, web_channels())
    for change in changes:
        print(shown(message(change)))
    if is_first:
        out.print(
            "This was the first watch: the next ones say what has changed since.", soft_wrap=True
        )
    elif not changes:
        out.print("Nothing has changed since the last watch.")


def page(
    release: Annotated[
        str | None, typer.Option(help="From `unwind releases`; the current one if not given.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option(help="The file to write; beside the release if not given.")
    ] = None,
) -> None:
    """Writes a release's page, one HTML file for any browser, and prints its path."""
    from unwind.page.writing import write_page
    from unwind.warehouse.releases import folder_of

    home = Home.from_env()
    if release is not None:
        folder_of(home, release)
    written = write_page(home, release, output)
    out.print(f"{written}", highlight=False, soft_wrap=True)


def releases(
    roll_back: Annotated[str | None, typer.Option(help="Make this release current.")] = None,
) -> None:
    """Lists releases, or rolls back to one."""
    from unwind.warehouse import releases as published

    home = Home.from_env()
    if roll_back is not None:
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


def explain(
    mart: Annotated[str, typer.Argument(help="A table of schema marts.")],
    where: Annotated[str, typer.Option(help="Which of its rows: a condition in SQL.")],
    figure: Annotated[
        str | None, typer.Option(help="The column to explain; else the first number.")
    ] = None,
    facts: Annotated[
        int, typer.Option(min=0, help="Facts that are shown, of each kind; 0 for all.")
    ] = 5,
    whole: Annotated[
        bool, typer.Option("--whole", help="Show whole answers, not the facts' rows alone.")
    ] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the SQL that made the row.")] = False,
    format: Annotated[TableFormat, typer.Option(help="table, or json for all of it.")] = (
        TableFormat.TABLE
    ),
) -> None:
    """Shows what a figure of a mart is made of, down to the raw bytes."""
    from unwind.cli import explained
    from unwind.warehouse.explain import explain as explain_rows

    with progress() as report:
        found = explain_rows(Home.from_env(), mart, where, figure, facts or None, report)
    if format is TableFormat.JSON:
        print(explained.as_json(found))
    else:
        explained.print_text(found, whole, sql)


def verify(
    release: Annotated[
        str | None, typer.Argument(help="From `unwind releases`; the current one if not given.")
    ] = None,
    keep_in: Annotated[
        Path | None, typer.Option(help="Build it in this empty folder, and keep that.")
    ] = None,
) -> None:
    """Builds a release again from the raw data that it stands on, and compares every table."""
    from unwind.warehouse.reproduction import verify as verify_release

    with progress() as report:
        found = verify_release(Home.from_env(), release, keep_in, report)
    print(
        f"{found.release_id}: {found.tables} tables, {found.rows:,} rows, from "
        f"{found.batches} batches"
    )
    for damaged in found.damaged:
        print(f"changed since it was published: {damaged.sentence}")
    for changed in found.changed:
        print(f"the ledger's entry is not the one that it stands on: {changed}")
    for differing in found.differing:
        print(f"came out otherwise: {differing.sentence}")
    if found.code_version:
        print(f"It was published by code version {found.code_version}, not by this one.")
    if not found.is_verified:
        raise typer.Exit(1)
    print("Every table came out the same.")


def export(
    folder: Annotated[str, typer.Argument(help="Where the Parquet files go.")],
    mart: Annotated[list[str] | None, typer.Option(help="Only these marts.")] = None,
    by_day: Annotated[
        bool, typer.Option("--by-day", help="All marts by day, for others; also into s3://...")
    ] = False,
) -> None:
    """Writes the current release's marts as Parquet files."""
    from unwind.warehouse.exports import export_marts

    if not folder.strip():
        raise typer.BadParameter("is empty; name a folder", param_hint="FOLDER")
    if by_day:
        _export_by_day(folder, mart)
        return
    if "://" in folder:
        raise typer.BadParameter(
            f"{folder} is a place in a store; add --by-day, which writes there", param_hint="FOLDER"
        )
    with progress() as report:
        written = export_marts(Home.from_env(), Path(folder), mart, report)
    out.print(f"Wrote {len(written)} files to {folder}.")


def _export_by_day(folder: str, mart: list[str] | None) -> None:
    from unwind.outputs.object_store import store
    from unwind.outputs.partitioned import export_partitioned

    if mart:
        raise typer.BadParameter("takes all marts; leave --mart out", param_hint="--by-day")
    place = store(folder if "://" in folder else f"file://{Path(folder).resolve()}")
    with progress() as report:
        files = export_partitioned(Home.from_env(), place, report)
    out.print(f"Wrote {files} files to {folder}.")
