"""Sources that need the user's key: requested only with one, and the key is never recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loopback_venue import Waits
from typer.testing import CliRunner

from unwind.cli import app
from unwind.landing.land import batch_of, due_datasets, land_venue, seal_batch, venues
from unwind.landing.raw import RawZone
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.market.steady import instant
from unwind.simulator.server import Simulator

DAY = batch_of("day-2026-01-28")
KEYED = pytest.mark.parametrize("source", ["coinalyze", "coinglass"])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(short_tape()) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("UNWIND_RECONCILED_ASSETS", "BTC,ETH")
        yield running


def landed(home: Home, source: str, server: Simulator, waits: Waits) -> dict[str, tuple]:
    landings = land_venue(home, DAY, source, lambda: instant(server.now_ms), waits)
    return {one.dataset: (one.status, one.detail) for one in landings}


def asked(home: Home, source: str, server: Simulator, waits: Waits) -> list[dict[str, str]]:
    """The parameters of each request for sums, in order."""
    landings = land_venue(home, DAY, source, lambda: instant(server.now_ms), waits)
    (sums,) = (one for one in landings if one.dataset == "reported_liquidations")
    lines = RawZone(home).read(sums.objects[0]).splitlines()
    return [json.loads(line)["request"]["params"] for line in lines]


@KEYED
def test_a_source_without_its_key_is_not_requested_and_not_expected(
    home: Home, server: Simulator, waits: Waits, source: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"AIRFLOW_CONN_{source.upper()}", f"{server.url}/{source}")
    assert venues()[source].missing_keys == [f"AIRFLOW_CONN_{source.upper()}"]
    assert due_datasets(home, DAY, venues()[source]) == []
    assert landed(home, source, server, waits) == {}
    assert seal_batch(home, DAY, lambda: instant(server.now_ms), [source]).batch.batch_id
    assert server.requested[source] == 0
    outcomes = CliRunner().invoke(app, ["land", "--day", "2026-01-28", "--venue", source])
    assert outcomes.exit_code == 2
    assert f"password of AIRFLOW_CONN_{source.upper()}" in " ".join(outcomes.output.split())


@KEYED
def test_the_key_is_sent_and_is_nowhere_on_disk(
    home: Home, server: Simulator, waits: Waits, source: str
) -> None:
    assert landed(home, source, server, waits) == {
        "markets": ("ok", ""),
        "reported_liquidations": ("ok", ""),
    }
    for path in Path(home.root).rglob("*"):
        assert path.is_dir() or f"simulated-{source}".encode() not in path.read_bytes()
    landings = land_venue(home, DAY, source, lambda: instant(server.now_ms), waits)
    for one in landings:
        assert f"simulated-{source}" not in RawZone(home).read(one.objects[0]).decode()


def test_coinalyze_requests_have_sixteen_markets_of_the_reconciled_assets(
    home: Home, server: Simulator, waits: Waits
) -> None:
    questions = asked(home, "coinalyze", server, waits)
    symbols = [question["symbols"].split(",") for question in questions]
    assert all(len(some) <= 16 for some in symbols)
    every = [symbol for some in symbols for symbol in some]
    assert len(set(every)) == len(every)
    assert {symbol[:3] for symbol in every} == {"BTC", "ETH"}
    assert {"BTCUSDT_PERP.A", "BTCUSD_PERP.A", "BTCUSD_PERP.0", "ETHUSDT_PERP.Y"} <= set(every)
    # 2026-01-28 in seconds, both ends inclusive.
    assert {(one["from"], one["to"]) for one in questions} == {("1769558400", "1769644799")}
    assert {one["convert_to_usd"] for one in questions} == {"true"}


def test_coinglass_with_a_small_plan_gives_bars_of_four_hours(
    home: Home, server: Simulator, waits: Waits
) -> None:
    server.fail("coinglass", "error_code", requests=1, path="aggregated-history")
    outcomes = landed(home, "coinglass", server, waits)["reported_liquidations"]
    assert outcomes[0] == "ok"
    assert "Upgrade plan" in outcomes[1]
    assert "bars of 4h were given instead" in outcomes[1]
    intervals = [one["interval"] for one in asked(home, "coinglass", server, waits)]
    assert intervals[:2] == ["1h", "4h"]
    assert set(intervals[1:]) == {"4h"}


def test_a_rejected_key_is_reported_once_and_without_the_key(
    home: Home, server: Simulator, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "AIRFLOW_CONN_COINALYZE", f"http://:wrong-key@127.0.0.1:{server.port}/coinalyze"
    )
    outcomes = landed(home, "coinalyze", server, waits)
    assert {status for status, _ in outcomes.values()} == {"failed"}
    assert outcomes["markets"][1].endswith(
        "the key is not accepted; set it again as the password of AIRFLOW_CONN_COINALYZE"
    )
    assert "wrong-key" not in str(outcomes)
    assert server.requested["coinalyze"] == 1


def test_an_unreadable_connection_fails_only_that_source(
    home: Home, server: Simulator, waits: Waits, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_COINALYZE", '{"password": "half')
    outcomes = landed(home, "coinalyze", server, waits)
    assert {status for status, _ in outcomes.values()} == {"failed"}
    assert "AIRFLOW_CONN_COINALYZE cannot be read" in outcomes["markets"][1]
    assert "half" not in str(outcomes)
    assert seal_batch(home, DAY, lambda: instant(server.now_ms), venues()).revision == 1
