"""The process that builds on Spark: `python -m unwind.spark.worker`.

It takes one order from standard input, a line of JSON: `{"arguments": [...], "project": path,
"store": path, "master": ..., "memory": ..., "scratch": path, "options": {...}}`, runs dbt with it,
and reports as dbt_worker does. It ends, and Spark with it, when standard input closes.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from pathlib import Path
from typing import Any, TextIO

from unwind.warehouse import parsed_project
from unwind.warehouse.dbt_worker import COLOURS, NODE_DONE


def main() -> None:
    """Runs the order."""
    reports = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    order = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_input, daemon=True).start()
    success, failures = False, ["no reason given"]
    try:
        success, failures = run(order, reports)
    except Exception as error:
        failures = [str(error)]
        raise
    finally:
        _report(reports, "result", success, failures)
        _report(reports, "ended", 0)
        reports.flush()
    os._exit(0)


def run(order: dict[str, Any], reports: TextIO) -> tuple[bool, list[str]]:
    """Whether dbt succeeded, and its failures."""
    from dbt.cli.main import dbtRunner

    from unwind.spark.adapter import install
    from unwind.spark.building import Builder
    from unwind.spark.session import start
    from unwind.spark.store import Store
    from unwind.spark.tables import Tables

    session = start(order["master"], order["memory"], order["scratch"], order["options"])
    install(Builder(Tables(session, Store(Path(order["store"])))))
    failures: list[str] = []

    def on_event(event: Any) -> None:
        if event.info.level == "error" and event.info.msg.strip():
            failures.append(COLOURS.sub("", event.info.msg.strip()))
        if event.info.name in NODE_DONE:
            data = event.data
            _report(reports, "node", data.node_info.node_name, data.index, data.total)

    manifest = _manifest(order)
    outcome = dbtRunner(manifest=manifest, callbacks=[on_event]).invoke(order["arguments"])
    if outcome.exception is not None:
        failures.append(str(outcome.exception))
    session.stop()
    return bool(outcome.success), failures


def _manifest(order: dict[str, Any]) -> Any:
    """The project as parsed for Spark, kept for the next time."""
    from dbt.cli.main import dbtRunner

    project = Path(order["project"])
    kept = parsed_project.read(project, "spark")
    if kept is not None:
        return kept
    target = parsed_project.file_of(project, "spark")
    parsed = dbtRunner().invoke(["parse", *order["options_of_dbt"]])
    if not parsed.success:
        return None
    parsed_project.keep(target, parsed.result)
    return parsed_project.read(project, "spark") or parsed.result


def _end_with_input() -> None:
    """Ends this process, and Spark's, once nobody waits for it."""
    sys.stdin.read()
    os._exit(1)


def _report(reports: TextIO, *words: Any) -> None:
    reports.write(json.dumps(words) + "\n")
    reports.flush()


if __name__ == "__main__":
    main()
