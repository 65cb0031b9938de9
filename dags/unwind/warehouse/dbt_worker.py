"""The process that dbt runs in: `python -m unwind.warehouse.dbt_worker`.

It imports dbt and, if it has the time, loads the parsed project; then it takes one command as a
JSON list of arguments on standard input, and reports on standard output, one JSON list a line:
`["node", name, done, total]`, then `["end", success, failures]`. It ends at once when standard
input closes: whoever asked for it has died (even if killed), and nobody is left to judge or publish
what it builds.
"""

from __future__ import annotations

import json
import os
import re
import select
import sys
import threading
from typing import Any, TextIO

COLOURS = re.compile(r"\x1b\[[0-9;]*m")
NODE_DONE = {"LogModelResult", "LogSeedResult", "LogTestResult"}


def main() -> None:
    """Runs one dbt command and exits."""
    # Reports go to a file descriptor of their own: what dbt or a plug-in prints must not mix in.
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    import dbt.cli.main as dbt_main

    manifest = None
    if not select.select([sys.stdin], [], [], 0)[0]:
        # Nothing to run yet: parsed now, while the refresh does something else. Opens no database.
        parsed = dbt_main.dbtRunner().invoke(["parse", *sys.argv[1:]])
        manifest = parsed.result if parsed.success else None
    command = json.loads(sys.stdin.readline() or "null")
    if command is None:
        return
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
