"""Binance's downloadable dumps: CSV in zips with checksums, and the bucket's listing.

Daily files appear four hours after their day, monthly ones on the first Monday after their month.
"""

from __future__ import annotations

import hashlib
import io
import re
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple
from xml.sax.saxutils import escape

from unwind.simulator import kit
from unwind.simulator.decimals import fixed, padded
from unwind.simulator.exchanges.binance_klines import (
    INTERVAL_MINUTES,
    SPOT_VOLUME_SHARES,
    Series,
    kline_rows,
    mark_series,
    spot_series,
)
from unwind.simulator.exchanges.binance_orders import last_filled
from unwind.simulator.market.steady import DAY_MS, HOUR_MS, MINUTE_MS, epoch_ms, instant, steady

# From this instant USD-M metrics rows are labelled with the start of their five minutes, before it
# with the end.
METRICS_START_LABELS_FROM = datetime(2026, 6, 25, tzinfo=UTC)
SPOT_MICROSECONDS_FROM = date(2025, 1, 1)
DELAY_MS = 4 * HOUR_MS
MAX_KEYS = 1000
KLINE_HEADER = (
    "open_time,open,high,low,close,volume,close_time,quote_volume,count,taker_buy_volume,"
    "taker_buy_quote_volume,ignore"
)
SNAPSHOT_HEADER = (
    "time,side,order_type,time_in_force,original_quantity,price,average_price,order_status,"
    "last_fill_quantity,accumulated_fill_quantity"
)
METRICS_HEADER = (
    "create_time,symbol,sum_open_interest,sum_open_interest_value,count_toptrader_long_short_ratio,"
    "sum_toptrader_long_short_ratio,count_long_short_ratio,sum_taker_long_short_vol_ratio"
)
FUNDING_HEADER = "calc_time,funding_interval_hours,last_funding_rate"
METRICS_RATIOS = ("top_accounts", "top_positions", "accounts", "taker_volume")
KEY = re.compile(
    r"^data/(?:futures/)?(?P<market>um|cm|spot)/(?P<frequency>daily|monthly)/(?P<kind>\w+)/"
    r"(?P<symbol>[A-Z0-9_]+)/(?:(?P<interval>\d+[mhd])/)?"
    r"(?P<stem>[A-Z0-9_]+-[A-Za-z0-9]+-(?P<period>\d{4}-\d{2}(?:-\d{2})?))\.zip$"
)
XML = {"content-type": "application/xml"}
XML_HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
LISTED_INTERVALS = ("1m", "5m", "1h")


class Dump(NamedTuple):
    """The file of a key: a symbol's day or month, [from, to) in epoch ms."""

    market: str
    frequency: str
    kind: str
    symbol: str
    interval: str
    stem: str
    from_ms: int
    to_ms: int

    @property
    def published_ms(self) -> int:
        if self.frequency == "daily":
            return self.to_ms + DELAY_MS
        return self.to_ms + ((7 - instant(self.to_ms).weekday()) % 7) * DAY_MS + DELAY_MS


@lru_cache(maxsize=10_000)
def dump_of(key: str) -> Dump | None:
    """The dump of a key; None if it is no dump."""
    parts = KEY.match(key)
    if parts is None:
        return None
    daily = parts["frequency"] == "daily"
    try:
        form = "%Y-%m-%d" if daily else "%Y-%m"
        first = datetime.strptime(parts["period"], form).replace(tzinfo=UTC)
    except ValueError:
        return None
    end = first + timedelta(days=1) if daily else (first + timedelta(days=32)).replace(day=1)
    named = {name: text or "" for name, text in parts.groupdict().items() if name != "period"}
    return Dump(**named, from_ms=epoch_ms(first), to_ms=epoch_ms(end))


# -- contents --------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def dump_csv(
    tape: kit.Tape, key: str, *, odd_rows: bool = False, republished: bool = False
) -> str | None:
    """CSV text of a dump key, or None when the venue has no such file.

    `odd_rows` drops one of a doubled pair; a file that is `republished` differs in its last digit.
    """
    dump = dump_of(key)
    if dump is None or dump.to_ms <= tape.start_ms or dump.from_ms >= tape.end_ms:
        return None
    found = _contents(tape, dump)
    if found is None:
        return None
    header, rows = found
    lines = ([header] if header else []) + rows
    if odd_rows and len(lines) > 2:
        del lines[2]
    if republished and len(lines) > 1 and lines[-1][-1].isdigit():
        lines[-1] = lines[-1][:-1] + str((int(lines[-1][-1]) + 1) % 10)
    return "\n".join([*lines, ""])


def _contents(tape: kit.Tape, dump: Dump) -> tuple[str, list[str]] | None:
    """Header and lines of a dump."""
    number = tape.instrument_number.get(("binance", dump.symbol))
    contract = None if number is None else tape.instruments[number]
    if dump.market == "spot":
        return _spot_klines(tape, dump) if dump.kind == "klines" else None
    if contract is None or contract.market != dump.market:
        return None
    match dump.kind, dump.frequency:
        case "liquidationSnapshot", "daily" if dump.market == "cm":
            rows = _snapshot(tape, contract, dump)
            return (SNAPSHOT_HEADER, rows) if rows else None
        case "metrics", "daily":
            return METRICS_HEADER, _metrics(tape, contract, dump)
        case "fundingRate", "monthly":
            return FUNDING_HEADER, _funding(tape, contract, dump)
        case "markPriceKlines", _ if dump.interval in INTERVAL_MINUTES:
            return KLINE_HEADER, _klines(tape, mark_series(contract), dump)
    return None


def _klines(tape: kit.Tape, series: Series, dump: Dump, scale: int = 1) -> list[str]:
    """Lines of klines; `scale` 1000 writes microseconds."""
    first = max(0, (dump.from_ms - tape.start_ms) // MINUTE_MS)
    last = min(tape.minutes, (dump.to_ms - tape.start_ms) // MINUTE_MS)
    rows = kline_rows(tape, series, first, last, INTERVAL_MINUTES[dump.interval])
    return [
        ",".join(map(str, [row[0] * scale, *row[1:6], (row[6] + 1) * scale - 1, *row[7:]]))
        for row in rows
    ]


def _spot_klines(tape: kit.Tape, dump: Dump) -> tuple[str, list[str]] | None:
    """No header, microseconds since 2025."""
    if dump.interval not in INTERVAL_MINUTES:
        return None
    try:
        series = spot_series(tape, dump.symbol)
    except kit.NotListedError:
        return None
    scale = 1000 if instant(dump.from_ms).date() >= SPOT_MICROSECONDS_FROM else 1
    return "", _klines(tape, series, dump, scale)


def _snapshot(tape: kit.Tape, contract: kit.Instrument, dump: Dump) -> list[str]:
    """The liquidations that the throttled stream published, every row written twice."""
    lines = []
    for one in tape.records(tape.rows("binance", dump.from_ms, dump.to_ms)):
        if one.contract is contract:
            line = ",".join(
                [
                    *(str(one.at_ms), one.order_side.upper(), "LIMIT", "IOC", one.size),
                    padded(one.bankruptcy_ticks, contract.price_decimals),
                    padded(one.fill_ticks, contract.price_decimals),
                    *("FILLED", last_filled(one), one.size),
                ]
            )
            lines += [line, line]
    return lines


def _funding(tape: kit.Tape, contract: kit.Instrument, dump: Dump) -> list[str]:
    return [
        f"{at + int(8 * steady(contract.symbol, at))},{contract.funding_interval_hours},"
        f"{fixed(tape.funding_rate(contract, at), 8)}"
        for at in tape.funding_times_ms(contract, dump.from_ms, dump.to_ms - 1)
    ]


def _metrics(tape: kit.Tape, contract: kit.Instrument, dump: Dump) -> list[str]:
    """COIN-M and newer USD-M rows are labelled with the start of their five minutes, older USD-M
    with the end.
    """
    five = 5 * MINUTE_MS
    since = epoch_ms(METRICS_START_LABELS_FROM)
    start_labels = contract.market == "cm" or dump.from_ms >= since
    lines = []
    for at_ms in range(dump.from_ms + five, min(dump.to_ms, tape.end_ms) + 1, five):
        q = kit.Quote(tape, contract, at_ms)
        created = instant(at_ms - five if start_labels else at_ms)
        ratios = [fixed(q.ratio(kind), 8) for kind in METRICS_RATIOS]
        texts = [oi_statistic(q), oi_value(q), *ratios]
        lines.append(f"{created:%Y-%m-%d %H:%M:%S},{contract.symbol},{','.join(texts)}")
    return lines


def oi_statistic(q: kit.Quote) -> str:
    """Open interest as statistics and dumps write it: whole steps, with 8 decimals for USD-M."""
    steps = round(q.oi, q.contract.quantity_decimals)
    return fixed(steps, 0 if q.contract.inverse else 8)


def oi_value(q: kit.Quote) -> str:
    """Value of the open interest: USD for USD-M, base coins for COIN-M."""
    return fixed(q.oi_base if q.contract.inverse else q.oi_usd, 8)


# -- the bucket ------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def zipped(csv_text: str, stem: str) -> bytes:
    """A zip holding one CSV of the same stem; equal text gives equal bytes."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        entry = zipfile.ZipInfo(f"{stem}.csv", (2026, 1, 1, 0, 0, 0))
        archive.writestr(entry, csv_text, zipfile.ZIP_DEFLATED)
    return buffer.getvalue()


def dump_zip(tape: kit.Tape, now_ms: int, key: str, **changed: bool) -> bytes | None:
    """The zip at a key, or None when it does not exist (yet); `changed` as `dump_csv` takes it."""
    dump = dump_of(key)
    if dump is None or now_ms < dump.published_ms:
        return None
    text = dump_csv(tape, key, **changed)
    return None if text is None else zipped(text, dump.stem)


def checksum_line(payload: bytes, key: str) -> bytes:
    """The .CHECKSUM sidecar: sha256 of the zip, two spaces, its name."""
    return f"{hashlib.sha256(payload).hexdigest()}  {key.rsplit('/', 1)[-1]}\n".encode()


def etag(payload: bytes) -> str:
    return hashlib.md5(payload, usedforsecurity=False).hexdigest()


def bucket(
    tape: kit.Tape, now_ms: int, venue: str, request: kit.Request, **changed: bool
) -> kit.Response:
    """A dump, its checksum, the bucket's listing, or 404 NoSuchKey."""
    if "prefix" in request.params or request.path in ("", "/"):
        return kit.Response(200, listing(tape, now_ms, request.params).encode(), XML)
    key = request.path.lstrip("/")
    zip_key = key.removesuffix(".CHECKSUM")
    payload = dump_zip(tape, now_ms, zip_key, **changed)
    if payload is None:
        body = (
            f"{XML_HEAD}<Error><Code>NoSuchKey</Code>"
            f"<Message>The specified key does not exist.</Message><Key>{escape(key)}</Key>"
            "<RequestId>0A1B2C3D4E5F6071</RequestId></Error>"
        )
        return kit.Response(404, body.encode(), XML)
    if key != zip_key:
        kind = {"content-type": "binary/octet-stream"}
        return kit.Response(200, checksum_line(payload, zip_key), kind)
    named = {"content-type": "application/zip", "etag": f'"{etag(payload)}"'}
    return kit.Response(200, payload, named)


def faulty_dump(
    tape: kit.Tape, now_ms: int, venue: str, request: kit.Request, kind: str
) -> kit.Response:
    """A dump that is odd, published again, no zip any more, or contradicted by its checksum."""
    if kind in ("odd_rows", "republished"):
        return bucket(tape, now_ms, venue, request, **{kind: True})
    healthy = bucket(tape, now_ms, venue, request)
    if healthy.status != 200:
        return healthy
    zip_path = request.path.removesuffix(".CHECKSUM")
    is_sidecar = request.path != zip_path
    if kind == "bad_checksum":
        wrong = f"{'0' * 64}  {zip_path.rsplit('/', 1)[-1]}\n".encode()
        return replace(healthy, body=wrong) if is_sidecar else healthy
    # The checksum agrees with the broken bytes: only opening the file shows it.
    whole = bucket(tape, now_ms, venue, replace(request, path=zip_path)).body
    broken = whole[: len(whole) // 2]
    return replace(healthy, body=checksum_line(broken, zip_path) if is_sidecar else broken)


@lru_cache(maxsize=8)
def keys_of(tape: kit.Tape) -> tuple[str, ...]:
    """Every dump key that the tape can give, whatever the instant, in the bucket's order."""
    first, last = instant(tape.start_ms).date(), instant(tape.end_ms).date()
    days = [str(first + timedelta(days=n)) for n in range((last - first).days + 1)]
    months = sorted({day[:7] for day in days})
    keys: list[str] = []

    def add(folder: str, symbol: str, kind: str, periods: Iterable[str]) -> None:
        keys.extend(f"{folder}/{symbol}-{kind}-{period}.zip" for period in periods)

    for one in tape.instruments_of("binance"):
        root, symbol = f"data/futures/{one.market}", one.symbol
        for kind in ("metrics", *(["liquidationSnapshot"] if one.market == "cm" else [])):
            add(f"{root}/daily/{kind}/{symbol}", symbol, kind, days)
        for interval in LISTED_INTERVALS:
            add(f"{root}/daily/markPriceKlines/{symbol}/{interval}", symbol, interval, days)
        add(f"{root}/monthly/fundingRate/{symbol}", symbol, "fundingRate", months)
    pairs = [f"{one.symbol}{quote}" for one in tape.assets for quote in SPOT_VOLUME_SHARES]
    for symbol in pairs:
        for interval in LISTED_INTERVALS:
            add(f"data/spot/daily/klines/{symbol}/{interval}", symbol, interval, days)
    return tuple(sorted(keys))


def _entries(
    tape: kit.Tape, now_ms: int, prefix: str, delimiter: str
) -> Iterator[tuple[str, bool]]:
    """Names below a prefix, and whether each is a folder."""
    seen: set[str] = set()
    for key in keys_of(tape):
        if not key.startswith(prefix):
            continue
        dump = dump_of(key)
        if dump is None or dump.published_ms > now_ms:
            continue
        head, found, _ = key[len(prefix) :].partition(delimiter) if delimiter else ("", "", "")
        folder = prefix + head + delimiter
        if found and folder not in seen:
            seen.add(folder)
            yield folder, True
        elif not found and dump_csv(tape, key) is not None:
            yield key, False
            yield f"{key}.CHECKSUM", False


def listing(tape: kit.Tape, now_ms: int, params: Any) -> str:
    """The bucket's XML listing: up to 1000 keys or folders below `prefix`, after `marker`."""
    prefix, delimiter, marker = (params.get(n, "") for n in ("prefix", "delimiter", "marker"))
    limit = min(int(params.get("max-keys", MAX_KEYS)), MAX_KEYS)
    wanted = [one for one in _entries(tape, now_ms, prefix, delimiter) if one[0] > marker]
    page, more = wanted[:limit], len(wanted) > limit
    next_marker = f"<NextMarker>{escape(page[-1][0])}</NextMarker>" if more and delimiter else ""
    return "".join(
        [
            f'{XML_HEAD}<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">',
            f"<Name>data.binance.vision</Name><Prefix>{escape(prefix)}</Prefix>",
            f"<Marker>{escape(marker)}</Marker><MaxKeys>{limit}</MaxKeys>",
            f"<Delimiter>{escape(delimiter)}</Delimiter>",
            f"<IsTruncated>{str(more).lower()}</IsTruncated>",
            *(_listed(tape, now_ms, name, is_folder) for name, is_folder in page),
            f"{next_marker}</ListBucketResult>",
        ]
    )


def _listed(tape: kit.Tape, now_ms: int, name: str, is_folder: bool) -> str:
    if is_folder:
        return f"<CommonPrefixes><Prefix>{escape(name)}</Prefix></CommonPrefixes>"
    key = name.removesuffix(".CHECKSUM")
    dump = dump_of(key)
    payload = dump_zip(tape, now_ms, key) or b""
    if name != key:
        payload = checksum_line(payload, key)
    modified = f"{instant(dump.published_ms if dump else 0):%Y-%m-%dT%H:%M:%S}.000Z"
    return (
        f"<Contents><Key>{escape(name)}</Key><LastModified>{modified}</LastModified>"
        f"<ETag>&quot;{etag(payload)}&quot;</ETag><Size>{len(payload)}</Size>"
        "<StorageClass>STANDARD</StorageClass></Contents>"
    )
