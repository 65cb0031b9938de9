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
    """A command's exit code, and the peak memory of its process tree (bytes, no page cache)."""

    returncode: int
    peak: int
    seconds: float
    was_limited: bool


def run_within(limit: int, argv: Sequence[str], environment: dict[str, str]) -> Outcome:
    """Runs a command and its children in a cgroup of `limit` bytes, without swap.

    Where no cgroup can be created (it takes root and a writable /sys/fs/cgroup), memory is measured
    but not limited.
    """
    group = _group(limit)
    started = time.perf_counter()
    process = subprocess.Popen(argv, env=environment, preexec_fn=_joining(group))
    peak, done = [0], threading.Event()
    watching = threading.Thread(target=_watch, args=(process.pid, peak, done))
    watching.start()
    returncode = process.wait()
    done.set()
    watching.join()
    if group:
        with suppress(OSError):
            group.rmdir()
    return Outcome(returncode, peak[0], time.perf_counter() - started, group is not None)


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


def _watch(pid: int, peak: list[int], done: threading.Event) -> None:
    while not done.wait(0.5):
        with suppress(psutil.Error):
            whole = psutil.Process(pid)
            family = [whole, *whole.children(recursive=True)]
            peak[0] = max(peak[0], sum(_private(one) for one in family))


def _private(process: psutil.Process) -> int:
    with suppress(psutil.Error):
        memory = process.memory_info()
        return memory.rss - memory.shared
    return 0
