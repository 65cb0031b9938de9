"""An hour landed while it was running and again after its end, compared with one landed once.

Five venues of the simulated market, by REST only: the later landing must add what the early one
lacks, and until then nothing may look complete.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime
from unittest import mock

import duckdb
import pytest

from tests.warehouse.hand_made import query
from unwind.landing.land import hour_batch, land_venue, seal_batch
from unwind.settings import Home
from unwind.simulator.episode import short_tape
from unwind.simulator.server import Simulator
from unwind.warehouse import files
from unwind.warehouse.refresh import refresh
from unwind.warehouse.state import staging_state, write_build_batches

VENUES = ("bitfinex", "coinex", "deribit", "gate", "htx")
HOUR = hour_batch(datetime(2026, 1, 29, 14, tzinfo=UTC))
RUNNING = datetime(2026, 1, 29, 14, 20, tzinfo=UTC)
JUST_OVER = datetime(2026, 1, 29, 15, 0, 20, tzinfo=UTC)
SETTLED = datetime(2026, 1, 29, 15, 3, tzinfo=UTC)
# Without columns about a fact's source: here the early landing's bytes are among the sightings.
OF_VALUE = (
    "venue, instrument, base_asset, liquidated_side, event_kind, quantity_base, price_usd,"
    " notional_usd, event_at, hour_at"
)
# Derived only from liquidations and landings.
SAME = ("liquidations_hourly", "liquidations_minutely", "exchange_breakdown")


def land(home: Home, server: Simulator, now: datetime) -> None:
    server.set_now(now)
    for venue in VENUES:
        land_venue(home, HOUR, venue, lambda: now, lambda _: None)
    seal_batch(home, HOUR, lambda: now, VENUES)


@pytest.fixture(scope="module")
def server() -> Iterator[Simulator]:
    with Simulator(short_tape()) as running:
        settings = {**running.environment(), "UNWIND_TRACKED_INSTRUMENTS": "2"}
        with mock.patch.dict(os.environ, settings):
            yield running


def venue_hours(home: Home) -> dict[tuple[str, str], str]:
    """Outcome by venue and source, in the latest sealed revision."""
    from unwind.landing.ledger import Ledger

    with staging_state(home) as state:
        write_build_batches(state, home, [Ledger(home).last_seal(HOUR.batch_id)])
        rows = state.execute(
            "select venue, source_kind, outcome from ops.venue_hours order by all"
        ).fetchall()
    return {(venue, kind): outcome for venue, kind, outcome in rows}


@pytest.fixture(scope="module")
def landed_early(server: Simulator, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("early") / "home")
    files.prepare(home)
    land(home, server, RUNNING)
    return home


@pytest.fixture(scope="module")
def both(
    landed_early: Home, server: Simulator, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Home, Home]:
    """The hour landed at 14:20, 15:00:20 and 15:03, and the hour landed from 15:00:20 on."""
    refresh(landed_early, clock=lambda: RUNNING)
    once = Home(tmp_path_factory.mktemp("once") / "home")
    for home in (landed_early, once):
        for now in (JUST_OVER, SETTLED):
            land(home, server, now)
        refresh(home, clock=lambda: SETTLED)
    return landed_early, once


def test_after_the_early_landing_every_venue_is_partial(landed_early: Home) -> None:
    from unwind.landing.ledger import Ledger

    seal = Ledger(landed_early).last_seal(HOUR.batch_id)
    statuses = {
        (venue, one.dataset): one.status
        for venue, landings in seal.landings.items()
        for one in landings
    }
    assert {statuses[venue, "liquidations"] for venue in VENUES} == {"partial"}
    outcomes = venue_hours(landed_early)
    assert {outcomes[venue, "rest"] for venue in VENUES} == {"partial"}
    assert "complete" not in outcomes.values()


def test_the_tables_are_those_of_an_hour_landed_once(both: tuple[Home, Home]) -> None:
    early, once = both
    facts = f"select {OF_VALUE} from marts.fct_liquidations order by all"
    assert query(early, facts) == query(once, facts)
    assert query(early, "select count(*) > 100 from marts.fct_liquidations") == [(True,)]
    for mart in SAME:
        rows = f"select * from marts.{mart} order by all"
        assert query(early, rows) == query(once, rows), mart


def test_each_asset_has_the_figures_of_an_hour_landed_once(both: tuple[Home, Home]) -> None:
    """At 14:20 another contract was among a venue's two largest, so one more asset is tracked; the
    others have the same figures."""
    early, once = both
    rows = "select * from marts.liquidation_imbalance_hourly order by all"
    assert set(query(once, rows)) <= set(query(early, rows))


def test_once_settled_every_venue_is_covered_in_full(both: tuple[Home, Home]) -> None:
    for home in both:
        with duckdb.connect(str(home.staging_db), read_only=True) as state:
            rows = state.execute(
                "select venue, outcome from ops.venue_hours where source_kind = 'rest'"
                " order by venue"
            ).fetchall()
        assert rows == [(venue, "complete") for venue in VENUES]
