"""Kraken Futures: the taker of a trade of type liquidation is the liquidation order."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://docs.kraken.com/api/docs/futures-api/websocket/trade"
API = "https://futures.kraken.com"
AT = "2020-07-01 00:06:05.283"


def _trade(symbol: str, side: str, kind: str, quantity: float, price: float, uid: str) -> dict:
    return {
        **{"feed": "trade", "product_id": symbol, "uid": uid, "side": side, "type": kind},
        **{"seq": 41799, "time": 1593561965283, "qty": quantity, "price": price},
    }


CASES = VenueCases(
    venue="kraken_futures",
    long=Message(
        "the recorded sale of PI contracts is a long of 12,000 USD",
        "tardis-node's tests",
        _trade("PI_XRPUSD", "sell", "liquidation", 12000, 0.1736, "3ee209b8"),
        (
            Liquidation(
                *("PI_XRPUSD", "XRP", "long", "69124.423963133640", "0.1736", "12000", AT),
                "fill_avg",
            ),
        ),
    ),
    short=Message(
        "an answer's buy of PF contracts is a short of so many coins",
        "https://docs.kraken.com/api/docs/futures-api/trading/get-history",
        {
            "result": "success",
            "history": [
                {
                    **{"time": "2026-06-30T11:30:00.500Z", "trade_id": 1, "price": 3000},
                    **{"size": 2, "side": "buy", "type": "liquidation", "uid": "a1"},
                },
                {
                    **{"time": "2026-06-30T11:30:01.500Z", "trade_id": 2, "price": 3000},
                    **{"size": 1, "side": "buy", "type": "fill", "uid": "a2"},
                },
            ],
            "serverTime": "2026-06-30T12:00:00.000Z",
        },
        (
            Liquidation(
                *("PF_ETHUSD", "ETH", "short", "2", "3000", "6000", "2026-06-30 11:30:00.500"),
                "fill_avg",
            ),
        ),
        url=f"{API}/derivatives/api/v3/history",
        params={"symbol": "PF_ETHUSD"},
    ),
    non_events=(
        Message("a fill", DOCS, _trade("PI_XBTUSD", "buy", "fill", 10, 9000, "b1")),
        Message(
            "acknowledgement",
            DOCS,
            {"event": "subscribed", "feed": "trade", "product_ids": ["PI_XBTUSD"]},
        ),
        Message("another feed", DOCS, {"feed": "book", "product_id": "PI_XBTUSD", "seq": 1}),
        Message("version", DOCS, {"event": "info", "version": 1}),
        Message(
            "a snapshot of fills",
            "recorded by cryptofeed",
            {
                "feed": "trade_snapshot",
                "product_id": "PI_XBTUSD",
                "trades": [_trade("PI_XBTUSD", "buy", "fill", 50, 9000, "b2")],
            },
        ),
    ),
    row_at=(),
    required=("product_id", "uid", "side", "qty", "price", "time"),
    others=(
        Message(
            "assignments are kept apart",
            DOCS,
            _trade("PF_XBTUSD", "sell", "assignment", 0.5, 9000, "c1"),
            (
                Liquidation(
                    *("PF_XBTUSD", "BTC", "long", "0.5", "9000", "4500", AT, "fill_avg"),
                    "assignment",
                ),
            ),
        ),
    ),
    context=(
        Observation(
            "linear open interest is coins",
            "https://docs.kraken.com/api/docs/futures-api/trading/get-tickers",
            f"{API}/derivatives/api/v3/tickers",
            {
                "result": "success",
                "serverTime": "2026-06-30T11:59:00.000Z",
                "tickers": [
                    {
                        **{"symbol": "PF_XBTUSD", "tag": "perpetual", "markPrice": 60000},
                        **{"indexPrice": 60001, "openInterest": 2000.5, "fundingRate": 1.5},
                    },
                    {"symbol": "in_xbtusd", "last": 60001},
                ],
            },
            "fct_open_interest",
            {
                **{"instrument": "PF_XBTUSD", "observed_at": "2026-06-30 11:59:00"},
                **{"oi_base": 2000.5, "oi_usd": 120030000},
            },
        ),
        Observation(
            "the recorded inverse contract is a dollar",
            "recorded by cryptofeed",
            f"{API}/derivatives/api/v3/instruments",
            {
                "result": "success",
                "instruments": [
                    {
                        **{"symbol": "pi_xbtusd", "type": "futures_inverse", "contractSize": 1},
                        **{"underlying": "rr_xbtusd", "tradeable": True},
                    },
                    {"symbol": "in_xbtusd", "type": "spot index", "tradeable": False},
                ],
            },
            "dim_instruments",
            {"instrument": "PI_XBTUSD", "contract_type": "inverse", "contract_size": 1},
        ),
        Observation(
            "rates beside their times",
            "https://docs.kraken.com/api/docs/futures-api/charts/analytics",
            f"{API}/api/charts/v1/analytics/PF_XBTUSD/funding",
            {
                "result": {
                    "timestamp": [1782817200000, 1782820800000],
                    "data": {"rate": [1.2, 1.3], "relativeRate": [0.00002, 0.00003]},
                    "more": False,
                },
                "errors": [],
            },
            "fct_funding",
            {
                **{"instrument": "PF_XBTUSD", "funding_at": "2026-06-30 12:00:00"},
                **{"is_settled": True, "funding_rate": 0.00003, "interval_hours": 1},
            },
        ),
        Observation(
            "of a rate that comes as open, high, low and close the close is taken",
            "a client's own tests",
            f"{API}/api/charts/v1/analytics/PF_ETHUSD/funding",
            {
                "result": {
                    "timestamp": [1782817200000, 1782820800000],
                    "data": {"relativeRate": [[1e-5, 4e-5, 1e-5, 2e-5], [2e-5, 5e-5, 2e-5, 4e-5]]},
                    "more": False,
                },
                "errors": [],
            },
            "fct_funding",
            {
                **{"instrument": "PF_ETHUSD", "funding_at": "2026-06-30 12:00:00"},
                **{"is_settled": True, "funding_rate": 0.00004, "interval_hours": 1},
            },
        ),
        Observation(
            "the recorded step of open interest counts at its end, by its close",
            "https://docs.kraken.com/api/docs/futures-api/charts/analytics",
            f"{API}/api/charts/v1/analytics/PF_XBTUSD/open-interest",
            {
                "result": {
                    "timestamp": [1782820200, 1782820500, 1782820800],
                    "data": [
                        ["2192.1466", "2193.8", "2192.1", "2193.7759"],
                        ["2193.7759", "2195", "2190", "2191.5"],
                        ["2191.5", "2191.5", "2191.5", "2191.5"],
                    ],
                    "more": False,
                },
                "errors": [],
            },
            "fct_open_interest",
            # 11:50 and five minutes; valued by the bar of the mark that ends then.
            {
                **{"instrument": "PF_XBTUSD", "observed_at": "2026-06-30 11:55:00"},
                **{"oi_base": 2193.7759, "oi_usd": 131626554},
            },
            {"interval": "300", "since": "1782820200"},
        ),
        Observation(
            "a step that is a number, of a contract that is a dollar",
            "a shape of which there is no recording",
            f"{API}/api/charts/v1/analytics/PI_XBTUSD/open-interest",
            {
                "result": {"timestamp": [1782820500], "data": ["5177736"], "more": False},
                "errors": [],
            },
            "fct_open_interest",
            {
                **{"instrument": "PI_XBTUSD", "observed_at": "2026-06-30 12:00:00"},
                "oi_usd": 5177736,
            },
            {"interval": "300"},
        ),
        Observation(
            "a candle of the mark is known at its end",
            "https://docs.kraken.com/api/docs/futures-api/charts/candles",
            f"{API}/api/charts/v1/mark/PF_XBTUSD/5m",
            {
                "candles": [
                    {
                        **{"time": 1782820200000, "open": "59900", "high": "60100.5"},
                        **{"low": "59800", "close": "60000", "volume": 0},
                    }
                ],
                "more_candles": False,
            },
            "fct_prices",
            {
                **{"instrument": "PF_XBTUSD", "observed_at": "2026-06-30 11:50:00"},
                **{"close_at": "2026-06-30 11:55:00", "price_kind": "mark", "close_usd": 60000},
                **{"high_usd": 60100.5, "low_usd": 59800, "bar_seconds": 300},
            },
        ),
    ),
)
