"""`unwind explain`: from a figure to its facts, and to their raw bytes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import duckdb
import pytest
from typer.testing import CliRunner

from unwind.cli import app
from unwind.settings import Home
from unwind.warehouse.explain import Explanation, UnexplainedError, explain
from unwind.warehouse.lineage import DamagedLineageError

OF_BINANCE = "hour_at = '2026-01-29 10:00' and venue = 'binance' and base_asset = 'BTC'"
OF_ALL = (
    "hour_at = '2026-01-29 10:00' and window_hours = 1 and venue = 'ALL' and base_asset = 'ALL'"
)
# Binance's SELL order closes a long, its BUY a short; Bybit's Buy is a closed long.
LONG, SMALL_LONG, SHORT, OF_BYBIT = 2 * 90_000, 0.5 * 89_000, 91_000, 10 * 3_000


@pytest.fixture(scope="module")
def home(two_hours: Home, tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("explained") / "home")
    shutil.copytree(two_hours.root, home.root, symlinks=True)
    return home


def contributions(found: Explanation) -> list[float | None]:
    of_facts = [fact.contribution for fact in found.facts if fact.relation == "fct_liquidations"]
    return [None if one is None else float(one) for one in of_facts]


def test_a_sum_names_its_facts(home: Home) -> None:
    found = explain(home, "liquidations_hourly", OF_BINANCE)
    assert (found.figure, float(found.value)) == ("long_usd", LONG + SMALL_LONG)
    assert found.sum_of == "the sum of notional_usd of fct_liquidations of longs in 1 h"
    assert [one for one in contributions(found) if one] == [LONG, SMALL_LONG]
    largest = found.facts[0]
    assert json.loads(json.loads(largest.raw_line)["frame"])["o"]["p"] == "90000"
    assert json.loads(largest.raw_row or "")["o"]["q"] == "2"


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("long_usd", [LONG, SMALL_LONG, OF_BYBIT, 3_000]),
        ("short_usd", [SHORT]),
        ("events", [1, 1, 1, 1, 1]),
    ],
)
def test_all_venues_figures_are_of_the_hours_facts_alone(
    home: Home, figure: str, expected: list[float]
) -> None:
    found = explain(home, "exchange_breakdown", OF_ALL, figure, max_facts=None)
    assert float(found.value) == sum(expected)
    assert sorted(one for one in contributions(found) if one) == sorted(expected)


def test_every_step_gives_the_same_rows_again(home: Home) -> None:
    found = explain(home, "exchange_breakdown", OF_ALL)
    run = [step for step in found.steps if step.reads and step.rows]
    assert {"exchange_breakdown", "liquidations_hourly", "liquidations_minutely"} <= {
        step.relation for step in run
    }
    assert [step for step in run if step.differing != ()] == []


def test_a_share_reads_the_other_venues_too(home: Home) -> None:
    of_bybit = OF_ALL.replace("venue = 'ALL'", "venue = 'bybit'")
    found = explain(home, "exchange_breakdown", of_bybit, "share")
    total = LONG + SMALL_LONG + SHORT + 3_000 + OF_BYBIT
    assert found.value == pytest.approx(OF_BYBIT / total, abs=1e-6)
    assert found.sum_of is None
    assert {fact.row["venue"] for fact in found.facts} == {"binance", "bybit"}


def test_a_flipped_byte_is_named(home: Home, tmp_path: Path) -> None:
    damaged = Home(tmp_path / "damaged")
    shutil.copytree(home.root, damaged.root, symlinks=True)
    [path] = [
        one for one in damaged.raw_objects.rglob("*") if one.is_file() and "bybit" in str(one)
    ][:1]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    with pytest.raises(DamagedLineageError, match=path.name[:20]):
        explain(damaged, "exchange_breakdown", OF_ALL, max_facts=None)


@pytest.mark.parametrize(
    ("mart", "where", "figure", "message"),
    [
        ("liquidation_hourly", "true", None, "no mart 'liquidation_hourly'; there are .*liq"),
        ("liquidations_hourly", "venue = 'kraken'", None, "^0 rows of liquidations_hourly"),
        ("liquidations_hourly", "venue =", None, "--where cannot be read"),
        ("liquidations_hourly", OF_BINANCE, "longs", "no column 'longs'; it has hour_at"),
    ],
)
def test_what_cannot_be_explained(
    home: Home, mart: str, where: str, figure: str | None, message: str
) -> None:
    with pytest.raises(UnexplainedError, match=message):
        explain(home, mart, where, figure)


def test_staging_of_another_build_is_named(home: Home, tmp_path: Path) -> None:
    other = Home(tmp_path / "other")
    shutil.copytree(home.root, other.root, symlinks=True)
    with duckdb.connect(str(other.staging_db)) as staging:
        staging.execute("update ops.build set build_id = 'another'")
    with pytest.raises(UnexplainedError, match="is not of the build that release"):
        explain(other, "liquidations_hourly", OF_BINANCE)


def test_the_release_has_the_same_in_sql_under_any_name(home: Home) -> None:
    with duckdb.connect() as reader:
        reader.execute(f"attach '{home.current / 'warehouse.duckdb'}' as u (read_only)")
        found = reader.execute(
            "select figure, liquidated_side, raw_line, row_in_line from"
            " u.marts.facts_of_liquidations_hourly('2026-01-29 10:00', 'binance', 'BTC', db := 'u')"
            " where is_counted"
        ).fetchall()
        assert found == [(LONG, "long", 1, 1), (SHORT, "short", 3, 1), (SMALL_LONG, "long", 2, 1)]
        [(total,)] = reader.execute(
            "select sum(figure) from"
            " u.marts.facts_of_exchange_breakdown('2026-01-29 10:00', 4, 'ALL', 'ALL', db := 'u')"
            " where is_counted and relation = 'fct_liquidations'"
        ).fetchall()
        assert total == 2 * (LONG + SMALL_LONG + SHORT + 3_000 + OF_BYBIT)


def test_it_is_printed_as_text_and_as_json(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNWIND_HOME", str(home.root))
    command = ["explain", "liquidations_hourly", "--where", OF_BINANCE]
    text = CliRunner().invoke(app, [*command, "--facts", "1", "--sql"]).stdout
    assert "long_usd = 224500.0000: Dollars of long positions closed by force" in text
    assert "adds 180000.0000" in text
    assert "hourly as (" in text
    answer = json.loads(CliRunner().invoke(app, [*command, "--format", "json"]).stdout)
    assert (answer["figure"], answer["value"]) == ("long_usd", 224500)
    assert [step["differing"] for step in answer["steps"] if step["reads"]][:2] == [[], []]
