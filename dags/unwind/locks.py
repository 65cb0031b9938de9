"""Locks between processes, on files: the system frees them however their holder ends.

Ids of processes would not do: they mean nothing in another container that shares the home.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


class LockedError(Exception):
    """Another process holds the lock; the caller states what that means."""


@contextmanager
def lock(path: Path, create: bool = True) -> Iterator[IO[str]]:
    """Locks a file, which may name its holder. Raises LockedError at once where it is locked.

    Raises OSError where it cannot be opened.
    """
    with path.open("a+" if create else "r+") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise LockedError(f"{path} is locked by another process") from None
        # Freed by being closed: an explicit unlock in a forked child would free its parent's.
        yield held
