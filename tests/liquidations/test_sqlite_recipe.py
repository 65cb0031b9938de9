"""The documented recipe for collectors' SQLite databases, run on a recorded one."""

from __future__ import annotations

import csv
import io
import re
import sqlite3
from decimal import Decimal
from pathlib import Path

import pytest
from liquidation_imports import Built, built, take_in_text

from unwind.settings import PROJECT_ROOT, Home

pytestmark = pytest.mark.recordings


@pytest.fixture(scope="module")
def warehouse(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    page = (PROJECT_ROOT / "docs" / "imports.md").read_text()
    part = page.split("\n## Databases of collectors\n")[1].split("\n## ")[0]
    (recipe,) = re.findall(r"^```sql\n(.*?)^```", part, re.MULTILINE | re.DOTALL)
    folder = tmp_path_factory.mktemp("sqlite")
    home = Home(folder / "home")
    database = recordings / "collector_sqlite" / "2026-04-03_pcdogyu" / "liqmap.db"
    batches = {}
    with sqlite3.connect(f"file:{database}?mode=ro&immutable=1", uri=True) as collector:
        for venue in ("binance", "bybit", "okx"):
            found = collector.execute(recipe, {"venue": venue})
            text = io.StringIO()
            writer = csv.writer(text, lineterminator="\n")
            writer.writerow([column[0] for column in found.description])
            writer.writerows(found)
            batches[venue] = take_in_text(
                home, folder, venue, "tardis-csv", f"{venue}.csv", text.getvalue()
            )
    return built(home, batches)


def test_bybits_buy_is_a_long(warehouse: Built) -> None:
    assert [
        (fact["liquidated_side"], fact["quantity_base"], fact["notional_usd"])
        for fact in warehouse.facts("bybit")
    ] == [
        ("long", Decimal("0.75"), Decimal("1534.8825")),
        ("short", Decimal("1.6"), Decimal("3315.984")),
    ]


def test_okx_contracts_are_a_tenth_of_an_ether(warehouse: Built) -> None:
    fact = warehouse.only_fact("okx")
    assert (fact["liquidated_side"], fact["quantity_base"]) == ("long", Decimal("0.001"))
    # 0.01 contracts of 0.1 ETH at 2,059.19.
    assert fact["notional_usd"] == Decimal("2.0592")


def test_binances_fifteen_orders_come_with_their_sides(warehouse: Built) -> None:
    facts = warehouse.facts("binance")
    assert len(facts) == 15
    assert sum(fact["liquidated_side"] == "long" for fact in facts) == 9
    assert sum(fact["quantity_base"] for fact in facts) == Decimal("8.041")
    assert warehouse.quarantined("binance") == []
