"""A request before the hour can be complete gives a partial landing, which is repeated later."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from loopback_venue import Loopback, Waits, as_json

from unwind.clock import parse_day, parse_hour
from unwind.landing.batches import FIRST_PUBLIC_AT
from unwind.landing.coverage import hours_coverage
from unwind.landing.land import (
    NotLandableError,
    all_settled_at,
    batch_of,
    check_landable,
    land_venue,
    seal_batch,
    unsettled_venues,
)
from unwind.landing.ledger import Landing, Ledger
from unwind.recorder.segments import missed_in
from unwind.settings import PROJECT_ROOT, Home
from unwind.simulator.episode import short_tape
from unwind.simulator.market.tape import Tape
from unwind.simulator.segments import write_segments
from unwind.simulator.server import Simulator
from unwind.venues import venues

HOUR = batch_of("hour-2026-01-29T14")
RUNNING = datetime(2026, 1, 29, 14, 20, tzinfo=UTC)
JUST_OVER = datetime(2026, 1, 29, 15, 0, 20, tzinfo=UTC)
SETTLED = datetime(2026, 1, 29, 15, 2, tzinfo=UTC)


@pytest.fixture(scope="module")
def tape() -> Tape:
    return short_tape()


@pytest.fixture
def server(tape: Tape, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    with Simulator(tape) as running:
        for name, value in running.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("UNWIND_TRACKED_INSTRUMENTS", "2")
        yield running


def landed(
    home: Home, server: Simulator, venue: str, now: datetime, waits: Waits
) -> dict[str, Landing]:
    server.set_now(now)
    landings = land_venue(home, HOUR, venue, lambda: now, waits)
    return {one.dataset: one for one in landings}


def coverage(venue: str, landing: Landing) -> list[tuple[str, str, float | None]]:
    def of_segment(segment, hour_at):
        return missed_in([], hour_at)

    rows = hours_coverage(HOUR, venues()[venue], landing, of_segment)
    return sorted((one.source_kind, one.outcome, one.covered_share) for one in rows)


@pytest.mark.parametrize("early", [RUNNING, JUST_OVER])
def test_an_early_landing_is_partial_and_states_when_it_could_be_complete(
    home: Home, server: Simulator, waits: Waits, early: datetime
) -> None:
    landings = landed(home, server, "coinex", early, waits)
    # Once the hour is over, snapshots are complete: they have no history to wait for.
    snapshots = {"tickers", "instruments"} if early == JUST_OVER else set()
    assert {name for name, one in landings.items() if one.status == "ok"} == snapshots
    assert {one.status for name, one in landings.items() if name not in snapshots} == {"partial"}
    assert landings["liquidations"].detail == (
        f"asked for at 2026-01-29 {early:%H:%M:%S} UTC, before it could be complete "
        "(2026-01-29 15:01:00): land it again"
    )
    assert coverage("coinex", landings["liquidations"]) == [("rest", "partial", None)]


def test_an_early_landing_is_requested_again_and_then_complete(
    home: Home, server: Simulator, waits: Waits
) -> None:
    landed(home, server, "coinex", RUNNING, waits)
    assert unsettled_venues(home, HOUR) == ["coinex"]
    landings = landed(home, server, "coinex", SETTLED, waits)
    assert {one.status for one in landings.values()} == {"ok"}
    assert coverage("coinex", landings["liquidations"]) == [("rest", "complete", 1.0)]
    assert unsettled_venues(home, HOUR) == []
    asked = server.requested["coinex"]
    landed(home, server, "coinex", SETTLED + timedelta(hours=1), waits)
    assert server.requested["coinex"] == asked


def test_the_second_landing_requests_nothing_that_was_complete(
    home: Home, server: Simulator, waits: Waits
) -> None:
    before = landed(home, server, "coinex", JUST_OVER, waits)
    after = landed(home, server, "coinex", SETTLED, waits)
    assert {one.status for one in after.values()} == {"ok"}
    assert {name for name in after if after[name] == before[name]} == {"tickers", "instruments"}


def test_an_early_landing_that_an_older_ledger_calls_ok_is_requested_again(
    home: Home, server: Simulator, waits: Waits
) -> None:
    landings = landed(home, server, "coinex", RUNNING, waits)
    # As older code wrote it: ok, without request time or coverage.
    older = [
        replace(one, status="ok", detail="", asked_at=None, coverage=None, is_only_early=False)
        for one in landings.values()
    ]
    Ledger(home).record_landing(HOUR.batch_id, "coinex", older)
    assert coverage("coinex", next(one for one in older if one.dataset == "liquidations")) == [
        ("rest", "partial", None)
    ]
    landings = landed(home, server, "coinex", SETTLED, waits)
    assert {one.status for one in landings.values()} == {"ok"}
    assert coverage("coinex", landings["liquidations"]) == [("rest", "complete", 1.0)]


def test_an_early_landing_stays_partial_when_the_second_one_fails(
    home: Home, server: Simulator, waits: Waits
) -> None:
    landed(home, server, "coinex", RUNNING, waits)
    server.fail("coinex", "geo_blocked")
    landings = landed(home, server, "coinex", SETTLED, waits)
    assert landings["liquidations"].status == "partial"
    assert landings["liquidations"].objects
    assert coverage("coinex", landings["liquidations"]) == [("rest", "partial", None)]


def test_an_early_listing_serves_the_other_datasets(
    home: Home, server: Simulator, waits: Waits
) -> None:
    landings = landed(home, server, "okx", JUST_OVER, waits)
    others = [one for one in landings.values() if one.dataset != "liquidations"]
    assert all(one.status == "ok" or one.is_only_early for one in others)


def test_a_complete_segment_beside_early_answers_is_a_separate_row(
    home: Home, tape: Tape, server: Simulator, waits: Waits
) -> None:
    write_segments(tape, home.recorder, HOUR.covers_from_at, HOUR.covers_to_at)
    landing = landed(home, server, "deribit", JUST_OVER, waits)["liquidations"]
    assert coverage("deribit", landing) == [("rest", "partial", None), ("stream", "complete", 1.0)]
    landing = landed(home, server, "deribit", SETTLED, waits)["liquidations"]
    assert coverage("deribit", landing) == [("rest", "complete", 1.0), ("stream", "complete", 1.0)]


def test_a_segment_that_has_left_the_recorders_folder_is_still_known(
    home: Home, tape: Tape, server: Simulator, waits: Waits
) -> None:
    write_segments(tape, home.recorder, HOUR.covers_from_at, HOUR.covers_to_at)
    landed(home, server, "deribit", JUST_OVER, waits)
    (home.recorder / "deribit" / "2026-01-29T14.ndjson").unlink()
    landing = landed(home, server, "deribit", SETTLED, waits)["liquidations"]
    assert coverage("deribit", landing) == [("rest", "complete", 1.0), ("stream", "complete", 1.0)]


def test_hours_beyond_a_venues_retention_are_partial(
    home: Home, server: Simulator, waits: Waits
) -> None:
    # Bitget keeps three days.
    late = datetime(2026, 2, 2, tzinfo=UTC)
    landing = landed(home, server, "bitget", late, waits)["liquidations"]
    assert landing.status == "partial"
    assert "keeps its past for 72 hours" in landing.detail
    assert ("rest", "partial", None) in coverage("bitget", landing)


@pytest.mark.parametrize(
    ("oldest", "outcome"),
    # A response holds at most a hundred trades. 14:00 is 1769695200000.
    [(1769695199999, "complete"), (1769695200001, "partial")],
)
def test_lighters_newest_trades_cover_the_hour_where_they_reach_back(
    home: Home, all_venues: Loopback, waits: Waits, oldest: int, outcome: str
) -> None:
    market = {"market_id": 1, "open_interest": 5, "last_trade_price": 2}
    listed = {"code": 200, "order_book_details": [market]}
    trades = [{"trade_id": place, "timestamp": oldest + place} for place in range(100)]
    all_venues.routes["/lighter/api/v1/orderBookDetails"] = [as_json(listed)]
    all_venues.routes["/lighter/api/v1/recentTrades"] = [as_json({"code": 200, "trades": trades})]
    landings = land_venue(home, HOUR, "lighter", lambda: SETTLED, waits)
    landing = next(one for one in landings if one.dataset == "liquidations")
    assert [kind for kind in coverage("lighter", landing) if kind[0] == "rest"] == [
        ("rest", outcome, 1.0 if outcome == "complete" else None)
    ]
    assert landing.status == ("ok" if outcome == "complete" else "partial")


def test_the_wait_is_as_long_as_the_slowest_venue_needs() -> None:
    # Bitget's two minutes.
    assert all_settled_at(HOUR) == SETTLED


@pytest.mark.parametrize(
    ("batch", "why"),
    [
        ("hour-2026-01-29T15", "which is not over: it is 2026-01-29 15:00:20 UTC"),
        ("hour-2030-01-29T13", "which is not over"),
        ("hour-1969-01-29T13", "before the first public data (2017-01-01)"),
        ("day-2026-01-29", "which is not over"),
        ("day-2016-12-31", "before the first public data"),
    ],
)
def test_time_that_is_not_over_or_impossible_is_refused(batch: str, why: str) -> None:
    with pytest.raises(NotLandableError) as refused:
        check_landable(batch_of(batch), JUST_OVER)
    assert why in str(refused.value)
    assert "\n" not in str(refused.value)


def test_the_first_day_that_lands_is_the_first_that_any_row_may_have() -> None:
    macro = (PROJECT_ROOT / "dbt_project" / "macros" / "first_public_at.sql").read_text()
    assert f"{FIRST_PUBLIC_AT:%Y-%m-%d}\n{{%- endmacro %}}" in macro


def test_an_hour_that_is_over_can_be_landed_at_its_last_instant() -> None:
    assert check_landable(HOUR, HOUR.covers_to_at) is HOUR


def test_an_hour_of_the_future_is_neither_landed_nor_sealed(home: Home, waits: Waits) -> None:
    future = batch_of("hour-2030-01-29T13")
    for refused in (
        lambda: land_venue(home, future, "coinex", lambda: JUST_OVER, waits),
        lambda: seal_batch(home, future, lambda: JUST_OVER, ["coinex"]),
    ):
        with pytest.raises(NotLandableError):
            refused()
    assert Ledger(home).sealed() == []


@pytest.mark.parametrize(
    "text", ["2026-01-29", "2026-01-29T14:30", "yesterday", "", "2026-01-29T25", "9999999999"]
)
def test_an_invalid_hour_is_refused_and_the_form_is_shown(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 2026-01-29T14"):
        parse_hour(text)


@pytest.mark.parametrize("text", ["2026-01-29T14", "2026-1-2", "monday", "", "2026-02-30"])
def test_an_invalid_day_is_refused_and_the_form_is_shown(text: str) -> None:
    with pytest.raises(ValueError, match="write it as 2026-01-28"):
        parse_day(text)


def test_overlapping_gaps_count_once_and_only_within_the_hour() -> None:
    hour_at = datetime(2026, 1, 29, 14, tzinfo=UTC)

    def gap(from_at: str, to_at: str, stream: str = "") -> bytes:
        named = f',"stream":"{stream}"' if stream else ""
        return (
            f'{{"received_at":"2026-01-29T14:00:00Z","event":"gap"{named},'
            f'"from_at":"2026-01-29T{from_at}Z","to_at":"2026-01-29T{to_at}Z"}}'
        ).encode()

    # 14:00 to 14:10 in the first stream, 14:05 to 14:20 in all: twenty minutes together.
    lines = [gap("13:50:00", "14:10:00", "trades"), gap("14:05:00", "14:20:00")]
    assert missed_in(lines, hour_at).seconds == 1200
