"""The memory limit: its notation, its default, and that every database connection has it."""

from __future__ import annotations

import ast
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from tests.benchmarks.made_hours import hour_at, land_hour
from unwind import database, memory, scratch
from unwind.errors import SettingError
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse.dbt import DbtError, DbtProcess
from unwind.warehouse.promises import KEPT_HOURS
from unwind.warehouse.queries import answered

GIB = 2**30


@pytest.fixture(autouse=True)
def no_limit_of_the_tests_themselves(monkeypatch):
    monkeypatch.delenv("UNWIND_MEMORY_LIMIT", raising=False)


@pytest.mark.parametrize(
    ("text", "limit"),
    [
        ("4GB", 4_000_000_000),
        ("4 GiB", 4 * GIB),
        ("1.5g", 3 * GIB // 2),
        ("1500MiB", 1500 * 2**20),
        ("800mb", 800_000_000),
        ("1073741824", GIB),
        ("25%", 2 * GIB),
    ],
)
def test_a_limit_is_written_as_people_write_it(monkeypatch, text, limit):
    monkeypatch.setattr(memory, "total_memory", lambda: 8 * GIB)
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", text)
    assert memory.memory_limit() == limit


@pytest.mark.parametrize("text", ["much", "4 XB", "-1GB", "0", "64MB", "120%", "1e9", "4GB 2GB"])
def test_an_invalid_limit_is_refused_in_a_sentence(monkeypatch, text):
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", text)
    with pytest.raises(SettingError, match="UNWIND_MEMORY_LIMIT is "):
        memory.memory_limit()


@pytest.mark.parametrize(
    ("total", "limit"),
    # All but 1152 MiB where that is less than half, and a quarter of a GiB at least.
    [(64 * GIB, 32 * GIB), (2 * GIB, 896 * 2**20), (3 * GIB // 2, 3 * GIB // 8), (GIB, GIB // 4)],
)
def test_the_default_limit_is_half_and_leaves_room_for_the_programs(monkeypatch, total, limit):
    monkeypatch.setattr(memory, "total_memory", lambda: total)
    assert memory.memory_limit() == limit


@pytest.mark.parametrize(
    ("groups", "files"),
    [
        ("0::/job\n", {"job/memory.max": str(GIB), "memory.max": "max"}),
        # In a container the host's cgroup path does not exist; the mount itself is the group.
        ("0::/docker/abc\n", {"memory.max": str(GIB)}),
        # The group itself has no limit, but its parent has.
        ("0::/a/b\n", {"a/b/memory.max": "max", "a/memory.max": str(GIB)}),
        (
            "4:memory:/job\n1:cpu:/\n",
            {
                "memory/job/memory.limit_in_bytes": str(GIB),
                "memory/memory.limit_in_bytes": "9223372036854771712",
            },
        ),
        ("5:cpu,memory:/docker/abc\n", {"memory/memory.limit_in_bytes": f"{GIB}\n"}),
    ],
    ids=["v2", "v2 in a container", "v2 around", "v1", "v1 in a container"],
)
def test_a_containers_limit_is_detected(monkeypatch, tmp_path, groups, files):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    read = Path.read_text
    monkeypatch.setattr(memory, "CGROUPS", tmp_path)
    monkeypatch.setattr(
        Path,
        "read_text",
        lambda path, *a, **k: groups if str(path) == "/proc/self/cgroup" else read(path, *a, **k),
    )
    assert memory.total_memory() == GIB


def test_threads_follow_the_memory(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: set(range(16)))
    limits = (GIB // 4, GIB, 64 * GIB)
    assert [memory.worker_threads(limit) for limit in limits] == [1, 2, 16]
    assert [memory.models_at_a_time(limit) for limit in limits] == [1, 2, 2]


def settings_of(connection):
    names = ("memory_limit", "threads", "temp_directory", "TimeZone")
    return connection.execute(
        "select " + ", ".join(f"current_setting('{name}')" for name in names)
    ).fetchone()


def test_a_connection_is_within_its_bounds_and_leaves_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "128MiB")
    home = Home(tmp_path / "a home's")
    with database.connect(home) as connection:
        limit, threads, folder, zone = settings_of(connection)
        assert (limit, threads, zone) == ("128.0 MiB", 1, "UTC")
        assert Path(folder).parent.parent == home.temp
        # Ten times the limit: the query spills to disk and finishes.
        rows = connection.execute(
            "select count(*) from (select hash(range)::varchar as one, md5(range::varchar) as other"
            " from range(3_000_000) order by one, other)"
        ).fetchone()
        assert rows == (3_000_000,)
        with database.connect(home) as other:
            assert settings_of(other)[2] != folder
    assert [path for path in home.temp.rglob("*") if path.suffix == ".tmp"] == []


def test_a_query_that_joins_the_newest_rows_has_no_older_ones(monkeypatch, tmp_path):
    """DuckDB 1.5.6 by itself finds all ten hours in most runs with two threads."""
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "2GiB")
    home, release = Home(tmp_path), tmp_path / "release.duckdb"
    with duckdb.connect(str(release)) as made:
        made.execute("create schema marts; use marts")
        made.execute("create table hours as select range as hour from range(2_000)")
        made.execute("create table asked as select range as hour from range(10)")
    newest = "(select hour from hours order by hour desc limit 1_995) as newest"
    query = f"select count(*) from asked inner join {newest} using (hour)"
    # Hours 5 to 1,999 are the newest; of 0 to 9 five are among them.
    for _ in range(30):
        with answered(home, release, query) as answer:
            assert list(answer.rows) == [(5,)]


def test_a_join_with_the_kept_hours_has_no_older_ones(monkeypatch, tmp_path):
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "2GiB")
    with database.connect(Home(tmp_path)) as connection:
        connection.execute(
            "set threads = 2; attach ':memory:' as staging; create schema staging.ops"
        )
        # 2,165 hours, of which 90 days' worth are kept.
        connection.execute(
            "create table staging.ops.hours as select"
            " timestamp '2026-01-01' + range * interval 1 hour as hour_at from range(2_165)"
        )
        connection.execute("create table staging.ops.empty_days (utc_date date)")
        connection.execute(
            "create table asked as from staging.ops.hours where hour_at < '2026-01-01 10:00'"
        )
        query = f"select count(*) from asked inner join ({KEPT_HOURS}) as kept using (hour_at)"
        found = [connection.execute(query).fetchone() for _ in range(30)]
    assert found == [(5,)] * 30


def test_no_database_is_opened_anywhere_else():
    """`duckdb.connect` sets no limit, so only unwind.database may call it."""
    found = []
    for path in sorted((PROJECT_ROOT / "dags").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Attribute)
                and isinstance(node.value, ast.Name)
                and node.value.id == "duckdb"
                and node.attr in ("connect", "execute", "sql", "query")
            ):
                found.append(f"{path.relative_to(PROJECT_ROOT)}:{node.lineno}")
    assert {one.split(":")[0] for one in found} == {
        "dags/unwind/database.py",
        # Reads the names of time zones, with its own limit.
        "dags/unwind/landing/csv_statements.py",
    }


def test_the_folder_of_a_killed_process_is_swept_and_that_of_a_living_one_is_not(tmp_path):
    home = Home(tmp_path)
    code = (
        "import sys; from pathlib import Path; from unwind.scratch import process_folder;"
        " from unwind.settings import Home;"
        f" folder = process_folder(Home(Path({str(tmp_path)!r})));"
        " (folder / 'spilled').write_text('x'); print(folder, flush=True); sys.stdin.read()"
    )
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    killed, living = (Path(process.stdout.readline().strip()) for process in processes)
    processes[0].kill()
    processes[0].wait()
    assert (killed / "spilled").exists()
    assert scratch.sweep(home) == [killed.name]
    assert (living / "spilled").exists()
    processes[1].communicate()
    assert list(home.temp.iterdir()) == []


def test_a_process_that_works_in_many_homes_keeps_few_folders(tmp_path):
    before = len(list(Path("/proc/self/fd").iterdir()))
    homes = [Home(tmp_path / f"{number}") for number in range(3 * scratch.MAX_HOMES)]
    for home in homes:
        scratch.process_folder(home)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before + scratch.MAX_HOMES
    assert list(homes[0].temp.iterdir()) == []
    assert scratch.process_folder(homes[-1]).exists()
    # Using an older home again recreates its folder.
    assert scratch.process_folder(homes[0]).exists()


def test_a_home_that_can_only_be_read_is_read_without_spilling(tmp_path, monkeypatch):
    def refuse(home):
        raise PermissionError(13, "Permission denied", str(home.temp))

    monkeypatch.setattr(database, "process_folder", refuse)
    with database.connect(Home(tmp_path)) as connection:
        assert settings_of(connection)[2] == ""
        assert connection.execute("select 1").fetchone() == (1,)


def test_a_killed_dbt_process_is_reported_with_a_remedy(tmp_path, monkeypatch):
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "700MiB")
    with DbtProcess(Home(tmp_path)) as process:
        # Its own process group, so that Ctrl-C in a terminal reaches only the parent.
        assert os.getpgid(process._worker.pid) == process._worker.pid
        psutil.Process(process._worker.pid).send_signal(signal.SIGKILL)
        with pytest.raises(DbtError) as error:
            process.run(["build"])
    message = str(error.value)
    assert message.startswith(
        "dbt build came to no end: its process was killed by signal 9 (SIGKILL)"
    )
    assert "lower UNWIND_MEMORY_LIMIT" in message
    assert "The database could use 700 MiB." in message


def test_staging_spills_within_the_smallest_limit(tmp_path):
    """`make memory` does the same with eight million frames under a container's limit."""
    home = Home(tmp_path / "home")
    land_hour(home, hour_at(0), 60_000)
    code = (
        "import resource; from pathlib import Path; from unwind.settings import Home;"
        " from unwind.warehouse import refresh;"
        f" assert refresh.stage(Home(Path({str(home.root)!r})));"
        " print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "UNWIND_MEMORY_LIMIT": f"{memory.MIN_LIMIT}"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert int(done.stdout) * 2**10 < memory.MIN_LIMIT + memory.BESIDE_THE_DATABASE
    assert [path for path in home.temp.rglob("*") if path.suffix == ".tmp"] == []


def test_a_run_of_dbt_has_closed_its_databases_and_another_may_follow(tmp_path):
    home, nodes = Home(tmp_path), []
    home.warehouse_dir.mkdir()
    with DbtProcess(home) as process:
        for seed in ("assets", "stress_weights"):
            process.run(["seed", "--select", seed], lambda *node: nodes.append(node))
            # DuckDB opens no file that another process has open.
            with database.connect(home, str(home.warehouse_db)) as connection:
                assert connection.execute("select 1").fetchone() == (1,)
        with pytest.raises(DbtError, match="no_such_selector"):
            process.run(["run", "--selector", "no_such_selector"])
    assert [name.split(".")[-1] for name, _, _ in nodes] == ["assets", "stress_weights"]


@pytest.mark.parametrize(
    ("limit", "fails_with", "runs_with"),
    [
        ("1GiB", "Out of Memory Error: failed to allocate data", ["2", "1"]),
        ("1GiB", "Binder Error: no such column", ["2"]),
        # One thread is all that it gets.
        ("300MiB", "Out of Memory Error: failed to allocate data", ["1"]),
    ],
)
def test_what_lacks_memory_with_several_threads_runs_again_with_one(
    tmp_path, monkeypatch, limit, fails_with, runs_with
):
    given = []

    def outcome(self, arguments, on_node, instead, variables):
        given.append((self._environment | dict(variables))["UNWIND_DUCKDB_THREADS"])
        return (len(given) == 2, [fails_with]), 0

    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", limit)
    monkeypatch.setattr(memory.os, "sched_getaffinity", lambda _: {0, 1})
    monkeypatch.setattr(DbtProcess, "_outcome", outcome)
    with DbtProcess(Home(tmp_path)) as process:
        if runs_with == ["2", "1"]:
            process.run(["run"])
        else:
            with pytest.raises(DbtError, match=fails_with):
                process.run(["run"])
    assert given == runs_with


def _run_of(worker):
    """The run's process below a dbt worker, which also has Python's resource tracker as a child."""
    children = psutil.Process(worker).children()
    (run,) = [one for one in children if "unwind.warehouse.dbt_worker" in one.cmdline()]
    return run


def test_a_killed_run_is_named_and_the_next_one_runs(tmp_path):
    home = Home(tmp_path)
    home.warehouse_dir.mkdir()
    with DbtProcess(home) as process:

        def kill(name, done, total):
            if done == 1:
                _run_of(process._worker.pid).send_signal(signal.SIGKILL)

        with pytest.raises(DbtError, match=r"was killed by signal 9 \(SIGKILL\)"):
            process.run(["seed"], kill)
        process.run(["seed", "--select", "assets"])


def test_a_run_that_is_killed_within_a_line_counts_as_ended(tmp_path):
    code = (
        "import os\n"
        "from unwind.warehouse import dbt_worker\n"
        "def run(line, manifest, tests, reports):\n"
        "    reports.write('[\"node')\n"
        "    reports.flush()\n"
        "    os.kill(os.getpid(), 9)\n"
        "dbt_worker._run = run\n"
        "dbt_worker.main()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "--project-dir", str(PROJECT_ROOT / "dbt_project")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as worker:
        worker.stdin.write('{"session": "one"}\n')
        worker.stdin.flush()
        lines = [worker.stdout.readline(), worker.stdout.readline()]
        worker.stdin.close()
    assert lines == ['["node\n', '["ended", -9]\n']


def test_a_run_ends_with_the_process_that_requested_it(tmp_path):
    home = Home(tmp_path)
    home.warehouse_dir.mkdir()
    options = ["--project-dir", str(PROJECT_ROOT / "dbt_project")]
    worker = subprocess.Popen(
        [sys.executable, "-m", "unwind.warehouse.dbt_worker", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    log = str(tmp_path / "errors.log")
    order = {
        "session": "one",
        "arguments": ["seed", *options, "--profiles-dir", options[1]],
        "environment": {**os.environ, "UNWIND_WAREHOUSE": str(home.warehouse_db)},
        "errors": log,
    }
    worker.stdin.write(json.dumps(order) + "\n")
    worker.stdin.flush()
    json.loads(worker.stdout.readline())
    run = _run_of(worker.pid)
    worker.stdin.close()
    assert psutil.wait_procs([run], timeout=10)[1] == []
    assert worker.wait(timeout=10) == 1
    worker.stdout.close()


def test_the_profile_gives_dbt_the_same_bounds(tmp_path, monkeypatch):
    monkeypatch.setenv("UNWIND_MEMORY_LIMIT", "200MiB")
    bounds = database.bounds(Home(tmp_path))
    profile = (PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text()
    for name in bounds:
        assert f"{name}: \"{{{{ env_var('UNWIND_DUCKDB_{name.upper()}', " in profile
    assert duckdb.connect(config=bounds).execute("select 1").fetchone() == (1,)


def test_long_answers_of_many_files_are_parsed_one_by_one(tmp_path):
    """Merged into one chunk, 600 responses of 150 KB take ten times their size in memory."""
    profile = yaml.safe_load((PROJECT_ROOT / "dbt_project" / "profiles.yml").read_text())
    settings = profile["unwind"]["outputs"]["local"]["settings"]
    trades = [{"price": 85_000.5, "amount": 10.0, "trade_id": str(n)} for n in range(3_000)]
    lines = pa.table({"text": [json.dumps({"trades": trades})]})
    paths = [str(tmp_path / f"{n}.parquet") for n in range(600)]
    for path in paths:
        pq.write_table(lines, path)
    bounds = {"memory_limit": "256MiB", "threads": "1"}
    with duckdb.connect(config=bounds) as connection:
        for name, value in settings.items():
            connection.execute(f"set {name} = {str(value)!r}")
        connection.execute("create table objects as select unnest(?) as path", [paths])
        rows = connection.execute(
            "select count(*) from (select unnest(json_extract(text, '$.trades[*]')::varchar[])"
            " from objects inner join read_parquet(?, filename = 'path') using (path)"
            " where json_array_length(text, '$.trades') > 0)",
            [paths],
        ).fetchone()
    assert rows == (1_800_000,)
