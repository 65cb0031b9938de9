"""Shared by the commands: the console, progress, errors, arguments."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import typer
from rich.console import Console
from rich.progress import BarColumn, TaskID, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars

from unwind.progress import Progress
from unwind.settings import Home

# Output may contain venues' texts and file names: none of it is markup.
out = Console(markup=False)
err = Console(stderr=True, markup=False)

# A port to listen on; 0 is any, where a command says so.
HIGHEST_PORT = 65535

# The running command, for the message when it is stopped.
doing: list[str] = []


@contextmanager
def progress() -> Iterator[Progress]:
    """A bar on a terminal; plain log lines elsewhere, one per phase."""
    if not err.is_terminal:
        phases: set[str] = set()

        def log(phase: str, done: int, total: int, /) -> None:
            doing[:] = [phase]
            if phase not in phases:
                phases.add(phase)
                # Real time, even where the demo's clock is set to another instant.
                print(f"{datetime.now(UTC):%H:%M:%S} {phase}", file=sys.stderr, flush=True)

        yield log
        return
    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    with Bars(*columns, console=err) as bars:
        tasks: dict[str, TaskID] = {}

        def advance(phase: str, done: int, total: int, /) -> None:
            doing[:] = [phase]
            kind = phase.split(" ", maxsplit=1)[0]
            if kind not in tasks:
                tasks[kind] = bars.add_task(phase, total=max(total, 1))
            bars.update(tasks[kind], description=phase, completed=done, total=max(total, 1))

        yield advance


def print_error(sentence: str) -> None:
    """Prints a failure, in one sentence, to standard error."""
    print(f"unwind: {sentence}", file=sys.stderr)


def real_home() -> Home:
    """The home, unless the demo filled it: real and simulated data must not mix."""
    home = Home.from_env()
    if home.is_simulated:
        print_error(
            f"{home.root} holds the demo's simulated market; set UNWIND_HOME to another folder, "
            "or delete that one, before landing from real venues"
        )
        raise typer.Exit(1)
    return home


def parsed(parse: Callable[[str], datetime], text: str | None) -> datetime:
    """The instant in an argument; an unreadable one is wrong usage."""
    instant: datetime = refused(parse, text or "")
    return instant


def refused(call: Callable[..., Any], *arguments: Any) -> Any:
    """The call's result; a ValueError becomes wrong usage."""
    try:
        return call(*arguments)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
