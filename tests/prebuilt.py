"""Warehouse files with every table and no rows, copied into a home before its first refresh.

Most tests start from an empty home, where the first refresh creates some 300 empty tables. Tests of
first builds, kills and upgrades do not use these files.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable

from unwind.settings import Home
from unwind.warehouse import files
from unwind.warehouse.dbt import run_dbt
from unwind.warehouse.models import fingerprints, project_fingerprint
from unwind.warehouse.refresh import STAGING, UNTESTED
from unwind.warehouse.state import append_rows, staging_state

OWN_PROJECT = project_fingerprint()
PREPARE = files.prepare
PREBUILT = (
    *("tests/dbt/", "tests/fuzz/", "tests/gates/", "tests/landing/"),
    *("tests/liquidations/", "tests/venues/test_conformance"),
    *("tests/warehouse/test_all_venues", "tests/warehouse/test_available"),
    "tests/warehouse/test_early_hour",
    *("tests/warehouse/test_hidden_liquidations", "tests/warehouse/test_left_out"),
    "tests/warehouse/test_listings",
    *("tests/warehouse/test_refresh", "tests/warehouse/test_rehearsal"),
    *("tests/warehouse/test_reproduction", "tests/warehouse/test_revisions"),
    *("tests/warehouse/test_slices", "tests/warehouse/test_spine"),
    "tests/warehouse/test_venue_hours",
    "tests/warehouse/test_ways_out",
)


def build(home: Home) -> None:
    """Makes both files of a home, all tables in them empty."""
    PREPARE(home)
    with staging_state(home) as state:
        append_rows(state, "ops.models", fingerprints().items())
        state.execute("insert into ops.project values (?)", [project_fingerprint()])
    run_dbt(home, ["build", *UNTESTED, "--select", STAGING])
    run_dbt(home, ["run", "--exclude", STAGING])


def prepare(source: Callable[[], Home], home: Home) -> None:
    """`files.prepare`, which first copies the source's files into a home without files."""
    is_first = not any(path.exists() for path in files.pair(home))
    # Tests that change the project build their tables themselves.
    if is_first and project_fingerprint() == OWN_PROJECT:
        home.warehouse_dir.mkdir(parents=True, exist_ok=True)
        for there, path in zip(files.pair(source()), files.pair(home), strict=True):
            shutil.copyfile(there, path)
        # A release keeps the code of its tables, which dbt compiled for them.
        compiled = source().dbt_target / "compiled"
        shutil.copytree(compiled, home.dbt_target / "compiled", dirs_exist_ok=True)
        PREPARE(home)
        home_id = home.identity.read_text()
        for path in files.pair(home):
            with files.opened(home, path, read_only=False) as connection:
                connection.execute("update ops.build set home_id = ?", [home_id])
    PREPARE(home)
