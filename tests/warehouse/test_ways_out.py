"""Recovery from withdrawn batches, files that do not belong together, changed models and damaged
raw bytes: each time the tables equal those of an undisturbed build."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from tests.narrowing import FEW_SUITES, narrowed
from tests.warehouse.hand_made import at, binance, land, marts, query, seal
from unwind.landing.imports import import_files
from unwind.landing.ledger import Ledger, LedgerError
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.warehouse import files, refresh, releases
from unwind.warehouse.rebuilding import rebuild_reason
from unwind.warehouse.refresh import GateRefusedError
from unwind.warehouse.status import status_tables

EVENTS = "select count(*), sum(notional_usd) from marts.fct_liquidations"
# Of each of the two hours 2 x 90,000 + 0.5 x 89,000 + 91,000 + 3,000, and Bybit's 10 x 3,000.
ALL = [(10, Decimal("697000.0000"))]
IMPORTED = (
    "BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,"
    f"{int(at(11, 0, 9).timestamp() * 1000)},8000\n"
)


def clock():
    return at(20)


@pytest.fixture(scope="module")
def built(two_hours) -> Home:
    """A built home that never changes; tests copy it."""
    assert query(two_hours, EVENTS) == ALL
    return two_hours


@pytest.fixture
def home(built, tmp_path) -> Home:
    shutil.copytree(built.root, tmp_path / "home", symlinks=True)
    return Home(tmp_path / "home")


@pytest.fixture(scope="module")
def troubled(built, tmp_path_factory) -> Home:
    """Shared by the tests of this module, which damage and recover it in order."""
    root = tmp_path_factory.mktemp("troubled") / "home"
    shutil.copytree(built.root, root, symlinks=True)
    return Home(root)


@pytest.fixture
def few_marts() -> Iterator[None]:
    """Refreshes build what these tests look at, and what judges it."""
    with narrowed((*FEW_SUITES, "landing_outcomes", "venue_coverage_hourly"), FEW_SUITES):
        yield


# --- files that belong together -----------------------------------------------------------------


def test_a_pair_that_was_built_here_is_built_on(home):
    assert files.wrong_with(home) is None
    assert rebuild_reason(home) is None


@pytest.mark.parametrize("name", ["warehouse.duckdb", "staging.duckdb"])
@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda path: path.unlink(), "is missing"),
        (lambda path: path.write_bytes(b""), "is no readable database"),
        (lambda path: path.write_bytes(b"garbage" * 5000), "is no readable database"),
        (lambda path: path.write_bytes(path.read_bytes()[:9000]), "is no readable database"),
    ],
    ids=["missing", "zero bytes", "garbage", "truncated"],
)
def test_a_file_that_cannot_be_built_on_is_named(home, name, damage, reason):
    damage(home.warehouse_dir / name)
    assert name in rebuild_reason(home)
    assert reason in rebuild_reason(home)


@pytest.mark.parametrize("name", ["warehouse.duckdb", "staging.duckdb"])
def test_a_file_of_another_build_does_not_belong_to_the_pair(home, name, tmp_path):
    other = Home(tmp_path / "other")
    files.prepare(other)
    shutil.copy(other.warehouse_dir / name, home.warehouse_dir / name)
    assert "not of one build" in rebuild_reason(home)


@pytest.mark.parametrize("name", ["warehouse.duckdb", "staging.duckdb"])
def test_a_copy_from_before_the_last_build_does_not_belong_to_the_pair(home, name, tmp_path):
    older = tmp_path / name
    shutil.copy(home.warehouse_dir / name, older)
    files.renew_build_id(home)
    assert rebuild_reason(home) is None
    shutil.copy(older, home.warehouse_dir / name)
    assert "not of one build" in rebuild_reason(home)


def test_both_files_of_another_home_are_not_taken_for_this_ones(home, tmp_path):
    other = Home(tmp_path / "other")
    files.prepare(other)
    for path in files.pair(other):
        shutil.copy(path, home.warehouse_dir / path.name)
    assert "come from another home" in rebuild_reason(home)


# Three changes, each with a checkpoint.
@pytest.mark.parametrize("killed_before", range(6))
def test_a_kill_while_the_id_is_renewed_leaves_a_pair(home, monkeypatch, killed_before):
    opened, done = files.opened, []

    def execute(connection, *statement):
        if len(done) == killed_before:
            raise KeyboardInterrupt
        done.append(statement)
        return connection.execute(*statement)

    @contextmanager
    def killed(*arguments, **named):
        with opened(*arguments, **named) as connection:
            yield SimpleNamespace(execute=partial(execute, connection))

    monkeypatch.setattr(files, "opened", killed)
    with pytest.raises(KeyboardInterrupt):
        files.renew_build_id(home)
    monkeypatch.setattr(files, "opened", opened)
    assert files.wrong_with(home) is None


def test_a_file_that_another_process_has_open_is_not_rebuilt(home):
    program = (
        f"import duckdb, sys; duckdb.connect({str(home.warehouse_db)!r}, read_only=True);"
        " print('open', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program.replace("duckdb.connect(", "held = duckdb.connect(")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as reader:
        assert reader.stdout.readline() == "open\n"
        with pytest.raises(files.WarehouseFileError, match="close the program"):
            refresh.refresh(home, clock=clock)
        reader.communicate("")
    assert query(home, EVENTS) == ALL


def test_a_missing_warehouse_beside_a_kept_staging_is_rebuilt_from_raw(troubled, built):
    troubled.warehouse_db.unlink()
    report = refresh.refresh(troubled, clock=clock)
    assert "warehouse.duckdb is missing" in report.rebuilt
    assert marts(troubled) == marts(built)
    assert not files.beside(troubled).warehouse_dir.exists()
    assert refresh.refresh(troubled, clock=clock).release_id is None


# --- rebuilds beside ----------------------------------------------------------------------------


def test_a_rebuild_that_is_refused_leaves_readers_and_state(troubled, few_marts, monkeypatch):
    release = troubled.current.resolve()
    before = [path.read_bytes() for path in files.pair(troubled)]
    land(troubled, 12, "binance", [binance("BTCUSDT", "SELL", "1", "70000", at(12, 1))])
    seal(troubled, 12)
    verdict = refresh.gates.GateResult(
        *("marts", "fct_liquidations", "total_is_plausible", None, None, "critical", False, 1),
        *("{}", "the total is not plausible", clock()),
    )
    monkeypatch.setattr(refresh.gates, "check_marts", lambda *_: [verdict])
    with pytest.raises(GateRefusedError):
        refresh.refresh(troubled, full=True, clock=clock)
    assert troubled.current.resolve() == release
    assert [path.read_bytes() for path in files.pair(troubled)] == before
    monkeypatch.undo()
    assert refresh.refresh(troubled, clock=clock).batches == ("hour-2026-01-29T12",)
    assert query(troubled, EVENTS) == [(11, Decimal("767000.0000"))]


@pytest.mark.parametrize("moved", [0, 1, 2])
def test_a_kill_while_the_rebuilt_pair_swaps_in_only_delays_it(home, moved):
    rebuilt = files.beside(home)
    files.prepare(rebuilt)
    ids = [files._build_of(home, path) for path in files.pair(rebuilt)]
    (rebuilt.warehouse_dir / files.SWAPPING).touch()
    for old, new in list(zip(files.pair(home), files.pair(rebuilt), strict=True))[:moved]:
        new.replace(old)
    files.finish_swap(home)
    assert [files._build_of(home, path) for path in files.pair(home)] == ids
    assert not rebuilt.warehouse_dir.exists()


# --- withdrawn batches --------------------------------------------------------------------------


def test_a_withdrawn_part_is_removed_and_can_be_put_back(troubled, few_marts, tmp_path):
    file = tmp_path / "collected.csv"
    file.write_text(IMPORTED)
    batch = import_files(troubled, "binance", "force-order-csv", [file], clock).seal.batch.batch_id
    ledger = Ledger(troubled)
    ledger.withdraw("hour-2026-01-29T12", None, "the wrong hour", at(20))
    ledger.withdraw("hour-2026-01-29T10", "bybit", "", at(20))
    ledger.withdraw(batch, None, "the wrong file", at(20))
    refresh.refresh(troubled, clock=clock)
    assert query(troubled, EVENTS) == [(9, Decimal("667000.0000"))]
    assert query(
        troubled,
        "select batch_id, venue, status, detail, objects from marts.landing_outcomes"
        " where detail like 'withdrawn%' order by all",
    ) == [
        (
            *("hour-2026-01-29T10", "bybit", "failed"),
            *("withdrawn at 2026-01-29T20:00:00.000000Z: ", 0),
        ),
        (
            *("hour-2026-01-29T12", "binance", "failed"),
            *("withdrawn at 2026-01-29T20:00:00.000000Z: the wrong hour", 0),
        ),
        (
            *(batch, "binance", "failed"),
            *("withdrawn at 2026-01-29T20:00:00.000000Z: the wrong file", 0),
        ),
    ]
    # An hour with a withdrawn part is not an hour without liquidations.
    assert query(
        troubled,
        "select venue, is_complete from marts.venue_coverage_hourly"
        " where hour_at = '2026-01-29 12:00' and venue = 'binance'",
    ) == [("binance", False)]
    assert refresh.refresh(troubled, clock=clock).release_id is None
    withdrawn = {title: rows for title, _, rows in status_tables(troubled, at(20))}["Withdrawn"]
    assert [row[:2] for row in withdrawn] == [
        ("hour-2026-01-29T10", "bybit"),
        ("hour-2026-01-29T12", "all"),
        (batch, "all"),
    ]

    ledger.withdraw("hour-2026-01-29T10", "bybit", "", at(21), undo=True)
    ledger.withdraw(batch, None, "", at(21), undo=True)
    refresh.refresh(troubled, clock=clock)
    assert query(troubled, EVENTS) == [(11, Decimal("705000.0000"))]


@pytest.mark.parametrize(
    ("batch", "venue", "undo", "reason"),
    [
        ("hour-2026-01-29T23", None, False, "no batch 'hour-2026-01-29T23' is sealed"),
        ("../../etc/passwd", None, False, "no batch"),
        ("hour-2026-01-29T10", "okx", False, "it has binance, bybit"),
        ("hour-2026-01-29T10", "", False, "it has binance, bybit"),
        ("hour-2026-01-29T10", "bybit", True, "nothing to undo"),
    ],
)
def test_only_existing_parts_can_be_withdrawn(home, batch, venue, undo, reason):
    with pytest.raises(LedgerError, match=reason):
        Ledger(home).withdraw(batch, venue, "", at(20), undo)


def test_withdrawing_a_withdrawn_part_again_is_refused(home):
    ledger = Ledger(home)
    ledger.withdraw("hour-2026-01-29T10", None, "the wrong hour", at(20))
    with pytest.raises(LedgerError, match="withdrawn already"):
        ledger.withdraw("hour-2026-01-29T10", "bybit", "", at(21))
    with pytest.raises(LedgerError, match="--undo hour-2026-01-29T10"):
        ledger.withdraw("hour-2026-01-29T10", "bybit", "", at(21), undo=True)
    # As of an instant before the withdrawal, the part is not withdrawn.
    assert ledger.withdrawn(as_of=at(19)) == {}
    assert list(ledger.withdrawn()) == ["hour-2026-01-29T10"]


# --- damaged raw bytes --------------------------------------------------------------------------


def raw_paths(home: Home, hour: int, venue: str) -> tuple[Path, Path]:
    """The raw object of an hour's liquidations, and its lines."""
    (obj,) = Ledger(home).last_seal(f"hour-2026-01-29T{hour:02d}").landings[venue][0].objects
    zone = RawZone(home)
    return zone.object_path(venue, obj.sha256, obj.packing), zone.lines_path(venue, obj.sha256)


def halve(lines: Path) -> None:
    """Keeps only the first line, in a readable file."""
    kept = f"(select * from read_parquet('{lines}') where raw_line = 1)"
    duckdb.execute(f"copy {kept} to '{lines}.less' (format parquet)")
    Path(f"{lines}.less").replace(lines)


@pytest.mark.long
def test_lines_that_do_not_add_up_are_derived_or_their_part_is_left_out(troubled):
    raw, lines = raw_paths(troubled, 10, "binance")
    raw.unlink()
    lines.unlink()
    _, fewer = raw_paths(troubled, 9, "binance")
    halve(fewer)
    # Its metadata is intact, so only reading the rows reveals the damage.
    _, broken = raw_paths(troubled, 10, "bybit")
    payload = bytearray(broken.read_bytes())
    payload[4:40] = bytes(36)
    broken.write_bytes(payload)
    # A damaged entry of an hour that is not built yet affects only that hour.
    (troubled.batches / "hour-2026-01-29T13.r0001.json").write_text('{"batch_id": "hou')
    report = refresh.refresh(troubled, full=True, clock=clock)
    assert [(batch, venue) for batch, venue, _ in report.held] == [
        ("hour-2026-01-29T10", "binance")
    ]
    assert str(raw) in report.held[0][2]
    assert [batch for batch, _, _ in report.unreadable] == ["hour-2026-01-29T13"]
    # All of hour 9 is there; of hour 10 bybit, and what was imported.
    assert query(troubled, EVENTS) == [(7, Decimal("386500.0000"))]
    assert query(troubled, "select batch_id, venue from marts.landing_outcomes where is_held") == [
        ("hour-2026-01-29T10", "binance")
    ]


@pytest.mark.long
def test_a_restored_object_is_built_without_a_command(troubled, built):
    for source, target in zip(
        raw_paths(built, 10, "binance"), raw_paths(troubled, 10, "binance"), strict=True
    ):
        if source.name.endswith(".zst"):
            shutil.copy(source, target)
    assert refresh.refresh(troubled, clock=clock).batches == ("hour-2026-01-29T10",)
    assert query(troubled, EVENTS) == [(11, Decimal("705000.0000"))]


def test_nothing_is_built_when_the_raw_zone_is_missing(home):
    shutil.rmtree(home.root / "raw")
    home.warehouse_db.unlink()
    with pytest.raises(files.WarehouseFileError, match=r"Is the disk of .* there"):
        refresh.refresh(home, clock=clock)
    assert query(home, EVENTS) == ALL


# --- changed models -----------------------------------------------------------------------------


@pytest.mark.long
def test_a_home_of_other_models_is_rebuilt_from_raw(troubled, caplog):
    with duckdb.connect(str(troubled.staging_db)) as staging:
        staging.execute("update ops.models set fingerprint = 'older' where name like '%prices'")
        staging.execute("update ops.project set fingerprint = 'older'")
        # The older code staged nothing of Bybit.
        staging.execute("delete from landed.stg_bybit__liquidations")
    assert "models have changed" in rebuild_reason(troubled)
    # Phase by phase, as in Airflow's tasks: each one finds the rebuild of the one before.
    assert refresh.stage(troubled, clock)
    assert "models have changed since it was built" in caplog.text
    for phase in (refresh.gate_landed, refresh.build, refresh.gate_marts, refresh.publish):
        assert files.being_built(troubled) == files.beside(troubled)
        phase(troubled, clock)
    assert files.being_built(troubled) == troubled
    assert query(troubled, EVENTS) == [(11, Decimal("705000.0000"))]
    assert rebuild_reason(troubled) is None


def test_a_changed_description_rebuilds_nothing(home):
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute("update ops.project set fingerprint = 'older'")
    assert rebuild_reason(home) is None


def test_the_deleted_current_release_is_published_again(home):
    shutil.rmtree(home.current.resolve())
    assert refresh.refresh(home, clock=clock).release_id == releases.listed(home)[0].release_id
