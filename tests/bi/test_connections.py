"""Every snippet of docs/bi.md, run as printed against a small published release."""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import shutil
import struct
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import duckdb
import pytest
from serving import NOW, READER_PASSWORD

from unwind.warehouse import releases

PROJECT = Path(__file__).resolve().parents[2]
PAGE = (PROJECT / "docs" / "bi.md").read_text(encoding="utf-8")
# https://duckdb.org/docs/stable/internals/storage: the version that DuckDB 0.10 to 1.5 all read.
STORAGE_VERSION = 64


def fenced(language: str) -> list[tuple[str, str]]:
    """The page's snippets in one language, each with its heading."""
    found, heading = [], ""
    for piece in re.finditer(
        r"^## ([^\n]+)$|^```(\w+)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL
    ):
        heading = piece[1] or heading
        if piece[2] == language:
            found.append((heading, piece[3]))
    return found


PYTHON = fenced("python")
POSTGRES = [code for heading, code in PYTHON if heading == "PostgreSQL"]
# What each snippet prints, in the page's order; PostgreSQL's has a test of its own.
PRINTED = [
    ("DuckDB", "[('ALL', Decimal('95000000.0000'), Decimal('3500000.0000'), True), ('hyperliquid'"),
    ("DuckDB", "[('BTC', Decimal('331000000.0000'))]"),
    ("DuckDB", "long_usd: Dollars of long positions closed by force; zero where"),
    ("DuckDB", "(4,)"),
    ("pandas and Polars", "100000000.5 95000000.0"),
    ("SQLAlchemy", "20260129T150200Z-00 2026-01-29 14:00:00"),
    ("Parquet", "2\n"),
    ("A tool that stays open", "('20260129T150200Z-00',)\n('20260129T150200Z-00',)\n"),
]


def run(code: str) -> str:
    """The output of a snippet run as a script."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(code, "docs/bi.md", "exec"), {"__name__": "__main__"})
    return printed.getvalue()


def test_no_snippet_of_the_page_is_left_out():
    assert [heading for heading, _ in PYTHON if heading != "PostgreSQL"] == [
        heading for heading, _ in PRINTED
    ]
    assert len(POSTGRES) == 1


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (code, printed)
        for (_, code), (_, printed) in zip(
            [one for one in PYTHON if one[0] != "PostgreSQL"], PRINTED, strict=True
        )
    ],
)
def test_a_python_snippet_prints_what_the_release_holds(home, code, expected):
    if "parquet/" in code:
        command([".venv/bin/unwind", "export", "parquet"])
    assert expected in run(code)


def command(words: list[str]) -> str:
    """The output of an `unwind` command, run in this process."""
    from typer.testing import CliRunner

    from unwind.cli import app

    assert words[0] == ".venv/bin/unwind"
    outcome = CliRunner().invoke(app, words[1:])
    assert outcome.exit_code == 0, outcome.output
    return outcome.output


def test_the_shell_commands_of_the_page_run(home):
    lines = [line for _, block in fenced("sh") for line in block.splitlines()]
    printed = [command(shlex.split(line)) for line in lines]
    assert len(printed) == 4
    assert "59000000.0000" in printed[0]
    assert "20260129T150200Z-00" in printed[1]
    assert Path("parquet/liquidations_hourly.parquet").is_file()


def test_the_query_given_to_the_duckdb_program_runs(home):
    [block] = [block for heading, block in fenced("console") if heading == "DuckDB"]
    words = shlex.split(block.removeprefix("$ "))
    assert words[:2] == ["duckdb", "-readonly"]
    with duckdb.connect(words[2], read_only=True) as release:
        assert [venue for venue, _ in release.execute(words[3]).fetchall()] == [
            *("ALL", "hyperliquid", "binance"),
        ]


def test_a_new_connection_of_the_same_process_is_on_the_new_release(home):
    [code] = [code for heading, code in PYTHON if heading == "A tool that stays open"]
    before, after = code.split("# ... here the refresh may publish a new release ...\n")
    names: dict = {}
    with contextlib.redirect_stdout(io.StringIO()) as printed:
        exec(before, names)
        releases.publish(home, "run-2", NOW + timedelta(hours=1))
        exec(after, names)
    assert printed.getvalue() == "('20260129T150200Z-00',)\n('20260129T160200Z-00',)\n"
    # Readers who had the previous release open still read it.
    assert names["before"].sql("select run_id from marts.release").fetchone() == ("run-1",)


def test_the_file_is_of_the_storage_version_that_duckdb_1_0_reads(home):
    with (home.current / "warehouse.duckdb").open("rb") as file:
        head = file.read(20)
    assert head[8:12] == b"DUCK"
    assert struct.unpack("<Q", head[12:20]) == (STORAGE_VERSION,)


def test_a_release_has_no_views_and_is_self_contained(home):
    stood_alone = shutil.copy(home.current / "warehouse.duckdb", "alone.duckdb")
    with duckdb.connect(stood_alone, read_only=True) as release:
        assert release.sql("select count(*) from duckdb_views() where not internal").fetchone() == (
            0,
        )
        assert release.sql("select count(*) from duckdb_schemas() where not internal").fetchall()
        assert release.sql("select sum(events) from marts.exchange_breakdown").fetchone() == (8412,)


def test_the_published_file_cannot_be_written_to(home):
    assert (home.current / "warehouse.duckdb").stat().st_mode & 0o222 == 0


def test_the_snippet_for_postgresql_reads_the_copy_as_it_is_documented(few, postgres, monkeypatch):
    command([".venv/bin/unwind", "copy-to-postgres"])
    words = postgres.words("unwind_reader", READER_PASSWORD)
    stated = " ".join(f"{word}='{value}'" for word, value in words.items())
    monkeypatch.setenv("UNWIND_READER", stated)
    assert run(POSTGRES[0]) == (
        "[('20260129T150200Z-00', 'ALL', Decimal('95000000.0000'), 1.0), "
        "('20260129T150200Z-00', 'hyperliquid', Decimal('59000000.0000'), 0.614)]\n"
    )


def test_files_by_day_explain_themselves_to_any_reader_of_parquet(few, monkeypatch):
    import pyarrow.parquet as pq

    releases.take_own_copy(few)
    with duckdb.connect(str(few.warehouse_db)) as warehouse:
        warehouse.execute(
            "insert into marts.exchange_breakdown (hour_at, base_asset, venue, long_usd)"
            " values ('2026-01-30 00:00', 'ALL', 'ALL', 7), (null, 'ALL', 'ALL', 8)"
        )
    release_id = releases.publish(few, "run-2", NOW + timedelta(hours=1))
    command([".venv/bin/unwind", "export", "by_day", "--by-day"])
    assert json.loads(Path("by_day/current.json").read_text())["folder"] == release_id
    mart = Path("by_day") / release_id / "exchange_breakdown"
    rows = {path.parent.name: pq.read_table(path).num_rows for path in mart.glob("*/rows.parquet")}
    assert rows == {"day=2026-01-29": 5, "day=2026-01-30": 1, "day=__HIVE_DEFAULT_PARTITION__": 1}
    file = pq.ParquetFile(mart / "day=2026-01-29" / "rows.parquet")
    hour = file.schema_arrow.field("hour_at")
    assert str(hour.type) == "timestamp[us, tz=UTC]"
    assert "isAdjustedToUTC=true" in str(file.schema.column(0).logical_type)
    assert hour.metadata[b"description"].startswith(b"The as-of hour")
    assert file.schema_arrow.metadata[b"description"].startswith(b"One row per hour_at")
    assert file.schema_arrow.metadata[b"unwind.release_id"] == release_id.encode()
    whole = duckdb.sql(f"select sum(long_usd) from read_parquet('{mart}/*/*.parquet')").fetchone()
    # 95 + 59 + 36 + 5.0000005 + 331 million, and 7 and 8.
    assert str(whole[0]) == "526000015.5000"
    [alone] = (Path("by_day") / release_id / "release").glob("**/*.parquet")
    assert pq.read_table(alone).num_rows == 1
    # Whatever else is there stays, whatever it is called.
    others = [
        *("backups/rows.parquet", "photos/2019/sea.jpg", "20190101T000000Z-00/notes.txt"),
        "20199999T000000Z-00/release/rows.parquet",
    ]
    for other in others:
        (Path("by_day") / other).parent.mkdir(parents=True)
        (Path("by_day") / other).write_text("mine")
    for hours in range(2, 6):
        later = releases.publish(few, "run-2", NOW + timedelta(hours=hours))
        command([".venv/bin/unwind", "export", "by_day", "--by-day"])
    assert [(Path("by_day") / other).read_text() for other in others] == ["mine"] * 4
    kept = {path.parent.parent.name for path in Path("by_day").glob("*/release/rows.parquet")}
    kept -= {Path(other).parts[0] for other in others}
    assert (len(kept), max(kept)) == (3, later)


# What docs/bi.md says it was tried with. These are not the project's own versions.
DUCKDB_1_4 = (
    *("duckdb==1.4.5", "pandas==3.1.1", "polars==2.1.0", "pyarrow==26.0.1"),
    *("sqlalchemy==2.1.9", "duckdb-sqlalchemy==1.5.6.5"),
)
JUPYTER = ("nbclient==0.11.0", "ipykernel==7.4.0", "duckdb==1.5.6", "pandas==3.1.1")
NOTEBOOK = """
import sys
import nbformat
from nbclient import NotebookClient

notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(sys.argv[1])])
NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
[printed] = [one["text"] for one in notebook.cells[0].outputs if one.get("name") == "stdout"]
print(printed)
"""


def environment(folder: Path, packages: tuple[str, ...]) -> Path:
    """A new environment's Python, with these packages from the index that pip is configured for."""
    uv = [sys.executable, "-m", "uv"]
    subprocess.run([*uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    python = folder / "bin" / "python"
    install = [*uv, "pip", "install", "--quiet", "--system-certs", "--python", python]
    subprocess.run([*install, *packages], check=True)
    return python


def printed_by(python: Path, *words: str) -> str:
    done = subprocess.run([python, "-c", *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.long
def test_duckdb_1_4_reads_a_release_as_every_snippet_of_the_page_does(home):
    python = environment(home.root.parent / "environment", DUCKDB_1_4)
    command([".venv/bin/unwind", "export", "parquet"])
    codes = [code for heading, code in PYTHON if heading != "PostgreSQL"]
    assert printed_by(python, "import duckdb; print(duckdb.__version__)") == "1.4.5\n"
    for code, (heading, expected) in zip(codes, PRINTED, strict=True):
        assert expected in printed_by(python, code), heading


@pytest.mark.long
def test_a_notebook_reads_a_release_with_duckdb_and_pandas(home):
    python = environment(home.root.parent / "environment", JUPYTER)
    code = """
import duckdb

with duckdb.connect("data/current/warehouse.duckdb", read_only=True) as release:
    hours = release.sql(
        "select long_usd::double as long_usd from marts.exchange_breakdown"
        " where window_hours = 1 and base_asset = 'ALL' and venue = 'ALL'"
    ).df()
print(len(hours), hours["long_usd"].sum())
"""
    # The hours of 13:00 and 14:00: 5,000,000.5 and 95,000,000 dollars.
    assert printed_by(python, NOTEBOOK, code).split() == ["2", "100000000.5"]
