"""Files that are either whole or absent, whatever happens while they are written."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def whole_file(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yields a path to write; on success it is flushed to disk and renamed to `target`.

    The path is in `folder`, or beside the target. On failure nothing of it is left, and a former
    `target` stays as it was; what a kill leaves is swept with its folder.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = (folder or target.parent) / f".{target.name}.{uuid.uuid4().hex[:8]}.part"
    try:
        yield beside
        sync(beside)
        with _on_disk_of(target, beside) as near:
            near.replace(target)
        sync(target.parent)
    finally:
        beside.unlink(missing_ok=True)


def link_new(source: Path, target: Path) -> None:
    """Gives a whole file the name `target`. Raises FileExistsError where that is taken."""
    with _on_disk_of(target, source) as near:
        # A link, unlike a rename, fails when the name is taken.
        os.link(near, target)
    sync(target.parent)


@contextmanager
def _on_disk_of(target: Path, source: Path) -> Iterator[Path]:
    """The source where it is, or, for a target on another disk, a copy of it beside that."""
    if source.stat().st_dev == target.parent.stat().st_dev:
        yield source
        return
    near = target.with_name(f".{source.name}.near")
    try:
        shutil.copyfile(source, near)
        sync(near)
        yield near
    finally:
        near.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Asks the system to put a file or folder on disk before returning."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_json(
    target: Path,
    value: Any,
    default: Callable[[Any], Any] = str,
    folder: Path | None = None,
) -> None:
    """Writes `value` whole; keys are sorted so that the same value gives the same bytes.

    `folder` is where it is written first, as for `whole_file`.
    """
    with whole_file(target, folder) as beside:
        beside.write_text(json.dumps(value, indent=1, sort_keys=True, default=default) + "\n")
