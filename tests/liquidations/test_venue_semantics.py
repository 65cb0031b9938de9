"""Each venue's meaning of side, size, price and time, from documented messages to facts.

Each import is one batch; all are built together. Expected values are worked out by hand.
"""

from __future__ import annotations

import io
import json
import zipfile
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from liquidation_imports import (
    IMPORTED_AT,
    Built,
    at,
    built,
    frame_lines,
    rest_line,
    take_in_text,
)

from unwind.landing.ledger import Batch, Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.settings import Home


def order(symbol: str = "BTCUSDT", side: str = "SELL", **fields: Any) -> dict[str, Any]:
    """The order inside a Binance message: 0.014 filled at 9,910 on 2019-09-09."""
    return {
        "s": symbol,
        "S": side,
        "o": "LIMIT",
        "f": "IOC",
        "q": "0.014",
        "p": "9910",
        "ap": "9910",
        "X": "FILLED",
        "l": "0.014",
        "z": "0.014",
        "T": 1568014460893,
        **fields,
    }


def force_order(symbol: str = "BTCUSDT", side: str = "SELL", **fields: Any) -> dict[str, Any]:
    """Binance's documented message around this order."""
    return {"e": "forceOrder", "E": 1568014460893, "o": order(symbol, side, **fields)}


def contracts(count: str, **fields: Any) -> dict[str, Any]:
    """Fields of a COIN-M order of this many contracts."""
    return {"q": count, "l": count, "z": count, **fields}


def all_liquidation(symbol: str, *rows: dict[str, Any]) -> dict[str, Any]:
    """Bybit's current message."""
    return {
        "topic": f"allLiquidation.{symbol}",
        "type": "snapshot",
        "ts": 1739502303204,
        "data": list(rows),
    }


def liquidation_orders(symbol: str, *details: dict[str, Any]) -> dict[str, Any]:
    """One item of OKX's stream or REST response."""
    return {
        "details": list(details),
        "instFamily": symbol.rsplit("-", 1)[0],
        "instId": symbol,
        "instType": "SWAP",
        "uly": symbol.rsplit("-", 1)[0],
    }


def detail(side: str, size: str, price: str, ms: str, position: str = "net") -> dict[str, Any]:
    """One order of an item."""
    return {
        "bkLoss": "0",
        "bkPx": price,
        "ccy": "",
        "posSide": position,
        "side": side,
        "sz": size,
        "ts": ms,
    }


def okx_frame(*items: dict[str, Any]) -> dict[str, Any]:
    """OKX's stream message with these items."""
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": list(items)}


def okx_answer(*items: dict[str, Any]) -> dict[str, Any]:
    """OKX's REST response with these items."""
    return {"code": "0", "msg": "", "data": list(items)}


def fill(coin: str, side: str, direction: str, trade_id: int, **fields: Any) -> dict[str, Any]:
    """A Hyperliquid fill of 0.5 at 105,000 on 2025-10-10."""
    return {
        "coin": coin,
        "px": "105000.0",
        "sz": "0.5",
        "side": side,
        "time": 1760130900012,
        "startPosition": "0.5",
        "dir": direction,
        "closedPnl": "-1000.0",
        "hash": "0x00",
        "oid": 1,
        "crossed": True,
        "fee": "1.2",
        "tid": trade_id,
        "feeToken": "USDC",
        **fields,
    }


def marked(user: str, method: str = "market") -> dict[str, Any]:
    """The `liquidation` object that both parties' fills carry."""
    return {"liquidation": {"liquidatedUser": user, "markPx": "105010.0", "method": method}}


def block(number: int, *events: list[Any]) -> str:
    """A line of Hyperliquid's hourly file by block."""
    return (
        json.dumps(
            {
                "local_time": "2025-10-10T21:15:00.123456789",
                "block_time": "2025-10-10T21:15:00.012345678",
                "block_number": number,
                "events": list(events),
            }
        )
        + "\n"
    )


VAULT = "0xb0a55f13d22f66e6d495ac98113841b2326e9540"
BLOCKS = (
    # A long closed on the market: victim and counterparty, addresses in mixed case.
    block(
        758800641,
        ["0xAbC1", fill("BTC", "A", "Close Long", 1, **marked("0xabc1"))],
        ["0xmaker", fill("BTC", "B", "Open Long", 1, **marked("0xabc1"))],
        ["0xstranger", fill("BTC", "B", "Open Long", 2)],
    )
    # A short taken over by the vault; the vault's row has the same direction and the other side.
    + block(
        758800642,
        ["0xdef2", fill("ETH", "B", "Liquidated Cross Short", 3, **marked("0xdef2", "backstop"))],
        [VAULT, fill("ETH", "A", "Liquidated Cross Short", 3, **marked("0xdef2", "backstop"))],
    )
    # A winner whose short is closed against a liquidated long (ADL).
    + block(
        758800643,
        ["0xwinner", fill("SOL", "B", "Auto-Deleveraging", 4, **marked("0xaaa3", "backstop"))],
        ["0xaaa3", fill("SOL", "A", "Liquidated Isolated Long", 4, **marked("0xaaa3", "backstop"))],
    )
    # Spot has no leverage; HIP-3 markets have; kPEPE is a thousand PEPE.
    + block(
        758800644,
        ["0xbbb4", fill("@107", "A", "Sell", 5, **marked("0xbbb4"))],
        ["0xbbb4", fill("PURR/USDC", "A", "Sell", 6, **marked("0xbbb4"))],
        ["0xbbb4", fill("xyz:TSLA", "A", "Close Long", 7, **marked("0xbbb4"))],
        [
            "0xbbb4",
            fill("kPEPE", "B", "Close Short", 8, **marked("0xbbb4"), px="0.01", sz="5000"),
        ],
    )
)
ADDRESS_AND_FILL = "".join(
    json.dumps(event) + "\n"
    for event in [
        ["0xccc5", fill("BTC", "B", "Short > Long", 9, **marked("0xCCC5"), time=1748700000000)],
        ["0xmaker", fill("BTC", "A", "Open Short", 9, **marked("0xCCC5"), time=1748700000000)],
        ["0xstranger", fill("BTC", "A", "Open Short", 10, time=1748700000000)],
    ]
)

SNAPSHOT_HEADER = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
    "last_fill_quantity,accumulated_fill_quantity\n"
)
SNAPSHOT_ROW = "1728866962145,SELL,LIMIT,IOC,100,63000.0,63050.1,FILLED,100,100\n"
SNAPSHOT_IDENTICAL_ROW = "1728866962777,BUY,LIMIT,IOC,7,63000.0,62950.0,FILLED,7,7\n"
DUMP_URL = (
    "https://data.binance.vision/data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/"
    "BTCUSD_PERP-liquidationSnapshot-2024-10-14.zip"
)
COLLECTED = (
    "2023-11-14 22:13:20 INFO connected to wss://fstream.binance.com/ws/!forceOrder@arr\n"
    "BTC,SELL,LIMIT,IOC,0.5,30000,30100,FILLED,0.5,0.5,1700000000000,9999999.0\n"
    "LDO,SELL,LIMIT,IOC,10,2.0,2.1,FILLED,10,10,1700000001000,21.0\n"
    "LDOUSDT,SELL,LIMIT,IOC,10.0,2.00,2.10,FILLED,10.0,10,1700000001000,21.0\n"
    "SOLUSDC,BUY,LIMIT,IOC,3,50,None,FILLED,3,3,1700000002000,150\n"
    "BTC_250627,BUY,LIMIT,IOC,0.1,30000,30000,FILLED,0.1,0.1,1700000003000,3000\n"
    "ETH,BUY,LIMIT,IOC,1,2000,2000,FILLED,1,1,1700000004000,2000\n"
    "ETH,BUY,LIMIT,IOC,1,2000,2000,FILLED,1,1,1700000004000,2000\n"
    "1000PEPE,SELL,LIMIT,IOC,1000,0.01,0.01,FILLED,1000,1000,1700000005000,10\n"
)

OKX_MS = "1692266434010"
TEXTS: dict[str, tuple[str, str, str, str]] = {
    "binance documented": (
        *("binance", "frames", "documented.ndjson"),
        frame_lines(force_order()),
    ),
    "binance wrapped": (
        *("binance", "frames", "wrapped.ndjson"),
        frame_lines(
            {
                "stream": "!forceOrder@arr",
                "data": force_order("ETHUSDT", "BUY", z="2", ap="181.5", T=1568014461000),
            }
        ),
    ),
    "binance list": (
        *("binance", "frames", "list.ndjson"),
        frame_lines([force_order("XRPUSDT"), force_order("ADAUSDT", "BUY")]),
    ),
    "binance marked markets": (
        *("binance", "frames", "marked.ndjson"),
        frame_lines(
            {**force_order("BTCUSDT", T=1782820800000), "ps": "BTCUSDT", "st": 1},
            {
                **force_order("BTCUSD_PERP", T=1782820800000, **contracts("100", ap="63050.1")),
                "ps": "BTCUSD",
                "st": 2,
            },
            {**force_order("ETHUSD_PERP", "BUY", T=1782820800000, **contracts("3")), "st": 2},
        ),
    ),
    "binance coin-m without a mark": (
        *("binance", "frames", "coin_m.ndjson"),
        frame_lines(
            force_order("BTCUSD_PERP", **contracts("100", ap="20000")),
            force_order("ETHUSD_200925", "BUY", **contracts("5", ap="300")),
            # BUSD is a quote asset as well; this is BNB in USD.
            force_order("BNBUSD_PERP", **contracts("2", ap="250")),
        ),
    ),
    "binance unfilled average": (
        *("binance", "frames", "no_average.ndjson"),
        frame_lines(force_order("LTCUSDT", ap="0", p="60", z="2")),
    ),
    "binance repeated frame": (
        *("binance", "frames", "repeated.ndjson"),
        frame_lines(force_order("BCHUSDT"), force_order("BCHUSDT")),
    ),
    "binance nothing to report": (
        *("binance", "frames", "nothing.ndjson"),
        frame_lines(
            {"result": None, "id": 1},
            {"e": "markPriceUpdate", "s": "BTCUSDT", "p": "9910"},
            [],
        )
        + '{"received_at": "2026-06-30T12:00:01Z", "event": "connected"}\n',
    ),
    "binance chinese symbol": (
        *("binance", "frames", "chinese.ndjson"),
        frame_lines(force_order("币安人生USDT", T=1782820801000)),
    ),
    "binance late and out of order": (
        *("binance", "frames", "late.ndjson"),
        frame_lines(
            force_order("DOTUSDT", T=1782820859000),
            force_order("DOTUSDT", T=1782820801000),
            force_order("DOTUSDT", T=1782734400000),
        ),
    ),
    "collector": ("binance", "force-order-csv", "collector.csv", COLLECTED),
    "bybit documented": (
        *("bybit", "frames", "documented.ndjson"),
        frame_lines(
            all_liquidation(
                "ROSEUSDT",
                {
                    "T": 1739502302929,
                    "s": "ROSEUSDT",
                    "S": "Sell",
                    "v": "20000",
                    "p": "0.04499",
                },
            )
        ),
    ),
    "bybit several rows": (
        *("bybit", "frames", "several.ndjson"),
        frame_lines(
            all_liquidation(
                "BTCUSDT",
                # 2025-03-14: everything is published since 2025-02-20, identical events included.
                {"T": 1741921502930, "s": "BTCUSDT", "S": "Buy", "v": "0.003", "p": "43511.70"},
                {"T": 1741921502930, "s": "BTCUSDT", "S": "Buy", "v": "0.003", "p": "43511.70"},
                {"T": 1741921502931, "s": "BTCUSDT", "S": "Sell", "v": "0.01", "p": "43600"},
            )
        ),
    ),
    "bybit inverse": (
        *("bybit", "frames", "inverse.ndjson"),
        frame_lines(
            all_liquidation(
                "BTCUSD",
                {"T": 1739502302929, "s": "BTCUSD", "S": "Buy", "v": "5000", "p": "96000"},
            ),
            all_liquidation(
                "ETHUSDH26",
                {"T": 1739502302929, "s": "ETHUSDH26", "S": "Sell", "v": "40", "p": "2700"},
            ),
        ),
    ),
    "bybit other symbols": (
        *("bybit", "frames", "symbols.ndjson"),
        frame_lines(
            all_liquidation(
                "BTCPERP",
                {"T": 1739502302929, "s": "BTCPERP", "S": "Buy", "v": "0.1", "p": "96000"},
            ),
            all_liquidation(
                "BTC-26SEP25",
                {"T": 1739502302929, "s": "BTC-26SEP25", "S": "Buy", "v": "0.2", "p": "99000"},
            ),
            all_liquidation(
                "1000PEPEUSDT",
                {"T": 1739502302929, "s": "1000PEPEUSDT", "S": "Buy", "v": "1000", "p": "0.01"},
            ),
        ),
    ),
    "bybit v5 liquidation": (
        *("bybit", "frames", "v5.ndjson"),
        frame_lines(
            {
                "topic": "liquidation.GALAUSDT",
                "type": "snapshot",
                "ts": 1673251091822,
                "data": {
                    "updatedTime": 1673251091822,
                    "symbol": "GALAUSDT",
                    "side": "Buy",
                    "size": "4000",
                    "price": "0.03",
                },
            }
        ),
    ),
    "bybit v2 liquidation": (
        *("bybit", "frames", "v2.ndjson"),
        frame_lines(
            {
                "topic": "liquidation.BTCUSD",
                "data": {
                    "symbol": "BTCUSD",
                    "side": "Buy",
                    "price": "39085.00",
                    "qty": "2",
                    "time": 1646979589417,
                },
            }
        ),
    ),
    "bybit nothing to report": (
        *("bybit", "frames", "nothing.ndjson"),
        frame_lines(
            {"success": True, "ret_msg": "pong", "conn_id": "c", "req_id": "", "op": "ping"},
            {"success": True, "ret_msg": "", "op": "subscribe"},
            {"topic": "tickers.BTCUSDT", "type": "snapshot", "data": {"symbol": "BTCUSDT"}},
            all_liquidation("BTCUSDT"),
        ),
    ),
    "okx documented": (
        *("okx", "frames", "documented.ndjson"),
        frame_lines(
            okx_frame(
                liquidation_orders("DOGE-USDT-SWAP", detail("buy", "13", "0.0625", OKX_MS, "short"))
            )
        ),
    ),
    "okx inverse": (
        *("okx", "frames", "inverse.ndjson"),
        frame_lines(
            okx_frame(
                liquidation_orders(
                    "BTC-USD-SWAP",
                    detail("sell", "5", "26000", OKX_MS),
                    detail("sell", "5", "52000", OKX_MS),
                )
            )
        ),
    ),
    "okx several details": (
        *("okx", "rest", "details.ndjson"),
        rest_line(
            okx_answer(
                liquidation_orders(
                    "BTC-USDT-SWAP",
                    detail("sell", "10", "60000", "1782820800000", "long"),
                    detail("buy", "20", "60100", "1782820801000", "short"),
                ),
                liquidation_orders(
                    "ETH-USDT-SWAP", detail("sell", "7", "3000", "1782820802000", "net")
                ),
            )
        ),
    ),
    "okx by stream": (
        *("okx", "frames", "seen.ndjson"),
        frame_lines(
            okx_frame(
                liquidation_orders(
                    "SOL-USDT-SWAP", detail("sell", "4", "150", "1782820803000", "long")
                )
            ),
            received_at="2026-06-30T13:00:00.000000Z",
        ),
    ),
    "okx by answer": (
        *("okx", "rest", "seen.ndjson"),
        # Received before the frame, which still wins.
        rest_line(
            okx_answer(
                liquidation_orders(
                    "SOL-USDT-SWAP", detail("sell", "4.0", "150.00", "1782820803000", "long")
                )
            ),
            received_at="2026-06-30T12:30:00.000000Z",
        ),
    ),
    "okx nothing to report": (
        *("okx", "frames", "nothing.ndjson"),
        frame_lines(
            "pong",
            {"event": "subscribe", "arg": {"channel": "liquidation-orders"}, "connId": "a"},
            {"event": "error", "code": "60012", "msg": "Invalid request"},
            {"arg": {"channel": "tickers", "instId": "BTC-USDT-SWAP"}, "data": [{"last": "1"}]},
            okx_frame(
                {
                    **liquidation_orders("BTC-USDT", detail("sell", "1", "", OKX_MS)),
                    "instType": "MARGIN",
                }
            ),
            okx_frame(),
            okx_frame(liquidation_orders("BTC-USDT-SWAP")),
        ),
    ),
    "okx answers without rows": (
        *("okx", "rest", "nothing.ndjson"),
        rest_line({"code": "50011", "msg": "Too Many Requests", "data": []})
        + rest_line({"code": "50011", "msg": "Too Many Requests"}, status=429)
        + rest_line(okx_answer()),
    ),
    "hyperliquid by block": ("hyperliquid", "node-fills", "21", BLOCKS),
    "hyperliquid address and fill": ("hyperliquid", "node-fills", "14", ADDRESS_AND_FILL),
    "snapshot as csv": (
        *("binance", "liquidation-snapshot", "BTCUSD_PERP-liquidationSnapshot-2024-10-14.csv"),
        SNAPSHOT_HEADER + SNAPSHOT_ROW * 2 + SNAPSHOT_IDENTICAL_ROW * 4,
    ),
    "snapshot of ether": (
        *("binance", "liquidation-snapshot", "ETHUSD_PERP-liquidationSnapshot-2024-10-13.csv"),
        SNAPSHOT_HEADER + "1728780562145,BUY,LIMIT,IOC,9,2500,2490,FILLED,4,9\n" * 2 + "\n",
    ),
    "snapshot of odd count": (
        *("binance", "liquidation-snapshot", "SOLUSD_PERP-liquidationSnapshot-2024-10-14.csv"),
        SNAPSHOT_HEADER + SNAPSHOT_ROW * 2 + SNAPSHOT_IDENTICAL_ROW * 3,
    ),
    "snapshot in another order": (
        *("binance", "liquidation-snapshot", "renamed.csv"),
        "symbol,accumulated_fill_quantity,time,average_price,side,price,original_quantity\n"
        + "LINKUSD_PERP,12,1728866963000,11.5,SELL,11,12\n" * 2,
    ),
    "snapshot of usd-m": (
        *("binance", "liquidation-snapshot", "BTCUSDT-liquidationSnapshot-2023-07-01.csv"),
        SNAPSHOT_HEADER + "1688169600000,SELL,LIMIT,IOC,0.5,30000,30100,FILLED,0.1,0.5\n" * 2,
    ),
    "ldo by frame": (
        *("binance", "frames", "ldo.ndjson"),
        frame_lines(
            force_order("LDOUSDT", q="10", p="2.0", ap="2.1", z="10.0", l="10", T=1700000001000),
            received_at="2023-11-14T22:13:22.000000Z",
        ),
    ),
}


def land_dump(home: Home) -> str:
    """The snapshot as the venue's bucket serves it: zipped, and named by its URL."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(
            "BTCUSD_PERP-liquidationSnapshot-2024-10-14.csv",
            SNAPSHOT_HEADER + SNAPSHOT_ROW * 2 + SNAPSHOT_IDENTICAL_ROW * 4,
        )
    received_at = datetime(2024, 10, 15, 3, tzinfo=UTC)
    obj = RawZone(home).put(
        packed.getvalue(),
        venue="binance",
        dataset="liquidations",
        format="liquidation-snapshot",
        name=DUMP_URL,
        received_at=received_at,
    )
    batch = Batch(
        "day-2024-10-14",
        "day",
        datetime(2024, 10, 14, tzinfo=UTC),
        datetime(2024, 10, 15, tzinfo=UTC),
    )
    ledger = Ledger(home)
    ledger.record_landing(
        batch.batch_id, "binance", [Landing("liquidations", "ok", "", 1, (obj,), received_at)]
    )
    ledger.seal(batch, IMPORTED_AT)
    return batch.batch_id


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("semantics")
    home = Home(folder / "home")
    batches = {
        name: take_in_text(home, folder / str(number), venue, format, file, text)
        for number, (name, (venue, format, file, text)) in enumerate(TEXTS.items())
    }
    batches["snapshot as dump"] = land_dump(home)
    return built(home, batches)


def worth(fact: dict[str, Any]) -> tuple[str, str, Decimal]:
    """Instrument, liquidated side and USD of a fact."""
    return fact["instrument"], fact["liquidated_side"], fact["notional_usd"]


# Binance


def test_binance_sell_order_means_a_long_was_liquidated(warehouse: Built) -> None:
    fact = warehouse.only_fact("binance documented")
    assert worth(fact) == ("BTCUSDT", "long", Decimal("138.74"))
    assert fact["event_at"] == at("2019-09-09T07:34:20.893")
    assert fact["quantity_base"] == Decimal("0.014")
    assert (fact["price_usd"], fact["price_kind"]) == (Decimal("9910"), "fill_avg")
    assert (fact["raw_side"], fact["raw_quantity_unit"]) == ("SELL", "base")
    assert (fact["base_asset"], fact["quote_asset"]) == ("BTC", "USDT")


def test_binance_buy_order_in_a_combined_stream_is_a_short(warehouse: Built) -> None:
    assert worth(warehouse.only_fact("binance wrapped")) == ("ETHUSDT", "short", Decimal("363"))


def test_each_order_of_a_list_is_an_event_of_one_line(warehouse: Built) -> None:
    facts = warehouse.facts("binance list")
    assert [(fact["instrument"], fact["raw_line"], fact["row_in_line"]) for fact in facts] == [
        ("XRPUSDT", 1, 1),
        ("ADAUSDT", 1, 2),
    ]


def test_coin_m_contracts_are_worth_their_dollars_whatever_the_price(warehouse: Built) -> None:
    usdm, btc, eth = warehouse.facts("binance marked markets")
    assert worth(usdm) == ("BTCUSDT", "long", Decimal("138.74"))
    assert worth(btc) == ("BTCUSD_PERP", "long", Decimal("10000"))
    assert btc["contract_type"] == "inverse"
    assert btc["notional_price_source"] == "contract_size"
    assert btc["quantity_base"].quantize(Decimal("0.00000001")) == Decimal("0.15860403")
    assert worth(eth) == ("ETHUSD_PERP", "short", Decimal("30"))


def test_coin_m_is_recognised_by_its_symbol_where_the_message_does_not_state_it(
    warehouse: Built,
) -> None:
    btc, eth, bnb = warehouse.facts("binance coin-m without a mark")
    assert worth(btc) == ("BTCUSD_PERP", "long", Decimal("10000"))
    assert worth(eth) == ("ETHUSD_200925", "short", Decimal("50"))
    assert worth(bnb) == ("BNBUSD_PERP", "long", Decimal("20"))
    assert (bnb["base_asset"], bnb["quote_asset"]) == ("BNB", "USD")


def test_an_order_without_an_average_price_is_valued_at_its_limit(warehouse: Built) -> None:
    fact = warehouse.only_fact("binance unfilled average")
    assert worth(fact) == ("LTCUSDT", "long", Decimal("120"))
    assert fact["price_kind"] == "limit_order"


def test_a_repeated_frame_is_a_second_sighting_of_one_event(warehouse: Built) -> None:
    assert warehouse.only_fact("binance repeated frame")["sightings"] == 2


def test_a_chinese_symbol_is_a_symbol(warehouse: Built) -> None:
    fact = warehouse.only_fact("binance chinese symbol")
    assert (fact["instrument"], fact["base_asset"]) == ("币安人生USDT", "币安人生")


def test_late_and_unordered_rows_keep_their_own_hours(warehouse: Built) -> None:
    facts = warehouse.facts("binance late and out of order")
    assert [fact["hour_at"] for fact in facts] == [
        at("2026-06-30T12:00"),
        at("2026-06-30T12:00"),
        at("2026-06-29T12:00"),
    ]


# Collectors' files of Binance


def collected(warehouse: Built, line: int) -> list[dict[str, Any]]:
    """The sightings of a line of the collector's file, with their facts."""
    return warehouse.rows(
        "select facts.*, sighting_rank from marts.liquidation_sightings as sightings"
        " inner join marts.fct_liquidations as facts using (liquidation_id)"
        " where sightings.batch_id = ? and sightings.raw_line = ?",
        warehouse.batches["collector"],
        line,
    )


def test_usdt_that_a_collector_removed_is_restored(warehouse: Built) -> None:
    (bitcoin,) = collected(warehouse, 2)
    assert worth(bitcoin) == ("BTCUSDT", "long", Decimal("15050"))
    (delivery,) = collected(warehouse, 6)
    assert worth(delivery) == ("BTCUSDT_250627", "short", Decimal("3000"))


def test_usdc_is_kept_and_counts_as_a_dollar(warehouse: Built) -> None:
    (solana,) = collected(warehouse, 5)
    assert worth(solana) == ("SOLUSDC", "short", Decimal("150"))
    assert (solana["quote_asset"], solana["price_kind"]) == ("USDC", "limit_order")


def test_one_event_by_frame_and_by_two_spellings_of_a_collector_is_one_fact(
    warehouse: Built,
) -> None:
    fact = warehouse.only_fact("ldo by frame")
    assert worth(fact) == ("LDOUSDT", "long", Decimal("21"))
    assert fact["sightings"] == 3
    assert [seen["liquidation_id"] for line in (3, 4) for seen in collected(warehouse, line)] == [
        fact["liquidation_id"]
    ] * 2


def test_equal_rows_of_one_collector_are_one_event(warehouse: Built) -> None:
    # Since 2021-04-27 Binance publishes at most one event of a symbol and second.
    (first,), (second,) = collected(warehouse, 7), collected(warehouse, 8)
    assert worth(first) == worth(second) == ("ETHUSDT", "short", Decimal("2000"))
    assert first["liquidation_id"] == second["liquidation_id"]
    assert (first["sightings"], first["sighting_rank"], second["sighting_rank"]) == (2, 1, 2)


def test_a_thousand_pepe_are_pepe(warehouse: Built) -> None:
    (pepe,) = collected(warehouse, 9)
    assert worth(pepe) == ("1000PEPEUSDT", "long", Decimal("10"))
    assert pepe["base_asset"] == "PEPE"
    assert pepe["quantity_base"] == Decimal("1000000")
    assert pepe["price_usd"] == Decimal("0.00001")


def test_a_collectors_log_line_is_not_a_row(warehouse: Built) -> None:
    account = warehouse.accounting("collector")
    assert account["log_lines"] == 1
    assert (account["staged"], account["accepted"], account["repeated"]) == (8, 5, 3)


# Binance's daily dump


def test_a_doubled_dump_is_halved_and_identical_events_stay_two(warehouse: Built) -> None:
    facts = warehouse.rows(
        "select notional_usd, liquidated_side, sightings from marts.fct_liquidations"
        " where instrument = 'BTCUSD_PERP' and hour_at = '2024-10-14 00:00:00'"
        " order by notional_usd"
    )
    # Each of the two files has two copies of each event.
    assert [tuple(fact.values()) for fact in facts] == [
        (Decimal("700"), "short", 4),
        (Decimal("700"), "short", 4),
        (Decimal("10000"), "long", 4),
    ]


def test_a_zipped_dump_and_its_plain_file_report_the_same_events(warehouse: Built) -> None:
    seen = {
        name: warehouse.rows(
            "select distinct liquidation_id from marts.liquidation_sightings"
            " where batch_id = ? order by all",
            warehouse.batches[name],
        )
        for name in ("snapshot as csv", "snapshot as dump")
    }
    assert len(seen["snapshot as csv"]) == 3
    assert seen["snapshot as csv"] == seen["snapshot as dump"]


def test_other_coins_contracts_are_ten_dollars_and_filled_in_parts(warehouse: Built) -> None:
    fact = warehouse.only_fact("snapshot of ether")
    assert worth(fact) == ("ETHUSD_PERP", "short", Decimal("90"))
    assert (fact["raw_quantity"], fact["price_usd"]) == ("9", Decimal("2490"))


def test_an_odd_count_rejects_the_whole_file(warehouse: Built) -> None:
    quarantined = warehouse.quarantined("snapshot of odd count")
    assert [row["reject_reason"] for row in quarantined] == ["odd_count_in_doubled_dump"] * 5
    assert warehouse.facts("snapshot of odd count") == []


def test_columns_of_a_dump_are_found_by_name_and_may_hold_the_symbol(warehouse: Built) -> None:
    fact = warehouse.only_fact("snapshot in another order")
    assert worth(fact) == ("LINKUSD_PERP", "long", Decimal("120"))
    assert (fact["price_usd"], fact["raw_price"]) == (Decimal("11.5"), "11")


def test_a_dump_of_usd_m_is_in_coins(warehouse: Built) -> None:
    assert worth(warehouse.only_fact("snapshot of usd-m")) == ("BTCUSDT", "long", Decimal("15050"))


# Bybit


def test_bybit_sell_means_a_short_was_liquidated(warehouse: Built) -> None:
    fact = warehouse.only_fact("bybit documented")
    assert worth(fact) == ("ROSEUSDT", "short", Decimal("899.80"))
    assert fact["event_at"] == at("2025-02-14T03:05:02.929")
    assert (fact["raw_side"], fact["price_kind"]) == ("Sell", "bankruptcy")


def test_equal_rows_of_one_bybit_message_are_separate_events(warehouse: Built) -> None:
    facts = warehouse.facts("bybit several rows")
    assert [worth(fact) for fact in facts] == [
        ("BTCUSDT", "long", Decimal("130.5351")),
        ("BTCUSDT", "long", Decimal("130.5351")),
        ("BTCUSDT", "short", Decimal("436")),
    ]
    assert len({fact["liquidation_id"] for fact in facts}) == 3


def test_bybit_inverse_size_is_dollars(warehouse: Built) -> None:
    perpetual, delivery = warehouse.facts("bybit inverse")
    assert worth(perpetual) == ("BTCUSD", "long", Decimal("5000"))
    assert perpetual["contract_type"] == "inverse"
    assert perpetual["quantity_base"].quantize(Decimal("0.00000001")) == Decimal("0.05208333")
    assert worth(delivery) == ("ETHUSDH26", "short", Decimal("40"))


def test_bybit_usdc_and_thousandfold_symbols(warehouse: Built) -> None:
    perpetual, delivery, pepe = warehouse.facts("bybit other symbols")
    assert worth(perpetual) == ("BTCPERP", "long", Decimal("9600"))
    assert worth(delivery) == ("BTC-26SEP25", "long", Decimal("19800"))
    assert {perpetual["quote_asset"], delivery["quote_asset"]} == {"USDC"}
    assert (pepe["base_asset"], pepe["quantity_base"]) == ("PEPE", Decimal("1000000"))


def test_bybit_buy_is_a_long_in_both_older_formats(warehouse: Built) -> None:
    v5, v2 = (
        warehouse.only_fact("bybit v5 liquidation"),
        warehouse.only_fact("bybit v2 liquidation"),
    )
    assert worth(v5) == ("GALAUSDT", "long", Decimal("120"))
    assert v5["event_at"] == at("2023-01-09T07:58:11.822")
    assert worth(v2) == ("BTCUSD", "long", Decimal("2"))
    assert v2["event_at"] == at("2022-03-11T06:19:49.417")
    assert {v5["parser"], v2["parser"]} == {
        "bybit.liquidation_frame@2",
        "bybit.liquidation_frame@1",
    }


# OKX


def test_okx_buy_means_a_short_was_liquidated_and_size_is_contracts(warehouse: Built) -> None:
    fact = warehouse.only_fact("okx documented")
    # 13 contracts of 1,000 DOGE at 0.0625.
    assert worth(fact) == ("DOGE-USDT-SWAP", "short", Decimal("812.5"))
    assert fact["quantity_base"] == Decimal("13000")
    assert fact["event_at"] == at("2023-08-17T10:00:34.010")
    assert (fact["raw_quantity_unit"], fact["price_kind"]) == ("contracts", "bankruptcy")


def test_okx_inverse_contracts_are_a_hundred_dollars_whatever_the_price(
    warehouse: Built,
) -> None:
    facts = warehouse.facts("okx inverse")
    assert [worth(fact) for fact in facts] == [("BTC-USD-SWAP", "long", Decimal("500"))] * 2
    assert {fact["contract_type"] for fact in facts} == {"inverse"}


def test_every_detail_of_an_okx_answer_is_an_event(warehouse: Built) -> None:
    facts = warehouse.facts("okx several details")
    assert [worth(fact) for fact in facts] == [
        ("BTC-USDT-SWAP", "long", Decimal("6000")),
        ("BTC-USDT-SWAP", "short", Decimal("12020")),
        ("ETH-USDT-SWAP", "long", Decimal("2100")),
    ]
    assert facts[0]["received_at"] == at("2026-06-30T12:05")


def test_an_event_by_answer_and_by_stream_is_one_fact_and_the_stream_wins(
    warehouse: Built,
) -> None:
    fact = warehouse.only_fact("okx by stream")
    assert worth(fact) == ("SOL-USDT-SWAP", "long", Decimal("600"))
    assert fact["sightings"] == 2
    assert warehouse.facts("okx by answer") == []
    assert warehouse.accounting("okx by answer")["repeated"] == 1


# Hyperliquid


def test_hyperliquid_keeps_the_liquidated_partys_leg_only(warehouse: Built) -> None:
    facts = warehouse.facts("hyperliquid by block")
    assert [(*worth(fact), fact["event_kind"]) for fact in facts] == [
        ("BTC", "long", Decimal("52500"), "liquidation"),
        ("ETH", "short", Decimal("52500"), "backstop"),
        ("SOL", "short", Decimal("52500"), "adl"),
        ("SOL", "long", Decimal("52500"), "backstop"),
        ("xyz:TSLA", "long", Decimal("52500"), "liquidation"),
        ("kPEPE", "short", Decimal("50"), "liquidation"),
    ]
    assert facts[0]["event_at"] == at("2025-10-10T21:15:00.012")
    assert (facts[-1]["base_asset"], facts[-1]["quantity_base"]) == ("PEPE", Decimal("5000000"))
    assert warehouse.quarantined("hyperliquid by block") == []


def test_winners_of_a_deleveraging_are_in_no_total(warehouse: Built) -> None:
    (minute,) = warehouse.rows(
        "select long_usd, short_usd from marts.liquidations_minutely"
        " where venue = 'hyperliquid' and base_asset = 'SOL' and total_usd > 0"
    )
    # An import's coverage is unknown: shorts are null, not zero.
    assert minute == {"long_usd": Decimal("52500"), "short_usd": None}


def test_fills_of_one_order_share_its_id(warehouse: Built) -> None:
    facts = warehouse.facts("hyperliquid by block")
    by_block_and_address = [fact["liquidation_order_id"] for fact in facts]
    # xyz:TSLA and kPEPE are order 1 of one user in one block; all others differ.
    assert by_block_and_address[4] == by_block_and_address[5]
    assert len(set(by_block_and_address)) == 5


def test_hyperliquids_older_lines_are_an_address_and_a_fill(warehouse: Built) -> None:
    fact = warehouse.only_fact("hyperliquid address and fill")
    assert worth(fact) == ("BTC", "short", Decimal("52500"))
    assert fact["event_at"] == at("2025-05-31T14:00")
    assert fact["parser"] == "hyperliquid.node_fills@1"


# Messages without liquidations


@pytest.mark.parametrize(
    ("imported", "messages"),
    [
        ("binance nothing to report", 4),
        ("bybit nothing to report", 4),
        ("okx nothing to report", 7),
        ("okx answers without rows", 3),
    ],
)
def test_messages_without_liquidations_yield_nothing_and_are_counted(
    warehouse: Built, imported: str, messages: int
) -> None:
    account = warehouse.accounting(imported)
    assert account["staged"] == account["quarantined"] == 0
    assert account["other_messages"] == messages


def test_nothing_of_the_above_is_in_quarantine(warehouse: Built) -> None:
    found = warehouse.rows(
        "select batch_id, reject_reason, raw_line from marts.quarantined_liquidations"
        " where batch_id != ?",
        warehouse.batches["snapshot of odd count"],
    )
    assert found == []
