"""What the scheduler loads for its tasks: when it does, when it does not, and how forks end."""

from __future__ import annotations

import importlib.util
import json
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import psutil
import pytest

from unwind.settings import PROJECT_ROOT, Home
from unwind.standalone import ENVIRONMENTS
from unwind.warehouse import dbt, parsed_project, preloaded, preloading


@pytest.fixture(scope="module")
def plugin():
    path = PROJECT_ROOT / "plugins" / "preload.py"
    spec = importlib.util.spec_from_file_location("unwind_preload_for_tests", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture
def preloads(monkeypatch, plugin, home):
    """The homes that were preloaded for: nothing is imported, and LocalExecutor is configured."""
    called = []
    monkeypatch.setattr(preloading, "preload", called.append)
    monkeypatch.setattr(plugin, "OF_TASKS", ())
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    return called


@pytest.fixture
def as_preloaded(monkeypatch):
    """As in a process that has called `preload`."""
    monkeypatch.setattr(preloaded, "_read", {"a file"})


class TaskRunnerMarker:
    """By the name of the component that Airflow's tasks state."""


def test_only_the_scheduler_finds_the_plugin():
    folder = str(PROJECT_ROOT / "plugins")
    given = [name for name, one in ENVIRONMENTS.items() if folder in one.values()]
    assert given == ["scheduler"]


def test_the_scheduler_preloads_for_its_home(plugin, preloads, home):
    plugin.on_starting(object())
    assert preloads == [Home(home.root)]


def test_a_task_preloads_nothing(plugin, preloads):
    plugin.on_starting(TaskRunnerMarker())
    assert preloads == []


@pytest.mark.parametrize(
    ("variable", "value"),
    [("AIRFLOW__CORE__EXECUTOR", "CeleryExecutor"), ("UNWIND_PRELOAD", "off")],
)
def test_nothing_is_preloaded_elsewhere(plugin, preloads, monkeypatch, variable, value):
    monkeypatch.setenv(variable, value)
    plugin.on_starting(object())
    assert preloads == []


def test_nothing_is_preloaded_where_workers_are_not_forked(plugin, preloads, monkeypatch):
    monkeypatch.setattr(multiprocessing, "get_start_method", lambda: "spawn")
    plugin.on_starting(object())
    assert preloads == []


def test_a_failed_import_is_logged_and_dbt_starts_in_its_own_process(plugin, home, monkeypatch):
    monkeypatch.setenv("AIRFLOW__CORE__EXECUTOR", "LocalExecutor")
    logged = []
    monkeypatch.setattr(
        plugin.logger, "exception", lambda text: logged.append((text, sys.exc_info()[1].name))
    )
    # As where dbt is not installed.
    monkeypatch.setitem(sys.modules, "dbt.cli.main", None)
    plugin.on_starting(object())
    assert logged == [
        ("Nothing is preloaded: each task imports what it needs, and takes longer", "dbt.cli.main")
    ]
    assert (preloaded.is_preloaded(), preloaded.may_fork()) == (False, False)


def test_a_changed_project_is_not_run_as_it_was_parsed_before(tmp_path, monkeypatch):
    monkeypatch.setattr(parsed_project, "_preloaded", {})
    model = tmp_path / "models" / "hours.sql"
    model.parent.mkdir()
    model.write_text("select 1 as hours")
    assert parsed_project.preload(tmp_path) is False
    kept = parsed_project.file_of(tmp_path)
    parsed_project.keep(kept, {"hours": 1})
    assert parsed_project.preload(tmp_path) is True
    # From memory: nothing is read any more.
    kept.unlink()
    assert parsed_project.read(tmp_path) == {"hours": 1}

    model.write_text("select 2 as hours")
    assert parsed_project.read(tmp_path) is None
    parsed_project.keep(parsed_project.file_of(tmp_path), {"hours": 2})
    assert parsed_project.read(tmp_path) == {"hours": 2}


def test_the_parse_of_a_project_that_can_only_be_read_is_kept_by_its_user_alone(
    tmp_path, monkeypatch
):
    project, temporary = tmp_path / "project", tmp_path / "temporary"
    project.mkdir()
    temporary.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    assert parsed_project.file_of(project).parent == project / "target"
    # Root may write everywhere else.
    monkeypatch.setattr(os, "access", lambda path, mode: not Path(path).is_relative_to(project))
    own = temporary / f"unwind-{os.getuid()}"
    parsed_project.keep(parsed_project.file_of(project), {"hours": 1})
    assert parsed_project.read(project) == {"hours": 1}
    assert [one.parent for one in temporary.rglob("parsed-*.pickle")] == [own]
    assert own.stat().st_mode & 0o777 == 0o700
    # What others could have written is not read: it would be run.
    own.chmod(0o770)
    assert parsed_project.file_of(project).parent == project / "target"
    assert parsed_project.read(project) is None


def test_no_fork_is_made_while_a_thread_runs(as_preloaded):
    begun = preloaded.threads()
    stop = threading.Event()
    thread = threading.Thread(target=stop.wait)
    thread.start()
    try:
        assert preloaded.threads() == begun + 1
        assert preloaded.may_fork() is False
    finally:
        stop.set()
        thread.join()


@pytest.mark.parametrize(
    ("is_preloaded", "count", "forks"), [(True, 1, True), (True, 2, False), (False, 1, False)]
)
def test_dbt_is_a_fork_where_it_is_loaded_and_no_thread_runs(
    monkeypatch, tmp_path, is_preloaded, count, forks
):
    monkeypatch.setattr(preloaded, "_read", {"a file"} if is_preloaded else set())
    monkeypatch.setattr(preloaded, "threads", lambda: count)
    monkeypatch.setattr(dbt, "ForkedWorker", lambda *_: "fork")
    monkeypatch.setattr(dbt.subprocess, "Popen", lambda *_, **__: "subprocess")
    # The suite replaces `start_worker` to share workers; this is the original.
    started = ORIGINAL_START([], {}, tmp_path / "errors.log")
    assert started == ("fork" if forks else "subprocess")


# Kept before the suite's fixture replaces it.
ORIGINAL_START = dbt.start_worker


CHANGES = """
import json, sys
from pathlib import Path
from unwind.warehouse import preloaded
preloaded.PROJECT_ROOT = root = Path(sys.argv[1])
before = preloaded.forget_if_changed()
preloaded.note(preloaded.files())
unchanged = preloaded.forget_if_changed()
(root / sys.argv[2]).write_text("something else")
changed = preloaded.forget_if_changed()
left = [name for name in sys.modules if name.partition(".")[0] == "unwind"]
import unwind.warehouse.preloaded
print(json.dumps([before, unchanged, changed, left, unwind.warehouse.preloaded.is_preloaded()]))
"""


@pytest.mark.parametrize(
    ("changed", "counts"),
    [
        ("dags/unwind/warehouse/refresh.py", True),
        ("expectations/suites/landed.json", True),
        ("dbt_project/models/hours.sql", True),
        ("dbt_project/target/manifest.json", False),
        ("docs/operations.md", False),
    ],
)
def test_an_upgraded_project_is_imported_from_its_files(tmp_path, changed, counts):
    for name in (changed, "dbt_project/models/days.sql"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("")
    argv = [sys.executable, "-c", CHANGES, str(tmp_path), changed]
    before, unchanged, found, left, is_preloaded = json.loads(subprocess.check_output(argv))
    assert (before, unchanged, found) == (False, False, counts)
    if counts:
        assert (left, is_preloaded) == ([], False)


# A task's process whose dbt is loaded; its run of dbt hangs.
TASK = """
import json, os, signal, sys, time
from pathlib import Path
from unwind.warehouse import preloaded
from unwind.locks import LockedError, lock
from unwind.settings import Home
from unwind.warehouse import dbt, dbt_worker, parsed_project
preloaded.note(["a file"])
parsed_project.read = lambda project: {}
home = Home(Path(sys.argv[1]))
def run(line, manifest, tests, reports):
    print("dbt prints", flush=True)
    dbt_worker._report(reports, "node", json.dumps([os.getppid(), os.getpid()]), 1, 2)
    time.sleep(120)
dbt_worker._run = run
# As Airflow does: these close their descriptors when they are freed.
sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w")
with lock(home.root / ".lock"):
    process = dbt.DbtProcess(home)
# The fork lets go of the lock.
for _ in range(1000):
    try:
        with lock(home.root / ".lock"):
            break
    except LockedError:
        time.sleep(0.01)
else:
    sys.exit("the fork has kept the lock")
process.run(["run"], lambda name, done, total: print(name, flush=True))
"""


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_task_leaves_no_dbt_process(tmp_path, number):
    task = subprocess.Popen(
        [sys.executable, "-c", TASK, str(tmp_path)], stdout=subprocess.PIPE, text=True
    )
    worker, run = json.loads(task.stdout.readline())
    assert psutil.Process(worker).ppid() == task.pid
    # In its own process group, so that Ctrl-C in a terminal reaches only the parent.
    assert os.getpgid(worker) == worker
    task.send_signal(number)
    # Nothing of dbt has the task's output: it is closed as soon as the task has ended.
    assert task.stdout.read() == ""
    assert task.wait(10) == -number
    deadline = time.monotonic() + 10
    while (left := [pid for pid in (worker, run) if _is_alive(pid)]) and (
        time.monotonic() < deadline
    ):
        time.sleep(0.05)
    assert left == []
    assert "dbt prints" in (tmp_path / "logs" / "dbt_process.log").read_text()


def _is_alive(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


# The scheduler's start, as far as the plugin sees it; then what a task does with dbt.
SCHEDULER = """
import json, sys
from pathlib import Path
from airflow.listeners.listener import get_listener_manager
get_listener_manager().hook.on_starting(component=object())
from unwind.warehouse import preloaded
from unwind.settings import Home
from unwind.warehouse.dbt import DbtProcess
home, nodes = Home.from_env(), []
threads = preloaded.threads()
home.warehouse_dir.mkdir()
for seed in ("assets", "stress_weights"):
    with DbtProcess(home) as process:
        process.run(["seed", "--select", seed], lambda *node: nodes.append(node))
kind = type(process._worker).__name__
loaded = [name in sys.modules for name in ("great_expectations", "pandas", "sqlalchemy")]
print(json.dumps([preloaded.is_preloaded(), threads, kind, loaded, nodes]))
"""


def test_the_scheduler_is_left_without_threads_and_dbt_runs_in_forks(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", SCHEDULER],
        env={
            **os.environ,
            **ENVIRONMENTS["scheduler"],
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "UNWIND_HOME": str(tmp_path),
        },
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        timeout=300,
    )
    assert json.loads(done.stdout.splitlines()[-1]) == [
        True,
        1,
        "ForkedWorker",
        [True, True, True],
        [["assets", 1, 1], ["stress_weights", 1, 1]],
    ]
