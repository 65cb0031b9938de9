"""CoinGecko coins/markets and CoinPaprika tickers.

Numbers are JSON numbers.
"""

from __future__ import annotations

from typing import Any

from unwind.simulator.exchanges import WireVenue
from unwind.simulator.market import Asset, Tape, instant
from unwind.simulator.responses import Answer, Request, json_answer


def _updated_ms(now_ms: int) -> int:
    """Both services answer with figures that were made up to a minute or so before."""
    return now_ms - now_ms % 60_000 - 15_000


def _ranked(tape: Tape, minute: int) -> list[tuple[int, Asset]]:
    ordered = sorted(tape.assets, key=lambda asset: -tape.market_cap_usd(asset, minute))
    return list(enumerate(ordered, start=1))


def _price(tape: Tape, asset: Asset, minute: int) -> float:
    return round(
        float(tape.mark_close[tape.asset_index[asset.symbol], minute]), asset.price_decimals + 2
    )


def _volume_usd(tape: Tape, asset: Asset, minute: int) -> float:
    return float(
        tape.volume_usd[tape.asset_index[asset.symbol], max(0, minute - 1439) : minute + 1].sum()
    )


def coingecko_rows(tape: Tape, now_ms: int) -> list[dict[str, Any]]:
    """All rows of coins/markets, by market cap."""
    minute = tape.minute_of(_updated_ms(now_ms))
    day_ago = max(0, minute - 1440)
    updated = instant(_updated_ms(now_ms)).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    rows = []
    for rank, asset in _ranked(tape, minute):
        number = tape.asset_index[asset.symbol]
        price, before = _price(tape, asset, minute), _price(tape, asset, day_ago)
        cap, cap_before = round(price * asset.supply), round(before * asset.supply)
        rows.append(
            {
                "id": asset.coingecko_id,
                "symbol": asset.symbol.lower(),
                "name": asset.name,
                "image": f"https://coin-images.coingecko.com/coins/images/{rank}/large/{asset.coingecko_id}.png",
                "current_price": price,
                "market_cap": cap,
                "market_cap_rank": rank,
                "fully_diluted_valuation": cap,
                "total_volume": round(_volume_usd(tape, asset, minute)),
                "high_24h": round(
                    float(tape.mark_high[number, day_ago : minute + 1].max()),
                    asset.price_decimals + 2,
                ),
                "low_24h": round(
                    float(tape.mark_low[number, day_ago : minute + 1].min()),
                    asset.price_decimals + 2,
                ),
                "price_change_24h": round(price - before, asset.price_decimals + 4),
                "price_change_percentage_24h": round(100 * (price / before - 1), 5),
                "market_cap_change_24h": cap - cap_before,
                "market_cap_change_percentage_24h": round(100 * (cap / cap_before - 1), 5),
                "circulating_supply": asset.supply,
                "total_supply": asset.supply,
                "max_supply": 21_000_000.0 if asset.symbol in ("BTC", "BCH") else None,
                "ath": round(price * 1.5, asset.price_decimals + 2),
                "ath_change_percentage": -33.33333,
                "ath_date": "2025-10-06T18:57:42.558Z",
                "roi": None,
                "last_updated": updated,
            }
        )
    return rows


def coinpaprika_rows(tape: Tape, now_ms: int) -> list[dict[str, Any]]:
    """All rows of tickers, by rank."""
    minute = tape.minute_of(_updated_ms(now_ms))
    day_ago, hour_ago = max(0, minute - 1440), max(0, minute - 60)
    updated = instant(_updated_ms(now_ms)).strftime("%Y-%m-%dT%H:%M:%SZ")
    rows = []
    for rank, asset in _ranked(tape, minute):
        price, before = _price(tape, asset, minute), _price(tape, asset, day_ago)
        rows.append(
            {
                "id": asset.coinpaprika_id,
                "name": asset.name,
                "symbol": asset.symbol,
                "rank": rank,
                "total_supply": round(asset.supply),
                "max_supply": 0,
                "beta_value": asset.beta,
                "first_data_at": "2017-01-01T00:00:00Z",
                "last_updated": updated,
                "quotes": {
                    "USD": {
                        "price": price,
                        "volume_24h": _volume_usd(tape, asset, minute),
                        "volume_24h_change_24h": 0,
                        "market_cap": round(price * asset.supply),
                        "market_cap_change_24h": round(100 * (price / before - 1), 2),
                        "percent_change_1h": round(
                            100 * (price / _price(tape, asset, hour_ago) - 1), 2
                        ),
                        "percent_change_24h": round(100 * (price / before - 1), 2),
                        "ath_price": round(price * 1.5, asset.price_decimals),
                        "ath_date": "2025-10-06T18:57:00Z",
                        "percent_from_price_ath": -33.33,
                    }
                },
            }
        )
    return rows


def answer(tape: Tape, now_ms: int, request: Request) -> Answer:
    """CoinGecko (paged) or CoinPaprika at an instant."""
    if request.connection == "coinpaprika":
        if request.path.rstrip("/").endswith("/tickers"):
            return json_answer(coinpaprika_rows(tape, now_ms))
        return json_answer({"error": "id not found"}, 404)
    if not request.path.endswith("/coins/markets"):
        return json_answer({"error": "coin not found"}, 404)
    if not request.params.get("vs_currency"):
        return json_answer({"error": "Missing parameter vs_currency"}, 422)
    rows = coingecko_rows(tape, now_ms)
    wanted = set(filter(None, request.params.get("ids", "").split(",")))
    rows = [row for row in rows if not wanted or row["id"] in wanted]
    size = min(request.integer("per_page", 100) or 100, 250)
    first = ((request.integer("page", 1) or 1) - 1) * size
    return json_answer(rows[first : first + size])


VENUE = WireVenue(
    "market_caps",
    answers={"coingecko": answer, "coinpaprika": answer},
    faults={
        ("coingecko", "throttled"): json_answer(
            {"status": {"error_code": 429, "error_message": "You've exceeded the Rate Limit."}},
            429,
        ),
        ("coingecko", "error_code"): json_answer(
            {
                "status": {
                    "error_code": 10005,
                    "error_message": "This request is limited to paid plans.",
                }
            }
        ),
        ("coinpaprika", "throttled"): json_answer({"error": "too many requests"}, 429),
    },
)
