"""A home's raw zone and releases in object storage: one push, or one after each release.

`python -m unwind.outputs.pushing` pushes until it is stopped. It sees a release by the link
`current` and needs nothing of Airflow, so raw data goes up while gates refuse to build from it.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unwind.clock import Clock, utc_now
from unwind.errors import UnwindError, sentence_of
from unwind.locks import LockedError, lock
from unwind.outputs.object_store import ObjectStore, StoreError, store
from unwind.outputs.stored_raw import Moved, push_raw
from unwind.outputs.stored_releases import push_release
from unwind.progress import Progress, no_progress
from unwind.settings import Home

LOOK_EVERY_SECONDS = 5
# What was landed is not behind by more than this, whether or not it was released.
PUSH_EVERY_SECONDS = 3600
RETRY_AFTER_SECONDS = 60


class AlreadyPushedError(StoreError):
    """Another process is pushing this home."""


@dataclass(frozen=True)
class Pushed:
    """What a push has done; `release_id` is None where the home has no release yet."""

    raw: Moved
    release_id: str | None


@contextmanager
def only_push(home: Home) -> Iterator[None]:
    """Holds the home's only push. Raises AlreadyPushedError at once where another one runs."""
    home.root.mkdir(parents=True, exist_ok=True)
    try:
        with lock(home.root / ".push.lock"):
            yield
    except LockedError:
        raise AlreadyPushedError(
            f"another process is pushing {home.root}; wait until it has ended"
        ) from None


def push(home: Home, place: ObjectStore, clock: Clock, report: Progress) -> Pushed:
    """Uploads the raw zone and the ledger, then the current release where there is one.

    Raises StoreError, also for damaged objects, once all others are there.
    """
    with only_push(home):
        raw = push_raw(home, place, report)
        current = _current(home)
        release_id = push_release(home, place, clock(), report) if current else None
    if raw.damaged:
        raise StoreError(
            f"not uploaded, as they are damaged: {', '.join(raw.damaged)}; `unwind doctor` says "
            "what to do"
        )
    return Pushed(raw, release_id)


def follow(
    look: Callable[[], str | None], attempt: Callable[[], bool], wait: Callable[[float], float]
) -> None:
    """Calls `attempt` at once, after each release, after an hour, and a minute after a failure.

    `look` gives the current release's id, `attempt` says whether it succeeded, and `wait` pauses
    for seconds and returns the time in seconds of a clock that only goes forward.
    """
    now, due, seen = wait(0), 0.0, object()
    while True:
        if (current := look()) != seen or now >= due:
            seen = current
            due = PUSH_EVERY_SECONDS if attempt() else RETRY_AFTER_SECONDS
            due += wait(0)
        now = wait(LOOK_EVERY_SECONDS)


def _current(home: Home) -> str | None:
    return home.current.resolve().name if home.current.exists() else None


def _wait(seconds: float) -> float:
    time.sleep(seconds)
    return time.monotonic()


def main() -> int:
    """Pushes until SIGINT or SIGTERM. `--failed FILE` is there while the last push has failed."""
    parser = argparse.ArgumentParser(prog="unwind.outputs.pushing", description=__doc__)
    parser.add_argument("--failed", type=Path)
    failed: Path | None = parser.parse_args().failed

    def stop(*_: Any) -> None:
        # At any step: what is there is whole, and the next push goes on.
        os._exit(0)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, stop)
    home = Home.from_env()
    # A setting that cannot work ends the process, with the sentence that corrects it.
    try:
        place = store()
    except UnwindError as error:
        print(f"unwind: {error}", file=sys.stderr, flush=True)
        return error.exit_code

    def attempt() -> bool:
        try:
            pushed = push(home, place, utc_now, no_progress)
        except Exception as error:
            sentence = str(error) if isinstance(error, UnwindError) else None
            sentence = sentence or sentence_of(error, home.root)
            if sentence is None:
                raise
            print(f"unwind: {sentence}", file=sys.stderr, flush=True)
            if failed:
                failed.touch()
            return False
        if failed:
            failed.unlink(missing_ok=True)
        released = f"release {pushed.release_id}" if pushed.release_id else "no release yet"
        print(
            f"{place.shown} has the raw zone ({pushed.raw.files:,} of {pushed.raw.of:,} files new)"
            f" and {released}.",
            flush=True,
        )
        return True

    follow(lambda: _current(home), attempt, _wait)
    return 0


if __name__ == "__main__":
    sys.exit(main())
