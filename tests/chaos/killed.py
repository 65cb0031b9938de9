"""A refresh that kills itself with SIGKILL: `python -m tests.chaos.killed HOME MODE STEP`.

STEP is the boundary of a step and which occurrence of it, such as 'after releases._swap@1'; 'none'
kills nothing. All boundaries passed are printed.
"""

from __future__ import annotations

import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

from tests.narrowing import FEW_SUITES, OF_KILLS, narrowed
from tests.warehouse.hand_made import at
from unwind.settings import Home
from unwind.warehouse import building, files, gates, pending_hours, refresh, releases
from unwind.warehouse.dbt import DbtProcess

# The steps of a refresh; it can be killed before and after each.
STEPS: tuple[tuple[Any, str], ...] = (
    (files, "prepare"),
    (refresh, "_write_plan"),
    (DbtProcess, "run"),
    (pending_hours, "add_after_staging"),
    (gates, "check_landed"),
    (gates, "write_results"),
    *((module, "set_plan") for module in (refresh, building)),
    (files, "renew_build_id"),
    (gates, "check_marts"),
    (releases, "_describe"),
    (releases, "_share"),
    (releases, "write_json"),
    (releases, "_swap"),
    (files, "swap_in"),
    (files, "finish_swap"),
    (files, "discard"),
    (releases, "prune"),
    (releases, "take_own_copy"),
    (releases, "_copy_bytes"),
    (Path, "replace"),
)


class Boundaries:
    """Counts the boundaries between steps, and kills the process at one of them."""

    def __init__(self, fatal: str) -> None:
        self.times: Counter[str] = Counter()
        self.fatal = fatal

    def passed(self, name: str) -> None:
        self.times[name] += 1
        step = f"{name}@{self.times[name]}"
        print(step, flush=True)
        if step == self.fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: Any, name: str) -> None:
        step: Callable[..., Any] = getattr(owner, name)
        named = f"{getattr(owner, '__name__', owner).rpartition('.')[2]}.{name}"

        @wraps(step)
        def stepped(*args: Any, **kwargs: Any) -> Any:
            self.passed(f"before {named}")
            done = step(*args, **kwargs)
            self.passed(f"after {named}")
            return done

        setattr(owner, name, stepped)


def main() -> None:
    root, mode, fatal = sys.argv[1:]
    boundaries = Boundaries(fatal)

    def report(phase: str, done: int, total: int) -> None:
        if done == 5:
            boundaries.passed(f"in {phase}")

    with narrowed(OF_KILLS, FEW_SUITES):
        for owner, name in STEPS:
            boundaries.around(owner, name)
        refresh.refresh(Home(Path(root)), full=mode == "full", clock=lambda: at(20), report=report)


if __name__ == "__main__":
    main()
