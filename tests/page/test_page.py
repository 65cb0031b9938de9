"""The page of a release: its figures are the marts', it is one safe file, and it says its state."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb
import pytest
from typer.testing import CliRunner

from tests.page.made_up import FACTS, HOUR, NASTY, NASTY_ASSET, RELEASE_ID, RICH, publish
from tests.page.marts import EXPECTED
from tests.page.parsed import Element, parsed, rows_of
from unwind.cli import app
from unwind.page import render, writing
from unwind.page.figures import figures
from unwind.page.wording import NAMES, Kind, text_of
from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import promises
from unwind.warehouse.refresh import GateRefusedError, RefreshReport
from unwind.warehouse.releases import NoReleaseError
from unwind.warehouse.state import staging_state

PACKAGE = PROJECT_ROOT / "dags" / "unwind" / "page"
# Marts have times without a zone, in UTC.
NEWEST = datetime(2026, 1, 29, 14)  # noqa: DTZ001
VENDORED = (PACKAGE / "vendor", PROJECT_ROOT / "tests" / "page" / "vendor")


@pytest.fixture(scope="module")
def rich(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("rich"))
    publish(home, RICH)
    writing.write_page(home)
    return home


@pytest.fixture(scope="module")
def text(rich: Home) -> str:
    return (rich.current / "page.html").read_text()


@pytest.fixture(scope="module")
def page(text: str) -> Element:
    return parsed(text)


@pytest.fixture(scope="module")
def nasty(tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Element]:
    home = Home(tmp_path_factory.mktemp("nasty"))
    publish(home, NASTY)
    return home, parsed(writing.write_page(home).read_text())


def asked(home: Home, query: str) -> list[dict[str, Any]]:
    connection = opened((home.current / "warehouse.duckdb").resolve())
    connection.execute(query)
    names = [one[0] for one in connection.description]
    return [dict(zip(names, row, strict=True)) for row in connection.fetchall()]


@cache
def opened(database: Path) -> duckdb.DuckDBPyConnection:
    # A copy: one process opens a file with one configuration only.
    copy = database.parents[2] / "asked.duckdb"
    shutil.copyfile(database, copy)
    connection = duckdb.connect(str(copy))
    connection.execute("set schema = 'marts'")
    return connection


def comparable(row: dict[str, Any], keys: list[str]) -> tuple[str, ...]:
    """The row's figures as text, to compare rows in any order."""

    def plain(value: Any) -> Any:
        return (
            float(value)
            if isinstance(value, Decimal | int) and not isinstance(value, bool)
            else value
        )

    return tuple(repr(plain(row[key])) for key in keys)


@pytest.mark.parametrize("figure", figures(), ids=lambda one: one.figure_id)
def test_every_figure_on_the_page_is_its_marts(rich: Home, page: Element, figure: Any) -> None:
    shown = rows_of(page, figure.figure_id)
    expected = asked(rich, EXPECTED[figure.figure_id])
    assert shown, figure.figure_id
    keys = [column.name for column in figure.columns]
    assert sorted(comparable(row, keys) for row in shown) == sorted(
        comparable(row, keys) for row in expected
    )


def test_figures_are_written_in_all_their_digits(page: Element, text: str) -> None:
    [market] = [row for row in rows_of(page, "brief") if row["base_asset"] == "ALL"]
    assert market["long_usd"] == 230400000.1234
    # The interval's upper end is not known.
    assert market["long_usd_high"] is None
    assert "<data value=230400000.1234" in text


def test_newest_hours_are_taken_and_missing_ones_left_out(page: Element) -> None:
    hours = [row["hour_at"] for row in rows_of(page, "long_short") if row["base_asset"] == "BTC"]
    # 48 hours, of which the one five hours before has no row.
    assert hours == [NEWEST - timedelta(hours=back) for back in range(47, -1, -1) if back != 5]


@pytest.mark.parametrize("figure", figures(), ids=lambda one: one.figure_id)
def test_values_in_sentences_stand_in_the_figures_table(page: Element, figure: Any) -> None:
    rows = rows_of(page, figure.figure_id)
    places = (
        page.all("section", id="answer")
        if figure.figure_id == "brief"
        else page.all("figure", id=f"f-{figure.figure_id}")
    )
    found = 0
    for sentence in [*places[0].all("p", class_="take"), *places[0].all("dl")]:
        asset = sentence.attributes.get("data-asset")
        own = [row for row in rows if asset in {None, row.get("base_asset")}]
        for value in [*sentence.all("data"), *sentence.all("time")]:
            column = value.attributes["data-column"]
            raw = value.attributes.get("value") or value.attributes["datetime"]
            known = {row[column] for row in own}
            match = {
                *(one for one in known if isinstance(one, str | bool)),
                *(
                    f"{one:%Y-%m-%dT%H:%M:%S}Z".replace(":00Z", "Z")
                    for one in known
                    if isinstance(one, datetime)
                ),
                *(one for one in known if isinstance(one, float)),
            }
            assert raw in match or float(raw) in match, (column, raw)
            found += 1
    assert found > 0 or figure.figure_id in {"gates", "failures", "freshness"}


def test_the_newest_hour_comes_first_in_the_marts_own_sentences(page: Element, rich: Home) -> None:
    first = page.all("section")[0]
    assert first.attributes["id"] == "answer"
    briefs = {
        row["base_asset"]: row["brief"]
        for row in asked(rich, f"from market_brief_hourly where hour_at = {HOUR}")
    }
    for article in first.all("article"):
        stated = [article.all("h2")[0].text, *(one.text for one in article.all("li"))]
        # The command that checks it stands below, with those of the other figures.
        assert (
            " ".join(stated) == briefs[article.attributes["data-asset"]].partition(" Check it:")[0]
        )
    assert [one.attributes["data-asset"] for one in first.all("article")] == ["ALL", "BTC", "ETH"]


@pytest.mark.parametrize("which", ["rich", "nasty"])
def test_the_sql_that_a_figure_opens_gives_its_rows(
    which: str, rich: Home, page: Element, nasty: tuple[Home, Element]
) -> None:
    home, shown = (rich, page) if which == "rich" else nasty
    for figure in figures():
        place = "answer" if figure.figure_id == "brief" else f"f-{figure.figure_id}"
        [holder] = shown.all(id=place)
        commands = [words(one.text) for one in holder.all("pre", class_="sql")]
        assert commands[0][:2] == ["unwind", "sql"]
        [query] = commands[0][2:]
        rows = rows_of(shown, figure.figure_id)
        keys = [column.name for column in figure.columns]
        answer = asked(home, query)
        if which == "nasty":
            # Of rows that are no figures (infinite, undefined), the page shows none.
            assert len(answer) == len(rows), figure.figure_id
            assert_explains(home, commands[1], has_rows=False)
            continue
        assert sorted(comparable(row, keys) for row in answer) == sorted(
            comparable(row, keys) for row in rows
        )
        for command in commands[1:]:
            assert_explains(home, command, has_rows=bool(rows))


def words(command: str) -> list[str]:
    """The arguments of a command, as a shell reads it."""
    given = subprocess.run(
        ["sh", "-c", f"printf '%s\\0' {command}"], capture_output=True, check=True
    )
    return given.stdout.decode().split("\0")[:-1]


def assert_explains(home: Home, command: list[str], has_rows: bool) -> None:
    """A command that leads to facts names a mart, a condition on it that runs, and a column."""
    if command[1] != "explain":
        assert command in (["unwind", "verify"], ["unwind", "gate-docs"], ["unwind", "status"])
        return
    mart, condition = command[2], command[4]
    assert mart in promises.marts()
    assert command[3] == "--where"
    columns = command[command.index("--figure") + 1] if "--figure" in command else "*"
    found = asked(home, f"select {columns} from {mart} where {condition}")
    # Figures without rows of ALL, or of an asset, have a command that finds none.
    assert found or "base_asset" in condition or not has_rows


def test_hostile_names_are_text(nasty: tuple[Home, Element]) -> None:
    _, page = nasty
    assert page.all("option")[0].text == NASTY_ASSET
    assert page.all("b") == page.all("img") == []
    assert len(page.all("script")) == 2
    [row] = rows_of(page, "breakdown")
    assert row["venue"] == "<img src=x onerror=alert(1)>"
    assert (row["long_usd"], row["short_usd"]) == (9999999999.9999, None)
    assert {row["close_usd"] for row in rows_of(page, "price")} == {1e-8}
    # Neither infinite nor undefined is a figure.
    assert rows_of(page, "levels")[0]["mass_high_usd"] is None
    assert rows_of(page, "open_interest")[0]["oi_usd"] is None


def test_the_page_loads_nothing_and_runs_only_its_own(text: str, page: Element) -> None:
    [policy] = [
        one.attributes["content"] for one in page.all("meta", http_equiv="Content-Security-Policy")
    ]
    rules = dict(one.split(" ", 1) for one in policy.split("; "))
    assert rules["default-src"] == rules["base-uri"] == rules["form-action"] == "'none'"
    assert rules["img-src"] == "data:"

    def source(block: Element) -> str:
        digest = hashlib.sha256(block.text.encode()).digest()
        return f"'sha256-{base64.b64encode(digest).decode()}'"

    assert rules["script-src"].split() == [source(one) for one in page.all("script")]
    assert rules["style-src"].split() == [source(one) for one in page.all("style")]
    assert set(rules) == {
        "default-src",
        "script-src",
        "style-src",
        "img-src",
        "base-uri",
        "form-action",
    }
    for element in page.all():
        assert not [name for name in element.attributes if name.startswith("on") or name == "style"]
        for name in ("src", "href", "action"):
            assert element.attributes.get(name, "#").startswith(("#", "data:,")), element
    assert len(text.encode()) < 2_000_000


def test_vendored_files_are_the_published_ones() -> None:
    for folder in VENDORED:
        sums = (folder / "SHA256SUMS").read_text().splitlines()
        listed = {name: digest for digest, name in (line.split() for line in sums)}
        found = {
            path.name: hashlib.sha256(path.read_bytes()).hexdigest()
            for path in folder.iterdir()
            if path.name not in {"SHA256SUMS", "README.md"}
        }
        assert found == listed
    library = (PACKAGE / "vendor" / "echarts.min.js").read_text()
    # What would end the script's element, or change its text as it is parsed.
    assert not re.search(r"</script|<!--|\r|\x00", library, re.IGNORECASE)


def test_the_same_release_gives_the_same_bytes(rich: Home, text: str, tmp_path: Path) -> None:
    assert writing.write_page(rich, RELEASE_ID, tmp_path / "again.html").read_text() == text


def test_a_page_that_grows_too_large_has_fewer_assets(
    rich: Home, text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "MAX_BYTES", len(text.encode()) - 1)
    fewer = parsed(writing.write_page(rich, output=tmp_path / "fewer.html").read_text())
    assert [one.attributes["value"] for one in fewer.all("option")] == ["ALL", "BTC"]
    monkeypatch.setattr(writing, "MAX_BYTES", 1000)
    with pytest.raises(writing.PageError, match="larger than 1,000 bytes, even with one asset"):
        writing.write_page(rich, output=tmp_path / "none.html")
    assert not (tmp_path / "none.html").exists()


def states(page: Element) -> dict[str, str]:
    """The page's notes on its state, by id; without those that a script fills."""
    [holder] = page.all("div", class_="states")
    return {
        one.attributes["id"]: one.text
        for one in holder.children
        if isinstance(one, Element) and one.text
    }


def test_failed_expectations_are_counted(page: Element) -> None:
    assert list(states(page)) == ["gate-warnings"]
    assert "passed with warnings. 2 expectations failed" in states(page)["gate-warnings"]


def copied(home: Home, folder: Path) -> Home:
    shutil.copytree(home.root, folder / "home", symlinks=True)
    return Home(folder / "home")


def test_a_demo_and_a_refused_build_are_marked(rich: Home, tmp_path: Path) -> None:
    home = copied(rich, tmp_path)
    home.simulation_mark.touch()
    home.refusal.parent.mkdir()
    home.refusal.write_text(
        json.dumps({"refused_at": "2026-01-29T16:04:00Z", "message": "the marts gate refused <it>"})
    )
    page = parsed(writing.write_page(home).read_text())
    assert list(states(page)) == ["demo", "refused", "gate-warnings"]
    assert "simulated market" in states(page)["demo"]
    assert "2026-01-29T16:04:00Z" in states(page)["refused"]
    assert "the marts gate refused <it>" in states(page)["refused"]
    assert page.all("title")[0].text.startswith("Demo: ")


def test_a_late_release_is_marked(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(
        home, f"{RICH}; update release set built_at = {HOUR} + interval 28 hours, gate_warnings = 0"
    )
    page = parsed(writing.write_page(home).read_text())
    # The newest hour ended at 15:00, the release is of 18:00 on the next day.
    assert list(states(page)) == ["late"]
    assert "27 hours before this release" in states(page)["late"]


def test_an_empty_release_states_why_each_figure_has_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    publish(home, f"{FACTS}; update release set last_hour_at = null, gate_warnings = 0")
    page = parsed(writing.write_page(home).read_text())
    assert list(states(page)) == ["empty"]
    for figure in figures():
        if figure.figure_id in {"brief", "release"}:
            continue
        [card] = page.all("figure", id=f"f-{figure.figure_id}")
        [note] = card.all("p", class_="none")
        assert note.text == f"No rows: {figure.absent}."
        assert card.all("div", class_="chart") == []


def test_a_table_that_an_older_release_lacks_is_named(rich: Home, tmp_path: Path) -> None:
    home = copied(rich, tmp_path)
    with duckdb.connect(str(home.current / "warehouse.duckdb")) as connection:
        connection.execute("drop table marts.liquidation_wave")
        connection.execute("alter table marts.funding_hourly drop column oi_weighted_basis")
    page = parsed(writing.write_page(home).read_text())
    notes = {
        one.attributes["id"]: one.all("p", class_="none")[0].text
        for one in page.all("figure")
        if one.all("p", class_="none")
    }
    assert set(notes) == {"f-falls", "f-funding"}
    assert "Not in this release" in notes["f-falls"]
    assert "liquidation_wave" in notes["f-falls"]
    assert "oi_weighted_basis" in notes["f-funding"]
    assert rows_of(page, "stress") == rows_of(
        parsed((rich.current / "page.html").read_text()), "stress"
    )


@pytest.mark.parametrize(
    ("value", "kind", "shown"),
    [
        (237241893.1234, Kind.USD, "$237.2M"),
        (999_960, Kind.USD, "$1M"),
        (312.4, Kind.USD, "$312.4"),
        (0, Kind.USD, "$0"),
        (1e-8, Kind.USD, "$0.00000001"),
        (-45_300, Kind.USD, "−$45.3K"),  # noqa: RUF001
        (1.71e12, Kind.USD, "$1.71T"),
        (81905.25, Kind.PRICE, "$81,905.25"),
        (1e-8, Kind.PRICE, "$0.00000001"),
        (0.98312, Kind.SHARE, "98.3%"),
        (0.00004, Kind.SHARE, "0.004%"),
        (0.0001, Kind.RATE, "0.01%"),
        (-4.62, Kind.PERCENT, "−4.6%"),  # noqa: RUF001
        (8208, Kind.COUNT, "8,208"),
        (1.0523, Kind.TIMES, "1.05×"),  # noqa: RUF001
        (None, Kind.USD, "–"),  # noqa: RUF001
        (float("nan"), Kind.NUMBER, "–"),  # noqa: RUF001
        ("one_per_symbol_second_largest", Kind.WORD, "one per symbol second largest"),
        (
            "oi_to_market_cap, mass_below_spot",
            Kind.WORD,
            "open interest to market cap, levels below the price",
        ),
        (True, Kind.BOUND, "≥"),
        (False, Kind.FLAG, "no"),
        (NEWEST, Kind.TIME, "2026-01-29 14:00"),
    ],
)
def test_values_are_written_for_readers_without_scripts(value: Any, kind: Kind, shown: str) -> None:
    assert text_of(value, kind) == shown


def test_each_component_of_the_score_has_a_name_for_readers() -> None:
    with (PROJECT_ROOT / "dbt_project" / "seeds" / "stress_weights.csv").open() as seed:
        assert {row["component"] for row in csv.DictReader(seed)} == NAMES.keys()


def test_the_page_is_written_whole_beside_the_release(
    rich: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(rich, tmp_path)
    before = (home.current / "page.html").read_bytes()

    def broken(_: Any) -> str:
        raise MemoryError

    with monkeypatch.context() as patch:
        patch.setattr(writing, "render", broken)
        with pytest.raises(MemoryError):
            writing.write_page(home)
    assert (home.current / "page.html").read_bytes() == before
    assert sorted(path.name for path in home.current.iterdir()) == [
        "page.html",
        "release.json",
        "warehouse.duckdb",
    ]


def test_a_page_that_fails_is_one_sentence_and_no_failure(
    rich: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(rich, tmp_path)
    (home.current / "page.html").unlink()
    assert writing.page_after_release(Home(tmp_path / "empty")) is None
    with monkeypatch.context() as patch:
        patch.setenv("UNWIND_PAGE", "off")
        assert writing.page_after_release(home) is None
        assert not (home.current / "page.html").exists()
        patch.setenv("UNWIND_PAGE", "perhaps")
        assert "UNWIND_PAGE is 'perhaps'; set it to on or off" in writing.page_after_release(home)
    (home.current / "warehouse.duckdb").write_bytes(b"no database")
    problem = writing.page_after_release(home)
    assert problem.startswith("the page of the release was not written: ")
    assert "`unwind doctor`" in problem


def refreshed(
    monkeypatch: pytest.MonkeyPatch, home: Home, run: Callable[..., RefreshReport]
) -> Any:
    """`unwind refresh` with another refresh behind it."""
    from unwind.warehouse import refresh

    monkeypatch.setenv("UNWIND_HOME", str(home.root))
    monkeypatch.setattr(refresh, "refresh", run)
    with staging_state(home):
        pass
    return CliRunner().invoke(app, ["refresh"])


def test_a_refresh_writes_the_page_after_readers_have_the_release(
    rich: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(rich, tmp_path)
    (home.current / "page.html").unlink()

    def run(*_: Any, **__: Any) -> RefreshReport:
        # The refresh has returned, so `current` is swapped, before a page is thought of.
        assert not (home.current / "page.html").exists()
        return RefreshReport(RELEASE_ID, (), (), 0)

    done = refreshed(monkeypatch, home, run)
    assert done.exit_code == 0, done.output
    assert (home.current / "page.html").is_file()
    monkeypatch.setattr(writing, "read", lambda *_: 1 / 0)
    done = refreshed(monkeypatch, home, lambda *_, **__: RefreshReport(RELEASE_ID, (), (), 0))
    assert done.exit_code == 0
    assert "the page of the release was not written" in done.output


def test_a_refused_refresh_is_noted_on_the_former_releases_page(
    rich: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = copied(rich, tmp_path)

    def run(*_: Any, **__: Any) -> RefreshReport:
        home.refusal.parent.mkdir()
        home.refusal.write_text('{"refused_at": "2026-01-29T16:04:00Z", "message": "refused"}')
        raise GateRefusedError("refused")

    assert refreshed(monkeypatch, home, run).exit_code == 1
    assert "refused" in states(parsed((home.current / "page.html").read_text()))


def test_the_command_writes_any_release_anywhere(
    rich: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UNWIND_HOME", str(rich.root))
    target = tmp_path / "out" / "page.html"
    done = CliRunner().invoke(app, ["page", "--release", RELEASE_ID, "--output", str(target)])
    assert (done.exit_code, done.output) == (0, f"{target}\n")
    assert target.is_file()
    with pytest.raises(NoReleaseError, match=f"no release 'other' in .*; there are: {RELEASE_ID}"):
        writing.write_page(rich, "other")
    with pytest.raises(NoReleaseError, match="nothing is published"):
        writing.write_page(Home(tmp_path / "empty"))


def test_every_asset_of_the_page_is_packaged() -> None:
    found = {path.relative_to(PACKAGE).as_posix() for path in PACKAGE.rglob("*") if path.is_file()}
    data = {one for one in found if not one.endswith((".py", ".pyc"))}
    assert {one.split("/")[0] for one in data} == {"figures.toml", "assets", "sql", "vendor"}
    assert {f"sql/{one.figure_id}.sql" for one in figures()} == {
        one for one in data if one.startswith("sql/")
    }
    assert render.LICENCES == ("echarts.NOTICE", "zrender.LICENSE", "echarts.LICENSE-d3")
