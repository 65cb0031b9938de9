"""Commands that report the state of the warehouse: status, doctor, gate-docs."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.text import Text

from unwind.cli.terminal import out, progress
from unwind.clock import utc_now
from unwind.printing import print_rows, shown
from unwind.settings import Home


def status() -> None:
    """Shows what is landed, sealed, held and built, and the gates' results."""
    from unwind.warehouse.status import status_tables

    for title, names, rows in status_tables(Home.from_env(), utc_now()):
        out.print(Text(f"\n{title}", style="bold"))
        print_rows(names, rows)


def doctor(
    quick: Annotated[
        bool, typer.Option("--quick", help="Read a sample of the raw objects, a twentieth a day.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="First repair what can be derived again.")
    ] = False,
) -> None:
    """Verifies the raw zone, the ledger and the releases; reports faults and what to do."""
    from unwind.warehouse.status import diagnose
    from unwind.warehouse.verification import repair as repaired

    home, problems = Home.from_env(), False
    with progress() as report:
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


def gate_docs() -> None:
    """Builds the page of the gates' expectations and latest results, and prints its path."""
    from unwind.warehouse.gates import build_docs

    out.print(f"{build_docs(Home.from_env())}", highlight=False, soft_wrap=True)


def dbt_docs() -> None:
    """Puts dbt's pages of models and their lineage beside the release, and prints their path."""
    from unwind.warehouse.dbt_docs import write_dbt_docs

    out.print(f"{write_dbt_docs(Home.from_env())}", highlight=False, soft_wrap=True)
