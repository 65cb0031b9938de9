"""Runs commands under a memory limit, as in a container, where the machine allows it."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import psutil

CGROUPS = Path("/sys/fs/cgroup")


@dataclass(frozen=True)
class Outcome:
    """A command's exit code, and the peaks of its process tree's memory and spilled files.

    Both in bytes; memory without page cache.
    """

    returncode: int
    peak: int
    spilled: int
    seconds: float
    was_limited: bool

    @property
    def figures(self) -> dict[str, float | bool]:
        """For a report."""
        return {
            "exit_code": self.returncode,
            "seconds": self.seconds,
            "peak_mib": self.peak / 2**20,
            "spilled_mib": self.spilled / 2**20,
            "was_limited": self.was_limited,
        }


@dataclass
class Peaks:
    """The largest seen so far, in bytes."""

    memory: int = 0
    spilled: int = 0


def run_within(
    limit: int, argv: Sequence[str], environment: dict[str, str], spills_to: Path | None = None
) -> Outcome:
    """Runs a command and its children in a cgroup of `limit` bytes, without swap.

    `spills_to` is a folder below which DuckDB writes what does not fit into its memory.

    Where no cgroup can be created (it takes root and a writable /sys/fs/cgroup), memory is measured
    but not limited.
    """
    group = _group(limit)
    started = time.perf_counter()
    process = subprocess.Popen(argv, env=environment, preexec_fn=_joining(group))
    peaks, done = Peaks(), threading.Event()
    watching = threading.Thread(target=_watch, args=(process.pid, spills_to, peaks, done))
    watching.start()
    returncode = process.wait()
    done.set()
    watching.join()
    if group:
        with suppress(OSError):
            group.rmdir()
    seconds = time.perf_counter() - started
    return Outcome(returncode, peaks.memory, peaks.spilled, seconds, group is not None)


def _group(limit: int) -> Path | None:
    name = f"unwind-{os.getpid()}"
    version_1 = (CGROUPS / "memory" / "memory.limit_in_bytes").exists()
    group = CGROUPS / "memory" / name if version_1 else CGROUPS / name
    try:
        group.mkdir(exist_ok=True)
        (group / ("memory.limit_in_bytes" if version_1 else "memory.max")).write_text(str(limit))
        if version_1:
            with suppress(OSError):
                (group / "memory.memsw.limit_in_bytes").write_text(str(limit))
            (group / "memory.swappiness").write_text("0")
        else:
            (group / "memory.swap.max").write_text("0")
    except OSError:
        return None
    return group


def _joining(group: Path | None) -> Callable[[], None]:
    def join() -> None:
        if group:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    return join


def _watch(pid: int, spills_to: Path | None, peaks: Peaks, done: threading.Event) -> None:
    while not done.wait(0.5):
        if spills_to:
            peaks.spilled = max(peaks.spilled, _spilled(spills_to))
        with suppress(psutil.Error):
            whole = psutil.Process(pid)
            family = [whole, *whole.children(recursive=True)]
            peaks.memory = max(peaks.memory, sum(_private(one) for one in family))


def _spilled(folder: Path) -> int:
    size = 0
    for path in folder.rglob("duckdb_temp*"):
        # It may be gone by now.
        with suppress(OSError):
            size += path.stat().st_size
    return size


def _private(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        memory = process.memory_info()
        return memory.rss - memory.shared
    return 0
