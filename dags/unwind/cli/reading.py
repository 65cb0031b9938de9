"""Commands for readers: sql, check, releases, lineage, export."""

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


def export(
    folder: Annotated[Path, typer.Argument(help="Where the Parquet files go.")],
    mart: Annotated[list[str] | None, typer.Option(help="Only these marts.")] = None,
) -> None:
    """Writes the current release's marts as Parquet files."""
    from unwind.warehouse.exports import export_marts

    with progress() as report:
        written = export_marts(Home.from_env(), folder, mart, report)
    out.print(f"Wrote {len(written)} files to {folder}.")
