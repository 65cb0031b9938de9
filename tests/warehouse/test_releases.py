"""Readers only ever see complete releases, whatever is published while they read."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import shutil
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from shutil import rmtree

import duckdb
import pytest

from unwind.errors import UnknownNameError
from unwind.settings import Home
from unwind.warehouse import releases
from unwind.warehouse.exports import export_marts
from unwind.warehouse.promises import marts
from unwind.warehouse.state import staging_state

NOW = datetime(2026, 1, 29, 15, tzinfo=UTC)
# `make chaos` runs many more.
IS_LONG = os.environ.get("UNWIND_CHAOS") == "all"
PUBLISHES, READERS = (100, 50) if IS_LONG else (10, 3)
# Without a pause, readers leave publishing no core on a machine with two.
PAUSE_SECONDS = 0.5 if IS_LONG else 0.1

# The tables that publishing writes to, and two that must agree.
MARTS = """
create schema if not exists marts;
create or replace table marts.release (
    release_id varchar, run_id varchar, built_at timestamp, first_hour_at timestamp,
    last_hour_at timestamp, code_version varchar, batches integer, batches_new integer,
    gate_outcome varchar, gate_warnings integer
);
create or replace table marts.gate_results (
    run_id varchar, gate varchar, suite varchar, expectation varchar, batch_id varchar,
    venue varchar, severity varchar, success boolean, unexpected_count bigint, observed varchar,
    message varchar, checked_at timestamp
);
create table if not exists marts.landing_outcomes (
    batch_id varchar, venue varchar, dataset varchar, revision integer, sealed_at timestamp
);
create table if not exists marts.published_releases (
    release_id varchar, run_id varchar, published_at timestamp, first_hour_at timestamp,
    last_hour_at timestamp, code_version varchar, revisions bigint
);
create table if not exists marts.mart_revisions (
    revised_at timestamp, run_id varchar, release_id varchar, former_release_id varchar,
    mart varchar, change_kind varchar, row_key varchar, hour_at timestamp, utc_date date,
    column_name varchar, value_before varchar, value_after varchar, cause varchar,
    batch_ids varchar
);
create or replace table marts.events as select 0 as publish, range as n from range(1000);
create or replace table marts.totals as select 0 as publish, 1000 as events;
comment on table marts.events is 'One row per event.';
comment on column marts.events.n is 'Number of the event.';
"""


def made_home(root: Path) -> Home:
    home = Home(root)
    with staging_state(home):
        pass
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(MARTS)
    return home


@pytest.fixture
def home(tmp_path) -> Home:
    return made_home(tmp_path / "home")


def change(home: Home, publish: int) -> None:
    """Like a build: many rows in one table and one in another, in two transactions."""
    releases.take_own_copy(home)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute("delete from marts.events")
        warehouse.execute(
            f"insert into marts.events select {publish}, range from range({1000 + publish})"
        )
        warehouse.execute(f"update marts.totals set publish = {publish}, events = {1000 + publish}")


def read_until(root: str, reading, stop, published, answers) -> None:
    """Reopens `current` in a loop; reports the number of consistent reads, and the others."""
    reading.wait(120)
    home, reads, wrong = Home(Path(root)), 0, []
    while not stop.is_set():
        newest = published.value
        try:
            with duckdb.connect(
                str(home.current / "warehouse.duckdb"), read_only=True
            ) as connection:
                publish, events = connection.execute(
                    "select max(publish), count(*) from marts.events"
                ).fetchone()
                total = connection.execute("select publish, events from marts.totals").fetchone()
            if (publish, events) != total or events != 1000 + publish:
                wrong.append(f"{(publish, events)} beside {total}")
            if publish < newest:
                wrong.append(f"{publish} after {newest} had been published")
        except Exception as error:
            wrong.append(repr(error))
        reads += 1
        stop.wait(PAUSE_SECONDS)
    answers.put((reads, wrong))


def hold_until(root: str, reading, stop, answers) -> None:
    """Keeps the first release open throughout; reports changes in its bytes and rows."""
    path = (Home(Path(root)).current / "warehouse.duckdb").resolve()
    with path.open("rb") as file, duckdb.connect(str(path), read_only=True) as connection:

        def held() -> tuple[str, tuple]:
            file.seek(0)
            rows = connection.execute("select count(*), sum(publish) from marts.events").fetchone()
            return hashlib.file_digest(file, "sha256").hexdigest(), rows

        before = held()
        reading.wait(120)
        stop.wait()
        after = held()
    answers.put((1, [] if after == before else [f"{before} became {after}"]))


def test_readers_only_see_complete_and_new_releases(home, monkeypatch):
    # So that the release that is held open gets pruned meanwhile.
    monkeypatch.setenv("UNWIND_KEEP_RELEASES", "3")
    monkeypatch.setenv("UNWIND_KEEP_RELEASE_DAYS", "1")
    releases.publish(home, "run-0", NOW)
    processes = multiprocessing.get_context("spawn")
    # On a busy machine all publishes could be done before the readers start.
    reading, stop, answers = processes.Barrier(READERS + 2), processes.Event(), processes.Queue()
    published = processes.Value("i", 0)
    root = str(home.root)
    readers = [
        processes.Process(target=read_until, args=(root, reading, stop, published, answers))
        for _ in range(READERS)
    ]
    readers.append(processes.Process(target=hold_until, args=(root, reading, stop, answers)))
    for reader in readers:
        reader.start()
    reading.wait(120)
    for publish in range(1, PUBLISHES + 1):
        at = NOW + timedelta(days=publish)
        change(home, publish)
        releases.publish(home, f"run-{publish}", at)
        published.value = publish
        releases.prune(home, at)
    stop.set()
    results = [answers.get(timeout=120) for _ in readers]
    for reader in readers:
        reader.join()
    assert [wrong for _, wrong in results] == [[]] * len(readers)
    assert min(reads for reads, _ in results) > 0
    assert len(releases.listed(home)) < 10
    print(f"{sum(reads for reads, _ in results)} reads of {READERS} readers, {PUBLISHES} releases")


def test_a_release_describes_itself_and_keeps_comments(home):
    release_id = releases.publish(home, "run-1", NOW)
    with duckdb.connect(str(releases.current_db(home)), read_only=True) as release:
        assert release.execute(
            "select release_id, run_id, built_at, gate_outcome from marts.release"
        ).fetchall() == [(release_id, "run-1", NOW.replace(tzinfo=None), "passed")]
        assert release.execute(
            "select comment from duckdb_tables() where table_name = 'events'"
        ).fetchall() == [("One row per event.",)]


def test_the_warehouse_goes_on_in_a_file_of_its_own(home):
    """Also where the process was killed before it took one, or while it published the next."""
    first = releases.publish(home, "run-1", NOW)
    released = home.releases / first / "warehouse.duckdb"
    payload = released.read_bytes()
    (home.releases / releases.UNPUBLISHED).mkdir()
    (home.releases / releases.UNPUBLISHED / "warehouse.duckdb").hardlink_to(home.warehouse_db)
    change(home, 2)
    assert not released.samefile(home.warehouse_db)
    releases.publish(home, "run-2", NOW)
    assert released.read_bytes() == payload
    assert releases.current_db(home).read_bytes() == home.warehouse_db.read_bytes() != payload
    assert not list(home.releases.glob(".*"))


def test_publishing_copies_where_there_are_no_hard_links(home, monkeypatch):
    def refuse(self: Path, target: Path) -> None:
        raise PermissionError(1, "Operation not permitted", str(self))

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    releases.publish(home, "run-1", NOW)
    assert releases.current_db(home).read_bytes() == home.warehouse_db.read_bytes()
    assert not releases.current_db(home).samefile(home.warehouse_db)


def test_a_release_is_self_contained_under_any_name(home):
    releases.publish(home, "run-1", NOW)
    with duckdb.connect() as elsewhere:
        elsewhere.execute(f"attach '{releases.current_db(home)}' as u (read_only)")
        assert elsewhere.execute("select count(*) from u.marts.events").fetchone() == (1000,)
        assert elsewhere.execute(
            "select count(*) from duckdb_views() where database_name = 'u' and not internal"
        ).fetchone() == (0,)


def test_a_release_has_the_code_of_tables_that_dbt_did_not_compile_again(home):
    compiled = home.dbt_target / "compiled" / "unwind" / "models"
    for name, code in (
        ("marts/core/dim_venues.sql", "select 1"),
        ("marts/leverage/leverage_hourly.sql", "select 2"),
        ("marts/core/a_removed_model.sql", "select 3"),
        ("staging/okx/stg_okx__prices.sql", "select 4"),
    ):
        (compiled / name).parent.mkdir(parents=True, exist_ok=True)
        (compiled / name).write_text(code)
    releases.publish(home, "run-1", NOW)
    shutil.rmtree(compiled)
    (compiled / "marts").mkdir(parents=True)
    (compiled / "marts" / "leverage_hourly.sql").write_text("select 5")
    releases.publish(home, "run-2", NOW)
    code = {path.name: path.read_text() for path in (home.current / releases.MODELS).iterdir()}
    assert code == {"dim_venues.sql": "select 1", "leverage_hourly.sql": "select 5"}


def test_rolling_back_and_publishing_again(home):
    first = releases.publish(home, "run-1", NOW)
    second = releases.publish(home, "run-2", NOW)
    assert first < second
    releases.roll_back(home, first)
    assert home.current.resolve().name == first
    assert [one.release_id for one in releases.listed(home) if one.is_current] == [first]
    third = releases.publish(home, "run-3", NOW - timedelta(hours=1))
    assert home.current.resolve().name == third > second


def test_an_unknown_release_is_refused_with_the_list_of_releases(home):
    first = releases.publish(home, "run-1", NOW)
    with pytest.raises(releases.NoReleaseError, match=first):
        releases.roll_back(home, "20200101T000000Z-00")


def test_before_the_first_release_the_error_states_what_to_do(home):
    with pytest.raises(releases.NoReleaseError, match="unwind refresh"):
        releases.current_db(home)


def test_retention_keeps_the_newest_and_the_current(home):
    ids = [releases.publish(home, f"run-{n}", NOW + timedelta(minutes=n)) for n in range(13)]
    releases.roll_back(home, ids[0])
    gone = releases.prune(home, NOW + timedelta(minutes=13))
    assert gone == [ids[2], ids[1]]
    # Ten days later only the newest three and the current one are kept.
    releases.prune(home, NOW + timedelta(days=10))
    assert [one.release_id for one in releases.listed(home)] == [ids[12], ids[11], ids[10], ids[0]]


def test_published_bytes_are_never_written_again(home, monkeypatch, tmp_path):
    monkeypatch.setenv("UNWIND_KEEP_RELEASES", str(releases.ALWAYS_KEPT))
    backups = {}
    for publish in range(6):
        change(home, publish)
        release_id = releases.publish(home, f"run-{publish}", NOW + timedelta(minutes=publish))
        released = home.releases / release_id / "warehouse.duckdb"
        assert released.read_bytes() == home.warehouse_db.read_bytes()
        # A hard link, as backup tools make: the same file under another name.
        backup = tmp_path / f"{publish}.duckdb"
        backup.hardlink_to(released)
        backups[backup] = released.read_bytes()
        releases.prune(home, NOW + timedelta(minutes=publish))
        releases.take_own_copy(home)
    assert len(releases.listed(home)) == 3
    assert all(backup.read_bytes() == payload for backup, payload in backups.items())
    assert home.warehouse_db.stat().st_ino not in {path.stat().st_ino for path in backups}


def test_a_reader_that_attached_twice_and_closed_one_still_reads_its_release(home, monkeypatch):
    monkeypatch.setenv("UNWIND_KEEP_RELEASES", str(releases.ALWAYS_KEPT))
    oldest = releases.publish(home, "run-0", NOW)
    file = home.releases / oldest / "warehouse.duckdb"
    with duckdb.connect() as reader:
        reader.execute(f"attach '{file}' as held (read_only)")
        # Closing any handle on a file drops every POSIX lock that the process has on it.
        file.open("rb").close()
        for publish in range(1, 8):
            change(home, publish)
            releases.publish(home, f"run-{publish}", NOW + timedelta(minutes=publish))
            releases.prune(home, NOW + timedelta(minutes=publish))
            releases.take_own_copy(home)
        assert not file.exists()
        assert reader.execute(
            "select max(publish), count(*), sum(n)::int from held.marts.events"
        ).fetchone() == (0, 1000, 499_500)


def test_a_hundred_and_one_releases_of_one_second_keep_their_order(home):
    first = releases.publish(home, "run-0", NOW)
    described = (home.releases / first / "release.json").read_text()
    ids = [first]
    # All but the last of a hundred are stood for by what they are known by.
    for number in range(1, 99):
        ids.append(first.replace("-00", f"-{number:02d}"))
        (home.releases / ids[-1]).mkdir()
        (home.releases / ids[-1] / "release.json").write_text(described.replace(first, ids[-1]))
    ids += [releases.publish(home, f"run-{number}", NOW) for number in range(99, 103)]
    assert ids[98:] == [
        "20260129T150000Z-98",
        "20260129T150000Z-99",
        "20260129T150000Z-100",
        "20260129T150000Z-101",
        "20260129T150000Z-102",
    ]
    assert [one.release_id for one in releases.listed(home)] == ids[::-1]
    assert home.current.resolve().name == ids[-1]


@pytest.mark.parametrize("damage", ["{", "[]", "{}", '{"release_id": "x", "built_at": 7}'])
def test_a_broken_release_json_hides_no_other_release(home, damage, caplog):
    first = releases.publish(home, "run-1", NOW)
    second = releases.publish(home, "run-2", NOW)
    (home.releases / first / "release.json").write_text(damage)
    assert [one.release_id for one in releases.listed(home)] == [second]
    assert first in caplog.text
    assert releases.publish(home, "run-3", NOW) > second


@pytest.mark.parametrize("name", ["..", "../releases/{}", "{root}/releases/{}", "", "."])
def test_only_a_listed_release_can_be_rolled_back_to(home, name):
    first = releases.publish(home, "run-1", NOW)
    with pytest.raises(releases.NoReleaseError, match=first):
        releases.roll_back(home, name.format(first, root=home.root))
    assert home.current.resolve().name == first


def test_a_deleted_current_release_is_named_with_what_to_do(home):
    first = releases.publish(home, "run-1", NOW)
    (home.releases / first / "warehouse.duckdb").unlink()
    with pytest.raises(releases.NoReleaseError, match=rf"{first}.*unwind refresh"):
        releases.current_db(home)


@pytest.mark.parametrize("reader_is", ["this process", "another process"])
def test_a_pruned_release_stays_readable_for_its_readers(home, monkeypatch, reader_is):
    monkeypatch.setenv("UNWIND_KEEP_RELEASES", str(releases.ALWAYS_KEPT))
    oldest = releases.publish(home, "run-0", NOW)
    file = home.releases / oldest / "warehouse.duckdb"
    ask = "select max(publish), count(*) from marts.events"
    reader = duckdb.connect(str(file), read_only=True) if reader_is == "this process" else None
    program = f"""
import duckdb, sys
reader = duckdb.connect({str(file)!r}, read_only=True)
print("open", flush=True)
sys.stdin.readline()
print(reader.execute({ask!r}).fetchone())
"""
    other = subprocess.Popen(
        [sys.executable, "-c", program if reader is None else ""],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    if reader is None:
        assert other.stdout.readline() == "open\n"
    for publish in range(1, 8):
        change(home, publish)
        releases.publish(home, f"run-{publish}", NOW + timedelta(minutes=publish))
        releases.prune(home, NOW + timedelta(minutes=publish))
    assert not file.exists()
    results, _ = other.communicate("now\n")
    answer = str(reader.execute(ask).fetchone()) + "\n" if reader else results
    assert answer == "(0, 1000)\n"


def test_a_publish_that_died_leaves_no_trace(home):
    first = releases.publish(home, "run-1", NOW)
    (home.releases / ".20260129T150000Z-01.part").mkdir()
    second = releases.publish(home, "run-2", NOW)
    releases.prune(home, NOW)
    assert sorted(path.name for path in home.releases.iterdir()) == [first, second]


def current(home: Home, sql: str) -> list[tuple]:
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        return release.execute(sql).fetchall()


PUBLISHED = "select release_id from marts.published_releases order by published_at"
NOT_COMPARED = (
    "select count(distinct mart) from marts.mart_revisions where change_kind = 'not_compared'"
)


def test_what_was_published_is_known_to_a_warehouse_built_from_scratch(home):
    # The clock stands still, so the order of publishing decides.
    ids = [releases.publish(home, f"run-{number}", NOW) for number in range(3)]
    home.warehouse_db.unlink()
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(MARTS)
    ids.append(releases.publish(home, "run-3", NOW))
    assert current(home, PUBLISHED) == [(one,) for one in ids]
    assert current(home, NOT_COMPARED) == [(0,)]


def test_a_publish_that_died_was_not_published(home):
    first = releases.publish(home, "run-1", NOW)
    releases.take_own_copy(home)
    releases._describe(home, "run-2", "never", NOW)
    third = releases.publish(home, "run-3", NOW)
    assert current(home, PUBLISHED) == [(first,), (third,)]


def test_what_a_broken_or_missing_release_had_is_not_known(home):
    first = releases.publish(home, "run-1", NOW)
    releases.take_own_copy(home)
    broken = home.releases / first / "warehouse.duckdb"
    broken.chmod(0o644)
    with duckdb.connect(str(broken)) as release:
        release.execute("drop table marts.landing_outcomes")
    second = releases.publish(home, "run-2", NOW)
    assert current(home, NOT_COMPARED) == [(len(marts()),)]
    rmtree(home.releases / second)
    rmtree(home.releases / first)
    releases.publish(home, "run-3", NOW)
    assert current(home, NOT_COMPARED) == [(len(marts()),)]
    assert len(current(home, PUBLISHED)) == 3


def test_marts_are_exported_as_parquet_from_one_release(home, tmp_path):
    releases.publish(home, "run-1", NOW)
    written = export_marts(home, tmp_path / "out", ["events"], lambda *_: None)
    assert [path.name for path in written] == ["events.parquet"]
    assert duckdb.execute("select count(*) from read_parquet(?)", [str(written[0])]).fetchone() == (
        1000,
    )
    with pytest.raises(UnknownNameError, match="no mart 'nothing'"):
        export_marts(home, tmp_path / "out", ["nothing"], lambda *_: None)


def test_a_warehouse_built_from_scratch_keeps_earlier_runs_verdicts(home):
    verdict = "insert into marts.gate_results (run_id, gate, success) values ('run-1', 'm', true)"
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(verdict)
        # A column that a later version dropped.
        warehouse.execute("alter table marts.gate_results add column older integer")
    releases.publish(home, "run-2", NOW)
    home.warehouse_db.unlink()
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(MARTS)
    for _ in range(2):
        releases.carry_verdicts(home)
        with duckdb.connect(str(home.warehouse_db), read_only=True) as warehouse:
            rows = warehouse.execute("select run_id, gate, success from marts.gate_results")
            assert rows.fetchall() == [("run-1", "m", True)]
