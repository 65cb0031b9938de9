"""Binance: USD-M and COIN-M futures, spot bars beside them, and its published daily dumps.

Its liquidations come by WebSocket (the recorder) and, for past days, as COIN-M dumps.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from unwind.file_formats import Column, CsvFormat, FileFormat, columns
from unwind.http import (
    MAX_PAGES,
    Connection,
    ErrorRules,
    RateLimit,
    Request,
    Response,
    VenueApi,
)
from unwind.venues import (
    DAILY,
    DAY,
    HOUR,
    LandingContext,
    NotKnownError,
    Ranked,
    Settling,
    Stream,
    Window,
    dataset,
)

NAME = "binance"
CONNECTIONS = {
    "binance_um": Connection("https://fapi.binance.com"),
    "binance_cm": Connection("https://dapi.binance.com"),
    "binance_spot": Connection("https://api.binance.com", limits="spot"),
    # The dumps are served apart from the exchange's API: a ban there does not apply here.
    "binance_dumps": Connection("https://data.binance.vision", limits="dumps"),
    "binance_dumps_listing": Connection(
        "https://s3-ap-northeast-1.amazonaws.com/data.binance.vision",
        limits="dumps",
        follows="binance_dumps",
    ),
    "binance_ws": Connection("wss://fstream.binance.com"),
}
# USD-M and COIN-M together since 2026-06-30, on dstream as well: one of the two hosts is enough. A
# route other than /market is accepted and stays silent. A connection lives 24 hours.
STREAMS = (Stream("binance_ws", "/market/ws/!forceOrder@arr", life_seconds=23 * 3600),)
ERROR_RULES = ErrorRules(
    code_at=("code",),
    throttled_codes=frozenset({"-1003"}),
    busy_codes=frozenset({"-1001", "-1008"}),
    absent_codes=frozenset({"-1121"}),
    used_header="X-MBX-USED-WEIGHT-1M",
    used_limit=2400,
)
SETTLING = Settling(
    timedelta(seconds=60),
    "2026-11-25",
    "context alone; the last five-minute statistics and bars come within seconds",
)
RATE_LIMITS = (
    RateLimit("/futures/data", 1000, 300),
    RateLimit("/fapi/v1/funding", 500, 300),
    RateLimit("/dapi/v1/funding", 500, 300),
    RateLimit("/fapi", 2400, 60),
    RateLimit("/dapi", 2400, 60),
    RateLimit("/api/v3", 6000, 60),
)
ALL_SYMBOLS_TICKER_COST = 40
FUTURES = {"um": ("binance_um", "/fapi/v1"), "cm": ("binance_cm", "/dapi/v1")}
FUNDING_PAGE_ROWS = 1000
BAR = "5m"
# The words of an order, one of which is in every row, even in a truncated one.
ORDER_WORDS = frozenset({"BUY", "SELL", "LIMIT", "IOC", "FILLED"})
FORCE_ORDER = (
    *columns("symbol"),
    Column("side", words=("BUY", "SELL")),
    Column("order_type", is_required=False),
    Column("time_in_force", is_required=False),
    *columns("original_quantity", "price", "average_price"),
    Column("status", aliases=("order_status",)),
    Column("last_filled", is_required=False, aliases=("order_last_filled_quantity",)),
    Column("accumulated_filled", aliases=("order_filled_accumulated_quantity",)),
    Column("trade_time_ms", "time", aliases=("order_trade_time",)),
    Column("usd_size", is_required=False),
)
NUMBERS = dict.fromkeys(
    ("open", "high", "low", "close", "price", "last_funding_rate", "volume"), "number"
)
TIMES = dict.fromkeys(("open_time", "close_time", "create_time", "calc_time", "time"), "time")
FORMATS = (
    # What collectors of the stream write.
    FileFormat(
        "force-order-csv",
        "liquidations",
        CsvFormat((FORCE_ORDER,), is_anchored=True, row_words=ORDER_WORDS),
    ),
    FileFormat(
        "liquidation-snapshot",
        "liquidations",
        CsvFormat(
            (
                columns(
                    *("time", "side", "order_type", "time_in_force", "original_quantity", "price"),
                    *("average_price", "order_status", "last_fill_quantity"),
                    "accumulated_fill_quantity",
                    holds={**TIMES, **NUMBERS},
                ),
                # A loader's variant with the symbol, and what staging cannot do without.
                columns(
                    *("symbol", "time", "side", "original_quantity", "price", "average_price"),
                    "accumulated_fill_quantity",
                    holds={**TIMES, **NUMBERS},
                ),
            )
        ),
    ),
    FileFormat(
        "metrics-csv",
        "metrics",
        CsvFormat(
            (
                columns(
                    *("create_time", "symbol", "sum_open_interest", "sum_open_interest_value"),
                    *("count_toptrader_long_short_ratio", "sum_toptrader_long_short_ratio"),
                    *("count_long_short_ratio", "sum_taker_long_short_vol_ratio"),
                    holds=TIMES,
                ),
            )
        ),
    ),
    FileFormat(
        "klines-csv",
        "spot_bars",
        CsvFormat(
            (
                (
                    *columns(
                        *("open_time", "open", "high", "low", "close", "volume", "close_time"),
                        holds={**TIMES, **NUMBERS},
                    ),
                    # Their names in the API's documentation.
                    Column("quote_volume", aliases=("quote_asset_volume",)),
                    Column("count", aliases=("number_of_trades",)),
                    Column("taker_buy_volume", aliases=("taker_buy_base_asset_volume",)),
                    Column("taker_buy_quote_volume", aliases=("taker_buy_quote_asset_volume",)),
                    Column("ignore"),
                ),
            ),
            is_anchored=True,
        ),
    ),
    # The dumps are found by their header; anything else is the format of any venue.
    FileFormat(
        "funding-csv",
        "funding",
        CsvFormat(
            (
                columns(
                    *("calc_time", "funding_interval_hours", "last_funding_rate"),
                    holds={**TIMES, **NUMBERS},
                ),
            )
        ),
    ),
)
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"


def _volumes(responses: Iterable[tuple[Request, Any]]) -> Iterator[Ranked]:
    """No response has the open interest of all symbols: the day's volume stands in."""
    for request, rows in responses:
        market, field = ("cm", "volume") if "/dapi/" in request.where else ("um", "quoteVolume")
        for row in rows:
            yield Ranked(market, row["symbol"], float(row.get(field) or 0))


@dataset("tickers", HOUR, DAY, ranking=_volumes, is_snapshot=True)
def tickers(api: VenueApi, window: Window, context: LandingContext) -> None:
    for connection, root in FUTURES.values():
        api.get(connection, f"{root}/ticker/24hr", cost=ALL_SYMBOLS_TICKER_COST)


@dataset("premium_index", HOUR, is_snapshot=True)
def premium_index(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Mark and index prices and the current funding estimate of every contract."""
    for connection, root in FUTURES.values():
        api.get(connection, f"{root}/premiumIndex", cost=10)


@dataset("instruments", DAILY, is_snapshot=True)
def instruments(api: VenueApi, window: Window, context: LandingContext) -> None:
    for connection, root in FUTURES.values():
        api.get(connection, f"{root}/exchangeInfo", rows=("symbols",))


def _five_minutes(window: Window) -> dict[str, Any]:
    return {"period": "5m", "startTime": window.from_ms, "endTime": window.last_ms, "limit": 500}


def _pairs_and_types(symbols: list[str]) -> list[dict[str, str]]:
    """COIN-M histories go by pair and type: BTCUSD_PERP, or one of two dated contracts."""
    asked = {}
    for symbol in symbols:
        pair, _, expiry = symbol.partition("_")
        types = ("PERPETUAL",) if expiry == "PERP" else ("CURRENT_QUARTER", "NEXT_QUARTER")
        asked.update({(pair, one): {"pair": pair, "contractType": one} for one in types})
    return list(asked.values())


@dataset("open_interest", HOUR)
def open_interest(api: VenueApi, window: Window, context: LandingContext) -> None:
    for symbol in context.tracked("um"):
        params = {"symbol": symbol, **_five_minutes(window)}
        api.get("binance_um", "/futures/data/openInterestHist", params)
    for pair_and_type in _pairs_and_types(context.tracked("cm")):
        params = {**pair_and_type, **_five_minutes(window)}
        api.get("binance_cm", "/futures/data/openInterestHist", params)


@dataset("long_short_ratio", HOUR)
def long_short_ratio(api: VenueApi, window: Window, context: LandingContext) -> None:
    for symbol in context.tracked("um"):
        for ratio in (
            "globalLongShortAccountRatio",
            "topLongShortAccountRatio",
            "topLongShortPositionRatio",
            "takerlongshortRatio",
        ):
            params = {"symbol": symbol, **_five_minutes(window)}
            api.get("binance_um", f"/futures/data/{ratio}", params)


@dataset("funding", HOUR, DAY, refetched=True)
def funding(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Settled rates and adjusted intervals; with a month's last day also the month's dump."""
    if window.to_at.day == 1 and len(window.hours) == 24:
        month = f"{window.from_at:%Y-%m}"
        for market in FUTURES:
            for symbol in _dumped_symbols(api, context, market, "monthly/fundingRate"):
                name = f"futures/{market}/monthly/fundingRate/{symbol}/{symbol}-fundingRate-{month}"
                _dump(api, context, name, "funding-csv")
    span = {"startTime": window.from_ms, "endTime": window.last_ms, "limit": FUNDING_PAGE_ROWS}

    def newer(response: Response) -> dict[str, Any] | None:
        if len(response.rows) < FUNDING_PAGE_ROWS:
            return None
        # Many symbols settle in one instant: the last one is requested again, unless it fills
        # the page.
        first_ms, last_ms = (int(response.rows[at]["fundingTime"]) for at in (0, -1))
        return {"startTime": last_ms + (first_ms == last_ms)}

    for _ in api.paginate("binance_um", "/fapi/v1/fundingRate", span, newer):
        pass
    for symbol in context.tracked("cm"):
        if symbol.endswith("_PERP"):
            api.get("binance_cm", "/dapi/v1/fundingRate", {"symbol": symbol, **span})
    for connection, root in FUTURES.values():
        api.get(connection, f"{root}/fundingInfo")


@dataset("spot_bars", HOUR, DAY, refetched=True)
def spot_bars(api: VenueApi, window: Window, context: LandingContext) -> None:
    """Spot bars of the tracked contracts' assets; an asset without a spot listing is no failure."""
    for symbol in _spot_symbols(context.tracked("um")):
        if len(window.hours) == 24:
            name = f"spot/daily/klines/{symbol}/{BAR}/{symbol}-{BAR}-{window.from_at:%Y-%m-%d}"
            _dump(api, context, name, "klines-csv")
        else:
            params = {
                "symbol": symbol,
                "interval": BAR,
                "startTime": window.from_ms,
                "endTime": window.last_ms,
                "limit": 500,
            }
            api.get("binance_spot", "/api/v3/klines", params)


def _spot_symbols(contracts: list[str]) -> list[str]:
    """1000SHIBUSDT is a contract on SHIBUSDT; dated contracts have no spot symbol."""
    return list(
        dict.fromkeys(re.sub(r"^(1000000|1000|1M)", "", one) for one in contracts if "_" not in one)
    )


@dataset("liquidations", DAY, refetched=True, files=True)
def liquidations(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The day's liquidation snapshots of every symbol that has any (COIN-M; USD-M was removed)."""
    for market in FUTURES:
        for symbol in _listed_symbols(api, f"futures/{market}/daily/liquidationSnapshot"):
            _daily_dump(api, context, window, market, "liquidationSnapshot", symbol)


@dataset("metrics", DAY, refetched=True)
def metrics(api: VenueApi, window: Window, context: LandingContext) -> None:
    """The day's five-minute open interest and ratios."""
    for market in FUTURES:
        for symbol in _dumped_symbols(api, context, market, "daily/metrics"):
            _daily_dump(api, context, window, market, "metrics", symbol)


@dataset("mark_bars", DAY, refetched=True)
def mark_bars(api: VenueApi, window: Window, context: LandingContext) -> None:
    for symbol in _dumped_symbols(api, context, "um", "daily/markPriceKlines"):
        day = f"{window.from_at:%Y-%m-%d}"
        name = f"futures/um/daily/markPriceKlines/{symbol}/{BAR}/{symbol}-{BAR}-{day}"
        _dump(api, context, name, "klines-csv")


def _daily_dump(
    api: VenueApi, context: LandingContext, window: Window, market: str, kind: str, symbol: str
) -> None:
    name = f"futures/{market}/daily/{kind}/{symbol}/{symbol}-{kind}-{window.from_at:%Y-%m-%d}"
    format = "liquidation-snapshot" if kind == "liquidationSnapshot" else "metrics-csv"
    _dump(api, context, name, format)


def _dump(api: VenueApi, context: LandingContext, name: str, format: str) -> None:
    """One zip, checked against its checksum file; the same bytes are not fetched twice."""
    path = f"/data/{name}.zip"
    sidecar = api.text("binance_dumps", f"{path}.CHECKSUM")
    if sidecar is None:
        return
    published = re.match(r"\s*([0-9a-fA-F]{64})\b", sidecar)
    if published is None:
        api.record_failure(
            f"the checksum file of {path} holds no sha256; the dump was not fetched, land again"
        )
    elif not context.has(api.where("binance_dumps", path), published[1].lower()):
        api.download("binance_dumps", path, format=format, sha256=published[1], is_zip=True)


def _dumped_symbols(api: VenueApi, context: LandingContext, market: str, folder: str) -> list[str]:
    """The tracked symbols; where the API does not tell which are large, all that are listed."""
    try:
        return context.tracked(market)
    except NotKnownError:
        return list(_listed_symbols(api, f"futures/{market}/{folder}"))


def _listed_symbols(api: VenueApi, folder: str) -> Iterator[str]:
    """The symbols that have a folder in the bucket, from its listing."""
    prefix, marker = f"data/{folder}/", ""
    for _ in range(MAX_PAGES):
        params = {"prefix": prefix, "delimiter": "/"} | ({"marker": marker} if marker else {})
        listing = api.text("binance_dumps_listing", "/", params)
        if listing is None:
            return
        try:
            tree = ElementTree.fromstring(listing)  # noqa: S314
        except ElementTree.ParseError:
            api.record_failure(
                f"the listing of {folder} is no XML; its files were not fetched, land again"
            )
            return
        found = [node.text or "" for node in tree.iterfind(f"{S3}CommonPrefixes/{S3}Prefix")]
        yield from (one.removeprefix(prefix).strip("/") for one in found)
        if tree.findtext(f"{S3}IsTruncated") != "true":
            return
        if not found or found[-1] <= marker:
            api.record_unfinished("/", params, "leads back to a page that it gave already")
            return
        marker = found[-1]
    api.record_unfinished("/", params, f"goes on after {MAX_PAGES} pages")
