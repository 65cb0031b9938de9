"""One warehouse through a day of trouble: late hours, a refused build, a held part, a corrected
batch, a late instrument listing. In the end it equals one full build."""

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest

from tests.warehouse.hand_made import (
    at,
    binance,
    bybit,
    copied,
    land,
    marts,
    okx,
    okx_instruments,
    query,
    seal,
)
from unwind.landing.imports import import_files
from unwind.settings import Home
from unwind.warehouse import gates, releases
from unwind.warehouse.refresh import GateRefusedError, refresh
from unwind.warehouse.status import release_held_part

EVENTS = "select count(*), sum(notional_usd) from marts.fct_liquidations"


def clock():
    """Every refresh runs in the evening of the day."""
    return at(20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("refresh")


@pytest.fixture(scope="module")
def home(folder) -> Home:
    """Shared and extended by the tests of this module, which run in order."""
    home = Home(folder / "home")
    land(
        home,
        10,
        "binance",
        [
            binance("BTCUSDT", "SELL", "0.5", "80000", at(10, 0, 1)),
            binance("ETHUSDT", "BUY", "2", "3000", at(10, 30)),
        ],
    )
    land(home, 10, "bybit", [bybit("BTCUSDT", "Buy", "1", "80100", at(10, 0, 2))])
    seal(home, 10)
    land(
        home,
        11,
        "binance",
        [
            binance("BTCUSDT", "SELL", "1", "79000", at(11, 5)),
            binance("BTCUSDT", "SELL", "3", "78000", at(11, 6)),
        ],
    )
    # Its contract size is not known yet.
    land(home, 11, "okx", [okx("NEWCOIN-USDT-SWAP", "sell", "7", "2", at(11, 7))])
    seal(home, 11)
    return home


def failing_gate(monkeypatch) -> None:
    def refuse(home, run_id, checked_at):
        verdict = gates.GateResult(
            *("marts", "fct_liquidations", "total_is_plausible", None, None, "critical", False, 1),
            *("{}", "the total is not plausible", checked_at),
        )
        return [verdict]

    monkeypatch.setattr(gates, "check_marts", refuse)


def test_first_hours_are_published(home):
    report = refresh(home, clock=clock)
    assert report.batches == ("hour-2026-01-29T10", "hour-2026-01-29T11")
    # 0.5 x 80000 + 2 x 3000 + 1 x 80100 + 1 x 79000 + 3 x 78000
    assert query(home, EVENTS) == [(5, Decimal("439100.0000"))]
    assert query(home, "select reject_reason from marts.quarantined_liquidations") == [
        ("unknown_contract_size",)
    ]


def test_nothing_new_publishes_nothing(home):
    before = home.current.resolve()
    assert refresh(home, clock=clock).release_id is None
    assert home.current.resolve() == before


def test_a_deleted_current_release_is_published_again(home):
    shutil.rmtree(home.current.resolve())
    with pytest.raises(releases.NoReleaseError, match="unwind refresh"):
        releases.current_db(home)
    assert refresh(home, clock=clock).release_id == home.current.resolve().name
    assert query(home, EVENTS) == [(5, Decimal("439100.0000"))]
    assert refresh(home, clock=clock).release_id is None


def test_a_refused_build_leaves_readers_on_their_release(home, monkeypatch):
    before = home.current.resolve()
    land(home, 13, "binance", [binance("BTCUSDT", "SELL", "1", "70000", at(13, 1))])
    seal(home, 13)
    failing_gate(monkeypatch)
    with pytest.raises(GateRefusedError, match="the total is not plausible"):
        refresh(home, clock=clock)
    assert home.current.resolve() == before
    assert query(home, EVENTS) == [(5, Decimal("439100.0000"))]
    # What `unwind watch` notifies.
    assert "the total is not plausible" in home.refusal.read_text()


def test_refused_hours_are_judged_again_with_later_ones(home, monkeypatch):
    before = home.current.resolve()
    # A late hour between two landed ones.
    land(home, 12, "bybit", [bybit("ETHUSDT", "Sell", "10", "2900", at(12, 59, 59, 999))])
    seal(home, 12, at(14))
    failing_gate(monkeypatch)
    with pytest.raises(GateRefusedError):
        refresh(home, clock=clock)
    assert home.current.resolve() == before
    monkeypatch.undo()
    assert refresh(home, clock=clock).batches == ("hour-2026-01-29T12", "hour-2026-01-29T13")
    assert not home.refusal.exists()
    assert query(home, EVENTS) == [(7, Decimal("538100.0000"))]


def test_corrected_held_specified_and_imported_in_one_refresh(home, folder):
    # The corrected hour 11 no longer has the 3 BTC.
    land(home, 11, "binance", [binance("BTCUSDT", "SELL", "1", "79000", at(11, 5))])
    seal(home, 11, at(15))
    specified = [okx_instruments("NEWCOIN-USDT-SWAP", "10", at(15, 0, 5))]
    land(home, 14, "okx", specified, dataset="instruments", format="rest")
    # Most rows of this part are unusable: HOLD is no side.
    unusable = [binance("BTCUSDT", "HOLD", "1", "70000", at(14, 0, n)) for n in range(30)]
    usable = [binance("BTCUSDT", "BUY", "1", "71000", at(14, 30))]
    land(home, 14, "binance", [*unusable, *usable])
    land(home, 14, "bybit", [bybit("BTCUSDT", "Sell", "2", "71500", at(14, 31))])
    seal(home, 14, at(15, 0, 30))
    # One event that the stream also has, and one that only the collector has.
    collected = folder / "collected.csv"
    collected.write_text(
        "BTC,SELL,LIMIT,IOC,0.5,80000,80000,FILLED,0.5,0.5,"
        f"{int(at(10, 0, 1).timestamp() * 1000)},40000\n"
        "BTC,SELL,LIMIT,IOC,0.1,80000,80000,FILLED,0.1,0.1,"
        f"{int(at(10, 0, 9).timestamp() * 1000)},8000\n"
    )
    import_files(home, "binance", "force-order-csv", [collected], clock)

    report = refresh(home, clock=clock)

    assert [(batch, venue) for batch, venue, _ in report.held] == [
        ("hour-2026-01-29T14", "binance")
    ]
    # 538100 - 3 x 78000 + 7 contracts x 10 x 2 + 2 x 71500 + 0.1 x 80000
    assert query(home, EVENTS) == [(9, Decimal("455240.0000"))]
    assert query(
        home,
        "select reject_reason, count(*) from marts.quarantined_liquidations"
        " group by all order by 1",
    ) == [("held", 1), ("unknown_side", 30)]
    assert query(
        home,
        "select sightings, parser from marts.fct_liquidations"
        " where quantity_base = 0.5 and venue = 'binance'",
    ) == [(2, "binance.force_order_frame@1")]


def test_a_held_part_is_built_once_a_person_releases_it(home):
    assert release_held_part(home, "hour-2026-01-29T14", "bybit", clock()) is not None
    assert release_held_part(home, "hour-2026-01-29T14", "binance", clock()) is None
    refresh(home, clock=clock)
    assert query(home, EVENTS) == [(10, Decimal("526240.0000"))]


def test_every_staged_row_is_accounted_for(home):
    rows = query(
        home,
        "select batch_id, sum(staged), sum(accepted), sum(repeated), sum(quarantined)"
        " from marts.liquidation_accounting group by all order by all",
    )
    assert [row[1] == row[2] + row[3] + row[4] for row in rows] == [True] * 6
    assert rows[4] == ("hour-2026-01-29T14", 32, 2, 0, 30)


def test_it_equals_one_full_build(home, built_at_once):
    one_by_one, at_once = marts(home), marts(built_at_once)
    assert one_by_one.keys() == at_once.keys()
    different = [name for name in at_once if one_by_one[name] != at_once[name]]
    assert different == []


@pytest.fixture(scope="module")
def built_at_once(home, folder) -> Home:
    other = copied(home, folder / "at_once")
    refresh(other, clock=clock)
    return other
