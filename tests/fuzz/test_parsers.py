"""The parts of external files parsed in Python: a broken line affects no other, whatever it is."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from unwind.http.payload import parse
from unwind.landing.imports import ImportRefusedError, import_files
from unwind.landing.ledger import Batch, Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.recorder.segments import continue_open, missed_in, open_path
from unwind.settings import Home
from unwind.warehouse.state import staging_state, write_build_batches

HOUR_AT = datetime(2026, 6, 30, 12, tzinfo=UTC)
NOW = HOUR_AT + timedelta(hours=2)
IN_A_MOMENT = settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])

numbers = st.one_of(st.integers(), st.floats(), st.just(10**400))
instants = st.sampled_from(
    [
        *("2026-06-30T12:10:00Z", "2026-06-30T12:20:00.5+02:00", "0001-01-01T00:00:00+14:00"),
        *("9999-12-31T23:59:59-14:00", "2026-02-30", "12:00", "", "2026-06-30"),
    ]
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, instants, st.text(max_size=8)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=6,
)
gaps = st.fixed_dictionaries(
    {"event": st.just("gap")},
    optional={"from_at": values, "to_at": values, "dropped": values, "stream": values},
).map(lambda gap: json.dumps(gap).encode())
DEEP = b'{"event":"gap","from_at":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
lines = st.one_of(gaps, st.binary(max_size=60).map(lambda junk: b'"event""gap"' + junk))


@given(st.lists(lines, max_size=6))
@example([DEEP])
@example([b'{"event":"gap","dropped":Infinity,"from_at":1e999}'])
@example(
    [b'{"event":"gap","from_at":"0001-01-01T00:00:00+14:00","to_at":"9999-12-31T23:59-14:00"}']
)
@IN_A_MOMENT
def test_no_gap_line_breaks_the_sum_of_missed_time(listed: list[bytes]) -> None:
    missed = missed_in(listed, HOUR_AT)
    assert 0 <= missed.seconds <= 3600
    assert missed.frames >= 0


@given(st.lists(st.one_of(lines, st.binary(max_size=40)), max_size=4))
@example([DEEP + b"\n"])
@IN_A_MOMENT
def test_an_open_segment_is_closed_whatever_it_contains(listed: list[bytes]) -> None:
    with a_folder() as folder:
        open_path(folder, HOUR_AT).write_bytes(b"\n".join(listed))
        continue_open(folder, NOW, None)
        (closed,) = folder.iterdir()
        assert closed.suffix == ".ndjson"


@given(st.binary(max_size=200))
@example(b"[" * 100_000 + b"]" * 100_000)
@example(b"\xff\xfe{}")
@example(b'{"a": 1e400}')
@IN_A_MOMENT
def test_any_body_is_json_or_reported_as_invalid(payload: bytes) -> None:
    parsed, fault = parse(payload)
    assert fault is None or parsed is None


CSV_FORMATS = ("force-order-csv", "bars-csv", "oi-csv", "funding-csv", "tardis-csv", "klines-csv")


@given(
    st.sampled_from(CSV_FORMATS),
    st.lists(st.lists(st.text(max_size=6), min_size=1, max_size=14), min_size=1, max_size=5),
    st.sampled_from([",", ";", "\t", "|"]),
    st.booleans(),
)
@example("force-order-csv", [["0"], ["\r", '"']], ",", False)
@example("force-order-csv", [["0"], ['"' + "a" * 140_000 + '"']], ",", False)
@IN_A_MOMENT
def test_any_csv_file_is_read_or_refused_in_a_sentence(
    format: str, rows: list[list[str]], separator: str, has_header: bool
) -> None:
    header = "symbol,time,open_time,rate,open_interest,unit,sides".replace(",", separator) + "\n"
    text = (header if has_header else "") + "\n".join(separator.join(row) for row in rows)
    with a_folder() as folder:
        file = folder / "mine.csv"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        with suppress(ImportRefusedError):
            import_files(Home(folder / "home"), "binance", format, [file], lambda: NOW)


@contextmanager
def a_folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


ROW = "BTC,SELL,LIMIT,IOC,0.1,80000,80100,FILLED,0.1,0.1,1769695200000,8010\n"


@pytest.mark.parametrize("name", [b"\xff\xfe.csv", b"a\nb.csv", b"{{ 191 * 7 }}'\".csv"])
def test_no_file_name_stops_the_next_refresh(tmp_path: Path, name: bytes) -> None:
    home, file = Home(tmp_path / "home"), tmp_path / os.fsdecode(name)
    file.write_text(ROW)
    seal = import_files(home, "binance", "force-order-csv", [file], lambda: NOW).seal
    assert seal is not None
    with staging_state(home) as state:
        write_build_batches(state, home, [seal])
        shown = name.decode("utf-8", "surrogateescape").encode("utf-8", "backslashreplace").decode()
        assert state.execute("select name from ops.build_objects").fetchall() == [(shown,)]


def test_no_message_of_an_exchange_stops_the_next_refresh(tmp_path: Path) -> None:
    home, ledger = Home(tmp_path), Ledger(Home(tmp_path))
    words = json.loads('"half a character: \\ud800"')
    batch = Batch("hour-2026-06-30T12", "hour", HOUR_AT, HOUR_AT + timedelta(hours=1))
    landing = Landing("liquidations", "failed", words, 1, (), NOW)
    ledger.record_landing(batch.batch_id, "okx", [landing])
    with staging_state(home) as state:
        write_build_batches(state, home, [ledger.seal(batch, NOW)])
        (stored,) = state.execute("select detail from ops.batch_outcomes").fetchone() or ("",)
        assert stored == "half a character: \\ud800"


@pytest.mark.parametrize(
    "line",
    [
        b'{"received_at": "2026-06-30T12:00:00Z", "frame": "\xff\xfe"}',
        b'{"frame": "\x00"}',
        b"\xed\xa0\x80",
        b"\x00" * 20,
        DEEP,
        b'{"frame": "' + b"x" * 20_000_000 + b'"}',
    ],
    ids=["no UTF-8", "a NUL", "a lone surrogate", "NULs alone", "nested deeply", "20 MB long"],
)
def test_a_line_of_any_bytes_is_one_numbered_line_beside_its_neighbours(
    tmp_path: Path, line: bytes
) -> None:
    zone = RawZone(Home(tmp_path))
    payload = b"first\n" + line + b"\nlast\n"
    obj = zone.put(payload, venue="okx", dataset="mixed", format="frames", name="mine.ndjson")
    assert (obj.problem, obj.lines) == (None, 3)
    assert zone.read(obj) == payload
    stored = duckdb.execute(
        "select raw_line, text from read_parquet(?) where raw_line != 2 order by raw_line",
        [str(zone.lines_path("okx", obj.sha256))],
    ).fetchall()
    assert stored == [(1, "first"), (3, "last")]
