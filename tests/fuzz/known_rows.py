"""Rows that once stopped the refresh of all exchanges, with the reason each now gets."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from tests.fuzz.seeds import HOUR_S, NOON_MS, RECEIVED_AT

BEYOND = 9_223_372_036_854_776
GATE, HTX, KRAKEN = "https://api.gateio.ws", "https://api.hbdm.com", "https://futures.kraken.com"


@dataclass(frozen=True)
class KnownRow:
    """A response with one unreadable row, its dataset, and the row's reject reasons."""

    name: str
    venue: str
    url: str
    params: dict[str, Any]
    body: Any
    reason: str
    dataset: str
    received_at: str = RECEIVED_AT.isoformat()

    @property
    def line(self) -> str:
        request = {"url": self.url, "params": self.params, "status": 200}
        body = json.dumps(self.body)
        envelope = {"received_at": self.received_at, "request": request, "body": body}
        return json.dumps(envelope)


def _gate_order(**changed: Any) -> list[dict[str, Any]]:
    row = {"time": HOUR_S, "contract": "BTC_USDT", "size": 10, "left": 0, "order_size": -10}
    return [{**row, "fill_price": "60000", "order_price": "60000", **changed}]


def _htx_order(**changed: Any) -> dict[str, Any]:
    row = {"contract_code": "BTC-USDT", "direction": "sell", "volume": 227, "price": 23350.5}
    row |= {"created_at": NOON_MS, "trade_turnover": 5300.5635, **changed}
    return {"code": 200, "data": [row]}


def _of_kraken(data: Any, at: Any = HOUR_S) -> dict[str, Any]:
    return {"result": {"timestamp": [at], "data": data}, "errors": []}


_LIQUIDATIONS_OF_HTX = f"{HTX}/linear-swap-api/v3/swap_liquidation_orders"
_ANALYTICS = f"{KRAKEN}/api/charts/v1/analytics/PF_XBTUSD"
_COINEX_PAIR = {"base_ccy": "A", "quote_ccy": "USDT", "status": "online"}
_MARK_BAR = {"open": 6, "high": 7, "low": 5, "close": 6, "amount": 0, "vol": 0, "count": 0}

KNOWN_ROWS = (
    KnownRow(
        *("Gate: a liquidation's time beyond a bigint of microseconds", "gate"),
        *(f"{GATE}/api/v4/futures/usdt/liq_orders", {}, _gate_order(time=BEYOND)),
        *("unreadable_event_time", "liquidations"),
    ),
    KnownRow(
        *("Gate: half a character in a name, which costs not its neighbours", "gate"),
        *(f"{GATE}/api/v4/futures/usdt/liq_orders", {}),
        [*_gate_order(contract="\ud800_USDT"), *_gate_order(time=HOUR_S + 5)],
        *("garbled_symbol", "liquidations"),
    ),
    KnownRow(
        *("Gate: a settlement's time", "gate", f"{GATE}/api/v4/futures/usdt/funding_rate"),
        *({"contract": "BTC_USDT"}, [{"t": BEYOND, "r": "0.0001"}], "unreadable_time", "funding"),
    ),
    KnownRow(
        *("Gate: a time of statistics", "gate", f"{GATE}/api/v4/futures/usdt/contract_stats"),
        {"contract": "BTC_USDT", "interval": "5m"},
        [{"time": BEYOND, "open_interest": 5, "open_interest_usd": 5}],
        *("unreadable_time", "open_interest"),
    ),
    KnownRow(
        *("Gate: open interest of an answer from before all that is known", "gate"),
        *(f"{GATE}/api/v4/futures/usdt/contract_stats", {"contract": "BTC_USDT", "interval": "5m"}),
        [{"time": BEYOND, "open_interest": 5, "open_interest_usd": 5}],
        *("unreadable_time", "open_interest", "2000-01-01T00:00:00Z"),
    ),
    KnownRow(
        *("Gate: sums of a contract whose name has no coin", "gate"),
        *(f"{GATE}/api/v4/futures/usdt/contract_stats", {"contract": "a b", "interval": "1h"}),
        [{"time": HOUR_S, "long_liq_usd": 5, "short_liq_usd": 6}],
        *("garbled_symbol", "reported_liquidations"),
    ),
    KnownRow(
        *("CoinEx: a contract of a type that it does not document", "coinex"),
        *("https://api.coinex.com/v2/futures/market", {}),
        {"code": 0, "data": [{"market": "A", "contract_type": 2, **_COINEX_PAIR}]},
        *("unknown_contract_type", "instruments"),
    ),
    KnownRow(
        *("HTX: a mark bar's id", "htx"),
        f"{HTX}/index/market/history/linear_swap_mark_price_kline",
        {"contract_code": "BTC-USDT", "period": "60min"},
        {"status": "ok", "data": [{"id": BEYOND, **_MARK_BAR}]},
        *("unreadable_time", "prices"),
    ),
    KnownRow(
        *("HTX: a turnover that is no number", "htx", _LIQUIDATIONS_OF_HTX, {}),
        _htx_order(contract_code="ADA-USDT", trade_turnover="NaN"),
        *("unknown_contract_size", "liquidations"),
    ),
    KnownRow(
        *("HTX: a turnover below zero", "htx", _LIQUIDATIONS_OF_HTX, {}),
        *(_htx_order(trade_turnover=-5300.5), "non_positive_contract_size", "liquidations"),
    ),
    KnownRow(
        *("Lighter: a settlement's timestamp", "lighter"),
        *("https://mainnet.zklighter.elliot.ai/api/v1/fundings", {"market_id": "1"}),
        {"fundings": [{"timestamp": BEYOND, "rate": "0.01", "direction": "long"}]},
        *("unreadable_time", "funding"),
    ),
    KnownRow(
        *("Kraken: a kind of trade that is a list", "kraken_futures"),
        *(f"{KRAKEN}/derivatives/api/v3/history", {"symbol": "PF_XBTUSD"}),
        {
            "history": [
                {
                    **{"time": "2026-06-30T08:00:00Z", "trade_id": 1, "price": 60000, "size": 1},
                    **{"side": "sell", "type": ["liquidation"], "uid": "a"},
                }
            ]
        },
        *("unknown_event_kind", "liquidations"),
    ),
    KnownRow(
        *("Kraken: rates that are a word", "kraken_futures", f"{_ANALYTICS}/funding", {}),
        *(_of_kraken({"relativeRate": "n/a"}, NOON_MS), "missing_field", "funding"),
    ),
    KnownRow(
        *("Kraken: ratios that are a word", "kraken_futures", f"{_ANALYTICS}/long-short-ratio"),
        *({}, _of_kraken("n/a"), "missing_field", "long_short_ratio"),
    ),
    KnownRow(
        *("Kraken: a ratio's time", "kraken_futures", f"{_ANALYTICS}/long-short-ratio"),
        *({}, _of_kraken([1.5], BEYOND), "unreadable_time", "long_short_ratio"),
    ),
    KnownRow(
        *("Kraken: sizes that are a word", "kraken_futures", f"{_ANALYTICS}/open-interest"),
        *({"interval": "300"}, _of_kraken("n/a"), "missing_field", "open_interest"),
    ),
    KnownRow(
        *("Kraken: a step's time", "kraken_futures", f"{_ANALYTICS}/open-interest"),
        *({"interval": "300"}, _of_kraken([5], BEYOND), "unreadable_time", "open_interest"),
    ),
    KnownRow(
        *("Kraken: a step of more seconds than a time can take", "kraken_futures"),
        *(f"{_ANALYTICS}/open-interest", {"interval": "99999999999999"}, _of_kraken([5])),
        *("unreadable_time", "open_interest"),
    ),
    KnownRow(
        *("Coinalyze: an hour's time", "coinalyze"),
        "https://api.coinalyze.net/v1/liquidation-history",
        {"interval": "1hour", "convert_to_usd": "true"},
        [{"symbol": "BTCUSDT_PERP.A", "history": [{"t": BEYOND, "l": 1, "s": 1}]}],
        # The response comes without a listing.
        *("unlisted_market", "reported_liquidations"),
    ),
    KnownRow(
        *("Coinglass: a bar's time", "coinglass"),
        "https://open-api-v4.coinglass.com/api/futures/liquidation/aggregated-history",
        {"exchange_list": "OKX", "symbol": "BTC", "interval": "1h"},
        {
            **{"code": "0"},
            "data": [
                {
                    **{"time": -BEYOND * 1000, "aggregated_long_liquidation_usd": "1"},
                    "aggregated_short_liquidation_usd": "1",
                }
            ],
        },
        *("unreadable_time", "reported_liquidations"),
    ),
    KnownRow(
        *("Coingecko: a market cap that open interest has no ratio to", "market_caps"),
        *("https://api.coingecko.com/api/v3/coins/markets", {"vs_currency": "usd", "page": 1}),
        [
            {
                **{"id": "bitcoin", "symbol": "btc", "name": "Bitcoin", "current_price": 60000},
                **{"market_cap": 1e-308, "market_cap_rank": 1, "total_volume": 1},
                "last_updated": "2026-06-30T08:00:00Z",
            }
        ],
        *("implausible_number", "market_caps"),
    ),
    KnownRow(
        *("Bitget: a bar of days without end", "bitget"),
        "https://api.bitget.com/api/v3/market/candles",
        {
            **{"category": "USDT-FUTURES", "symbol": "BTCUSDT", "type": "MARK"},
            "interval": "99999999D",
        },
        {"code": "00000", "data": [[str(NOON_MS), "6", "7", "5", "6", "0", "0"]]},
        *("unreadable_bar_length", "prices"),
    ),
    KnownRow(
        *("Gate: a liquidation just above the limit", "gate"),
        *(f"{GATE}/api/v4/futures/btc/liq_orders", {}),
        _gate_order(contract="BTC_USD", size=10_000_000_001, order_size=-10_000_000_001),
        *("implausible_notional", "liquidations"),
    ),
)

# Ten billion dollars: the highest value that both the screen and the gate accept.
AT_THE_LIMIT = KnownRow(
    *("Gate: a liquidation of the limit", "gate", f"{GATE}/api/v4/futures/btc/liq_orders", {}),
    _gate_order(
        contract="BTC_USD", size=10_000_000_000, order_size=-10_000_000_000, time=HOUR_S + 60
    ),
    *("", "liquidations"),
)
# A mark and an index whose ratio fits no decimal.
FAR_APART = KnownRow(
    *("Gate: a mark far from its index", "gate", f"{GATE}/api/v4/futures/usdt/contracts", {}),
    [
        {
            **{"name": "BTC_USDT", "type": "direct", "quanto_multiplier": "0.0001"},
            **{"mark_price": "1e300", "index_price": "1e-300", "funding_rate": "0.0001"},
            **{"funding_interval": 28800, "position_size": 94089037, "in_delisting": False},
            "create_time": BEYOND,
        }
    ],
    *("implausible_number, implausible_price", "prices"),
)
