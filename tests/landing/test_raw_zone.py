"""The raw zone keeps bytes as they came, numbers their lines, and says why it cannot."""

from __future__ import annotations

import io
import zipfile
from datetime import UTC, datetime

import lz4.frame
import pyarrow.parquet as pq
import pytest

from unwind.landing.raw import RawObject, RawZone
from unwind.settings import Home

NOW = datetime(2026, 1, 29, 15, 0, 20, tzinfo=UTC)


@pytest.fixture
def zone(tmp_path) -> RawZone:
    return RawZone(Home(tmp_path))


def put(zone: RawZone, payload: bytes) -> RawObject:
    return zone.put(
        payload, venue="binance", dataset="liquidations", format="frames", name="x", imported_at=NOW
    )


def lines_of(zone: RawZone, obj: RawObject) -> list[tuple[int, str]]:
    table = pq.read_table(zone.lines_path(obj.venue, obj.sha256))
    return [(row["raw_line"], row["text"]) for row in table.to_pylist()]


def zipped(members: dict[str, bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_bytes_come_back_exactly_and_lines_carry_their_numbers(zone):
    payload = b"a,b\r\n\nlast without end \xff"
    obj = put(zone, payload)
    assert zone.read(obj) == payload
    assert obj.lines == 3
    assert lines_of(zone, obj) == [(1, "a,b"), (2, ""), (3, "last without end \\xff")]


def test_the_sha256_is_of_the_bytes_as_they_came(zone):
    # printf 'abc' | sha256sum
    assert put(zone, b"abc").sha256 == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    )


def test_the_same_bytes_twice_write_nothing(zone, tmp_path):
    first = put(zone, b"one\n")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert put(zone, b"one\n") == first
    assert before == {
        path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize(
    ("pack", "packing"),
    [
        (lambda lines: zipped({"x.csv": lines}), "zip"),
        (lz4.frame.compress, "lz4"),
    ],
)
def test_packed_files_are_kept_as_they_came_with_their_lines_beside(zone, pack, packing):
    payload = pack(b"one\ntwo\n")
    obj = put(zone, payload)
    assert (obj.packing, obj.lines) == (packing, 2)
    assert zone.read(obj) == payload
    assert lines_of(zone, obj) == [(1, "one"), (2, "two")]


@pytest.mark.parametrize(
    ("payload", "why"),
    [
        (zipped({"../x.csv": b"1\n"}), "is a path"),
        (zipped({"/etc/x.csv": b"1\n"}), "is a path"),
        (zipped({"x.csv": b"1\n", "y.csv": b"1\n"}), "holds 2 files"),
        (zipped({"x.csv": b"1\n"})[:-30], "broken zip"),
        (lz4.frame.compress(b"one\ntwo\n" * 1000)[:-12], "broken lz4"),
        (zipped({"x.csv": b"0" * 80_000_000}), "unpacks to more than"),
    ],
    ids=["parent path", "absolute path", "two files", "cut zip", "cut lz4", "absurd ratio"],
)
def test_what_cannot_be_unpacked_is_kept_with_the_reason(zone, payload, why):
    obj = put(zone, payload)
    assert why in obj.problem
    assert obj.lines == 0
    assert zone.read(obj) == payload
    assert not zone.lines_path(obj.venue, obj.sha256).exists()


def test_a_manifest_entry_survives_its_json_form(zone):
    obj = put(zone, b"one\n")
    assert RawObject.from_json(obj.as_json()) == obj
    assert obj.as_json()["imported_at"] == "2026-01-29T15:00:20.000000Z"
