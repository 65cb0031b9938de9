"""Messages of the exchanges: shapes, units, and sums that match what the tape published."""

from __future__ import annotations

import csv
import io
import json
from collections import Counter
from datetime import UTC, datetime

import lz4.frame
import pytest
from tests.simulator.published import frames, totals_usd

from unwind.simulator.decimals import stepped
from unwind.simulator.episode import PEAK_FROM_AT, calm_tape
from unwind.simulator.exchanges import binance_dumps, hyperliquid_fills, respond
from unwind.simulator.market.positions import SIDES
from unwind.simulator.market.steady import DAY_MS, HOUR_MS, epoch_ms
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import Request

PEAK_MS = epoch_ms(PEAK_FROM_AT)
SNAPSHOT = (
    "data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/"
    "BTCUSD_PERP-liquidationSnapshot-2026-01-28.zip"
)


def _get(tape: Tape, connection: str, path: str, now_ms: int | None = None, **params: object):
    request = Request(connection, "GET", path, {name: str(value) for name, value in params.items()})
    return json.loads(respond(tape, now_ms or tape.end_ms, request).body)


def _published(tape: Tape, venue: str) -> dict[str, float]:
    return totals_usd(tape, PEAK_MS, PEAK_MS + HOUR_MS)[venue]


@pytest.mark.parametrize(
    ("steps", "decimals", "text"),
    [(14, 3, "0.014"), (9910, 0, "9910"), (991_000, 2, "9910"), (7831, 6, "0.007831")],
)
def test_decimal_text_is_exact(steps: int, decimals: int, text: str) -> None:
    assert stepped(steps, decimals) == text


def test_force_orders_add_up_to_what_binance_published(tape: Tape) -> None:
    sizes = {i.symbol: i.contract_size for i in tape.instruments_of("binance")}
    totals = Counter()
    for _, text in frames("binance", tape, PEAK_MS, PEAK_MS + HOUR_MS + 2_000):
        message = json.loads(text)
        order = message["o"]
        if not PEAK_MS <= order["T"] < PEAK_MS + HOUR_MS:
            continue
        coin_margined = message["st"] == 2
        assert coin_margined == order["s"].endswith("USD_PERP")
        price = sizes[order["s"]] if coin_margined else float(order["ap"])
        totals[{"SELL": "long", "BUY": "short"}[order["S"]]] += float(order["z"]) * price
    published = _published(tape, "binance")
    assert totals["long"] == pytest.approx(published["long"], rel=1e-9)
    assert totals["short"] == pytest.approx(published["short"], rel=1e-9)


def test_a_force_order_has_the_documented_keys(tape: Tape) -> None:
    message = json.loads(frames("binance", tape, PEAK_MS, PEAK_MS + HOUR_MS)[0][1])
    assert list(message) == ["e", "E", "ps", "st", "o"]
    assert list(message["o"]) == ["s", "S", "o", "f", "q", "p", "ap", "X", "l", "z", "T"]
    assert all(isinstance(message["o"][key], str) for key in ("q", "p", "ap", "l", "z"))
    assert isinstance(message["o"]["T"], int)


def test_a_frame_is_pushed_at_the_end_of_the_second_it_reports(tape: Tape) -> None:
    for _, text in frames("binance", tape, PEAK_MS, PEAK_MS + HOUR_MS):
        message = json.loads(text)
        assert 0 < message["E"] - message["o"]["T"] <= 1_100


def test_bybit_rows_name_the_position_and_come_several_to_a_message(tape: Tape) -> None:
    linear = {i.symbol: not i.inverse for i in tape.instruments_of("bybit")}
    totals, longest, duplicates = Counter(), 0, 0
    for _, text in frames("bybit", tape, PEAK_MS, PEAK_MS + HOUR_MS + 2_000):
        message = json.loads(text)
        longest = max(longest, len(message["data"]))
        duplicates += len(message["data"]) - len({json.dumps(row) for row in message["data"]})
        for row in message["data"]:
            assert message["topic"] == f"allLiquidation.{row['s']}"
            if PEAK_MS <= row["T"] < PEAK_MS + HOUR_MS:
                usd = float(row["v"]) * (float(row["p"]) if linear[row["s"]] else 1)
                totals[{"Buy": "long", "Sell": "short"}[row["S"]]] += usd
    published = _published(tape, "bybit")
    assert totals["long"] == pytest.approx(published["long"], rel=1e-9)
    assert totals["short"] == pytest.approx(published["short"], rel=1e-9)
    assert longest > 2
    assert duplicates > 0


def _okx_usd(tape: Tape, instrument_id: str, detail: dict[str, str]) -> float:
    instrument = tape.instruments[tape.instrument_number["okx", instrument_id]]
    face = float(detail["sz"]) * instrument.contract_size
    return face if instrument.inverse else face * float(detail["bkPx"])


def test_okx_frames_add_up_to_what_okx_published(tape: Tape) -> None:
    totals, several = Counter(), False
    for _, text in frames("okx", tape, PEAK_MS, PEAK_MS + HOUR_MS + 10_000):
        for item in json.loads(text)["data"]:
            several = several or len(item["details"]) > 1
            for detail in item["details"]:
                assert detail["posSide"] in (
                    "net",
                    {"sell": "long", "buy": "short"}[detail["side"]],
                )
                if PEAK_MS <= int(detail["ts"]) < PEAK_MS + HOUR_MS:
                    side = {"sell": "long", "buy": "short"}[detail["side"]]
                    totals[side] += _okx_usd(tape, item["instId"], detail)
    published = _published(tape, "okx")
    assert totals["long"] == pytest.approx(published["long"], rel=1e-9)
    assert totals["short"] == pytest.approx(published["short"], rel=1e-9)
    assert several


def _okx_pages(tape: Tape, family: str) -> list[dict[str, str]]:
    details, after = [], {}
    while True:
        body = _get(
            tape, "okx", "/api/v5/public/liquidation-orders", instType="SWAP", instFamily=family,
            limit=100, **after,
        )  # fmt: skip
        page = [detail for item in body["data"] for detail in item["details"]]
        details += page
        if len(page) < 100:
            return details
        after = {"after": min(int(detail["ts"]) for detail in page)}


def test_okx_rest_pages_hold_the_same_rows_as_the_stream_for_one_day(tape: Tape) -> None:
    streamed = {
        json.dumps(detail)
        for _, text in frames("okx", tape, tape.end_ms - DAY_MS, tape.end_ms - 60_000)
        for item in json.loads(text)["data"]
        if item["instId"] == "BTC-USDT-SWAP"
        for detail in item["details"]
        if int(detail["ts"]) > tape.end_ms - DAY_MS + 60_000
    }
    paged = _okx_pages(tape, "BTC-USDT")
    times = [int(detail["ts"]) for detail in paged]
    assert streamed <= {json.dumps(detail) for detail in paged}
    assert min(times) >= tape.end_ms - DAY_MS
    assert times != sorted(times)
    assert times != sorted(times, reverse=True)


def test_okx_refuses_without_a_family_inside_http_200(tape: Tape) -> None:
    body = _get(tape, "okx", "/api/v5/public/liquidation-orders", instType="SWAP")
    assert body["code"] == "50015"
    assert body["data"] == []


def _fills(tape: Tape, hour_ms: int) -> list[tuple[str, dict]]:
    text = lz4.frame.decompress(hyperliquid_fills.hourly_file(tape, hour_ms)).decode()
    return [
        (address, fill)
        for line in text.splitlines()
        for address, fill in json.loads(line)["events"]
    ]


def test_hyperliquid_victims_add_up_and_every_fill_has_two_legs(tape: Tape) -> None:
    fills = _fills(tape, PEAK_MS)
    totals = Counter()
    for address, fill in fills:
        marked = fill.get("liquidation")
        if marked and marked["liquidatedUser"].lower() == address.lower():
            side = {"A": "long", "B": "short"}[fill["side"]]
            totals[side] += float(fill["px"]) * float(fill["sz"])
    published = _published(tape, "hyperliquid")
    for side in SIDES:
        assert totals[side] == pytest.approx(published[side], rel=1e-9)
    by_trade: dict[tuple[str, int], list[dict]] = {}
    for _, fill in fills:
        by_trade.setdefault((fill["coin"], fill["tid"]), []).append(fill)
    assert all(
        len(legs) == 2 and {leg["side"] for leg in legs} == {"A", "B"} for legs in by_trade.values()
    )


def test_hyperliquid_fills_hold_every_kind_that_the_venue_has(tape: Tape) -> None:
    fills = _fills(tape, PEAK_MS)
    liquidating = [(address, fill) for address, fill in fills if "liquidation" in fill]
    methods = {fill["liquidation"]["method"] for _, fill in liquidating}
    assert methods == {"market", "backstop"}
    winners = [
        (address, fill) for address, fill in liquidating if fill["dir"] == "Auto-Deleveraging"
    ]
    assert winners
    assert all(
        fill["liquidation"]["liquidatedUser"].lower() != address for address, fill in winners
    )
    vault = [fill for address, fill in liquidating if address == hyperliquid_fills.LIQUIDATOR_VAULT]
    assert vault
    assert all(fill["dir"].startswith("Liquidated ") for fill in vault)
    users = {fill["liquidation"]["liquidatedUser"] for _, fill in liquidating}
    assert any(user != user.lower() for user in users)
    ordinary = {fill["coin"] for _, fill in fills if "liquidation" not in fill}
    assert "@107" in ordinary
    assert any(coin.startswith("xyz:") for coin in ordinary)
    assert all(
        not coin.startswith(("@", "xyz:")) for coin in {fill["coin"] for _, fill in liquidating}
    )


def test_hyperliquid_rolls_a_position_up_by_its_start_position(tape: Tape) -> None:
    by_order: dict[tuple[str, int], list[float]] = {}
    for address, fill in _fills(tape, PEAK_MS):
        marked = fill.get("liquidation")
        if marked and marked["liquidatedUser"].lower() == address:
            by_order.setdefault((address, fill["oid"]), []).append(
                abs(float(fill["startPosition"]))
            )
    assert all(held == sorted(held, reverse=True) for held in by_order.values())


def test_every_row_of_a_coin_margined_snapshot_is_written_twice(tape: Tape) -> None:
    text = binance_dumps.dump_csv(tape, SNAPSHOT)
    assert text is not None
    rows = list(csv.DictReader(io.StringIO(text)))
    day_ms = epoch_ms(datetime(2026, 1, 28, tzinfo=UTC))
    published = tape.liquidations.instrument[tape.rows("binance", day_ms, day_ms + DAY_MS)]
    number = tape.instrument_number["binance", "BTCUSD_PERP"]
    assert len(rows) == 2 * (published == number).sum()
    assert all(count % 2 == 0 for count in Counter(map(str, rows)).values())
    assert {row["order_type"] + row["time_in_force"] + row["order_status"] for row in rows} == {
        "LIMITIOCFILLED"
    }


def test_an_odd_snapshot_lacks_one_of_a_pair(tape: Tape) -> None:
    whole = binance_dumps.dump_csv(tape, SNAPSHOT) or ""
    odd = binance_dumps.dump_csv(tape, SNAPSHOT, odd_rows=True) or ""
    assert whole.count("\n") - odd.count("\n") == 1


def test_usd_margined_snapshots_do_not_exist(tape: Tape) -> None:
    key = SNAPSHOT.replace("/cm/", "/um/").replace("BTCUSD_PERP", "BTCUSDT")
    assert binance_dumps.dump_csv(tape, key) is None


def test_metrics_before_june_2026_label_the_end_for_usd_m_and_the_start_for_coin_m(
    tape: Tape,
) -> None:
    um = binance_dumps.dump_csv(
        tape, "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2026-01-28.zip"
    )
    cm = binance_dumps.dump_csv(
        tape, "data/futures/cm/daily/metrics/BTCUSD_PERP/BTCUSD_PERP-metrics-2026-01-28.zip"
    )
    um_labels = [row["create_time"] for row in csv.DictReader(io.StringIO(um))]
    cm_labels = [row["create_time"] for row in csv.DictReader(io.StringIO(cm))]
    assert (um_labels[0], um_labels[-1]) == ("2026-01-28 00:05:00", "2026-01-29 00:00:00")
    assert (cm_labels[0], cm_labels[-1]) == ("2026-01-28 00:00:00", "2026-01-28 23:55:00")
    assert len(um_labels) == len(cm_labels) == 288


def test_metrics_labels_of_usd_m_move_on_2026_06_25_and_both_files_have_that_midnight() -> None:
    tape = calm_tape(datetime(2026, 6, 23, tzinfo=UTC), datetime(2026, 6, 26, tzinfo=UTC))
    path = "data/futures/um/daily/metrics/BTCUSDT/BTCUSDT-metrics-2026-06-{}.zip"
    old, new = (
        list(csv.DictReader(io.StringIO(binance_dumps.dump_csv(tape, path.format(day)))))
        for day in (24, 25)
    )
    assert old[-1]["create_time"] == new[0]["create_time"] == "2026-06-25 00:00:00"
    assert new[-1]["create_time"] == "2026-06-25 23:55:00"
    instrument = tape.instruments[tape.instrument_number["binance", "BTCUSDT"]]
    midnight = epoch_ms(datetime(2026, 6, 25, tzinfo=UTC))
    stock = [tape.oi_contracts(instrument, tape.minute_of(midnight + ms)) for ms in (0, 300_000)]
    assert float(old[-1]["sum_open_interest"]) == pytest.approx(stock[0], abs=0.001)
    assert float(new[0]["sum_open_interest"]) == pytest.approx(stock[1], abs=0.001)


def test_spot_dumps_are_headerless_microseconds_and_mark_dumps_have_a_header_and_milliseconds(
    tape: Tape,
) -> None:
    spot = binance_dumps.dump_csv(
        tape, "data/spot/daily/klines/BTCUSDT/5m/BTCUSDT-5m-2026-01-28.zip"
    )
    mark = binance_dumps.dump_csv(
        tape, "data/futures/um/daily/markPriceKlines/BTCUSDT/5m/BTCUSDT-5m-2026-01-28.zip"
    )
    assert spot.split(",", 1)[0] == "1769558400000000"
    assert spot.splitlines()[0].split(",")[6] == "1769558699999999"
    assert mark.splitlines()[0].startswith("open_time,open,high,low,close,volume,close_time")
    assert mark.splitlines()[1].split(",")[0] == "1769558400000"
    assert len(spot.splitlines()) == 288


def test_binance_statistics_are_ascending_on_five_minutes_and_end_at_now(tape: Tape) -> None:
    rows = _get(
        tape, "binance_um", "/futures/data/openInterestHist", PEAK_MS + 1,
        symbol="BTCUSDT", period="5m", limit=3,
    )  # fmt: skip
    assert [row["timestamp"] for row in rows] == [PEAK_MS - 600_000, PEAK_MS - 300_000, PEAK_MS]
    assert set(rows[0]) >= {"symbol", "sumOpenInterest", "sumOpenInterestValue", "timestamp"}


def test_bybit_open_interest_counts_both_sides_and_pages_by_cursor(tape: Tape) -> None:
    request = {"category": "linear", "symbol": "BTCUSDT", "intervalTime": "5min", "limit": 5}
    first = _get(tape, "bybit", "/v5/market/open-interest", **request)["result"]
    cursor = first["nextPageCursor"]
    second = _get(tape, "bybit", "/v5/market/open-interest", **request, cursor=cursor)["result"]
    row = first["list"][0]
    assert float(row["openInterest"]) == pytest.approx(2 * float(row["singleOpenInterest"]))
    times = [int(one["timestamp"]) for one in first["list"] + second["list"]]
    assert times == sorted(set(times), reverse=True)
    assert len(times) == 10


def test_bybit_funding_history_refuses_a_start_without_an_end(tape: Tape) -> None:
    body = _get(
        tape, "bybit", "/v5/market/funding/history",
        category="linear", symbol="BTCUSDT", startTime=PEAK_MS,
    )  # fmt: skip
    assert body["retCode"] == 10001


def test_hyperliquid_contexts_join_by_position_and_keep_a_delisted_coin(tape: Tape) -> None:
    request = Request("hyperliquid", "POST", "/info", {}, b'{"type": "metaAndAssetCtxs"}')
    meta, contexts = json.loads(respond(tape, PEAK_MS, request).body)
    assert len(meta["universe"]) == len(contexts)
    names = [coin["name"] for coin in meta["universe"]]
    assert meta["universe"][names.index("MATIC")]["isDelisted"] is True
    assert float(contexts[names.index("BTC")]["markPx"]) == pytest.approx(86_800, rel=0.01)
    assert "kPEPE" in names


def test_nothing_is_published_of_the_time_after_now(tape: Tape) -> None:
    now = PEAK_MS + 17 * 60_000 + 12_345
    rates = _get(tape, "binance_um", "/fapi/v1/fundingRate", now, symbol="BTCUSDT")
    bars = _get(tape, "binance_spot", "/api/v3/klines", now, symbol="BTCUSDT", interval="1m")
    open_interest = _get(
        tape, "bybit", "/v5/market/open-interest", now,
        category="linear", symbol="BTCUSDT", intervalTime="5min",
    )  # fmt: skip
    liquidations = _get(
        tape, "okx", "/api/v5/public/liquidation-orders", now,
        instType="SWAP", instFamily="BTC-USDT",
    )  # fmt: skip
    assert max(row["fundingTime"] for row in rates) <= now
    assert max(row[0] for row in bars) <= now
    assert max(int(row["timestamp"]) for row in open_interest["result"]["list"]) <= now
    assert max(int(d["ts"]) for item in liquidations["data"] for d in item["details"]) <= now
