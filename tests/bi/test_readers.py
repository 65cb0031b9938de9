"""Readers with DuckDB, SQLAlchemy and PostgreSQL while releases are published and rolled back."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable, Iterator
from datetime import timedelta

import duckdb
import psycopg2
from serving import NOW, READER_PASSWORD

from unwind.outputs.postgres import copy_release
from unwind.progress import no_progress
from unwind.settings import Home
from unwind.warehouse import releases

# `make chaos` runs many more.
IS_LONG = os.environ.get("UNWIND_CHAOS") == "all"
PUBLISHES, READERS = (50, 51) if IS_LONG else (5, 3)
# Without a pause, readers leave publishing no core on a machine with two.
PAUSE_SECONDS = 2 if IS_LONG else 0.1
# After each so many publishes, the release before is rolled back to.
ROLLED_BACK_EVERY = 4
QUESTION = """
select
    (select max(run_id) from marts.release),
    (select min(events) from marts.exchange_breakdown),
    (select max(events) from marts.exchange_breakdown),
    (select count(*) from marts.liquidations_hourly)
"""

Row = tuple
Ask = Callable[[], Row]


def steps() -> list[int]:
    """The publish that readers should see after each step."""
    found = [0]
    for publish in range(1, PUBLISHES + 1):
        found.append(publish)
        if publish % ROLLED_BACK_EVERY == 0:
            found.append(publish - 1)
    return found


@contextlib.contextmanager
def by_duckdb(path: str, words: dict) -> Iterator[Ask]:
    def ask() -> Row:
        with duckdb.connect(path, read_only=True) as connection:
            return connection.execute(QUESTION).fetchone()

    yield ask


@contextlib.contextmanager
def by_sqlalchemy(path: str, words: dict) -> Iterator[Ask]:
    from sqlalchemy import create_engine, text
    from sqlalchemy.pool import NullPool

    engine = create_engine(
        f"duckdb:///{path}", poolclass=NullPool, connect_args={"read_only": True}
    )

    def ask() -> Row:
        with engine.connect() as connection:
            return tuple(connection.execute(text(QUESTION)).one())

    yield ask


@contextlib.contextmanager
def by_postgresql(path: str, words: dict) -> Iterator[Ask]:
    with contextlib.closing(psycopg2.connect(**words)) as connection:
        connection.autocommit = True

        def ask() -> Row:
            with connection.cursor() as cursor:
                cursor.execute(QUESTION)
                return cursor.fetchone()

        yield ask


KINDS = (by_duckdb, by_sqlalchemy, by_postgresql)


def read_until(kind, path, words, reading, stop, done, answers) -> None:
    """Asks in a loop; reports the number of reads, and those that were torn, stale or failed."""
    states, reads, wrong = steps(), 0, []
    with kind(path, words) as ask:
        reading.wait(600)
        while not stop.is_set():
            before = done.value
            try:
                run_id, least, most, hours = ask()
            except Exception as error:
                wrong.append(repr(error))
                continue
            # What is being published may be there before its step is counted.
            allowed = states[before : done.value + 2]
            found = int(run_id.removeprefix("run-"))
            if (least, most, hours) != (found, found, 100 + found):
                wrong.append(f"run {found} beside {(least, most, hours)}")
            if found not in allowed:
                wrong.append(f"run {found} where {allowed} may be seen")
            reads += 1
            stop.wait(PAUSE_SECONDS)
    answers.put((kind.__name__, reads, wrong))


def publish(home: Home, number: int) -> None:
    releases.take_own_copy(home)
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute("begin")
        warehouse.execute(f"update marts.exchange_breakdown set events = {number}")
        warehouse.execute("delete from marts.liquidations_hourly")
        warehouse.execute(
            "insert into marts.liquidations_hourly (hour_at, venue, base_asset) select"
            " timestamp '2026-01-25' + to_hours(n::integer), 'okx', 'BTC'"
            f" from range({100 + number}) as hours(n)"
        )
        warehouse.execute("commit")
    releases.publish(home, f"run-{number}", NOW + timedelta(hours=1 + number))


def test_no_reader_sees_an_error_a_torn_release_or_a_stale_one(few, postgres):
    publish(few, 0)
    copy_release(few, no_progress)
    spawn = multiprocessing.get_context("spawn")
    reading, stop, answers = spawn.Barrier(READERS + 1), spawn.Event(), spawn.Queue()
    published, copied = spawn.Value("i", 0), spawn.Value("i", 0)
    path = str(few.current / "warehouse.duckdb")
    words = postgres.words("unwind_reader", READER_PASSWORD)
    readers = []
    for place in range(READERS):
        kind = KINDS[place % len(KINDS)]
        done = copied if kind is by_postgresql else published
        arguments = (kind, path, words, reading, stop, done, answers)
        readers.append(spawn.Process(target=read_until, args=arguments))
    for reader in readers:
        reader.start()
    reading.wait(600)
    hows = []
    for state, before in zip(steps()[1:], steps(), strict=False):
        if state > before:
            publish(few, state)
        else:
            former = [one.release_id for one in releases.listed(few)][1]
            releases.roll_back(few, former)
        published.value += 1
        hows.append(copy_release(few, no_progress).how)
        copied.value += 1
    stop.set()
    results = [answers.get(timeout=120) for _ in readers]
    for reader in readers:
        reader.join()
    wrong = [(kind, one) for kind, _, found in results for one in found]
    assert wrong == []
    assert min(reads for _, reads, _ in results) > 0
    assert hows == [
        "swapped" if state < before else "updated"
        for state, before in zip(steps()[1:], steps(), strict=False)
    ]
    print(f"{sum(reads for _, reads, _ in results)} reads, {READERS} readers, {len(hows)} steps")
