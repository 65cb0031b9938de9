"""The process that dbt runs in: `python -m unwind.warehouse.dbt_worker <options of dbt parse>`.

It imports dbt and loads the parsed project, once. Then it takes commands from standard input, one
after another, each a line of JSON: `{"arguments": [...], "environment": {...}, "errors": path}`. A
command runs in a fork of its own, so that its databases are closed when it is over, and a command
that is killed for its memory leaves its sentence.

Reports are lines of JSON on standard output: `["node", name, done, total]`,
`["result", success, failures]`, and `["ended", return code]` when the fork has ended. All of it
ends at once when standard input closes: the process that started it has ended, even if killed, and
nothing would judge or publish what it builds.
"""

from __future__ import annotations

import gc
import json
import os
import re
import select
import signal
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from unwind.warehouse import parsed_project

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NODE_DONE = {"LogModelResult", "LogSeedResult", "LogTestResult"}


def main() -> None:
    """Runs dbt commands until standard input ends."""
    # Reports have their own file descriptor, so that output of dbt or plug-ins does not mix in.
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    # Imported for all commands. No thread may run and no database be open when one is forked.
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401

    options = sys.argv[1:]
    project = Path(options[options.index("--project-dir") + 1])
    if parsed_project.read(project) is None:
        _forked(lambda: _parse(project, options))
    manifest = parsed_project.read(project)
    # Keeps memory shared with the forks: the garbage collector would write to all of it.
    gc.freeze()
    while line := sys.stdin.readline():
        order = json.loads(line)
        code = _forked(partial(_run, order, manifest, reports))
        # A command that was killed while it wrote has left half a line.
        reports.write("\n")
        _report(reports, "ended", code)


def _forked(work: Callable[[], None]) -> int:
    """The return code of a fork that does the work; it is ended when standard input ends."""
    ends, lives = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(ends)
        work()
        sys.exit()
    os.close(lives)
    waiting = select.poll()
    waiting.register(ends, select.POLLIN)
    # Waits only for its end: the next command may already be in it.
    waiting.register(0, 0)
    if 0 in dict(waiting.poll()):
        os.kill(child, signal.SIGKILL)
        os._exit(1)
    os.close(ends)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _parse(project: Path, options: list[str]) -> None:
    from dbt.cli.main import dbtRunner

    # Named by the files that are parsed: they may change meanwhile, as an upgrade does.
    target = parsed_project.file_of(project)
    parsed = dbtRunner().invoke(["parse", *options])
    if parsed.success:
        parsed_project.keep(target, parsed.result)  # type: ignore[arg-type]


def _run(order: dict[str, Any], manifest: Any, reports: TextIO) -> None:
    from dbt.cli.main import dbtRunner

    errors = os.open(order["errors"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    os.environ.clear()
    os.environ.update(order["environment"])
    failures: list[str] = []

    def on_event(event: Any) -> None:
        if event.info.level == "error" and event.info.msg.strip():
            failures.append(COLOURS.sub("", event.info.msg.strip()))
        if event.info.name in NODE_DONE:
            data = event.data
            # A test's result names its total otherwise than a model's.
            total = data.num_models if event.info.name == "LogTestResult" else data.total
            _report(reports, "node", data.node_info.node_name, data.index, total)

    # Other variables than the project's own make another manifest.
    known = None if "--vars" in order["arguments"] else manifest
    outcome = dbtRunner(manifest=known, callbacks=[on_event]).invoke(order["arguments"])
    if outcome.exception is not None:
        failures.append(str(outcome.exception))
    _report(reports, "result", outcome.success, failures)


def _report(reports: TextIO, *words: Any) -> None:
    reports.write(json.dumps(words) + "\n")
    reports.flush()


if __name__ == "__main__":
    main()
