"""HTX: liquidation orders by stream (gzip) and REST (v5 linear, v3 coin contracts), and its lists.

`side` and `direction` name the order, `volume` counts contracts, prices are bankruptcy prices.
"""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract, inverse
from unwind.simulator.decimals import fixed
from unwind.simulator.exchange import per_push, rate_limited
from unwind.simulator.market.steady import HOUR_MS, MINUTE_MS
from unwind.simulator.responses import json_object, json_response, json_text

# Coins in one linear contract.
CONTRACT_SIZES = {
    "BTC": 0.001, "ETH": 0.01, "SOL": 0.1, "XRP": 10.0, "DOGE": 100.0, "BNB": 0.01, "ADA": 10.0,
    "LINK": 0.1, "AVAX": 0.1, "SUI": 1.0, "LTC": 0.1, "TRX": 100.0,
}  # fmt: skip
COIN_MARGINED = ("BTC", "ETH", "XRP", "LTC", "ADA")
COIN_SHARE = 0.15
MARKETS = {"/linear-swap-notification": "usdt", "/swap-notification": "coin"}
TOPIC = "public.*.liquidation_orders"
FIRST_ID = 150_000_000_000
WINDOW = kit.Window("start_time", "end_time")
MAX_WINDOW_MS = 2 * HOUR_MS
PAGE_ROWS = 100
FIVE_MINUTES_MS = 5 * MINUTE_MS
PING_SECONDS = 5.0
THROTTLED = {
    "status": "error",
    "err_code": 1032,
    "err_msg": "The number of access exceeded.",
    "ts": 0,
}


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A perpetual in USDT, and a coin-margined one of some."""
    name = asset.symbol
    if name not in CONTRACT_SIZES:
        return
    coin = COIN_SHARE if name in COIN_MARGINED else 0.0
    size = CONTRACT_SIZES[name]
    yield contract(asset, f"{name}-USDT", 1 - coin, market="usdt", size=size, decimals=0)
    if coin:
        size = 100.0 if name == "BTC" else 10.0
        yield inverse(asset, f"{name}-USD", coin, market="coin", size=size)


# -- liquidations ----------------------------------------------------------------------------------


def turnover(one: kit.Liquidation) -> float:
    """What an order is worth: in USDT, or in dollars of coin contracts."""
    face = one.contract.contract_size * one.quantity_steps
    return (
        face if one.contract.inverse else round(face * one.bankruptcy_ticks / one.price_scale, 10)
    )


def order(one: kit.Liquidation) -> dict[str, Any]:
    """The row of frames and of v3."""
    return {
        "symbol": one.contract.asset,
        "contract_code": one.contract.symbol,
        "direction": one.order_side,
        "offset": "close",
        "volume": one.quantity_steps,
        "price": one.bankruptcy_ticks / one.price_scale,
        "created_at": one.at_ms,
        "amount": round(one.quantity_steps * one.contract.contract_size, 8),
        "trade_turnover": turnover(one),
    }


def order_v3(one: kit.Liquidation) -> dict[str, Any]:
    return order(one) | {"query_id": one.row + FIRST_ID}


def order_v5(one: kit.Liquidation) -> dict[str, str]:
    return {
        "id": str(one.row + FIRST_ID),
        "contract_code": one.contract.symbol,
        "liquidation_time": str(one.at_ms),
        "side": one.order_side,
        "position_side": "long" if one.is_long else "short",
        "volume": str(one.quantity_steps),
        "amount": str(one.quantity_steps),
        "bankrupt_price": one.price(one.bankruptcy_ticks),
        "trade_turnover": fixed(turnover(one), 10),
    }


def messages(push: kit.Push) -> Iterator[dict[str, Any]]:
    """One notification a contract and push."""
    yield {
        "op": "notify",
        "topic": f"public.{push.contract.symbol}.liquidation_orders",
        "ts": push.at_ms,
        "data": [order(one) for one in push.rows],
    }


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> list[Any]:
    """A path is of one kind of margin; a pong needs no answer."""
    request = json_object(text)
    if request.get("op") == "pong":
        subscriber.unanswered = 0
        return []
    if request.get("op") != "sub" or request.get("topic") != TOPIC:
        return [{"op": "error", "err-code": 2011, "err-msg": "topic error"}]
    market = MARKETS.get(subscriber.path, "dated")
    subscriber.symbols |= {one.symbol for one in now.contracts(market)}
    common = {"op": "sub", "cid": request.get("cid"), "topic": TOPIC}
    return [common | {"ts": now.now_ms, "err-code": 0}]


def problem(call: kit.Call, code: int, text: str) -> kit.Response:
    return json_response({"status": "error", "err_code": code, "err_msg": text, "ts": call.now_ms})


def orders(
    market: str, row: Callable[[kit.Liquidation], Any], code: str, after: str
) -> kit.Endpoint:
    """A contract's orders of two hours at most, oldest first, after an id."""

    def endpoint(call: kit.Call) -> kit.Response:
        contract = call.contract(call.text(code), market)
        start, end = WINDOW.of(call)
        if end - start > MAX_WINDOW_MS:
            raise kit.RefusedError(problem(call, 1067, "time range is over two hours"))
        last_id = call.integer(after)
        found = [
            row(one)
            for one in call.liquidations(start, end + 1, [contract])
            if one.row + FIRST_ID > last_id
        ]
        body = {"code": 200, "message": "Success", "data": found[:PAGE_ROWS], "ts": call.now_ms}
        return json_response(body)

    return endpoint


# -- lists and histories ---------------------------------------------------------------------------


def info(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.contract.asset,
        "contract_code": q.symbol,
        "contract_size": q.contract.contract_size,
        "price_tick": 10.0**-q.contract.price_decimals,
        "create_date": "20201021",
        "contract_status": 1,
    }


def value(q: kit.Quote) -> dict[str, float]:
    """Of linear contracts, in USDT."""
    return {} if q.contract.inverse else {"value": round(q.oi_usd, 4)}


def open_interest(q: kit.Quote) -> dict[str, Any]:
    return {
        "symbol": q.contract.asset,
        "contract_code": q.symbol,
        "volume": round(q.oi),
        "amount": round(q.oi_base, 6),
        **value(q),
    }


def running_rate(q: kit.Quote) -> dict[str, Any]:
    return {
        "contract_code": q.symbol,
        "symbol": q.contract.asset,
        "funding_rate": fixed(q.rate, 15),
        "funding_time": str(q.at_ms),
    }


def index(q: kit.Quote) -> dict[str, Any]:
    return {"contract_code": q.symbol, "index_price": q.rounded(q.index), "index_ts": q.at_ms}


def settled(q: kit.Quote) -> dict[str, str]:
    rate = fixed(q.rate, 15)
    return {
        "contract_code": q.symbol,
        "funding_time": str(q.at_ms),
        "funding_rate": rate,
        "realized_rate": rate,
    }


def past_open_interest(call: kit.Call, contract: kit.Instrument) -> list[dict[str, Any]]:
    """What was open at each full hour, newest first; the running hour's changes until it ends."""
    newest = call.now_ms // HOUR_MS * HOUR_MS
    oldest = max(newest - (call.integer("size", 48) - 1) * HOUR_MS, call.tape.start_ms)
    rows = []
    for at_ms in range(newest, oldest - 1, -HOUR_MS):
        q = call.quote(contract, call.now_ms if at_ms == newest else at_ms)
        rows.append({"volume": round(q.oi), "amount_type": 1, "ts": at_ms, **value(q)})
    return rows


def mark_bars(call: kit.Call, contract: kit.Instrument) -> list[dict[str, Any]]:
    """The newest five-minute bars, the running one included."""
    tape, minutes = call.tape, 5
    passed = (call.now_ms - tape.start_ms) // MINUTE_MS
    first = max(0, passed // minutes * minutes - (call.integer("size", 1) - 1) * minutes)
    known = min(passed, tape.minutes)
    bars = tape.bars(contract.asset, first, known, minutes) if known > first else []
    names = ("open", "high", "low", "close")
    prices = [
        [round(price * contract.multiplier, contract.price_decimals) for price in bar[:4]]
        for bar in bars
    ]
    return [
        {"id": (tape.start_ms + (first + place * minutes) * MINUTE_MS) // 1000}
        | dict(zip(names, bar, strict=True))
        for place, bar in enumerate(prices)
    ]


def ratios(kind: str) -> Callable[[kit.Call, kit.Instrument], list[dict[str, Any]]]:
    """Of an hour; only accounts can be locked, holding as much long as short."""
    locked = {"locked_ratio": 0.0} if kind == "top_accounts" else {}

    def rows(call: kit.Call, contract: kit.Instrument) -> list[dict[str, Any]]:
        newest = call.now_ms // FIVE_MINUTES_MS * FIVE_MINUTES_MS
        found = []
        for at_ms in range(newest - 11 * FIVE_MINUTES_MS, call.now_ms + 1, FIVE_MINUTES_MS):
            ratio = call.quote(contract, at_ms).ratio(kind)
            shares = {"buy_ratio": round(ratio / (1 + ratio), 4)}
            shares |= {"sell_ratio": round(1 / (1 + ratio), 4)}
            found.append(shares | locked | {"ts": at_ms})
        return found

    return rows


# -- the API ---------------------------------------------------------------------------------------


def of_contract(
    market: str, rows: Callable[[kit.Call, kit.Instrument], Any], name: str = ""
) -> Callable[[kit.Call], Any]:
    """Rows of the contract that `contract_code` names, below `name` if there is one."""

    def endpoint(call: kit.Call) -> Any:
        found = rows(call, call.contract(call.text("contract_code"), market))
        return {name: found} if name else found

    return endpoint


def settled_rows(call: kit.Call, contract: kit.Instrument) -> list[Any]:
    history = kit.History(
        settled,
        limit=kit.Limit(20, name="page_size"),
        newest_first=True,
        contract=lambda call: contract,
    )
    return history(call)


def margin(market: str, swap: str, kline: str) -> dict[str, kit.Endpoint]:
    """The endpoints of one kind of margin: below /linear-swap-api or /swap-api."""
    by_code = {
        "swap_historical_funding_rate": of_contract(market, settled_rows, "data"),
        "swap_his_open_interest": of_contract(market, past_open_interest, "tick"),
        "swap_elite_account_ratio": of_contract(market, ratios("top_accounts"), "list"),
        "swap_elite_position_ratio": of_contract(market, ratios("top_positions"), "list"),
    }
    lists = {
        "swap_contract_info": kit.Snapshot(info, market),
        "swap_open_interest": kit.Snapshot(open_interest, market),
        "swap_batch_funding_rate": kit.Snapshot(running_rate, market),
        "swap_index": kit.Snapshot(index, market),
    }
    return {
        **{f"{swap}/v1/{name}": endpoint for name, endpoint in (by_code | lists).items()},
        f"/index/market/history/{kline}": of_contract(market, mark_bars),
    }


API = kit.Api(
    {
        **margin("usdt", "/linear-swap-api", "linear_swap_mark_price_kline"),
        **margin("coin", "/swap-api", "swap_mark_price_kline"),
        "/v5/market/liquidation_orders": orders("usdt", order_v5, "contract_code", "from"),
        "/swap-api/v3/swap_liquidation_orders": orders("coin", order_v3, "contract", "from_id"),
    },
    lambda call, data: {"status": "ok", "data": data, "ts": call.now_ms},
    not_listed=lambda call: problem(call, 1332, "contract not found"),
)
RULE = kit.PublicationRule("all", price="bankruptcy")
EXCHANGE = kit.Exchange(
    "htx",
    {"htx": API},
    streams=(
        kit.ExchangeStream(
            "htx_ws",
            per_push("htx", messages),
            replies,
            pack=lambda text: gzip.compress(text.encode(), mtime=0),
            beat=kit.Heartbeat(
                PING_SECONDS, lambda now_ms: json_text({"op": "ping", "ts": str(now_ms)}), 3
            ),
        ),
    ),
    trading=kit.Trading(contracts, RULE, oi_weight=0.05, flow_weight=0.05, size_scale=1.1),
    faults={"htx": rate_limited(THROTTLED)},
    written=order,
)
