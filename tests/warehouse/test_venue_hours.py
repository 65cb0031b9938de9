"""ops.venue_hours: what was heard of each venue's hour, by source, from landings alone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest

from unwind.clock import Clock
from unwind.landing.imports import import_files
from unwind.landing.land import day_batch, hour_batch
from unwind.landing.ledger import Batch, HeardHour, Landing, Ledger
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
    """Hour of day, source, outcome and share of every row."""
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
    heard: tuple[HeardHour, ...] | None = None,
) -> Landing:
    return Landing("liquidations", status, "as it was", 1, tuple(objects), landed_at, heard=heard)


def test_answers_after_the_hour_heard_all_of_it(home: Home) -> None:
    answers = put(home, "coinex", "rest", "hour-2026-01-29T14.coinex.liquidations.ndjson")
    assert venue_hours(home, HOUR, "coinex", landing("ok", [answers])) == [
        (14, "rest", "complete", 1.0)
    ]


def test_answers_of_a_running_hour_are_partial_whatever_the_ledger_says(home: Home) -> None:
    answers = put(home, "coinex", "rest", "hour-2026-01-29T14.coinex.liquidations.ndjson")
    early = landing("ok", [answers], landed_at=HOUR_AT + timedelta(minutes=20))
    assert venue_hours(home, HOUR, "coinex", early) == [(14, "rest", "partial", None)]


def test_a_failed_landing_heard_nothing(home: Home) -> None:
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


def test_an_import_covers_nothing_known(home: Home, tmp_path) -> None:
    clock: Clock = lambda: SETTLED  # noqa: E731
    file = tmp_path / "frames.ndjson"
    file.write_text('{"received_at":"2026-01-29T14:00:00Z","frame":"{}"}\n')
    report = import_files(home, "bybit", "frames", [file], clock)
    with staging_state(home) as state:
        write_build_batches(state, home, [report.seal])
        assert state.execute("select count(*) from ops.venue_hours").fetchall() == [(0,)]
