"""Runs dbt in a separate process: an in-process runner keeps the database open afterwards."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from functools import partial
from pathlib import Path
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
from unwind.progress import Progress
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import preloaded
from unwind.warehouse.dbt_fork import ForkedWorker

DBT_PROJECT = PROJECT_ROOT / "dbt_project"
ERRORS = "dbt_process.log"

Worker = subprocess.Popen[str] | ForkedWorker

_shared_worker: ContextVar[Worker | None] = ContextVar("shared_worker", default=None)


class DbtError(UnwindError, RuntimeError):
    """dbt ended with failures; the text names the first of them and where the log lies."""


class DbtKilledError(DbtError):
    """dbt's process ended over a command: it was killed, perhaps for its memory."""


class DbtProcess:
    """A process that runs dbt commands on a home's warehouse, one after another.

    Made early, it imports dbt (seconds) while something else is done. It may share the memory with
    others (`sharers` in all), and run in a worker that is there already, which it does not end.
    """

    def __init__(self, home: Home, sharers: int = 1, worker: Worker | None = None) -> None:
        home.logs.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._session = uuid.uuid4().hex
        self._limit = memory_limit() // sharers
        self._options = _options(home)
        self._errors = home.logs / ERRORS
        self._environment = {**os.environ, **dbt_environment(home, sharers)}
        shared = worker or _shared_worker.get()
        self._is_shared = shared is not None and shared.poll() is None
        self._worker = (
            shared
            if shared is not None and self._is_shared
            else start_worker(self._options, self._environment, self._errors)
        )

    def __enter__(self) -> DbtProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Ends it, whatever it is doing."""
        if not self._is_shared:
            end_worker(self._worker)

    def run(
        self,
        arguments: Sequence[str],
        on_node: Progress | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Runs `dbt <arguments>` against the home's warehouse; its databases are closed afterwards.

        `on_node(name, done, total)` is called for each finished node; `variables` are further ones
        of the environment. Raises DbtError with the first failures' messages.
        """
        result, return_code = self._outcome(arguments, on_node, variables or {})
        if result is None:
            raise DbtKilledError(
                f"dbt {arguments[0]} came to no end: its process {ending(return_code)}.\n"
                f"The database could use {described(self._limit)}. Readers are where they were; "
                "`unwind refresh` goes on."
            )
        success, failures = result
        if not success:
            failure = "\n".join(failures[:6]) or "no reason given"
            raise DbtError(
                f"dbt {arguments[0]} failed: {failure}\nIts logs are in {self._home.logs}; "
                f"{self._remedy(failure)}, then refresh again."
            )

    def _outcome(
        self,
        arguments: Sequence[str],
        on_node: Progress | None,
        variables: Mapping[str, str],
    ) -> tuple[tuple[bool, list[str]] | None, int]:
        """Whether it succeeded and its failures (None where it was ended), and the return code."""
        assert self._worker.stdin
        assert self._worker.stdout
        order = {
            "session": self._session,
            "arguments": [*arguments, *self._options],
            "environment": {**self._environment, **variables},
            "errors": str(self._errors),
        }
        with suppress(BrokenPipeError):
            self._worker.stdin.write(json.dumps(order) + "\n")
            self._worker.stdin.flush()
        result = None
        for line in self._worker.stdout:
            try:
                kind, *details = json.loads(line)
            except ValueError:
                # Half a line of a process that was killed while it wrote, or the end of one.
                continue
            if kind == "ended":
                return result, details[0]
            if kind == "result":
                result = details[0], details[1]
            elif on_node:
                on_node(*details)
        return None, self._worker.wait()

    def _remedy(self, failure: str) -> str:
        if is_out_of_memory(failure):
            return f"the database could use {described(self._limit)}: {OUT_OF_MEMORY}"
        return database_remedy(failure, "correct what they name")


def run_dbt(
    home: Home,
    arguments: Sequence[str],
    on_node: Progress | None = None,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Runs one dbt command from start to end; see DbtProcess."""
    with DbtProcess(home) as process:
        process.run(arguments, on_node, variables)


@contextmanager
def begun_early(home: Home) -> Iterator[Callable[..., None]]:
    """Runs dbt commands, in a worker that is forked now: later, threads may run that forbid it.

    Where it cannot be forked, each command starts a worker when it runs.
    """
    if not preloaded.may_fork():
        yield partial(run_dbt, home)
        return
    with DbtProcess(home) as process:
        yield process.run


@contextmanager
def shared_worker(home: Home) -> Iterator[None]:
    """While it lasts, all runs of dbt have one worker, which imports dbt and parses the project."""
    process = DbtProcess(home)
    token = _shared_worker.set(process._worker)
    try:
        yield
    finally:
        _shared_worker.reset(token)
        end_worker(process._worker)


def worker_of(home: Home) -> Worker:
    """Starts a worker for the commands of any home; end_worker ends it."""
    home.logs.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, **dbt_environment(home)}
    return start_worker(_options(home), environment, home.logs / ERRORS)


def start_worker(options: Sequence[str], environment: Mapping[str, str], errors: Path) -> Worker:
    """Starts a process that takes dbt commands (dbt_worker); parsing has these options.

    It is a fork of this one where dbt is loaded here already.
    """
    if preloaded.may_fork():
        return ForkedWorker(options, environment, errors)
    with errors.open("w") as stderr:
        return subprocess.Popen(
            [sys.executable, "-m", "unwind.warehouse.dbt_worker", *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
            env=environment,
            # Ctrl-C in a terminal is for its parent alone, which ends it.
            process_group=0,
        )


def end_worker(worker: Worker) -> None:
    """Ends a worker and the command that it runs: they end with its standard input."""
    for pipe in (worker.stdin, worker.stdout):
        # Unread input breaks the pipe when it is flushed.
        with suppress(BrokenPipeError):
            if pipe:
                pipe.close()
    worker.wait()


def dbt_environment(home: Home, sharers: int = 1) -> dict[str, str]:
    """The variables of dbt's profile: the two database files, memory and threads.

    `sharers` processes share the memory.
    """
    given = bounds(home, sharers=sharers)
    return {
        "UNWIND_WAREHOUSE": str(home.warehouse_db),
        "UNWIND_STAGING": str(home.staging_db),
        "UNWIND_DBT_THREADS": str(models_at_a_time(memory_limit() // sharers)),
        **{f"UNWIND_DUCKDB_{name.upper()}": value for name, value in given.items()},
        "DO_NOT_TRACK": "1",
    }


def _options(home: Home) -> list[str]:
    return [
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        # With the warehouse, so that a second run finds the project parsed.
        *("--target-path", str(home.dbt_target)),
        *("--log-path", str(home.logs)),
        *("--log-level", "none", "--log-level-file", "warn"),
        # Nothing reads its manifest and results here; writing them takes seconds.
        "--no-write-json",
    ]
