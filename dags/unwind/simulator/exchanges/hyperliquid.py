"""Hyperliquid: hourly node fills by block (lz4), and the /info endpoint.

Both parties of a liquidating fill carry the `liquidation` object; the victim's row is the one whose
address is the liquidated user. Funding is hourly; open interest is in base coins.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import lz4.frame

from unwind.simulator.exchanges import Trading, WireVenue
from unwind.simulator.listings import contract
from unwind.simulator.market import (
    BACKSTOP,
    DELEVERAGING,
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
    steady,
)
from unwind.simulator.responses import (
    Answer,
    Request,
    fixed,
    json_answer,
    json_text,
    padded,
    stepped,
)

LIQUIDATOR_VAULT = "0xb0a55f13d22f66e6d495ac98113841b2326e9540"
BLOCK_MS = 90
FIRST_BLOCK = 758_000_000
ORDINARY_FILLS_PER_HOUR = 21
CANDLE_MINUTES = {"1m": 1, "3m": 3, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "4h": 240, "1d": 1440}
CANDLES_KEPT = 5000
QUANTITY_DECIMALS = {
    "BTC": 5,
    "ETH": 4,
    "SOL": 2,
    "XRP": 0,
    "DOGE": 0,
    "BNB": 3,
    "ADA": 0,
    "HYPE": 2,
    "LINK": 1,
    "AVAX": 2,
    "SUI": 1,
    "PEPE": 0,
    "LTC": 2,
    "TRX": 0,
}
# What builder-deployed exchanges are margined in, by the index of the token.
DEX_COLLATERAL = {"hyna": 235, "xyz": 0}
HYNA_BTC_SHARE = 0.02
FILLS_PAGE_ROWS = 2000
_FILLS_PATH = re.compile(r"/node_fills_by_block/hourly/(\d{8})/(\d{1,2})\.lz4$")


def contracts(asset: Asset) -> list[Instrument]:
    """One perpetual a coin, in USDC, and one of BTC on a builder-deployed exchange, in USDe."""
    thousand = asset.symbol == "PEPE"
    on_hyna = HYNA_BTC_SHARE if asset.symbol == "BTC" else 0.0
    coin = f"k{asset.symbol}" if thousand else asset.symbol
    found = [
        contract(
            "hyperliquid",
            "perp",
            asset,
            coin,
            1 - on_hyna,
            base_asset=coin,
            quote_asset="USDC",
            multiplier=1000.0 if thousand else 1.0,
            quantity_decimals=QUANTITY_DECIMALS[asset.symbol],
            funding_interval_hours=1,
        )
    ]
    if on_hyna:
        found.append(
            contract(
                *("hyperliquid", "hyna", asset, f"hyna:{coin}", on_hyna),
                base_asset=coin,
                quote_asset="USDe",
                quantity_decimals=QUANTITY_DECIMALS[asset.symbol],
                funding_interval_hours=1,
            )
        )
    return found


def stocks(asset: Asset) -> list[Instrument]:
    """A perpetual on a share, on a builder-deployed exchange."""
    return [
        contract(
            *("hyperliquid", "xyz", asset, f"xyz:{asset.symbol}"),
            quote_asset="USDC",
            quantity_decimals=3,
            funding_interval_hours=1,
        )
    ]


def address_of(kind: str, number: int) -> str:
    """A fixed lower-case address for a participant."""
    return "0x" + hashlib.sha256(f"{kind} {number}".encode()).hexdigest()[:40]


def _mixed_case(address: str) -> str:
    """The same address as a checksummed spelling would have it."""
    return "0x" + "".join(c.upper() if n % 3 == 0 else c for n, c in enumerate(address[2:]))


def _trade_id(*key: object) -> int:
    return int(hashlib.sha256(repr(key).encode()).hexdigest()[:13], 16) & (2**50 - 1)


def _price_text(ticks: int, decimals: int) -> str:
    text = stepped(ticks, decimals)
    return text if "." in text else f"{text}.0"


def _size_text(steps: int, decimals: int) -> str:
    text = stepped(steps, decimals)
    return text if "." in text else f"{text}.0"


# -- node fills ------------------------------------------------------------------------------------


@lru_cache(maxsize=4)
def _closed_before(tape: Tape) -> dict[int, int]:
    """By liquidation row, the steps of its position that earlier rows closed."""
    closed: dict[int, int] = {}
    running: Counter[int] = Counter()
    for one in tape.records(tape.rows("hyperliquid", tape.start_ms, tape.end_ms)):
        closed[one.row] = running[one.position_number]
        running[one.position_number] += one.quantity_steps
    return closed


def liquidating_fill(tape: Tape, one: Liquidation) -> list[list[Any]]:
    """Both legs of one liquidating fill, victim first: [address, fill] each."""
    instrument = tape.instruments[one.instrument]
    decimals = instrument.quantity_decimals
    is_long = one.side == LONG
    # No vault stands behind builder-deployed exchanges: winners are deleveraged instead.
    kind = DELEVERAGING if one.kind == BACKSTOP and instrument.market != "perp" else one.kind
    steps = one.quantity_steps
    position = one.position_number
    victim = address_of("trader", position)
    method = "market" if kind not in (BACKSTOP, DELEVERAGING) else "backstop"
    margin = "Cross" if steady("margin mode", position) < 0.6 else "Isolated"
    name = "Long" if is_long else "Short"
    held = (one.position_steps - _closed_before(tape)[one.row]) * (1 if is_long else -1)
    sign = "-" if held < 0 else ""
    spelled = _mixed_case(victim) if steady("spelling", position) < 0.15 else victim
    shared = {
        "coin": instrument.symbol,
        "px": _price_text(one.fill_ticks, instrument.price_decimals),
        "sz": _size_text(steps, decimals),
    }
    marked = {
        "liquidatedUser": spelled,
        "markPx": _price_text(one.mark_ticks, instrument.price_decimals),
        "method": method,
    }
    notional = one.notional_usd
    loss = -notional * (0.006 + 0.09 * steady("loss", position))
    trade = {
        "time": one.at_ms,
        "hash": "0x" + hashlib.sha256(f"hash {one.order_number}".encode()).hexdigest(),
        "tid": _trade_id(instrument.symbol, one.row),
    }
    victim_leg = _leg(
        shared,
        "A" if is_long else "B",
        trade,
        f"{sign}{_size_text(abs(held), decimals)}",
        f"Close {name}" if method == "market" else f"Liquidated {margin} {name}",
        loss,
        300_000_000_000 + one.order_number,
        True,
        notional * 0.00035 if method == "market" else 0.0,
        marked,
    )
    other, direction, gain = _counterparty(one.row, kind, is_long, margin)
    other_leg = _leg(
        shared,
        "B" if is_long else "A",
        trade,
        "0.0" if direction.startswith("Open") else _held_text(one.row, is_long, decimals),
        direction,
        gain * notional,
        400_000_000_000 + one.row,
        False,
        notional * 0.0001 if method == "market" else 0.0,
        marked,
    )
    return [[victim, victim_leg], [other, other_leg]]


def written(tape: Tape, one: Liquidation) -> str:
    """What tells one liquidating fill from any other in the files."""
    return f'"tid":{_trade_id(tape.instruments[one.instrument].symbol, one.row)}'


def _held_text(row: int, victim_long: bool, decimals: int) -> str:
    size = _size_text(10**decimals * (3 + int(50 * steady("held", row))), decimals)
    return f"-{size}" if victim_long else size


def _counterparty(row: int, kind: int, victim_long: bool, margin: str) -> tuple[str, str, float]:
    """Address, direction and gain (share of notional) of the other side of a liquidating fill."""
    if kind == BACKSTOP:
        # The vault's row carries the victim's direction with the opposite side.
        return LIQUIDATOR_VAULT, f"Liquidated {margin} {'Long' if victim_long else 'Short'}", 0.0
    if kind == DELEVERAGING:
        return address_of("winner", row % 97), "Auto-Deleveraging", 0.05
    opens = steady("counterparty", row) < 0.7
    side = ("Long" if victim_long else "Short") if opens else ("Short" if victim_long else "Long")
    return (
        address_of("maker", row % 211),
        f"{'Open' if opens else 'Close'} {side}",
        0.0 if opens else 0.01,
    )


def _leg(
    shared: dict[str, str],
    side: str,
    trade: dict[str, Any],
    start_position: str,
    direction: str,
    pnl: float,
    oid: int,
    crossed: bool,
    fee: float,
    marked: dict[str, str] | None,
) -> dict[str, Any]:
    leg = shared | {
        "side": side,
        "time": trade["time"],
        "startPosition": start_position,
        "dir": direction,
        "closedPnl": fixed(pnl, 6) if pnl else "0.0",
        "hash": trade["hash"],
        "oid": oid,
        "crossed": crossed,
        "fee": fixed(fee, 6),
        "tid": trade["tid"],
        "feeToken": "USDC",
        "cloid": None,
        "twapId": None,
    }
    return leg | {"liquidation": marked} if marked else leg


def ordinary_fills(tape: Tape, hour_ms: int) -> list[tuple[int, list[list[Any]]]]:
    """Fills of an hour that liquidate nobody.

    Perpetuals, spot (`@107`) and HIP-3 (`xyz:`), both legs each.
    """
    listed = tape.instruments_of("hyperliquid")
    result = []
    for number in range(ORDINARY_FILLS_PER_HOUR):
        at = hour_ms + int(HOUR_MS * steady("ordinary fill", hour_ms, number))
        if at >= tape.end_ms:
            continue
        draw = steady("ordinary coin", hour_ms, number)
        instrument = listed[int(draw * 997) % len(listed)]
        price = tape.mark_price(instrument, tape.minute_of(at))
        coin, text = (
            instrument.symbol,
            _price_text(round(price * 10**instrument.price_decimals), instrument.price_decimals),
        )
        opening, closing = "Open Long", "Open Short"
        if number % 7 == 0:
            coin, opening, closing = "@107", "Buy", "Sell"
        elif number % 7 == 1:
            coin, text = ("xyz:TSLA", "431.2") if number % 2 else ("xyz:XYZ100", "25310.0")
        size = fixed(10 ** (3 * draw) / 10, 2)
        shared = {"coin": coin, "px": text, "sz": size}
        trade = {
            "time": at,
            "hash": "0x" + hashlib.sha256(f"{hour_ms} {number}".encode()).hexdigest(),
            "tid": _trade_id("ordinary", hour_ms, number),
        }
        legs = [
            [
                address_of("trader", -number - 1),
                _leg(
                    shared,
                    "B",
                    trade,
                    "0.0",
                    opening,
                    0.0,
                    410_000_000_000 + number,
                    True,
                    0.35,
                    None,
                ),
            ],
            [
                address_of("maker", number),
                _leg(
                    shared,
                    "A",
                    trade,
                    "0.0",
                    closing,
                    0.0,
                    420_000_000_000 + number,
                    False,
                    0.1,
                    None,
                ),
            ],
        ]
        result.append((at, legs))
    return result


def block_lines(tape: Tape, hour_ms: int) -> list[str]:
    """The by-block lines of one hour: every block that has fills, in block order."""
    hour = tape.rows("hyperliquid", hour_ms, hour_ms + HOUR_MS)
    fills = [(one.at_ms, liquidating_fill(tape, one)) for one in tape.records(hour)]
    fills += ordinary_fills(tape, hour_ms)
    blocks: dict[int, list[list[Any]]] = {}
    for at, legs in sorted(fills, key=lambda fill: fill[0]):
        blocks.setdefault(at // BLOCK_MS, []).extend(legs)
    first_ever = tape.start_ms // BLOCK_MS
    lines = []
    for number, events in sorted(blocks.items()):
        last_ms = max(leg["time"] for _, leg in events)
        for _, leg in events:
            leg["time"] = last_ms
        block_time = instant(last_ms).strftime("%Y-%m-%dT%H:%M:%S.%f") + f"{number % 1000:03d}"
        seen = instant(last_ms + 60 + int(80 * steady("local time", number)))
        lines.append(
            json_text(
                {
                    "local_time": seen.strftime("%Y-%m-%dT%H:%M:%S.%f") + "417",
                    "block_time": block_time,
                    "block_number": FIRST_BLOCK + number - first_ever,
                    "events": events,
                }
            )
        )
    return lines


@lru_cache(maxsize=64)
def hourly_file(tape: Tape, hour_ms: int) -> bytes:
    """The lz4 frame of one hour's by-block lines."""
    text = "\n".join([*block_lines(tape, hour_ms), ""]).encode()
    return lz4.frame.compress(text, compression_level=0, store_size=False)


def node_fills_answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """An hourly file (hours without a leading zero), or 404 NoSuchKey.

    An hour's file appears when it is over.
    """
    parts = _FILLS_PATH.search(request.path)
    if parts and str(int(parts[2])) == parts[2] and int(parts[2]) < 24:
        start = (
            epoch_ms(datetime.strptime(parts[1], "%Y%m%d").replace(tzinfo=UTC))
            + int(parts[2]) * HOUR_MS
        )
        if tape.start_ms <= start < tape.end_ms and start + HOUR_MS <= now_ms:
            return Answer(
                200, hourly_file(tape, start), {"content-type": "application/octet-stream"}
            )
    key = request.path.lstrip("/")
    body = f"<Error><Code>NoSuchKey</Code><Key>{key}</Key></Error>"
    return Answer(404, body.encode(), {"content-type": "application/xml"})


# -- /info -----------------------------------------------------------------------------------------


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """POST /info, or an hourly node-fills file."""
    if request.connection == "hyperliquid_nodefills":
        return node_fills_answer(tape, now_ms, request)
    if request.path != "/info" or request.method != "POST":
        return Answer(404, b"", {})
    try:
        body = json.loads(request.body)
        handler = INFO[body["type"]]
        return json_answer(handler(tape, now_ms, body))
    except (ValueError, KeyError, TypeError):
        return Answer(
            422,
            b"Failed to deserialize the JSON body into the target type",
            {"content-type": "text/plain"},
        )


def _named(tape: Tape, coin: str) -> Instrument:
    return tape.instruments[tape.instrument_number[("hyperliquid", coin)]]


def meta_and_asset_ctxs(tape: Tape, now_ms: int, body: dict[str, Any]) -> list[Any]:
    """metaAndAssetCtxs: universe and contexts, to be joined by position.

    A delisted coin stays in the universe.
    """
    dex = body.get("dex")
    if dex and dex not in DEX_COLLATERAL:
        raise KeyError(dex)
    listed = tape.instruments_of("hyperliquid", dex or "perp")
    universe: list[dict[str, Any]] = [
        {
            "szDecimals": i.quantity_decimals,
            "name": i.symbol,
            "maxLeverage": 40 if i.symbol == "BTC" else 20,
            "marginTableId": 50 + n,
        }
        for n, i in enumerate(listed)
    ]
    contexts = [_context(tape, now_ms, i) for i in listed]
    if dex:
        listing = {"universe": universe, "marginTables": [], "collateralToken": DEX_COLLATERAL[dex]}
        return [listing, contexts]
    universe.insert(
        4,
        {
            "szDecimals": 1,
            "name": "MATIC",
            "maxLeverage": 20,
            "marginTableId": 20,
            "isDelisted": True,
        },
    )
    contexts.insert(
        4,
        {
            "funding": "0.0",
            "openInterest": "0.0",
            "prevDayPx": "0.37621",
            "dayNtlVlm": "0.0",
            "premium": None,
            "oraclePx": "0.37643",
            "markPx": "0.37621",
            "midPx": None,
            "impactPxs": None,
            "dayBaseVlm": "0.0",
        },
    )
    return [{"universe": universe, "marginTables": [], "collateralToken": 0}, contexts]


def _context(tape: Tape, now_ms: int, instrument: Instrument) -> dict[str, Any]:
    minute = tape.minute_of(now_ms)
    first = max(0, minute - 1439)
    number = tape.asset_index[instrument.asset]
    mark = tape.mark_price(instrument, minute)
    usd = float(tape.volume_usd[number, first : minute + 1].sum()) * instrument.oi_share
    decimals = instrument.price_decimals

    def price(value: float) -> str:
        return _price_text(round(value * 10**decimals), decimals)

    return {
        "funding": fixed(tape.funding_rate(instrument, now_ms), 10),
        "openInterest": fixed(
            tape.oi_contracts(instrument, minute), instrument.quantity_decimals or 1
        ),
        "prevDayPx": price(tape.mark_price(instrument, first)),
        "dayNtlVlm": fixed(usd, 10),
        "premium": fixed(float(tape.premium[number, minute]), 10),
        "oraclePx": price(tape.index_price(instrument, minute)),
        "markPx": price(mark),
        "midPx": price(mark * 1.00001),
        "impactPxs": [price(mark * 0.9999), price(mark * 1.0001)],
        "dayBaseVlm": fixed(usd / mark, 5),
    }


def funding_history(tape: Tape, now_ms: int, body: dict[str, Any]) -> list[dict[str, Any]]:
    """fundingHistory: up to 500 hourly rows, ascending; the premium is sometimes absent."""
    instrument = _named(tape, body["coin"])
    end = min(int(body.get("endTime") or now_ms), now_ms)
    rows = []
    for at in tape.funding_times_ms(instrument, int(body["startTime"]), end)[:500]:
        row = {
            "coin": instrument.symbol,
            "fundingRate": fixed(tape.funding_rate(instrument, at), 10),
        }
        if steady("premium absent", instrument.symbol, at) > 0.02:
            premium = float(tape.premium[tape.asset_index[instrument.asset], tape.minute_of(at)])
            row["premium"] = fixed(premium, 10)
        rows.append(row | {"time": at + int(90 * steady("funding time", instrument.symbol, at))})
    return rows


def user_fills_by_time(tape: Tape, now_ms: int, body: dict[str, Any]) -> list[dict[str, Any]]:
    """userFillsByTime of the liquidator vault, ascending: what it took over. Others have none.

    At most 2,000 fills an answer.
    """
    if str(body["user"]).lower() != LIQUIDATOR_VAULT:
        return []
    start = max(int(body["startTime"]), tape.start_ms)
    end = min(int(body.get("endTime") or now_ms), now_ms, tape.end_ms - 1)
    return [
        fill
        for hour_ms in range(start - start % HOUR_MS, end + 1, HOUR_MS)
        for fill in _vault_fills(tape, hour_ms)
        if start <= fill["time"] <= end
    ][:FILLS_PAGE_ROWS]


@lru_cache(maxsize=64)
def _vault_fills(tape: Tape, hour_ms: int) -> list[dict[str, Any]]:
    """The liquidator vault's fills of an hour, with the times of their blocks as in the files."""
    return [
        fill
        for line in block_lines(tape, hour_ms)
        for address, fill in json.loads(line)["events"]
        if address == LIQUIDATOR_VAULT
    ]


def candle_snapshot(tape: Tape, now_ms: int, body: dict[str, Any]) -> list[dict[str, Any]]:
    """candleSnapshot, ascending; only the latest 5000 candles exist.

    The last one may be unfinished.
    """
    asked = body["req"]
    instrument = _named(tape, asked["coin"])
    width = CANDLE_MINUTES[asked["interval"]]
    step = width * MINUTE_MS
    newest = min(int(asked.get("endTime") or now_ms), now_ms, tape.end_ms - 1)
    oldest = max(int(asked["startTime"]), tape.start_ms, (now_ms // step - CANDLES_KEPT + 1) * step)
    grid = range(-(-oldest // step) * step, newest + 1, step)
    if not grid:
        return []
    first = (grid[0] - tape.start_ms) // MINUTE_MS
    known = (min(now_ms, tape.end_ms) - tape.start_ms) // MINUTE_MS
    last = min((grid[-1] - tape.start_ms) // MINUTE_MS + width, known)
    rows = []
    for number, bar in enumerate(
        tape.bars(instrument.asset, first, last, width, spot=False).tolist()
    ):
        o, h, low, c = (
            padded(
                round(v * instrument.multiplier * 10**instrument.price_decimals),
                instrument.price_decimals,
            )
            for v in bar[:4]
        )
        usd = bar[4] * instrument.oi_share
        at = grid[0] + number * step
        rows.append(
            {
                "t": at,
                "T": at + step - 1,
                "s": instrument.symbol,
                "i": asked["interval"],
                "o": o,
                "c": c,
                "h": h,
                "l": low,
                "v": fixed(usd / bar[3] / instrument.multiplier, 5),
                "n": int(usd // 4000) + 1,
            }
        )
    return rows


INFO: dict[str, Callable[[Tape, int, dict[str, Any]], Any]] = {
    "metaAndAssetCtxs": meta_and_asset_ctxs,
    "meta": lambda tape, now_ms, body: meta_and_asset_ctxs(tape, now_ms, body)[0],
    "fundingHistory": funding_history,
    "candleSnapshot": candle_snapshot,
    "userFillsByTime": user_fills_by_time,
    "perpDexs": lambda tape, now_ms, body: [
        None,
        *({"name": dex, "fullName": dex.upper()} for dex in DEX_COLLATERAL),
    ],
}


VENUE = WireVenue(
    "hyperliquid",
    answers={"hyperliquid": answer, "hyperliquid_nodefills": answer},
    files=("hyperliquid_nodefills",),
    trading=Trading(
        contracts,
        stocks=stocks,
        oi_weight=0.18,
        flow_weight=0.20,
        size_scale=1.35,
        rule=PublicationRule("all", fills=True, partial=True, backstop=True),
    ),
    faults={("hyperliquid", "throttled"): json_answer(None, 429)},
    written=written,
    told=lambda tape, from_ms, to_ms: [
        line
        for hour_ms in range(from_ms - from_ms % HOUR_MS, to_ms, HOUR_MS)
        for line in block_lines(tape, hour_ms)
    ],
)
