"""Runs dbt in a process of its own: an in-process runner keeps the database open afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from types import TracebackType

from unwind.settings import PROJECT_ROOT, Home

DBT_PROJECT = PROJECT_ROOT / "dbt_project"

OnNode = Callable[[str, int, int], None]


class DbtError(RuntimeError):
    """dbt ended with failures; the text names the first of them and where the log lies."""


class DbtProcess:
    """One dbt run to come. Made early, it imports dbt (seconds) while something else is done."""

    def __init__(self, home: Home) -> None:
        home.logs.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._errors = (home.logs / "dbt_process.log").open("w")
        options = [
            *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
            # With the warehouse, so that a second run finds the project parsed.
            *("--target-path", str(home.dbt_target)),
            *("--log-path", str(home.logs)),
            *("--log-level", "none", "--log-level-file", "warn"),
            # Nobody reads its manifest and results here; writing them takes seconds.
            "--no-write-json",
        ]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "unwind.warehouse.dbt_worker", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env={**os.environ, **dbt_environment(home)},
        )

    def __enter__(self) -> DbtProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends it, whatever it is doing: it ends with its standard input."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe:
                pipe.close()
        self._process.wait()
        self._errors.close()

    def run(self, arguments: Sequence[str], on_node: OnNode | None = None) -> None:
        """Runs `dbt <arguments>` against the home's warehouse, once.

        `on_node(name, done, total)` is told of each finished node. Raises DbtError with the first
        failures' messages.
        """
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(list(arguments)) + "\n")
        self._process.stdin.flush()
        success, failures = False, ["its process ended without a word; was it killed?"]
        for line in self._process.stdout:
            kind, *details = json.loads(line)
            if kind == "end":
                success, failures = details
            elif on_node:
                on_node(*details)
        if not success:
            raise DbtError(
                f"dbt {arguments[0]} failed: "
                + ("\n".join(failures[:6]) or "no reason given")
                + f"\nIts logs are in {self._home.logs}; mend what they name and refresh again."
            )


def run_dbt(home: Home, arguments: Sequence[str], on_node: OnNode | None = None) -> None:
    """Runs one dbt command from start to end; see DbtProcess."""
    with DbtProcess(home) as process:
        process.run(arguments, on_node)


def dbt_environment(home: Home) -> dict[str, str]:
    """What dbt's profile reads: the two database files."""
    return {
        "UNWIND_WAREHOUSE": str(home.warehouse_db),
        "UNWIND_STAGING": str(home.staging_db),
        "DO_NOT_TRACK": "1",
    }
