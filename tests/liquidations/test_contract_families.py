"""Contract families of 2025 and 2026, from messages as the venues send them to rows by value.

OKX's `_UM`, BitMEX's contracts on stocks and its names, Gate's settlement in USD1, Hyperliquid's
builder-deployed exchanges and its liquidator vaults. Everything is imported into one home and built
once; expected values are worked out by hand.
"""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from liquidation_imports import Built, at, built, frame_lines, rest_line, take_in_text

from unwind.settings import Home

CONTEXT_MODELS = (
    *("fct_open_interest", "fct_funding", "fct_prices", "fct_long_short_ratio"),
    *("dim_instruments", "reported_liquidations"),
)
PEAK = "2026-01-29T14:00:00.200000Z"
BEFORE = "2026-01-29T13:00:00.000000Z"

# -- OKX -------------------------------------------------------------------------------------------


def okx_listed(instrument: str, kind: str, **more: str) -> dict[str, Any]:
    """A linear contract of 0.01 BTC that settles in dollars."""
    family = instrument.rsplit("-", 1)[0]
    return {
        **{"instId": instrument, "instFamily": family, "uly": "BTC-USD", "instType": kind},
        **{"ctVal": "0.01", "ctMult": "1", "ctValCcy": "BTC", "ctType": "linear"},
        **{"settleCcy": "USD", "state": "live", "listTime": "1767103200000", **more},
    }


def okx_order(instrument: str, side: str, size: str, ms: int) -> dict[str, Any]:
    """A frame of one order at 84,000."""
    kind = "SWAP" if instrument.endswith("-SWAP") else "FUTURES"
    detail = {"bkLoss": "0", "bkPx": "84000", "ccy": "", "posSide": "net", "side": side}
    return {
        "arg": {"channel": "liquidation-orders", "instType": kind},
        "data": [
            {
                "details": [{**detail, "sz": size, "ts": str(ms)}],
                **{"instFamily": instrument.rsplit("-", 1)[0], "instId": instrument},
                **{"instType": kind, "uly": "BTC-USD"},
            }
        ],
    }


OKX = "https://www.okx.com/api/v5"
OKX_LISTED = [
    okx_listed("BTC-USD_UM-261030", "FUTURES"),
    okx_listed("BTC-USD_UM-SWAP", "SWAP"),
    okx_listed("BTC-USD_UM_XPERP-310404", "FUTURES"),
    okx_listed("BTC-USDC_UM-SWAP", "SWAP", uly="BTC-USDC", settleCcy="USDC"),
    okx_listed("BTC-EUR_UM-SWAP", "SWAP", uly="BTC-EUR", settleCcy="EUR"),
]
OKX_MS = 1769695200010
OKX_REST_ORDER = okx_order("BTC-USD_UM-SWAP", "buy", "2", OKX_MS + 5000)["data"]
OKX_CONTEXT = (
    rest_line(
        {
            "code": "0",
            "data": [
                {
                    **{"instId": "BTC-USD_UM-SWAP", "instType": "SWAP", "oi": "5000"},
                    **{"oiCcy": "50", "oiUsd": "4200000", "ts": "1769695195000"},
                },
                {
                    **{"instId": "BTC-USD_UM-261030", "instType": "FUTURES", "oi": "300"},
                    **{"oiCcy": "3", "oiUsd": "252000", "ts": "1769695195000"},
                },
            ],
        },
        f"{OKX}/public/open-interest",
        received_at=PEAK,
    )
    + rest_line(
        {
            "code": "0",
            "data": [
                {
                    "instId": "BTC-USD_UM-SWAP",
                    "instType": "SWAP",
                    "markPx": "84001",
                    "ts": "1769695195000",
                }
            ],
        },
        f"{OKX}/public/mark-price",
        received_at=PEAK,
    )
    + rest_line(
        {
            "code": "0",
            "data": [
                {
                    **{"instType": "SWAP", "instId": "BTC-USD_UM-SWAP", "fundingRate": "0.0001"},
                    **{"realizedRate": "0.0001", "fundingTime": ms},
                }
                for ms in ("1769673600000", "1769644800000")
            ],
        },
        f"{OKX}/public/funding-rate-history",
        received_at=PEAK,
    )
)

# -- BitMEX ----------------------------------------------------------------------------------------

BITMEX_ACTIVE = "https://www.bitmex.com/api/v1/instrument/active"


def bitmex_order(order: str, symbol: str, price: float, contracts: int) -> dict[str, Any]:
    row = {"orderID": order, "symbol": symbol, "side": "Sell"}
    return {
        **{"table": "liquidation", "action": "insert"},
        "data": [{**row, "price": price, "leavesQty": contracts}],
    }


def bitmex_listed(symbol: str, typ: str, **more: Any) -> dict[str, Any]:
    return {
        **{"symbol": symbol, "typ": typ, "state": "Open", "quoteCurrency": "USDT"},
        **{"settlCurrency": "USDt", "isQuanto": False, "isInverse": False, "multiplier": 1000},
        **{"underlyingToPositionMultiplier": 1000, "openInterest": 500000, "openValue": 1},
        **{
            "markPrice": 430.1,
            "fundingRate": 0.0001,
            "fundingInterval": "2000-01-01T08:00:00.000Z",
        },
        **{"timestamp": "2026-01-29T12:59:00.000Z", "listing": "2025-12-15T04:00:00.000Z", **more},
    }


BITMEX_LISTED = [
    bitmex_listed("TSLAUSDT", "FFSCSX", underlying="TSLA"),
    bitmex_listed(
        *("ETHUSD_ETH", "FFWCSX"),
        **{"underlying": "ETH", "quoteCurrency": "USD", "settlCurrency": "Gwei"},
        **{"isInverse": True, "openInterest": 3000, "openValue": 1_000_000_000, "markPrice": 3000},
    ),
    bitmex_listed("XBTUSDTM26", "FFCCSX", underlying="XBT", fundingRate=None),
    bitmex_listed("XBTZ26_H27", "FFMCSX", underlying="XBT"),
    bitmex_listed("NEWUSDT", "FFNEWX", underlying="NEW"),
    bitmex_listed("XBT_USDT", "IFXXXP", underlying="XBT"),
    bitmex_listed(".BXBT", "MRCXXX", underlying="XBT"),
]

# -- Gate ------------------------------------------------------------------------------------------

GATE = "https://api.gateio.ws/api/v4/futures/usd1"
GATE_REST = (
    rest_line(
        [
            {
                **{"name": "BTC_USD1", "type": "direct", "quanto_multiplier": "0.0001"},
                **{"mark_price": "84000", "index_price": "84000", "funding_rate": "0.0001"},
                **{"funding_interval": 28800, "position_size": 500000, "in_delisting": False},
                "create_time": 1700000000,
            }
        ],
        f"{GATE}/contracts",
        received_at="2026-06-22T14:00:00.000000Z",
    )
    + json.dumps(
        {
            "received_at": "2026-06-22T14:00:01.000000Z",
            "request": {
                "url": f"{GATE}/funding_rate",
                "params": {"contract": "BTC_USD1"},
                "status": 200,
            },
            "body": '[{"t": 1782115200, "r": "0.0001"}, {"t": 1782086400, "r": "0.00012"}]',
        }
    )
    + "\n"
    + json.dumps(
        {
            "received_at": "2026-06-22T14:00:02.000000Z",
            "request": {
                "url": f"{GATE}/contract_stats",
                "params": {"contract": "BTC_USD1", "interval": "1h"},
                "status": 200,
            },
            "body": json.dumps(
                [
                    {
                        **{"time": 1782133200, "open_interest": "500000"},
                        **{"open_interest_usd": "4200000", "mark_price": "84000"},
                        **{"long_liq_usd": "1000", "short_liq_usd": "0", "lsr_account": "1.2"},
                    }
                ]
            ),
        }
    )
    + "\n"
    + rest_line(
        [
            {
                **{"time": 1782136700, "contract": "BTC_USD1", "size": 100, "order_size": -100},
                **{"order_price": "83900", "fill_price": "83950", "left": 0},
            }
        ],
        f"{GATE}/liq_orders",
        received_at="2026-06-22T14:00:03.000000Z",
    )
)
GATE_FRAMES = frame_lines(
    {
        **{"channel": "futures.public_liquidates", "event": "update", "time": 1782188000},
        **{"time_ms": 1782188000500},
        "result": [
            {"price": "84000", "size": "-50", "time": 1782188000123, "contract": "BTC_USD1"},
            {"price": "72000", "size": "-50", "time": 1782188000124, "contract": "BTC_EUR"},
        ],
    },
    received_at="2026-06-23T04:13:21.000000Z",
)

# -- Hyperliquid -----------------------------------------------------------------------------------

INFO = "https://api.hyperliquid.xyz/info"
USER, WINNER = "0x" + "1" * 40, "0x" + "3" * 40
VAULT = "0xb0a55f13d22f66e6d495ac98113841b2326e9540"
OTHER_VAULT = "0x2ED5C4484ea3ff8b57d5f2fb152a40d9f2b68308"


def context(price: str, open_interest: str) -> dict[str, Any]:
    return {
        **{"funding": "0.0000125", "openInterest": open_interest, "prevDayPx": price},
        **{"dayNtlVlm": "1", "premium": "0", "oraclePx": price, "markPx": price, "midPx": None},
        "impactPxs": None,
    }


def info_line(asked: dict[str, Any], body: Any, received_at: str = PEAK) -> str:
    request = {"url": INFO, "params": {}, "json": asked, "status": 200}
    envelope = {"received_at": received_at, "request": request, "body": json.dumps(body)}
    return json.dumps(envelope) + "\n"


def meta(dex: str, token: int | None, *coins: tuple[str, str, str]) -> str:
    universe = [{"name": coin, "szDecimals": 2, "maxLeverage": 20} for coin, _, _ in coins]
    listed: dict[str, Any] = {"universe": universe, "marginTables": []}
    if token is not None:
        listed["collateralToken"] = token
    asked = {"type": "metaAndAssetCtxs"} | ({"dex": dex} if dex else {})
    return info_line(asked, [listed, [context(price, amount) for _, price, amount in coins]])


HYPERLIQUID_META = (
    meta("", 0, ("BTC", "84000", "30000"), ("kPEPE", "0.0071", "21000000"))
    + meta("hyna", 235, ("hyna:BTC", "84010", "500"))
    + meta("cash", 268, ("cash:ETH", "3000", "70"))
    + meta("flx", None, ("flx:TSLA", "430", "60"))
    + meta("odd", 9999, ("odd:BTC", "84020", "5"))
    + info_line({"type": "perpDexs"}, [None, {"name": "hyna"}, {"name": "odd"}])
    + info_line(
        {"type": "fundingHistory", "coin": "hyna:BTC"},
        [{"coin": "hyna:BTC", "fundingRate": "0.00002", "premium": "0", "time": 1769695200050}],
    )
)


def fill(
    coin: str, price: str, size: str, side: str, direction: str, tid: int, **more: Any
) -> dict:
    return {
        **{"coin": coin, "px": price, "sz": size, "side": side, "time": 1769695800000 + tid},
        **{"startPosition": size, "dir": direction, "closedPnl": "-1.0", "hash": "0x0", "oid": 5},
        **{"crossed": True, "fee": "0.1", "tid": tid, "feeToken": "USDC", "cloid": None, **more},
    }


def marked(user: str, method: str = "backstop") -> dict[str, Any]:
    return {"liquidation": {"liquidatedUser": user, "markPx": "3800.0", "method": method}}


def block(number: int, *events: list[Any]) -> str:
    times = {"local_time": "2026-01-29T14:05:00.1", "block_time": "2026-01-29T14:05:00.0"}
    return json.dumps({**times, "block_number": number, "events": list(events)}) + "\n"


LONG, ADL = "Liquidated Cross Long", "Auto-Deleveraging"
TAKEN = fill("ETH", "3800.0", "100", "A", LONG, 21, **marked(USER))
TAKEN_BY_VAULT = fill("ETH", "3800.0", "100", "B", LONG, 21, **marked(USER))
SHED = [
    fill("ETH", "3795.0", size, side, direction, tid, **marked(VAULT))
    for size, tid in (("85", 22), ("15", 23))
    for side, direction in (("A", LONG), ("B", ADL))
]
VAULT_BLOCKS = (
    block(800000011, [USER, TAKEN], [VAULT, TAKEN_BY_VAULT])
    + block(
        800000012,
        *([VAULT, SHED[0]], [WINNER, SHED[1]], [VAULT, SHED[2]], [WINNER, SHED[3]]),
    )
    # Another vault, with an address in mixed case, closes its position on the market.
    + block(
        800000013,
        [
            OTHER_VAULT,
            fill("BTC", "84000", "2", "A", "Close Long", 24, **marked(OTHER_VAULT, "market")),
        ],
        [WINNER, fill("BTC", "84000", "2", "B", "Open Long", 24, **marked(OTHER_VAULT, "market"))],
    )
)
# A vault's own fills: the takeover above, one that is in no node file, its own deleveraging, an
# ordinary trade, a malformed liquidated user, and a spot fill.
VAULT_FILLS = info_line(
    {"type": "userFillsByTime", "user": VAULT, "startTime": 1769695200000},
    [
        TAKEN_BY_VAULT,
        fill("SOL", "118.0", "50", "A", "Liquidated Isolated Short", 31, **marked(USER)),
        SHED[0],
        fill("ETH", "3801.0", "3", "A", "Close Long", 32),
        fill("ETH", "3800.0", "7", "B", LONG, 33, **marked("0xnobody")),
        fill("@107", "31.0", "7", "B", "Buy", 34, **marked(USER)),
    ],
    received_at="2026-01-29T15:00:05.000000Z",
)
GARBLED_BLOCKS = (
    # The garbled user matches neither leg.
    block(
        800000021,
        [USER, fill("ETH", "3800.0", "1", "A", "Close Long", 41, **marked("0x12345", "market"))],
        [WINNER, fill("ETH", "3800.0", "1", "B", "Open Long", 41, **marked("0x12345", "market"))],
    )
    # A well-formed liquidated user who is no party here: its own leg is elsewhere.
    + block(
        800000022,
        [WINNER, fill("ETH", "3800.0", "2", "B", "Open Long", 42, **marked(USER, "market"))],
    )
)
DEX_BLOCKS = block(
    800000031,
    [USER, fill("hyna:BTC", "84000", "0.5", "A", "Close Long", 51, **marked(USER, "market"))],
    [USER, fill("xyz:TSLA", "430", "10", "B", "Close Short", 52, **marked(USER, "market"))],
    [USER, fill("odd:BTC", "84000", "0.5", "A", "Close Long", 53, **marked(USER, "market"))],
    [USER, fill("hyna:kPEPE", "0.007", "1000", "A", "Close Long", 54, **marked(USER, "market"))],
)

TEXTS: dict[str, tuple[str, str, str, str]] = {
    "okx listing": (
        *("okx", "rest", "instruments.ndjson"),
        rest_line(
            {"code": "0", "data": OKX_LISTED}, f"{OKX}/public/instruments", received_at=BEFORE
        ),
    ),
    "okx frames": (
        *("okx", "frames", "frames.ndjson"),
        frame_lines(
            okx_order("BTC-USD_UM-261030", "sell", "5", OKX_MS),
            okx_order("BTC-USD_UM-SWAP", "sell", "3", OKX_MS + 1),
            okx_order("BTC-USD-260327", "sell", "5", OKX_MS + 2),
            okx_order("BTC-USD_UM_XPERP-310404", "buy", "1", OKX_MS + 3),
            okx_order("BTC-USDC_UM-SWAP", "sell", "4", OKX_MS + 4),
            received_at=PEAK,
        ),
    ),
    "okx answer": (
        *("okx", "rest", "answer.ndjson"),
        rest_line({"code": "0", "data": OKX_REST_ORDER}, received_at="2026-01-29T14:05:00.000000Z"),
    ),
    "okx in euros": (
        *("okx", "frames", "euros.ndjson"),
        frame_lines(okx_order("BTC-EUR_UM-SWAP", "sell", "1", OKX_MS + 9), received_at=PEAK),
    ),
    "okx context": ("okx", "rest", "context.ndjson", OKX_CONTEXT),
    "bitmex listing": (
        *("bitmex", "rest", "active.ndjson"),
        rest_line(BITMEX_LISTED, BITMEX_ACTIVE, received_at=BEFORE),
    ),
    "bitmex frames": (
        *("bitmex", "frames", "frames.ndjson"),
        frame_lines(
            bitmex_order("b1", "TSLAUSDT", 430.0, 20000),
            bitmex_order("c2", "XBTUSDH26", 84500, 1000),
            bitmex_order("c3", "XBTM26", 84500, 1000),
            bitmex_order("b2", "ETHUSD_ETH", 3000, 1000),
            bitmex_order("b3", "XBTUSDTM26", 84000, 50),
            received_at=PEAK,
        ),
    ),
    "bitmex without dollars": (
        *("bitmex", "frames", "names.ndjson"),
        frame_lines(
            bitmex_order("c0", "XBTEUR", 77000, 1000),
            bitmex_order("c4", "ETHXBT", 0.035, 100),
            bitmex_order("c5", "XBTEURM26", 77000, 1000),
            bitmex_order("c6", "ADAM20", 0.00001, 1000),
            bitmex_order("c7", "SOLUSD_SOL", 118, 1000),
            bitmex_order("c8", "SOLUSDM26", 118, 1000),
            bitmex_order("c9", "XBT_USDT", 84000, 1000),
            bitmex_order("c10", "DEFI", 84, 1000),
            received_at=PEAK,
        ),
    ),
    "gate rest": ("gate", "rest", "usd1.ndjson", GATE_REST),
    "gate frames": ("gate", "frames", "usd1_frames.ndjson", GATE_FRAMES),
    "hyperliquid listing": ("hyperliquid", "rest", "meta.ndjson", HYPERLIQUID_META),
    "hyperliquid vault": ("hyperliquid", "node-fills", "14", VAULT_BLOCKS),
    "hyperliquid vault fills": ("hyperliquid", "rest", "vault.ndjson", VAULT_FILLS),
    "hyperliquid garbled": ("hyperliquid", "node-fills", "15", GARBLED_BLOCKS),
    "hyperliquid dexs": ("hyperliquid", "node-fills", "16", DEX_BLOCKS),
}


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("families")
    home = Home(folder / "home")
    batches = {
        name: take_in_text(home, folder / str(number), venue, format, file, text)
        for number, (name, (venue, format, file, text)) in enumerate(TEXTS.items())
    }
    return built(home, batches, *CONTEXT_MODELS)


def worth(facts: list[dict[str, Any]]) -> list[tuple[str, str, str, Decimal]]:
    """Instrument, base asset, liquidated side and USD of facts."""
    return [
        (fact["instrument"], fact["base_asset"], fact["liquidated_side"], fact["notional_usd"])
        for fact in facts
    ]


def refused(warehouse: Built, imported: str) -> list[str]:
    return [row["reject_reason"] for row in warehouse.quarantined(imported)]


def row(warehouse: Built, table: str, instrument: str, more: str = "true") -> dict[str, Any]:
    (found,) = warehouse.rows(
        f"select * from marts.{table} where instrument = ? and {more}", instrument
    )
    return found


# OKX


def test_okx_contracts_margined_in_dollars_are_linear_and_those_in_coins_stay_inverse(
    warehouse: Built,
) -> None:
    facts = warehouse.facts("okx frames")
    assert worth(facts) == [
        ("BTC-USD_UM-261030", "BTC", "long", Decimal("4200")),
        ("BTC-USD_UM-SWAP", "BTC", "long", Decimal("2520")),
        ("BTC-USD-260327", "BTC", "long", Decimal("500")),
        ("BTC-USD_UM_XPERP-310404", "BTC", "short", Decimal("840")),
        ("BTC-USDC_UM-SWAP", "BTC", "long", Decimal("3360")),
    ]
    assert [(fact["contract_type"], fact["quote_asset"]) for fact in facts] == [
        *(("linear", "USD"), ("linear", "USD"), ("inverse", "USD"), ("linear", "USD")),
        ("linear", "USDC"),
    ]


def test_okx_answers_report_the_family_too(warehouse: Built) -> None:
    assert worth([warehouse.only_fact("okx answer")]) == [
        ("BTC-USD_UM-SWAP", "BTC", "short", Decimal("1680"))
    ]


def test_okx_in_euros_is_named_and_has_no_dollar_quote(warehouse: Built) -> None:
    assert refused(warehouse, "okx in euros") == ["quote_not_usd"]


def test_okx_context_of_the_family(warehouse: Built) -> None:
    swap = row(warehouse, "fct_open_interest", "BTC-USD_UM-SWAP")
    assert (swap["base_asset"], swap["oi_contracts"], swap["oi_base"]) == ("BTC", 5000, 50)
    assert row(warehouse, "fct_open_interest", "BTC-USD_UM-261030")["oi_usd"] == 252000
    mark = row(warehouse, "fct_prices", "BTC-USD_UM-SWAP", "price_kind = 'mark'")
    assert (mark["base_asset"], mark["close_usd"]) == ("BTC", 84001)
    rates = warehouse.rows(
        "select funding_rate, interval_hours from marts.fct_funding"
        " where instrument = 'BTC-USD_UM-SWAP' and is_settled"
    )
    assert [(one["funding_rate"], one["interval_hours"]) for one in rates] == [(0.0001, 8)] * 2


# BitMEX


def test_bitmex_stocks_coins_and_dated_contracts_are_valued_by_their_listing(
    warehouse: Built,
) -> None:
    assert worth(warehouse.facts("bitmex frames")) == [
        # 20,000 contracts / 1,000 x 430.
        ("TSLAUSDT", "TSLA", "long", Decimal("8600")),
        ("XBTUSDH26", "BTC", "long", Decimal("1000")),
        ("XBTM26", "BTC", "long", Decimal("1000")),
        ("ETHUSD_ETH", "ETH", "long", Decimal("1000")),
        # 50 contracts / 1,000 x 84,000.
        ("XBTUSDTM26", "BTC", "long", Decimal("4200")),
    ]


def test_bitmex_names_without_a_dollar_quote_or_a_size_are_rejected_with_that_reason(
    warehouse: Built,
) -> None:
    assert refused(warehouse, "bitmex without dollars") == [
        "quote_not_usd",
        "quote_not_usd",
        "quote_not_usd",
        "quote_not_usd",
        # Settled in its own coin, and unlisted.
        "unknown_contract_size",
        "unknown_contract_size",
        "garbled_symbol",
        "unknown_symbol",
    ]


def test_bitmex_types_that_are_not_read_are_rejected_and_spot_is_not_a_contract(
    warehouse: Built,
) -> None:
    listed = warehouse.staged(
        "select instrument, reject_reason from staging.landed.stg_bitmex__instruments"
        " where batch_id = ? order by row_in_line",
        warehouse.batches["bitmex listing"],
    )
    assert [(one["instrument"], one["reject_reason"]) for one in listed] == [
        ("TSLAUSDT", None),
        ("ETHUSD_ETH", None),
        ("XBTUSDTM26", None),
        ("XBTZ26_H27", "unknown_contract_type"),
        ("NEWUSDT", "unknown_contract_type"),
    ]


def test_bitmex_context_of_the_families(warehouse: Built) -> None:
    tesla = row(warehouse, "fct_open_interest", "TSLAUSDT")
    assert (tesla["base_asset"], tesla["oi_base"]) == ("TSLA", 500)
    # A Gwei is a billionth of an ether.
    ether = row(warehouse, "fct_open_interest", "ETHUSD_ETH")
    assert (ether["oi_base"], ether["oi_usd"]) == (1, 3000)
    rate = row(warehouse, "fct_funding", "TSLAUSDT")
    assert (rate["funding_rate"], rate["interval_hours"]) == (0.0001, 8)
    assert row(warehouse, "dim_instruments", "TSLAUSDT")["contract_size"] == Decimal("0.001")


# Gate


def test_gate_contracts_settled_in_usd1_count_and_usd1_is_a_dollar(warehouse: Built) -> None:
    fact = warehouse.only_fact("gate rest")
    # 100 contracts of 0.0001 BTC at 83,950.
    assert worth([fact]) == [("BTC_USD1", "BTC", "long", Decimal("839.50"))]
    assert (fact["quote_asset"], fact["quantity_base"]) == ("USD1", Decimal("0.01"))


def test_gate_frames_of_usd1_count_and_those_of_other_currencies_do_not(warehouse: Built) -> None:
    assert worth([warehouse.only_fact("gate frames")]) == [
        ("BTC_USD1", "BTC", "long", Decimal("420"))
    ]
    assert refused(warehouse, "gate frames") == ["quote_not_usd"]


def test_gate_context_of_usd1(warehouse: Built) -> None:
    assert row(warehouse, "dim_instruments", "BTC_USD1")["contract_size"] == Decimal("0.0001")
    found = warehouse.rows(
        "select observed_at, oi_contracts, oi_base, oi_usd from marts.fct_open_interest"
        " where instrument = 'BTC_USD1' order by observed_at"
    )
    assert [(one["oi_contracts"], one["oi_base"], one["oi_usd"]) for one in found] == [
        (500000, 50, 4200000),
        (500000, 50, 4200000),
    ]
    rates = warehouse.rows(
        "select funding_rate, interval_hours from marts.fct_funding"
        " where instrument = 'BTC_USD1' and is_settled order by funding_at"
    )
    assert [(one["funding_rate"], one["interval_hours"]) for one in rates] == [
        (0.00012, 8),
        (0.0001, 8),
    ]
    ratio = row(warehouse, "fct_long_short_ratio", "BTC_USD1")
    assert (ratio["ratio_kind"], ratio["long_short_ratio"]) == ("accounts", 1.2)
    (sums,) = warehouse.rows(
        "select base_asset, long_usd, short_usd from marts.reported_liquidations"
        " where source = 'gate'"
    )
    assert tuple(sums.values()) == ("BTC", 1000, 0)


# Hyperliquid: builder-deployed exchanges


def test_an_exchanges_collateral_is_the_quote_asset_of_its_contracts(warehouse: Built) -> None:
    listed = warehouse.rows(
        "select instrument, base_asset, asset_multiplier, quote_asset from marts.dim_instruments"
        " where venue = 'hyperliquid' order by instrument"
    )
    assert [tuple(one.values()) for one in listed] == [
        ("BTC", "BTC", 1, "USDC"),
        ("cash:ETH", "ETH", 1, "USDT0"),
        ("flx:TSLA", "TSLA", 1, "USDH"),
        ("hyna:BTC", "BTC", 1, "USDe"),
        ("kPEPE", "PEPE", 1000, "USDC"),
    ]


def test_a_listing_in_an_unknown_collateral_is_refused_with_a_reason(warehouse: Built) -> None:
    found = warehouse.staged(
        "select instrument, reject_reason from staging.landed.stg_hyperliquid__instruments"
        " where reject_reason is not null"
    )
    assert [tuple(one.values()) for one in found] == [("odd:BTC", "unknown_collateral")]


def test_the_contexts_of_all_exchanges_share_one_asset(warehouse: Built) -> None:
    found = warehouse.rows(
        "select instrument, base_asset, oi_base, oi_usd from marts.fct_open_interest"
        " where venue = 'hyperliquid' order by instrument"
    )
    assert [tuple(one.values()) for one in found] == [
        ("BTC", "BTC", 30000, 2_520_000_000),
        ("cash:ETH", "ETH", 70, 210_000),
        ("flx:TSLA", "TSLA", 60, 25_800),
        ("hyna:BTC", "BTC", 500, 42_005_000),
        ("kPEPE", "PEPE", 21_000_000_000, 149_100),
    ]
    mark = row(warehouse, "fct_prices", "hyna:BTC", "price_kind = 'mark'")
    assert (mark["base_asset"], mark["close_usd"]) == ("BTC", 84010)
    rate = row(warehouse, "fct_funding", "hyna:BTC", "is_settled")
    assert (rate["base_asset"], rate["funding_rate"], rate["interval_hours"]) == ("BTC", 0.00002, 1)


def test_one_underlying_is_one_asset_on_every_exchange(warehouse: Built) -> None:
    facts = warehouse.facts("hyperliquid dexs")
    assert worth(facts) == [
        ("hyna:BTC", "BTC", "long", Decimal("42000")),
        # Not listed here; its exchange's collateral is documented.
        ("xyz:TSLA", "TSLA", "short", Decimal("4300")),
        ("hyna:kPEPE", "PEPE", "long", Decimal("7")),
    ]
    assert [fact["quote_asset"] for fact in facts] == ["USDe", "USDC", "USDe"]
    assert refused(warehouse, "hyperliquid dexs") == ["unknown_symbol"]


# Hyperliquid: vaults and users


def test_a_position_taken_over_by_a_vault_counts_once_and_its_closing_never(
    warehouse: Built,
) -> None:
    facts = warehouse.facts("hyperliquid vault")
    assert [(fact["event_kind"], *one) for fact, one in zip(facts, worth(facts), strict=True)] == [
        ("backstop", "ETH", "ETH", "long", Decimal("380000")),
        ("vault_unwind", "ETH", "ETH", "long", Decimal("322575")),
        ("adl", "ETH", "ETH", "short", Decimal("322575")),
        ("vault_unwind", "ETH", "ETH", "long", Decimal("56925")),
        ("adl", "ETH", "ETH", "short", Decimal("56925")),
        ("vault_unwind", "BTC", "BTC", "long", Decimal("168000")),
    ]
    (minutes,) = warehouse.rows(
        "select sum(long_usd) as long_usd, sum(short_usd) as short_usd"
        " from marts.liquidations_minutely where venue = 'hyperliquid' and base_asset = 'ETH'"
    )
    # An import's coverage is unknown: shorts are null, not zero.
    assert (minutes["long_usd"], minutes["short_usd"]) == (Decimal("380000"), None)


def test_a_vaults_own_fills_show_the_users_position_and_the_nodes_fills_win(
    warehouse: Built,
) -> None:
    # The takeover and the deleveraging are already in the node's file; the third is not.
    (alone,) = warehouse.facts("hyperliquid vault fills")
    assert (alone["event_kind"], *worth([alone])[0]) == (
        *("backstop", "SOL", "SOL", "short", Decimal("5900")),
    )
    seen = warehouse.rows(
        "select facts.notional_usd, facts.sightings from marts.fct_liquidations as facts"
        " inner join marts.liquidation_sightings as sightings using (liquidation_id)"
        " where sightings.batch_id = ? and sightings.sighting_rank = 2 order by 1",
        warehouse.batches["hyperliquid vault fills"],
    )
    assert [tuple(one.values()) for one in seen] == [(Decimal("322575"), 2), (Decimal("380000"), 2)]
    assert warehouse.accounting("hyperliquid vault fills")["staged"] == 4
    assert refused(warehouse, "hyperliquid vault fills") == ["garbled_liquidated_user"]


def test_a_garbled_liquidated_user_is_refused_and_a_known_ones_counterparty_is_not(
    warehouse: Built,
) -> None:
    quarantined = warehouse.quarantined("hyperliquid garbled")
    assert [(one["raw_line"], one["reject_reason"]) for one in quarantined] == [
        (1, "garbled_liquidated_user"),
        (1, "garbled_liquidated_user"),
    ]
    assert warehouse.accounting("hyperliquid garbled")["staged"] == 2


def test_vaults_have_a_validity_period(warehouse: Built) -> None:
    vaults = warehouse.staged(
        "select address, valid_from, valid_to from staging.seeds.hyperliquid_vaults"
    )
    assert len(vaults) == 5
    assert all(one["valid_from"] == at("2025-05-25") and one["valid_to"] is None for one in vaults)
    assert VAULT in {one["address"] for one in vaults}
