"""Hyperliquid: of the fills that carry the mark, only the liquidated user's own counts."""

from tests.venues.cases import Liquidation, Message, VenueCases

DOCS = "https://github.com/hyperliquid-dex/node#data-schemas"
VICTIM, MAKER, VAULT = "0xAbC1", "0xdef2", "0xb0a55f13d22f66e6d495ac98113841b2326e9540"
AT = "2025-10-10 21:15:00.012"


def _fill(coin: str, side: str, direction: str, trade_id: int, method: str = "market") -> dict:
    return {
        **{"coin": coin, "px": "105000.0", "sz": "0.5", "side": side, "time": 1760130900012},
        **{"startPosition": "0.5", "dir": direction, "closedPnl": "-1000.0", "hash": "0x0"},
        **{"oid": 1, "crossed": True, "fee": "1.2", "tid": trade_id, "feeToken": "USDC"},
        "liquidation": {"liquidatedUser": VICTIM.lower(), "markPx": "105010.0", "method": method},
    }


def _of(user: str, fill: dict) -> dict:
    """The same fill with another liquidated user."""
    return {**fill, "liquidation": {**fill["liquidation"], "liquidatedUser": user}}


def _block(*events: list) -> dict:
    return {
        "local_time": "2025-10-10T21:15:00.123456789",
        "block_time": "2025-10-10T21:15:00.012345678",
        "block_number": 758800641,
        "events": list(events),
    }


CASES = VenueCases(
    venue="hyperliquid",
    long=Message(
        "the victim sells, its counterparty buys: one long",
        DOCS,
        _block(
            [VICTIM, _fill("BTC", "A", "Close Long", 1)],
            [MAKER, _fill("BTC", "B", "Open Long", 1)],
        ),
        (Liquidation("BTC", "BTC", "long", "0.5", "105000", "52500", AT, "fill_avg"),),
        format="node-fills",
    ),
    short=Message(
        "a backstop takes a short over",
        DOCS,
        _block(
            [VICTIM, _fill("kPEPE", "B", "Liquidated Cross Short", 2, "backstop")],
            [VAULT, _fill("kPEPE", "A", "Liquidated Cross Short", 2, "backstop")],
        ),
        (
            Liquidation(
                *("kPEPE", "PEPE", "short", "500", "105", "52500", AT, "fill_avg", "backstop")
            ),
        ),
        format="node-fills",
    ),
    non_events=(
        Message("a block without fills", DOCS, _block(), format="node-fills"),
        Message(
            "spot has no leverage",
            DOCS,
            _block([VICTIM, _fill("@107", "A", "Sell", 3)]),
            format="node-fills",
        ),
    ),
    row_at=("events", 0, 1),
    required=("coin", "px", "sz", "side", "time", "tid"),
    others=(
        Message(
            "a winner of an auto-deleveraging is kept apart",
            DOCS,
            _block([MAKER, _fill("ETH", "B", "Auto-Deleveraging", 4, "backstop")]),
            (
                Liquidation(
                    *("ETH", "ETH", "short", "0.5", "105000", "52500", AT, "fill_avg", "adl")
                ),
            ),
            format="node-fills",
        ),
        Message(
            "what a liquidator vault is relieved of stays visible and apart",
            "https://app.hyperliquid.xyz/vaults/0xdfc24b077bc1425ad1dea75bcb6f8158e10df303",
            _block([VAULT, _of(VAULT, _fill("SOL", "A", "Liquidated Cross Long", 5, "backstop"))]),
            (
                Liquidation(
                    *("SOL", "SOL", "long", "0.5", "105000", "52500", AT, "fill_avg"),
                    "vault_unwind",
                ),
            ),
            format="node-fills",
        ),
        Message(
            "a builder-deployed exchange's contract is of the asset behind the colon",
            DOCS,
            _block([VICTIM, _fill("xyz:TSLA", "B", "Close Short", 6)]),
            (
                Liquidation(
                    *("xyz:TSLA", "TSLA", "short", "0.5", "105000", "52500", AT, "fill_avg")
                ),
            ),
            format="node-fills",
        ),
    ),
)
