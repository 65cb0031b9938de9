"""Unverified assumptions are settings in dbt_project.yml: the same messages under each value."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.liquidations.liquidation_imports import (
    LIQUIDATION_MODELS,
    Built,
    built,
    frame_lines,
    take_in_text,
)
from tests.venues.cases import all_cases

from unwind.settings import Home
from unwind.warehouse.dbt import DbtError, run_dbt

LIGHTER_MARKETS = "https://mainnet.zklighter.elliot.ai/api/v1/orderBookDetails"
OTHERWISE = {
    "gate_frames_sign": "position",
    "kraken_futures_side": "counterparty",
    "coinex_inverse_unit": "base",
    "lighter_deleveraged": "maker",
}
# Venue, kind, side and coins of each fact, under the assumptions and under their alternatives.
AS_TAKEN = {
    ("coinex", "liquidation", "short", 0.0025),
    ("gate", "liquidation", "long", 0.06),
    ("kraken_futures", "liquidation", "long", 2.0),
    ("lighter", "deleveraging", "short", 3.0),
    ("lighter", "liquidation", "short", 0.5),
}
TAKEN_OTHERWISE = {
    ("coinex", "liquidation", "short", 100.0),
    ("gate", "liquidation", "short", 0.06),
    ("kraken_futures", "liquidation", "short", 2.0),
    # In a liquidation, the taker is still the liquidated party.
    ("lighter", "deleveraging", "long", 3.0),
    ("lighter", "liquidation", "short", 0.5),
}
GATE = {
    **{"channel": "futures.public_liquidates", "event": "update", "time": 1782820800},
    "result": [{"price": "3424", "size": "-600", "time": 1782820800100, "contract": "BTC_USDT"}],
}
KRAKEN = {
    **{"feed": "trade", "product_id": "PF_XBTUSD", "uid": "5ee1", "side": "sell"},
    **{"type": "liquidation", "time": 1782820800100, "qty": 2, "price": 60000},
}


def _lighter(trade_id: int, kind: str, size: str) -> dict[str, object]:
    return {
        **{"trade_id": trade_id, "type": kind, "market_id": 1, "size": size, "price": "60000"},
        **{"is_maker_ask": True, "timestamp": 1782820800100},
    }


LIGHTER = {
    **{"channel": "trade:1", "type": "update/trade"},
    "liquidation_trades": [_lighter(7, "liquidation", "0.5"), _lighter(8, "deleverage", "3")],
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder: Path = tmp_path_factory.mktemp("assumptions")
    home = Home(folder / "home")
    coinex = all_cases()["coinex"].short
    texts = {
        "gate": ("frames", frame_lines(GATE)),
        "kraken_futures": ("frames", frame_lines(KRAKEN)),
        "lighter": ("frames", frame_lines(LIGHTER)),
        "coinex": ("rest", coinex.line()),
    }
    batches = {
        venue: take_in_text(home, folder, venue, format, f"{venue}.ndjson", text)
        for venue, (format, text) in texts.items()
    }
    for venue in ("gate", "lighter"):
        listing = "".join(one.line() for one in all_cases()[venue].context)
        take_in_text(home, folder, venue, "rest", f"{venue}-listing.ndjson", listing)
    return built(home, batches)


def facts(warehouse: Built) -> set[tuple[str, str, str, float]]:
    rows = warehouse.rows(
        "select venue, event_kind, liquidated_side, quantity_base::double"
        " from marts.fct_liquidations"
    )
    return {tuple(row.values()) for row in rows}


def _taken(warehouse: Built, settings: dict[str, str]) -> None:
    staging = (f"path:models/staging/{venue}" for venue in sorted(warehouse.batches))
    others = ("int_liquidations_unioned", "int_instruments_unioned", "int_instrument_versions")
    models = ["--select", *staging, *others, *LIQUIDATION_MODELS]
    run_dbt(warehouse.home, ["run", "--vars", json.dumps(settings), *models])


def test_each_assumption_is_a_setting_that_can_be_changed(warehouse: Built) -> None:
    assert facts(warehouse) == AS_TAKEN
    _taken(warehouse, OTHERWISE)
    assert facts(warehouse) == TAKEN_OTHERWISE


@pytest.mark.parametrize("name", OTHERWISE)
def test_an_unknown_setting_is_refused(warehouse: Built, name: str) -> None:
    with pytest.raises(DbtError, match=f"{name} is 'perhaps' in dbt_project.yml; write "):
        _taken(warehouse, {name: "perhaps"})
