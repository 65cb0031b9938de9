"""Atomic writes: files are either complete or absent, whatever interrupts the write."""

from __future__ import annotations

import errno
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# The names used here, and those of older versions.
_HALF_WRITTEN = re.compile(r"\.(landing|rehearsal)-.*|\..*\.(part|seal|once)|\.current\..*")
# 2026-11-25: no landing and no write takes a day.
_LEFT_AFTER_SECONDS = 86_400


@contextmanager
def atomic_write(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yields a path to write; on success it is flushed to disk and renamed to `target`.

    The path is in `folder`, or next to the target. On failure it is removed, and an existing
    `target` stays unchanged; leftovers of a kill are swept with the folder, or once they are old.
    Raises FileExistsError where the target is a pipe or a device.
    """
    if target.exists() and not (target.is_file() or target.is_dir()):
        # A pipe, or a device such as /dev/null, would be replaced for everybody.
        raise FileExistsError(errno.EEXIST, "not a file", str(target))
    target.parent.mkdir(parents=True, exist_ok=True)
    name = f".{target.name[:120]}.{uuid.uuid4().hex[:8]}.part"
    beside = (folder or target.parent) / name
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
    """The source itself, or a copy next to the target if that is on another disk."""
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

    `folder` is where it is written first, as for `atomic_write`.
    """
    with atomic_write(target, folder) as beside:
        beside.write_text(json.dumps(value, indent=1, sort_keys=True, default=default) + "\n")


def write_once(target: Path, value: Any, folder: Path | None = None) -> bool:
    """Writes `value` as JSON, whole, where `target` is not there yet; whether it was written.

    `folder` is where it is written first, as for `atomic_write`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    name = f".{target.name}.{uuid.uuid4().hex[:8]}.once"
    beside = (folder or target.parent) / name
    try:
        write_json(beside, value)
        link_new(beside, target)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def leftovers(folders: Iterable[Path]) -> Iterator[Path]:
    """Half-written files directly in these folders, too old to be still in progress.

    Files written in a process's own folder are removed with that folder (unwind.scratch).
    """
    for folder in folders:
        if folder.is_dir():
            yield from (Path(entry.path) for entry in os.scandir(folder) if _is_leftover(entry))


def _is_leftover(entry: os.DirEntry[str]) -> bool:
    if not _HALF_WRITTEN.fullmatch(entry.name):
        return False
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _LEFT_AFTER_SECONDS


def sweep(folders: Iterable[Path]) -> list[Path]:
    """Deletes leftovers in these folders; returns their paths."""
    swept = list(leftovers(folders))
    for path in swept:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return swept
