"""The process that dbt runs in: `python -m unwind.warehouse.dbt_worker <options of dbt parse>`.

Where dbt is imported already, it is a fork instead (unwind.warehouse.dbt_fork). It imports dbt and
loads the parsed project, once. Then it takes commands from standard input, one after another, each
a line of JSON: `{"session": id, "arguments": [...], "environment": {...}, "errors": path}`, and
where models are read instead of computed, `"instead"`: a file of JSON with their SQL by name. The
commands of one session (a refresh) run in one fork, which keeps what dbt has compiled and closes
its databases after each; a command that is killed for its memory leaves its sentence, and the next
one has a fork of its own. Commands of `{"together": [...]}` run side by side, in a fork each; every
one has a `name`.

Reports are lines of JSON on standard output: `["node", name, done, total]`,
`["result", success, failures]`, and `["ended", return code]` when the command is over, its
databases closed; of commands that run together, each report ends with the command's name. All of
it ends at once when standard input closes: the process that started it has ended, even if killed,
and nothing would judge or publish what it builds.
"""

from __future__ import annotations

import gc
import json
import os
import re
import select
import signal
import sys
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from unwind.warehouse import kept_templates, parsed_project, preloaded

if TYPE_CHECKING:
    from dbt.contracts.graph.manifest import Manifest

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
# The commands of dbt that run no test.
WITHOUT_TESTS = {"run", "seed"}
NODE_DONE = {"LogModelResult", "LogSeedResult", "LogTestResult"}
# A model leaves thousands of objects, most of them freed without the collector.
COLLECTED_AFTER = 100_000
# What is reported of commands that run together, in ASCII, where JSON doubles quotes and the like;
# PIPE_BUF is 4096 bytes on Linux.
MAX_FAILURES, MAX_FAILURE = 2, 800


def main() -> None:
    """Imports dbt, and runs its commands until standard input ends."""
    # Nothing of what is imported and loaded becomes garbage.
    gc.disable()
    # DuckDB imports pandas, in half a second, for any parameter of a query, and no model has a use
    # for it. Where it is imported already, as in a fork, it stays.
    sys.modules.setdefault("pandas", None)  # type: ignore[arg-type]
    # Imported for all commands. No thread may run and no database be open when one is forked.
    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401

    serve(sys.argv[1:])


def serve(options: list[str]) -> None:
    """Runs dbt commands until standard input ends; parsing has these options."""
    # Reports have their own file descriptor, so that output of dbt or plug-ins does not mix in.
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    project = Path(options[options.index("--project-dir") + 1])
    manifest = parsed_project.read(project)
    if manifest is None:
        parser = Runner(lambda _: _parse(project, options))
        parser.run("\n")
        parser.end()
        manifest = parsed_project.read(project)
    tests = _take_tests(manifest) if manifest else {}
    if not preloaded.is_preloaded():
        warm_up(project)
    # Keeps memory shared with the forks: the garbage collector would write to all of it.
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)
    gc.enable()
    runner, session = None, None
    while line := sys.stdin.readline():
        order = json.loads(line)
        work = partial(_run, manifest=manifest, tests=tests, reports=reports)
        if "together" in order:
            _run_together(order["together"], work, reports)
            continue
        if runner and order["session"] != session:
            runner.end()
            runner = None
        if runner is None:
            runner = Runner(work)
            session = order["session"]
        is_done = runner.run(line)
        code = 0 if is_done else runner.end()
        # A command that was killed while it wrote has left half a line.
        reports.write("\n")
        _report(reports, "ended", code)
        if not is_done:
            runner = None
    if runner:
        runner.end()


class Runner:
    """A fork that does `work(line)` for each line that it is given.

    It must not keep `others` waiting: a fork ends when nobody has the other end of its pipe.
    """

    def __init__(self, work: Callable[[str], None], others: Iterable[Runner] = ()) -> None:
        lines, self._lines = os.pipe()
        self.done, done = os.pipe()
        self._process = os.fork()
        if self._process:
            os.close(lines)
            os.close(done)
            return
        for runner in (self, *others):
            os.close(runner._lines)
            os.close(runner.done)
        with os.fdopen(lines) as given:
            for line in given:
                work(line)
                os.write(done, b".")
        # Its databases are closed; dbt's own clearing up takes half a second.
        os._exit(0)

    def run(self, line: str) -> bool:
        """Does one piece of work: true when it is done, false when the fork ended over it.

        Standard input that closes meanwhile ends the fork and this process.
        """
        self.begin(line)
        waiting = select.poll()
        waiting.register(self.done, select.POLLIN)
        # Its end alone: the next command may stand in it already.
        waiting.register(0, 0)
        if 0 in dict(waiting.poll()):
            self.kill()
            os._exit(1)
        return self.is_done()

    def begin(self, line: str) -> None:
        """Gives it a piece of work; `done` can be read when that is over."""
        os.write(self._lines, line.encode())

    def is_done(self) -> bool:
        """Whether the work is done, once it is over; false when the fork ended over it."""
        return bool(os.read(self.done, 1))

    def kill(self) -> None:
        """Ends it in the middle of its work; nothing of it holds a database then."""
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    def end(self) -> int:
        """Lets the fork end; its return code."""
        os.close(self._lines)
        os.close(self.done)
        return os.waitstatus_to_exitcode(os.waitpid(self._process, 0)[1])


def _run_together(
    orders: list[dict[str, Any]], work: Callable[[str], None], reports: TextIO
) -> None:
    """Runs commands side by side, and reports the end of each."""
    names: dict[int, str] = {}
    runners: dict[int, Runner] = {}
    waiting = select.poll()
    waiting.register(0, 0)
    for order in orders:
        runner = Runner(work, runners.values())
        names[runner.done], runners[runner.done] = order["name"], runner
        waiting.register(runner.done, select.POLLIN)
        runner.begin(json.dumps(order) + "\n")
    while runners:
        for descriptor, _ in waiting.poll():
            if descriptor == 0:
                for runner in runners.values():
                    runner.kill()
                os._exit(1)
            waiting.unregister(descriptor)
            runner = runners.pop(descriptor)
            is_done = runner.is_done()
            code = runner.end()
            reports.write("\n")
            _report(reports, "ended", 0 if is_done else code, names[descriptor])


def _parse(project: Path, options: list[str]) -> None:
    from dbt.cli.main import dbtRunner

    # Named by the files that are parsed: they may change meanwhile, as an upgrade does.
    target = parsed_project.file_of(project)
    parsed = dbtRunner().invoke(["parse", *options])
    if parsed.success:
        parsed_project.keep(target, parsed.result)
        kept_templates.keep(target, parsed.result)  # type: ignore[arg-type]


def warm_up(project: Path) -> None:
    """Makes what each fork would make for itself.

    That is the schemas that dbt checks its settings with, the templates of the parsed project, and
    the module that a warning names: dbt looks through all modules for it (0.4 s), whether or not it
    warns. Events for debugging are dropped.
    """
    from dbt.adapters.duckdb.credentials import DuckDBCredentials
    from dbt.context.providers import ProviderContext
    from dbt.contracts.project import Configuration, PackageConfig, Project, ProjectFlags
    from dbt_common.behavior_flags import BehaviorFlagRendered

    from unwind.warehouse.dbt_events import drop_debugging

    for checked in (Configuration, DuckDBCredentials, PackageConfig, Project, ProjectFlags):
        checked.json_schema()
    BehaviorFlagRendered._default_source = staticmethod(lambda: "dbt")  # type: ignore[method-assign]
    kept_templates.use(parsed_project.file_of(project))
    drop_debugging()
    # Nothing reads the statements that dbt would write below target/run, a file for each model.
    ProviderContext.write = lambda self, payload: ""  # type: ignore[method-assign]


def _take_tests(manifest: Manifest) -> dict[str, Any]:
    """Takes the tests out of a manifest, by id: five of six nodes, each of which dbt looks at again
    for each criterion of a selection.
    """
    from dbt.artifacts.resources.types import NodeType

    tests = {
        name: node for name, node in manifest.nodes.items() if node.resource_type == NodeType.Test
    }
    for name in tests:
        del manifest.nodes[name]
    return tests


def _run(line: str, manifest: Manifest | None, tests: dict[str, Any], reports: TextIO) -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    order = json.loads(line)
    if manifest and order["arguments"][0] not in WITHOUT_TESTS:
        manifest.nodes.update(tests)
    errors = os.open(order["errors"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(errors, 1)
    os.dup2(errors, 2)
    os.close(errors)
    os.environ.clear()
    os.environ.update(order["environment"])
    failures: list[str] = []
    named = [order["name"]] if "name" in order else []

    def on_event(event: Any) -> None:
        if event.info.level == "error" and event.info.msg.strip():
            failures.append(COLOURS.sub("", event.info.msg.strip()))
        if event.info.name in NODE_DONE:
            data = event.data
            # A test's result names its total otherwise than a model's.
            total = data.num_models if event.info.name == "LogTestResult" else data.total
            _report(reports, "node", data.node_info.node_name, data.index, total, *named)

    if order.get("instead"):
        _read_instead(manifest, json.loads(Path(order["instead"]).read_text()))
    known = manifest if parsed_project.serves(order["arguments"]) else None
    outcome = dbtRunner(manifest=known, callbacks=[on_event]).invoke(order["arguments"])
    if outcome.exception is not None:
        failures.append(str(outcome.exception))
    # dbt-duckdb closes its databases when its process ends.
    if DuckDBConnectionManager._ENV:
        DuckDBConnectionManager._ENV.close()  # type: ignore[no-untyped-call]
        DuckDBConnectionManager.close_all_connections()  # type: ignore[no-untyped-call]
    if named:
        # Forks write into one pipe: a report of up to PIPE_BUF bytes stays whole.
        failures = [_in_ascii(failure)[:MAX_FAILURE] for failure in failures[:MAX_FAILURES]]
    _report(reports, "result", outcome.success, failures, *named)


def _in_ascii(text: str) -> str:
    return text.encode("ascii", "backslashreplace").decode()


def _read_instead(manifest: Any, models: dict[str, str]) -> None:
    """Gives models other SQL than their own: their rows have been computed elsewhere."""
    for name, code in models.items():
        node = manifest.nodes[f"model.unwind.{name}"]
        node.raw_code = code
        node.language = "sql"


def _report(reports: TextIO, *words: Any) -> None:
    reports.write(json.dumps(words) + "\n")
    reports.flush()


if __name__ == "__main__":
    main()
