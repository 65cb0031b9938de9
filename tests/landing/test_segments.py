"""Recorder segments: their lines, when these reach the disk, and the sums of gaps."""

from __future__ import annotations

import asyncio
import errno
import json
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from unwind.recorder import segment_writer, segments
from unwind.recorder.segment_writer import SegmentWriter

HOUR_AT = datetime(2026, 1, 29, 14, tzinfo=UTC)
FEED = "bybit_ws/v5/public/linear"


def at(minute: int, second: float = 0, hour: int = 14) -> datetime:
    return datetime(2026, 1, 29, hour, minute, tzinfo=UTC) + timedelta(seconds=second)


class SetClock:
    """A clock that stands still until a test moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> SetClock:
    return SetClock(at(20))


@pytest.fixture
def writer(tmp_path: Path, clock: SetClock) -> SegmentWriter:
    return SegmentWriter(tmp_path, clock, ThreadPoolExecutor(1))


def flush(writer: SegmentWriter) -> None:
    asyncio.run(writer.flush())


def pass_time(writer: SegmentWriter, clock: SetClock, until: datetime) -> None:
    """Moves the clock in small steps, as a running recorder sees it."""
    while clock.now < until:
        clock.now = min(until, clock.now + timedelta(seconds=20))
        writer.roll_over(clock.now)


def lines_of(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_bytes().splitlines()]


def open_lines(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.glob("*.ndjson.open")
    return lines_of(path)


def closed_lines(folder: Path, hour: int = 14) -> list[dict[str, Any]]:
    return lines_of(folder / f"2026-01-29T{hour}.ndjson")


# -- lines --------------------------------------------------------------------------------------


def test_a_frame_line_is_the_envelope_that_imports_accept():
    line = segments.frame_line(at(0, 0.123456), '{"p":"1.10","s":"币安人生USDT"}')
    assert line == (
        b'{"received_at":"2026-01-29T14:00:00.123456Z",'
        b'"frame":"{\\"p\\":\\"1.10\\",\\"s\\":\\"\\u5e01\\u5b89\\u4eba\\u751fUSDT\\"}"}\n'
    )


def test_no_character_of_a_frame_ends_its_line():
    text = 'a\nb\rc\u2028d\u0085e\x00f"\\'
    line = segments.frame_line(at(0), text)
    assert len(line.splitlines()) == 1
    assert json.loads(line)["frame"] == text


def test_an_event_line_has_instants_as_text():
    line = segments.event_line(at(5), "gap", {"stream": FEED, "from_at": at(4, 30)})
    assert line == (
        b'{"received_at":"2026-01-29T14:05:00.000000Z","event":"gap",'
        b'"stream":"bybit_ws/v5/public/linear","from_at":"2026-01-29T14:04:30.000000Z"}\n'
    )


# -- files --------------------------------------------------------------------------------------


def test_an_hour_without_a_line_closes_as_an_empty_segment(tmp_path):
    segments.append(tmp_path, HOUR_AT, [])
    assert [path.name for path in tmp_path.iterdir()] == ["2026-01-29T14.ndjson.open"]
    segments.close(tmp_path, HOUR_AT)
    assert (tmp_path / "2026-01-29T14.ndjson").read_bytes() == b""


def test_a_write_refused_by_a_full_disk_leaves_no_half_line(tmp_path, monkeypatch):
    segments.append(tmp_path, HOUR_AT, [b'{"n":1}\n'])

    def full(descriptor: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(segments.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        segments.append(tmp_path, HOUR_AT, [b'{"n":2}\n'])
    assert segments.open_path(tmp_path, HOUR_AT).read_bytes() == b'{"n":1}\n'


def test_an_hour_that_is_closed_twice_keeps_both_parts(tmp_path):
    for part in (b"first\n", b"second\n"):
        segments.append(tmp_path, HOUR_AT, [part])
        segments.close(tmp_path, HOUR_AT)
    assert segments.closed_path(tmp_path, HOUR_AT).read_bytes() == b"first\nsecond\n"


# -- continuing an earlier recorder's segments ----------------------------------------------------


@pytest.mark.parametrize("length", [10, 63_990, 64_000, 200_000])
@pytest.mark.parametrize("torn", [b"", b'{"received_at": "20', b"x" * 130_000])
def test_the_end_of_a_segment_is_found_whatever_its_lines_length(tmp_path, length, torn):
    path = segments.open_path(tmp_path, HOUR_AT)
    lines = [segments.frame_line(at(minute), "x" * length) for minute in (1, 2, 3)]
    path.write_bytes(b"".join(lines) + torn)
    assert segments._cut_torn_line(path) == (len(torn), at(3))
    assert path.read_bytes() == b"".join(lines)


@pytest.mark.parametrize("content", [b"", b"\n", b"no line end", b"\n\n\n"])
def test_a_segment_without_a_line_has_no_last_time(tmp_path, content):
    path = segments.open_path(tmp_path, HOUR_AT)
    path.write_bytes(content)
    assert segments._cut_torn_line(path) == (len(content) if b"\n" not in content else 0, None)


def test_a_torn_last_line_is_cut_and_recorded(tmp_path):
    whole = segments.frame_line(at(10), "whole")
    segments.append(tmp_path, HOUR_AT, [whole, b'{"received_at":"2026-01-29T14:10:01.0'])
    assert segments.continue_open(tmp_path, at(11), at(10, 2)) == at(10, 2)
    payload = segments.open_path(tmp_path, HOUR_AT).read_bytes()
    assert payload.startswith(whole)
    gap = json.loads(payload.removeprefix(whole))
    assert (gap["event"], gap["cut_bytes"]) == ("gap", 37)


def test_a_past_hour_is_closed_with_the_rest_of_it_as_a_gap(tmp_path):
    segments.append(tmp_path, HOUR_AT, [segments.frame_line(at(10), "last")])
    assert segments.continue_open(tmp_path, at(5, hour=16), at(12)) is None
    _, gap = closed_lines(tmp_path)
    assert gap["from_at"] == "2026-01-29T14:12:00.000000Z"
    assert gap["to_at"] == "2026-01-29T15:00:00.000000Z"
    assert segments.missed(tmp_path / "2026-01-29T14.ndjson").seconds == 48 * 60


def test_without_a_state_the_gap_starts_at_the_last_line(tmp_path):
    segments.append(tmp_path, HOUR_AT, [segments.frame_line(at(10), "last")])
    assert segments.continue_open(tmp_path, at(30), None) == at(10)


def test_a_folder_without_an_open_segment_was_not_recorded(tmp_path):
    assert segments.continue_open(tmp_path, at(30), at(29)) is None


# -- missed time --------------------------------------------------------------------------------


def gap(from_at: datetime, to_at: datetime, **more: Any) -> bytes:
    return segments.event_line(from_at, "gap", {"from_at": from_at, "to_at": to_at, **more})


@pytest.mark.parametrize(
    ("lines", "seconds", "frames", "is_whole"),
    [
        ([], 0, 0, True),
        ([gap(at(0), at(1))], 60, 0, True),
        ([gap(at(0), at(1, 1))], 61, 0, False),
        # Of two streams that were down at different times, the worse one counts.
        ([gap(at(0), at(0, 50), stream="a"), gap(at(2), at(2, 40), stream="b")], 50, 0, True),
        ([gap(at(0), at(0, 50), stream="a"), gap(at(2), at(2, 40), stream="a")], 90, 0, False),
        # A gap of all streams adds to each stream's own.
        ([gap(at(0), at(0, 30)), gap(at(2), at(2, 40), stream="a")], 70, 0, False),
        ([gap(at(0), at(0), dropped=3)], 0, 3, False),
        ([b'{"event":"gap","dropped":2}\n'], 0, 2, False),
        ([b'{"event":"gap","from_at":"soon","to_at":7}\n', b'"event" "gap"\n'], 0, 0, True),
        ([segments.frame_line(at(0), '{"event":"gap","dropped":5}')], 0, 0, True),
    ],
)
def test_gap_lines_add_up(tmp_path, lines, seconds, frames, is_whole):
    path = tmp_path / "2026-01-29T14.ndjson"
    path.write_bytes(b"".join(lines))
    lacks = segments.missed(path)
    assert (lacks.seconds, lacks.frames, lacks.is_whole) == (seconds, frames, is_whole)


@pytest.mark.parametrize(
    ("ours", "theirs", "seconds", "frames"),
    [
        # Overlapping gaps: both missed minutes 10 to 15.
        ([gap(at(0), at(15))], [gap(at(10), at(40))], 300, 0),
        ([gap(at(0), at(30))], [gap(at(30), at(59, 60))], 0, 0),
        ([gap(at(0), at(30))], [], 0, 0),
        ([gap(at(0), at(59, 60))], [gap(at(0), at(59, 60))], 3600, 0),
        # Several gaps in each.
        (
            [gap(at(0), at(10)), gap(at(20), at(30))],
            [gap(at(5), at(25)), gap(at(50), at(59, 60))],
            600,
            0,
        ),
        # One stream of ours, all of theirs: only that stream was missed by both.
        ([gap(at(0), at(20), stream="a")], [gap(at(10), at(30))], 600, 0),
        # Different streams: the other recorder received each.
        ([gap(at(0), at(20), stream="a")], [gap(at(0), at(20), stream="b")], 0, 0),
        # The instruments on a stream's second connection differ between recorders.
        ([gap(at(0), at(20), stream="a")], [gap(at(0), at(20), stream="a#2")], 1200, 0),
        # The other recorder received dropped frames, unless it had a gap at that time.
        ([gap(at(5), at(6), dropped=7)], [gap(at(10), at(12))], 0, 0),
        ([gap(at(5), at(6), dropped=7)], [gap(at(5, 30), at(5, 40))], 10, 7),
        ([gap(at(5), at(6), dropped=7)], [gap(at(5, 30), at(5, 40), dropped=2)], 10, 7),
        ([b'{"event":"gap","dropped":2}\n'], [], 0, 2),
    ],
)
def test_the_gaps_of_one_recorder_are_filled_by_the_other(ours, theirs, seconds, frames):
    for pair in ((ours, theirs), (theirs, ours)):
        lacks = segments.missed_by_all([segments.gaps_in(lines, at(0)) for lines in pair])
        assert (lacks.seconds, lacks.frames) == (seconds, frames)


def test_a_third_recorder_fills_what_two_lack():
    gaps = [gap(at(0), at(30))], [gap(at(10), at(40))], [gap(at(20), at(21))]
    lacks = segments.missed_by_all([segments.gaps_in(lines, at(0)) for lines in gaps])
    assert lacks.seconds == 60


def test_missed_time_is_described_in_a_sentence():
    assert str(segments.Missed(1800, 12)) == (
        "the recorder missed 1,800 s of the hour and 12 frames were dropped"
    )


# -- the writer ---------------------------------------------------------------------------------


def test_a_first_start_within_an_hour_lacks_the_time_before_it(tmp_path, writer):
    writer.begin(None)
    flush(writer)
    (written,) = open_lines(tmp_path)
    assert (written["reason"], written["from_at"], written["to_at"]) == (
        "the recorder was not running",
        "2026-01-29T14:00:00.000000Z",
        "2026-01-29T14:20:00.000000Z",
    )


def test_a_restart_lacks_the_time_since_the_last_flush(tmp_path, writer, clock):
    writer.begin(None)
    writer.frame(FEED, "before")
    flush(writer)
    clock.now = at(21)
    restarted = SegmentWriter(tmp_path, clock, ThreadPoolExecutor(1))
    restarted.begin(at(20, 30))
    restarted.frame(FEED, "after")
    flush(restarted)
    _, before, written, after = open_lines(tmp_path)
    assert (before["frame"], after["frame"]) == ("before", "after")
    assert written["from_at"] == "2026-01-29T14:20:30.000000Z"
    assert written["to_at"] == "2026-01-29T14:21:00.000000Z"


def test_the_segment_rolls_on_the_hour_of_receipt(tmp_path, writer, clock):
    pass_time(writer, clock, at(59, 59.999999))
    writer.frame(FEED, "last of 14")
    clock.now = at(0, hour=15)
    writer.frame(FEED, "first of 15")
    flush(writer)
    assert [line["frame"] for line in closed_lines(tmp_path)] == ["last of 14"]
    assert [line["frame"] for line in open_lines(tmp_path)] == ["first of 15"]
    assert writer.closed_hour_at == HOUR_AT


def test_a_silent_hour_closes_all_the_same(tmp_path, writer, clock):
    pass_time(writer, clock, at(0, hour=15))
    flush(writer)
    pass_time(writer, clock, at(0, hour=16))
    flush(writer)
    pass_time(writer, clock, at(0, hour=17))
    flush(writer)
    assert (tmp_path / "2026-01-29T15.ndjson").read_bytes() == b""
    assert (tmp_path / "2026-01-29T16.ndjson").read_bytes() == b""
    assert (tmp_path / "2026-01-29T17.ndjson.open").exists()


def test_an_outage_over_the_hour_is_recorded_in_both_hours(tmp_path, writer, clock):
    pass_time(writer, clock, at(59, 40))
    writer.lost(FEED, at(59, 40), "it broke")
    pass_time(writer, clock, at(0, 5, hour=15))
    writer.found(FEED, clock.now)
    flush(writer)
    (first,), (second,) = closed_lines(tmp_path), open_lines(tmp_path)
    assert (first["from_at"], first["to_at"], first["reason"]) == (
        "2026-01-29T14:59:40.000000Z",
        "2026-01-29T15:00:00.000000Z",
        "it broke",
    )
    assert (second["from_at"], second["to_at"], second["reason"]) == (
        "2026-01-29T15:00:00.000000Z",
        "2026-01-29T15:00:05.000000Z",
        "it broke",
    )


def test_a_machine_that_slept_for_hours_records_a_gap_and_leaves_them_out(tmp_path, writer, clock):
    flush(writer)
    clock.now = at(10, hour=17)
    flush(writer)
    (slept,) = closed_lines(tmp_path)
    assert (slept["from_at"], slept["to_at"]) == (
        "2026-01-29T14:20:00.000000Z",
        "2026-01-29T15:00:00.000000Z",
    )
    (still,) = open_lines(tmp_path)
    assert (still["from_at"], still["to_at"]) == (
        "2026-01-29T17:00:00.000000Z",
        "2026-01-29T17:10:00.000000Z",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "2026-01-29T14.ndjson",
        "2026-01-29T17.ndjson.open",
    ]


def test_a_clock_that_is_set_back_by_seconds_starts_no_new_segment(tmp_path, writer, clock):
    for clock.now in (at(59, 59), at(0, 1, hour=15), at(59, 58)):
        writer.frame(FEED, f"{clock.now:%H:%M:%S}")
    flush(writer)
    assert [line["frame"] for line in open_lines(tmp_path)] == ["15:00:01", "14:59:58"]


def test_a_clock_that_is_set_back_by_an_hour_loses_nothing(tmp_path, writer, clock):
    writer.frame(FEED, "at 14:20")
    for clock.now in (at(30, hour=15), at(30), at(0, hour=15)):
        writer.frame(FEED, f"at {clock.now:%H:%M}")
        flush(writer)
    frames = [line["frame"] for line in closed_lines(tmp_path) if "frame" in line]
    assert frames == ["at 14:20", "at 14:30"]
    later = closed_lines(tmp_path, 15) + open_lines(tmp_path)
    assert [line["frame"] for line in later if "frame" in line] == ["at 15:30", "at 15:00"]


def test_frames_without_room_are_counted_and_recorded(tmp_path, clock):
    line_bytes = len(segments.frame_line(at(20), "frame 0"))
    writer = SegmentWriter(tmp_path, clock, ThreadPoolExecutor(1), max_bytes=2 * line_bytes)
    for number in range(7):
        clock.now = at(20, number)
        assert (writer.frame(FEED, f"frame {number}") is None) == (number >= 2)
    flush(writer)
    clock.now = at(20, 7)
    assert writer.frame(FEED, "frame 7") == at(20, 7)
    flush(writer)
    first, second, written, last = open_lines(tmp_path)
    assert [one["frame"] for one in (first, second, last)] == ["frame 0", "frame 1", "frame 7"]
    assert written == {
        "received_at": "2026-01-29T14:20:06.000000Z",
        "event": "gap",
        "stream": FEED,
        "reason": "frames were dropped",
        "from_at": "2026-01-29T14:20:02.000000Z",
        "to_at": "2026-01-29T14:20:06.000000Z",
        "dropped": 5,
    }


def test_a_full_disk_is_reported_and_retried_and_nothing_is_lost(
    tmp_path, writer, clock, monkeypatch
):
    append = segments.append

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(segment_writer, "append", full)
    writer.frame(FEED, "during")
    flush(writer)
    assert "cannot be written: No space left on device" in writer.problem
    assert writer.failed_since == at(20)
    assert writer.held_bytes > 0
    clock.now = at(20, 20)
    writer.frame(FEED, "later")
    monkeypatch.setattr(segment_writer, "append", append)
    flush(writer)
    assert [line["frame"] for line in open_lines(tmp_path)] == ["during", "later"]
    assert (writer.problem, writer.failed_since, writer.held_bytes) == ("", None, 0)


def test_an_hour_that_could_not_be_closed_is_closed_later_without_repeats(
    tmp_path, writer, clock, monkeypatch
):
    close = segments.close
    writer.frame(FEED, "of 14")
    flush(writer)

    def refused(*_: Any) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(segment_writer, "close", refused)
    pass_time(writer, clock, at(0, hour=15))
    writer.frame(FEED, "of 15")
    flush(writer)
    monkeypatch.setattr(segment_writer, "close", close)
    flush(writer)
    assert [line["frame"] for line in closed_lines(tmp_path)] == ["of 14"]
    assert [line["frame"] for line in open_lines(tmp_path)] == ["of 15"]
