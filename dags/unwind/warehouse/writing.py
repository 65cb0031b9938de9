"""The lock that gives a warehouse one writer, and the notices to those who wait for it."""

from __future__ import annotations

import json
import logging
import os
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO

import psutil

from unwind.clock import iso, utc_now
from unwind.errors import UnwindError
from unwind.locks import LockedError, lock
from unwind.progress import Progress
from unwind.settings import Home

# 2026-11-22: a refresh of years takes minutes; one that waits longer has met a stuck one.
LOCK_WAIT_SECONDS = 1800.0
TRY_AGAIN_SECONDS = 0.2
REPORT_EVERY_SECONDS = 60.0

logger = logging.getLogger(__name__)


class WriterBusyError(UnwindError, RuntimeError):
    """Another refresh is writing, for longer than this one waits."""


@contextmanager
def writer_lock(
    home: Home, wait_seconds: float = LOCK_WAIT_SECONDS, report: Progress | None = None
) -> Iterator[None]:
    """The writer's lock on a warehouse; the system frees it however the holder ends.

    A waiting command reports the holder at once and each minute. Raises WriterBusyError.
    """
    report = report or _log
    home.warehouse_dir.mkdir(parents=True, exist_ok=True)
    path = home.warehouse_dir / ".lock"
    with ExitStack() as stack:
        started = reported_at = None
        while (held := _taken(stack, path)) is None:
            now = time.monotonic()
            started = now if started is None else started
            holder = _holder(path)
            if now - started > wait_seconds:
                raise WriterBusyError(
                    f"{holder} has been writing {home.warehouse_dir} for over {wait_seconds:.0f} s;"
                    " wait for it or end it, then refresh again"
                )
            if reported_at is None or now - reported_at > REPORT_EVERY_SECONDS:
                reported_at = now
                waited = f", {now - started:.0f} s so far" if now > started else ""
                report(f"waiting for {holder}, which writes {home.warehouse_dir}{waited}", 0, 1)
            time.sleep(TRY_AGAIN_SECONDS)
        _sign(held)
        yield


def _taken(stack: ExitStack, path: Path) -> IO[str] | None:
    try:
        return stack.enter_context(lock(path))
    except LockedError:
        return None


def _sign(held: IO[str]) -> None:
    """Writes into the lock's file who holds it. A full disk is no reason not to hold it."""
    command = " ".join([Path(sys.argv[0]).name, *sys.argv[1:2]])
    try:
        held.seek(0)
        held.truncate()
        json.dump({"pid": os.getpid(), "command": command, "since": iso(utc_now())}, held)
        held.flush()
    except OSError:
        logger.warning("%s cannot be written; a waiting command cannot name the writer", held.name)


def _holder(path: Path) -> str:
    """Who holds the lock, in words."""
    try:
        noted = json.loads(path.read_text())
        pid, command, since = noted["pid"], noted["command"], noted["since"]
    except (OSError, ValueError, LookupError, TypeError):
        return "another refresh"
    if not psutil.pid_exists(pid):
        # Its container shares the home, and not the ids of processes.
        return f"another refresh ({command}, since {since})"
    return f"process {pid} ({command}, since {since})"


def _log(phase: str, done: int, total: int) -> None:
    logger.warning("%s", phase)
