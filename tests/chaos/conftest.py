"""A home with pending work, and its tables after an undisturbed refresh."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.hand_made import ABOUT_THE_RUN, at, bybit, land, seal
from unwind.landing.imports import import_files
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse import refresh

counted: dict[str, int] = {}


def clock():
    return at(20)


def count(kind: str, faults: int = 1) -> None:
    """Counts faults for the summary at the end of the run."""
    counted[kind] = counted.get(kind, 0) + faults


def pytest_sessionfinish(session) -> None:
    """An xdist worker sends its counts to the controller."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["faults"] = counted


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node) -> None:
    for kind, faults in getattr(node, "workeroutput", {}).get("faults", {}).items():
        count(kind, faults)


def pytest_terminal_summary(terminalreporter) -> None:
    if counted:
        terminalreporter.section("faults")
        for kind, faults in sorted(counted.items()):
            terminalreporter.write_line(f"{faults:6,} {kind}")


def contents(home: Home) -> dict[str, tuple]:
    """Row count and content hash of each mart of the current release."""
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        names = release.execute(
            "select table_name from duckdb_tables() where schema_name = 'marts'"
        ).fetchall()
        return {
            name: release.execute(
                f"select count(*), sum(hash(row_of)::hugeint) from marts.{name} as row_of"
            ).fetchone()
            for (name,) in names
            if name not in ABOUT_THE_RUN
        }


def copied(home: Home, root: Path) -> Home:
    shutil.copytree(home.root, root, symlinks=True)
    return Home(root)


@pytest.fixture(scope="module")
def built(tmp_path_factory, two_hours) -> Home:
    """Two hours, built; then an import and an hour that came since, and one part withdrawn."""
    folder = tmp_path_factory.mktemp("chaos")
    home = copied(two_hours, folder / "home")
    file = folder / "collected.csv"
    file.write_text(
        "BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,"
        f"{int(at(11, 0, 9).timestamp() * 1000)},8000\n"
    )
    import_files(home, "binance", "force-order-csv", [file], clock)
    land(home, 12, "bybit", [bybit("ETHUSDT", "Sell", "10", "2900", at(12, 59, 59, 999))])
    seal(home, 12)
    Ledger(home).withdraw("hour-2026-01-29T10", "bybit", "a test", clock())
    return home


@pytest.fixture(scope="module")
def before(built) -> dict[str, tuple]:
    """The tables before the pending work is built."""
    return contents(built)


# Of a module's scope, so that its narrowing holds for it.
@pytest.fixture(scope="module")
def after(built, tmp_path_factory) -> dict[str, tuple]:
    """The tables after an undisturbed refresh."""
    home = copied(built, tmp_path_factory.mktemp("undisturbed") / "home")
    refresh.refresh(home, clock=clock)
    return contents(home)


@pytest.fixture
def home(built, tmp_path) -> Iterator[Home]:
    yield copied(built, tmp_path / "home")
    shutil.rmtree(tmp_path / "home", ignore_errors=True)
