"""One liquidation that a venue sends in several rows counts once.

Binance and Aster send an order once per state, where `z` is the cumulative filled quantity;
Bitfinex sends a position as a trigger, as the part acquired by the system, and as the part filled
by the market.
Expected values are worked out by hand.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from liquidation_imports import (
    Built,
    built,
    frame_lines,
    staged_as_few_and_as_many,
    take_in_text,
)

from unwind.settings import Home

MS = 1782820801000


def order(state: str, filled: str, last: str, at_ms: int, **more: Any) -> dict[str, Any]:
    """A liquidation order of 1.0 at 50,000, with its cumulative and last filled quantities."""
    return {
        "e": "forceOrder",
        "E": at_ms,
        "o": {
            **{"s": "BTCUSDT", "S": "SELL", "o": "LIMIT", "f": "IOC", "q": "1.0", "p": "50000"},
            **{"ap": "50000", "X": state, "l": last, "z": filled, "T": at_ms, **more},
        },
    }


STATES = (
    order("PARTIALLY_FILLED", "0.4", "0.4", MS),
    order("FILLED", "1.0", "0.6", MS + 1200),
)
THREE_STATES = (
    # Out of order, and with an unpublished state in between.
    order("FILLED", "1.0", "0.1", MS + 3000),
    order("PARTIALLY_FILLED", "0.3", "0.3", MS),
    order("PARTIALLY_FILLED", "0.8", "0.2", MS + 2000),
)
TWO_ORDERS = (
    # Parts of one position: the second order was filled at once, and continues no other.
    order("PARTIALLY_FILLED", "0.4", "0.4", MS),
    order("FILLED", "1.0", "1.0", MS + 1200),
    # Separate orders: another price, another side, over a minute later.
    order("PARTIALLY_FILLED", "0.2", "0.2", MS, s="ETHUSDT"),
    order("FILLED", "1.0", "0.8", MS + 1, s="ETHUSDT", p="49999"),
    order("FILLED", "1.0", "0.8", MS + 2, s="ETHUSDT", S="BUY"),
    order("FILLED", "1.0", "0.8", MS + 61_000, s="ETHUSDT"),
)
COLLECTED = (
    f"BTC,SELL,LIMIT,IOC,1.0,50000,50000,PARTIALLY_FILLED,0.4,0.4,{MS},20000\n"
    f"BTC,SELL,LIMIT,IOC,1.0,50000,50000,FILLED,0.6,1.0,{MS + 1200},50000\n"
)


def position(
    number: int, at_ms: float, match: int, price: float | None, amount: float = 0.5
) -> list:
    """A row of a Bitfinex position that was entered at 9,000."""
    return [
        *("pos", number, at_ms, None, "tBTCF0:USTF0", amount, 9000, None, match, 1, None, price)
    ]


BITFINEX: dict[str, list[list]] = {
    "bitfinex in three rows": [
        position(1, MS, 0, None),
        position(1, MS + 1, 0, 8900),
        position(1, MS + 2, 1, 8890, 0.3),
    ],
    "bitfinex in two rows": [position(2, MS, 0, None), position(2, MS + 1, 0, 8900)],
    "bitfinex trigger and match": [position(3, MS, 0, None), position(3, MS + 9, 1, 8890, 0.3)],
    "bitfinex acquired at once": [position(4, MS, 0, 8900)],
    "bitfinex triggered alone": [position(5, MS, 0, None)],
    "bitfinex two positions": [position(6, MS, 0, 8900), position(7, MS + 1, 0, 8900)],
    "bitfinex the same position much later": [
        position(8, MS, 0, 8900),
        position(8, MS + 61_000, 0, 8800),
    ],
}

TEXTS: dict[str, tuple[str, str, str, str]] = {
    "binance": ("binance", "frames", "states.ndjson", frame_lines(*STATES)),
    "aster": ("aster", "frames", "states.ndjson", frame_lines(*STATES)),
    "binance partly filled alone": (
        *("binance", "frames", "alone.ndjson"),
        frame_lines(order("PARTIALLY_FILLED", "0.4", "0.4", MS, s="SOLUSDT")),
    ),
    "binance in three states": (
        *("binance", "frames", "three.ndjson"),
        frame_lines(
            *({**one, "o": {**one["o"], "s": "XRPUSDT"}} for one in THREE_STATES),
        ),
    ),
    "binance two orders": (
        *("binance", "frames", "two.ndjson"),
        frame_lines(*({**one, "o": {**one["o"], "q": "1.00"}} for one in TWO_ORDERS)),
    ),
    "collector": ("binance", "force-order-csv", "collector.csv", COLLECTED),
    **{
        name: ("bitfinex", "frames", f"{number}.ndjson", frame_lines([7, rows]))
        for number, (name, rows) in enumerate(BITFINEX.items())
    },
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("states")
    home = Home(folder / "home")
    batches = {
        name: take_in_text(home, folder / str(number), venue, format, file, text)
        for number, (name, (venue, format, file, text)) in enumerate(TEXTS.items())
    }
    return built(home, batches)


def counted(warehouse: Built, imported: str) -> list[tuple[str, Decimal, Decimal]]:
    """Kind of price, quantity and USD of the facts seen in an import."""
    facts = warehouse.rows(
        "select price_kind, quantity_base, notional_usd from marts.fct_liquidations"
        " where liquidation_id in (select liquidation_id from marts.liquidation_sightings"
        " where batch_id = ?) order by event_at, notional_usd",
        warehouse.batches[imported],
    )
    return [tuple(fact.values()) for fact in facts]


@pytest.mark.parametrize("imported", ["binance", "aster", "collector"])
def test_an_order_counts_once_with_its_final_filled_quantity(
    warehouse: Built, imported: str
) -> None:
    assert counted(warehouse, imported) == [("fill_avg", Decimal("1"), Decimal("50000"))]
    account = warehouse.accounting(imported)
    assert (account["staged"], account["other_messages"], account["quarantined"]) == (1, 1, 0)


def test_an_order_seen_only_partly_filled_counts_its_filled_quantity(warehouse: Built) -> None:
    assert counted(warehouse, "binance partly filled alone") == [
        ("fill_avg", Decimal("0.4"), Decimal("20000"))
    ]


def test_the_order_of_states_in_a_file_does_not_matter(warehouse: Built) -> None:
    assert counted(warehouse, "binance in three states") == [
        ("fill_avg", Decimal("1"), Decimal("50000"))
    ]


def test_orders_that_do_not_continue_one_another_stay_separate(warehouse: Built) -> None:
    assert [quantity for _, quantity, _ in counted(warehouse, "binance two orders")] == [
        *(Decimal("0.2"), Decimal("0.4"), Decimal("1"), Decimal("1"), Decimal("1"), Decimal("1"))
    ]


def test_the_states_of_many_orders_are_compared_likewise(warehouse: Built) -> None:
    tables = ("stg_binance__liquidations", "stg_aster__liquidations")
    few, many = staged_as_few_and_as_many(warehouse, tables)
    assert all(few)
    assert many == few


@pytest.mark.parametrize(
    ("imported", "expected"),
    [
        # Half a coin from the first row, at the price of the acquisition: 0.5 x 8,900.
        ("bitfinex in three rows", [("fill_avg", "0.5", "4450")]),
        ("bitfinex in two rows", [("fill_avg", "0.5", "4450")]),
        # The market filled only a part, so the entry price counts: 0.5 x 9,000.
        ("bitfinex trigger and match", [("entry", "0.5", "4500")]),
        ("bitfinex acquired at once", [("fill_avg", "0.5", "4450")]),
        ("bitfinex triggered alone", [("entry", "0.5", "4500")]),
        ("bitfinex two positions", [("fill_avg", "0.5", "4450")] * 2),
        (
            "bitfinex the same position much later",
            [("fill_avg", "0.5", "4450"), ("fill_avg", "0.5", "4400")],
        ),
    ],
)
def test_a_bitfinex_position_counts_once_however_many_rows_it_has(
    warehouse: Built, imported: str, expected: list[tuple[str, str, str]]
) -> None:
    assert counted(warehouse, imported) == [
        (kind, Decimal(quantity), Decimal(usd)) for kind, quantity, usd in expected
    ]
