"""Whether this process was forked from one that had loaded what tasks need (preloading.py)."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection
from pathlib import Path

from unwind.settings import PROJECT_ROOT
from unwind.warehouse import parsed_project

# What a preloaded process has read of the project, beside dbt's, and would go on with after an
# upgrade.
READ = ("dags/unwind/**/*.py", "expectations/**/*")

# A file, its time of change (ns), and its size (bytes).
State = tuple[Path, int, int]
# Empty where nothing is preloaded.
_read: set[State] = set()


def note(read: Collection[State]) -> None:
    """Notes that all is loaded, from files in this state."""
    _read.update(read)


def is_preloaded() -> bool:
    """Whether this process, or the one it was forked from, has loaded everything."""
    return bool(_read)


def may_fork() -> bool:
    """Whether dbt may run in a fork of this process: it is imported, and no thread runs."""
    return sys.platform == "linux" and is_preloaded() and threads() == 1


def threads() -> int:
    """The threads of this process, those of libraries included."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def forget_if_changed() -> bool:
    """After an upgrade of the project, has this process import it from its files; True if so.

    For a process that was forked from a preloaded one, before it runs anything of the project.
    """
    if not _read or _read == files():
        return False
    for name in [name for name in sys.modules if name.partition(".")[0] == "unwind"]:
        del sys.modules[name]
    return True


def files() -> set[State]:
    """The files that are read, as they are now."""
    found = [path for pattern in READ for path in PROJECT_ROOT.glob(pattern) if path.is_file()]
    found += parsed_project.own_files(PROJECT_ROOT / "dbt_project")
    return {(path, (is_now := path.stat()).st_mtime_ns, is_now.st_size) for path in found}
