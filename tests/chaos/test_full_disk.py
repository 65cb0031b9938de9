"""A disk that fills up at any write: nothing is lost or half written, and the next run produces
the tables of an undisturbed one."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.chaos.conftest import clock, contents, copied, count
from tests.warehouse.hand_made import at, binance
from unwind import durable
from unwind.landing.imports import import_files
from unwind.landing.land import hour_batch
from unwind.landing.ledger import Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

PROJECT = Path(__file__).parents[2]
REFRESH = """
import sys
from pathlib import Path
from tests.chaos.conftest import clock
from unwind.settings import Home
from unwind.warehouse.refresh import refresh
refresh(Home(Path(sys.argv[1])), full=sys.argv[2] == "full", clock=clock)
"""
LIMITED = """
import resource, signal
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
"""


class FullDisk:
    """Makes every write to disk fail from the given one on."""

    def __init__(self, fails_from: int) -> None:
        self.calls, self.fails_from = 0, fails_from

    def sync(self, path: Path) -> None:
        self.calls += 1
        if self.calls >= self.fails_from:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))


def files_of(home: Home) -> dict[str, bytes]:
    """Every file except the locks of running processes."""
    return {
        path.relative_to(home.root).as_posix(): path.read_bytes()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and not path.is_relative_to(home.temp)
    }


def work(home: Home, folder: Path) -> None:
    """An import, and an hour landed and sealed: every kind of file in the raw zone and ledger."""
    file = folder / "collected.csv"
    file.write_text("BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,1769681000000,8000\n")
    import_files(home, "binance", "force-order-csv", [file], clock)
    obj = RawZone(home).put(
        binance("BTCUSDT", "SELL", "1", "80000", at(9)).encode(),
        venue="binance",
        dataset="liquidations",
        format="frames",
        name="09.ndjson",
        received_at=at(10),
    )
    ledger, batch = Ledger(home), hour_batch(at(9))
    landing = Landing("liquidations", "ok", "", 1, (obj,), at(10))
    ledger.record_landing(batch.batch_id, "binance", [landing])
    ledger.seal(batch, at(10))
    # The withdrawal may have been written before the disk filled up.
    if batch.batch_id not in ledger.withdrawn():
        ledger.withdraw(batch.batch_id, None, "a test", at(20))


def test_a_disk_that_fills_up_at_any_write_of_raw_zone_and_ledger(tmp_path, monkeypatch):
    undisturbed = Home(tmp_path / "undisturbed")
    work(undisturbed, tmp_path)
    expected = files_of(undisturbed)
    fails_from = 1
    while True:
        disk, home = FullDisk(fails_from), Home(tmp_path / f"home-{fails_from}")
        with monkeypatch.context() as patch:
            patch.setattr(durable, "sync", disk.sync)
            if disk_is_enough(home, tmp_path):
                break
        count("full disks in raw and ledger")
        assert not [name for name in files_of(home) if "/." in name]
        assert not [path for path in home.temp.glob("*/*") if path.is_file()]
        work(home, tmp_path)
        assert files_of(home) == expected, fails_from
        fails_from += 1
    assert fails_from > 12


def disk_is_enough(home: Home, folder: Path) -> bool:
    try:
        work(home, folder)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        return False
    return True


def mounted(folder: Path, megabytes: int) -> bool:
    """Whether a small file system could be mounted there."""
    folder.mkdir(parents=True, exist_ok=True)
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)]
    return subprocess.run(mount, capture_output=True, check=False).returncode == 0


@pytest.mark.long
@pytest.mark.parametrize("mode", ["increment", "full"])
def test_a_refresh_on_a_disk_with_little_left(built, before, after, tmp_path, mode):
    disk = tmp_path / "disk"
    if shutil.which("mount") is None or not mounted(disk, 512):
        pytest.skip("a small file system can be mounted by root alone")
    try:
        for megabytes in (0, 1, 2, 4, 8, 16, 32, 64):
            home = copied(built, disk / "home")
            ballast = disk / "ballast"
            with ballast.open("wb") as filler:
                left = shutil.disk_usage(disk).free - megabytes * 2**20
                os.posix_fallocate(filler.fileno(), 0, max(left, 1))
            done = subprocess.run(
                [sys.executable, "-c", REFRESH, str(home.root), mode],
                cwd=PROJECT,
                capture_output=True,
                text=True,
                check=False,
            )
            count(f"refreshes on a full disk ({mode})", done.returncode != 0)
            assert contents(home) in (before, after), megabytes
            ballast.unlink()
            refresh(home, clock=clock)
            assert contents(home) == after, megabytes
            shutil.rmtree(home.root)
    finally:
        subprocess.run(["umount", str(disk)], check=False)


@pytest.mark.long
@pytest.mark.parametrize("limit", [0, 4096, 300_000, 1_000_000, 3_000_000, 6_000_000])
def test_a_refresh_whose_files_cannot_grow(built, before, after, tmp_path, limit):
    home = copied(built, tmp_path / "home")
    program = REFRESH.replace("refresh(Home", LIMITED + "refresh(Home")
    done = subprocess.run(
        [sys.executable, "-c", program, str(home.root), "increment", str(limit)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    count("refreshes whose files cannot grow", done.returncode != 0)
    assert contents(home) in (before, after)
    refresh(home, clock=clock)
    assert contents(home) == after
