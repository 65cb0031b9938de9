"""dbt by hand: `make dbt ARGS="run -s leverage_hourly"`, that is
`python -m unwind.warehouse.dbt_by_hand run -s leverage_hourly`.

It works on the warehouse of the home (`UNWIND_HOME`, else `data/`), with the files, bounds and lock
of a refresh. Without a warehouse it gets an empty one, which is deleted afterwards. An incremental
model builds the pending hours, of which there are none after a refresh. Nothing is published.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from unwind.errors import UnwindError
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.dbt import DBT_PROJECT, dbt_environment
from unwind.warehouse.state import staging_state
from unwind.warehouse.writing import writer_lock

DBT = (sys.executable, "-m", "unwind.warehouse.dbt_parsed")


def main(arguments: Sequence[str]) -> int:
    """dbt's exit code; 1 with a sentence where another process writes the warehouse."""
    home = Home.from_env()
    try:
        if home.staging_db.exists():
            with writer_lock(home):
                releases.take_own_copy(home)
                return run(home, arguments).returncode
        with tempfile.TemporaryDirectory() as scratch:
            home = Home(Path(scratch))
            with staging_state(home):
                pass
            return run(home, arguments).returncode
    except UnwindError as error:
        print(error, file=sys.stderr)
        return 1


def run(
    home: Home, arguments: Sequence[str], captured: bool = False
) -> subprocess.CompletedProcess[str]:
    """Runs a command of dbt on a home's files; its output is printed, or `captured`."""
    options = ["--project-dir", str(DBT_PROJECT), "--profiles-dir", str(DBT_PROJECT)]
    if "--target-path" not in arguments:
        options += ["--target-path", str(home.dbt_target)]
    return subprocess.run(
        [*DBT, *arguments, *options, "--log-path", str(home.logs)],
        env={**os.environ, **dbt_environment(home)},
        capture_output=captured,
        text=True,
        check=False,
    )


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
