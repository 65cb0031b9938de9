"""Loads what a refresh's tasks import, once, in the process that they are forked from.

Each of five tasks would import dbt, Great Expectations, DuckDB and pandas: 3 to 15 s of one core.
`plugins/preload.py` calls `preload` in Airflow's scheduler, whose LocalExecutor forks its workers
afterwards. Where nothing is preloaded, everything imports what it needs, as the command line does.
"""

from __future__ import annotations

import gc
import logging
import time

from unwind.landing import land
from unwind.settings import Home
from unwind.warehouse import dbt_worker, gates, models, parsed_project, preloaded
from unwind.warehouse.dbt import DBT_PROJECT

logger = logging.getLogger(__name__)


def preload(home: Home) -> None:
    """Imports what tasks need, and reads the parsed dbt project and the suites of the gates.

    For a process without threads, which forks others later. No database is open afterwards, and no
    thread runs that a fork would miss (unwind.standalone.ENVIRONMENTS keeps libraries from
    starting theirs). Raises whatever an import raises; then nothing counts as preloaded.
    """
    started_at = time.monotonic()
    read = preloaded.files()

    import dbt.adapters.duckdb
    import dbt.cli.main  # noqa: F401
    import duckdb

    import unwind.warehouse.refresh  # noqa: F401

    land.venues()
    gates.preload(home)
    is_parsed = parsed_project.preload(DBT_PROJECT)
    dbt_worker.warm_up(DBT_PROJECT)
    models.fingerprints()
    models.project_fingerprint()
    # Importing duckdb opens a database in memory, with threads.
    duckdb.default_connection().close()
    gc.collect()
    preloaded.note(read)
    logger.info(
        "dbt and Great Expectations are loaded, %s, in %.1f s; tasks are forked with them",
        "with the parsed project" if is_parsed else "without the project, which is not parsed yet",
        time.monotonic() - started_at,
    )
    if (count := preloaded.threads()) > 1:
        logger.warning("%d threads run where tasks are forked, which may block them", count)
