"""Folders that the processes of one test run share: the first that asks for one fills it."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

Fill = Callable[[Path], object]


def filled(factory: pytest.TempPathFactory, name: str, fill: Fill) -> Path:
    """The folder of this name, which nobody changes once it is filled: tests copy it."""
    of_run = factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        of_run = of_run.parent
    folder, unfinished = of_run / "shared" / name, of_run / "shared" / f".{name}"
    folder.parent.mkdir(exist_ok=True)
    with folder.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            fill(unfinished)
            unfinished.rename(folder)
    return folder
