"""How much memory the databases of one job may use, on this machine or in this container."""

from __future__ import annotations

import os
import re
from pathlib import Path

import psutil

from unwind.errors import MEMORY_VARIABLE, SettingError
from unwind.settings import settings

DEFAULT_SHARE = 0.5
# 2026-11-27: dbt and its Python models take 0.9 to 1.1 GiB beside the database where days of fifty
# assets are scored over a year; with 1 GiB for the database such a build was killed within 2 GiB.
BESIDE_THE_DATABASE = 1152 * 2**20
# 2026-11-25: two models at a time run out of 512 MiB in the demo's dumps, whose rows are long.
BYTES_PER_MODEL = 512 * 2**20
MODELS_AT_A_TIME = 2
# The database gets at least this, in a container of any size.
MIN_DEFAULT = 256 * 2**20
# 2026-11-25: below this a refresh of the smallest home fails for want of memory.
MIN_LIMIT = 128 * 2**20
# Far beyond any machine; a larger number is a typing error.
MAX_LIMIT = 2**50
# 2026-11-28: eight and fifty million frames pass at 896 MiB with two threads, the demo's dumps at
# 768 MiB with one; each thread holds what it sorts, hashes and writes.
BYTES_PER_THREAD = 448 * 2**20

CGROUPS = Path("/sys/fs/cgroup")
UNITS = {
    **{"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12},
    **{"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40},
    **{"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40},
}


def memory_limit() -> int:
    """Bytes that the database at work may use: `UNWIND_MEMORY_LIMIT`.

    The default is half of `total_memory`, or below 2 GiB what the other programs leave. Raises
    SettingError.
    """
    text = settings().memory_limit
    if not text:
        total = total_memory()
        free = max(total - BESIDE_THE_DATABASE, MIN_DEFAULT)
        return min(int(total * DEFAULT_SHARE), free)
    limit = _bytes(text)
    if limit is None:
        raise SettingError(
            f"{MEMORY_VARIABLE} is {text!r}; write it as 4GB, 1500MiB or 50% (of this machine's or "
            "container's memory)"
        )
    if limit > MAX_LIMIT:
        raise SettingError(
            f"{MEMORY_VARIABLE} is {text!r}, which no machine has; set it to at most"
            f" {MAX_LIMIT // 2**40:,} TiB"
        )
    if limit < MIN_LIMIT:
        raise SettingError(
            f"{MEMORY_VARIABLE} is {text!r}, which is {limit / 2**20:,.0f} MiB here; nothing can be"
            f" built with less than {MIN_LIMIT / 2**20:,.0f} MiB: set it to that or more"
        )
    return limit


def total_memory() -> int:
    """Bytes of this machine, or of the container that this process runs in where that is less."""
    return min([psutil.virtual_memory().total, *_container_limits()])


def worker_threads(limit: int, sharers: int = 1) -> int:
    """How many threads a database with this many bytes can use, at most one per processor.

    The processors are divided among `sharers` databases.
    """
    return max(1, min(len(os.sched_getaffinity(0)) // sharers, limit // BYTES_PER_THREAD))


def models_at_a_time(limit: int) -> int:
    """How many of dbt's models may be built side by side within this many bytes."""
    return max(1, min(MODELS_AT_A_TIME, limit // BYTES_PER_MODEL))


def described(limit: int) -> str:
    """Bytes as people write them."""
    return f"{limit / 2**20:,.0f} MiB" if limit < 10 * 2**30 else f"{limit / 2**30:,.0f} GiB"


def _bytes(text: str) -> int | None:
    parts = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*|%)", text)
    if not parts:
        return None
    number, unit = float(parts[1]), parts[2].upper()
    if unit == "%":
        return int(total_memory() * number / 100) if number <= 100 else None
    # Thousands of digits are infinite as a float, which no int is.
    return int(min(number * UNITS[unit], 2.0**60)) if unit in UNITS else None


def _container_limits() -> list[int]:
    """Every limit on memory of the control groups (v1 and v2) that this process is in."""
    try:
        groups = Path("/proc/self/cgroup").read_text().splitlines()
    except OSError:
        return []
    limits: list[int] = []
    for group in groups:
        _, controllers, path = group.split(":", 2)
        if not controllers:
            limits += _limits_along(CGROUPS, path, "memory.max")
            limits += _limits_along(CGROUPS / "unified", path, "memory.max")
        elif "memory" in controllers.split(","):
            limits += _limits_along(CGROUPS / "memory", path, "memory.limit_in_bytes")
    return limits


def _limits_along(root: Path, path: str, name: str) -> list[int]:
    """The limits of a group and of those around it.

    In a container, `path` may be the host's name of a group that is mounted as the root here.
    """
    group = root / path.lstrip("/")
    folders = [root, *(folder for folder in (group, *group.parents) if root in folder.parents)]
    found = []
    for folder in folders:
        try:
            text = (folder / name).read_text().strip()
        except OSError:
            continue
        # `max`, and in v1 a number beyond any machine, are no limit.
        if text.isdecimal() and 0 < int(text) < 2**60:
            found.append(int(text))
    return found
