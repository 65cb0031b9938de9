"""The records to mutate: documented and recorded messages, simulated responses, CSV rows.

Their times are moved into the hours before one instant, so that accepted mutants extend the
warehouse's spine by hours and not by years.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.venues.cases import all_cases

HERE = Path(__file__).parent
CONTEXT = HERE.parent / "dbt" / "context"
RECEIVED_AT = datetime(2026, 6, 30, 12, 0, 1, tzinfo=UTC)
# Every time is moved into the hour that begins here, minutes unchanged.
HOUR_S = 1782806400
IN_WORDS = "2026-06-30T08"

_EPOCH = re.compile(r"^1[3-9]\d{8}(\d{3}){0,3}$")
_ISO = re.compile(r"^20[12]\d-\d\d-\d\d([T ])\d\d(:\d\d.*)$")


@dataclass(frozen=True)
class Seed:
    """One record. CSV lines have a `header`; `dataset` is set for formats that are landed because
    `unwind import` does not take them."""

    venue: str
    format: str
    line: str
    header: str = ""
    dataset: str = ""
    settings: tuple[tuple[str, str], ...] = ()

    @property
    def group(self) -> tuple[str, str, str, str, tuple[tuple[str, str], ...]]:
        """The key of the seeds that share a file."""
        return self.venue, self.format, self.dataset, self.header, self.settings


def all_seeds() -> list[Seed]:
    """Every seed, in a fixed order."""
    return [*_messages(), *_answers(), *_csv_rows()]


def moved(value: Any) -> Any:
    """A JSON value with every time in it moved into the hour."""
    if isinstance(value, dict):
        return {key: moved(one) for key, one in value.items()}
    if isinstance(value, list):
        return [moved(one) for one in value]
    if isinstance(value, bool) or not isinstance(value, int | str):
        return value
    text = str(value)
    if _EPOCH.match(text):
        unit = 10 ** (len(text) - 10)
        at = HOUR_S * unit + int(text) % (3600 * unit)
        return at if isinstance(value, int) else str(at)
    if isinstance(value, str) and (written := _ISO.match(value)):
        return IN_WORDS.replace("T", written[1]) + written[2]
    return value


def _moved_text(text: str) -> str:
    try:
        return json.dumps(moved(json.loads(text)), ensure_ascii=False)
    except ValueError:
        return text


def _moved_line(line: str) -> str:
    """An envelope line with its own times and those in its text moved."""
    envelope = json.loads(line)
    if not isinstance(envelope, dict):
        return _moved_text(line)
    for key in ("frame", "body"):
        if isinstance(envelope.get(key), str):
            envelope[key] = _moved_text(envelope[key])
    moved_envelope = moved(envelope)
    if "received_at" in moved_envelope:
        moved_envelope["received_at"] = RECEIVED_AT.isoformat()
    return json.dumps(moved_envelope, ensure_ascii=False)


def _messages() -> Iterator[Seed]:
    for venue, cases in all_cases().items():
        for message in cases.messages:
            yield Seed(venue, message.import_format, _moved_line(message.line()))
        for observation in cases.context:
            yield Seed(venue, "rest", _moved_line(observation.line()))


def _answers() -> Iterator[Seed]:
    for line in (HERE / "answers.ndjson").read_text().splitlines():
        answer = json.loads(line)
        yield Seed(answer["venue"], "rest", _moved_line(json.dumps(answer["line"])))
    for answer in json.loads((CONTEXT / "answers.json").read_text()):
        request = {key: answer[key] for key in ("url", "params", "json") if key in answer}
        envelope = {
            "received_at": RECEIVED_AT.isoformat(),
            "request": {**request, "status": answer.get("status", 200)},
            "body": answer["text"] if "text" in answer else json.dumps(answer["body"]),
        }
        yield Seed(answer["venue"], "rest", _moved_line(json.dumps(envelope)))


NOON_MS, BAR_MS = HOUR_S * 1000, 300_000
_KLINE = f"{NOON_MS},60000,60100,59900,60050,10,{NOON_MS + BAR_MS - 1},600500,900,5,300250,0"
_TARDIS = "exchange,symbol,timestamp,local_timestamp"
# Venue, format, header, rows, dataset (only of formats that are landed), settings.
_CSV: tuple[tuple[str, str, str, tuple[str, ...], str, dict[str, str]], ...] = (
    (
        *("binance", "force-order-csv", ""),
        (
            f"BTC,SELL,LIMIT,IOC,0.120,60000.1,60010.5,FILLED,0.120,0.120,{NOON_MS},7201.26",
            f"ETH,BUY,LIMIT,IOC,3.5,2800.10,2799.50,PARTIALLY_FILLED,1,3,{NOON_MS + 1000},8398.5",
        ),
        *("", {}),
    ),
    (
        *("binance", "liquidation-snapshot"),
        "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
        "last_fill_quantity,accumulated_fill_quantity",
        (f"{NOON_MS},SELL,LIMIT,IOC,0.014,60000,60001,FILLED,0.014,0.014",),
        *("", {}),
    ),
    (
        *("binance", "metrics-csv"),
        "create_time,symbol,sum_open_interest,sum_open_interest_value,"
        "count_toptrader_long_short_ratio,sum_toptrader_long_short_ratio,count_long_short_ratio,"
        "sum_taker_long_short_vol_ratio",
        ("2026-06-30 08:05:00,BTCUSDT,82000.000,4920000000.00,1.12,1.22,1.32,0.92",),
        *("", {}),
    ),
    ("binance", "klines-csv", "", (_KLINE,), "", {}),
    ("binance", "klines-csv", "", (_KLINE,), "mark_bars", {}),
    (
        *("binance", "funding-csv", "calc_time,funding_interval_hours,last_funding_rate"),
        (f"{NOON_MS + 1},8,0.00010000",),
        *("", {}),
    ),
    (
        *("hyperliquid", "asset-ctxs-csv"),
        "time,coin,funding,open_interest,prev_day_px,day_ntl_vlm,premium,oracle_px,mark_px,mid_px,"
        "impact_bid_px,impact_ask_px",
        ("2026-06-30T08:05:00Z,BTC,0.0000125,20000,60000,1000000,0.0001,60000,60010,60005,1,1",),
        *("premium_index", {}),
    ),
    *(
        (
            *(venue, "tardis-csv", f"{_TARDIS},id,side,price,amount"),
            (f"{exchange},{symbol},{NOON_MS * 1000},{NOON_MS * 1000 + 5},7,sell,60000,0.5",),
            *("", {}),
        )
        for venue, exchange, symbol in (
            ("binance", "binance-futures", "BTCUSDT"),
            ("okx", "okex-swap", "BTC-USD-SWAP"),
            ("bybit", "bybit", "BTCUSDT"),
        )
    ),
    (
        *("bybit", "tardis-csv"),
        f"{_TARDIS},funding_timestamp,funding_rate,predicted_funding_rate,open_interest,last_price,"
        "index_price,mark_price",
        (f"bybit,BTCUSDT,{NOON_MS * 1000},{NOON_MS * 1000 + 5},,0.0001,,80000,60000,60001,60002",),
        *("", {}),
    ),
    (
        *("bybit", "bars-csv", "symbol;open_time;open;high;low;close;volume"),
        ("BTCUSDT;2026-06-30T08:00:00Z;59000;61000;58000;60000;10", f"ETHUSDT;{HOUR_S};4;6;3;5;1"),
        *("", {"bar": "1h", "price_kind": "last", "volume_unit": "base"}),
    ),
    (
        *("okx", "oi-csv", "coin,time,open_interest"),
        ("BTC,2026-06-30 10:00,100", "ETH,2026-06-30 10:30,1000"),
        "",
        {"unit": "usd", "sides": "two", "zone": "Europe/Berlin", "instrument": "{coin}-USDT-SWAP"},
    ),
    (
        *("gate", "funding-csv", "time,instrument,rate,interval_hours"),
        ("2026-06-30T08:00:00Z,BTC_USDT,0.01,8",),
        *("", {"rate_unit": "percent"}),
    ),
    (
        *("bitget", "ratio-csv", "instrument,time,long_short_ratio,ratio_kind"),
        (f"BTCUSDT,{NOON_MS},1.5,accounts",),
        *("", {}),
    ),
    (
        *("coinglass", "reported-csv", "exchange,asset,time,long,short"),
        ("Binance,BTC,2026-06-30T08:00:00Z,1000000,2000",),
        *("", {"unit": "usd", "bar": "1h", "first_valid_day": "2026-01-01"}),
    ),
    (
        *("market_caps", "market-caps-csv", "asset,time,market_cap_usd,price_usd,volume_24h_usd"),
        ("BTC,2026-06-30T08:00:00Z,1200000000000,60000,30000000000",),
        *("", {"source": "mine"}),
    ),
)


def _csv_rows() -> Iterator[Seed]:
    for venue, format, header, rows, dataset, settings in _CSV:
        for row in rows:
            yield Seed(venue, format, row, header, dataset, tuple(settings.items()))
