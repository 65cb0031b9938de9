"""Hyperliquid's hourly node fills by block (lz4).

Both parties of a liquidating fill carry the `liquidation` object; the victim's row is the one whose
address is the liquidated user.
"""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import lz4.frame

from unwind.simulator import kit
from unwind.simulator.decimals import fixed, stepped
from unwind.simulator.market.positions import BACKSTOP, DELEVERAGING
from unwind.simulator.market.steady import HOUR_MS, epoch_ms, instant, steady
from unwind.simulator.responses import json_text

LIQUIDATOR_VAULT = "0xb0a55f13d22f66e6d495ac98113841b2326e9540"
BLOCK_MS = 90
FIRST_BLOCK = 758_000_000
ORDINARY_FILLS_PER_HOUR = 21
PATH = re.compile(r"/node_fills_by_block/hourly/(\d{8})/(\d{1,2})\.lz4$")
# An address, and its side of a fill.
Leg = list[Any]


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def address_of(kind: str, number: int) -> str:
    """A fixed lower-case address for a participant."""
    return f"0x{sha256(f'{kind} {number}')[:40]}"


def mixed_case(address: str) -> str:
    """The same address as a checksummed spelling would have it."""
    return "0x" + "".join(c.upper() if n % 3 == 0 else c for n, c in enumerate(address[2:]))


def trade_id(*key: object) -> int:
    return int(sha256(repr(key))[:13], 16) & (2**50 - 1)


def price_text(steps: int, decimals: int) -> str:
    """Exact decimal text with at least one decimal, of prices and sizes."""
    text = stepped(steps, decimals)
    return text if "." in text else f"{text}.0"


@lru_cache(maxsize=4)
def closed_before(tape: kit.Tape) -> dict[int, int]:
    """By liquidation row, the steps of its position that earlier rows closed."""
    closed: dict[int, int] = {}
    running: Counter[int] = Counter()
    for one in tape.records(tape.rows("hyperliquid", tape.start_ms, tape.end_ms)):
        closed[one.row] = running[one.position_number]
        running[one.position_number] += one.quantity_steps
    return closed


def leg(
    trade: dict[str, Any],
    side: str,
    start_position: str,
    direction: str,
    order_id: int,
    *,
    pnl: float = 0.0,
    fee: float = 0.0,
    crossed: bool = False,
) -> dict[str, Any]:
    """One party's row of a trade."""
    return {
        "coin": trade["coin"],
        "px": trade["px"],
        "sz": trade["sz"],
        "side": side,
        "time": trade["time"],
        "startPosition": start_position,
        "dir": direction,
        "closedPnl": fixed(pnl, 6) if pnl else "0.0",
        "hash": trade["hash"],
        "oid": order_id,
        "crossed": crossed,
        "fee": fixed(fee, 6),
        "tid": trade["tid"],
        "feeToken": "USDC",
        "cloid": None,
        "twapId": None,
    }


def liquidating_fill(tape: kit.Tape, one: kit.Liquidation) -> list[Leg]:
    """Both legs of one liquidating fill, victim first."""
    contract, position = one.contract, one.position_number
    # No vault stands behind builder-deployed exchanges: winners are deleveraged instead.
    kind = DELEVERAGING if one.kind == BACKSTOP and contract.market != "perp" else one.kind
    on_market = kind not in (BACKSTOP, DELEVERAGING)
    margin = "Cross" if steady("margin mode", position) < 0.6 else "Isolated"
    name = "Long" if one.is_long else "Short"
    victim = address_of("trader", position)
    sides = "AB" if one.is_long else "BA"
    trade = {
        "coin": contract.symbol,
        "px": price_text(one.fill_ticks, contract.price_decimals),
        "sz": price_text(one.quantity_steps, contract.quantity_decimals),
        "time": one.at_ms,
        "hash": f"0x{sha256(f'hash {one.order_number}')}",
        "tid": trade_id(contract.symbol, one.row),
    }
    marked = {
        "liquidation": {
            "liquidatedUser": mixed_case(victim) if steady("spelling", position) < 0.15 else victim,
            "markPx": price_text(one.mark_ticks, contract.price_decimals),
            "method": "market" if on_market else "backstop",
        }
    }
    held = (one.position_steps - closed_before(tape)[one.row]) * (1 if one.is_long else -1)
    victims = leg(
        trade,
        sides[0],
        ("-" if held < 0 else "") + price_text(abs(held), contract.quantity_decimals),
        f"Close {name}" if on_market else f"Liquidated {margin} {name}",
        300_000_000_000 + one.order_number,
        pnl=-one.notional_usd * (0.006 + 0.09 * steady("loss", position)),
        fee=one.notional_usd * 0.00035 if on_market else 0.0,
        crossed=True,
    )
    other, direction, gain = counterparty(one, kind, margin)
    others = leg(
        trade,
        sides[1],
        "0.0" if direction.startswith("Open") else held_text(one),
        direction,
        400_000_000_000 + one.row,
        pnl=gain * one.notional_usd,
        fee=one.notional_usd * 0.0001 if on_market else 0.0,
    )
    return [[victim, victims | marked], [other, others | marked]]


def counterparty(one: kit.Liquidation, kind: int, margin: str) -> tuple[str, str, float]:
    """Address, direction and gain (share of notional) of the other side of a liquidating fill."""
    if kind == BACKSTOP:
        # The vault's row carries the victim's direction with the opposite side.
        return LIQUIDATOR_VAULT, f"Liquidated {margin} {'Long' if one.is_long else 'Short'}", 0.0
    if kind == DELEVERAGING:
        return address_of("winner", one.row % 97), "Auto-Deleveraging", 0.05
    opens = steady("counterparty", one.row) < 0.7
    side = "Long" if one.is_long == opens else "Short"
    gain = 0.0 if opens else 0.01
    return address_of("maker", one.row % 211), f"{'Open' if opens else 'Close'} {side}", gain


def held_text(one: kit.Liquidation) -> str:
    """What the other side held before, opposite to the victim."""
    decimals = one.contract.quantity_decimals
    size = price_text(10**decimals * (3 + int(50 * steady("held", one.row))), decimals)
    return f"-{size}" if one.is_long else size


def written(one: kit.Liquidation) -> str:
    """The identity of a liquidating fill among those in the files."""
    return f'"tid":{trade_id(one.contract.symbol, one.row)}'


def ordinary_fill(tape: kit.Tape, hour_ms: int, number: int) -> tuple[int, list[Leg]]:
    """A fill without a liquidation: of a perpetual, spot (`@107`) or HIP-3 (`xyz:`)."""
    at_ms = hour_ms + int(HOUR_MS * steady("ordinary fill", hour_ms, number))
    draw = steady("ordinary coin", hour_ms, number)
    listed = tape.instruments_of("hyperliquid")
    q = kit.Quote(tape, listed[int(draw * 997) % len(listed)], at_ms)
    decimals = q.contract.price_decimals
    coin, price = q.symbol, price_text(round(q.mark * 10**decimals), decimals)
    opening, closing = "Open Long", "Open Short"
    if number % 7 == 0:
        coin, opening, closing = "@107", "Buy", "Sell"
    elif number % 7 == 1:
        coin, price = ("xyz:TSLA", "431.2") if number % 2 else ("xyz:XYZ100", "25310.0")
    trade = {
        "coin": coin,
        "px": price,
        "sz": fixed(10 ** (3 * draw) / 10, 2),
        "time": at_ms,
        "hash": f"0x{sha256(f'{hour_ms} {number}')}",
        "tid": trade_id("ordinary", hour_ms, number),
    }
    buyer = leg(trade, "B", "0.0", opening, 410_000_000_000 + number, fee=0.35, crossed=True)
    seller = leg(trade, "A", "0.0", closing, 420_000_000_000 + number, fee=0.1)
    return at_ms, [
        [address_of("trader", -number - 1), buyer],
        [address_of("maker", number), seller],
    ]


def block_lines(tape: kit.Tape, hour_ms: int) -> list[str]:
    """The by-block lines of one hour: every block that has fills, in block order."""
    hour = tape.rows("hyperliquid", hour_ms, hour_ms + HOUR_MS)
    fills = [(one.at_ms, liquidating_fill(tape, one)) for one in tape.records(hour)]
    ordinary = (ordinary_fill(tape, hour_ms, number) for number in range(ORDINARY_FILLS_PER_HOUR))
    fills += [(at_ms, legs) for at_ms, legs in ordinary if at_ms < tape.end_ms]
    blocks: dict[int, list[Leg]] = {}
    for at_ms, legs in sorted(fills, key=lambda fill: fill[0]):
        blocks.setdefault(at_ms // BLOCK_MS, []).extend(legs)
    first_ever = tape.start_ms // BLOCK_MS
    lines = []
    for number, events in sorted(blocks.items()):
        last_ms = max(leg["time"] for _, leg in events)
        for _, leg in events:
            leg["time"] = last_ms
        seen = instant(last_ms + 60 + int(80 * steady("local time", number)))
        lines.append(
            json_text(
                {
                    "local_time": f"{seen:%Y-%m-%dT%H:%M:%S.%f}417",
                    "block_time": f"{instant(last_ms):%Y-%m-%dT%H:%M:%S.%f}{number % 1000:03d}",
                    "block_number": FIRST_BLOCK + number - first_ever,
                    "events": events,
                }
            )
        )
    return lines


@lru_cache(maxsize=64)
def hourly_file(tape: kit.Tape, hour_ms: int) -> bytes:
    """The lz4 frame of one hour's by-block lines."""
    text = "\n".join([*block_lines(tape, hour_ms), ""]).encode()
    compressed: bytes = lz4.frame.compress(text, compression_level=0, store_size=False)
    return compressed


def node_fills(tape: kit.Tape, now_ms: int, venue: str, request: kit.Request) -> kit.Response:
    """An hourly file (hours without a leading zero), or 404 NoSuchKey.

    An hour's file appears when it is over.
    """
    parts = PATH.search(request.path)
    if parts and str(int(parts[2])) == parts[2] and int(parts[2]) < 24:
        day = datetime.strptime(parts[1], "%Y%m%d").replace(tzinfo=UTC)
        start = epoch_ms(day) + int(parts[2]) * HOUR_MS
        if tape.start_ms <= start < tape.end_ms and start + HOUR_MS <= now_ms:
            kind = {"content-type": "application/octet-stream"}
            return kit.Response(200, hourly_file(tape, start), kind)
    body = f"<Error><Code>NoSuchKey</Code><Key>{request.path.lstrip('/')}</Key></Error>"
    return kit.Response(404, body.encode(), {"content-type": "application/xml"})
