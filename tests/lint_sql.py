"""Runs sqlfluff over the models; the dbt templater compiles them, in an empty warehouse.

    python tests/lint_sql.py [--recent N | FILE ...]

Linting all models takes minutes; `--recent` lints the N most recently committed ones.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import duckdb

from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse.dbt import dbt_environment
from unwind.warehouse.state import staging_state


def main() -> int:
    """Lints the given files, the most recent models or all models; returns sqlfluff's exit code."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch))
        with staging_state(home):
            pass
        duckdb.connect(str(home.warehouse_db)).close()
        arguments = sys.argv[1:]
        if arguments[:1] == ["--recent"]:
            arguments = recent_models(int(arguments[1]))
        chosen = arguments or ["dbt_project/models"]
        return subprocess.run(
            [Path(sys.executable).with_name("sqlfluff"), "lint", *chosen],
            cwd=PROJECT_ROOT,
            env={**os.environ, **dbt_environment(home)},
            check=False,
        ).returncode


def recent_models(count: int) -> list[str]:
    """The most recently committed models, newest first; none without a history."""
    listed = subprocess.run(
        ["git", "log", "--format=", "--name-only", "--", "dbt_project/models/**/*.sql"],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    names = dict.fromkeys(listed.stdout.split())
    return [name for name in names if (PROJECT_ROOT / name).exists()][:count]


if __name__ == "__main__":
    raise SystemExit(main())
