"""OKX: liquidation-orders by stream and REST, and its context endpoints.

Everything is a string; `sz` is in contracts; `side` is the liquidation order's side; a row may hold
several details; rows are not chronological; REST keeps one day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from itertools import groupby
from typing import Any

import numpy as np

from unwind.simulator import kit
from unwind.simulator.contracts import contract, inverse
from unwind.simulator.decimals import fixed
from unwind.simulator.endpoints import grid, settlements
from unwind.simulator.exchange import as_text, rate_limited
from unwind.simulator.market.steady import DAY_MS, HOUR_MS, MINUTE_MS, jitter, steady
from unwind.simulator.responses import json_object, json_response

PERIOD_MINUTES = {
    "1m": 1, "5m": 5, "15m": 15, "30m": 30, "1H": 60, "2H": 120, "4H": 240, "12H": 720, "1D": 1440,
}  # fmt: skip
RETENTION_MS = DAY_MS
REST_DELAY_MS = (1_000, 40_000)
PUSH_WINDOW_MS = 3_000
FIVE_MINUTE_HISTORY_MS = 2 * DAY_MS
FUNDING_HISTORY_MS = 90 * DAY_MS
# Rows at the bounds of a page are left out; `after` bounds it above.
PAGE = kit.Window("before", "after", after=True, before=True)
PERIODS = kit.Window("begin", "end", before=True)

# As OKX lists them: base coins a contract.
CONTRACT_SIZES = {
    "BTC": 0.01, "ETH": 0.1, "SOL": 1.0, "XRP": 100.0, "DOGE": 1000.0, "BNB": 0.01, "ADA": 100.0,
    "HYPE": 0.1, "LINK": 1.0, "AVAX": 1.0, "SUI": 1.0, "PEPE": 10_000_000.0, "LTC": 1.0,
    "TRX": 1000.0,
}  # fmt: skip
INVERSE = ("BTC", "ETH", "SOL", "XRP", "DOGE", "ADA", "LTC")
INVERSE_SHARE = 0.10
# Margined in dollars: a swap and a dated contract, as shares of the venue's trade in BTC.
DOLLAR_MARGINED = {"BTC-USD_UM-SWAP": 0.03, "BTC-USD_UM-260327": 0.01}
# 2026-03-27 08:00, of the dated contract.
EXPIRES_AT_MS = "1774598400000"
CONNECTION_MARK = "a4d3ae55"
THROTTLED = {"code": "50011", "data": [], "msg": "Too Many Requests"}


def refusal(code: str, message: str) -> kit.RefusedError:
    """An error code inside HTTP 200."""
    return kit.RefusedError(json_response({"code": code, "data": [], "msg": message}))


def family(contract: kit.Instrument) -> str:
    return contract.symbol.rpartition("-")[0]


def underlying(contract: kit.Instrument) -> str:
    """The index behind a contract: that of BTC-USD_UM-SWAP is BTC-USD."""
    return family(contract).removesuffix("_UM")


def kind(contract: kit.Instrument) -> str:
    """SWAP or FUTURES."""
    return contract.market.upper()


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A swap in USDT, one in coins of some, and of BTC those margined in dollars."""
    name = asset.symbol
    coin = INVERSE_SHARE if name in INVERSE else 0.0
    in_dollars = DOLLAR_MARGINED if name == "BTC" else {}
    common: dict[str, Any] = {"size": CONTRACT_SIZES[name], "decimals": 2}
    share = 1 - coin - sum(in_dollars.values())
    yield contract(asset, f"{name}-USDT-SWAP", share, market="swap", **common)
    for symbol, part in in_dollars.items():
        market = "swap" if symbol.endswith("-SWAP") else "futures"
        yield contract(asset, symbol, part, market=market, quote="USD", **common)
    if coin:
        size = 100.0 if name == "BTC" else 10.0
        yield inverse(asset, f"{name}-USD-SWAP", coin, market="swap", size=size, decimals=1)


# -- liquidations ----------------------------------------------------------------------------------


def detail(one: kit.Liquidation) -> dict[str, str]:
    """One detail of a liquidation-orders row; most accounts are in one-way mode (`net`)."""
    hedged = steady("hedge mode", one.position_number) < 0.4
    return {
        "bkLoss": "0",
        "bkPx": one.price(one.bankruptcy_ticks),
        "ccy": "",
        "posSide": ("long" if one.is_long else "short") if hedged else "net",
        "side": one.order_side,
        "sz": one.size,
        "ts": str(one.at_ms),
    }


def item(rows: Sequence[kit.Liquidation]) -> dict[str, Any]:
    """Some liquidations of one contract, in a fixed order that is not chronological."""
    contract = rows[0].contract
    disordered = sorted(rows, key=lambda one: steady("order within a message", one.row))
    return {
        "details": [detail(one) for one in disordered],
        "instFamily": family(contract),
        "instId": contract.symbol,
        "instType": kind(contract),
        "uly": underlying(contract),
    }


def frame(rows: Sequence[kit.Liquidation]) -> str:
    """A liquidation-orders frame."""
    argument = {"channel": "liquidation-orders", "instType": kind(rows[0].contract)}
    return as_text({"arg": argument, "data": [item(rows)]})


def window_end(one: kit.Liquidation) -> int:
    """The push time of a row: the end of its three seconds, with all rows of its contract."""
    return -(-one.pushed_ms // PUSH_WINDOW_MS) * PUSH_WINDOW_MS + phase_ms(one.instrument)


@cache
def phase_ms(instrument: int) -> int:
    return int(jitter(instrument, 0, 120, salt=9))


def frames(
    tape: kit.Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """Liquidations of one contract within three seconds are pushed together."""
    # Looks back by one window, so that none is cut in two.
    groups: dict[tuple[int, int], list[kit.Liquidation]] = {}
    for one in tape.records(tape.pushed_rows("okx", from_ms - PUSH_WINDOW_MS - 1000, to_ms)):
        if from_ms <= window_end(one) < to_ms and (
            symbols is None or one.contract.symbol in symbols
        ):
            groups.setdefault((window_end(one), one.instrument), []).append(one)
    return [(pushed, frame(rows)) for (pushed, _), rows in sorted(groups.items())]


def recent_frames(now: kit.Moment, count: int = 5) -> list[str]:
    """The first message of a new subscription: the last rows of swaps again."""
    rows = now.tape.pushed_rows("okx", max(now.tape.start_ms, now.now_ms - DAY_MS), now.now_ms)
    swaps = np.array([kind(one) == "SWAP" for one in now.tape.instruments])
    rows = rows[swaps[now.tape.liquidations.instrument[rows]]][-count:]
    return [frame([one]) for one in now.tape.records(rows)]


def replies(subscriber: kit.Subscriber, now: kit.Moment, text: str) -> Iterator[Any]:
    """Acknowledge each argument, and send the last rows again, as OKX does on a subscription."""
    order = json_object(text)
    if text == "ping":
        yield "pong"
    elif not order:
        yield {"event": "error", "code": "60012", "msg": f"Invalid request: {text[:80]}"}
    for argument in order.get("args", []):
        channel, operation = argument.get("channel"), order.get("op")
        if channel != "liquidation-orders" or operation not in ("subscribe", "unsubscribe"):
            problem = f"Wrong URL or channel:{channel},instId:null doesn't exist."
            yield {"event": "error", "code": "60018", "msg": problem}
            continue
        yield {"event": operation, "arg": argument, "connId": CONNECTION_MARK}
        listed = {i.symbol for i in now.contracts() if kind(i) == argument.get("instType")}
        if operation == "unsubscribe":
            subscriber.symbols -= listed
            continue
        subscriber.symbols |= listed
        if argument.get("instType") == "SWAP":
            yield from recent_frames(now)


def liquidation_orders(call: kit.Call) -> list[dict[str, Any]]:
    """REST liquidation-orders: newest first by page, out of order within it.

    Rows appear up to 40 s late and stay a day.
    """
    if call.text("instType") not in ("SWAP", "FUTURES", "MARGIN", "OPTION"):
        raise refusal("50014", "Parameter instType can not be empty")
    named = call.text("instFamily") or call.text("uly")
    if not named:
        raise refusal("50015", "Either parameter uly or instFamily is required")
    of_family = [one for one in call.contracts() if family(one) == named]
    if not of_family:
        raise refusal("51014", "Index does not exist.")
    wanted = [one for one in of_family if kind(one) == call.text("instType")]
    first, last = PAGE.of(call)
    kept = call.liquidations(call.now_ms - RETENTION_MS, call.now_ms, wanted)
    delays = jitter(np.array([one.row for one in kept]), *REST_DELAY_MS, salt=11).tolist()
    shown = [
        one
        for one, delay_ms in zip(kept, delays, strict=True)
        if first <= one.at_ms <= last and one.at_ms + delay_ms <= call.now_ms
    ]
    page = shown[::-1][: kit.Limit(100, 100).of(call)]
    # Details of one page come in a handful of rows.
    width = 1 + len(page) // 3
    by_contract = groupby(sorted(page, key=lambda one: one.instrument), lambda one: one.instrument)
    parts = [list(rows) for _, rows in by_contract]
    return [item(rows[n : n + width]) for rows in parts for n in range(0, len(rows), width)]


# -- context ---------------------------------------------------------------------------------------


def listed(call: kit.Call) -> list[kit.Instrument]:
    """The contracts of the type that a call names."""
    if not call.text("instType"):
        raise refusal("50014", "Parameter instType can not be empty")
    return [one for one in call.contracts() if kind(one) == call.text("instType")]


def each(row: Any) -> Any:
    """A row for each contract of a type."""
    return lambda call: [row(call.quote(one)) for one in listed(call)]


def listing(q: kit.Quote) -> dict[str, str]:
    contract, lot = q.contract, q.size(10.0**-q.contract.quantity_decimals)
    base = contract.base_asset
    return {
        "alias": "",
        "baseCcy": "",
        "category": "1",
        "ctMult": "1",
        "ctType": "inverse" if contract.inverse else "linear",
        "ctVal": f"{contract.contract_size:.10g}",
        "ctValCcy": "USD" if contract.inverse else base,
        "expTime": "" if kind(contract) == "SWAP" else EXPIRES_AT_MS,
        "instFamily": family(contract),
        "instId": contract.symbol,
        "instType": kind(contract),
        "lever": "100",
        "listTime": "1611916828000",
        "lotSz": lot,
        "minSz": lot,
        "optType": "",
        "quoteCcy": "",
        "settleCcy": base if contract.inverse else contract.quote_asset,
        "state": "live",
        "stk": "",
        "tickSz": q.price(10.0**-contract.price_decimals),
        "uly": underlying(contract),
    }


def oi_texts(q: kit.Quote) -> list[str]:
    """Contracts, base coins, USD."""
    return [q.size(q.oi), fixed(q.oi_base, 8), fixed(q.oi_usd, 4)]


def open_interest(q: kit.Quote) -> dict[str, str]:
    amounts = dict(zip(("oi", "oiCcy", "oiUsd"), oi_texts(q), strict=True))
    common = {"instId": q.symbol, "instType": kind(q.contract)}
    return common | amounts | {"ts": str(q.at_ms)}


def mark_price(q: kit.Quote) -> dict[str, str]:
    price = {"markPx": q.price(q.mark), "ts": str(q.at_ms)}
    return {"instId": q.symbol, "instType": kind(q.contract)} | price


def periods(call: kit.Call, contract: kit.Instrument, start_ms: int, end_ms: int) -> range:
    """Instants on the period's grid; of five minutes two days are kept."""
    period = call.text("period", "5m")
    if period not in PERIOD_MINUTES:
        raise refusal("51000", "Parameter period error")
    step, tape = PERIOD_MINUTES[period] * MINUTE_MS, call.tape
    kept = call.now_ms - FIVE_MINUTE_HISTORY_MS if period == "5m" else 0
    return grid(step, max(start_ms, tape.start_ms + step, kept), min(end_ms, tape.end_ms))


def past_open_interest(q: kit.Quote) -> list[str]:
    return [str(q.at_ms), *oi_texts(q)]


def ratio(q: kit.Quote) -> list[str]:
    return [str(q.at_ms), fixed(q.ratio("accounts"), 4)]


def funding_times(call: kit.Call, contract: kit.Instrument, start_ms: int, end_ms: int) -> range:
    return settlements(call, contract, max(start_ms, call.now_ms - FUNDING_HISTORY_MS), end_ms)


def settled(q: kit.Quote) -> dict[str, str]:
    rate = fixed(q.rate, 10)
    return {
        "instType": "SWAP",
        "instId": q.symbol,
        "fundingRate": rate,
        "realizedRate": rate,
        "fundingTime": str(q.at_ms),
        "method": "current_period",
        "formulaType": "noRate",
    }


def running_rate(q: kit.Quote) -> dict[str, str]:
    step = q.contract.funding_interval_hours * HOUR_MS
    return {
        "instId": q.symbol,
        "instType": "SWAP",
        "method": "current_period",
        "formulaType": "noRate",
        "fundingRate": fixed(q.rate, 10),
        "fundingTime": str(q.settles_ms),
        "nextFundingRate": "",
        "nextFundingTime": str(q.settles_ms + step),
        "interestRate": "0.0001",
        "maxFundingRate": "0.00375",
        "minFundingRate": "-0.00375",
        "settState": "settled",
        "settFundingRate": fixed(q.at(q.settles_ms - step).rate, 10),
        "premium": fixed(q.premium, 10),
        "ts": str(q.at_ms),
    }


def funding_rate(call: kit.Call) -> list[dict[str, str]]:
    """Of one contract or (`ANY`) of all swaps."""
    named = call.text("instId")
    wanted: Iterable[kit.Instrument] = (
        call.contracts("swap") if named == "ANY" else [call.contract(named)]
    )
    return [running_rate(call.quote(one)) for one in wanted]


def index_tickers(call: kit.Call) -> list[dict[str, str]]:
    """The indices of a quote currency."""
    if not call.text("quoteCcy"):
        raise refusal("50014", "Parameter quoteCcy can not be empty")
    indices = {
        underlying(one): call.quote(one)
        for one in call.contracts()
        if one.quote_asset == call.text("quoteCcy")
    }
    return [
        {"instId": name, "idxPx": q.price(q.index), "ts": str(q.at_ms)}
        for name, q in indices.items()
    ]


def newest(row: Any, times: Any, window: kit.Window, default: int, most: int) -> kit.History:
    """A contract's figures, newest first."""
    limit = kit.Limit(default, most)
    return kit.History(row, times, window, limit, newest_first=True, symbol="instId")


PUBLIC, RUBIK = "/api/v5/public", "/api/v5/rubik/stat/contracts"
NO_CONTRACT = "Instrument ID, Instrument ID code, or Spread ID doesn't exist."
API = kit.Api(
    {
        f"{PUBLIC}/liquidation-orders": liquidation_orders,
        f"{PUBLIC}/instruments": each(listing),
        f"{PUBLIC}/open-interest": each(open_interest),
        f"{PUBLIC}/mark-price": each(mark_price),
        f"{PUBLIC}/funding-rate": funding_rate,
        f"{PUBLIC}/funding-rate-history": newest(settled, funding_times, PAGE, 100, 400),
        f"{PUBLIC}/time": lambda call: [{"ts": str(call.now_ms)}],
        f"{RUBIK}/open-interest-history": newest(past_open_interest, periods, PERIODS, 100, 100),
        f"{RUBIK}/long-short-account-ratio-contract": newest(ratio, periods, PERIODS, 576, 576),
        "/api/v5/market/index-tickers": index_tickers,
    },
    lambda call, rows: {"code": "0", "data": rows, "msg": ""},
    not_listed=refusal("51001", NO_CONTRACT).response,
    unknown=json_response({"code": "404", "data": [], "msg": "404 Not Found"}, 404),
)
RULE = kit.PublicationRule("latest", price="bankruptcy")
EXCHANGE = kit.Exchange(
    "okx",
    {"okx": API},
    streams=(kit.ExchangeStream("okx_ws", frames, replies),),
    trading=kit.Trading(contracts, RULE, oi_weight=0.16, flow_weight=0.17, size_scale=0.95),
    faults={"okx": rate_limited(THROTTLED)},
    written=detail,
)
