"""A home with damaged files: `unwind doctor` names each with a remedy, and repairs some."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.hand_made import at, binance, land, seal
from tests.warehouse.test_releases import MARTS
from unwind.durable import leftovers, sweep
from unwind.landing.ledger import Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.warehouse import files, releases
from unwind.warehouse.state import OPS_TABLES
from unwind.warehouse.status import diagnose, status_tables
from unwind.warehouse.verification import Finding, repair, verify
from unwind.warehouse.writing import writer_lock

NOW = at(23)
# One batch per hour, with one damaged file in each.
HOURS = range(-70, 10)


def batch(hour: int) -> str:
    return f"hour-{at(0, hour * 60):%Y-%m-%dT%H}"


@pytest.fixture(scope="module")
def sound(tmp_path_factory) -> Home:
    """Eighty sealed hours, a pair of files and ten releases, all sound."""
    home = Home(tmp_path_factory.mktemp("sound") / "home")
    for hour in HOURS:
        line = binance("BTCUSDT", "SELL", "1", str(90_000 + hour), at(0, hour * 60, 1))
        land(home, hour, "binance", [line, line.replace("SELL", "BUY")])
        seal(home, hour)
    files.prepare(home)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(OPS_TABLES)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(MARTS)
    for number in range(12):
        releases.publish(home, f"run-{number}", NOW)
    return home


@pytest.fixture
def home(sound, tmp_path) -> Home:
    shutil.copytree(sound.root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


def bad(home: Home, quick: bool = False) -> list[Finding]:
    return [one for one in verify(home, NOW, quick) if not one.is_fine]


def flip(path: Path) -> None:
    """Flips the bits of one byte in the middle."""
    path.chmod(0o644)
    payload = bytearray(path.read_bytes())
    payload[len(payload) // 2] ^= 0xFF
    path.write_bytes(payload)


def truncate(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def fewer_rows(path: Path) -> None:
    duckdb.execute(
        f"copy (select * from read_parquet('{path}') where raw_line = 1)"
        f" to '{path}.new' (format parquet)"
    )
    Path(f"{path}.new").replace(path)


def other_text(path: Path) -> None:
    duckdb.execute(
        f"copy (select raw_line, 'other' as text from read_parquet('{path}'))"
        f" to '{path}.new' (format parquet)"
    )
    Path(f"{path}.new").replace(path)


def raw_of(home: Home, hour: int) -> Path:
    (obj,) = Ledger(home).last_seal(batch(hour)).landings["binance"][0].objects
    return RawZone(home).object_path("binance", obj.sha256, obj.packing)


def lines_of(home: Home, hour: int) -> Path:
    (obj,) = Ledger(home).last_seal(batch(hour)).landings["binance"][0].objects
    return RawZone(home).lines_path("binance", obj.sha256)


def sealed_of(home: Home, hour: int) -> Path:
    return home.batches / f"{batch(hour)}.r0001.json"


def landed_of(home: Home, hour: int) -> Path:
    return home.landed / batch(hour) / "binance.json"


# Kind of damage: the hour's file, the damage, and a part of the remedy.
OF_AN_HOUR: dict[str, tuple[Callable[[Home, int], Path], Callable[[Path], None], str]] = {
    "raw object deleted": (raw_of, Path.unlink, "restore it from a backup"),
    "raw object flipped": (raw_of, flip, "restore it from a backup"),
    "raw object truncated": (raw_of, truncate, "restore it from a backup"),
    "lines deleted": (lines_of, Path.unlink, "doctor --repair"),
    "lines fewer": (lines_of, fewer_rows, "doctor --repair"),
    "lines of another text": (lines_of, other_text, "doctor --repair"),
    "sealed entry truncated": (sealed_of, truncate, "doctor --repair"),
    "open part truncated": (landed_of, truncate, "doctor --repair"),
}


def damaged(home: Home) -> dict[Path, str]:
    """Damages a hundred files in over ten ways; returns each with its remedy."""
    helps: dict[Path, str] = {}
    hours = list(HOURS)
    targets = {
        hour: (kind, OF_AN_HOUR[kind][0](home, hour))
        for kind, of_kind in zip(OF_AN_HOUR, zip(*[iter(hours)] * 10, strict=True), strict=True)
        for hour in of_kind
    }
    for kind, path in targets.values():
        _, damage, helps[path] = OF_AN_HOUR[kind]
        damage(path)
    for number in range(5):
        foreign = home.batches / f"notes-{number}.txt"
        foreign.write_text("remember the milk")
        helps[foreign] = "move it"
    listed = [home.releases / one.release_id for one in releases.listed(home)]
    for folder in listed[1:5]:
        truncate(folder / "release.json")
        helps[folder / "release.json"] = "delete its folder"
    for folder in listed[5:9]:
        truncate(folder / "warehouse.duckdb")
        helps[folder / "warehouse.duckdb"] = "--roll-back"
    for number in range(3):
        part = home.root / f".x{number}.part"
        part.write_text("half")
        folder = home.root / f".landing-{number}"
        folder.mkdir()
        for left in (part, folder):
            os.utime(left, (time.time() - 100_000,) * 2)
            helps[left] = "--repair"
    truncate(home.staging_db)
    helps[home.staging_db] = "unwind refresh"
    return helps


def test_an_undamaged_home_has_no_findings(home):
    assert bad(home) == []


def test_each_of_a_hundred_damaged_files_is_named_with_what_to_do(home):
    helps = damaged(home)
    assert len(helps) == 100
    found = bad(home)
    for path, help in helps.items():
        naming = [one for one in found if str(path) in one.what]
        assert len(naming) == 1, path
        assert help in naming[0].remedy, naming[0]
    assert len(found) == 100


def test_doctor_and_status_report_any_damage(home):
    damaged(home)
    assert len([one for one in diagnose(home, NOW) if not one.is_fine]) >= 100
    titles = {title: rows for title, _, rows in status_tables(home, NOW)}
    assert len(titles["Entries of the ledger that cannot be read"]) == 10
    # The release of this home has no facts.
    assert "unwind doctor" in titles["This release"][-1][0]


def test_repair_leaves_damage_that_only_a_backup_can_fix(home):
    damaged(home)
    done = list(repair(home, NOW))
    assert len([one for one in done if "derived again" in one]) == 30
    assert len([one for one in done if "sealed again as r2" in one]) == 10
    left = bad(home)
    # 30 raw objects, 10 entries with newer ones, 5 foreign files, 8 of releases and staging.
    assert len(left) == 30 + 10 + 5 + 8 + 1
    assert Ledger(home).read(Ledger(home).sealed()[65]).batch.batch_id == batch(-5)


def test_quick_names_missing_files_and_reads_a_sample(home):
    raw_of(home, 3).unlink()
    lines_of(home, 4).unlink()
    for hour in range(-40, 0):
        flip(raw_of(home, hour))
    found = bad(home, quick=True)
    assert any(str(raw_of(home, 3)) in one.what for one in found)
    assert any(str(lines_of(home, 4)) in one.what for one in found)
    assert 2 <= len(found) < 20


def test_a_flipped_block_of_a_release_is_found(home):
    current = home.current / "warehouse.duckdb"
    current.chmod(0o644)
    payload = bytearray(current.read_bytes())
    # In the rows of a table, so that the file's header and metadata stay intact.
    place = payload.find(bytes(range(200, 208)))
    offset = place if place > 0 else len(payload) - 100_000
    payload[offset] ^= 0xFF
    current.write_bytes(payload)
    assert [str(current.resolve().parent) in one.what for one in bad(home)] == [True]


# --- leftovers of killed processes --------------------------------------------------------------


def test_abandoned_files_are_swept_and_recent_ones_are_not(tmp_path):
    old, young = tmp_path / ".a.json.1234.part", tmp_path / ".b.json.5678.part"
    old_folder, young_folder = tmp_path / ".landing-abc", tmp_path / ".landing-def"
    # The name that an older version gave to unfinished files.
    former = tmp_path / ".current.~4026531836.99.5~"
    for path in (old, young, former):
        path.write_text("half")
    for folder in (old_folder, young_folder):
        folder.mkdir()
    for path in (old, old_folder, former):
        os.utime(path, (time.time() - 100_000,) * 2)
    assert sorted(leftovers([tmp_path])) == sorted([old, old_folder, former])
    sweep([tmp_path])
    assert sorted(tmp_path.iterdir()) == sorted([young, young_folder])


# --- what the commands print --------------------------------------------------------------------


def run_unwind(home: Home, *arguments: str) -> tuple[int, str, str]:
    done = subprocess.run(
        [sys.executable, "-m", "unwind.cli", *arguments],
        env={**os.environ, "UNWIND_HOME": str(home.root), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stdout, done.stderr


def test_importing_a_withdrawn_file_again_reports_the_withdrawal(tmp_path):
    home, file = Home(tmp_path / "home"), tmp_path / "collected.csv"
    file.write_text("BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,1769681000000,8000\n")
    imported = ("import", "--venue", "binance", "--format", "force-order-csv", str(file))
    assert run_unwind(home, *imported)[0] == 0
    batch_id = Ledger(home).sealed()[0].batch_id
    code, out, _ = run_unwind(home, "withdraw", batch_id, "--reason", "the wrong file")
    assert (code, f"unwind withdraw --undo {batch_id}" in out) == (0, True)
    assert run_unwind(home, *imported)[1] == (
        f"collected.csv is imported already, and withdrawn: `unwind withdraw --undo {batch_id}` "
        "puts it back.\n"
    )
    code, _, err = run_unwind(home, "withdraw", batch_id)
    assert (code, "is withdrawn already" in err, "the wrong file" in err) == (1, True, True)
    assert run_unwind(home, "withdraw", "--undo", batch_id)[0] == 0
    assert run_unwind(home, *imported)[1] == "collected.csv is imported already; nothing changes.\n"


def test_doctor_exits_with_1_on_damage_and_repairs(home):
    lines_of(home, 2).unlink()
    code, out, _ = run_unwind(home, "doctor", "--quick")
    assert (code, str(lines_of(home, 2)) in out) == (1, True)
    assert "are derived again" in run_unwind(home, "doctor", "--repair")[1]
    assert str(lines_of(home, 2)) not in run_unwind(home, "doctor")[1]


def test_doctor_leaves_a_refresh_that_is_writing_alone(home):
    with writer_lock(home), duckdb.connect(str(home.staging_db)):
        found = [one for one in verify(home, NOW, quick=True) if "refresh is writing" in one.what]
        assert [one.is_fine for one in found] == [True]
