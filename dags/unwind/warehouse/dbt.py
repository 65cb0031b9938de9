"""Runs dbt in a separate process: an in-process runner keeps the database open afterwards."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

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
THREADS = "UNWIND_DUCKDB_THREADS"
# Each thread holds what it sorts, hashes and writes; models side by side do.
ONE_THREAD = {THREADS: "1", "UNWIND_DBT_THREADS": "1"}

logger = logging.getLogger(__name__)

Worker = subprocess.Popen[str] | ForkedWorker

_shared_worker: ContextVar[Worker | None] = ContextVar("shared_worker", default=None)


class DbtError(UnwindError, RuntimeError):
    """dbt ended with failures; the text names the first of them and where the log lies."""


class RunDbt(Protocol):
    """Runs a command of dbt on a home's warehouse, as DbtProcess.run does."""

    def __call__(
        self,
        arguments: Sequence[str],
        on_node: Progress,
        instead: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None: ...


class DbtKilledError(DbtError):
    """dbt's process ended over a command: it was killed, perhaps for its memory."""


@dataclass(frozen=True)
class Command:
    """`dbt <arguments>` on a home's databases, with these variables beside those of this process.

    `sharers` commands share the memory.
    """

    home: Home
    arguments: Sequence[str]
    variables: Mapping[str, str]
    sharers: int

    @property
    def environment(self) -> dict[str, str]:
        """All variables of its process. Raises SettingError."""
        self.home.logs.mkdir(parents=True, exist_ok=True)
        return {**os.environ, **dbt_environment(self.home, self.sharers), **self.variables}


class DbtProcess:
    """A process that runs dbt commands on a home's warehouse, one after another.

    Made early, it imports dbt (seconds) while something else is done.
    """

    def __init__(self, home: Home) -> None:
        self._session = uuid.uuid4().hex
        self._limit = memory_limit()
        self.move_to(home)
        shared = _shared_worker.get()
        self._is_shared = shared is not None and shared.poll() is None
        self._worker = (
            shared
            if shared is not None and self._is_shared
            else start_worker(_options(home), self._environment, home.logs / ERRORS)
        )

    def __enter__(self) -> DbtProcess:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()

    def end(self) -> None:
        """Ends it, whatever it is doing; once more changes nothing."""
        if not self._is_shared:
            end_worker(self._worker)

    def move_to(self, home: Home) -> None:
        """Has commands work on this home's warehouse from now on."""
        home.logs.mkdir(parents=True, exist_ok=True)
        self._home = home
        self._environment = {**os.environ, **dbt_environment(home)}

    def run(
        self,
        arguments: Sequence[str],
        on_node: Progress | None = None,
        instead: Path | None = None,
        variables: Mapping[str, str] | None = None,
    ) -> None:
        """Runs `dbt <arguments>` against the home's warehouse; its databases are closed afterwards.

        `on_node(name, done, total)` is called for each finished node; `instead` is a file of JSON
        with other SQL for models, by name; `variables` are further ones of the environment. What
        lacks memory with several threads runs again with one. Raises DbtError with the first
        failures' messages.
        """
        result, return_code = self._outcome(arguments, on_node, instead, variables or {})
        lacks_memory = result and any(map(is_out_of_memory, result[1]))
        if lacks_memory and self._environment[THREADS] != "1":
            logger.warning(
                "dbt %s needs more than %s with %s threads; it runs again with one, more slowly",
                *(arguments[0], described(self._limit), self._environment[THREADS]),
            )
            slower = {**(variables or {}), **ONE_THREAD}
            result, return_code = self._outcome(arguments, on_node, instead, slower)
        error = self._error(arguments[0], result, return_code, self._limit)
        if error:
            raise error

    def run_together(
        self, commands: Mapping[str, Command], on_node: Callable[[str, int, int], None]
    ) -> dict[str, DbtError]:
        """Runs named commands side by side, each on databases of its own; the errors of some.

        `on_node(command, done, total)` is called for each finished node.
        """
        orders = [
            self._order(command.arguments, command.environment, command.home) | {"name": name}
            for name, command in commands.items()
        ]
        results: dict[str, tuple[bool, list[str]]] = {}
        codes: dict[str, int] = {}
        for kind, *details, name in self._reports({"together": orders}):
            if kind == "ended":
                codes[name] = details[0]
                if len(codes) == len(commands):
                    break
            elif kind == "result":
                results[name] = details[0], details[1]
            else:
                on_node(name, details[1], details[2])
        if len(codes) < len(commands):
            codes = dict.fromkeys(commands, self._worker.wait()) | codes
        found = {
            name: self._error(
                command.arguments[0],
                results.get(name),
                codes[name],
                self._limit // command.sharers,
            )
            for name, command in commands.items()
        }
        return {name: error for name, error in found.items() if error}

    def _outcome(
        self,
        arguments: Sequence[str],
        on_node: Progress | None,
        instead: Path | None,
        variables: Mapping[str, str],
    ) -> tuple[tuple[bool, list[str]] | None, int]:
        """Whether it succeeded and its failures (None where it was ended), and the return code."""
        result = None
        order = self._order(arguments, {**self._environment, **variables}, self._home)
        # What dbt has compiled is for these variables.
        order["session"] += json.dumps(dict(variables), sort_keys=True)
        if instead:
            order["instead"] = str(instead)
        for kind, *details in self._reports(order):
            if kind == "ended":
                return result, details[0]
            if kind == "result":
                result = details[0], details[1]
            elif on_node:
                on_node(*details)
        return None, self._worker.wait()

    def _order(
        self, arguments: Sequence[str], environment: Mapping[str, str], home: Home
    ) -> dict[str, Any]:
        return {
            "session": self._session,
            "arguments": [*arguments, *_options(home)],
            "environment": environment,
            "errors": str(home.logs / ERRORS),
        }

    def _reports(self, order: dict[str, Any]) -> Iterator[list[Any]]:
        """What the worker reports of an order, until its process ends."""
        assert self._worker.stdin
        assert self._worker.stdout
        with suppress(BrokenPipeError):
            self._worker.stdin.write(json.dumps(order) + "\n")
            self._worker.stdin.flush()
        for line in self._worker.stdout:
            # Half a line of a process that was killed while it wrote, or the end of one.
            with suppress(ValueError):
                yield json.loads(line)

    def _error(
        self, command: str, result: tuple[bool, list[str]] | None, return_code: int, limit: int
    ) -> DbtError | None:
        if result is None:
            return DbtKilledError(
                f"dbt {command} came to no end: its process {ending(return_code)}.\n"
                f"The database could use {described(limit)}. Readers are where they were; "
                "`unwind refresh` goes on."
            )
        success, failures = result
        if success:
            return None
        failure = "\n".join(failures[:6]) or "no reason given"
        return DbtError(
            f"dbt {command} failed: {failure}\nIts logs are in {self._home.logs}; "
            f"{_remedy(failure, limit)}, then refresh again."
        )


def _remedy(failure: str, limit: int) -> str:
    if is_out_of_memory(failure):
        return f"the database could use {described(limit)}: {OUT_OF_MEMORY}"
    return database_remedy(failure, "correct what they name")


def run_dbt(
    home: Home,
    arguments: Sequence[str],
    on_node: Progress | None = None,
    instead: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> None:
    """Runs one dbt command from start to end; see DbtProcess."""
    with DbtProcess(home) as process:
        process.run(arguments, on_node, instead, variables)


@contextmanager
def begun_early(home: Home) -> Iterator[RunDbt]:
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
        # The threads of its linear algebra would wait for work by spinning.
        "OPENBLAS_NUM_THREADS": "1",
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
