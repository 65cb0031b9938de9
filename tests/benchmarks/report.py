"""What benchmarks find: printed as it comes, and kept as JSON beside what the machine is."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

import unwind
from unwind.clock import iso, utc_now

Value = float | int | bool | str | Sequence[float]


class Report:
    """The figures of one run, whose names carry their units: `seconds`, `peak_mib`, `times_duckdb`.

    The file is whole after each of them, so a run that fails has left what it found.
    """

    def __init__(self, file: Path | None = None) -> None:
        self._file = file
        self._found: list[dict[str, Any]] = []
        self._benchmark = ""
        self._began = {"measured_at": iso(utc_now()), "machine": machine()}

    def begin(self, benchmark: str) -> None:
        """What is noted from here on is this benchmark's."""
        self._benchmark = benchmark
        print(f"\n== {benchmark}", flush=True)

    def note(self, what: str, **figures: Value) -> None:
        """Prints and keeps figures of one thing, such as a step, a mart or a baseline."""
        shown = ", ".join(f"{name} {_shown(value)}" for name, value in figures.items())
        print(f"{what}: {shown}", flush=True)
        self._found.append({"benchmark": self._benchmark, "what": what, **figures})
        if self._file:
            self._file.write_text(json.dumps({**self._began, "figures": self._found}, indent=2))


def machine() -> dict[str, Any]:
    """The processors and the memory of this machine, its system and the versions in use."""
    return {
        "processor": _processor(),
        "processors": len(os.sched_getaffinity(0)),
        "memory_gib": round(psutil.virtual_memory().total / 2**30, 1),
        "load_average": os.getloadavg()[0],
        "system": platform.platform(),
        "python": platform.python_version(),
        "duckdb": version("duckdb"),
        "dbt": version("dbt-core"),
        "unwind": unwind.__version__,
    }


def _processor() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def _shown(value: Value) -> str:
    """Large numbers without a fraction, small ones with three digits."""
    if isinstance(value, bool | str):
        return str(value)
    if isinstance(value, Sequence):
        return " ".join(map(_shown, value)) or "none"
    return f"{value:,.0f}" if value == int(value) or abs(value) >= 100 else f"{value:.3g}"
