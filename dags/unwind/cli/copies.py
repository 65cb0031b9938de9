"""Commands for copies elsewhere: PostgreSQL, object storage."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from unwind.cli.terminal import out, print_error, progress
from unwind.settings import Home


class Part(StrEnum):
    """A part of a home in object storage."""

    RAW = "raw"
    RELEASE = "release"


SENTENCES = {
    "swapped": "PostgreSQL at {shown} has release {id}: {rows:,} rows, in a new schema marts.",
    "updated": "PostgreSQL at {shown} has release {id}: {rows:,} rows of changed hours.",
    "unchanged": "PostgreSQL at {shown} has release {id} already.",
}


def copy_to_postgres() -> None:
    """Copies the current release's marts to PostgreSQL."""
    from unwind.outputs.postgres import copy_release

    with progress() as report:
        copied = copy_release(Home.from_env(), report)
    sentence = SENTENCES[copied.how]
    out.print(sentence.format(shown=copied.shown, id=copied.release_id, rows=copied.rows))


PART = Annotated[Part | None, typer.Argument(help="Only this; both if not given.")]


def push(part: PART = None) -> None:
    """Uploads the raw zone and the current release to object storage."""
    from unwind.clock import utc_now
    from unwind.outputs.object_store import store
    from unwind.outputs.pushing import only_push
    from unwind.outputs.stored_raw import push_raw
    from unwind.outputs.stored_releases import push_release

    home, place = Home.from_env(), store()
    damaged: tuple[str, ...] = ()
    with only_push(home), progress() as report:
        if part is not Part.RELEASE:
            moved = push_raw(home, place, report)
            damaged = moved.damaged
            out.print(f"{place.shown} has the raw zone: {moved.files:,} of {moved.of:,} files new.")
        if part is not Part.RAW:
            release_id = push_release(home, place, utc_now(), report)
            out.print(f"{place.shown} has release {release_id}.")
    _report_damaged(damaged, "was not uploaded; `unwind doctor` says what to do")


def pull(part: PART = None) -> None:
    """Downloads the raw zone and the current release from object storage into the home."""
    from unwind.clock import utc_now
    from unwind.outputs.object_store import store
    from unwind.outputs.stored_raw import pull_raw
    from unwind.outputs.stored_releases import pull_release

    home, place = Home.from_env(), store()
    damaged: tuple[str, ...] = ()
    with progress() as report:
        if part is not Part.RELEASE:
            moved = pull_raw(home, place, report)
            damaged = moved.damaged
            out.print(f"The home has the raw zone: {moved.files:,} of {moved.of:,} files new.")
        if part is not Part.RAW:
            out.print(f"Readers are on {pull_release(home, place, utc_now(), report)}.")
    _report_damaged(damaged, "is not sound there, and was left out")


def _report_damaged(names: tuple[str, ...], sentence: str) -> None:
    """Names damaged files; the command then ends with 1."""
    for name in names:
        print_error(f"{name} {sentence}")
    if names:
        raise typer.Exit(1)
