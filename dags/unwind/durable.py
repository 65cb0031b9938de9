"""Files that are either whole or absent, whatever happens while they are written.

What is being written has a name of its own, which says which process writes it. So a later start
can tell what a killed process has left from what another one is still writing.
"""

from __future__ import annotations

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

# Of a process that cannot be looked up (another container's, another host's) nothing is swept.
_MARKED = re.compile(r"~(?P<space>\w+)\.(?P<pid>\d+)\.(?P<started>\d+)~")
# 2026-11-25: what older versions left has no mark. No landing and no write takes a day.
_UNMARKED = re.compile(r"\.(landing|rehearsal)-.*|\..*\.(part|seal)")
_UNMARKED_SECONDS = 86_400
# The copy that becomes the next release lasts from one to the next.
NEVER_LEFT = ".next.part"


@contextmanager
def atomic_write(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Yields a path to write; on success it is flushed to disk and renamed to `target`.

    The path is in `folder`, or beside the target. On failure nothing of it is left, and a former
    `target` stays as it was; what a kill leaves is swept with its folder or by its mark.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    name = f".{target.name[:120]}.{process_mark()}{uuid.uuid4().hex[:8]}.part"
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

    `folder` is where it is written first, as for `atomic_write`.
    """
    with atomic_write(target, folder) as beside:
        beside.write_text(json.dumps(value, indent=1, sort_keys=True, default=default) + "\n")


def write_once(target: Path, value: Any, folder: Path | None = None) -> bool:
    """Writes `value` as JSON, whole, where `target` is not there yet; whether it was written.

    `folder` is where it is written first, as for `atomic_write`.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    name = f".{target.name}.{process_mark()}{uuid.uuid4().hex[:8]}.once"
    beside = (folder or target.parent) / name
    try:
        write_json(beside, value)
        link_new(beside, target)
    except FileExistsError:
        return False
    finally:
        beside.unlink(missing_ok=True)
    return True


def process_mark() -> str:
    """Names this process within a file's name, for `leftovers`."""
    return f"~{_process_space()}.{os.getpid()}.{_started(os.getpid())}~"


def leftovers(folders: Iterable[Path]) -> Iterator[Path]:
    """Files and folders directly in these that a process was writing which is gone."""
    for folder in folders:
        if folder.is_dir():
            yield from (Path(entry.path) for entry in os.scandir(folder) if _is_leftover(entry))


def _is_leftover(entry: os.DirEntry[str]) -> bool:
    marked = _MARKED.search(entry.name)
    if marked:
        is_ours = marked["space"] == _process_space()
        return is_ours and _started(int(marked["pid"])) != marked["started"]
    if not _UNMARKED.fullmatch(entry.name) or entry.name == NEVER_LEFT:
        return False
    return time.time() - entry.stat(follow_symlinks=False).st_mtime > _UNMARKED_SECONDS


def sweep(folders: Iterable[Path]) -> list[Path]:
    """Deletes what killed processes have left in these folders; returns what that was."""
    swept = list(leftovers(folders))
    for path in swept:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)
    return swept


def _process_space() -> str:
    """Where a process's number means something: its host, or its container."""
    try:
        return str(Path("/proc/self/ns/pid").stat().st_ino)
    except OSError:
        return "host"


def _started(pid: int) -> str:
    """When a process began, as the system counts; empty for one that is not there."""
    try:
        # After the command's name, which may hold spaces and brackets.
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return fields[19] if fields[0] != "Z" else ""
    except OSError:
        pass
    if Path("/proc/self/stat").exists():
        return ""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "0"
    return "0"
