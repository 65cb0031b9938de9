"""The gaps of the seed episode, and the hours that must have none."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from unwind.demo import HISTORY_DAYS
from unwind.recorder.segments import missed
from unwind.simulator.episode import (
    ASSETS,
    CUT_OFF,
    DOWN,
    FROM_AT,
    OUTAGES,
    PEAK_FROM_AT,
    PEAK_TO_AT,
)
from unwind.simulator.exchanges import binance_dumps, respond
from unwind.simulator.market.steady import epoch_ms
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import Request
from unwind.simulator.segments import Outage, received_frames, segments, write_segments

HOUR = timedelta(hours=1)
CUT_OFF_HOUR = CUT_OFF.from_at.replace(minute=0)


def instants(lines: list[str], event: str | None) -> list[datetime]:
    read = [json.loads(line) for line in lines]
    return [datetime.fromisoformat(one["received_at"]) for one in read if one.get("event") == event]


def test_gaps_are_in_the_calm_weeks_and_not_at_the_two_largest_venues() -> None:
    landed_from = PEAK_FROM_AT.replace(hour=0) - timedelta(days=HISTORY_DAYS)
    assert landed_from >= FROM_AT
    for outage in OUTAGES:
        assert outage.venue not in ("binance", "hyperliquid")
        assert landed_from <= outage.from_at < outage.to_at <= PEAK_TO_AT - timedelta(hours=24)
    assert DOWN.to_at - DOWN.from_at == HOUR
    assert CUT_OFF.to_at - CUT_OFF.from_at < HOUR


def test_a_percentile_of_the_score_has_its_history() -> None:
    # 7 days for the components, and 7 more for the score computed from them.
    assert HISTORY_DAYS >= 22


def test_nothing_is_recorded_of_a_venue_that_is_down(tape: Tape, tmp_path: Path) -> None:
    hours = DOWN.from_at - HOUR, DOWN.to_at + HOUR
    written = write_segments(tape, tmp_path, *hours, venues=[DOWN.venue], outages=OUTAGES)
    assert [path.name for path in written] == [
        f"{hour:%Y-%m-%dT%H}.ndjson" for hour in (DOWN.from_at - HOUR, DOWN.to_at)
    ]


def test_a_recorder_that_was_cut_off_has_a_gap_and_no_frame_in_it(
    tape: Tape, tmp_path: Path
) -> None:
    [path] = write_segments(
        tape, tmp_path, CUT_OFF_HOUR, CUT_OFF_HOUR + HOUR, venues=[CUT_OFF.venue], outages=OUTAGES
    )
    # 16:12 to 16:47, as read by the landing.
    assert missed(path).seconds == 35 * 60
    lines = path.read_text().splitlines()
    received = instants(lines, None)
    assert received == sorted(received)
    assert all(not CUT_OFF.from_at <= at < CUT_OFF.to_at for at in received)
    whole = instants(segments(tape, CUT_OFF.venue, CUT_OFF_HOUR), None)
    assert received == [at for at in whole if not CUT_OFF.from_at <= at < CUT_OFF.to_at]
    assert len(received) < len(whole), "nothing happened while the recorder was cut off"


def test_other_venues_and_hours_are_covered_in_full(tape: Tape) -> None:
    for venue, hour in ((CUT_OFF.venue, CUT_OFF_HOUR + HOUR), ("aster", CUT_OFF_HOUR)):
        assert segments(tape, venue, hour, OUTAGES) == segments(tape, venue, hour)


def test_an_outage_over_two_hours_is_a_gap_in_each(tape: Tape) -> None:
    at = datetime(2026, 1, 20, 3, tzinfo=UTC)
    outage = Outage("bybit", at + timedelta(minutes=50), at + timedelta(minutes=70))
    for hour in (at, at + HOUR):
        lines = segments(tape, "bybit", hour, [outage])
        [gap] = [json.loads(line) for line in lines if '"gap"' in line]
        from_at, to_at = (datetime.fromisoformat(gap[name]) for name in ("from_at", "to_at"))
        assert to_at - from_at == timedelta(minutes=10)
        assert hour <= datetime.fromisoformat(gap["received_at"]) < hour + HOUR
    assert received_frames(tape, "bybit", epoch_ms(at), epoch_ms(at + 2 * HOUR))


def test_an_asset_without_a_spot_market_has_no_spot_bars(tape: Tape) -> None:
    [without] = [one.symbol for one in ASSETS if not one.has_spot]
    assert without == "HYPE"
    params = {"interval": "5m", "limit": "3"}
    responses = {
        symbol: respond(
            tape,
            tape.end_ms,
            Request("binance_spot", "GET", "/api/v3/klines", {"symbol": symbol, **params}),
        )
        for symbol in ("HYPEUSDT", "BTCUSDT")
    }
    # The venue's own error for an unlisted symbol.
    assert json.loads(responses["HYPEUSDT"].body)["code"] == -1121
    assert len(json.loads(responses["BTCUSDT"].body)) == 3
    key = "data/spot/daily/klines/{0}/5m/{0}-5m-2026-01-28.zip"
    assert binance_dumps.dump_csv(tape, key.format("HYPEUSDT")) is None
    assert binance_dumps.dump_csv(tape, key.format("BTCUSDT"))
