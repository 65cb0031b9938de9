"""`unwind verify`: rebuilding a release from the raw zone of its time gives the same release."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.corrected_hours import imported, landed, sealed_again
from tests.warehouse.hand_made import at, seal
from unwind.landing.ledger import Ledger
from unwind.settings import Home
from unwind.warehouse import contents, releases, stands_on
from unwind.warehouse.refresh import refresh
from unwind.warehouse.releases import NoReleaseError
from unwind.warehouse.reproduction import UnverifiableError, verify

IS_LONG = bool(os.environ.get("UNWIND_LONG"))
# Up to the corrected hour; `make chaos` runs all steps.
RELEASES = 10 if IS_LONG else 3


def later_steps(home: Home) -> list[tuple[Callable[[], object], int, int]]:
    """Changes to a home, each with the hour and minute of the refresh after it."""
    ledger = Ledger(home)
    return [
        (lambda: imported(home, 9), 12, 31),
        (lambda: ledger.withdraw("hour-2026-01-29T10", "bybit", "a trial", at(12, 40)), 12, 41),
        (
            lambda: ledger.withdraw("hour-2026-01-29T10", "bybit", "it was", at(12, 50), undo=True),
            12,
            51,
        ),
        ((lambda: (landed(home, 12), seal(home, 12))), 13, 1),
        (lambda: sealed_again(home, 12, 5), 14, 6),
        (lambda: imported(home, 11), 14, 31),
        ((lambda: (landed(home, 14), seal(home, 14))), 15, 1),
    ]


@pytest.fixture(scope="module")
def home(corrected_hour: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """Releases after hours, a corrected hour, late imports, a withdrawal and its undo."""
    home = Home(tmp_path_factory.mktemp("reproduced") / "home")
    shutil.copytree(corrected_hour.root, home.root, symlinks=True)
    for number, (happen, hour, minute) in enumerate(later_steps(home)[: RELEASES - 3], 4):
        happen()
        done = refresh(home, clock=lambda hour=hour, minute=minute: at(hour, minute))
        assert done.release_id is not None, number
    return home


def test_each_release_stands_on_what_was_sealed_by_then(home: Home) -> None:
    batches = [len(stands_on.read(one.path)) for one in reversed(releases.listed(home))]
    assert batches == [1, 2, 2, 3, 3, 3, 4, 4, 5, 6][:RELEASES]


@pytest.mark.parametrize("place", range(10) if IS_LONG else [1])
def test_a_past_release_is_reproduced(home: Home, place: int) -> None:
    released = releases.listed(home)[::-1][place]
    found = verify(home, released.release_id)
    assert (found.damaged, found.changed, found.differing) == ((), (), ())
    assert found.is_verified
    assert found.rows > 50
    assert releases.listed(home)[0].is_current
    assert not list(home.temp.rglob("verified"))


def test_what_has_changed_is_named(home: Home, tmp_path: Path) -> None:
    changed = Home(tmp_path / "changed")
    shutil.copytree(home.root, changed.root, symlinks=True)
    folder = changed.current.resolve()
    database = folder / "warehouse.duckdb"
    database.chmod(0o644)
    with duckdb.connect(str(database)) as release:
        release.execute(
            "update marts.liquidations_hourly set long_usd = long_usd + 1 where venue = 'bybit'"
        )
    entry = Ledger(changed).entry("hour-2026-01-29T10", 1)
    entry.chmod(0o644)
    entry.write_text(entry.read_text() + "\n")
    found = verify(changed)
    assert {one.mart for one in found.damaged} == {"liquidations_hourly"}
    assert {one.mart for one in found.differing} == {"liquidations_hourly"}
    assert found.changed == ("hour-2026-01-29T10 r1",)
    assert not found.is_verified


def test_a_release_that_is_pruned_meanwhile(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pruned = Home(tmp_path / "pruned")
    shutil.copytree(home.root, pruned.root, symlinks=True)
    oldest = releases.listed(pruned)[-1]
    read = contents.contents_of

    def pruned_before(folder: Path) -> contents.Contents:
        shutil.rmtree(oldest.path)
        return read(folder)

    monkeypatch.setattr(contents, "contents_of", pruned_before)
    with pytest.raises(NoReleaseError, match=f"{oldest.release_id} was pruned while it was read"):
        verify(pruned, oldest.release_id)


def test_a_release_that_cannot_be_verified(home: Home, tmp_path: Path) -> None:
    with pytest.raises(UnverifiableError, match="is not empty; name a new folder"):
        verify(home, keep_in=home.root)
    with pytest.raises(NoReleaseError, match="no release '2020' in"):
        verify(home, "2020")
    old = Home(tmp_path / "old")
    shutil.copytree(home.root, old.root, symlinks=True)
    described = old.current.resolve() / "release.json"
    described.chmod(0o644)
    described.write_text(described.read_text().replace("known_to", "known"))
    with pytest.raises(UnverifiableError, match="an older version published it"):
        verify(old)
