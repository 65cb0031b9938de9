"""BitMEX: `side` names the liquidation order, contracts are dollars, coins or satoshis."""

from tests.venues.cases import RECEIVED_AT, Liquidation, Message, Observation, VenueCases

DOCS = "https://www.bitmex.com/app/wsAPI"
AT = "2026-06-30 12:00:01"


def _frame(action: str, *rows: dict) -> dict:
    return {"table": "liquidation", "action": action, "data": list(rows)}


def _order(order_id: str, symbol: str, side: str, price: float, contracts: int) -> dict:
    order = {"orderID": order_id, "symbol": symbol, "side": side}
    return order | {"price": price, "leavesQty": contracts}


def _instrument(symbol: str, **more: object) -> dict:
    return {
        **{"symbol": symbol, "typ": "FFWCSX", "state": "Open", "quoteCurrency": "USD"},
        **{"settlCurrency": "XBt", "isQuanto": False, "isInverse": False},
        **{"listing": "2016-05-13T12:00:00.000Z", "timestamp": "2026-06-30T11:59:00.000Z"},
        **more,
    }


LISTING = [
    _instrument(
        "XBTUSD",
        **{"underlying": "XBT", "isInverse": True, "multiplier": -100000000, "markPrice": 60010},
        **{"indicativeSettlePrice": 60000, "openInterest": 574264600},
        **{"openValue": 957107666667, "fundingRate": 0.0001},
        fundingInterval="2000-01-01T08:00:00.000Z",
    ),
    _instrument(
        "ETHUSD",
        **{"underlying": "ETH", "isQuanto": True, "multiplier": 100, "markPrice": 3000},
        **{"indicativeSettlePrice": 3001, "openInterest": 1403475, "openValue": 421042500000},
    ),
    _instrument(
        "XBTUSDT",
        **{"underlying": "XBT", "quoteCurrency": "USDT", "settlCurrency": "USDt"},
        **{"multiplier": 1, "underlyingToPositionMultiplier": 1000000, "markPrice": 60000},
        **{"indicativeSettlePrice": 60000, "openInterest": 5000000, "openValue": 300000000000},
    ),
]
TYPES = "https://docs.bitmex.com/api-explorer/get-instruments"
LISTING.append(
    _instrument(
        "TSLAUSDT",
        **{"typ": "FFSCSX", "underlying": "TSLA", "quoteCurrency": "USDT", "settlCurrency": "USDt"},
        **{"multiplier": 1000, "underlyingToPositionMultiplier": 1000, "markPrice": 430.1},
        **{"indicativeSettlePrice": 430, "openInterest": 500000, "openValue": 215000000},
    )
)
ACTIVE = "https://www.bitmex.com/api/v1/instrument/active"
CASES = VenueCases(
    venue="bitmex",
    long=Message(
        "Sell closes a long of as many dollars as contracts",
        DOCS,
        _frame("insert", _order("00000000-0001", "XBTUSD", "Sell", 60000, 6000)),
        (Liquidation("XBTUSD", "BTC", "long", "0.1", "60000", "6000", AT, "limit_order"),),
    ),
    short=Message(
        "the recorded Buy is a short of 9,214 USD",
        "tardis-node's tests",
        _frame(
            "insert", _order("dd9cea25-207c-0dab-15b5-b88da776f500", "XBTUSD", "Buy", 10106, 9214)
        ),
        (
            Liquidation(
                "XBTUSD", "BTC", "short", "0.911735602612", "10106", "9214", AT, "limit_order"
            ),
        ),
    ),
    non_events=(
        Message("the first partial", DOCS, _frame("partial")),
        Message(
            "a partial after a reconnect lists what was open before",
            DOCS,
            _frame("partial", _order("00000000-0002", "XBTUSD", "Sell", 60000, 100)),
        ),
        Message(
            "an update carries what is left",
            DOCS,
            _frame("update", {"orderID": "00000000-0001", "symbol": "XBTUSD", "leavesQty": 10}),
        ),
        Message(
            "a delete carries keys alone",
            DOCS,
            _frame("delete", {"orderID": "00000000-0001", "symbol": "XBTUSD"}),
        ),
        Message("welcome", DOCS, {"info": "Welcome to the BitMEX Realtime API.", "version": "2"}),
        Message("acknowledgement", DOCS, {"success": True, "subscribe": "liquidation"}),
        Message("pong", DOCS, "pong"),
    ),
    row_at=("data", 0),
    required=("orderID", "symbol", "side", "price", "leavesQty"),
    others=(
        Message(
            "20,000 contracts of a thousandth of a share at 430",
            TYPES,
            _frame("insert", _order("00000000-0005", "TSLAUSDT", "Sell", 430, 20000)),
            (Liquidation("TSLAUSDT", "TSLA", "long", "20", "430", "8600", AT, "limit_order"),),
        ),
        Message(
            "a dated contract in dollars is a dollar each",
            TYPES,
            _frame("insert", _order("00000000-0006", "XBTUSDH26", "Buy", 50000, 1000)),
            (Liquidation("XBTUSDH26", "BTC", "short", "0.02", "50000", "1000", AT, "limit_order"),),
        ),
        Message(
            "a quanto contract pays in XBT: 1000 x 0.000001 x 3000 = 3 XBT at 60,000",
            DOCS,
            _frame("insert", _order("00000000-0003", "ETHUSD", "Sell", 3000, 1000)),
            (Liquidation("ETHUSD", "ETH", "long", "60", "3000", "180000", AT, "limit_order"),),
        ),
        Message(
            "a linear contract is a millionth of a coin",
            DOCS,
            _frame("insert", _order("00000000-0004", "XBTUSDT", "Buy", 60000, 50000)),
            (Liquidation("XBTUSDT", "BTC", "short", "0.05", "60000", "3000", AT, "limit_order"),),
        ),
    ),
    context=tuple(
        Observation(name, "recorded by cryptofeed", ACTIVE, LISTING, table, row, None, RECEIVED_AT)
        for name, table, row in (
            (
                "quanto size in XBT",
                "dim_instruments",
                {"instrument": "ETHUSD", "contract_type": "quanto", "contract_size": 0.000001},
            ),
            (
                "linear size in coins",
                "dim_instruments",
                {"instrument": "XBTUSDT", "contract_type": "linear", "contract_size": 0.000001},
            ),
            (
                "inverse open interest is dollars",
                "fct_open_interest",
                {"instrument": "XBTUSD", "oi_usd": 574264600, "oi_contracts": 574264600},
            ),
            (
                "an interval is written as a date",
                "fct_funding",
                {"instrument": "XBTUSD", "is_settled": False, "interval_hours": 8},
            ),
            (
                "mark price",
                "fct_prices",
                {"instrument": "ETHUSD", "price_kind": "mark", "close_usd": 3000},
            ),
        )
    ),
)
