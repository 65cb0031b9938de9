"""Why everything is rebuilt from the raw zone, where what is built cannot be built on."""

from __future__ import annotations

from unwind.settings import Home
from unwind.warehouse import files
from unwind.warehouse.models import fingerprints
from unwind.warehouse.skipped import is_same_project
from unwind.warehouse.state import staging_state


def rebuild_reason(home: Home) -> str | None:
    """Why what is built cannot be built on; None where it can, or where nothing is built.

    Raises WarehouseFileError for a file that may be sound and cannot be opened.
    """
    try:
        with files.held(home):
            return _rebuild_reason(home)
    except files.UnusableFileError as error:
        return str(error)


def _rebuild_reason(home: Home) -> str | None:
    wrong = files.wrong_with(home)
    if wrong or not home.staging_db.exists():
        return wrong
    with staging_state(home) as state:
        if is_same_project(state):
            return None
        built = dict(state.execute("from ops.models").fetchall())
    now = fingerprints()
    changed = sorted(name for name in built.keys() | now.keys() if built.get(name) != now.get(name))
    if not built or not changed:
        return None
    more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
    return f"models have changed since it was built: {', '.join(changed[:3])}{more}"
