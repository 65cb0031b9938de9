"""One venue's batch: its requests, its outcome, the effect of failures, and landing it again."""

from __future__ import annotations

import errno
import hashlib
import io
import json
import zipfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import lz4.frame
import pytest
from loopback_venue import NOW, Asked, Loopback, Reply, Waits, as_json, clock

from unwind.landing.context import BatchContext
from unwind.landing.land import (
    batch_of,
    day_batch,
    hour_batch,
    land_late_segments,
    land_venue,
    seal_batch,
    venues,
)
from unwind.landing.ledger import Landing, Ledger
from unwind.landing.raw import RawZone
from unwind.recorder.state import RecorderState, write_state
from unwind.settings import Home

HOUR = batch_of("hour-2026-01-29T14")
DAY = batch_of("day-2024-08-05")
# 14:00:00.000 and 14:59:59.999 of the hour.
FROM_MS, LAST_MS = 1769695200000, 1769698799999
DUMPS = "/binance_dumps/data/futures/cm/daily/liquidationSnapshot"


def outcomes(landings: list[Landing]) -> dict[str, str]:
    return {landing.dataset: landing.status for landing in landings}


def of(landings: list[Landing], dataset: str) -> Landing:
    return next(landing for landing in landings if landing.dataset == dataset)


def envelopes(home: Home, landing: Landing) -> list[dict]:
    rest = next(one for one in landing.objects if one.format == "rest")
    return [json.loads(line) for line in RawZone(home).read(rest).splitlines()]


def asked_of(loopback: Loopback, path: str) -> list[dict[str, str]]:
    return [one.params for one in loopback.asked if one.path == path]


def zipped(text: str, name: str = "rows.csv") -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr(zipfile.ZipInfo(name, (2024, 8, 6, 0, 0, 0)), text)
    return packed.getvalue()


# -- the venues of the tests --------------------------------------------------------------------


def bybit(loopback: Loopback) -> None:
    """Two linear symbols and an inverse one, with empty histories."""

    def listed(rows: list[dict], **more: str) -> Reply:
        return as_json({"retCode": 0, "retMsg": "OK", "result": {"list": rows, **more}})

    def tickers(asked: Asked) -> Reply:
        if asked.params["category"] == "inverse":
            return listed(
                [{"symbol": "BTCUSD", "openInterest": "900", "openInterestValue": "0.01"}]
            )
        return listed(
            [
                {"symbol": "SMALLUSDT", "openInterest": "9000", "openInterestValue": "10.5"},
                {"symbol": "BTCUSDT", "openInterest": "1", "openInterestValue": "90000.5"},
            ]
        )

    def instruments(asked: Asked) -> Reply:
        if asked.params["category"] == "linear" and "cursor" not in asked.params:
            return listed([{"symbol": "BTCUSDT"}], nextPageCursor="page%3D2")
        return listed([{"symbol": "SMALLUSDT"}], nextPageCursor="")

    loopback.routes["/bybit/v5/market/tickers"] = tickers
    loopback.routes["/bybit/v5/market/instruments-info"] = instruments
    for path in ("open-interest", "funding/history", "account-ratio"):
        loopback.routes[f"/bybit/v5/market/{path}"] = lambda asked: listed([], nextPageCursor="")


def okx(loopback: Loopback) -> None:
    def data(rows: list) -> Reply:
        return as_json({"code": "0", "msg": "", "data": rows})

    def open_interest(asked: Asked) -> Reply:
        kind = asked.params["instType"]
        return data([{"instType": kind, "instId": f"BTC-USDT-{kind}", "oiUsd": "5"}])

    def instruments(asked: Asked) -> Reply:
        kind = asked.params["instType"]
        families = ["BTC-USDT", "ETH-USDT"] if kind == "SWAP" else ["BTC-USDT"]
        return data([{"instType": kind, "instFamily": one} for one in families])

    root = "/okx/api/v5"
    loopback.routes[f"{root}/public/open-interest"] = open_interest
    loopback.routes[f"{root}/public/instruments"] = instruments
    for path in (
        "public/liquidation-orders",
        "public/funding-rate-history",
        "public/funding-rate",
        "public/mark-price",
        "market/index-tickers",
        "rubik/stat/contracts/open-interest-history",
        "rubik/stat/contracts/long-short-account-ratio-contract",
    ):
        loopback.routes[f"{root}/{path}"] = lambda asked: data([])


def binance(loopback: Loopback) -> None:
    um, cm = "/binance_um/fapi/v1", "/binance_cm/dapi/v1"
    loopback.routes |= {
        f"{um}/ticker/24hr": [
            as_json(
                [
                    {"symbol": "1000SHIBUSDT", "quoteVolume": "10"},
                    {"symbol": "BTCUSDT", "quoteVolume": "900"},
                ]
            )
        ],
        f"{cm}/ticker/24hr": [
            as_json(
                [
                    {"symbol": "BTCUSD_PERP", "volume": "9"},
                    {"symbol": "BTCUSD_260327", "volume": "3"},
                ]
            )
        ],
        f"{um}/exchangeInfo": [as_json({"symbols": []})],
        f"{cm}/exchangeInfo": [as_json({"symbols": []})],
        "/binance_spot/api/v3/klines": lambda asked: (
            as_json([])
            if asked.params["symbol"] == "BTCUSDT"
            else as_json({"code": -1121, "msg": "Invalid symbol."}, 400)
        ),
    }
    for connection in ("/binance_um", "/binance_cm"):
        loopback.routes[f"{connection}/futures/data/openInterestHist"] = [as_json([])]
    for ratio in (
        "globalLongShortAccountRatio",
        "topLongShortAccountRatio",
        "topLongShortPositionRatio",
        "takerlongshortRatio",
    ):
        loopback.routes[f"/binance_um/futures/data/{ratio}"] = [as_json([])]
    for root in (um, cm):
        for path in ("premiumIndex", "fundingRate", "fundingInfo"):
            loopback.routes[f"{root}/{path}"] = [as_json([])]


def snapshot_of(loopback: Loopback, symbol: str, body: bytes, published: str = "") -> str:
    """Puts a dump of the day and its checksum on the server; returns its path."""
    path = f"{DUMPS}/{symbol}/{symbol}-liquidationSnapshot-2024-08-05.zip"
    digest = published or hashlib.sha256(body).hexdigest()
    loopback.routes[path] = [Reply(body)]
    loopback.routes[f"{path}.CHECKSUM"] = [Reply(f"{digest}  {symbol}.zip\n".encode())]
    return path


def dumps(loopback: Loopback, *symbols: str) -> None:
    """The bucket: a listing of the COIN-M symbols, and 404 for any file that is not put there."""
    namespace = "http://s3.amazonaws.com/doc/2006-03-01/"
    folder = "data/futures/cm/daily/liquidationSnapshot/"

    def listing(asked: Asked) -> Reply:
        found = symbols if asked.params["prefix"] == folder else ()
        prefixes = "".join(
            f"<CommonPrefixes><Prefix>{folder}{symbol}/</Prefix></CommonPrefixes>"
            for symbol in found
        )
        return Reply(
            f'<?xml version="1.0"?><ListBucketResult xmlns="{namespace}">'
            f"<IsTruncated>false</IsTruncated>{prefixes}</ListBucketResult>".encode()
        )

    loopback.routes["/binance_dumps/"] = listing
    loopback.otherwise = lambda asked: Reply(b"<Error><Code>NoSuchKey</Code></Error>", 404)


# -- batches ------------------------------------------------------------------------------------


def test_an_hour_covers_sixty_minutes_and_a_day_twenty_four_hours():
    assert hour_batch(datetime(2026, 1, 29, 14, tzinfo=UTC)) == HOUR
    assert (HOUR.kind, HOUR.covers_from_at, HOUR.covers_to_at) == (
        "hour",
        datetime(2026, 1, 29, 14, tzinfo=UTC),
        datetime(2026, 1, 29, 15, tzinfo=UTC),
    )
    assert day_batch(datetime(2024, 8, 5, 17, tzinfo=UTC)) == DAY
    assert DAY.batch_id == "day-2024-08-05"


@pytest.mark.parametrize("batch_id", ["import-0123456789ab", "hour-2026-01-29T14:30", "14"])
def test_an_id_of_neither_hour_nor_day_is_refused(batch_id: str):
    with pytest.raises(ValueError, match=r"whole hour|no batch"):
        batch_of(batch_id)


def test_an_unknown_venue_is_refused_with_the_known_ones(home: Home):
    with pytest.raises(ValueError, match=r"no venue is called 'bibit'; there are .*bybit"):
        land_venue(home, HOUR, "bibit", clock)


# -- requests ------------------------------------------------------------------------------------


def test_bybit_requests_the_hour_of_each_tracked_symbol(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    landings = land_venue(home, HOUR, "bybit", clock, waits)
    assert outcomes(landings) == {
        "funding": "ok",
        "instruments": "ok",
        "liquidations": "failed",
        "long_short_ratio": "ok",
        "open_interest": "ok",
        "tickers": "ok",
    }
    assert asked_of(all_venues, "/bybit/v5/market/open-interest")[0] == {
        "category": "linear",
        "symbol": "BTCUSDT",
        "intervalTime": "5min",
        "startTime": str(FROM_MS),
        "endTime": str(LAST_MS),
        "limit": "200",
    }
    assert [
        (one["category"], one["symbol"])
        for one in asked_of(all_venues, "/bybit/v5/market/funding/history")
    ] == [("linear", "BTCUSDT"), ("linear", "SMALLUSDT"), ("inverse", "BTCUSD")]


def test_bybit_instruments_are_paged_by_the_unchanged_cursor(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    landings = land_venue(home, HOUR, "bybit", clock, waits)
    queries = [one.query for one in all_venues.asked if one.path.endswith("instruments-info")]
    assert queries == [
        "category=linear&limit=1000",
        "category=linear&limit=1000&cursor=page%3D2",
        "category=inverse&limit=1000",
    ]
    landed = of(landings, "instruments")
    assert landed.requests == 3
    assert [one["request"]["params"].get("cursor") for one in envelopes(home, landed)] == [
        None,
        "page%3D2",
        None,
    ]


def test_only_the_largest_instruments_are_tracked(
    home: Home, all_venues: Loopback, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    bybit(all_venues)
    monkeypatch.setenv("UNWIND_TRACKED_INSTRUMENTS", "1")
    land_venue(home, HOUR, "bybit", clock, waits)
    asked = asked_of(all_venues, "/bybit/v5/market/account-ratio")
    assert [one["symbol"] for one in asked] == ["BTCUSDT", "BTCUSD"]


def test_okx_liquidations_are_requested_for_every_family(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    landings = land_venue(home, HOUR, "okx", clock, waits)
    assert set(outcomes(landings).values()) == {"ok"}
    asked = asked_of(all_venues, "/okx/api/v5/public/liquidation-orders")
    assert [(one["instType"], one["instFamily"]) for one in asked] == [
        ("SWAP", "BTC-USDT"),
        ("SWAP", "ETH-USDT"),
        ("FUTURES", "BTC-USDT"),
    ]
    assert asked[0]["state"] == "filled"


def test_okx_liquidations_are_partial_when_half_the_families_are_unknown(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    fine = all_venues.routes["/okx/api/v5/public/instruments"]
    assert callable(fine)
    all_venues.routes["/okx/api/v5/public/instruments"] = lambda asked: (
        Reply(b"", 500) if asked.params["instType"] == "FUTURES" else fine(asked)
    )
    landing = of(land_venue(home, HOUR, "okx", clock, waits), "liquidations")
    assert landing.status == "partial"
    assert landing.detail.startswith(
        "not all that okx lists is known, because its dataset instruments is not complete: "
    )
    assert "HTTP 500" in landing.detail
    assert len(asked_of(all_venues, "/okx/api/v5/public/liquidation-orders")) == 2


def test_okx_goes_on_while_pages_are_full_and_is_partial_when_after_is_ignored(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    late = [{"ts": str(LAST_MS - at)} for at in range(100)]

    def page(asked: Asked) -> Reply:
        if (asked.params["instType"], asked.params["instFamily"]) != ("SWAP", "ETH-USDT"):
            return as_json({"code": "0", "data": []})
        return as_json({"code": "0", "data": [{"details": late[:60]}, {"details": late[60:]}]})

    all_venues.routes["/okx/api/v5/public/liquidation-orders"] = page
    landings = land_venue(home, HOUR, "okx", clock, waits)
    asked = asked_of(all_venues, "/okx/api/v5/public/liquidation-orders")
    assert [one.get("after") for one in asked if one["instFamily"] == "ETH-USDT"] == [
        None,
        str(LAST_MS - 99),
    ]
    # The page reaches back a tenth of a second, and older trades are unavailable.
    landing = of(landings, "liquidations")
    assert landing.status == "partial"
    assert "gives the same rows again and again" in landing.detail


def test_okx_uses_the_families_of_the_last_day_in_the_hours_between(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    land_venue(home, HOUR, "okx", clock, waits)
    all_venues.asked.clear()
    landings = land_venue(home, batch_of("hour-2026-01-29T15"), "okx", clock, waits)
    assert "/okx/api/v5/public/instruments" not in all_venues.paths()
    assert len(asked_of(all_venues, "/okx/api/v5/public/liquidation-orders")) == 3
    assert "instruments" not in outcomes(landings)


def test_instruments_land_again_with_the_first_hour_of_a_day(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    land_venue(home, HOUR, "okx", clock, waits)
    first_hour = batch_of("hour-2026-01-30T00")
    landings = land_venue(home, first_hour, "okx", lambda: NOW + timedelta(hours=11), waits)
    assert outcomes(landings)["instruments"] == "ok"


def test_binance_is_requested_for_both_markets_and_spot(
    home: Home, all_venues: Loopback, waits: Waits
):
    binance(all_venues)
    landings = land_venue(home, HOUR, "binance", clock, waits)
    assert outcomes(landings) == {
        "funding": "ok",
        "instruments": "ok",
        "liquidations": "failed",
        "long_short_ratio": "ok",
        "open_interest": "ok",
        "premium_index": "ok",
        "spot_bars": "ok",
        "tickers": "ok",
    }
    five_minutes = {
        "period": "5m",
        "startTime": str(FROM_MS),
        "endTime": str(LAST_MS),
        "limit": "500",
    }
    assert asked_of(all_venues, "/binance_um/futures/data/openInterestHist") == [
        {"symbol": "BTCUSDT", **five_minutes},
        {"symbol": "1000SHIBUSDT", **five_minutes},
    ]
    assert asked_of(all_venues, "/binance_cm/futures/data/openInterestHist") == [
        {"pair": "BTCUSD", "contractType": "PERPETUAL", **five_minutes},
        {"pair": "BTCUSD", "contractType": "CURRENT_QUARTER", **five_minutes},
        {"pair": "BTCUSD", "contractType": "NEXT_QUARTER", **five_minutes},
    ]
    # A symbol that spot does not list is noted, and is no failure.
    spot = asked_of(all_venues, "/binance_spot/api/v3/klines")
    assert [one["symbol"] for one in spot] == ["BTCUSDT", "SHIBUSDT"]
    assert of(landings, "spot_bars").detail == "1 asked for do not exist"


def test_hyperliquid_lands_the_file_of_the_hour_as_it_is(
    home: Home, all_venues: Loopback, waits: Waits
):
    fills = lz4.frame.compress(b'{"block_number":1,"events":[]}\n{"block_number":2,"events":[]}\n')
    all_venues.routes |= {
        "/hyperliquid/info": lambda asked: (
            as_json(
                [
                    {"universe": [{"name": "BTC"}, {"name": "kPEPE"}]},
                    [{"openInterest": "2", "markPx": "90000"}, {"openInterest": "0"}],
                ]
            )
            if asked.json["type"] == "metaAndAssetCtxs"
            else as_json([])
        ),
        "/hyperliquid_nodefills/node_fills_by_block/hourly/20260129/14.lz4": [Reply(fills)],
    }
    landings = land_venue(home, HOUR, "hyperliquid", clock, waits)
    assert outcomes(landings) == {"funding": "ok", "liquidations": "ok", "premium_index": "ok"}
    (kept,) = of(landings, "liquidations").objects
    assert RawZone(home).read(kept) == fills
    assert (kept.format, kept.packing, kept.lines) == ("node-fills", "lz4", 2)
    assert kept.name == (
        f"{all_venues.url}/hyperliquid_nodefills/node_fills_by_block/hourly/20260129/14.lz4"
    )
    assert [one.json for one in all_venues.asked if one.method == "POST"][1:] == [
        {"type": "perpDexs"},
        {"type": "fundingHistory", "coin": "BTC", "startTime": FROM_MS, "endTime": LAST_MS},
    ]


def test_hyperliquid_without_a_mirror_names_the_variable_to_set(
    home: Home, all_venues: Loopback, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delenv("AIRFLOW_CONN_HYPERLIQUID_NODEFILLS")
    all_venues.routes["/hyperliquid/info"] = [as_json([{"universe": []}, []])]
    landing = of(land_venue(home, HOUR, "hyperliquid", clock, waits), "liquidations")
    # The vaults' own fills need no mirror, but show only backstops.
    assert (landing.status, [one.format for one in landing.objects]) == ("partial", ["rest"])
    assert "set AIRFLOW_CONN_HYPERLIQUID_NODEFILLS to a mirror" in landing.detail


VAULTS = (
    "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",
    "0xb0a55f13d22f66e6d495ac98113841b2326e9540",
    "0x5e177e5e39c0f4e421f5865a6d8beed8d921cb70",
    "0x2ed5c4484ea3ff8b57d5f2fb152a40d9f2b68308",
    "0x63c621a33714ec48660e32f2374895c8026a3a00",
)


def test_hyperliquids_exchanges_are_requested_one_by_one_and_their_list_ranks_nothing(
    home: Home, all_venues: Loopback, waits: Waits
):
    def answered(asked: Asked) -> Reply:
        if asked.json["type"] == "perpDexs":
            return as_json([None, {"name": "xyz"}, {"name": "hyna"}])
        if asked.json["type"] != "metaAndAssetCtxs":
            return as_json([])
        dex = asked.json.get("dex", "")
        coin = f"{dex}:TSLA" if dex else "BTC"
        size = {"": "1", "xyz": "9", "hyna": "5"}[dex]
        return as_json([{"universe": [{"name": coin}]}, [{"openInterest": size, "markPx": "1"}]])

    all_venues.routes["/hyperliquid/info"] = answered
    landings = land_venue(home, HOUR, "hyperliquid", clock, waits)
    assert outcomes(landings)["premium_index"] == "ok"
    asked = [one.json for one in all_venues.asked if one.method == "POST"]
    assert asked[:4] == [
        {"type": "metaAndAssetCtxs"},
        {"type": "perpDexs"},
        {"type": "metaAndAssetCtxs", "dex": "xyz"},
        {"type": "metaAndAssetCtxs", "dex": "hyna"},
    ]
    assert [one["coin"] for one in asked if one["type"] == "fundingHistory"] == [
        *("xyz:TSLA", "hyna:TSLA", "BTC")
    ]


def test_without_node_fills_every_vault_is_paged_with_an_overlap_of_a_millisecond(
    home: Home, all_venues: Loopback, waits: Waits
):
    first_page = [{"coin": "ETH", "tid": n, "time": FROM_MS + n // 2} for n in range(2000)]
    second_page = [{"coin": "ETH", "tid": 1999, "time": FROM_MS + 999}]

    def answered(asked: Asked) -> Reply:
        if asked.json["type"] != "userFillsByTime":
            return as_json([{"universe": []}, []])
        if asked.json["user"] != VAULTS[1]:
            return as_json([])
        return as_json(first_page if asked.json["startTime"] == FROM_MS else second_page)

    all_venues.routes["/hyperliquid/info"] = answered
    landing = of(land_venue(home, HOUR, "hyperliquid", clock, waits), "liquidations")
    assert landing.status == "partial"
    assert "vaults' own fills show backstops alone" in landing.detail
    asked = [
        (one.json["user"], one.json["startTime"], one.json["endTime"])
        for one in all_venues.asked
        if one.method == "POST" and one.json["type"] == "userFillsByTime"
    ]
    assert asked == [
        (VAULTS[0], FROM_MS, LAST_MS),
        (VAULTS[1], FROM_MS, LAST_MS),
        (VAULTS[1], FROM_MS + 999, LAST_MS),
        *((vault, FROM_MS, LAST_MS) for vault in VAULTS[2:]),
    ]


def test_a_day_does_not_fetch_what_its_hours_have(home: Home, all_venues: Loopback, waits: Waits):
    root = "/hyperliquid_nodefills/node_fills_by_block/hourly/20260129"
    all_venues.routes |= {
        "/hyperliquid/info": [as_json([{"universe": []}, []])],
        f"{root}/14.lz4": [Reply(lz4.frame.compress(b"{}\n"))],
        f"{root}/3.lz4": [Reply(lz4.frame.compress(b"[]\n"))],
    }
    land_venue(home, HOUR, "hyperliquid", clock, waits)
    all_venues.asked.clear()
    next_day = NOW + timedelta(days=1)
    landings = land_venue(home, batch_of("day-2026-01-29"), "hyperliquid", lambda: next_day, waits)
    landing = of(landings, "liquidations")
    assert f"{root}/14.lz4" not in all_venues.paths()
    assert [one.name.rpartition("/")[2] for one in landing.objects if one.format != "rest"] == [
        "3.lz4"
    ]
    # 22 of the 24 files are missing.
    assert landing.status == "partial"


def test_coinpaprika_stands_in_for_coingecko(home: Home, all_venues: Loopback, waits: Waits):
    all_venues.routes["/coingecko/api/v3/coins/markets"] = [as_json({"status": {}}, 429)]
    all_venues.routes["/coinpaprika/v1/tickers"] = [as_json([{"id": "btc-bitcoin"}])]
    (landing,) = land_venue(home, HOUR, "market_caps", clock, waits)
    assert landing.status == "ok"
    assert landing.detail.endswith("CoinPaprika answered instead")
    assert [one["request"]["status"] for one in envelopes(home, landing)] == [429] * 5 + [200]


def test_coingecko_is_requested_for_two_pages(home: Home, all_venues: Loopback, waits: Waits):
    all_venues.routes["/coingecko/api/v3/coins/markets"] = [as_json([{"id": "bitcoin"}])]
    (landing,) = land_venue(home, HOUR, "market_caps", clock, waits)
    assert (landing.status, landing.detail) == ("ok", "")
    asked = asked_of(all_venues, "/coingecko/api/v3/coins/markets")
    assert [one["page"] for one in asked] == ["1", "2"]


# -- the effect of failures ---------------------------------------------------------------------


def test_a_banned_venue_loses_its_data_and_no_other_does(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    binance(all_venues)
    all_venues.routes["/binance_um/fapi/v1/ticker/24hr"] = [as_json({"code": -1003}, 418)]
    banned = land_venue(home, HOUR, "binance", clock, waits)
    assert set(outcomes(banned).values()) == {"failed"}
    # Every outcome names the cause, whatever the status.
    assert "HTTP 418" in of(banned, "open_interest").detail
    assert "HTTP 418" in of(banned, "premium_index").detail
    # One request to the banned APIs, and none after its response.
    assert [one for one in all_venues.paths() if one.startswith("/binance")] == [
        "/binance_um/fapi/v1/ticker/24hr"
    ]
    landed = land_venue(home, HOUR, "bybit", clock, waits)
    assert outcomes(landed)["open_interest"] == "ok"
    seal = seal_batch(home, HOUR, clock)
    assert outcomes(list(seal.landings["binance"]))["premium_index"] == "failed"
    assert outcomes(list(seal.landings["bybit"]))["tickers"] == "ok"


def test_one_broken_instrument_makes_its_dataset_partial(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    fine = all_venues.routes["/bybit/v5/market/open-interest"]
    assert callable(fine)
    all_venues.routes["/bybit/v5/market/open-interest"] = lambda asked: (
        Reply(b"<html>") if asked.params["symbol"] == "BTCUSDT" else fine(asked)
    )
    landings = land_venue(home, HOUR, "bybit", clock, waits)
    landing = of(landings, "open_interest")
    assert landing.status == "partial"
    assert "was HTML" in landing.detail
    assert "symbol=BTCUSDT" in landing.detail
    assert outcomes(landings)["funding"] == "ok"
    asked = [one["request"] for one in envelopes(home, landing)]
    assert [(one["params"]["symbol"], "fault" in one) for one in asked] == [
        *[("BTCUSDT", True)] * 5,
        ("SMALLUSDT", False),
        ("BTCUSD", False),
    ]


def test_a_page_that_cannot_be_read_costs_only_what_follows_it(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    all_venues.routes["/okx/api/v5/public/liquidation-orders"] = [
        as_json({"code": "0", "data": [{"details": [{"ts": "yesterday"}]}]})
    ]
    landing = of(land_venue(home, HOUR, "okx", clock, waits), "liquidations")
    assert landing.status == "partial"
    assert "cannot be read (ValueError" in landing.detail
    # All three families were requested, and their responses are kept.
    assert len(envelopes(home, landing)) == 3


def test_a_full_disk_is_not_a_venues_failure(
    home: Home, all_venues: Loopback, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    """It stops the landing: recorded as the venue's failure, it would not be retried."""

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    okx(all_venues)
    monkeypatch.setattr("unwind.http.fetch_log.FetchLog.write", full)
    with pytest.raises(OSError, match="No space left"):
        land_venue(home, HOUR, "okx", clock, waits)
    assert Ledger(home).landed(HOUR.batch_id, "okx") == []


def test_an_answer_that_breaks_the_code_costs_its_dataset_only(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    all_venues.routes["/okx/api/v5/public/instruments"] = [
        as_json({"code": "0", "data": [{"instType": "SWAP"}]})
    ]
    landings = land_venue(home, HOUR, "okx", clock, waits)
    landing = of(landings, "liquidations")
    assert landing.status == "failed"
    assert "broke off (KeyError: 'instFamily')" in landing.detail
    assert outcomes(landings)["funding"] == "ok"


def test_a_venue_that_never_landed_is_sealed_as_failed(home: Home, all_venues: Loopback):
    seal = seal_batch(home, HOUR, clock, expected=["okx"])
    assert outcomes(list(seal.landings["okx"])) == {
        "funding": "failed",
        "instruments": "failed",
        "liquidations": "failed",
        "long_short_ratio": "failed",
        "open_interest": "failed",
        "premium_index": "failed",
    }
    assert (seal.revision, seal.sealed_at) == (1, NOW)


def test_a_venue_without_part_in_a_batch_leaves_no_trace(home: Home, waits: Waits):
    assert land_venue(home, DAY, "market_caps", clock, waits) == []
    assert seal_batch(home, DAY, clock).landings == {}


# -- landing again ------------------------------------------------------------------------------


def test_landing_twice_changes_nothing_and_requests_nothing(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    first = land_venue(home, HOUR, "okx", clock, waits)
    sealed = seal_batch(home, HOUR, clock)
    ledger_file = home.landed / "hour-2026-01-29T14" / "okx.json"
    before = ledger_file.read_bytes()
    all_venues.asked.clear()
    assert land_venue(home, HOUR, "okx", clock, waits) == first
    assert all_venues.asked == []
    assert ledger_file.read_bytes() == before
    assert seal_batch(home, HOUR, clock) == sealed
    assert list(home.root.glob(".landing-*")) == []


def test_landing_again_requests_only_what_failed_and_seals_again(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    fine = all_venues.routes["/bybit/v5/market/funding/history"]
    all_venues.routes["/bybit/v5/market/funding/history"] = [Reply(b"", 500)]
    assert outcomes(land_venue(home, HOUR, "bybit", clock, waits))["funding"] == "failed"
    seal_batch(home, HOUR, clock)
    all_venues.routes["/bybit/v5/market/funding/history"] = fine
    all_venues.asked.clear()
    assert outcomes(land_venue(home, HOUR, "bybit", clock, waits))["funding"] == "ok"
    assert set(all_venues.paths()) == {"/bybit/v5/market/funding/history"}
    seal = seal_batch(home, HOUR, clock)
    assert seal.revision == 2
    assert seal.changed == ("bybit funding: failed -> ok, 1 objects added, 1 removed",)


def test_what_a_partial_landing_has_is_kept_when_the_next_one_fails(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    fine = all_venues.routes["/okx/api/v5/public/liquidation-orders"]
    assert callable(fine)
    all_venues.routes["/okx/api/v5/public/liquidation-orders"] = lambda asked: (
        Reply(b"") if asked.params["instFamily"] == "ETH-USDT" else fine(asked)
    )
    partial = of(land_venue(home, HOUR, "okx", clock, waits), "liquidations")
    assert partial.status == "partial"
    all_venues.routes["/okx/api/v5/public/liquidation-orders"] = [Reply(b"", 403)]
    assert of(land_venue(home, HOUR, "okx", clock, waits), "liquidations") == partial
    all_venues.routes["/okx/api/v5/public/liquidation-orders"] = fine
    whole = of(land_venue(home, HOUR, "okx", clock, waits), "liquidations")
    assert whole.status == "ok"
    assert partial.objects[0] in whole.objects
    assert len(whole.objects) == 2


# -- dumps --------------------------------------------------------------------------------------


def test_a_days_liquidation_dumps_are_listed_checked_and_kept(
    home: Home, all_venues: Loopback, waits: Waits
):
    binance(all_venues)
    dumps(all_venues, "BTCUSD_PERP", "ETHUSD_PERP")
    body = zipped("time,side\n1722816000001,SELL\n")
    path = snapshot_of(all_venues, "BTCUSD_PERP", body)
    landings = land_venue(home, DAY, "binance", clock, waits)
    landing = of(landings, "liquidations")
    assert landing.status == "ok"
    assert landing.detail == "1 asked for do not exist"
    kept = next(one for one in landing.objects if one.format == "liquidation-snapshot")
    assert kept.name == all_venues.url + path
    assert (kept.packing, kept.lines, kept.problem) == ("zip", 2, None)
    assert RawZone(home).read(kept) == body
    assert outcomes(landings)["metrics"] == "empty"


def test_a_dump_unlike_its_checksum_is_kept_reported_and_not_used(
    home: Home, all_venues: Loopback, waits: Waits
):
    binance(all_venues)
    dumps(all_venues, "BTCUSD_PERP")
    body = zipped("time,side\n")
    snapshot_of(all_venues, "BTCUSD_PERP", body, published="ab" * 32)
    landing = of(land_venue(home, DAY, "binance", clock, waits), "liquidations")
    assert landing.status == "failed"
    assert "does not match its published checksum" in landing.detail
    kept = next(one for one in landing.objects if one.format == "liquidation-snapshot")
    assert RawZone(home).read(kept) == body
    assert kept.problem is not None
    assert kept.lines == 0


def test_a_broken_zip_costs_only_itself(home: Home, all_venues: Loopback, waits: Waits):
    binance(all_venues)
    dumps(all_venues, "BTCUSD_PERP", "ETHUSD_PERP")
    snapshot_of(all_venues, "BTCUSD_PERP", b"PK\x03\x04 and then nothing")
    snapshot_of(all_venues, "ETHUSD_PERP", zipped("time,side\n"))
    landing = of(land_venue(home, DAY, "binance", clock, waits), "liquidations")
    assert landing.status == "partial"
    assert "is no readable zip" in landing.detail
    snapshots = [one for one in landing.objects if one.format == "liquidation-snapshot"]
    assert [one.problem is None for one in snapshots] == [False, True]


def test_a_zip_whose_member_is_a_path_is_kept_and_not_used(
    home: Home, all_venues: Loopback, waits: Waits
):
    binance(all_venues)
    dumps(all_venues, "BTCUSD_PERP")
    snapshot_of(all_venues, "BTCUSD_PERP", zipped("time,side\n", name="../../rows.csv"))
    landing = of(land_venue(home, DAY, "binance", clock, waits), "liquidations")
    assert landing.status == "failed"
    assert "is kept but cannot be used" in landing.detail
    assert "is a path" in landing.detail


def test_a_dump_published_again_takes_the_place_of_the_old_one(
    home: Home, all_venues: Loopback, waits: Waits
):
    binance(all_venues)
    dumps(all_venues, "BTCUSD_PERP", "ETHUSD_PERP")
    old, new, other = (zipped(f"time,side\n{at},SELL\n") for at in (1, 2, 3))
    path = snapshot_of(all_venues, "BTCUSD_PERP", old)
    untouched = snapshot_of(all_venues, "ETHUSD_PERP", other)
    first = of(land_venue(home, DAY, "binance", clock, waits), "liquidations")
    seal_batch(home, DAY, clock)

    all_venues.asked.clear()
    again = of(land_venue(home, DAY, "binance", clock, waits), "liquidations")
    assert again == first
    assert path not in all_venues.paths()
    assert seal_batch(home, DAY, clock).revision == 1

    snapshot_of(all_venues, "BTCUSD_PERP", new)
    renewed = of(land_venue(home, DAY, "binance", clock, waits), "liquidations")
    assert all_venues.paths().count(path) == 1
    assert untouched not in all_venues.paths()
    digests = {one.name: one.sha256 for one in renewed.objects if one.format != "rest"}
    assert digests == {
        all_venues.url + path: hashlib.sha256(new).hexdigest(),
        all_venues.url + untouched: hashlib.sha256(other).hexdigest(),
    }
    assert seal_batch(home, DAY, clock).revision == 2
    replaced = next(one for one in first.objects if one.name.endswith(path))
    assert RawZone(home).read(replaced) == old


def test_dumps_land_where_the_interfaces_are_blocked(
    home: Home, all_venues: Loopback, waits: Waits
):
    dumps(all_venues, "BTCUSD_PERP")
    snapshot_of(all_venues, "BTCUSD_PERP", zipped("time,side\n"))
    all_venues.routes["/binance_um/fapi/v1/ticker/24hr"] = [Reply(b"", 451)]
    landings = land_venue(home, DAY, "binance", clock, waits)
    assert outcomes(landings)["liquidations"] == "ok"
    assert outcomes(landings)["tickers"] == "failed"


# -- recorder segments --------------------------------------------------------------------------


def test_the_hours_closed_segment_lands_and_an_open_one_does_not(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    folder = home.recorder / "bybit"
    folder.mkdir(parents=True)
    frames = b'{"received_at":"2026-01-29T14:00:00.123456Z","frame":"{}"}\n'
    (folder / "2026-01-29T14.ndjson.open").write_bytes(frames)
    first = of(land_venue(home, HOUR, "bybit", clock, waits), "liquidations")
    assert (first.status, first.objects) == ("failed", ())
    (folder / "2026-01-29T14.ndjson.open").rename(folder / "2026-01-29T14.ndjson")
    landing = of(land_venue(home, HOUR, "bybit", clock, waits), "liquidations")
    assert landing.status == "ok"
    (kept,) = landing.objects
    assert RawZone(home).read(kept) == frames
    assert (kept.format, kept.dataset, kept.lines) == ("frames", "liquidations", 1)
    assert of(land_venue(home, HOUR, "bybit", clock, waits), "liquidations") == landing


def test_a_segment_joins_the_liquidations_that_rest_gave(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    folder = home.recorder / "okx"
    folder.mkdir(parents=True)
    (folder / "2026-01-29T14.ndjson").write_bytes(b'{"received_at":"x","event":"gap"}\n')
    landing = of(land_venue(home, HOUR, "okx", clock, waits), "liquidations")
    assert sorted(one.format for one in landing.objects) == ["frames", "rest"]


WHOLE = b'{"received_at":"2026-01-29T14:00:00.123456Z","frame":"{}"}\n'
HALF = (
    b'{"received_at":"2026-01-29T14:30:00.000000Z","event":"gap",'
    b'"from_at":"2026-01-29T14:00:00.000000Z","to_at":"2026-01-29T14:30:00.000000Z"}\n'
)
HALF_MISSED = "2026-01-29T14: the recorder missed 1,800 s of the hour"


def record(home: Home, venue: str, payload: bytes, name: str = "2026-01-29T14.ndjson") -> None:
    folder = home.recorder / venue
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(payload)


def test_a_segment_with_a_long_gap_makes_the_landing_partial(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    record(home, "bybit", HALF + WHOLE)
    landing = of(land_venue(home, HOUR, "bybit", clock, waits), "liquidations")
    assert (landing.status, landing.detail) == ("partial", HALF_MISSED)
    assert len(landing.objects) == 1


def test_an_hour_without_frames_is_landed_as_covered(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    record(home, "bybit", b"")
    landing = of(land_venue(home, HOUR, "bybit", clock, waits), "liquidations")
    assert (landing.status, landing.detail) == ("ok", "")
    assert [(one.bytes, one.lines, one.problem) for one in landing.objects] == [(0, 0, None)]


def test_rest_that_reports_the_whole_hour_fills_what_the_recorder_missed(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    record(home, "okx", HALF)
    landing = of(land_venue(home, HOUR, "okx", clock, waits), "liquidations")
    assert (landing.status, landing.detail) == ("ok", HALF_MISSED)
    assert of(land_venue(home, HOUR, "okx", clock, waits), "liquidations") == landing


def test_a_segment_still_gives_a_part_where_rest_failed(
    home: Home, all_venues: Loopback, waits: Waits
):
    okx(all_venues)
    all_venues.routes["/okx/api/v5/public/liquidation-orders"] = [Reply(b"", 403)]
    record(home, "okx", WHOLE)
    landing = of(land_venue(home, HOUR, "okx", clock, waits), "liquidations")
    assert landing.status == "partial"
    assert "403" in landing.detail
    assert "frames" in {one.format for one in landing.objects}


def test_a_segment_that_has_grown_replaces_itself(home: Home, all_venues: Loopback, waits: Waits):
    bybit(all_venues)
    record(home, "bybit", WHOLE)
    land_venue(home, HOUR, "bybit", clock, waits)
    record(home, "bybit", WHOLE + WHOLE)
    landing = of(land_venue(home, HOUR, "bybit", clock, waits), "liquidations")
    assert [one.lines for one in landing.objects] == [2]


def say_alive(home: Home, venue: str) -> None:
    write_state(
        home.recorder / venue, RecorderState(venue, NOW, NOW, None, NOW, None, 0, None, "", ())
    )


def test_a_segment_that_is_being_closed_is_waited_for(home: Home, all_venues: Loopback):
    bybit(all_venues)
    record(home, "bybit", WHOLE, "2026-01-29T14.ndjson.open")
    say_alive(home, "bybit")
    folder = home.recorder / "bybit"

    def close_meanwhile(seconds: float) -> None:
        (folder / "2026-01-29T14.ndjson.open").rename(folder / "2026-01-29T14.ndjson")

    landing = of(land_venue(home, HOUR, "bybit", clock, close_meanwhile), "liquidations")
    assert (landing.status, len(landing.objects)) == ("ok", 1)


def test_the_wait_for_a_segment_that_does_not_close_is_bounded(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    record(home, "bybit", WHOLE, "2026-01-29T14.ndjson.open")
    say_alive(home, "bybit")
    landing = of(land_venue(home, HOUR, "bybit", clock, waits), "liquidations")
    assert landing.status == "failed"
    assert landing.detail.startswith("nothing was recorded")
    assert waits.seconds == [1.0] * 29


def test_a_late_segment_is_landed_into_its_sealed_hour(
    home: Home, all_venues: Loopback, waits: Waits
):
    bybit(all_venues)
    land_venue(home, HOUR, "bybit", clock, waits)
    seal_batch(home, HOUR, clock)
    assert land_late_segments(home, clock) == []
    record(home, "bybit", WHOLE)
    (seal,) = land_late_segments(home, clock)
    assert (seal.batch.batch_id, seal.revision) == ("hour-2026-01-29T14", 2)
    assert seal.changed == ("bybit liquidations: failed -> ok, 1 objects added, 0 removed",)
    assert land_late_segments(home, clock) == []


def test_a_segment_of_an_hour_that_is_not_sealed_waits_for_its_landing(home: Home):
    record(home, "bybit", WHOLE)
    assert land_late_segments(home, clock) == []


def test_a_segment_that_is_over_a_week_late_is_left_to_a_landing_by_hand(home: Home):
    seal_batch(home, HOUR, clock)
    record(home, "bybit", WHOLE)
    assert land_late_segments(home, lambda: NOW + timedelta(days=7)) == []


def test_the_ledger_is_read_once_however_many_dumps_a_day_has(home: Home, monkeypatch):
    ledger, day = Ledger(home), day_batch(NOW)
    obj = RawZone(home).put(
        b"a", venue="binance", dataset="bars", format="klines-csv", name="https://dumps/14.zip"
    )
    landing = Landing("bars", "ok", "", 1, (obj,), NOW)
    ledger.record_landing("hour-2026-01-29T14", "binance", [landing])
    of_the_day = Landing("metrics", "ok", "", 1, (replace(obj, name="https://dumps/day.zip"),), NOW)
    api = SimpleNamespace(redacted=lambda name: name)
    known = BatchContext(home, day, venues()["binance"], home.root, api, {"metrics": of_the_day})
    read, landed = [], Ledger.landed
    monkeypatch.setattr(
        Ledger, "landed", lambda *arguments: read.append(arguments) or landed(*arguments)
    )
    asked = [known.has(f"https://dumps/{number}.zip") for number in range(100)]
    assert [number for number, there in enumerate(asked) if there] == [14]
    assert known.has("https://dumps/day.zip")
    assert known.has("https://dumps/day.zip", obj.sha256)
    # The same file of a mirror. Other files may have the same bytes.
    assert known.has("http://mirror:8080/of/dumps/day.zip", obj.sha256)
    assert not known.has("http://mirror:8080/of/dumps/day.zip", "0" * 64)
    assert not known.has("https://dumps/other.zip", obj.sha256)
    assert not known.has("https://dumps/14.zip", obj.sha256)
    assert len(read) == 24
