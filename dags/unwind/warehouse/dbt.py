"""Runs dbt in a process of its own: an in-process runner keeps the database open afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from types import TracebackType

from unwind.database import bounds
from unwind.errors import (
    OUT_OF_MEMORY,
    UnwindError,
    database_remedy,
    ending,
    is_out_of_memory,
)
from unwind.memory import described, memory_limit, models_at_a_time
from unwind.settings import PROJECT_ROOT, Home

DBT_PROJECT = PROJECT_ROOT / "dbt_project"

OnNode = Callable[[str, int, int], None]


class DbtError(UnwindError, RuntimeError):
    """dbt ended with failures; the text names the first of them and where the log lies."""


class DbtProcess:
    """One dbt run to come. Made early, it imports dbt (seconds) while something else is done."""

    def __init__(self, home: Home) -> None:
        home.logs.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._errors = (home.logs / "dbt_process.log").open("w")
        self._limit = memory_limit()
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
            # Ctrl-C in a terminal is for its parent alone, which ends it.
            process_group=0,
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
            # What was never read breaks the pipe when it is flushed.
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()
        self._process.wait()
        self._errors.close()

    def run(self, arguments: Sequence[str], on_node: OnNode | None = None) -> None:
        """Runs `dbt <arguments>` against the home's warehouse, once.

        `on_node(name, done, total)` is told of each finished node. Raises DbtError with the first
        failures' messages.
        """
        outcome = self._outcome(arguments, on_node)
        if outcome is None:
            raise DbtError(
                f"dbt {arguments[0]} came to no end: its process {ending(self._process.wait())}.\n"
                f"The database could use {described(self._limit)}. Readers are where they were; "
                "`unwind refresh` goes on."
            )
        success, failures = outcome
        if not success:
            told = "\n".join(failures[:6]) or "no reason given"
            raise DbtError(
                f"dbt {arguments[0]} failed: {told}\nIts logs are in {self._home.logs}; "
                f"{self._remedy(told)}, then refresh again."
            )

    def _outcome(
        self, arguments: Sequence[str], on_node: OnNode | None
    ) -> tuple[bool, list[str]] | None:
        """Whether the command succeeded, and the failures; None where its process was ended."""
        assert self._process.stdin
        assert self._process.stdout
        with suppress(BrokenPipeError):
            self._process.stdin.write(json.dumps(list(arguments)) + "\n")
            self._process.stdin.flush()
        outcome = None
        # To the end of its output, which is the process's own: until then it has the files open.
        for line in self._process.stdout:
            # Of a process that is killed while it writes, half a line is left.
            if not line.endswith("\n"):
                break
            kind, *details = json.loads(line)
            if kind == "end":
                outcome = details[0], details[1]
            elif on_node:
                on_node(*details)
        return outcome

    def _remedy(self, told: str) -> str:
        if is_out_of_memory(told):
            return f"the database could use {described(self._limit)}: {OUT_OF_MEMORY}"
        return database_remedy(told, "correct what they name")


def run_dbt(home: Home, arguments: Sequence[str], on_node: OnNode | None = None) -> None:
    """Runs one dbt command from start to end; see DbtProcess."""
    with DbtProcess(home) as process:
        process.run(arguments, on_node)


def dbt_environment(home: Home) -> dict[str, str]:
    """What dbt's profile reads: the two database files, and within which bounds to work."""
    return {
        "UNWIND_WAREHOUSE": str(home.warehouse_db),
        "UNWIND_STAGING": str(home.staging_db),
        "UNWIND_DBT_THREADS": str(models_at_a_time(memory_limit())),
        **{f"UNWIND_DUCKDB_{name.upper()}": value for name, value in bounds(home).items()},
        "DO_NOT_TRACK": "1",
    }
