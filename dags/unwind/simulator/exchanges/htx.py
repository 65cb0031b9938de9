"""HTX: liquidation orders by stream (gzip) and REST (v5 linear, v3 coin contracts), and its lists.

`side` and `direction` name the order, `volume` counts contracts, prices are bankruptcy prices.
"""

from __future__ import annotations

import gzip
from typing import Any

from unwind.simulator.exchanges import Beat, Subscriber, Trading, WireStream, WireVenue, pushes
from unwind.simulator.listings import contract
from unwind.simulator.market import (
    HOUR_MS,
    LONG,
    MINUTE_MS,
    Asset,
    Instrument,
    Liquidation,
    PublicationRule,
    Tape,
)
from unwind.simulator.responses import (
    NO_SUCH_PATH,
    Answer,
    Request,
    fixed,
    json_answer,
    json_object,
    json_text,
    stepped,
)

# Coins in one linear contract.
CONTRACT_SIZES = {
    "BTC": 0.001,
    "ETH": 0.01,
    "SOL": 0.1,
    "XRP": 10.0,
    "DOGE": 100.0,
    "BNB": 0.01,
    "ADA": 10.0,
    "LINK": 0.1,
    "AVAX": 0.1,
    "SUI": 1.0,
    "LTC": 0.1,
    "TRX": 100.0,
}
COIN_MARGINED = ("BTC", "ETH", "XRP", "LTC", "ADA")
COIN_SHARE = 0.15
MARKETS = {"/linear-swap-notification": "usdt", "/swap-notification": "coin"}
LONGEST_WINDOW_MS = 2 * 3_600_000
PAGE_ROWS = 100
PING_SECONDS = 5.0
THROTTLED = {
    "status": "error",
    "err_code": 1032,
    "err_msg": "The number of access exceeded.",
    "ts": 0,
}


def contracts(asset: Asset) -> list[Instrument]:
    """A perpetual in USDT, and a coin-margined one of some."""
    name = asset.symbol
    if name not in CONTRACT_SIZES:
        return []
    coin = COIN_SHARE if name in COIN_MARGINED else 0.0
    found = [
        contract(
            *("htx", "usdt", asset, f"{name}-USDT", 1 - coin),
            contract_size=CONTRACT_SIZES[name],
            quantity_decimals=0,
        )
    ]
    if coin:
        found.append(
            contract(
                *("htx", "coin", asset, f"{name}-USD", coin),
                quote_asset="USD",
                inverse=True,
                contract_size=100.0 if name == "BTC" else 10.0,
                quantity_decimals=0,
            )
        )
    return found


def _turnover(instrument: Instrument, one: Liquidation) -> float:
    """What an order is worth: in USDT, or in dollars of coin contracts."""
    contracts_usd = instrument.contract_size * one.quantity_steps
    if instrument.inverse:
        return contracts_usd
    return round(contracts_usd * one.bankruptcy_ticks / 10**instrument.price_decimals, 10)


def order(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """The row of frames and of v3."""
    instrument = tape.instruments[one.instrument]
    return {
        "symbol": instrument.asset,
        "contract_code": instrument.symbol,
        "direction": "sell" if one.side == LONG else "buy",
        "offset": "close",
        "volume": one.quantity_steps,
        "price": one.bankruptcy_ticks / 10**instrument.price_decimals,
        "created_at": one.at_ms,
        "amount": round(one.quantity_steps * instrument.contract_size, 8),
        "trade_turnover": _turnover(instrument, one),
    }


def _order_v5(tape: Tape, one: Liquidation) -> dict[str, str]:
    instrument = tape.instruments[one.instrument]
    return {
        "id": str(one.row + 150_000_000_000),
        "contract_code": instrument.symbol,
        "liquidation_time": str(one.at_ms),
        "side": "sell" if one.side == LONG else "buy",
        "position_side": "long" if one.side == LONG else "short",
        "volume": str(one.quantity_steps),
        "amount": str(one.quantity_steps),
        "bankrupt_price": stepped(one.bankruptcy_ticks, instrument.price_decimals),
        "trade_turnover": fixed(_turnover(instrument, one), 10),
    }


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One notification a contract and push."""
    return [
        (
            pushed_ms,
            json_text(
                {
                    "op": "notify",
                    "topic": f"public.{instrument.symbol}.liquidation_orders",
                    "ts": pushed_ms,
                    "data": [order(tape, one) for one in rows],
                }
            ),
        )
        for pushed_ms, instrument, rows in pushes(tape, "htx", from_ms, to_ms, symbols)
    ]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """Pongs are heard; a path is of one kind of margin."""
    said = json_object(text)
    if said.get("op") == "pong":
        subscriber.unanswered = 0
        return []
    if said.get("op") != "sub" or said.get("topic") != "public.*.liquidation_orders":
        return [json_text({"op": "error", "err-code": 2011, "err-msg": "topic error"})]
    market = MARKETS.get(subscriber.path, "dated")
    subscriber.symbols |= {one.symbol for one in tape.instruments_of("htx", market)}
    return [
        json_text(
            {
                "op": "sub",
                "cid": said.get("cid"),
                "topic": said["topic"],
                "ts": now_ms,
                "err-code": 0,
            }
        )
    ]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    linear = "/linear" in request.path or request.path.startswith("/v5")
    market = "usdt" if linear else "coin"
    listed = tape.instruments_of("htx", market)
    code = request.params.get("contract_code") or request.params.get("contract")
    named = next((one for one in listed if one.symbol == code), None)
    match request.path.rsplit("/", 1)[-1]:
        case "swap_contract_info":
            return _told(now_ms, [_info(one) for one in listed])
        case "swap_open_interest":
            return _told(now_ms, [_open_interest(tape, now_ms, one) for one in listed])
        case "swap_batch_funding_rate":
            return _told(now_ms, [_running_rate(tape, now_ms, one) for one in listed])
        case "swap_index":
            return _told(now_ms, [_index(tape, now_ms, one) for one in listed])
        case _ if named is None:
            error = {"status": "error", "err_code": 1332, "err_msg": "contract not found"}
            return json_answer(error | {"ts": now_ms})
        case "liquidation_orders" | "swap_liquidation_orders":
            return _orders(tape, now_ms, request, named)
        case "swap_historical_funding_rate":
            return _told(now_ms, {"data": _settled(tape, now_ms, request, named)})
        case "swap_his_open_interest":
            return _told(now_ms, {"tick": _past_open_interest(tape, now_ms, request, named)})
        case "linear_swap_mark_price_kline" | "swap_mark_price_kline":
            return _told(now_ms, _mark_bars(tape, now_ms, request, named))
        case "swap_elite_account_ratio":
            return _told(now_ms, {"list": _ratios(tape, now_ms, named, "top_accounts")})
        case "swap_elite_position_ratio":
            return _told(now_ms, {"list": _ratios(tape, now_ms, named, "top_positions")})
    return NO_SUCH_PATH


def _told(now_ms: int, told: Any) -> Answer:
    return json_answer({"status": "ok", "data": told, "ts": now_ms})


def _info(instrument: Instrument) -> dict[str, Any]:
    return {
        "symbol": instrument.asset,
        "contract_code": instrument.symbol,
        "contract_size": instrument.contract_size,
        "price_tick": 10.0**-instrument.price_decimals,
        "create_date": "20201021",
        "contract_status": 1,
    }


def _open_interest(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute = tape.minute_of(now_ms)
    linear = {} if instrument.inverse else {"value": round(tape.oi_usd(instrument, minute), 4)}
    return {
        "symbol": instrument.asset,
        "contract_code": instrument.symbol,
        "volume": round(tape.oi_contracts(instrument, minute)),
        "amount": round(tape.oi_base(instrument, minute), 6),
        **linear,
    }


def _past_open_interest(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    """What was open at each full hour, newest first; the running hour's changes until it ends."""
    newest = now_ms // HOUR_MS * HOUR_MS
    oldest = max(newest - ((request.integer("size", 48) or 48) - 1) * HOUR_MS, tape.start_ms)
    rows = []
    for at_ms in range(newest, oldest - 1, -HOUR_MS):
        minute = tape.minute_of(now_ms if at_ms == newest else at_ms)
        linear = {} if instrument.inverse else {"value": round(tape.oi_usd(instrument, minute), 4)}
        volume = round(tape.oi_contracts(instrument, minute))
        rows.append({"volume": volume, "amount_type": 1, "ts": at_ms, **linear})
    return rows


def _running_rate(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    return {
        "contract_code": instrument.symbol,
        "symbol": instrument.asset,
        "funding_rate": fixed(tape.funding_rate(instrument, now_ms), 15),
        "funding_time": str(now_ms),
    }


def _index(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    price = tape.index_price(instrument, tape.minute_of(now_ms))
    return {
        "contract_code": instrument.symbol,
        "index_price": round(price, instrument.price_decimals),
        "index_ts": now_ms,
    }


def _orders(tape: Tape, now_ms: int, request: Request, instrument: Instrument) -> Answer:
    """Oldest first, after an id; v5's and v3's rows differ."""
    start = request.integer("start_time", 0) or 0
    end = min(request.integer("end_time", now_ms) or now_ms, now_ms)
    if end - start > LONGEST_WINDOW_MS:
        error = {"status": "error", "err_code": 1067, "err_msg": "time range is over two hours"}
        return json_answer(error | {"ts": now_ms})
    is_v5 = request.path.startswith("/v5")
    after = request.integer("from" if is_v5 else "from_id", 0) or 0
    number = tape.instrument_number["htx", instrument.symbol]
    rows = []
    for one in tape.records(tape.rows("htx", start, end + 1)):
        row_id = one.row + 150_000_000_000
        if one.instrument == number and row_id > after:
            row = _order_v5(tape, one) if is_v5 else order(tape, one) | {"query_id": row_id}
            rows.append(row)
    answered = {"code": 200, "message": "Success", "data": rows[:PAGE_ROWS], "ts": now_ms}
    return json_answer(answered)


def _settled(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, str]]:
    times = tape.funding_times_ms(instrument, tape.start_ms, now_ms)[::-1]
    return [
        {
            "contract_code": instrument.symbol,
            "funding_time": str(at_ms),
            "funding_rate": fixed(tape.funding_rate(instrument, at_ms), 15),
            "realized_rate": fixed(tape.funding_rate(instrument, at_ms), 15),
        }
        for at_ms in times[: request.integer("page_size", 20) or 20]
    ]


def _mark_bars(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    """The newest five-minute bars, the running one included."""
    count, minutes = request.integer("size", 1) or 1, 5
    last = (now_ms - tape.start_ms) // MINUTE_MS // minutes * minutes
    first = max(0, last - (count - 1) * minutes)
    known = min((now_ms - tape.start_ms) // MINUTE_MS, tape.minutes)
    bars = tape.bars(instrument.asset, first, known, minutes) if known > first else []
    decimals = instrument.price_decimals
    return [
        {
            "id": (tape.start_ms + (first + place * minutes) * MINUTE_MS) // 1000,
            **{
                name: round(float(price) * instrument.multiplier, decimals)
                for name, price in zip(("open", "high", "low", "close"), bar, strict=False)
            },
        }
        for place, bar in enumerate(bars)
    ]


def _ratios(tape: Tape, now_ms: int, instrument: Instrument, kind: str) -> list[dict[str, Any]]:
    """Of an hour; only accounts can be locked, holding as much long as short."""
    step = 5 * MINUTE_MS
    times = list(range(now_ms // step * step - 11 * step, now_ms + 1, step))
    ratios = tape.long_short_ratios(instrument, times, kind)
    locked = {"locked_ratio": 0.0} if kind == "top_accounts" else {}
    return [
        {
            "buy_ratio": round(ratio / (1 + ratio), 4),
            "sell_ratio": round(1 / (1 + ratio), 4),
            **locked,
            "ts": at_ms,
        }
        for at_ms, ratio in zip(times, ratios, strict=True)
    ]


VENUE = WireVenue(
    "htx",
    answers={"htx": answer},
    streams=(
        WireStream(
            "htx_ws",
            frames,
            replies,
            pack=lambda text: gzip.compress(text.encode(), mtime=0),
            beat=Beat(PING_SECONDS, lambda now_ms: json_text({"op": "ping", "ts": str(now_ms)}), 3),
        ),
    ),
    trading=Trading(
        contracts,
        oi_weight=0.05,
        flow_weight=0.05,
        rule=PublicationRule("all", price="bankruptcy"),
        size_scale=1.1,
    ),
    faults={
        ("htx", "throttled"): json_answer(THROTTLED, 429),
        ("htx", "error_code"): json_answer(THROTTLED),
    },
    written=lambda tape, one: json_text(order(tape, one)),
)
