"""Bad input: quarantined with a reason, never stops a refresh, and nothing is lost.

Each bad line is among good ones, in one import per venue and format, and one refresh takes them
all. Hundreds of messages, made by damaging good ones, are imported too.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from liquidation_imports import Built, frame_line, published, rest_line, take_in_text

from unwind.settings import Home

# 2026-06-30 12:00:00 UTC, a second before the frames below were received.
EVENT_MS = 1782820800000
HOUR_MS = 3_600_000


def binance(**fields: Any) -> dict[str, Any]:
    """A good order of Binance with these fields changed; None removes a field."""
    order = {
        "s": "BTCUSDT",
        "S": "SELL",
        "q": "0.5",
        "p": "60000",
        "ap": "60100",
        "X": "FILLED",
        "z": "0.5",
        "T": EVENT_MS,
        **fields,
    }
    return {
        "e": "forceOrder",
        "E": EVENT_MS,
        "o": {name: value for name, value in order.items() if value is not None},
    }


def bybit(**fields: Any) -> dict[str, Any]:
    """A good message of Bybit with these fields changed; None removes a field."""
    row = {"T": EVENT_MS, "s": "BTCUSDT", "S": "Buy", "v": "0.5", "p": "60000", **fields}
    return {
        "topic": "allLiquidation.BTCUSDT",
        "type": "snapshot",
        "ts": EVENT_MS,
        "data": [{name: value for name, value in row.items() if value is not None}],
    }


def okx_item(symbol: str | None = "BTC-USDT-SWAP", **fields: Any) -> dict[str, Any]:
    """A good item of OKX with these fields of its order changed; None removes a field."""
    detail = {
        "bkPx": "60000",
        "posSide": "long",
        "side": "sell",
        "sz": "10",
        "ts": str(EVENT_MS),
        **fields,
    }
    item = {"details": [{name: value for name, value in detail.items() if value is not None}]}
    return {**item, "instType": "SWAP"} | ({"instId": symbol} if symbol else {})


def okx(symbol: str | None = "BTC-USDT-SWAP", **fields: Any) -> dict[str, Any]:
    """A stream message with this item."""
    return {
        "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
        "data": [okx_item(symbol, **fields)],
    }


def fills(address: Any = "0xabc", **fields: Any) -> str:
    """A block of Hyperliquid with these fields of its fill changed; None removes a field."""
    fill = {
        "coin": "BTC",
        "px": "60000.0",
        "sz": "0.5",
        "side": "A",
        "time": EVENT_MS,
        "dir": "Close Long",
        "oid": 1,
        "tid": 77,
        "liquidation": {"liquidatedUser": "0xabc", "markPx": "60000.0", "method": "market"},
        **fields,
    }
    kept = {name: value for name, value in fill.items() if value is not None}
    return json.dumps({"block_number": 1, "events": [[address, kept]]}) + "\n"


GOOD_BINANCE = json.dumps(binance())
DIGITS_39 = "9" * 39
HTML = "<html><body>403 Forbidden</body></html>"

# Each venue's bad lines: (line, reason).
BINANCE = [
    (frame_line(GOOD_BINANCE[:70]), "unreadable_json"),
    (frame_line(HTML), "unreadable_json"),
    (frame_line(""), "unreadable_json"),
    (frame_line("5"), "unrecognised_frame"),
    (frame_line("null"), "unrecognised_frame"),
    (frame_line({"code": -1003, "msg": "Too many requests"}), "unrecognised_frame"),
    (frame_line(binance())[:90], "unreadable_json"),
    (HTML, "unreadable_json"),
    ("", "unreadable_json"),
    (frame_line({"e": "forceOrder", "E": EVENT_MS}), "missing_field"),
    (frame_line({"e": "forceOrder", "o": "BTCUSDT"}), "missing_field"),
    (frame_line(binance(s=None)), "missing_field"),
    (frame_line(binance(S=None)), "unknown_side"),
    (frame_line(binance(S="LONG")), "unknown_side"),
    (frame_line(binance(S="sell")), "unknown_side"),
    (frame_line(binance(T=None)), "unreadable_event_time"),
    (frame_line(binance(T="yesterday")), "unreadable_event_time"),
    (frame_line(binance(T=EVENT_MS // 1000)), "unreadable_event_time"),
    (frame_line(binance(T=EVENT_MS * 1000)), "unreadable_event_time"),
    (frame_line(binance(T=4102444800000)), "unreadable_event_time"),
    (frame_line(binance(T=4070908800000)), "implausible_event_time"),
    (frame_line(binance(T=1420070400000)), "implausible_event_time"),
    (frame_line(binance(T=EVENT_MS + 3 * HOUR_MS)), "implausible_event_time"),
    (frame_line(binance(z=None)), "unreadable_quantity"),
    (frame_line(binance(z="1e400")), "unreadable_quantity"),
    (frame_line(binance(z="NaN")), "unreadable_quantity"),
    (frame_line(binance(z="Infinity")), "unreadable_quantity"),
    (frame_line(binance(z=DIGITS_39)), "unreadable_quantity"),
    (frame_line(binance(z="1,000")), "unreadable_quantity"),
    (frame_line(binance(z=["0.5"])), "unreadable_quantity"),
    (frame_line(binance(z="-0.5")), "non_positive_quantity"),
    (frame_line(binance(z="0")), "non_positive_quantity"),
    (frame_line(binance(ap=None, p=None)), "unreadable_price"),
    (frame_line(binance(ap="NaN")), "unreadable_price"),
    (frame_line(binance(ap="1e400")), "unreadable_price"),
    (frame_line(binance(ap=None, p="60000 USDT")), "unreadable_price"),
    (frame_line(binance(ap="0", p="0")), "non_positive_price"),
    (frame_line(binance(ap="-1", p="-1")), "non_positive_price"),
    (frame_line(binance(z="1000000")), "implausible_notional"),
    (frame_line(binance(z="1e25", ap="1e25")), "implausible_notional"),
    (frame_line(binance(z="0.000000000001", ap="0.000000000001")), "notional_rounds_to_zero"),
    (frame_line(binance(s="1000PEPEUSDT", z="1e12", ap="1e-11")), "price_rounds_to_zero"),
    (frame_line(binance(s="1000000MOGUSDT", z="1e21", ap="1e-12")), "implausible_quantity"),
    (frame_line(binance(s="BTCUSD_PERP", z="1", ap="1e25")), "implausible_quantity"),
    (frame_line(binance(s="btcusdt")), "garbled_symbol"),
    (frame_line(binance(s="BTC USDT")), "garbled_symbol"),
    (frame_line(binance(s=" BTCUSDT")), "garbled_symbol"),
    (frame_line(binance(s="")), "garbled_symbol"),
    (frame_line(binance(s="BTC_PERP")), "unknown_symbol"),
    (frame_line(binance(s="{'s': 'BTCUSDT'}")), "garbled_symbol"),
    (frame_line(binance(s="BTCUSD")), "unknown_symbol"),
    (frame_line(binance(s="ETHBTC")), "quote_not_usd"),
    (frame_line({**binance(), "st": 2}), "unknown_symbol"),
    (frame_line({**binance(s="BTCUSD_PERP"), "st": 1}), "unknown_symbol"),
]
BYBIT = [
    (frame_line(json.dumps(bybit())[:60]), "unreadable_json"),
    (frame_line(HTML), "unreadable_json"),
    (frame_line({"data": [{"s": "BTCUSDT"}]}), "unrecognised_frame"),
    (frame_line({**bybit(), "data": None}), "missing_field"),
    (frame_line({**bybit(), "data": "none"}), "missing_field"),
    (frame_line({**bybit(), "data": [None]}), "missing_field"),
    (frame_line(bybit(s=None)), "missing_field"),
    (frame_line(bybit(S="None")), "unknown_side"),
    (frame_line(bybit(S="buy")), "unknown_side"),
    (frame_line(bybit(v="-1")), "non_positive_quantity"),
    (frame_line(bybit(v="1e400")), "unreadable_quantity"),
    (frame_line(bybit(p=DIGITS_39)), "unreadable_price"),
    (frame_line(bybit(p="0")), "non_positive_price"),
    (frame_line(bybit(T=EVENT_MS // 1000)), "unreadable_event_time"),
    (frame_line(bybit(T=EVENT_MS + 3 * HOUR_MS)), "implausible_event_time"),
    (frame_line(bybit(s="btcusdt")), "garbled_symbol"),
    (frame_line(bybit(s="BTC")), "garbled_symbol"),
]
OKX = [
    (frame_line(json.dumps(okx())[:60]), "unreadable_json"),
    (frame_line(HTML), "unreadable_json"),
    (frame_line({"data": [{}]}), "unrecognised_frame"),
    (frame_line({**okx(), "data": {"instId": 5}}), "unknown_symbol"),
    (frame_line({**okx(), "data": None}), "missing_field"),
    (frame_line(okx(None)), "missing_field"),
    (frame_line(okx(side=None)), "unknown_side"),
    (frame_line(okx(side="hold")), "unknown_side"),
    (frame_line(okx(posSide="short")), "contradictory_side"),
    (frame_line(okx(side="buy", posSide="long")), "contradictory_side"),
    (frame_line(okx(sz="-3")), "non_positive_quantity"),
    (frame_line(okx(sz="")), "unreadable_quantity"),
    (frame_line(okx(bkPx="")), "unreadable_price"),
    (frame_line(okx(ts="1782820800")), "unreadable_event_time"),
    (frame_line(okx(ts=str(EVENT_MS + 3 * HOUR_MS))), "implausible_event_time"),
    (frame_line(okx("btc-usdt-swap")), "garbled_symbol"),
    (frame_line(okx("BTCUSDT")), "unknown_symbol"),
    (frame_line(okx("NOBODYKNOWS-USDT-SWAP")), "unknown_contract_size"),
]
OKX_ANSWERS = [
    (rest_line({"code": "0", "data": [okx_item()]})[:120], "unreadable_json"),
    (rest_line(HTML), "unreadable_json"),
    (rest_line(json.dumps({"code": "0", "data": [okx_item()]})[:50]), "unreadable_json"),
    (rest_line({"code": "0", "data": [okx_item(sz="none")]}), "unreadable_quantity"),
]
HYPERLIQUID = [
    (HTML, "unreadable_json"),
    (fills()[:100], "unreadable_json"),
    (fills(coin=None), "missing_field"),
    (fills(tid=None), "missing_field"),
    (fills(liquidation={"markPx": "60000.0"}), "missing_field"),
    (fills(address=None), "missing_field"),
    (json.dumps({"liquidation": []}), "unrecognised_line"),
    (fills(side="S"), "unknown_side"),
    (fills(time=EVENT_MS // 1000), "unreadable_event_time"),
    (fills(sz="-0.5"), "non_positive_quantity"),
    (fills(px="NaN"), "unreadable_price"),
    (fills(coin="B TC"), "garbled_symbol"),
    (fills(coin=5), "garbled_symbol"),
]
COLLECTOR = [
    ("btc,SELL,LIMIT,IOC,1,60000,60000,FILLED,1,1,1782820800000,60000", "garbled_symbol"),
    ("BTC SOL,SELL,LIMIT,IOC,1,60000,60000,FILLED,1,1,1782820800000,1", "garbled_symbol"),
    ("BTC,SELL,LIMIT,IOC,1,60000,60000,FILLED,1,1,1782820800000", "wrong_column_count"),
    ("BTC,SELL,LIMIT,IOC,1,60000,60000,FILLED,1,1,2026-06-30 12:00,1", "unreadable_event_time"),
    ("BTC,SOLD,LIMIT,IOC,1,60000,60000,FILLED,1,1,1782820800000,60000", "unknown_side"),
    ("BTC,SELL,LIMIT,IOC,1,None,None,FILLED,1,1,1782820800000,60000", "unreadable_price"),
    ("BTC,SELL,LIMIT,IOC,1,60000,60000,FILLED,1,1e400,1782820800000,1", "unreadable_quantity"),
    ("BTCUSD,SELL,LIMIT,IOC,1,60000,60000,FILLED,1,1,1782820800000,1", "unknown_symbol"),
    ("FILLED,1,1,1782820800000,60000", "wrong_column_count"),
    ("1,1,1782820800000,60000", "wrong_column_count"),
    ("BTC_PERP,SELL,LIMIT,IOC,1,60000,60000,FILLED,1,1,1782820800000,1", "unknown_symbol"),
]
GOOD_COLLECTED = "ADA,SELL,LIMIT,IOC,1,{},{},FILLED,1,1,1782820800000,1"

# Import: venue, format, bad lines, and a good line made from a number of three digits.
BAD = {
    "binance": ("binance", "frames", BINANCE, lambda n: frame_line(binance(z=f"1.{n}"))),
    "bybit": ("bybit", "frames", BYBIT, lambda n: frame_line(bybit(v=f"1.{n}"))),
    "okx": ("okx", "frames", OKX, lambda n: frame_line(okx(sz=f"1{n}"))),
    "okx answers": (
        *("okx", "rest", OKX_ANSWERS),
        lambda n: rest_line({"code": "0", "data": [okx_item(sz=f"2{n}")]}),
    ),
    "hyperliquid": ("hyperliquid", "node-fills", HYPERLIQUID, lambda n: fills(tid=n)),
    "collector": (
        *("binance", "force-order-csv", COLLECTOR),
        lambda n: GOOD_COLLECTED.format(n, n),
    ),
}
# The right format with mostly bad lines: an import is never held for that.
MOSTLY_BAD = [HTML] * 30 + [frame_line(binance(s="ETHUSDT", z="0.1"))]

# Replacements for values of good messages, and the number of damaged lines per import.
ODDITIES: list[Any] = [
    *(None, True, -1, 0, 1e308, int(DIGITS_39), 4102444799999, [], {}, [None], [[]], {"o": {}}),
    *("", " ", "NaN", "1e400", "-0", "infinity", "290000-01-01T00:00:00Z", "币安", "\u0000", "\t,"),
]
DAMAGED_LINES = 300


def cut(text: str, chance: random.Random) -> str:
    """The text with a piece removed, doubled or moved."""
    start, end = sorted(chance.sample(range(len(text) + 1), 2))
    pieces = [text[:end], text[start:], text[:start] + text[end:], text[:end] + text[start:]]
    return chance.choice(pieces) or "?"


def twisted(message: Any, chance: random.Random) -> str:
    """A message's JSON with one or two values replaced or removed."""
    message = json.loads(json.dumps(message))
    for _ in range(chance.randint(1, 2)):
        holder, place = chance.choice(list(_places(message)) or [([0], 0)])
        if isinstance(holder, dict) and chance.random() < 0.2:
            del holder[place]
        else:
            holder[place] = chance.choice(ODDITIES)
    return json.dumps(message, ensure_ascii=chance.random() < 0.5)


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for key in keys:
        yield value, key
        yield from _places(value[key])


def damaged(message: Any, chance: random.Random) -> str:
    """A message's text, cut or twisted."""
    return cut(json.dumps(message), chance) if chance.random() < 0.25 else twisted(message, chance)


def damaged_frames(*messages: Any) -> str:
    """Envelopes of damaged frames, and a few damaged envelopes."""
    chance = random.Random(20260630)
    lines = []
    for _ in range(DAMAGED_LINES):
        line = frame_line(damaged(chance.choice(messages), chance))
        lines.append(damaged(json.loads(line), chance) if chance.random() < 0.2 else line)
    return "\n".join(lines) + "\n"


def damaged_answers() -> str:
    """Envelopes of damaged OKX responses, and a few damaged envelopes."""
    chance = random.Random(20260630)
    lines = []
    for _ in range(DAMAGED_LINES):
        line = rest_line(damaged({"code": "0", "data": [okx_item()]}, chance)).strip()
        lines.append(damaged(json.loads(line), chance) if chance.random() < 0.2 else line)
    return "\n".join(lines) + "\n"


def damaged_blocks() -> str:
    """Damaged lines of Hyperliquid's files."""
    chance = random.Random(20260630)
    return "".join(damaged(json.loads(fills()), chance) + "\n" for _ in range(DAMAGED_LINES))


def damaged_collection() -> str:
    """Lines of a collector's file with pieces removed, doubled or moved."""
    chance = random.Random(20260630)
    return "".join(cut(GOOD_COLLECTED.format(1, 1), chance) + "\n" for _ in range(DAMAGED_LINES))


DAMAGED = {
    "damaged binance": ("binance", "frames", damaged_frames(binance(), [binance(), binance()])),
    "damaged bybit": ("bybit", "frames", damaged_frames(bybit())),
    "damaged okx": ("okx", "frames", damaged_frames(okx())),
    "damaged answers": ("okx", "rest", damaged_answers()),
    "damaged blocks": ("hyperliquid", "node-fills", damaged_blocks()),
    "damaged collection": ("binance", "force-order-csv", damaged_collection()),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("bad")
    home = Home(folder / "home")
    batches = {}
    for imported, (venue, format, bad, good) in BAD.items():
        lines = [line.strip("\n") for line, _ in bad]
        lines += [good(number).strip("\n") for number in range(101, 121 + len(bad))]
        batches[imported] = take_in_text(
            home, folder, venue, format, f"{imported}.txt", "\n".join(lines) + "\n"
        )
    for imported, (venue, format, text) in DAMAGED.items():
        batches[imported] = take_in_text(home, folder, venue, format, f"{imported}.txt", text)
    batches["mostly bad"] = take_in_text(
        home, folder, "binance", "frames", "mostly_bad.txt", "\n".join(MOSTLY_BAD)
    )
    return published(home, batches)


@pytest.mark.parametrize("imported", BAD)
def test_each_bad_line_is_a_quarantine_row_with_its_reason(warehouse: Built, imported: str) -> None:
    _, _, bad, _ = BAD[imported]
    found = {row["raw_line"]: row["reject_reason"] for row in warehouse.quarantined(imported)}
    expected = {number: reason for number, (_, reason) in enumerate(bad, start=1)}
    wrong = {
        bad[number - 1][0][:160]: (expected.get(number), found.get(number))
        for number in expected.keys() | found.keys()
        if expected.get(number) != found.get(number)
    }
    assert wrong == {}


def test_an_unreadable_symbol_is_shown_and_counted_as_received(warehouse: Built) -> None:
    counted = warehouse.rows(
        "select symbol from marts.unrecognised_symbols"
        " where venue = 'binance' and dataset = 'liquidations'"
    )
    assert {"BTCUSD", "BTC_PERP", "{'s': 'BTCUSDT'}"} <= {row["symbol"] for row in counted}


@pytest.mark.parametrize("imported", BAD)
def test_the_good_lines_among_the_bad_ones_are_facts(warehouse: Built, imported: str) -> None:
    _, _, bad, _ = BAD[imported]
    assert len(warehouse.facts(imported)) == len(bad) + 20
    account = warehouse.accounting(imported)
    assert account["staged"] == account["accepted"] + account["quarantined"]
    assert account["quarantined"] == len(bad)


@pytest.mark.parametrize("venue", ["binance", "bybit", "okx"])
def test_no_damaged_frame_is_lost(warehouse: Built, venue: str) -> None:
    (found,) = warehouse.staged(
        f"select count(distinct raw_line) as lines from landed.stg_{venue}__liquidations"
        " where batch_id = ?",
        warehouse.batches[f"damaged {venue}"],
    )
    assert found["lines"] == DAMAGED_LINES


def test_no_damaged_csv_line_is_lost(warehouse: Built) -> None:
    account = warehouse.accounting("damaged collection")
    assert account["staged"] + account["headers"] + account["log_lines"] == DAMAGED_LINES


def test_every_staged_row_is_accepted_repeated_or_quarantined(warehouse: Built) -> None:
    lost = warehouse.rows(
        "select * from marts.liquidation_accounting"
        " where staged != accepted + repeated + quarantined"
    )
    assert lost == []


def test_no_fact_of_a_damaged_message_is_out_of_bounds(warehouse: Built) -> None:
    found = warehouse.rows(
        "select * from marts.fct_liquidations where not coalesce("
        " notional_usd > 0 and notional_usd <= 1e10 and quantity_base > 0 and price_usd > 0"
        " and liquidated_side in ('long', 'short') and base_asset != ''"
        " and event_at between '2017-01-01' and '2026-07-01 01:00:00', false)"
    )
    assert found == []


def test_the_one_good_line_of_a_bad_import_is_a_fact(warehouse: Built) -> None:
    assert warehouse.only_fact("mostly bad")["instrument"] == "ETHUSDT"
    reasons = [row["reject_reason"] for row in warehouse.quarantined("mostly bad")]
    assert reasons == ["unreadable_json"] * 30
