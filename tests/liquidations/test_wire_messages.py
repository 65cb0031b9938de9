"""Real raw frames of five venues: side, price, quantity and time of each, by value."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from liquidation_imports import Built, at, built, frame_lines, take_in_text

from unwind.settings import Home

pytestmark = pytest.mark.recordings

# Instrument, time, liquidated side, raw price, raw quantity, USD. sell liquidates a long; inverse
# contracts are 100 USD (BTC) or 10 USD apiece, BTC-USDT ones 0.01 BTC.
BINANCE = [
    ("BTCUSDT", "2020-03-13T00:23:51.421", "short", "4793.91", "0.014", "65.8846"),
    ("BTCUSD_200925", "2020-07-13T06:49:14.021", "long", "9314.5", "3", "300"),
]
OKX = [
    ("UNI-USD-SWAP", "2020-12-18T00:30:58.374", "long", "3.523", "8", "80"),
    ("ETH-USD-210326", "2020-12-18T00:30:58.559", "long", "655.308", "475", "4750"),
    ("BTC-USDT-SWAP", "2020-12-18T00:31:08.794", "long", "22376.9", "30", "6713.07"),
    ("BTC-USD-210326", "2020-12-18T08:32:34.576", "short", "24515.8", "8", "800"),
    ("BTC-USD-220624", "2021-12-22T02:30:10.617", "short", "51886.2", "12", "1200"),
    ("BTC-USDT-211231", "2021-12-22T02:30:11.925", "short", "49674.2", "40", "19869.68"),
]
# Dated and coin-margined contracts of HTX are 100 USD (BTC) or 10 USD apiece; for linear ones its
# frames state the value. BitMEX's message has no time, so it is the receipt time. Deribit's M marks
# the maker as liquidated.
BITMEX = [("XBTUSD", "2022-01-01T00:00:00", "short", "10106", "9214", "9214")]
DERIBIT = [
    ("BTC-PERPETUAL", "2020-03-13T00:07:24.032", "long", "4469.5", "1120", "1120"),
    ("BTC-PERPETUAL", "2020-03-13T00:07:47.675", "long", "4458.5", "2500", "2500"),
]
HTX = [
    ("BTC200703", "2020-07-01T00:02:49.833", "long", "9062.71", "1450", "145000"),
    ("BTC200925", "2020-07-01T00:02:53.025", "long", "9115.43", "319", "31900"),
    ("BSV-USD", "2020-07-01T06:38:51.562", "long", "153.28", "3", "30"),
    ("BTC200703", "2020-07-01T08:46:09.156", "short", "9244.08", "218", "21800"),
    ("ETH-USD", "2020-07-01T13:34:52.167", "short", "229.95", "231", "2310"),
    ("BTC-USDT", "2020-12-17T17:35:02.284", "long", "23350.5", "227", "5300.5635"),
]
# The push time of each event, where the message states it (`E`, `ts`).
PUSHED_AT = {
    "binance": ["2020-03-13T00:23:51.426", "2020-07-13T06:49:14.023"],
    "okx": [],
    "bitmex": [],
    "deribit": [],
    "htx": [
        *("2020-07-01T00:02:49.911", "2020-07-01T00:02:53.080", "2020-07-01T06:38:51.616"),
        *("2020-07-01T08:46:09.204", "2020-07-01T13:34:52.198", "2020-12-17T17:35:02.344"),
    ],
}
EXPECTED = {
    "binance": BINANCE,
    "okx": OKX,
    "bitmex": BITMEX,
    "deribit": DERIBIT,
    "htx": HTX,
}
SPELT_IN_FILE = {"okx": "okex", "htx": "huobi"}


@pytest.fixture(scope="module")
def warehouse(recordings: Path, tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("wire")
    home = Home(folder / "home")
    recorded = [
        json.loads(line)
        for line in (recordings / "wire_messages" / "messages.ndjson").read_text().splitlines()
    ]
    batches = {}
    for venue in EXPECTED:
        spelt = SPELT_IN_FILE.get(venue, venue)
        frames = [one["message"] for one in recorded if one["venue"].startswith(spelt)]
        text = frame_lines(*frames, received_at="2022-01-01T00:00:00.000000Z")
        batches[venue] = take_in_text(home, folder, venue, "frames", f"{venue}.ndjson", text)
    return built(home, batches)


@pytest.mark.parametrize(("venue", "expected"), EXPECTED.items())
def test_a_raw_frame_is_one_fact_with_its_own_values(
    warehouse: Built, venue: str, expected: list[tuple[str, ...]]
) -> None:
    facts = sorted(warehouse.facts(venue), key=lambda fact: fact["event_at"])
    assert [
        (
            fact["instrument"],
            fact["event_at"],
            fact["liquidated_side"],
            Decimal(fact["raw_price"]),
            Decimal(fact["raw_quantity"]),
            fact["notional_usd"],
            fact["sightings"],
        )
        for fact in facts
    ] == [
        (symbol, at(event_at), side, Decimal(price), Decimal(quantity), Decimal(usd), 1)
        for symbol, event_at, side, price, quantity, usd in expected
    ]
    assert warehouse.quarantined(venue) == []


@pytest.mark.parametrize(("venue", "pushed_at"), PUSHED_AT.items())
def test_a_raw_frame_states_when_it_was_pushed_or_nothing_is_known(
    warehouse: Built, venue: str, pushed_at: list[str]
) -> None:
    facts = sorted(warehouse.facts(venue), key=lambda fact: fact["event_at"])
    assert [fact["published_at"] for fact in facts] == (
        [at(instant) for instant in pushed_at] or [None] * len(EXPECTED[venue])
    )


def test_the_values_above_are_those_of_the_recording(recordings: Path) -> None:
    published = sorted(
        (
            one["symbol"],
            (one["event_at"] or "2022-01-01T00:00:00Z").removesuffix("Z"),
            {"sell": "long", "buy": "short"}[one["order_side"]],
            Decimal(str(one["raw_price"])),
            Decimal(str(one["raw_quantity"])),
        )
        for line in (recordings / "wire_messages" / "expected.ndjson").read_text().splitlines()
        if (one := json.loads(line))
    )
    assert len(published) == 17
    assert published == sorted(
        (symbol, event_at, side, Decimal(price), Decimal(quantity))
        for expected in EXPECTED.values()
        for symbol, event_at, side, price, quantity, _ in expected
    )


def test_binance_is_valued_at_the_average_fill_and_keeps_the_order_price(
    warehouse: Built,
) -> None:
    first, _ = sorted(warehouse.facts("binance"), key=lambda fact: fact["event_at"])
    assert first["raw_price"] == "4793.91"
    assert (first["price_usd"], first["price_kind"]) == (Decimal("4706.04"), "fill_avg")
