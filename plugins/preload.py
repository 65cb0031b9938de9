"""Airflow's plugin of `unwind up`: its scheduler loads what tasks need before it forks workers.

`unwind.standalone` points the scheduler to this folder, and nothing else does.
"""

from __future__ import annotations

import importlib
import logging
import multiprocessing
import sys

from airflow.configuration import conf
from airflow.listeners import hookimpl
from airflow.plugins_manager import AirflowPlugin

logger = logging.getLogger(__name__)

# What Airflow itself imports in a task's process, or in the one that supervises it.
OF_TASKS = (
    "airflow.sdk.execution_time.supervisor",
    "airflow.sdk.execution_time.task_runner",
    "airflow.dag_processing.dagbag",
)


@hookimpl
def on_starting(component) -> None:
    """Called when the scheduler's job is made, before its executor starts, and in each task."""
    if type(component).__name__ == "TaskRunnerMarker":
        _begin_task()
    elif conf.get("core", "executor") == "LocalExecutor":
        _begin_scheduler()


def _begin_scheduler() -> None:
    from unwind.settings import Home, settings

    if multiprocessing.get_start_method() != "fork" or not settings().preloads:
        return
    try:
        from unwind.warehouse.preloading import preload

        preload(Home.from_env())
        for name in OF_TASKS:
            importlib.import_module(name)
        # It reads the plugins once, which each task would do.
        importlib.import_module("airflow.sdk.listener").get_listener_manager()
    except Exception:
        logger.exception("Nothing is preloaded: each task imports what it needs, and takes longer")


def _begin_task() -> None:
    preloaded = sys.modules.get("unwind.warehouse.preloaded")
    if preloaded and preloaded.forget_if_changed():
        logger.warning(
            "The project has changed since Airflow started: this task imports it from its files. "
            "Restart `unwind up`, so that tasks start quickly again."
        )


class PreloadPlugin(AirflowPlugin):
    """Registers this module as a listener."""

    name = "unwind_preload"
    listeners = (sys.modules[__name__],)
