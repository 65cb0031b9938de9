"""The raw zone and releases in object storage: whole, verified, and enough to begin again from."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest
from loopback_s3 import KEY, SECRET
from tests import prebuilt
from tests.narrowing import FEW_SUITES, narrowed
from tests.warehouse.corrected_hours import landed
from tests.warehouse.hand_made import at, marts, query, seal
from typer.testing import CliRunner

from unwind.cli import app
from unwind.errors import SettingError
from unwind.landing.ledger import Ledger
from unwind.landing.raw import RawZone
from unwind.outputs import pushing, stored_raw
from unwind.outputs.object_store import ObjectStore, StoreError, store
from unwind.outputs.stored_raw import pull_raw, push_raw
from unwind.outputs.stored_releases import POINTER, pull_release, push_release
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse.refresh import refresh

PROJECT = Path(__file__).resolve().parents[2]
# What stands on raw data most directly, and a mart of every hour; others would take minutes.
BUILT = ("fct_liquidations", "liquidations_hourly")
NOW = datetime(2026, 1, 29, 15, 2, tzinfo=UTC)


def files_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.fixture
def landed_home(tmp_path) -> Home:
    """Two hours of two venues, landed and sealed: nothing of it is built."""
    home = Home(tmp_path / "home")
    for hour in (9, 10):
        landed(home, hour)
        seal(home, hour)
    home.identity.write_text("the home's id")
    return home


def test_a_lost_home_is_built_again_from_the_store(s3, two_hours, empty_tables, tmp_path):
    # Two venues in each of two hours: an object and a file of landings each, and an entry an hour.
    moved = push_raw(two_hours, s3, no_progress)
    assert (moved.files, moved.of, moved.damaged) == (4 + 4 + 2, 10, ())
    home = Home(tmp_path / "new")
    assert pull_raw(home, s3, no_progress).files == 10
    for folder in ("raw/objects", "ledger"):
        assert files_below(home.root / folder) == files_below(two_hours.root / folder)
    assert home.identity.read_bytes() == two_hours.identity.read_bytes()
    # The history of releases is nowhere in raw data: it comes from the release.
    push_release(two_hours, s3, NOW, no_progress)
    last = pull_release(home, s3, NOW, no_progress)
    assert last == two_hours.current.resolve().name
    prebuilt.prepare(empty_tables, home)
    with narrowed(BUILT, FEW_SUITES):
        assert refresh(home, clock=lambda: at(12)).release_id is not None
    rebuilt, before = marts(home), marts(two_hours)
    assert {name: rebuilt[name] for name in BUILT} == {name: before[name] for name in BUILT}
    assert all(before[name] for name in BUILT)
    history = "select release_id from marts.published_releases order by release_id"
    former, now = query(two_hours, history), query(home, history)
    assert (len(former), now[:2]) == (2, former)
    assert now[2:] == [(home.current.resolve().name,)]


def test_what_is_there_is_not_moved_again(s3, landed_home, tmp_path):
    assert push_raw(landed_home, s3, no_progress).files == 10
    assert push_raw(landed_home, s3, no_progress).files == 0
    home = Home(tmp_path / "new")
    assert pull_raw(home, s3, no_progress).files == 10
    # Lines are derived, not moved, and come out the same.
    assert not s3.listed("raw/lines")
    assert files_below(home.root / "raw") == files_below(landed_home.root / "raw")
    assert pull_raw(home, s3, no_progress).files == 0


class CutOffError(Exception):
    """The process ends here."""


def cut_off(monkeypatch, uploads: int) -> None:
    """Uploads end after so many files."""
    real, left = ObjectStore.put, [uploads]

    def put(self: ObjectStore, files: dict) -> None:
        if left[0] < len(files):
            raise CutOffError
        left[0] -= len(files)
        real(self, files)

    monkeypatch.setattr(ObjectStore, "put", put)


@pytest.mark.parametrize("uploads", [2, 5, 9])
def test_a_push_that_was_cut_off_left_nothing_half_and_goes_on(
    s3, landed_home, tmp_path, monkeypatch, uploads
):
    monkeypatch.setattr(stored_raw, "FILES_AT_ONCE", 1)
    with monkeypatch.context() as patch:
        cut_off(patch, uploads)
        with pytest.raises(CutOffError):
            push_raw(landed_home, s3, no_progress)
    half = Home(tmp_path / "half")
    assert pull_raw(half, s3, no_progress).damaged == ()
    zone, ledger = RawZone(half), Ledger(half)
    objects = [
        obj
        for ref in ledger.sealed()
        for landings in ledger.read(ref).landings.values()
        for landing in landings
        for obj in landing.objects
    ]
    assert [zone.damage(obj) for obj in objects] == [None] * len(objects)
    assert push_raw(landed_home, s3, no_progress).files == 10 - uploads
    pull_raw(half, s3, no_progress)
    assert files_below(half.root / "ledger") == files_below(landed_home.root / "ledger")


def test_a_landing_of_an_open_batch_is_uploaded_again_when_it_has_changed(
    s3, landed_home, tmp_path
):
    home = landed_home
    push_raw(home, s3, no_progress)
    path = home.landed / "hour-2026-01-29T10" / "bybit.json"
    # As many bytes as before.
    path.write_text(path.read_text().replace('"requests": 1', '"requests": 2'))
    assert push_raw(home, s3, no_progress).files == 1
    assert s3.read(f"ledger/landed/hour-2026-01-29T10/{path.name}") == path.read_bytes()


def test_damaged_objects_go_neither_up_nor_down(s3, landed_home, tmp_path):
    home = landed_home
    first, second, *_ = sorted(home.raw_objects.rglob("*.zst"))
    sound = first.read_bytes()
    first.write_bytes(sound[:-1] + bytes([sound[-1] ^ 1]))
    name = first.relative_to(home.root).as_posix()
    assert push_raw(home, s3, no_progress).damaged == (name,)
    assert s3.read(name) is None
    first.write_bytes(sound)
    push_raw(home, s3, no_progress)
    other = second.relative_to(home.root).as_posix()
    s3.write(other, b"damaged there")
    new = Home(tmp_path / "new")
    assert set(pull_raw(new, s3, no_progress).damaged) == {other}
    assert not (new.root / other).exists()
    assert (new.root / name).read_bytes() == sound
    # What is sound in the home repairs the store.
    assert push_raw(home, s3, no_progress).files == 1
    assert pull_raw(new, s3, no_progress).damaged == ()


def test_a_store_belongs_to_one_home(s3, landed_home, tmp_path):
    push_raw(landed_home, s3, no_progress)
    other = Home(tmp_path / "other")
    other.root.mkdir()
    other.identity.write_text("another id")
    with pytest.raises(StoreError, match="raw zone of another home: give each home a prefix"):
        push_raw(other, s3, no_progress)
    with pytest.raises(StoreError, match="another home: pull it into an empty folder"):
        pull_raw(other, s3, no_progress)
    with pytest.raises(StoreError, match=r"nothing was built in .*; run `unwind refresh` first"):
        push_raw(Home(tmp_path / "empty"), s3, no_progress)


def test_a_name_that_leads_out_of_the_home_is_refused(s3, landed_home, tmp_path):
    push_raw(landed_home, s3, no_progress)
    s3.files.pipe_file(f"{s3.root}/ledger/batches/../../../evil.json", b"{}")
    new = Home(tmp_path / "new" / "home")
    with pytest.raises(StoreError, match="has an object of no home"):
        pull_raw(new, s3, no_progress)
    assert not (tmp_path / "new" / "evil.json").exists()


def publish(home: Home, day: int, rows: str = "rows") -> str:
    """A release by hand: its file, its description, and the link to it."""
    release_id = f"202601{day:02d}T150200Z-00"
    folder = home.releases / release_id
    (folder / "models").mkdir(parents=True)
    (folder / "warehouse.duckdb").write_text(f"{rows} of {day}")
    (folder / "models" / "leverage_hourly.sql").write_text("select 1")
    described = {
        **{"release_id": release_id, "built_at": f"2026-01-{day:02d}T15:02:00Z"},
        **{"first_hour_at": None, "last_hour_at": None, "batches": 1, "batches_new": 1},
        **{"gate_outcome": "passed", "run_id": rows},
    }
    (folder / "release.json").write_text(json.dumps(described))
    home.current.unlink(missing_ok=True)
    home.current.symlink_to(f"releases/{release_id}")
    return release_id


def current(home: Home) -> str:
    return (home.current / "warehouse.duckdb").read_text()


@pytest.fixture(params=["s3", "file"])
def place(request, tmp_path) -> ObjectStore:
    if request.param == "s3":
        return request.getfixturevalue("s3")
    return store(f"file://{tmp_path}/mount/desk")


def test_readers_get_the_release_that_the_pointer_names(place, tmp_path, monkeypatch):
    home, reader = Home(tmp_path / "home"), Home(tmp_path / "reader")
    with pytest.raises(StoreError, match="has no release yet; `unwind push`"):
        pull_release(reader, place, NOW, no_progress)
    first = publish(home, 1)
    assert push_release(home, place, NOW, no_progress) == first
    assert pull_release(reader, place, NOW, no_progress) == first
    assert current(reader) == "rows of 1"
    assert (reader.current / "models" / "leverage_hourly.sql").read_text() == "select 1"
    # sha256 of the nine bytes "rows of 1" without a line's end, by sha256sum.
    pointer = place.read_json(POINTER)
    assert pointer["database"]["bytes"] == 9
    assert pointer["database"]["sha256"] == (
        "2999fba0790e049df22e72e1684cdc5816f04d2fdd62efe2b4391d1ea063f38c"
    )

    second = publish(home, 2)
    with monkeypatch.context() as patch:
        # All is uploaded but the pointer.
        real = ObjectStore.write_json

        def write_json(self: ObjectStore, name: str, value: dict) -> None:
            if name == POINTER:
                raise CutOffError
            real(self, name, value)

        patch.setattr(ObjectStore, "write_json", write_json)
        with pytest.raises(CutOffError):
            push_release(home, place, NOW, no_progress)
    assert pull_release(reader, place, NOW, no_progress) == first
    push_release(home, place, NOW, no_progress)
    assert pull_release(reader, place, NOW, no_progress) == second
    assert current(reader) == "rows of 2"

    place.write(f"releases/{second}/warehouse.duckdb", b"rows of 9")
    other = Home(tmp_path / "other")
    with pytest.raises(StoreError, match="is not what its manifest states"):
        pull_release(other, place, NOW, no_progress)
    assert not other.current.exists()

    for name in ("../../evil", "20260103T150200Z-00"):
        place.write_json(POINTER, {**place.read_json(POINTER), "release_id": name})
        with pytest.raises(StoreError, match="is no release there; push again"):
            pull_release(other, place, NOW, no_progress)

    another = Home(tmp_path / "another")
    publish(another, 2, "other rows")
    with pytest.raises(StoreError, match=r"another release .*, of another home"):
        push_release(another, place, NOW, no_progress)


def test_old_releases_are_deleted_by_the_home_s_rule(s3, tmp_path, monkeypatch):
    monkeypatch.setenv("UNWIND_KEEP_RELEASES", "4")
    monkeypatch.setenv("UNWIND_KEEP_RELEASE_DAYS", "7")
    home = Home(tmp_path / "home")
    ids = []
    for day in range(1, 7):
        ids.append(publish(home, day))
        push_release(home, s3, datetime(2026, 1, day, 16, tzinfo=UTC), no_progress)
    there = {name.split("/")[1] for name in s3.listed("releases")}
    assert there == set(ids[2:])
    # A month later only the newest three.
    push_release(home, s3, NOW + timedelta(days=30), no_progress)
    assert {name.split("/")[1] for name in s3.listed("releases")} == set(ids[3:])


def test_no_error_shows_anything_of_the_connection_but_the_place(s3, landed_home, monkeypatch):
    monkeypatch.setenv("UNWIND_HOME", str(landed_home.root))
    cases = {
        "no such bucket": {"UNWIND_STORE": "s3://s3cr3t-none/desk"},
        "no server": {"AIRFLOW_CONN_OBJECT_STORE": f"http://{KEY}:s3cr3t@127.0.0.1:9"},
        "a torn password": {"AIRFLOW_CONN_OBJECT_STORE": f"http://{KEY}:s3cr3t/x@127.0.0.1:9"},
        "keys in the place": {"UNWIND_STORE": f"s3://{KEY}:s3cr3t@bucket/desk"},
        "no place": {"UNWIND_STORE": "bucket/s3cr3t"},
    }
    for what, changed in cases.items():
        with monkeypatch.context() as patch:
            for name, value in changed.items():
                patch.setenv(name, value)
            ran = CliRunner().invoke(app, ["push", "raw"])
        assert ran.exit_code in (1, 2), what
        sentence = ran.stderr.splitlines()[-1]
        assert sentence.startswith("unwind: "), what
        allowed = sentence.replace("s3://s3cr3t-none/desk", "")
        assert [one for one in (KEY, SECRET, "s3cr3t/", "s3cr3t@") if one in allowed] == [], what
    assert KEY not in repr(s3)
    monkeypatch.setenv("UNWIND_STORE", "")
    with pytest.raises(SettingError, match="UNWIND_STORE is not set; set it to a place such as s3"):
        store()


def test_push_and_pull_are_commands(s3, landed_home, tmp_path, monkeypatch):
    release_id = publish(landed_home, 1)
    monkeypatch.setenv("UNWIND_HOME", str(landed_home.root))
    pushed = CliRunner().invoke(app, ["push"])
    assert pushed.exit_code == 0, pushed.output
    assert f"{s3.shown} has the raw zone: 10 of 10 files new." in pushed.output
    assert f"{s3.shown} has release {release_id}." in pushed.output
    monkeypatch.setenv("UNWIND_HOME", str(tmp_path / "new"))
    pulled = CliRunner().invoke(app, ["pull", "release"])
    assert pulled.exit_code == 0, pulled.output
    assert current(Home(tmp_path / "new")) == "rows of 1"
    assert not (tmp_path / "new" / "raw").exists()
    s3.write(f"raw/objects/okx/{'0' * 64}.zst", b"damaged")
    pulled = CliRunner().invoke(app, ["pull"])
    assert pulled.exit_code == 1
    assert f"raw/objects/okx/{'0' * 64}.zst is not sound there" in pulled.stderr


def test_a_home_is_pushed_by_one_process_at_a_time(s3, landed_home, monkeypatch):
    monkeypatch.setenv("UNWIND_HOME", str(landed_home.root))
    with pushing.only_push(landed_home):
        with pytest.raises(pushing.AlreadyPushedError, match="another process is pushing"):
            pushing.push(landed_home, s3, lambda: NOW, no_progress)
        refused = CliRunner().invoke(app, ["push"])
    assert refused.exit_code == 1
    assert refused.stderr.startswith("unwind: another process is pushing")
    assert s3.listed("raw") == {}
    pushed = pushing.push(landed_home, s3, lambda: NOW, no_progress)
    assert (pushed.raw.files, pushed.raw.of, pushed.release_id) == (10, 10, None)
    release_id = publish(landed_home, 1)
    pushed = pushing.push(landed_home, s3, lambda: NOW, no_progress)
    assert (pushed.raw.files, pushed.release_id) == (0, release_id)


def test_a_push_follows_each_release_each_hour_and_a_failure():
    """Seconds of a clock: the release changes at 100, and the push at 3,700 fails once."""
    now, pushed = 0.0, []

    def wait(seconds: float) -> float:
        nonlocal now
        now += seconds
        if now > 8000:
            raise KeyboardInterrupt
        return now

    def attempt() -> bool:
        pushed.append(now)
        return now != 3700

    with pytest.raises(KeyboardInterrupt):
        pushing.follow(lambda: "second" if now >= 100 else "first", attempt, wait)
    # At once; the release, seen within 5 s; an hour later; a minute after it has failed; an hour.
    assert pushed == [0, 100, 3700, 3760, 7360]


def test_the_page_reads_a_release_as_it_is_documented(s3, tmp_path, monkeypatch, capsys):
    page = (PROJECT / "docs" / "object-storage.md").read_text()
    [code] = re.findall(r"^```python\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)
    home = Home(tmp_path / "home")
    release_id = publish(home, 1)
    path = home.current / "warehouse.duckdb"
    path.unlink()
    with duckdb.connect(str(path)) as release:
        release.execute("create schema marts")
        release.execute(
            "create table marts.release as select 'r1' as release_id, 'run-1' as run_id"
        )
    assert push_release(home, s3, NOW, no_progress) == release_id
    endpoint = s3.endpoint
    options = {"key": endpoint.login, "secret": endpoint.password, "endpoint_url": endpoint.url}
    monkeypatch.setenv("STORE_OPTIONS", json.dumps(options))
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "docs/object-storage.md", "exec"), {})
    assert capsys.readouterr().out == "[('r1', 'run-1')]\n"
