"""Bitget: `side` names the position, `amount` is its value in quote coin."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

RECORDED = "tardis-node's tests"
DOCS = "https://www.bitget.com/api-doc/uta/websocket/public/Liquidation-Channel"
API = "https://api.bitget.com/api/v3/market"
RATIOS = "https://api.bitget.com/api/v2/mix/market"
RATIOS_RECORDED = "gocryptotrader's tests"
ARGUMENT = {"instType": "usdt-futures", "topic": "liquidation"}


def _row(symbol: str, side: str, price: str, amount: str, at_ms: str) -> dict:
    return {"symbol": symbol, "side": side, "price": price, "amount": amount, "ts": at_ms}


CASES = VenueCases(
    venue="bitget",
    long=Message(
        "the recorded 13.70 USD of APE were a long",
        RECORDED,
        {
            **{"action": "update", "arg": ARGUMENT, "ts": 1777358897167},
            "data": [_row("APEUSDT", "buy", "0.1649", "13.70319", "1777358886549")],
        },
        (
            Liquidation(
                *("APEUSDT", "APE", "long", "83.1", "0.1649", "13.7032"),
                *("2026-04-28 06:48:06.549", "bankruptcy"),
                published_at="2026-04-28 06:48:17.167",
            ),
        ),
    ),
    short=Message(
        "sell was a short, by REST",
        DOCS,
        {
            **{"code": "00000", "msg": "success", "requestTime": 1777358897167},
            "data": {
                "list": [_row("BTCPERP", "sell", "60000", "3000", "1777358886549")],
                "cursor": "",
            },
        },
        (
            Liquidation(
                *("BTCPERP", "BTC", "short", "0.05", "60000", "3000"),
                *("2026-04-28 06:48:06.549", "bankruptcy"),
            ),
        ),
        url=f"{API}/liquidations",
        params={"category": "USDC-FUTURES"},
    ),
    non_events=(
        Message("pong", DOCS, "pong"),
        Message("acknowledgement", DOCS, {"event": "subscribe", "arg": ARGUMENT}),
        Message("an empty push", DOCS, {"action": "update", "arg": ARGUMENT, "data": []}),
    ),
    row_at=("data", 0),
    required=("symbol", "side", "price", "amount", "ts"),
    context=(
        Observation(
            "open interest in coins",
            "https://www.bitget.com/api-doc/uta/public/Tickers",
            f"{API}/tickers",
            {
                **{"code": "00000", "requestTime": 1782820800000},
                "data": [
                    {
                        **{"symbol": "ETHUSDT", "openInterest": "1000", "markPrice": "3000"},
                        **{"indexPrice": "3001", "fundingRate": "0.0001"},
                    }
                ],
            },
            "fct_open_interest",
            {
                **{"instrument": "ETHUSDT", "observed_at": "2026-06-30 12:00:00"},
                **{"oi_base": 1000, "oi_usd": 3000000},
            },
            {"category": "USDT-FUTURES"},
        ),
        Observation(
            "the recorded shares of accounts are 3.39, whatever the quotient says",
            RATIOS_RECORDED,
            f"{RATIOS}/account-long-short",
            {
                **{"code": "00000", "msg": "success", "requestTime": 1758612172170},
                "data": [
                    {
                        **{"longAccountRatio": "0.7724", "shortAccountRatio": "0.2276"},
                        **{"longShortAccountRatio": "0.0339", "ts": "1758603000000"},
                    },
                ],
            },
            "fct_long_short_ratio",
            {
                **{"instrument": "BTCUSDT", "ratio_kind": "accounts"},
                **{"observed_at": "2025-09-23 04:50:00", "long_short_ratio": 3.3937},
            },
            {"symbol": "BTCUSDT", "period": "5m"},
        ),
        Observation(
            "the recorded shares of positions, and one of a period that is running",
            RATIOS_RECORDED,
            f"{RATIOS}/position-long-short",
            {
                **{"code": "00000", "msg": "success", "requestTime": 1782820801000},
                "data": [
                    {
                        **{"longPositionRatio": "0.5061", "shortPositionRatio": "0.4939"},
                        **{"longShortPositionRatio": "0.0102", "ts": "1758602400000"},
                    },
                    {
                        **{"longPositionRatio": "0.5058", "shortPositionRatio": "0.4942"},
                        **{"longShortPositionRatio": "0.0102", "ts": "1782820800000"},
                    },
                ],
            },
            "fct_long_short_ratio",
            # Its only row: the period that starts at 12:00 has not ended a second later.
            {
                **{"instrument": "BTCUSDT", "ratio_kind": "positions"},
                "long_short_ratio": 1.0247,
            },
            {"symbol": "BTCUSDT", "period": "5m"},
        ),
        Observation(
            "the recorded volumes of takers are known at their period's end",
            RATIOS_RECORDED,
            f"{RATIOS}/taker-buy-sell",
            {
                **{"code": "00000", "msg": "success", "requestTime": 1758610429242},
                "data": [
                    {
                        **{"sellVolume": "61.87730903", "buyVolume": "21.44177026"},
                        "ts": "1758601500000",
                    },
                ],
            },
            "fct_long_short_ratio",
            # 04:25 and five minutes.
            {
                **{"instrument": "BTCUSDT", "ratio_kind": "taker_volume"},
                **{"observed_at": "2025-09-23 04:30:00", "long_short_ratio": 0.3465},
            },
            {"symbol": "BTCUSDT"},
        ),
        Observation(
            "a candle of the mark has no volume and is known at its end",
            "https://www.bitget.com/api-doc/uta/public/Get-Candle-Data",
            f"{API}/candles",
            {
                **{"code": "00000", "requestTime": 1782820801000},
                "data": [
                    ["1782820500000", "60000.5", "60100", "59900", "60050", "0", "0"],
                    ["1782820800000", "60050", "60051", "60050", "60051", "0", "0"],
                ],
            },
            "fct_prices",
            {
                **{"instrument": "BTCPERP", "observed_at": "2026-06-30 11:55:00"},
                **{"close_at": "2026-06-30 12:00:00", "price_kind": "mark", "bar_seconds": 300},
                **{"open_usd": 60000.5, "high_usd": 60100, "low_usd": 59900, "close_usd": 60050},
                "volume_base": None,
            },
            {"category": "USDC-FUTURES", "symbol": "BTCPERP", "interval": "5m", "type": "MARK"},
        ),
    ),
)
