"""Bitget: `side` names the position, `amount` is its value in quote coin."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

RECORDED = "tardis-node's tests"
DOCS = "https://www.bitget.com/api-doc/uta/websocket/public/Liquidation-Channel"
API = "https://api.bitget.com/api/v3/market"
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
    ),
)
