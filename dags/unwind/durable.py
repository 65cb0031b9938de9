"""Files that are either whole or absent, whatever happens while they are written."""

from __future__ import annotations

import json
import os
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(target: Path) -> Iterator[Path]:
    """Yields a path to write beside `target`; on success it is flushed to disk and renamed to it.

    On failure nothing of it is left, and a former `target` stays as it was.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        yield beside
        sync(beside)
        beside.replace(target)
        sync(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Asks the system to put a file or folder on disk before returning."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(target: Path, value: Any, default: Callable[[Any], Any] = str) -> None:
    """Writes `value` whole; keys are sorted so that the same value gives the same bytes."""
    with whole_file(target) as beside:
        beside.write_text(json.dumps(value, indent=1, sort_keys=True, default=default) + "\n")
