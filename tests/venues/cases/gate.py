"""Gate: REST signs the position, frames sign the order; an hour counts one of the two."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://www.gate.com/docs/developers/apiv4/en/#list-liquidation-history"
FRAMES = "https://www.gate.com/docs/developers/futures/ws/en/#public-liquidates-notification"
API = "https://api.gateio.ws/api/v4/futures"


def _order(contract: str, size: int, fill_price: str, **more: object) -> dict:
    return {
        **{"time": 1548654951, "contract": contract, "size": size, "order_price": "3405"},
        **{"fill_price": fill_price, "left": 0, **more},
    }


def _frame(*rows: dict) -> dict:
    return {
        **{"channel": "futures.public_liquidates", "event": "update", "time": 1541505434},
        **{"time_ms": 1541505434123, "result": list(rows)},
    }


RECORDED_AT = "2023-05-24T10:29:23.953884Z"
AT = "2019-01-28 05:55:51"
PUSHED_AT = "2018-11-06 11:57:14.123"
BTC = {
    **{"name": "BTC_USDT", "quanto_multiplier": "0.0001", "mark_price": "26704.26"},
    **{"index_price": "26703.16", "funding_rate": "0.000086", "funding_interval": 28800},
    **{"position_size": 169531691, "in_delisting": False, "create_time": 0},
}
BTC_IN_USD1 = {**BTC, "name": "BTC_USD1", "position_size": 500000}
CASES = VenueCases(
    venue="gate",
    long=Message(
        "the documented 600 contracts of 0.0001 BTC at 3,424 were a long",
        DOCS,
        [_order("BTC_USDT", 600, "3424")],
        (Liquidation("BTC_USDT", "BTC", "long", "0.06", "3424", "205.44", AT, "fill_avg"),),
        url=f"{API}/usdt/liq_orders",
    ),
    short=Message(
        "below zero a short; 40 of 100 ordered contracts were left over; BTC_USD ones are a dollar",
        DOCS,
        [_order("BTC_USD", -100, "4000", order_size=100, left=40)],
        (Liquidation("BTC_USD", "BTC", "short", "0.015", "4000", "60", AT, "fill_avg"),),
        url=f"{API}/btc/liq_orders",
    ),
    non_events=(
        Message(
            "acknowledgement",
            FRAMES,
            {
                **{"time": 1545404023, "channel": "futures.public_liquidates"},
                **{"event": "subscribe", "error": None, "result": {"status": "success"}},
            },
        ),
        Message(
            "pong", FRAMES, {"time": 1, "channel": "futures.pong", "event": "", "result": None}
        ),
        Message("an hour without any", DOCS, [], url=f"{API}/usdt/liq_orders"),
        Message(
            "a frame of an hour that REST covers only reconciles",
            FRAMES,
            _frame(
                {"price": "3424", "size": "-600", "time": 1548654951100, "contract": "BTC_USDT"}
            ),
        ),
    ),
    row_at=(0,),
    required=("time", "contract", "size", "fill_price"),
    others=(
        Message(
            "100 contracts of 0.0001 BTC, settled in USD1, at 83,950",
            DOCS,
            [_order("BTC_USD1", 100, "83950")],
            (Liquidation("BTC_USD1", "BTC", "long", "0.01", "83950", "839.50", AT, "fill_avg"),),
            url=f"{API}/usd1/liq_orders",
        ),
        Message(
            "the documented frame: orders that sell close longs",
            FRAMES,
            _frame(
                {"price": "215.1", "size": "-124.5", "time": 1541486601123, "contract": "BTC_USDT"},
                {"price": 215.2, "size": "10", "time": 1541486601456, "contract": "BTC_USDT"},
            ),
            (
                Liquidation(
                    *("BTC_USDT", "BTC", "long", "0.01245", "215.1", "2.678"),
                    *("2018-11-06 06:43:21.123", "unknown"),
                    published_at=PUSHED_AT,
                ),
                Liquidation(
                    *("BTC_USDT", "BTC", "short", "0.001", "215.2", "0.2152"),
                    *("2018-11-06 06:43:21.456", "unknown"),
                    published_at=PUSHED_AT,
                ),
            ),
        ),
        Message(
            "until 2026-08-20 frames had seconds",
            FRAMES,
            _frame({"price": "215.1", "size": "-20", "time": 1541480000, "contract": "BTC_USDT"}),
            (
                Liquidation(
                    *("BTC_USDT", "BTC", "long", "0.002", "215.1", "0.4302"),
                    *("2018-11-06 04:53:20", "unknown"),
                    published_at=PUSHED_AT,
                ),
            ),
        ),
    ),
    context=(
        Observation(
            "contracts settled in USD1",
            "https://www.gate.com/docs/developers/apiv4/en/#list-all-futures-contracts",
            f"{API}/usd1/contracts",
            [BTC_IN_USD1],
            "fct_open_interest",
            {"instrument": "BTC_USD1", "oi_contracts": 500000, "oi_base": 50},
            received_at=RECORDED_AT,
        ),
        Observation(
            "the recorded contract's size",
            "recorded by cryptofeed",
            f"{API}/usdt/contracts",
            [BTC],
            "dim_instruments",
            {"instrument": "BTC_USDT", "contract_type": "linear", "contract_size": 0.0001},
            received_at=RECORDED_AT,
        ),
        Observation(
            "open interest of so many contracts",
            "recorded by cryptofeed",
            f"{API}/usdt/contracts",
            [BTC],
            "fct_open_interest",
            {"instrument": "BTC_USDT", "oi_contracts": 169531691, "oi_base": 16953.1691},
            received_at=RECORDED_AT,
        ),
        Observation(
            "statistics of five minutes",
            "https://www.gate.com/docs/developers/apiv4/en/#futures-stats",
            f"{API}/usdt/contract_stats",
            [
                {
                    **{"time": 1782820800, "open_interest": 5000, "open_interest_usd": 1500000.5},
                    **{"mark_price": 3000.5, "lsr_account": 1.25, "lsr_taker": 0.9},
                    **{"top_lsr_account": 1.1, "top_lsr_size": 1.3, "long_liq_usd": 12.5},
                }
            ],
            "fct_long_short_ratio",
            {
                **{"instrument": "ETH_USDT", "observed_at": "2026-06-30 12:00:00"},
                **{"ratio_kind": "accounts", "long_short_ratio": 1.25},
            },
            {"contract": "ETH_USDT"},
        ),
    ),
)
