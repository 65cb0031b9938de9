"""Expected failures are reported in one sentence with what to do, and no traceback."""

from __future__ import annotations

import errno
import fcntl
import os
import resource
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from tests.warehouse.test_releases import made_home
from unwind.errors import REMEDIES, UnwindError, ending, sentence_of
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import releases

NOW = datetime(2026, 1, 29, 15, tzinfo=UTC)
ORDER = "BTC,SELL,LIMIT,IOC,0.1,80000,80100,FILLED,0.1,0.1,1769695200000,8010\n"
IMPORT = ("import", "--venue", "binance", "--format", "force-order-csv")


@pytest.fixture(scope="module")
def home(tmp_path_factory) -> Home:
    """A published home whose path needs escaping in SQL, in a shell and in a URL."""
    home = made_home(tmp_path_factory.mktemp("it") / "a home's höme & 100%")
    releases.publish(home, "run-1", NOW)
    return home


def unwind(root: Path, *arguments: str, **options) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unwind.cli", *arguments],
        capture_output=True,
        text=True,
        env={**os.environ, "UNWIND_HOME": str(root), **options.pop("env", {})},
        check=False,
        **options,
    )


def refused(result: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The one sentence that a failed command printed."""
    assert result.returncode == code, result.stderr
    assert "Traceback" not in result.stderr
    [*_, sentence] = result.stderr.strip().splitlines()
    assert sentence.startswith("unwind: ")
    return sentence.removeprefix("unwind: ")


@pytest.mark.parametrize("arguments", [("refresh",), ("doctor",), (*IMPORT, "README.md")])
def test_a_home_that_cannot_be_created(arguments):
    result = refused(unwind(Path("/dev/null/home"), *arguments, cwd=PROJECT_ROOT))
    assert result.startswith("/dev/null/home")
    assert "Not a directory; a file stands where a folder is wanted: choose another path" in result


def test_a_full_disk(tmp_path):
    """A file size limit stands in for a full disk: the same calls fail."""
    file = tmp_path / "orders.csv"
    file.write_text("".join(ORDER.replace("8010", str(n)) for n in range(20_000)))
    most = 10_000
    result = unwind(
        tmp_path / "home",
        *(*IMPORT, str(file)),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    assert "File too large; no file may become as large here" in refused(result)
    assert list((tmp_path / "home").rglob("*.part")) == []
    assert "Sealed import-" in unwind(tmp_path / "home", *IMPORT, str(file)).stdout


def test_an_export_onto_a_file_and_into_a_folder_of_that_name(home, tmp_path):
    (tmp_path / "taken").write_text("mine")
    result = refused(unwind(home.root, "export", str(tmp_path / "taken"), "--mart", "events"))
    assert result.startswith(f"{tmp_path / 'taken'}: ")
    assert (tmp_path / "taken").read_text() == "mine"
    (tmp_path / "out" / "events.parquet").mkdir(parents=True)
    result = refused(unwind(home.root, "export", str(tmp_path / "out"), "--mart", "events"))
    assert "a folder stands where a file is wanted" in result


def test_every_path_may_contain_quotes_blanks_and_symbols(home, tmp_path):
    out = tmp_path / "an export's ünï"
    assert unwind(home.root, "sql", "--format", "csv", "select count(*) from events").stdout == (
        "count_star()\n1000\n"
    )
    assert unwind(home.root, "export", str(out)).returncode == 0
    assert duckdb.read_parquet(str(out / "events.parquet")).fetchall()
    assert "20260129T150000Z-00" in unwind(home.root, "status").stdout


def test_a_release_that_another_process_has_open_for_writing(tmp_path):
    home = made_home(tmp_path)
    releases.publish(home, "run-1", NOW)
    file = home.current.resolve() / "warehouse.duckdb"
    file.chmod(0o644)
    code = f"import duckdb, sys; c = duckdb.connect({str(file)!r}); print(1, flush=True); input()"
    writer = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        assert writer.stdout.readline() == "1\n"
        result = refused(unwind(tmp_path, "sql", "select 1"))
        assert result.startswith(f"{file} is open for writing in another program ")
        assert f"(process {writer.pid}); close it there" in result
    finally:
        writer.communicate("\n")


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("UNWIND_MEMORY_LIMIT", "plenty"),
        ("UNWIND_NOW", "tomorrow"),
    ],
)
def test_an_unreadable_variable_is_wrong_usage(home, variable, value):
    result = refused(unwind(home.root, "doctor", env={variable: value}), code=2)
    assert result.startswith(f"{variable} is {value!r}; ")


def test_a_refresh_of_an_empty_home_reports_that_nothing_has_landed(tmp_path):
    result = unwind(tmp_path, "refresh")
    assert result.returncode == 0
    assert f"nothing is landed or imported in {tmp_path} yet" in result.stdout.replace("\n", " ")


def test_status_and_doctor_agree_that_a_simulated_market_needs_no_recorder(home, tmp_path):
    home = made_home(tmp_path)
    home.simulation_mark.write_text("")
    for command in ("status", "doctor"):
        result = unwind(home.root, command).stdout
        assert "no recorder is needed for a simulated market" in result
        assert "unwind record" not in result


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_stopped_command_reports_what_is_saved(tmp_path, number, code):
    (tmp_path / "warehouse").mkdir()
    # Without this file there would be nothing to build.
    (tmp_path / "warehouse" / "staging.duckdb").touch()
    with (tmp_path / "warehouse" / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        process = subprocess.Popen(
            [sys.executable, "-m", "unwind.cli", "refresh"],
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "UNWIND_HOME": str(tmp_path)},
            # As in a terminal, even if these tests run in the background.
            preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),
        )
        assert "waiting for another refresh" in process.stderr.readline()
        process.send_signal(number)
        result = process.communicate(timeout=20)[1]
    assert process.returncode == code
    assert result.startswith("unwind: stopped while waiting for another refresh, which writes ")
    assert result.endswith(
        "readers are where they were: `unwind refresh` builds what is not published\n"
    )


@pytest.mark.parametrize("number", [number for number in REMEDIES if number != errno.ENOENT])
def test_every_system_error_states_what_to_do(number):
    result = sentence_of(OSError(number, os.strerror(number), "/some/file"), Path("/home"))
    assert result.startswith(f"/some/file: {os.strerror(number)}; {REMEDIES[number]}")
    # A write that fails names no file.
    assert sentence_of(OSError(number, "x"), Path("/home")).startswith("/home: x; ")


def test_a_bug_in_the_code_has_no_sentence():
    assert sentence_of(KeyError("venue"), Path("/home")) is None
    assert sentence_of(ValueError("x"), Path("/home")) is None


def test_an_out_of_memory_error_suggests_raising_the_limit():
    message = "Out of Memory Error: failed to allocate data of size 16.0 MiB (501/512 MiB)\nMore"
    result = sentence_of(duckdb.OutOfMemoryException(message), Path("/home"))
    assert result.startswith("the database failed: Out of Memory Error: failed to allocate")
    assert "raise UNWIND_MEMORY_LIMIT" in result
    assert "\n" not in result


@pytest.mark.parametrize(
    ("returncode", "result"),
    [
        (3, "ended with exit code 3"),
        (-15, "was killed by signal 15 (SIGTERM)"),
        (-9, "was killed by signal 9 (SIGKILL), as the system does when memory runs out"),
        (-63, "was killed by signal 63"),
    ],
)
def test_how_a_process_ended(returncode, result):
    assert ending(returncode).startswith(result)


def test_every_expected_failure_has_one_base():
    """The command line catches one base class; any other error would show a traceback."""
    import unwind.demo
    import unwind.landing.imports
    import unwind.recorder.service
    import unwind.simulator.server
    import unwind.standalone
    import unwind.warehouse.lineage
    import unwind.warehouse.queries
    import unwind.warehouse.refresh  # noqa: F401

    expected = {one.__name__ for one in every_kind(UnwindError)}
    assert expected >= {
        *("DbtError", "DemoRefusedError", "GateError", "GateRefusedError", "ImportRefusedError"),
        *(
            "NoReleaseError",
            "NoSuchLiquidationError",
            "QueryError",
            "RecorderError",
            "SimulatorError",
        ),
        *("SettingError", "StandaloneError", "UnrecognisedImportError", "WriterBusyError"),
    }


def every_kind(base: type) -> set[type]:
    return {base}.union(*(every_kind(one) for one in base.__subclasses__()))
