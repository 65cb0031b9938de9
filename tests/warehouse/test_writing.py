"""The single-writer lock: a waiting command names the process that holds it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time

import pytest

from unwind.settings import Home
from unwind.warehouse.writing import WriterBusyError, writer_lock

HOLD = """
import sys
from pathlib import Path
from unwind.settings import Home
from unwind.warehouse.writing import writer_lock
sys.argv = ["/somewhere/unwind", "refresh", "--full"]
with writer_lock(Home(Path(ROOT))):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path)


@pytest.fixture
def holder(home):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD.replace("ROOT", repr(str(home.root)))],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "held\n"
    yield process
    process.communicate()


def test_a_waiting_command_names_the_holder_and_since_when(home, holder):
    notices = []
    with (
        pytest.raises(WriterBusyError) as refused,
        writer_lock(home, 0.5, lambda *p: notices.append(p)),
    ):
        pass
    who = rf"process {holder.pid} \(unwind refresh, since 20\S+Z\)"
    assert len(notices) == 1
    assert re.fullmatch(
        rf"waiting for {who}, which writes {re.escape(str(home.warehouse_dir))}", notices[0][0]
    )
    assert re.match(
        rf"{who} has been writing .* for over 0 s; wait for it or end it", str(refused.value)
    )


def test_a_long_wait_is_reported_again(home, holder, monkeypatch):
    monkeypatch.setattr("unwind.warehouse.writing.REPORT_EVERY_SECONDS", 0.3)
    notices = []
    with pytest.raises(WriterBusyError), writer_lock(home, 1, lambda *p: notices.append(p[0])):
        pass
    assert len(notices) >= 2
    assert "s so far" in notices[-1]


def test_a_killed_holder_frees_the_lock(home, holder):
    holder.kill()
    started = time.monotonic()
    with writer_lock(home, 5):
        assert time.monotonic() - started < 5
        assert f'"pid": {os.getpid()}' in (home.warehouse_dir / ".lock").read_text()


@pytest.mark.parametrize("noted", ["", "{", "[1]", '{"pid": 1}', '{"pid": "x", "command": 1}'])
def test_a_broken_lock_note_does_not_fail_the_command(home, holder, noted):
    (home.warehouse_dir / ".lock").write_text(noted)
    with (
        pytest.raises(WriterBusyError, match="another refresh has been writing"),
        writer_lock(home, 0),
    ):
        pass
