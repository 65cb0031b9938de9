"""Runs sqlfluff over the models; the dbt templater compiles them, in an empty warehouse."""

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
    """sqlfluff's exit code, over the given files or all models."""
    with tempfile.TemporaryDirectory() as scratch:
        home = Home(Path(scratch))
        with staging_state(home):
            pass
        duckdb.connect(str(home.warehouse_db)).close()
        chosen = sys.argv[1:] or ["dbt_project/models"]
        return subprocess.run(
            [Path(sys.executable).with_name("sqlfluff"), "lint", *chosen],
            cwd=PROJECT_ROOT,
            env={**os.environ, **dbt_environment(home)},
            check=False,
        ).returncode


if __name__ == "__main__":
    raise SystemExit(main())
