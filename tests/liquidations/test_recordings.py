"""Binance files of seven hobby collectors, 2024-04 to 2025-06, and a file of running sums.

The expected events and dollars were summed outside the warehouse.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest
from liquidation_imports import Built, published, take_in

from unwind.settings import Home

pytestmark = pytest.mark.recordings

# Folder: events, long USD, short USD.
FOLDERS = {
    "2024-04-12_haruperi": (61, "98954.51", "452.19"),
    "2024-06-20_alejandrome01": (263, "40938.97", "312190.37"),
    "2024-08-17_bandsthobaby": (841, "262122.95", "653151.72"),
    "2025-01-22_aka-l": (22, "6225.62", "6271.02"),
    "2025-01-26_opcmqa": (88, "37393.47", "96477.41"),
    "2025-06-23_neoparth": (453, "222938.34", "1753589.54"),
    "undated_mohamed1756": (0, "0", "0"),
}


@pytest.fixture(scope="module")
def warehouse(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    home = Home(tmp_path_factory.mktemp("recordings"))
    collectors = recordings / "binance_force_order_csv"
    assert {folder.name for folder in collectors.iterdir()} == set(FOLDERS)
    batches = {
        folder: take_in(
            home, "binance", "force-order-csv", sorted((collectors / folder).glob("*.csv"))
        )
        for folder in FOLDERS
    }
    batches["not_events"] = take_in(
        home,
        "binance",
        "force-order-csv",
        [recordings / "not_events" / "2023-01_krishna5972" / "liqs.csv"],
    )
    return published(home, batches)


@pytest.mark.parametrize("folder", FOLDERS)
def test_each_recording_gives_its_events_and_dollars(warehouse: Built, folder: str) -> None:
    events, long_usd, short_usd = FOLDERS[folder]
    (found,) = warehouse.rows(
        "select count(*) as events,"
        " coalesce(sum(notional_usd) filter (where liquidated_side = 'long'), 0) as long_usd,"
        " coalesce(sum(notional_usd) filter (where liquidated_side = 'short'), 0) as short_usd"
        " from marts.fct_liquidations where batch_id = ?",
        warehouse.batches[folder],
    )
    cent = Decimal("0.01")
    assert found["events"] == events
    assert found["long_usd"].quantize(cent) == Decimal(long_usd).quantize(cent)
    assert found["short_usd"].quantize(cent) == Decimal(short_usd).quantize(cent)


@pytest.mark.parametrize("imported", [*FOLDERS, "not_events"])
def test_every_line_of_a_recording_is_accounted_for(
    warehouse: Built, recordings: Path, imported: str
) -> None:
    folder = (
        recordings / "not_events" / "2023-01_krishna5972"
        if imported == "not_events"
        else recordings / "binance_force_order_csv" / imported
    )
    lines = sum(len(file.read_bytes().splitlines()) for file in folder.glob("*.csv"))
    account = warehouse.accounting(imported)
    assert account["staged"] == account["accepted"] + account["repeated"] + account["quarantined"]
    assert (
        account["staged"] + account["headers"] + account["log_lines"] + account["other_messages"]
        == lines
    )


def test_running_sums_are_not_events(warehouse: Built) -> None:
    account = warehouse.accounting("not_events")
    assert account["staged"] == account["quarantined"] == 12_076
    assert account["headers"] + account["log_lines"] == 1
    reasons = {row["reject_reason"] for row in warehouse.quarantined("not_events")}
    assert reasons == {"wrong_column_count"}


def test_rows_without_a_date_are_quarantined(warehouse: Built) -> None:
    account = warehouse.accounting("undated_mohamed1756")
    assert (account["staged"], account["quarantined"], account["headers"]) == (35, 35, 1)


def test_a_garbled_symbol_is_quarantined_and_not_repaired(warehouse: Built) -> None:
    quarantined = warehouse.quarantined("2025-06-23_neoparth")
    assert [row["reject_reason"] for row in quarantined] == ["garbled_symbol", "garbled_symbol"]


def test_large_liquidations_in_two_files_are_one_event_with_two_sightings(
    warehouse: Built,
) -> None:
    # 446 + 454 lines: 453 events, two garbled, the others repeat.
    account = warehouse.accounting("2025-06-23_neoparth")
    assert account["accepted"] == 453
    assert account["repeated"] == 446 + 454 - 453 - 2 - account["headers"] - account["log_lines"]


def test_a_delivery_contract_gets_back_the_usdt_removed_from_its_middle(warehouse: Built) -> None:
    (found,) = warehouse.rows(
        "select distinct instrument, base_asset, quote_asset, contract_type"
        " from marts.fct_liquidations where instrument like '%\\_250627' escape '\\'"
        " and base_asset = 'BTC'"
    )
    assert found == {
        "instrument": "BTCUSDT_250627",
        "base_asset": "BTC",
        "quote_asset": "USDT",
        "contract_type": "linear",
    }


def test_dollars_written_by_a_collector_are_never_used(warehouse: Built) -> None:
    (found,) = warehouse.rows(
        "select max(abs(notional_usd - quantity_base * price_usd)) as difference"
        " from marts.fct_liquidations"
    )
    assert found["difference"] < Decimal("0.01")


def test_a_published_order_is_followed_by_a_second_without_another_of_its_symbol(
    warehouse: Built,
) -> None:
    # With clock seconds, pairs could be any distance apart.
    (found,) = warehouse.rows(
        "with pairs as (select epoch_ms(event_at) - lag(epoch_ms(event_at)) over ("
        " partition by instrument, batch_id order by event_at) as apart_ms"
        " from marts.fct_liquidations)"
        " select min(apart_ms) as least_ms,"
        " count(*) filter (where apart_ms < 1000) as within_a_second,"
        " count(*) filter (where apart_ms >= 1000 and apart_ms < 1100) as just_after,"
        " count(*) filter (where apart_ms >= 1100 and apart_ms < 1250) as later"
        " from pairs"
    )
    assert found == {"least_ms": 979, "within_a_second": 1, "just_after": 116, "later": 58}
