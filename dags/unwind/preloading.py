"""What a refresh's tasks import, loaded once in the process that they are forked from.

Each of five tasks would import dbt, Great Expectations, DuckDB and pandas: 3 to 15 s of one core.
`plugins/preload.py` calls `preload` in Airflow's scheduler, whose LocalExecutor forks its workers
afterwards. Where nothing is preloaded, everything imports what it needs, as the command line does.
"""

from __future__ import annotations

import gc
import logging
import os
import sys
import time
from pathlib import Path

from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import parsed_project

# What a preloaded process has read of the project, beside dbt's, and would go on with after an
# upgrade.
DBT_PROJECT = PROJECT_ROOT / "dbt_project"
READ = ("dags/unwind/**/*.py", "expectations/**/*")

logger = logging.getLogger(__name__)
# Empty where nothing is preloaded.
_read: set[tuple[Path, int, int]] = set()


def preload(home: Home) -> None:
    """Imports what tasks need, and reads the parsed dbt project and the suites of the gates.

    For a process without threads, which forks others later. No database is open afterwards, and no
    thread runs that a fork would miss (unwind.standalone.ENVIRONMENTS keeps libraries from
    starting theirs). Raises whatever an import raises; then nothing counts as preloaded.
    """
    started_at = time.monotonic()
    read = _files()

    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401
    import duckdb

    from unwind.landing import land
    from unwind.warehouse import gates, models, refresh  # noqa: F401

    land.venues()
    gates.preload(home)
    is_parsed = parsed_project.preload(DBT_PROJECT)
    models.fingerprints()
    models.project_fingerprint()
    # Importing duckdb opens a database in memory, with threads.
    duckdb.default_connection().close()
    gc.collect()
    _read.update(read)
    logger.info(
        "dbt and Great Expectations are loaded, %s, in %.1f s; tasks are forked with them",
        "with the parsed project" if is_parsed else "without the project, which is not parsed yet",
        time.monotonic() - started_at,
    )
    if threads() > 1:
        logger.warning("%d threads run where tasks are forked; dbt starts afresh", threads())


def is_preloaded() -> bool:
    """Whether this process, or the one it was forked from, has called `preload`."""
    return bool(_read)


def may_fork() -> bool:
    """Whether dbt may run in a fork of this process: it is imported, and no thread runs."""
    return sys.platform == "linux" and is_preloaded() and threads() == 1


def threads() -> int:
    """The threads of this process, those of libraries included."""
    return len(os.listdir("/proc/self/task"))  # noqa: PTH208


def forget_if_changed() -> bool:
    """After an upgrade of the project, has this process import it from its files; True if so.

    For a process that was forked from a preloaded one, before it runs anything of the project.
    """
    if not _read or _read == _files():
        return False
    for name in [name for name in sys.modules if name.partition(".")[0] == "unwind"]:
        del sys.modules[name]
    return True


def _files() -> set[tuple[Path, int, int]]:
    """The files that are read, each with its time of change (ns) and its size (bytes)."""
    found = [path for pattern in READ for path in PROJECT_ROOT.glob(pattern) if path.is_file()]
    found += parsed_project.own_files(DBT_PROJECT)
    return {(path, (is_now := path.stat()).st_mtime_ns, is_now.st_size) for path in found}
