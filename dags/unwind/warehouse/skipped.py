"""What a refresh need not build: what cannot have changed since the last one."""

from __future__ import annotations

import duckdb

from unwind.warehouse import pending_hours
from unwind.warehouse.dbt import DBT_PROJECT
from unwind.warehouse.models import project_fingerprint

# dbt_project/selectors.yml.
UNCHANGING = "selector:unchanging"
DAY_ENDS = "selector:day_ends"


def built_with(state: duckdb.DuckDBPyConnection) -> str | None:
    """The fingerprint of the dbt project that made the last build; None where it is incomplete."""
    row = state.execute("select fingerprint from ops.project").fetchone()
    return str(row[0]) if row else None


def is_same_project(state: duckdb.DuckDBPyConnection) -> bool:
    """Whether the last complete build was made with the dbt project as it is now."""
    return built_with(state) == project_fingerprint()


def nothing_to_stage(state: duckdb.DuckDBPyConnection) -> list[str]:
    """The models that staging skips: unchanging ones, and venues without data in these batches."""
    touched = {
        folder for (folder,) in state.execute("select folder from ops.build_folders").fetchall()
    }
    folders = sorted(path.name for path in (DBT_PROJECT / "models" / "staging").iterdir())
    return [
        UNCHANGING,
        *(f"fqn:unwind.staging.{folder}" for folder in folders if folder not in touched),
    ]


def nothing_to_build(state: duckdb.DuckDBPyConnection) -> list[str]:
    """What building facts and marts skips: unchanging models, and where no day ends, daily ones."""
    return [UNCHANGING, *([] if pending_hours.has_a_days_end(state) else [DAY_ENDS])]
