"""ops.venue_hours: coverage of each venue's hour, by source, from landings only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from unwind.clock import Clock
from unwind.landing.imports import import_files
from unwind.landing.land import day_batch, hour_batch
from unwind.landing.ledger import Batch, HourCoverage, Landing, Ledger
from unwind.landing.raw import RawObject, RawZone
from unwind.settings import Home
from unwind.warehouse.state import staging_state, write_build_batches

HOUR_AT = datetime(2026, 1, 29, 14, tzinfo=UTC)
SETTLED = HOUR_AT + timedelta(hours=1, minutes=10)
HOUR, DAY = hour_batch(HOUR_AT), day_batch(HOUR_AT)


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def put(home: Home, venue: str, format: str, name: str, text: str = "{}\n") -> RawObject:
    return RawZone(home).put(
        text.encode(),
        venue=venue,
        dataset="liquidations",
        format=format,
        name=name,
        received_at=SETTLED,
    )


def venue_hours(
    home: Home, batch: Batch, venue: str, landing: Landing
) -> list[tuple[int, str, str, float | None]]:
    """Hour of day, source, outcome and covered share of every row."""
    ledger = Ledger(home)
    ledger.record_landing(batch.batch_id, venue, [landing])
    seal = ledger.seal(batch, SETTLED)
    with staging_state(home) as state:
        write_build_batches(state, home, [seal])
        return state.execute(
            "select hour(hour_at), source_kind, outcome, covered_share from ops.venue_hours"
            " where batch_id = ? and venue = ? order by all",
            [batch.batch_id, venue],
        ).fetchall()


def landing(
    status: str,
    objects: Sequence[RawObject] = (),
    landed_at: datetime = SETTLED,
    coverage: tuple[HourCoverage, ...] | None = None,
) -> Landing:
    return Landing(
        "liquidations", status, "as it was", 1, tuple(objects), landed_at, coverage=coverage
    )


def test_answers_after_the_hour_cover_all_of_it(home: Home) -> None:
    answers = put(home, "coinex", "rest", "hour-2026-01-29T14.coinex.liquidations.ndjson")
    assert venue_hours(home, HOUR, "coinex", landing("ok", [answers])) == [
        (14, "rest", "complete", 1.0)
    ]


def test_answers_of_a_running_hour_are_partial_whatever_the_ledgers_status(home: Home) -> None:
    answers = put(home, "coinex", "rest", "hour-2026-01-29T14.coinex.liquidations.ndjson")
    early = landing("ok", [answers], landed_at=HOUR_AT + timedelta(minutes=20))
    assert venue_hours(home, HOUR, "coinex", early) == [(14, "rest", "partial", None)]


def test_a_failed_landing_covers_nothing(home: Home) -> None:
    assert venue_hours(home, HOUR, "coinex", landing("failed")) == [(14, "rest", "failed", 0.0)]


def test_answers_and_a_segment_with_a_gap_are_a_row_each(home: Home) -> None:
    answers = put(home, "deribit", "rest", "hour-2026-01-29T14.deribit.liquidations.ndjson")
    gap = (
        '{"received_at":"2026-01-29T14:10:00Z","event":"gap",'
        '"from_at":"2026-01-29T14:10:00Z","to_at":"2026-01-29T14:40:00Z"}\n'
    )
    segment = put(home, "deribit", "frames", "recorder/deribit/2026-01-29T14.ndjson", gap)
    assert venue_hours(home, HOUR, "deribit", landing("ok", [answers, segment])) == [
        (14, "rest", "complete", 1.0),
        # 30 of 60 minutes.
        (14, "stream", "partial", 0.5),
    ]


def test_answers_that_stand_in_for_a_file_are_never_the_whole_hour(home: Home) -> None:
    answers = put(home, "hyperliquid", "rest", "hour-2026-01-29T14.hyperliquid.liquidations.ndjson")
    assert venue_hours(home, HOUR, "hyperliquid", landing("ok", [answers])) == [
        (14, "dump", "failed", 0.0),
        (14, "rest", "partial", None),
    ]


def test_an_hour_of_a_day_is_complete_where_a_file_or_a_segment_names_it(home: Home) -> None:
    root = "https://mirror/node_fills_by_block/hourly/20260129"
    files = [put(home, "hyperliquid", "node-fills", f"{root}/{hour}.lz4") for hour in (3, 14)]
    settled = datetime(2026, 1, 30, 1, tzinfo=UTC)
    rows = venue_hours(home, DAY, "hyperliquid", landing("ok", files, landed_at=settled))
    assert [hour for hour, _, outcome, _ in rows if outcome == "complete"] == [3, 14]
    assert len(rows) == 24


def test_an_hour_whose_file_was_landed_in_part_is_partial(home: Home) -> None:
    file = put(home, "hyperliquid", "node-fills", "https://mirror/hourly/20260129/14.lz4")
    rows = venue_hours(home, HOUR, "hyperliquid", landing("partial", [file]))
    assert (14, "dump", "partial", None) in rows
    assert "complete" not in {outcome for _, _, outcome, _ in rows}


def test_a_days_dump_of_one_contract_does_not_cover_the_others(home: Home) -> None:
    name = "BTCUSD_PERP-liquidationSnapshot-2026-01-29.zip"
    dump = put(home, "binance", "liquidation-snapshot", name, "time,side\n")
    settled = datetime(2026, 1, 30, 5, tzinfo=UTC)
    rows = venue_hours(home, DAY, "binance", landing("ok", [dump], landed_at=settled))
    # Nor was a recorder running.
    assert {row[1:] for row in rows} == {("stream", "failed", 0.0)}


def test_a_days_history_that_was_answered_in_full_covers_its_hours(home: Home) -> None:
    answers = put(home, "coinex", "rest", "day-2026-01-29.coinex.liquidations.ndjson")
    settled = datetime(2026, 1, 30, 4, tzinfo=UTC)
    rows = venue_hours(home, DAY, "coinex", landing("ok", [answers], landed_at=settled))
    assert rows == [(hour, "rest", "complete", 1.0) for hour in range(24)]


def test_a_recorded_venue_without_a_segment_covers_nothing_by_stream(home: Home) -> None:
    assert venue_hours(home, HOUR, "bybit", landing("failed")) == [(14, "stream", "failed", 0.0)]


def test_dropped_frames_make_a_segment_partial(home: Home) -> None:
    gap = '{"received_at":"2026-01-29T14:10:00Z","event":"gap","dropped":3}\n'
    segment = put(home, "bybit", "frames", "recorder/bybit/2026-01-29T14.ndjson", gap)
    rows = venue_hours(home, HOUR, "bybit", landing("partial", [segment]))
    assert rows == [(14, "stream", "partial", 1.0)]


def test_an_import_has_no_known_coverage(home: Home, tmp_path) -> None:
    clock: Clock = lambda: SETTLED  # noqa: E731
    file = tmp_path / "frames.ndjson"
    file.write_text('{"received_at":"2026-01-29T14:00:00Z","frame":"{}"}\n')
    report = import_files(home, "bybit", "frames", [file], clock)
    with staging_state(home) as state:
        write_build_batches(state, home, [report.seal])
        assert state.execute("select count(*) from ops.venue_hours").fetchall() == [(0,)]
