"""Two halves of one job give the same result even if the child process dies."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterable

import pytest

from unwind.warehouse import forked


def test_both_results_come_back_and_the_second_half_ran_elsewhere() -> None:
    here, beside = forked.both(os.getpid, os.getpid)
    assert here == os.getpid()
    assert (beside != os.getpid()) is forked.can_fork()


def test_an_error_of_either_half_is_raised() -> None:
    def broken() -> int:
        raise ValueError("no such file")

    with pytest.raises(ValueError, match="no such file"):
        forked.both(lambda: 1, broken)
    with pytest.raises(ValueError, match="no such file"):
        forked.both(broken, lambda: 1)


def test_the_work_of_a_killed_child_is_done_in_the_parent() -> None:
    this = os.getpid()

    def killed_elsewhere() -> int:
        if os.getpid() != this:
            os.kill(os.getpid(), signal.SIGKILL)
        return 7

    assert forked.both(lambda: 1, killed_elsewhere) == (1, 7)


def _squares(items: Iterable[int]) -> list[tuple[int, int]]:
    return [(item * item, os.getpid()) for item in items]


def test_each_item_is_done_by_one_of_the_two_processes() -> None:
    def slowly(items: Iterable[int]) -> list[tuple[int, int]]:
        done = []
        for item in items:
            time.sleep(0.01)
            done += _squares([item])
        return done

    done = forked.divided(range(30), slowly, lambda: [(-1, os.getpid())])
    assert sorted(square for square, _ in done) == [-1, *(n * n for n in range(30))]
    if forked.can_fork():
        assert len({process for square, process in done if square >= 0}) == 2


def test_items_of_a_killed_child_are_done_in_the_parent() -> None:
    this = os.getpid()

    def killed_elsewhere(items: Iterable[int]) -> list[tuple[int, int]]:
        done = []
        for item in items:
            if os.getpid() != this:
                os.kill(os.getpid(), signal.SIGKILL)
            time.sleep(0.05)
            done += _squares([item])
        return done

    done = forked.divided(range(20), killed_elsewhere, lambda: [(-1, os.getpid())])
    assert sorted(done) == [(-1, this), *((n * n, this) for n in range(20))]


def test_without_a_second_core_both_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forked, "can_fork", lambda: False)
    assert forked.both(os.getpid, os.getpid) == (os.getpid(), os.getpid())


@pytest.mark.skipif(not forked.can_fork(), reason="nothing is forked on this machine")
def test_a_child_that_is_no_longer_needed_ends_silently() -> None:
    code = (
        "import signal, time\n"
        "from unwind.warehouse import forked\n"
        "def stop(number, _):\n"
        "    raise KeyboardInterrupt\n"
        "signal.signal(signal.SIGTERM, stop)\n"
        "def fail():\n"
        "    time.sleep(1)\n"
        "    raise ValueError('no such file')\n"
        "try:\n"
        "    forked.both(fail, lambda: time.sleep(60))\n"
        "except ValueError as error:\n"
        "    print(error)"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert (ended.stdout, ended.stderr) == ("no such file\n", "")


@pytest.mark.skipif(not forked.can_fork(), reason="nothing is forked on this machine")
def test_a_child_ends_with_a_parent_that_is_killed() -> None:
    code = (
        "import os, time\n"
        "from unwind.warehouse import forked\n"
        "forked.both(lambda: time.sleep(60),"
        " lambda: (print(os.getpid(), flush=True), time.sleep(60)))"
    )
    parent = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    child = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and is_running(child):
        time.sleep(0.05)
    assert not is_running(child)


def is_running(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:  # noqa: PTH123
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
