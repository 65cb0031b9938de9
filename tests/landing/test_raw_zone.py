"""The raw zone stores bytes as received and numbers their lines, or states why it cannot."""

from __future__ import annotations

import gzip
import hashlib
import io
import zipfile
from datetime import UTC, datetime

import lz4.frame
import pyarrow.parquet as pq
import pytest

from unwind.landing import lines as lines_of_objects
from unwind.landing import raw
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


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return packed.getvalue()


def test_bytes_come_back_exactly_and_lines_carry_their_numbers(zone):
    payload = b"a,b\r\n\nlast without end \xff"
    obj = put(zone, payload)
    assert zone.read(obj) == payload
    assert obj.lines == 3
    assert lines_of(zone, obj) == [(1, "a,b"), (2, ""), (3, "last without end \\xff")]


@pytest.mark.parametrize("change", ["replaced", "appended to"])
def test_a_file_that_changes_while_it_is_read_is_what_was_kept_of_it(
    zone, tmp_path, monkeypatch, change
):
    file, other = tmp_path / "file", tmp_path / "other"
    file.write_bytes(b"1\n2\n3\n")
    opened = raw._opened

    def changing(payload):
        stream = opened(payload)
        if change == "replaced":
            other.write_bytes(b"another\n")
            other.replace(file)
        else:
            with file.open("ab") as end:
                end.write(b"4\n")
        return stream

    monkeypatch.setattr(raw, "_opened", changing)
    obj = put(zone, file)
    assert obj.sha256 == hashlib.sha256(zone.read(obj)).hexdigest()
    assert zone.damaged_lines(obj, all_of_it=True) is None
    kept = ["1", "2", "3"] if change == "replaced" else ["1", "2", "3", "4"]
    assert [text for _, text in lines_of(zone, obj)] == kept
    # What the file is now is another object.
    monkeypatch.undo()
    assert (put(zone, file).sha256 == obj.sha256) is (change == "appended to")


def test_the_sha256_is_of_the_bytes_as_received(zone):
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
def test_compressed_files_are_kept_as_received_with_their_lines_beside(zone, pack, packing):
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
        (zipped({"x.csv": (b"0" * 999_999 + b"\n") * 80}), "unpacks to more than"),
        (zipped({"x.csv": b"0" * 80_000_000}), "unpacks to more than"),
    ],
    ids=[
        *("parent path", "absolute path", "two files", "cut zip", "cut lz4", "absurd ratio"),
        "absurd line",
    ],
)
def test_a_payload_that_cannot_be_unpacked_is_kept_with_the_reason(zone, payload, why):
    obj = put(zone, payload)
    assert why in obj.problem
    assert obj.lines == 0
    assert zone.read(obj) == payload
    assert not zone.lines_path(obj.venue, obj.sha256).exists()


PACKERS = {
    "zip deflate": lambda payload: zipped({"x.csv": payload}),
    "zip lzma": lambda payload: zipped({"x.csv": payload}, zipfile.ZIP_LZMA),
    "zip bzip2": lambda payload: zipped({"x.csv": payload}, zipfile.ZIP_BZIP2),
    "gz": gzip.compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("pack", PACKERS.values(), ids=PACKERS)
def test_a_flipped_byte_anywhere_gives_a_reason_and_no_traceback(zone, pack):
    sound = pack(b"".join(b"%d,some text that packs\n" % n for n in range(400)))
    outcomes = set()
    for place in range(4, len(sound), max(1, len(sound) // 60)):
        damaged = bytearray(sound)
        damaged[place] ^= 0x55
        obj = put(zone, bytes(damaged))
        outcomes.add(obj.problem is None)
        assert obj.problem is None or "broken" in obj.problem or "zip" in obj.problem, obj.problem
        assert zone.read(obj) == bytes(damaged)
    # A change in some bytes (a time, a flag) is harmless; in most it is not.
    assert False in outcomes


def test_an_empty_zip_has_no_line_of_text(zone):
    obj = put(zone, zipped({}))
    assert (obj.packing, obj.lines) == ("zip", 0)
    assert "holds 0 files" in obj.problem


def test_a_line_that_is_too_long_is_replaced_by_one_that_no_format_reads(zone, monkeypatch):
    monkeypatch.setattr(lines_of_objects, "MAX_LINE_BYTES", 1_000)
    cut = "a line of 5001 bytes, cut: " + "x" * 100
    for payload in (b"x" * 5_000 + b"\n", b"\n" + b"x" * 5_000 + b"\nlast\n"):
        for packed in (payload, gzip.compress(payload)):
            obj = put(zone, packed)
            whole = payload.decode().replace("x" * 5_000, cut).splitlines()
            assert lines_of(zone, obj) == list(enumerate(whole, start=1))
            assert zone.read(obj) == packed
    assert lines_of(zone, put(zone, b"x" * 999 + b"\n")) == [(1, "x" * 999)]


def test_a_line_without_end_is_refused_before_it_fills_the_memory(zone, monkeypatch):
    monkeypatch.setattr(lines_of_objects, "MAX_LINE_BYTES", 1_000)
    monkeypatch.setattr(lines_of_objects, "MAX_UNPACKED_BYTES", 10_000_000)
    assert "more than 10,000,000 bytes" in put(zone, gzip.compress(b"x" * 30_000_000)).problem


def test_more_lines_than_any_archive_has_are_refused(zone, monkeypatch):
    monkeypatch.setattr(lines_of_objects, "MAX_LINES", 1_000)
    assert "more than 1,000 lines" in put(zone, lz4.frame.compress(b"\n" * 1_001)).problem
    assert put(zone, lz4.frame.compress(b"\n" * 1_000)).lines == 1_000


@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gz"])
def test_a_file_may_be_as_large_as_its_own_bytes_explain(zone, monkeypatch, pack):
    monkeypatch.setattr(lines_of_objects, "MAX_UNPACKED_BYTES", 1_000)
    monkeypatch.setattr(lines_of_objects, "MAX_LINES", 10)
    # Digests in hexadecimal pack to half at best: lines of over 16 bytes, below a hundredfold.
    lines = [f"{n},{hashlib.sha256(b'%d' % n).hexdigest()}" for n in range(500)]
    obj = put(zone, pack("".join(f"{line}\n" for line in lines).encode()))
    assert (obj.problem, obj.lines) == (None, 500)
    assert zone.line(obj, 500) == lines[-1]
    assert zone.damaged_lines(obj, all_of_it=True) is None
    assert zone.derive_lines(obj) is None


def test_lines_are_whole_wherever_a_block_ends(zone, monkeypatch):
    monkeypatch.setattr(lines_of_objects, "BLOCK_BYTES", 1_003)
    obj = put(zone, b"".join(b"%04d\n" % n for n in range(1_000)))
    assert lines_of(zone, obj) == [(n + 1, f"{n:04d}") for n in range(1_000)]


def test_a_manifest_entry_survives_its_json_form(zone):
    obj = put(zone, b"one\n")
    assert RawObject.from_json(obj.as_json()) == obj
    assert obj.as_json()["imported_at"] == "2026-01-29T15:00:20.000000Z"


# --- verifying what is stored -------------------------------------------------------------------


@pytest.mark.parametrize("packed", [False, True], ids=["zst", "gz"])
def test_damage_is_detected_and_repaired_by_the_same_bytes(tmp_path, packed):
    zone = RawZone(Home(tmp_path))
    payload = b"one\ntwo\nthree\n" * 500
    payload = gzip.compress(payload, mtime=0) if packed else payload

    def put():
        return zone.put(payload, venue="okx", dataset="x", format="rest", name="x")

    obj = put()
    assert (zone.damage(obj), zone.damaged_lines(obj, all_of_it=True)) == (None, None)
    stored = zone.object_path("okx", obj.sha256, obj.packing)
    sound = stored.read_bytes()
    for damaged in (sound[:-9], sound[:9] + b"?" + sound[10:], b""):
        stored.write_bytes(damaged)
        assert "is damaged" in zone.damage(obj)
    stored.unlink()
    assert "is missing" in zone.damage(obj)
    assert put() == obj
    assert stored.read_bytes() == sound


def test_lines_are_derived_again_and_each_is_read_from_the_object(tmp_path):
    zone = RawZone(Home(tmp_path))
    obj = zone.put(b"one\ntwo\n\xff\n", venue="okx", dataset="x", format="rest", name="x")
    lines = zone.lines_path("okx", obj.sha256)
    whole = lines.read_bytes()
    for damage in (b"", b"PAR1", whole[:-8]):
        lines.write_bytes(damage)
        assert "missing or cannot be read" in zone.damaged_lines(obj)
        assert zone.derive_lines(obj) is None
        assert lines.read_bytes() == whole
    assert [zone.line(obj, number) for number in (1, 3, 4)] == ["one", "\\xff", None]
    zone.object_path("okx", obj.sha256, obj.packing).unlink()
    lines.unlink()
    assert "is missing" in zone.derive_lines(obj)
