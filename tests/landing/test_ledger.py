"""A batch is sealed once; later data makes the next revision, which names what changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest

from unwind.landing.ledger import (
    Batch,
    HourCoverage,
    Landing,
    Ledger,
    LedgerError,
    Withdrawal,
    read_withdrawal,
)
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


def test_coverage_is_read_from_older_ledgers_under_its_former_name(home):
    hour = HourCoverage(HOUR_14.covers_from_at, "rest", "complete", 1.0)
    fields = Landing("liquidations", "ok", "", 1, (), NOW, NOW, coverage=(hour,)).as_json()
    older = {("heard" if name == "coverage" else name): fields[name] for name in fields}
    assert older["heard"][0]["hour_at"] == "2026-01-29T14:00:00.000000Z"
    assert Landing.from_json(older).coverage == (hour,)


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


def test_as_of_an_instant_the_revision_of_that_time_is_seen(home):
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


def test_a_seal_that_another_process_made_meanwhile_is_the_one(home, monkeypatch):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    others = iter([Ledger(home)])
    list_revisions = Ledger._revisions

    def overtaken(self, batch_id):
        revisions = list_revisions(self, batch_id)
        for other in others:
            other.seal(HOUR_14, NOW)
        return revisions

    monkeypatch.setattr(Ledger, "_revisions", overtaken)
    assert ledger.seal(HOUR_14, NOW).revision == 1
    assert [path.name for path in home.batches.iterdir()] == ["hour-2026-01-29T14.r0001.json"]


def test_an_unknown_status_is_refused():
    with pytest.raises(ValueError, match="'ok', 'partial'"):
        Landing("liquidations", "fine", "", 0, (), NOW)


# --- damaged and foreign files ------------------------------------------------------------------


@pytest.mark.parametrize("damage", ['{"batch_id": "hour', "", "[]", "null", "{}", '{"a": 1}'])
def test_a_damaged_revision_costs_itself_and_the_next_one_follows_it(home, damage):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    first = ledger.seal(HOUR_14, NOW)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b'{"late":1}\n')])
    ledger.seal(HOUR_14, NOW)
    (home.batches / f"{HOUR_14.batch_id}.r0002.json").write_text(damage)
    (newest,) = ledger.sealed()
    with pytest.raises(LedgerError, match=r"r0002.json cannot be read.*unwind doctor --repair"):
        ledger.read(newest)
    assert ledger.readable(newest).revision == 1
    assert ledger.last_seal(HOUR_14.batch_id) == first
    assert ledger.seal(HOUR_14, NOW).revision == 3


@pytest.mark.parametrize(
    "name",
    ["notes.txt", "x.rfoo.json", "hour-2026-01-29T15.r.json", "r0001.json", ".hidden.r0001.json"],
)
def test_a_foreign_file_is_not_a_batch(home, name):
    ledger = Ledger(home)
    ledger.seal(HOUR_14, NOW)
    (home.batches / name).write_text("remember the milk")
    assert [ref.batch_id for ref in ledger.sealed()] == [HOUR_14.batch_id]


def test_an_entry_under_another_name_is_refused(home):
    ledger = Ledger(home)
    ledger.seal(HOUR_14, NOW)
    entry = home.batches / f"{HOUR_14.batch_id}.r0001.json"
    entry.rename(home.batches / "hour-2026-01-29T15.r0001.json")
    with pytest.raises(LedgerError, match="is the entry of hour-2026-01-29T14 r1, under another"):
        ledger.read(ledger.sealed()[0])


def test_a_damaged_open_part_falls_back_to_the_sealed_one(home):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    seal = ledger.seal(HOUR_14, NOW)
    (home.landed / HOUR_14.batch_id / "okx.json").write_text('[{"dataset": "liqui')
    assert tuple(ledger.landed(HOUR_14.batch_id, "okx")) == seal.landings["okx"]
    assert ledger.seal(HOUR_14, NOW) == seal


def test_a_damaged_open_part_that_was_never_sealed_is_sealed_as_failed(home):
    ledger = Ledger(home)
    ledger.record_landing(HOUR_14.batch_id, "okx", [landing(home, b"{}\n")])
    ledger.record_landing(HOUR_14.batch_id, "bybit", [landing(home, b"{}\n")])
    (home.landed / HOUR_14.batch_id / "okx.json").write_text("")
    assert ledger.landed(HOUR_14.batch_id, "okx") == []
    seal = ledger.seal(HOUR_14, NOW)
    assert [one.status for one in seal.landings["bybit"]] == ["ok"]
    assert [one.status for one in seal.landings["okx"]] == ["failed"]
    assert "okx.json cannot be read" in seal.landings["okx"][0].detail


def test_a_damaged_withdrawal_is_named_and_left_out(home):
    ledger = Ledger(home)
    ledger.seal(HOUR_14, NOW)
    ledger.withdraw(HOUR_14.batch_id, None, "a test", NOW)
    (entry,) = home.withdrawals.glob("*.json")
    entry.write_text("{")
    assert ledger.withdrawn() == {}
    with pytest.raises(LedgerError, match="run `unwind withdraw` again"):
        read_withdrawal(entry)


def test_two_processes_that_withdraw_at_once_leave_two_entries(home):
    ledger = Ledger(home)
    ledger.seal(HOUR_14, NOW)
    with ThreadPoolExecutor(8) as workers:
        entries = [Withdrawal(HOUR_14.batch_id, f"v{n}", True, "", NOW) for n in range(8)]
        list(workers.map(ledger._note, entries))
    assert set(ledger.withdrawn()[HOUR_14.batch_id]) == {f"v{n}" for n in range(8)}
