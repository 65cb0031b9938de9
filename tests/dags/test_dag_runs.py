"""Tasks called as plain functions, and whole DAG runs."""

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email import message_from_string
from types import SimpleNamespace

import pytest

AT_FIFTEEN = SimpleNamespace(
    run_after=datetime(2026, 1, 29, 15, tzinfo=UTC), partition_key="2026-01-29T14"
)
NOTHING_ASKED = {"hour": None, "day": None}


@pytest.fixture
def two_venues(monkeypatch):
    """Only bybit and okx are landed."""
    from unwind.landing import land
    from unwind.venues import venues

    two = {name: venues()[name] for name in ("bybit", "okx")}
    monkeypatch.setattr(land, "venues", lambda: two)


@pytest.fixture
def refreshes(monkeypatch):
    """A fake warehouse: records the phases called, and states whether anything is to be built."""
    from unwind import warehouse

    phases = SimpleNamespace(called=[], work=True, release="20260129T150211Z-1a2b3c")

    def phase(name, answer=None):
        def called(home):
            phases.called.append(name)
            return answer() if answer else None

        return called

    stand_in = SimpleNamespace(
        stage=phase("stage", lambda: phases.work),
        gate_landed=phase("gate_landed"),
        build=phase("build"),
        gate_marts=phase("gate_marts"),
        publish=phase("publish", lambda: phases.release),
        GateRefusedError=RefusedError,
    )
    monkeypatch.setitem(sys.modules, "unwind.warehouse.refresh", stand_in)
    monkeypatch.setattr(warehouse, "refresh", stand_in, raising=False)
    return phases


def task_function(dag, task_id):
    return dag.get_task(task_id).python_callable


def sealed(home, batch_id):
    from unwind.landing.ledger import Ledger

    return Ledger(home).last_seal(batch_id)


class OutletEvents(dict):
    """What a task announced: asset name to partition keys."""

    def __missing__(self, asset):
        keys = self.setdefault(asset.name, [])
        return SimpleNamespace(add_partitions=keys.append)


def test_one_landing_for_every_venue_there_is_and_for_sources_with_a_key(dags, monkeypatch):
    from unwind.venues import venues

    keyless = [name for name in venues() if name not in ("coinalyze", "coinglass")]
    for dag_id in ("land_hour", "backfill_dumps"):
        list_venues = task_function(dags[dag_id], "list_venues")
        monkeypatch.delenv("AIRFLOW_CONN_COINALYZE", raising=False)
        assert list_venues() == keyless
        monkeypatch.setenv("AIRFLOW_CONN_COINALYZE", '{"password": "key"}')
        assert list_venues() == sorted([*keyless, "coinalyze"])


def test_an_unreachable_venue_is_an_outcome_not_an_error(
    dags, home, two_venues, unreachable_venues, caplog
):
    from unwind.landing.ledger import Ledger

    caplog.set_level("INFO")
    land = task_function(dags["land_hour"], "land")
    land("bybit", dag_run=AT_FIFTEEN, params=NOTHING_ASKED)

    landings = {one.dataset: one for one in Ledger(home).landed("hour-2026-01-29T14", "bybit")}
    assert landings["instruments"].status == "failed"
    assert landings["instruments"].detail != ""
    assert landings["instruments"].detail in caplog.text


def test_a_venue_that_does_not_exist_is_an_error(dags, home):
    land = task_function(dags["land_hour"], "land")
    with pytest.raises(ValueError, match="no venue is called 'mtgox'"):
        land("mtgox", dag_run=AT_FIFTEEN, params=NOTHING_ASKED)


def test_an_hour_is_sealed_and_announced_although_no_landing_ran(dags, home, two_venues):
    events = OutletEvents()
    seal = task_function(dags["land_hour"], "seal")
    seal(dag_run=AT_FIFTEEN, params=NOTHING_ASKED, outlet_events=events)

    seal_of_hour = sealed(home, "hour-2026-01-29T14")
    assert seal_of_hour.revision == 1
    assert set(seal_of_hour.landings) == {"bybit", "okx"}
    assert {one.status for part in seal_of_hour.landings.values() for one in part} == {"failed"}
    assert events == {"sealed_batches": ["2026-01-29T14"]}


def test_sealing_again_makes_no_revision_when_nothing_changed(dags, home, two_venues):
    seal = task_function(dags["land_hour"], "seal")
    for _ in range(2):
        seal(dag_run=AT_FIFTEEN, params=NOTHING_ASKED, outlet_events=OutletEvents())
    assert sealed(home, "hour-2026-01-29T14").revision == 1


def test_a_day_of_dumps_is_a_separate_batch(dags, home, two_venues):
    events = OutletEvents()
    day = SimpleNamespace(run_after=datetime(2026, 1, 30, tzinfo=UTC), partition_key="2026-01-28")
    seal = task_function(dags["backfill_dumps"], "seal")
    seal(dag_run=day, params=NOTHING_ASKED, outlet_events=events)

    batch = sealed(home, "day-2026-01-28").batch
    assert batch.covers_from_at == datetime(2026, 1, 28, tzinfo=UTC)
    assert batch.covers_to_at == datetime(2026, 1, 29, tzinfo=UTC)
    assert events == {"sealed_batches": ["2026-01-28"]}


def test_a_late_segment_is_landed_sealed_and_announced(dags, home, monkeypatch):
    from unwind.landing.land import hour_batch, seal_batch

    hour_at = datetime(2026, 1, 29, 14, tzinfo=UTC)
    monkeypatch.setenv("UNWIND_NOW", "2026-01-29T16:20")
    seal_batch(home, hour_batch(hour_at), lambda: hour_at)
    (home.recorder / "bybit").mkdir(parents=True)
    (home.recorder / "bybit" / "2026-01-29T14.ndjson").write_bytes(b"")
    events = OutletEvents()
    task_function(dags["land_late_segments"], "land")(outlet_events=events)

    seal_of_hour = sealed(home, "hour-2026-01-29T14")
    assert seal_of_hour.revision == 2
    assert [one.status for one in seal_of_hour.landings["bybit"]] == ["ok"]
    assert events == {"sealed_batches": [["2026-01-29T14"]]}


def test_without_a_late_segment_nothing_is_announced(dags, home):
    from airflow.sdk.exceptions import AirflowSkipException

    events = OutletEvents()
    with pytest.raises(AirflowSkipException):
        task_function(dags["land_late_segments"], "land")(outlet_events=events)
    assert events == {}


def test_the_trigger_fires_at_its_start_and_when_a_segment_is_closed(dags, home):
    from unwind.recorder.state import RecorderState, write_state
    from unwind_triggers import ClosedSegmentsTrigger

    at = datetime(2026, 1, 29, 15, tzinfo=UTC)
    state = RecorderState("bybit", at, at, None, at, None, 0, None, "", ())
    folder = home.recorder / "bybit"
    folder.mkdir(parents=True)
    started, hour = "2026-01-29T15:00:00.000000Z", "2026-01-29T14:00:00.000000Z"

    async def drive():
        fired = ClosedSegmentsTrigger(poll_seconds=0.02).run()
        payloads = [(await anext(fired)).payload]
        write_state(folder, state)
        payloads.append((await anext(fired)).payload)
        # A heartbeat of the recorder fires no event.
        write_state(folder, replace(state, updated_at=at.replace(second=1)))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(
                asyncio.shield(waiting := asyncio.ensure_future(anext(fired))), 0.2
            )
        write_state(folder, replace(state, closed_hour_at=at.replace(hour=14)))
        payloads.append((await waiting).payload)
        await fired.aclose()
        return payloads

    assert asyncio.run(drive()) == [
        {"last_closed": {}},
        {"last_closed": {"/bybit": [started]}},
        {"last_closed": {"/bybit": [started, hour]}},
    ]


def test_marts_are_announced_with_their_release(dags, home, refreshes):
    events = OutletEvents()
    task_function(dags["refresh_warehouse"], "publish")(outlet_events=events)
    assert events == {"marts": ["20260129T150211Z-1a2b3c"]}


def test_a_page_that_cannot_be_written_is_a_warning(dags, home, monkeypatch, caplog):
    from unwind.page import writing

    monkeypatch.setattr(writing, "page_after_release", lambda _: "the page was not written: why")
    task_function(dags["refresh_warehouse"], "write_page")()
    assert "the page was not written: why" in caplog.text


def test_nothing_is_announced_when_another_refresh_has_published(dags, home, refreshes):
    from airflow.sdk.exceptions import AirflowSkipException

    refreshes.release = None
    events = OutletEvents()
    with pytest.raises(AirflowSkipException):
        task_function(dags["refresh_warehouse"], "publish")(outlet_events=events)
    assert events == {}


def test_a_run_lands_and_seals_its_hour_with_all_venues_down(
    dags, airflow_database, home, two_venues, unreachable_venues
):
    run = dags["land_hour"].test(run_conf={"hour": "2026-01-29T14"})

    states = {
        (instance.task_id, instance.map_index): instance.state
        for instance in run.get_task_instances()
    }
    assert run.state == "success"
    assert states == {
        ("list_venues", -1): "success",
        ("land", 0): "success",
        ("land", 1): "success",
        ("seal", -1): "success",
        ("await_settling", -1): "success",
        # The hour ended long ago, so no request was too early.
        ("land_settled", -1): "skipped",
        ("seal_settled", -1): "success",
        ("report_broken_code", -1): "skipped",
    }
    seal_of_hour = sealed(home, "hour-2026-01-29T14")
    assert {one.status for part in seal_of_hour.landings.values() for one in part} <= {
        "failed",
        "empty",
    }
    assert not home.warehouse_db.exists()


def test_broken_code_turns_the_run_red_and_costs_only_its_venue(
    dags, airflow_database, home, two_venues, unreachable_venues, monkeypatch
):
    from unwind.landing import land

    land_venue = land.land_venue

    def broken_for_okx(home, batch, venue, clock):
        if venue == "okx":
            raise KeyError("instId")
        return land_venue(home, batch, venue, clock)

    monkeypatch.setattr(land, "land_venue", broken_for_okx)
    monkeypatch.setitem(dags["land_hour"].get_task("land").partial_kwargs, "retries", 0)
    run = dags["land_hour"].test(run_conf={"hour": "2026-01-29T15"})

    states = {
        (instance.task_id, instance.map_index): instance.state
        for instance in run.get_task_instances()
    }
    assert run.state == "failed"
    assert states == {
        ("list_venues", -1): "success",
        ("land", 0): "success",
        ("land", 1): "failed",
        ("seal", -1): "success",
        ("await_settling", -1): "success",
        ("land_settled", -1): "skipped",
        ("seal_settled", -1): "success",
        ("report_broken_code", -1): "failed",
    }
    seal_of_hour = sealed(home, "hour-2026-01-29T15")
    assert {one.detail for one in seal_of_hour.landings["okx"]} == {
        f"the landing of okx {one.dataset} did not run to its end; land again"
        for one in seal_of_hour.landings["okx"]
    }


def test_an_early_venue_is_landed_again_when_the_settling_time_is_over(
    dags, home, two_venues, monkeypatch
):
    from unwind.landing.land import hour_batch
    from unwind.landing.ledger import Landing, Ledger

    hour_at = datetime(2026, 1, 29, 14, tzinfo=UTC)
    early = datetime(2026, 1, 29, 15, 0, 5, tzinfo=UTC)
    batch = hour_batch(hour_at)
    for venue in ("bybit", "okx"):
        asked_at = early if venue == "okx" else datetime(2026, 1, 29, 15, 3, tzinfo=UTC)
        funding = Landing("funding", "ok", "", 3, (), asked_at, asked_at)
        Ledger(home).record_landing(batch.batch_id, venue, [funding])
    await_settling = task_function(dags["land_hour"], "await_settling")
    # OKX's settling time is 60 seconds.
    for now, is_done in (("2026-01-29T15:00:59", False), ("2026-01-29T15:01:00", True)):
        monkeypatch.setenv("UNWIND_NOW", now)
        poked = await_settling(dag_run=AT_FIFTEEN, params=NOTHING_ASKED)
        assert (poked.is_done, poked.xcom_value) == (is_done, ["okx"])


@pytest.mark.parametrize(
    ("dag_id", "asked", "why"),
    [
        ("land_hour", {"hour": "2030-01-29T13"}, "is not over"),
        ("land_hour", {"hour": "1969-01-29T13"}, "before the first public data"),
        ("land_hour", {"hour": "2026-01-29"}, "write it as 2026-01-29T14"),
        ("backfill_dumps", {"day": "2030-01-29"}, "is not over"),
        ("backfill_dumps", {"day": "soon"}, "write it as 2026-01-28"),
    ],
)
@pytest.mark.parametrize("task_id", ["list_venues", "land", "seal"])
def test_an_unlandable_time_fails_the_task_at_once_and_seals_nothing(
    dags, home, two_venues, dag_id, asked, why, task_id
):
    from airflow.sdk.exceptions import AirflowFailException

    from unwind.landing.ledger import Ledger

    by_hand = SimpleNamespace(run_after=datetime(2026, 1, 29, 15, tzinfo=UTC), partition_key=None)
    more = {"land": ("okx",), "seal": ()}.get(task_id, ())
    with pytest.raises(AirflowFailException, match=why):
        task_function(dags[dag_id], task_id)(*more, dag_run=by_hand, params=asked)
    assert Ledger(home).sealed() == []


def test_a_refresh_with_nothing_to_do_ends_green(dags, airflow_database, home, refreshes):
    refreshes.work = False
    run = dags["refresh_warehouse"].test()
    assert run.state == "success"
    assert refreshes.called == ["stage"]


@pytest.mark.parametrize("units", [[], ["10", "11"]])
def test_units_are_built_by_mapped_tasks_and_none_where_there_are_none(
    divided, airflow_database, home, refreshes, monkeypatch, units
):
    from unwind.page import writing
    from unwind.warehouse import dbt_docs, gates

    stand_in = sys.modules["unwind.warehouse.refresh"]
    described = [{"first_hour": hour, "last_hour": hour} for hour in units]
    stand_in.plan_units = lambda home: described
    stand_in.run_unit = lambda home, unit: refreshes.called.append(unit["first_hour"])
    for module, name in ((gates, "build_docs"), (dbt_docs, "write_dbt_docs")):
        monkeypatch.setattr(module, name, lambda home: None)
    monkeypatch.setattr(writing, "page_after_release", lambda home: None)
    run = divided.test()
    assert run.state == "success"
    called = refreshes.called
    assert [name for name in called if name not in units] == [
        *("stage", "gate_landed", "build", "gate_marts", "publish")
    ]
    # Between gate and build, in either order: a run of dag.test() takes what is ready from a set.
    assert sorted(called[2 : 2 + len(units)]) == units


@pytest.mark.long
def test_a_run_builds_two_units_and_publishes(divided, airflow_database, home, monkeypatch, caplog):
    from tests.warehouse.corrected_hours import landed
    from tests.warehouse.hand_made import query, seal

    from unwind.warehouse import units

    for hour in (9, 10):
        landed(home, hour)
        seal(home, hour)
    monkeypatch.setenv("UNWIND_WORKERS", "2")
    monkeypatch.setattr(units, "MIN_ROWS", 1)
    run = divided.test()
    assert run.state == "success"
    states = {(one.task_id, one.map_index): one.state for one in run.get_task_instances()}
    assert states["build_unit", 0] == states["build_unit", 1] == "success"
    # Five events an hour.
    assert query(home, "select hour(hour_at), count(*) from marts.fct_liquidations group by 1") == [
        (9, 5),
        (10, 5),
    ]


class RefusedError(RuntimeError):
    """The marts gate's verdict, in the fake warehouse."""


@pytest.mark.parametrize(
    ("error", "times"),
    # A verdict stands; another error may be of the worker alone.
    [(RefusedError("long_usd is negative in 3 rows"), 1), (OSError("the disk is full"), 2)],
)
def test_a_marts_gate_that_does_not_pass_turns_the_run_red_and_publishes_nothing(
    dags, airflow_database, home, refreshes, monkeypatch, error, times
):
    def does_not_pass(home):
        refreshes.called.append("gate_marts")
        raise error

    stand_in = sys.modules["unwind.warehouse.refresh"]
    monkeypatch.setattr(stand_in, "gate_marts", does_not_pass)
    gate = dags["refresh_warehouse"].get_task("gate_marts")
    monkeypatch.setattr(gate, "retry_delay", timedelta(0))
    run = dags["refresh_warehouse"].test()
    assert run.state == "failed"
    assert refreshes.called == ["stage", "gate_landed", "build", *["gate_marts"] * times]


def test_a_change_is_mailed_and_posted_once_and_what_failed_comes_later(dags, home, monkeypatch):
    from tests.watch.releases import publish, regime, smtp, webhook

    from unwind.watch.watch import UndeliveredError

    notify = task_function(dags["watch_stress"], "notify")
    publish(home, 13, regime("BTC", 13, "calm"))
    notify()
    with smtp() as mails, webhook() as posts:
        server = {"conn_type": "smtp", "host": "127.0.0.1", "port": mails.port}
        extra = {"disable_ssl": True, "disable_tls": True, "from_email": "unwind@example.org"}
        monkeypatch.setenv("AIRFLOW_CONN_WATCH_SMTP", json.dumps({**server, "extra": extra}))
        monkeypatch.setenv("AIRFLOW_CONN_WATCH_WEBHOOK", posts.url)
        monkeypatch.setenv("UNWIND_WATCH_EMAIL", "desk@example.org, risk@example.org")
        mails.answer = 451
        publish(home, 14, regime("BTC", 14, "extreme"))
        with pytest.raises(UndeliveredError, match=r"email: SMTPDataError"):
            notify()
        assert (len(mails), len(posts)) == (0, 1)

        mails.answer = 200
        sweep = task_function(dags["sweep_watch"], "notify")
        sweep()
        sweep()
        assert (len(mails), len(posts)) == (1, 1)
    mail = message_from_string(mails[0])
    assert mail["To"] == "desk@example.org, risk@example.org"
    assert mail["From"] == "unwind@example.org"
    assert mail["Subject"] == "Unwind: [critical] regime BTC: extreme"
    assert mail["X-Unwind-Change"] == posts[0][1]["change_id"]
    [part] = mail.get_payload()
    assert part.get_payload(decode=True).decode() == (
        "[critical] BTC: the stress regime went from calm to extreme in the hour from 14:00 UTC on"
        " 29 January 2026 (score 83.2, percentile 97.3). (Release 20260129T150300Z-00.)"
    )
