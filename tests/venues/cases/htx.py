"""HTX: `direction` and `side` name the order; `volume` counts contracts."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

RECORDED = "tardis-node's tests"
DOCS = "https://www.htx.com/en-us/opend/newApiPages/"
API = "https://api.hbdm.com"


def _frame(topic: str, pushed_ms: int, **row: object) -> dict:
    return {
        **{"op": "notify", "topic": f"public.{topic}.liquidation_orders", "ts": pushed_ms},
        "data": [{"offset": "close", **row}],
    }


CASES = VenueCases(
    venue="htx",
    long=Message(
        "the recorded sale of 227 contracts of 0.001 BTC was a long",
        RECORDED,
        _frame(
            "BTC-USDT",
            1608226502344,
            **{"symbol": "BTC", "contract_code": "BTC-USDT", "direction": "sell", "volume": 227},
            **{"price": 23350.5, "created_at": 1608226502284, "amount": 0.227},
            trade_turnover=5300.5635,
        ),
        (
            Liquidation(
                *("BTC-USDT", "BTC", "long", "0.227", "23350.5", "5300.5635"),
                *("2020-12-17 17:35:02.284", "bankruptcy"),
                published_at="2020-12-17 17:35:02.344",
            ),
        ),
    ),
    short=Message(
        "v5's two contracts are 125.957 USD, whatever `amount` says",
        "ccxt 4.5.90",
        {
            "code": 200,
            "message": "Success",
            "data": [
                {
                    **{"id": "150153038758", "contract_code": "BTC-USDT", "side": "buy"},
                    **{"liquidation_time": "1781849094165", "position_side": "short"},
                    **{"volume": "2", "amount": "2", "bankrupt_price": "62978.5"},
                    "trade_turnover": "125.957",
                }
            ],
            "ts": 1781849100000,
        },
        (
            Liquidation(
                *("BTC-USDT", "BTC", "short", "0.002", "62978.5", "125.957"),
                *("2026-06-19 06:04:54.165", "bankruptcy"),
            ),
        ),
        url=f"{API}/v5/market/liquidation_orders",
    ),
    non_events=(
        Message("ping", DOCS, {"op": "ping", "ts": "1608226502344"}),
        Message(
            "acknowledgement",
            RECORDED,
            {
                **{"op": "sub", "cid": "14", "topic": "public.BTC-USD.liquidation_orders"},
                **{"ts": 1592904821340, "err-code": 0},
            },
        ),
        Message(
            "an hour without any",
            DOCS,
            {"code": 200, "msg": "", "data": [], "ts": 1},
            url=f"{API}/swap-api/v3/swap_liquidation_orders",
        ),
        Message(
            "a frame of an hour that REST covers only reconciles",
            DOCS,
            _frame(
                "BTC-USDT",
                1781849094200,
                **{"symbol": "BTC", "contract_code": "BTC-USDT", "direction": "buy", "volume": 2},
                **{"price": 62978.5, "created_at": 1781849094170, "amount": 0.002},
                trade_turnover=125.957,
            ),
        ),
    ),
    row_at=("data", 0),
    required=("contract_code", "direction", "volume", "price", "created_at", "trade_turnover"),
    others=(
        Message(
            "the recorded dated contracts are 100 USD of BTC each",
            RECORDED,
            _frame(
                "BTC",
                1593561769911,
                **{"symbol": "BTC", "contract_code": "BTC200703", "direction": "sell"},
                **{"volume": 1450, "price": 9062.71, "created_at": 1593561769833},
            ),
            (
                Liquidation(
                    *("BTC200703", "BTC", "long", "15.999629249970", "9062.71", "145000"),
                    *("2020-07-01 00:02:49.833", "bankruptcy"),
                    published_at="2020-07-01 00:02:49.911",
                ),
            ),
        ),
        Message(
            "v3's coin contracts are 10 USD of other coins",
            DOCS,
            {
                "code": 200,
                "data": [
                    {
                        **{"query_id": 7, "symbol": "ETH", "contract_code": "ETH-USD"},
                        **{"direction": "buy", "offset": "close", "volume": 231, "price": 231},
                        **{"created_at": 1593565369833, "amount": 10, "trade_turnover": 2310},
                    }
                ],
            },
            (
                Liquidation(
                    *("ETH-USD", "ETH", "short", "10", "231", "2310"),
                    *("2020-07-01 01:02:49.833", "bankruptcy"),
                ),
            ),
            url=f"{API}/swap-api/v3/swap_liquidation_orders",
        ),
    ),
    context=(
        Observation(
            "contracts, coins and value",
            DOCS,
            f"{API}/linear-swap-api/v1/swap_open_interest",
            {
                "status": "ok",
                "data": [
                    {
                        **{"symbol": "ETH", "contract_code": "ETH-USDT", "volume": 2000},
                        **{"amount": 20.0, "value": 60000.5},
                    }
                ],
                "ts": 1782820800000,
            },
            "fct_open_interest",
            {
                **{"instrument": "ETH-USDT", "observed_at": "2026-06-30 12:00:00"},
                **{"oi_contracts": 2000, "oi_base": 20, "oi_usd": 60000.5},
            },
        ),
        Observation(
            "settled funding",
            DOCS,
            f"{API}/linear-swap-api/v1/swap_historical_funding_rate",
            {
                "status": "ok",
                "data": {
                    "data": [
                        {
                            **{"contract_code": "ETH-USDT", "funding_time": "1782806400000"},
                            **{"funding_rate": "0.0001", "realized_rate": "0.00012"},
                        }
                    ]
                },
                "ts": 1782820800000,
            },
            "fct_funding",
            {
                **{"instrument": "ETH-USDT", "funding_at": "2026-06-30 08:00:00"},
                **{"is_settled": True, "funding_rate": 0.00012, "interval_hours": 8},
            },
        ),
        Observation(
            "the recorded hour of open interest, and one that is still running",
            "ccxt 4.5.90",
            f"{API}/linear-swap-api/v1/swap_his_open_interest",
            {
                "status": "ok",
                "data": {
                    "symbol": "BTC",
                    "tick": [
                        {
                            **{"volume": "1", "amount_type": "2", "value": "1"},
                            "ts": "1782820800000",
                        },
                        {
                            **{"volume": "4385.4350000000000000", "amount_type": "2"},
                            **{"ts": "1648220400000", "value": "194059884.1850000000000000"},
                        },
                    ],
                    "contract_code": "BTC-USDT",
                },
                "ts": "1782820801000",
            },
            "fct_open_interest",
            {
                **{"instrument": "BTC-USDT", "oi_base": 4385.435, "oi_usd": 194059884.185},
                "oi_contracts": None,
            },
            {"contract_code": "BTC-USDT", "period": "60min", "amount_type": "2"},
        ),
        Observation(
            "the recorded hour of a coin contract is contracts of 10 USD",
            "ccxt 4.5.90",
            f"{API}/swap-api/v1/swap_his_open_interest",
            {
                "status": "ok",
                "data": {
                    "symbol": "CRV",
                    "tick": [{"volume": 19174.0, "amount_type": 1, "ts": 1648224000000}],
                    "contract_code": "CRV-USD",
                },
                "ts": 1648226554260,
            },
            "fct_open_interest",
            {
                **{"instrument": "CRV-USD", "observed_at": "2022-03-25 16:00:00"},
                "oi_contracts": 19174,
            },
            {"contract_code": "CRV-USD", "period": "60min", "amount_type": "1"},
        ),
        Observation(
            "shares of the top traders' positions",
            "https://huobiapi.github.io/docs/usdt_swap/v1/en/",
            f"{API}/swap-api/v1/swap_elite_position_ratio",
            {
                "status": "ok",
                "data": {
                    "list": [{"buy_ratio": 0.6, "sell_ratio": 0.4, "ts": 1782820500000}],
                    **{"symbol": "BTC", "contract_code": "BTC-USD"},
                },
                "ts": 1782820800000,
            },
            "fct_long_short_ratio",
            {
                **{"instrument": "BTC-USD", "observed_at": "2026-06-30 11:55:00"},
                **{"ratio_kind": "top_positions", "long_short_ratio": 1.5},
            },
            {"contract_code": "BTC-USD", "period": "5min"},
        ),
        Observation(
            "shares of the top traders' accounts; who is locked counts on neither side",
            "https://huobiapi.github.io/docs/usdt_swap/v1/en/",
            f"{API}/linear-swap-api/v1/swap_elite_account_ratio",
            {
                "status": "ok",
                "data": {
                    "list": [
                        {
                            **{"buy_ratio": 0.4, "sell_ratio": 0.5, "locked_ratio": 0.1},
                            "ts": 1782820500000,
                        }
                    ],
                    **{"symbol": "BTC", "contract_code": "BTC-USDT"},
                },
                "ts": 1782820800000,
            },
            "fct_long_short_ratio",
            {
                **{"instrument": "BTC-USDT", "observed_at": "2026-06-30 11:55:00"},
                **{"ratio_kind": "top_accounts", "long_short_ratio": 0.8},
            },
            {"contract_code": "BTC-USDT", "period": "5min"},
        ),
        Observation(
            "a bar of a coin contract's mark is texts, and the running one none",
            "https://www.htx.com/en-us/opend/newApiPages/?id=5d517ae2-77b6-11ed-9966-0242ac110003",
            f"{API}/index/market/history/swap_mark_price_kline",
            {
                "status": "ok",
                "data": [
                    {
                        **{"id": 1782820500, "open": "60000.5", "high": "60100"},
                        **{"low": "59900", "close": "60050", "vol": "0", "amount": "0"},
                    },
                    {
                        **{"id": 1782820800, "open": "60050", "high": "60050"},
                        **{"low": "60050", "close": "60050", "vol": "0", "amount": "0"},
                    },
                ],
                "ts": 1782820801000,
            },
            "fct_prices",
            {
                **{"instrument": "BTC-USD", "observed_at": "2026-06-30 11:55:00"},
                **{"close_at": "2026-06-30 12:00:00", "price_kind": "mark"},
                **{"open_usd": 60000.5, "close_usd": 60050, "bar_seconds": 300},
            },
            {"contract_code": "BTC-USD", "period": "5min", "size": "2"},
        ),
    ),
)
