"""The home's temporary files: each process has a folder there, which is removed with it.

A process that was killed leaves its folder behind; the next one that works in the home removes it.
Who is alive is known by the lock that each holds on a file.
"""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
import threading
from contextlib import ExitStack, suppress
from pathlib import Path

from unwind.locks import LockedError, lock
from unwind.settings import Home

LOCK_SUFFIX = ".lock"
# A process works in one home, or in two; each further one costs it an open file.
MAX_HOMES = 32

_using = threading.Lock()
# By process as well: a forked child must not take its parent's folder for its own.
_folders: dict[tuple[int, Path], tuple[Path, ExitStack]] = {}


def process_folder(home: Home) -> Path:
    """This process's folder of temporary files; made, and others' leftovers swept, at first use."""
    with _using:
        key = (os.getpid(), home.temp)
        known = _folders.pop(key, None)
        if known is None or not known[0].exists():
            sweep(home)
            known = _new_folder(home)
        # Last in the order of their use.
        _folders[key] = known
        while len(_folders) > MAX_HOMES:
            _remove(next(iter(_folders)))
        return known[0]


def working_folder(home: Home, kind: str) -> tempfile.TemporaryDirectory[str]:
    """A folder for one piece of work, on the home's disk; removed after the `with` block."""
    return tempfile.TemporaryDirectory(prefix=f"{kind}-", dir=process_folder(home))


def sweep(home: Home) -> list[str]:
    """Removes the folders of processes that are no more; their names."""
    swept = []
    for path in sorted(home.temp.glob(f"*{LOCK_SUFFIX}")):
        # One that is held belongs to a process at work.
        with suppress(LockedError, OSError), lock(path, create=False):
            folder = path.with_suffix("")
            shutil.rmtree(folder, ignore_errors=True)
            path.unlink(missing_ok=True)
            swept.append(folder.name)
    return swept


def _new_folder(home: Home) -> tuple[Path, ExitStack]:
    home.temp.mkdir(parents=True, exist_ok=True)
    while True:
        descriptor, name = tempfile.mkstemp(LOCK_SUFFIX, f"{os.getpid()}-", home.temp)
        os.close(descriptor)
        held = ExitStack()
        # Until it is held, another process may sweep it.
        with suppress(LockedError, FileNotFoundError):
            held.enter_context(lock(Path(name), create=False))
            if Path(name).exists():
                folder = Path(name).with_suffix("")
                folder.mkdir(mode=0o700)
                return folder, held
        held.close()


def _remove(key: tuple[int, Path]) -> None:
    folder, held = _folders.pop(key)
    # A forked child has its parent's entries, and leaves its parent's folders alone.
    if key[0] == os.getpid():
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):
            folder.with_name(folder.name + LOCK_SUFFIX).unlink(missing_ok=True)
    held.close()


@atexit.register
def _remove_all() -> None:
    for key in list(_folders):
        _remove(key)
