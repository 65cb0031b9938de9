"""dYdX v4: the indexer's public trades, of type LIQUIDATED where the taker was, and its markets."""

from __future__ import annotations

from typing import Any

from unwind.clock import iso, parse_instant
from unwind.simulator.exchanges import Subscriber, Trading, WireStream, WireVenue, pushes
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
    epoch_ms,
    instant,
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

THROTTLED = {"errors": [{"msg": "Too many requests"}]}
SNAPSHOT_MS = 5 * MINUTE_MS
CONNECTION_MARK = "3f4c0a1e"


def contracts(asset: Asset) -> list[Instrument]:
    common: dict[str, Any] = {"quote_asset": "USD", "funding_interval_hours": 1}
    return [contract("dydx", "", asset, f"{asset.symbol}-USD", **common)]


def trade(tape: Tape, one: Liquidation) -> dict[str, Any]:
    """The trade that a liquidation was."""
    instrument = tape.instruments[one.instrument]
    return {
        "id": f"03f{one.row:013x}",
        "side": "SELL" if one.side == LONG else "BUY",
        "size": stepped(one.quantity_steps, instrument.quantity_decimals),
        "price": stepped(one.fill_ticks, instrument.price_decimals),
        "type": "LIQUIDATED",
        "createdAt": iso(instant(one.at_ms)),
        "createdAtHeight": str(one.at_ms // 1100),
    }


def _usual_trade(tape: Tape, instrument: Instrument, at_ms: int) -> dict[str, Any]:
    price = tape.mark_price(instrument, tape.minute_of(at_ms))
    return {
        "id": f"02e{at_ms:013x}",
        "side": "BUY",
        "size": "1",
        "price": fixed(price, instrument.price_decimals),
        "type": "LIMIT",
        "createdAt": iso(instant(at_ms)),
        "createdAtHeight": str(at_ms // 1100),
    }


def _message(kind: str, ticker: str, trades: list[dict[str, Any]]) -> str:
    return json_text(
        {
            "type": kind,
            "connection_id": CONNECTION_MARK,
            "message_id": 1,
            "id": ticker,
            "channel": "v4_trades",
            "version": "2.1.0",
            "contents": {"trades": trades},
        }
    )


def frames(
    tape: Tape, from_ms: int, to_ms: int, symbols: frozenset[str] | None = None
) -> list[tuple[int, str]]:
    """One message a market and block."""
    return [
        (
            pushed_ms,
            _message("channel_data", instrument.symbol, [trade(tape, one) for one in rows]),
        )
        for pushed_ms, instrument, rows in pushes(tape, "dydx", from_ms, to_ms, symbols)
    ]


def opened(subscriber: Subscriber, tape: Tape, now_ms: int, query: str) -> list[str]:
    return [json_text({"type": "connected", "connection_id": CONNECTION_MARK, "message_id": 0})]


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """A subscription starts with the market's newest trades over again."""
    order = json_object(text)
    ticker = str(order.get("id", ""))
    number = tape.instrument_number.get(("dydx", ticker))
    if order.get("type") != "subscribe" or order.get("channel") != "v4_trades" or number is None:
        problem = f"Invalid subscription id for channel: ({order.get('channel')}-{ticker})"
        return [json_text({"type": "error", "message": problem, "message_id": 1})]
    subscriber.symbols.add(ticker)
    recent = [
        trade(tape, one)
        for one in tape.records(tape.rows("dydx", now_ms - SNAPSHOT_MS, now_ms))
        if one.instrument == number and one.pushed_ms < now_ms
    ]
    usual = _usual_trade(tape, tape.instruments[number], now_ms - MINUTE_MS)
    return [_message("subscribed", ticker, [*recent[::-1], usual])]


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """The answer of the indexer's /v4/* at an instant."""
    if request.path == "/v4/perpetualMarkets":
        markets = {i.symbol: _market(tape, now_ms, i) for i in tape.instruments_of("dydx")}
        return json_answer({"markets": markets})
    folder, _, ticker = request.path.rpartition("/")
    number = tape.instrument_number.get(("dydx", ticker))
    if number is None:
        return json_answer({"errors": [{"msg": "ticker must be a valid ticker"}]}, 404)
    match folder:
        case "/v4/trades/perpetualMarket":
            return json_answer({"trades": _trades(tape, now_ms, request, number)})
        case "/v4/historicalFunding":
            rows = _funding(tape, now_ms, request, tape.instruments[number])
            return json_answer({"historicalFunding": rows})
    return NO_SUCH_PATH


def _market(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute = tape.minute_of(now_ms)
    return {
        "ticker": instrument.symbol,
        "status": "ACTIVE",
        "oraclePrice": fixed(tape.index_price(instrument, minute), instrument.price_decimals),
        "openInterest": fixed(tape.oi_contracts(instrument, minute), 4),
        "volume24H": fixed(tape.traded_usd_24h(instrument, minute), 4),
        "nextFundingRate": fixed(tape.funding_rate(instrument, now_ms), 10),
    }


def _trades(tape: Tape, now_ms: int, request: Request, number: int) -> list[dict[str, Any]]:
    before_ms = _before_ms(request, "createdBeforeOrAt", now_ms)
    rows = [
        trade(tape, one)
        for one in tape.records(tape.rows("dydx", before_ms - 6 * HOUR_MS, before_ms + 1))
        if one.instrument == number
    ]
    rows.append(_usual_trade(tape, tape.instruments[number], before_ms))
    rows.sort(key=lambda row: row["createdAt"], reverse=True)
    return rows[: request.integer("limit", 100) or 100]


def _funding(
    tape: Tape, now_ms: int, request: Request, instrument: Instrument
) -> list[dict[str, Any]]:
    before_ms = _before_ms(request, "effectiveBeforeOrAt", now_ms)
    count = request.integer("limit", 100) or 100
    last = before_ms // HOUR_MS * HOUR_MS
    return [
        {
            "ticker": instrument.symbol,
            "rate": fixed(tape.funding_rate(instrument, at_ms), 10),
            "price": fixed(tape.index_price(instrument, tape.minute_of(at_ms)), 4),
            # A block or so after the hour.
            "effectiveAt": iso(instant(at_ms + 219)),
            "effectiveAtHeight": str(at_ms // 1100),
        }
        for at_ms in range(last, last - count * HOUR_MS, -HOUR_MS)
        if at_ms > tape.start_ms
    ]


def _before_ms(request: Request, name: str, now_ms: int) -> int:
    text = request.params.get(name)
    return min(epoch_ms(parse_instant(text)), now_ms) if text else now_ms


VENUE = WireVenue(
    "dydx",
    answers={"dydx": answer},
    streams=(WireStream("dydx_ws", frames, replies, opened=opened),),
    trading=Trading(contracts, oi_weight=0.015, flow_weight=0.015, rule=PublicationRule("all")),
    faults={("dydx", "throttled"): json_answer(THROTTLED, 429)},
    written=lambda tape, one: json_text(trade(tape, one)),
)
