"""CoinEx: `side` names the position in words; names come with spaces around them."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://docs.coinex.com/api/v2/futures/market/http/list-market-liquidation-history"
API = "https://api.coinex.com/v2/futures"
AT = "2023-11-14 22:13:20"


def _answer(*rows: dict) -> dict:
    return {
        **{"code": 0, "data": list(rows), "message": "OK"},
        "pagination": {"total": len(rows), "has_next": False},
    }


def _row(market: str, side: str, price: str, amount: str) -> dict:
    return {
        **{"market": market, "side": side, "liq_price": price, "liq_amount": amount},
        **{"bkr_price": price, "created_at": 1700000000000},
    }


CASES = VenueCases(
    venue="coinex",
    long=Message(
        "a long of 0.5 coins, its market with the documented space",
        DOCS,
        _answer(_row(" BTCUSDT", "long", "36000", "0.5")),
        (Liquidation("BTCUSDT", "BTC", "long", "0.5", "36000", "18000", AT, "mark"),),
        url=f"{API}/liquidation-history",
    ),
    short=Message(
        "an inverse short of 100 USD",
        DOCS,
        _answer(_row("BTCUSD", "short", "40000", "100")),
        (Liquidation("BTCUSD", "BTC", "short", "0.0025", "40000", "100", AT, "mark"),),
        url=f"{API}/liquidation-history",
    ),
    non_events=(Message("an hour without any", DOCS, _answer(), url=f"{API}/liquidation-history"),),
    row_at=("data", 0),
    required=("market", "side", "liq_price", "liq_amount", "created_at"),
    context=(
        Observation(
            "an inverse contract's open interest is dollars",
            "https://docs.coinex.com/api/v2/futures/market/http/list-market-ticker",
            f"{API}/ticker",
            {
                "code": 0,
                "data": [
                    {
                        **{"market": "BTCUSD", "open_interest_volume": "250000"},
                        **{"mark_price": "60000", "index_price": "60000"},
                    }
                ],
            },
            "fct_open_interest",
            {"instrument": "BTCUSD", "oi_usd": 250000},
        ),
        Observation(
            "the running rate and its interval",
            "https://docs.coinex.com/api/v2/futures/market/http/list-market-funding-rate",
            f"{API}/funding-rate",
            {
                "code": 0,
                "data": [
                    {
                        **{"market": "ETHUSDT", "latest_funding_rate": "0.0001"},
                        **{"next_funding_rate": "0.0002", "latest_funding_time": 1782806400000},
                        "next_funding_time": 1782820800000,
                    }
                ],
            },
            "fct_funding",
            {
                **{"instrument": "ETHUSDT", "is_settled": False},
                **{"funding_rate": 0.0002, "interval_hours": 4},
            },
        ),
    ),
)
