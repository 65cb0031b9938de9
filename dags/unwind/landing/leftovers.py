"""Leftovers of killed processes in a home, and their removal."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from unwind.durable import leftovers, sweep
from unwind.settings import Home

logger = logging.getLogger(__name__)


def sweep_home(home: Home, batch_id: str | None = None) -> list[Path]:
    """Deletes unfinished files of dead processes; with a batch also in its open part.

    Called where a landing, an import or a refresh begins: it looks at few folders, however long
    the history is. Whatever is deleted was not whole, so nothing counts it.
    """
    folders = [*_few_folders(home), *([home.landed / batch_id] if batch_id else [])]
    swept = sweep(folders)
    for path in swept:
        logger.info("%s was left by a process that was killed; it is deleted", path)
    return swept


def leftovers_of(home: Home) -> Iterator[Path]:
    """All unfinished files of dead processes, anywhere in the home."""
    yield from leftovers(_few_folders(home))
    yield from leftovers(home.landed.glob("*"))
    for zone in (home.raw_objects, home.raw_lines):
        yield from leftovers(zone.glob("*/*"))
    yield from leftovers(home.recorder.glob("*"))


def _few_folders(home: Home) -> list[Path]:
    return [home.root, home.batches, home.withdrawals, home.hold_releases, home.releases]
