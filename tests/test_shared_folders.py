"""A folder that the processes of a run share is filled once, and whole or not at all."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.shared import filled

PROJECT = Path(__file__).parents[1]
# As a process of xdist, whose folder lies in the run's.
ASKS = """
import sys, time
from pathlib import Path
from types import SimpleNamespace
from tests.shared import filled

def fill(folder):
    time.sleep(0.5)
    (folder / "by").write_text(sys.argv[2])

own = Path(sys.argv[1]) / sys.argv[2]
print((filled(SimpleNamespace(getbasetemp=lambda: own), "home", fill) / "by").read_text())
"""


def test_of_two_processes_one_fills_it_and_both_have_it(tmp_path: Path) -> None:
    asking = [
        subprocess.Popen(
            [sys.executable, "-c", ASKS, str(tmp_path), name],
            cwd=PROJECT,
            env={**os.environ, "PYTEST_XDIST_WORKER": name},
            stdout=subprocess.PIPE,
            text=True,
        )
        for name in ("gw0", "gw1")
    ]
    first, second = (process.communicate()[0].strip() for process in asking)
    assert first == second
    assert first in ("gw0", "gw1")


def test_what_was_half_filled_is_filled_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = tmp_path_factory.mktemp("run")
    monkeypatch.setattr(tmp_path_factory, "getbasetemp", lambda: run / "gw0")

    def fails(folder: Path) -> None:
        (folder / "half").touch()
        raise RuntimeError

    monkeypatch.setenv("PYTEST_XDIST_WORKER", "gw0")
    with pytest.raises(RuntimeError):
        filled(tmp_path_factory, "home", fails)
    folder = filled(tmp_path_factory, "home", lambda folder: (folder / "whole").touch())
    assert [path.name for path in folder.iterdir()] == ["whole"]
