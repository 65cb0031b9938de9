"""Hyperliquid: the /info endpoint, and the contracts; fills are in `hyperliquid_fills`.

Funding is hourly; open interest is in base coins.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from unwind.simulator import kit
from unwind.simulator.contracts import contract
from unwind.simulator.decimals import fixed
from unwind.simulator.exchanges.hyperliquid_fills import (
    LIQUIDATOR_VAULT,
    block_lines,
    node_fills,
    price_text,
    written,
)
from unwind.simulator.market.steady import HOUR_MS, steady
from unwind.simulator.responses import json_response

QUANTITY_DECIMALS = {
    "BTC": 5, "ETH": 4, "SOL": 2, "XRP": 0, "DOGE": 0, "BNB": 3, "ADA": 0, "HYPE": 2, "LINK": 1,
    "AVAX": 2, "SUI": 1, "PEPE": 0, "LTC": 2, "TRX": 0,
}  # fmt: skip
# What builder-deployed exchanges are margined in, by the index of the token.
DEX_COLLATERAL = {"hyna": 235, "xyz": 0}
HYNA_BTC_SHARE = 0.02
FILLS_PAGE_ROWS = 2000
FUNDING_PAGE_ROWS = 500
# A delisted coin stays in the universe, at this place.
DELISTED_PLACE = 4
DELISTED = {
    "szDecimals": 1, "name": "MATIC", "maxLeverage": 20, "marginTableId": 20, "isDelisted": True,
}  # fmt: skip
DELISTED_CONTEXT = {
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
}
UNPROCESSABLE = kit.Response(
    422,
    b"Failed to deserialize the JSON body into the target type",
    {"content-type": "text/plain"},
)


def contracts(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """One perpetual a coin, in USDC, and one of BTC on a builder-deployed exchange, in USDe."""
    thousand = asset.symbol == "PEPE"
    on_hyna = HYNA_BTC_SHARE if asset.symbol == "BTC" else 0.0
    coin = f"k{asset.symbol}" if thousand else asset.symbol
    common: dict[str, Any] = {"base": coin, "decimals": QUANTITY_DECIMALS[asset.symbol], "hours": 1}
    multiplier = 1000.0 if thousand else 1.0
    yield contract(
        asset, coin, 1 - on_hyna, market="perp", quote="USDC", multiplier=multiplier, **common
    )
    if on_hyna:
        yield contract(asset, f"hyna:{coin}", on_hyna, market="hyna", quote="USDe", **common)


def stocks(asset: kit.Asset) -> Iterator[kit.Instrument]:
    """A perpetual on a share, on a builder-deployed exchange."""
    yield contract(asset, f"xyz:{asset.symbol}", market="xyz", quote="USDC", decimals=3, hours=1)


def info(tape: kit.Tape, now_ms: int, venue: str, request: kit.Request) -> kit.Response:
    """POST /info: the type of the body is the endpoint, its other fields are the parameters."""
    if request.path != "/info" or request.method != "POST":
        return kit.Response(404, b"", {})
    try:
        body = json.loads(request.body)
        return json_response(INFO[body["type"]](kit.Call(tape, now_ms, venue, request, body)))
    except (ValueError, KeyError, TypeError, kit.NotListedError):
        return UNPROCESSABLE


def meta_and_contexts(call: kit.Call) -> list[Any]:
    """Universe and contexts, to be joined by position; of one exchange if `dex` names it."""
    dex = call.text("dex")
    if dex and dex not in DEX_COLLATERAL:
        raise kit.NotListedError(dex)
    listed = call.contracts(dex or "perp")
    universe: list[dict[str, Any]] = [
        {
            "szDecimals": one.quantity_decimals,
            "name": one.symbol,
            "maxLeverage": 40 if one.symbol == "BTC" else 20,
            "marginTableId": 50 + place,
        }
        for place, one in enumerate(listed)
    ]
    contexts = [context(call.quote(one)) for one in listed]
    if not dex:
        universe.insert(DELISTED_PLACE, DELISTED)
        contexts.insert(DELISTED_PLACE, DELISTED_CONTEXT)
    token = DEX_COLLATERAL.get(dex, 0)
    return [{"universe": universe, "marginTables": [], "collateralToken": token}, contexts]


def context(q: kit.Quote) -> dict[str, Any]:
    decimals = q.contract.price_decimals

    def price(value: float) -> str:
        return price_text(round(value * 10**decimals), decimals)

    return {
        "funding": fixed(q.rate, 10),
        "openInterest": fixed(q.oi, q.contract.quantity_decimals or 1),
        "prevDayPx": price(q.tape.mark_price(q.contract, max(0, q.minute - 1439))),
        "dayNtlVlm": fixed(q.traded_usd, 10),
        "premium": fixed(q.premium, 10),
        "oraclePx": price(q.index),
        "markPx": price(q.mark),
        "midPx": price(q.mark * 1.00001),
        "impactPxs": [price(q.mark * 0.9999), price(q.mark * 1.0001)],
        "dayBaseVlm": fixed(q.traded_usd / q.mark, 5),
    }


def funding_history(call: kit.Call) -> list[dict[str, Any]]:
    """Up to 500 hourly rows, ascending; the premium is sometimes absent."""
    contract = call.contract(call.params["coin"])
    start, end = int(call.params["startTime"]), call.integer("endTime", call.now_ms)
    times = call.tape.funding_times_ms(contract, start, min(end, call.now_ms))
    return [settled(call.quote(contract, at_ms)) for at_ms in times[:FUNDING_PAGE_ROWS]]


def settled(q: kit.Quote) -> dict[str, Any]:
    row = {"coin": q.symbol, "fundingRate": fixed(q.rate, 10)}
    if steady("premium absent", q.symbol, q.at_ms) > 0.02:
        row["premium"] = fixed(q.premium, 10)
    return row | {"time": q.at_ms + int(90 * steady("funding time", q.symbol, q.at_ms))}


def user_fills(call: kit.Call) -> list[dict[str, Any]]:
    """Fills of the liquidator vault, ascending: what it took over. Others have none.

    At most 2,000 fills a response.
    """
    if str(call.params["user"]).lower() != LIQUIDATOR_VAULT:
        return []
    start = max(int(call.params["startTime"]), call.tape.start_ms)
    end = min(call.integer("endTime", call.now_ms), call.now_ms, call.tape.end_ms - 1)
    return [
        fill
        for hour_ms in range(start - start % HOUR_MS, end + 1, HOUR_MS)
        for fill in vault_fills(call.tape, hour_ms)
        if start <= fill["time"] <= end
    ][:FILLS_PAGE_ROWS]


@lru_cache(maxsize=64)
def vault_fills(tape: kit.Tape, hour_ms: int) -> list[dict[str, Any]]:
    """The liquidator vault's fills of an hour, with the times of their blocks as in the files."""
    return [
        fill
        for line in block_lines(tape, hour_ms)
        for address, fill in json.loads(line)["events"]
        if address == LIQUIDATOR_VAULT
    ]


def dexes(call: kit.Call) -> list[Any]:
    return [None, *({"name": dex, "fullName": dex.upper()} for dex in DEX_COLLATERAL)]


INFO: dict[str, kit.Endpoint] = {
    "metaAndAssetCtxs": meta_and_contexts,
    "fundingHistory": funding_history,
    "userFillsByTime": user_fills,
    "perpDexs": dexes,
}
RULE = kit.PublicationRule("all", fills=True, partial=True, backstop=True)
EXCHANGE = kit.Exchange(
    "hyperliquid",
    {"hyperliquid": info, "hyperliquid_nodefills": node_fills},
    files=("hyperliquid_nodefills",),
    trading=kit.Trading(
        contracts, RULE, oi_weight=0.18, flow_weight=0.20, size_scale=1.35, stocks=stocks
    ),
    faults={"hyperliquid": {"throttled": json_response(None, 429)}},
    written=written,
    reported=lambda tape, from_ms, to_ms: (
        line
        for hour_ms in range(from_ms - from_ms % HOUR_MS, to_ms, HOUR_MS)
        for line in block_lines(tape, hour_ms)
    ),
)
