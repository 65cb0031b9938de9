"""A batch is sealed once; what comes later is the next revision and says what changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from unwind.landing.ledger import Batch, Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home

NOW = datetime(2026, 1, 29, 15, 0, 20, tzinfo=UTC)
HOUR_14 = Batch("hour-2026-01-29T14", "hour", NOW.replace(hour=14, second=0), NOW.replace(second=0))


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path)


def landing(home: Home, text: bytes, status: str = "ok", detail: str = "") -> Landing:
    obj = RawZone(home).put(
        text, venue="okx", dataset="liquidations", format="rest", name="x", received_at=NOW
    )
    return Landing("liquidations", status, detail, 1, (obj,), NOW)


def test_sealing_lists_every_venue_with_its_outcome_failures_included(home):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    blocked = Landing("liquidations", "failed", "HTTP 451 from bybit", 1, (), NOW)
    ledger.record_landing(HOUR_14.batch_id, "bybit", [blocked])
    seal = ledger.seal(HOUR_14, NOW)
    assert seal.revision == 1
    assert seal.landings["bybit"] == (blocked,)
    assert [one.status for one in seal.landings["okx"]] == ["ok"]
    assert ledger.read(ledger.sealed()[0]) == seal


def test_sealing_again_without_change_gives_the_same_revision(home):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    first = ledger.seal(HOUR_14, NOW)
    assert ledger.seal(HOUR_14, NOW + timedelta(hours=1)) == first


def test_an_empty_batch_is_sealed_once(home):
    ledger = Ledger(home)
    assert ledger.seal(HOUR_14, NOW).revision == 1
    assert ledger.seal(HOUR_14, NOW).revision == 1


def test_a_late_object_makes_the_next_revision_and_is_named(home):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    ledger.seal(HOUR_14, NOW)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b'{"late":1}\n')])
    seal = ledger.seal(HOUR_14, NOW + timedelta(minutes=5))
    assert seal.revision == 2
    assert seal.changed == ("okx liquidations: ok -> ok, 1 objects added, 1 removed",)
    assert [ref.revision for ref in ledger.sealed()] == [2]


def test_as_of_an_instant_the_revision_of_then_is_seen(home):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    ledger.seal(HOUR_14, NOW)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b'{"late":1}\n')])
    ledger.seal(HOUR_14, NOW + timedelta(hours=2))
    assert [ref.revision for ref in ledger.sealed(as_of=NOW + timedelta(hours=1))] == [1]
    assert ledger.sealed(as_of=NOW - timedelta(seconds=1)) == []


def test_eight_at_once_seal_one_revision(home):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    with ThreadPoolExecutor(8) as pool:
        seals = list(pool.map(lambda _: Ledger(home).seal(HOUR_14, NOW), range(8)))
    assert {seal.revision for seal in seals} == {1}
    assert [path.name for path in home.batches.iterdir()] == ["hour-2026-01-29T14.r0001.json"]


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="'ok', 'partial'"):
        Landing("liquidations", "fine", "", 0, (), NOW)
