"""dbt's own pages of the project, beside each release: models, columns, tests, lineage, SQL.

They are those of the project and not of its data, so they are made once for each version of it
(half a minute), and each release has a link to them.
"""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from unwind.errors import UnwindError
from unwind.scratch import process_folder
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.dbt_by_hand import run
from unwind.warehouse.models import project_fingerprint
from unwind.warehouse.state import staging_state

PAGE = "dbt_docs.html"
# Without a catalog: sizes of tables are those of a release, and these pages serve several.
GENERATE = ("docs", "generate", "--static", "--empty-catalog")


class DbtDocsError(UnwindError, RuntimeError):
    """dbt did not write its pages; the text has its last line."""


def write_dbt_docs(home: Home) -> Path:
    """Puts dbt's pages beside the current release; returns their path.

    Raises NoReleaseError, DbtDocsError.
    """
    release = releases.current_db(home).resolve().parent
    kept = home.root / "dbt_docs" / f"{project_fingerprint()}.html"
    if not kept.exists():
        kept.parent.mkdir(exist_ok=True)
        _generate(kept, process_folder(home))
        for older in set(kept.parent.iterdir()) - {kept}:
            older.unlink()
    page = release / PAGE
    beside = process_folder(home) / PAGE
    beside.unlink(missing_ok=True)
    os.link(kept, beside)
    beside.replace(page)
    return page


def _generate(page: Path, scratch: Path) -> None:
    """Lets dbt write its pages, over a warehouse without rows."""
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        empty = Home(Path(folder))
        with staging_state(empty):
            pass
        done = run(empty, GENERATE, captured=True)
        written = empty.dbt_target / "static_index.html"
        if done.returncode or not written.exists():
            last = (done.stdout.strip().splitlines() or ["it said nothing"])[-1]
            raise DbtDocsError(f"dbt did not write its pages: {last}; see `make docs`")
        written.replace(page)
