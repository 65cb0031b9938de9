"""Facts and marts of a refresh on Spark: hand over what is staged, build, read back.

Everything else of a refresh is as ever: staging before it, and the marts gate and the release after
it, on the warehouse's two files.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unwind.errors import UnwindError
from unwind.progress import Progress, no_progress
from unwind.scratch import process_folder
from unwind.settings import PROJECT_ROOT, Home, settings
from unwind.spark.handing_over import hand_over
from unwind.spark.reading_back import sql_of_models
from unwind.spark.store import Store
from unwind.warehouse import files, parsed_project
from unwind.warehouse.building import marts_without
from unwind.warehouse.dbt import DBT_PROJECT, DbtError, RunDbt

# What `make spark` installs.
OWN_ENVIRONMENT = PROJECT_ROOT / ".spark"
# Written when a release is made, not built from facts.
APPENDED = "config.incremental_strategy:append"


class SparkError(UnwindError, RuntimeError):
    """Spark is not installed, or did not come to an end; the text says what to do."""


def build_on_spark(
    home: Home, former: str | None, skipped: Sequence[str], run: RunDbt, report: Progress
) -> None:
    """Builds facts and marts of the pending hours on Spark and puts them into the home's files.

    `former` is the build that the files came from: tables of Spark that are not its copy are made
    from the files first. Raises SparkError, DbtError.
    """
    python = python_of_spark()
    manifest = parsed_project.read(DBT_PROJECT)
    if manifest is None:
        # dbt's process parses and keeps it as it begins.
        run(["parse"], no_progress)
        manifest = parsed_project.read(DBT_PROJECT)
    if manifest is None:
        raise SparkError(f"the parsed project cannot be kept in {DBT_PROJECT / 'target'}")
    built = built_there(manifest)
    store = Store(home.warehouse_dir / files.TABLES_OF_SPARK)
    report("handing over to Spark", 0, 1)
    is_copy = store.build_id() is not None and store.build_id() == former
    hand_over(home, store, built, views_handed_over(manifest), is_copy)
    report("handing over to Spark", 1, 1)
    days = [one for one in skipped if "day_ends" in one]
    _run_there(home, store, python, days, report)
    instead = process_folder(home) / "read_from_spark.json"
    instead.write_text(json.dumps(sql_of_models(store, built)))
    run(
        marts_without(skipped),
        lambda name, done, total: report("reading back from Spark", done, total),
        instead=instead,
    )
    new = files.build_id(home)
    assert new
    store.set_build_id(new)
    store.sweep()


def built_there(manifest: Any) -> dict[str, dict[str, Any]]:
    """The models that are tables built on Spark, by name: where they are, and how they are made."""
    return {
        node.name: {
            "relation": f"{node.schema}.{node.alias}",
            "materialized": node.config.materialized,
            "partition": (node.config.meta or {}).get("partition"),
            "types": {
                name: column.data_type for name, column in node.columns.items() if column.data_type
            },
        }
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and "staging" not in node.tags
        and node.config.materialized in ("table", "incremental")
        and node.config.incremental_strategy != "append"
    }


def views_handed_over(manifest: Any) -> set[str]:
    """The relations that are views of DuckDB's and read by what is built on Spark."""
    return {
        f"{node.schema}.{node.alias}"
        for node in manifest.nodes.values()
        if node.resource_type == "model"
        and "staging" in node.tags
        and node.config.materialized == "view"
        and node.schema == "intermediate"
    }


def python_of_spark() -> str:
    """The Python that has Spark: this one, or that of `make spark`. Raises SparkError."""
    own = OWN_ENVIRONMENT / "bin" / "python"
    named = settings().spark_python
    if named:
        return named
    if find_spec("pyspark") and find_spec("dbt.adapters.spark"):
        return sys.executable
    if own.exists():
        return str(own)
    raise SparkError(
        "Spark is not installed: `make spark` installs it beside this environment, `pip install "
        "'unwind[spark]'` into it; it needs Java 17 or newer"
    )


def _run_there(
    home: Home, store: Store, python: str, skipped: Iterable[str], report: Progress
) -> None:
    scratch = process_folder(home) / "spark"
    scratch.mkdir(parents=True, exist_ok=True)
    options = [
        *("--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)),
        *("--target", "spark", "--target-path", str(home.dbt_target / "spark")),
        *("--log-path", str(home.logs), "--log-level", "none", "--log-level-file", "warn"),
        "--no-write-json",
    ]
    order = {
        "arguments": [*marts_without([APPENDED, *skipped]), *options],
        "options_of_dbt": options,
        "project": str(DBT_PROJECT),
        "store": str(store.root),
        "master": settings().spark_master,
        "memory": settings().spark_memory,
        "scratch": str(scratch),
        "options": settings().spark_options,
    }
    log = home.logs / "spark.log"
    environment = {
        **os.environ,
        "PYTHONPATH": str(Path(__file__).resolve().parents[2]),
        "PYSPARK_PYTHON": python,
        "DO_NOT_TRACK": "1",
    }
    with log.open("w") as errors:
        worker = subprocess.Popen(
            [python, "-m", "unwind.spark.worker"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            env=environment,
            process_group=0,
        )
    try:
        result = _followed(worker, order, report)
    finally:
        # It ends with its standard input.
        for pipe in (worker.stdin, worker.stdout):
            with suppress(BrokenPipeError):
                if pipe:
                    pipe.close()
        worker.wait()
    if result is None:
        raise SparkError(
            f"the build on Spark came to no end; its log is {log}. Readers are where they were; "
            "`unwind refresh --target spark` goes on"
        )
    success, failures = result
    if not success:
        failure = "\n".join(failures[:6]) or "no reason given"
        raise DbtError(f"dbt run on Spark failed: {failure}\nIts log is {log}")


def _followed(
    worker: subprocess.Popen[str], order: dict[str, Any], report: Progress
) -> tuple[bool, list[str]] | None:
    assert worker.stdin
    assert worker.stdout
    with suppress(BrokenPipeError):
        worker.stdin.write(json.dumps(order) + "\n")
        worker.stdin.flush()
    result = None
    for line in worker.stdout:
        try:
            kind, *details = json.loads(line)
        except ValueError:
            continue
        if kind == "ended":
            break
        if kind == "result":
            result = details[0], details[1]
        elif kind == "node":
            report("building on Spark", details[1], details[2])
    return result
