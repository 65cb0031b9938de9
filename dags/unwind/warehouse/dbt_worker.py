"""The process that dbt runs in: `python -m unwind.warehouse.dbt_worker`.

It imports dbt and loads the parsed project; then it takes one command as a
JSON list of arguments on standard input, and reports on standard output, one JSON list a line:
`["node", name, done, total]`, then `["end", success, failures]`. It ends at once when standard
input closes: whoever asked for it has died (even if killed), and nobody is left to judge or publish
what it builds.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from unwind.warehouse import parsed_project

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NODE_DONE = {"LogModelResult", "LogSeedResult", "LogTestResult"}


def main() -> None:
    """Runs one dbt command and exits."""
    # Reports go to a file descriptor of their own: what dbt or a plug-in prints must not mix in.
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    import dbt.cli.main as dbt_main

    # Read or parsed now, while the refresh does something else. Opens no database.
    project = Path(sys.argv[sys.argv.index("--project-dir") + 1])
    manifest = parsed_project.read(project)
    if manifest is None:
        parsed = dbt_main.dbtRunner().invoke(["parse", *sys.argv[1:]])
        if parsed.success:
            manifest = parsed.result
            parsed_project.keep(project, manifest)
    command = json.loads(sys.stdin.readline() or "null")
    if command is None:
        return
    if "--vars" in command:
        # Other variables than the project's own make another manifest.
        manifest = None
    threading.Thread(target=_end_with, args=(sys.stdin,), daemon=True).start()
    failures: list[str] = []

    def on_event(event: Any) -> None:
        if event.info.level == "error" and event.info.msg.strip():
            failures.append(COLOURS.sub("", event.info.msg.strip()))
        if event.info.name in NODE_DONE:
            data = event.data
            # A test's result names its total otherwise than a model's.
            total = data.num_models if event.info.name == "LogTestResult" else data.total
            _report(reports, "node", data.node_info.node_name, data.index, total)

    runner = dbt_main.dbtRunner(manifest=manifest, callbacks=[on_event])
    outcome = runner.invoke([*command, *sys.argv[1:]])
    if outcome.exception is not None:
        failures.append(str(outcome.exception))
    _report(reports, "end", outcome.success, failures)


def _report(reports: TextIO, *words: Any) -> None:
    reports.write(json.dumps(words) + "\n")
    reports.flush()


def _end_with(stdin: TextIO) -> None:
    stdin.read()
    os._exit(1)


if __name__ == "__main__":
    main()
