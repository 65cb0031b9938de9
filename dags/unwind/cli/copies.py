"""Commands for copies elsewhere: PostgreSQL, object storage."""

from __future__ import annotations

from unwind.cli.terminal import out, progress
from unwind.settings import Home

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
