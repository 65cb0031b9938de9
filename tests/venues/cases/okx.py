"""OKX: `side` names the liquidation order, `sz` counts contracts."""

from tests.venues.cases import Liquidation, Message, Observation, VenueCases

DOCS = "https://www.okx.com/docs-v5/en/#public-data-rest-api-get-liquidation-orders"
API = "https://www.okx.com/api/v5"


def _detail(side: str, position: str, size: str, price: str, at_ms: str) -> dict:
    return {
        **{"bkLoss": "0", "bkPx": price, "ccy": "", "posSide": position, "side": side},
        **{"sz": size, "ts": at_ms},
    }


def _item(instrument: str, *details: dict) -> dict:
    family = instrument.removesuffix("-SWAP")
    return {
        **{"details": list(details), "instFamily": family, "instId": instrument},
        **{"instType": "SWAP", "uly": family},
    }


def _frame(*items: dict) -> dict:
    return {"arg": {"channel": "liquidation-orders", "instType": "SWAP"}, "data": list(items)}


AT = "2023-08-17 10:00:34.010"
CASES = VenueCases(
    venue="okx",
    long=Message(
        "5 contracts of BTC-USD-SWAP are 500 USD at any price",
        DOCS,
        _frame(_item("BTC-USD-SWAP", _detail("sell", "long", "5", "60000", "1692266434010"))),
        (
            Liquidation(
                *("BTC-USD-SWAP", "BTC", "long", "0.008333333333", "60000", "500", AT),
                "bankruptcy",
            ),
        ),
    ),
    short=Message(
        "buy closes a short of 30 contracts of 0.01 BTC",
        DOCS,
        _frame(_item("BTC-USDT-SWAP", _detail("buy", "net", "30", "22376.9", "1692266434010"))),
        (
            Liquidation(
                *("BTC-USDT-SWAP", "BTC", "short", "0.3", "22376.9", "6713.07", AT), "bankruptcy"
            ),
        ),
    ),
    non_events=(
        Message("pong", DOCS, "pong"),
        Message(
            "acknowledgement",
            DOCS,
            {"event": "subscribe", "arg": {"channel": "liquidation-orders"}, "connId": "a4d3ae55"},
        ),
        Message(
            "another channel",
            DOCS,
            {"arg": {"channel": "mark-price"}, "data": [{"instId": "BTC-USDT-SWAP"}]},
        ),
        Message(
            "an answer without rows",
            DOCS,
            {"code": "0", "msg": "", "data": []},
            url=f"{API}/public/liquidation-orders",
        ),
        Message(
            "throttled inside HTTP 200",
            DOCS,
            {"code": "50011", "msg": "Too Many Requests", "data": []},
            url=f"{API}/public/liquidation-orders",
        ),
    ),
    row_at=("data", 0, "details", 0),
    required=("side", "sz", "bkPx", "ts"),
    others=(
        Message(
            "3 contracts of 0.01 BTC that are margined in dollars, at 84,000",
            DOCS,
            _frame(_item("BTC-USD_UM-SWAP", _detail("sell", "net", "3", "84000", "1692266434010"))),
            (
                Liquidation(
                    *("BTC-USD_UM-SWAP", "BTC", "long", "0.03", "84000", "2520", AT), "bankruptcy"
                ),
            ),
        ),
        Message(
            "an answer lists several orders of one contract",
            DOCS,
            {
                "code": "0",
                "data": [
                    _item(
                        "ETH-USD-SWAP",
                        _detail("sell", "long", "3", "2000", "1692266434010"),
                        _detail("buy", "short", "4", "2000", "1692266435010"),
                    )
                ],
            },
            (
                Liquidation("ETH-USD-SWAP", "ETH", "long", "0.015", "2000", "30", AT, "bankruptcy"),
                Liquidation(
                    *("ETH-USD-SWAP", "ETH", "short", "0.02", "2000", "40"),
                    *("2023-08-17 10:00:35.010", "bankruptcy"),
                ),
            ),
            url=f"{API}/public/liquidation-orders",
        ),
    ),
    context=(
        Observation(
            "a contract margined in dollars is linear",
            "https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments",
            f"{API}/public/instruments",
            {
                "code": "0",
                "data": [
                    {
                        **{"instId": "BTC-USD_UM-SWAP", "instType": "SWAP", "uly": "BTC-USD"},
                        **{"instFamily": "BTC-USD_UM", "ctVal": "0.01", "ctMult": "1"},
                        **{"ctValCcy": "BTC", "ctType": "linear", "settleCcy": "USD"},
                        **{"state": "live", "listTime": "1611916828000"},
                    }
                ],
            },
            "dim_instruments",
            {"instrument": "BTC-USD_UM-SWAP", "contract_type": "linear", "contract_size": 0.01},
        ),
        Observation(
            "a contract's size is ctVal times ctMult",
            "https://www.okx.com/docs-v5/en/#public-data-rest-api-get-instruments",
            f"{API}/public/instruments",
            {
                "code": "0",
                "data": [
                    {
                        **{"instId": "SOL-USDT-SWAP", "instType": "SWAP", "instFamily": "SOL-USDT"},
                        **{"ctVal": "1", "ctMult": "1", "ctValCcy": "SOL", "ctType": "linear"},
                        **{"state": "live", "listTime": "1611916828000"},
                    }
                ],
            },
            "dim_instruments",
            {"instrument": "SOL-USDT-SWAP", "contract_type": "linear", "contract_size": 1},
        ),
    ),
)
