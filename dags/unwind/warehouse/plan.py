"""The plan of a refresh, kept in the warehouse's state: its run and its progress."""

from __future__ import annotations

import duckdb

# The plan's state after each phase.
STAGED, GATED, BUILDING, BUILT, JUDGED, REFUSED, PUBLISHED = (
    *("staged", "gated", "building", "built", "judged", "refused", "published"),
)


def current_plan(state: duckdb.DuckDBPyConnection) -> tuple[str, str]:
    """The run's id and its progress; no id where nothing was ever planned."""
    row = state.execute("select run_id, state from ops.plan").fetchone()
    return row or ("", PUBLISHED)


def set_plan(state: duckdb.DuckDBPyConnection, plan: str) -> None:
    """Records the run's progress."""
    state.execute("update ops.plan set state = ?", [plan])


def has_pending_hours(state: duckdb.DuckDBPyConnection) -> bool:
    """Whether hours are left to be rebuilt."""
    return state.execute("select hour_at from ops.pending_hours limit 1").fetchone() is not None
