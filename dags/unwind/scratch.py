"""The home's own temporary files: each process has a folder there, which ends with it.

A process that was killed leaves its folder behind; the next one that works in the home removes it.
Who is alive is known by a lock on a file, which the system lifts however its holder ends: process
ids mean nothing in another container that shares the home.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import shutil
import tempfile
import threading
from pathlib import Path

from unwind.settings import Home

LOCK_SUFFIX = ".lock"

_lock = threading.Lock()
# By process as well: a forked child must not take its parent's folder for its own.
_folders: dict[tuple[int, Path], tuple[Path, int]] = {}


def process_folder(home: Home) -> Path:
    """This process's folder of temporary files; made, and others' leftovers swept, at first use."""
    with _lock:
        key = (os.getpid(), home.temp)
        if key not in _folders or not _folders[key][0].exists():
            sweep(home)
            _folders[key] = _new_folder(home)
            atexit.register(_remove, *key)
        return _folders[key][0]


def working_folder(home: Home, kind: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for one piece of work, on the home's disk; removed after the `with` block."""
    return tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=process_folder(home))


def sweep(home: Home) -> list[str]:
    """Removes the folders of processes that are no more; their names."""
    swept = []
    for lock in sorted(home.temp.glob(f"*{LOCK_SUFFIX}")):
        try:
            descriptor = os.open(lock, os.O_RDWR)
        except OSError:
            continue
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            # Its process is at work.
            continue
        else:
            folder = lock.with_suffix("")
            shutil.rmtree(folder, ignore_errors=True)
            lock.unlink(missing_ok=True)
            swept.append(folder.name)
        finally:
            os.close(descriptor)
    return swept


def _new_folder(home: Home) -> tuple[Path, int]:
    home.temp.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor, name = tempfile.mkstemp(LOCK_SUFFIX, f"{os.getpid()}-", home.temp)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        # Between the two, another process may have swept what nobody held.
        if Path(name).exists():
            folder = Path(name).with_suffix("")
            folder.mkdir(mode=0o700)
            return folder, descriptor
        os.close(descriptor)


def _remove(pid: int, temp: Path) -> None:
    if os.getpid() != pid:
        return
    folder, descriptor = _folders.pop((pid, temp), (None, None))
    if folder is not None:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_name(folder.name + LOCK_SUFFIX).unlink(missing_ok=True)
        os.close(descriptor)
