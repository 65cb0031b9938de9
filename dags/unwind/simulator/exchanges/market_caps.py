"""CoinGecko's coins/markets and CoinPaprika's tickers. Numbers are JSON numbers."""

from __future__ import annotations

from typing import Any

from unwind.simulator import kit
from unwind.simulator.market.steady import instant
from unwind.simulator.responses import json_response

PER_PAGE = kit.Limit(100, 250, name="per_page")
ATH_DATE = "2025-10-06T18:57:{}Z"


def updated_ms(call: kit.Call) -> int:
    """Both services answer with figures that were made up to a minute or so before."""
    return call.now_ms - call.now_ms % 60_000 - 15_000


def ranked(call: kit.Call) -> tuple[int, list[tuple[int, kit.Asset]]]:
    """The minute that the figures are of, and the assets by market cap with their ranks."""
    minute = call.tape.minute_of(updated_ms(call))
    ordered = sorted(call.tape.assets, key=lambda asset: -call.tape.market_cap_usd(asset, minute))
    return minute, list(enumerate(ordered, start=1))


def price_of(tape: kit.Tape, asset: kit.Asset, minute: int) -> float:
    close = float(tape.mark_close[tape.asset_index[asset.symbol], max(0, minute)])
    return round(close, asset.price_decimals + 2)


def coingecko(call: kit.Call) -> list[dict[str, Any]]:
    """coins/markets of some coins or all, by pages."""
    if not call.text("vs_currency"):
        raise kit.RefusedError(json_response({"error": "Missing parameter vs_currency"}, 422))
    minute, assets = ranked(call)
    wanted = set(filter(None, call.text("ids").split(",")))
    size = PER_PAGE.of(call)
    first = (call.integer("page", 1) - 1) * size
    rows = [
        coingecko_row(call, rank, asset, minute)
        for rank, asset in assets
        if not wanted or asset.coingecko_id in wanted
    ]
    return rows[first : first + size]


def coingecko_row(call: kit.Call, rank: int, asset: kit.Asset, minute: int) -> dict[str, Any]:
    decimals = asset.price_decimals + 2
    price, before = (price_of(call.tape, asset, at) for at in (minute, minute - 1440))
    cap, cap_before = round(price * asset.supply), round(before * asset.supply)
    high, low, _ = call.tape.day_of(asset.symbol, minute, minutes=1441)
    _, _, volume = call.tape.day_of(asset.symbol, minute)
    images = "https://coin-images.coingecko.com/coins/images"
    return {
        "id": asset.coingecko_id,
        "symbol": asset.symbol.lower(),
        "name": asset.name,
        "image": f"{images}/{rank}/large/{asset.coingecko_id}.png",
        "current_price": price,
        "market_cap": cap,
        "market_cap_rank": rank,
        "fully_diluted_valuation": cap,
        "total_volume": round(volume),
        "high_24h": round(high, decimals),
        "low_24h": round(low, decimals),
        "price_change_24h": round(price - before, decimals + 2),
        "price_change_percentage_24h": round(100 * (price / before - 1), 5),
        "market_cap_change_24h": cap - cap_before,
        "market_cap_change_percentage_24h": round(100 * (cap / cap_before - 1), 5),
        "circulating_supply": asset.supply,
        "total_supply": asset.supply,
        "max_supply": 21_000_000.0 if asset.symbol in ("BTC", "BCH") else None,
        "ath": round(price * 1.5, decimals),
        "ath_change_percentage": -33.33333,
        "ath_date": ATH_DATE.format("42.558"),
        "roi": None,
        "last_updated": f"{instant(updated_ms(call)):%Y-%m-%dT%H:%M:%S}.000Z",
    }


def coinpaprika(call: kit.Call) -> list[dict[str, Any]]:
    """All tickers, by rank."""
    minute, assets = ranked(call)
    return [coinpaprika_row(call, rank, asset, minute) for rank, asset in assets]


def coinpaprika_row(call: kit.Call, rank: int, asset: kit.Asset, minute: int) -> dict[str, Any]:
    price, hour_ago, day_ago = (
        price_of(call.tape, asset, at) for at in (minute, minute - 60, minute - 1440)
    )
    _, _, volume = call.tape.day_of(asset.symbol, minute)
    change_24h = round(100 * (price / day_ago - 1), 2)
    in_usd = {
        "price": price,
        "volume_24h": volume,
        "volume_24h_change_24h": 0,
        "market_cap": round(price * asset.supply),
        "market_cap_change_24h": change_24h,
        "percent_change_1h": round(100 * (price / hour_ago - 1), 2),
        "percent_change_24h": change_24h,
        "ath_price": round(price * 1.5, asset.price_decimals),
        "ath_date": ATH_DATE.format("00"),
        "percent_from_price_ath": -33.33,
    }
    return {
        "id": asset.coinpaprika_id,
        "name": asset.name,
        "symbol": asset.symbol,
        "rank": rank,
        "total_supply": round(asset.supply),
        "max_supply": 0,
        "beta_value": asset.beta,
        "first_data_at": "2017-01-01T00:00:00Z",
        "last_updated": f"{instant(updated_ms(call)):%Y-%m-%dT%H:%M:%SZ}",
        "quotes": {"USD": in_usd},
    }


def problem(code: int, text: str) -> dict[str, Any]:
    return {"status": {"error_code": code, "error_message": text}}


EXCHANGE = kit.Exchange(
    "market_caps",
    {
        "coingecko": kit.Api(
            {"/api/v3/coins/markets": coingecko},
            unknown=json_response({"error": "coin not found"}, 404),
        ),
        "coinpaprika": kit.Api(
            {"/v1/tickers": coinpaprika}, unknown=json_response({"error": "id not found"}, 404)
        ),
    },
    faults={
        "coingecko": {
            "throttled": json_response(problem(429, "You've exceeded the Rate Limit."), 429),
            "error_code": json_response(problem(10005, "This request is limited to paid plans.")),
        },
        "coinpaprika": {"throttled": json_response({"error": "too many requests"}, 429)},
    },
)
