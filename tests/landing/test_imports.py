"""Imports are idempotent; unreadable files are refused with one sentence."""

from __future__ import annotations

import bz2
import lzma
from datetime import UTC, datetime
from pathlib import Path

import pytest
import zstandard

from unwind.landing.imports import ImportRefusedError, check_venue_and_format, import_files
from unwind.landing.ledger import Ledger
from unwind.settings import Home

NOW = datetime(2026, 1, 29, 15, 0, 20, tzinfo=UTC)
ROW = "BTC,SELL,LIMIT,IOC,0.1,80000,80100,FILLED,0.1,0.1,1769695200000,8010\n"


@pytest.fixture
def home(tmp_path) -> Home:
    return Home(tmp_path / "home")


def written(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text)
    return path


def packed(folder: Path, name: str, content: bytes) -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def take(home: Home, *files: Path):
    return import_files(home, "binance", "force-order-csv", files, lambda: NOW)


def test_an_import_is_one_sealed_batch_without_a_time_of_receipt(home, tmp_path):
    report = take(home, written(tmp_path, "a.csv", ROW), written(tmp_path, "b.csv", ROW * 2))
    assert report.seal.batch.kind == "import"
    assert [obj.lines for obj in sorted(report.imported, key=lambda obj: obj.name)] == [1, 2]
    assert {obj.received_at for obj in report.imported} == {None}
    assert {obj.imported_at for obj in report.imported} == {NOW}


def test_importing_again_changes_nothing_also_under_another_name(home, tmp_path):
    take(home, written(tmp_path, "a.csv", ROW))
    again = take(home, written(tmp_path, "a.csv", ROW), written(tmp_path, "copy.csv", ROW))
    assert again.seal is None
    assert again.already_there == ("a.csv", "copy.csv")
    assert len(Ledger(home).sealed()) == 1


def test_only_new_files_are_imported(home, tmp_path):
    take(home, written(tmp_path, "a.csv", ROW))
    report = take(home, written(tmp_path, "a.csv", ROW), written(tmp_path, "b.csv", ROW * 2))
    assert [obj.name for obj in report.imported] == ["b.csv"]
    assert report.already_there == ("a.csv",)


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda folder: folder / "absent.csv", "is not a file"),
        (lambda folder: folder, "is not a file"),
        (lambda folder: written(folder, "empty.csv", ""), "is empty"),
        (lambda folder: packed(folder, "a.csv.bz2", bz2.compress(ROW.encode())), "packed by bzip2"),
        (lambda folder: packed(folder, "a.csv.xz", lzma.compress(ROW.encode())), "packed by xz"),
        (lambda folder: packed(folder, "a.csv.zst", zstandard.compress(b"x")), "packed by zstd"),
    ],
)
def test_an_unreadable_file_is_refused_and_nothing_is_sealed(home, tmp_path, make, why):
    with pytest.raises(ImportRefusedError, match=why):
        take(home, written(tmp_path, "good.csv", ROW), make(tmp_path))
    assert Ledger(home).sealed() == []


def test_a_broken_zip_is_refused(home, tmp_path):
    broken = tmp_path / "BTCUSD_PERP-liquidationSnapshot-2024-10-14.zip"
    broken.write_bytes(b"PK\x03\x04 this is no archive")
    with pytest.raises(ImportRefusedError, match="broken zip"):
        import_files(home, "binance", "liquidation-snapshot", [broken], lambda: NOW)


def test_wrong_venues_and_formats_are_named():
    venues = ["binance", "bybit"]
    assert "no venue 'binanse'" in check_venue_and_format("binanse", "frames", venues)
    assert "no format 'csv'" in check_venue_and_format("binance", "csv", venues)
    assert "is a format of binance" in check_venue_and_format("bybit", "force-order-csv", venues)
    assert check_venue_and_format("bybit", "frames", venues) is None
