"""The server over real sockets: paths, faults and streams."""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import io
import json
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from tests.simulator.published import frames
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from unwind.simulator.endpoints import Moment
from unwind.simulator.episode import PEAK_FROM_AT, PEAK_TO_AT
from unwind.simulator.exchange import ExchangeStream, Heartbeat, Subscriber
from unwind.simulator.exchanges import okx
from unwind.simulator.market.steady import HOUR_MS, epoch_ms
from unwind.simulator.market.tape import Tape
from unwind.simulator.segments import RECORDED, segments, write_segments
from unwind.simulator.server import CONNECTION_IDS, Simulator
from unwind.simulator.streams import OpenStream

PEAK_MS = epoch_ms(PEAK_FROM_AT)
SNAPSHOT = (
    "/data/futures/cm/daily/liquidationSnapshot/BTCUSD_PERP/"
    "BTCUSD_PERP-liquidationSnapshot-2026-01-28.zip"
)


def _get(server: Simulator, connection: str, path: str, **params: object) -> requests.Response:
    url = server.connections()[connection] + path
    return requests.get(url, params=params, timeout=5)


def test_every_connection_has_a_loopback_url(server: Simulator) -> None:
    connections = server.connections()
    assert set(connections) == set(CONNECTION_IDS)
    assert connections["binance_um"] == f"http://127.0.0.1:{server.port}/binance-um"
    assert connections["okx_ws"] == f"ws://127.0.0.1:{server.port}/okx-ws"
    assert server.environment()["AIRFLOW_CONN_BYBIT"].endswith("/bybit")


@pytest.mark.parametrize(
    ("connection", "path", "params"),
    [
        ("binance_um", "/fapi/v1/exchangeInfo", {}),
        ("binance_cm", "/dapi/v1/premiumIndex", {}),
        ("binance_spot", "/api/v3/klines", {"symbol": "BTCUSDT", "interval": "1m"}),
        ("bybit", "/v5/market/tickers", {"category": "inverse"}),
        ("okx", "/api/v5/public/instruments", {"instType": "SWAP"}),
        ("coingecko", "/api/v3/coins/markets", {"vs_currency": "usd", "per_page": 250}),
        ("coinpaprika", "/v1/tickers", {"quotes": "USD"}),
    ],
)
def test_each_venue_answers_json(
    server: Simulator, connection: str, path: str, params: dict[str, object]
) -> None:
    response = _get(server, connection, path, **params)
    assert response.status_code == 200
    assert response.json()


def test_a_taken_port_is_reported_plainly(server: Simulator, tape: Tape) -> None:
    with pytest.raises(RuntimeError, match="is not free for the simulator"):
        Simulator(tape, port=server.port)


def test_hyperliquid_answers_posts_only(server: Simulator) -> None:
    url = server.connections()["hyperliquid"] + "/info"
    response = requests.post(url, json={"type": "metaAndAssetCtxs"}, timeout=5)
    assert len(response.json()) == 2
    assert requests.get(url, timeout=5).status_code == 404
    assert requests.post(url, json={"type": "liquidations"}, timeout=5).status_code == 422


def test_coingecko_lists_stablecoins_and_ranks_by_market_cap(server: Simulator) -> None:
    params = {"vs_currency": "usd", "per_page": 10}
    pages = [
        _get(server, "coingecko", "/api/v3/coins/markets", **params, page=page).json()
        for page in (1, 2, 3, 4)
    ]
    rows = [row for page in pages for row in page]
    assert [len(page) for page in pages] == [10, 10, 4, 0]
    assert [row["market_cap_rank"] for row in rows] == list(range(1, 25))
    assert [row["id"] for row in rows[:3]] == ["bitcoin", "ethereum", "tether"]


def test_a_dump_agrees_with_its_checksum_and_its_listing(server: Simulator) -> None:
    payload = _get(server, "binance_dumps", SNAPSHOT).content
    name = SNAPSHOT.rsplit("/", 1)[-1]
    sidecar = _get(server, "binance_dumps", SNAPSHOT + ".CHECKSUM").text
    assert sidecar == f"{hashlib.sha256(payload).hexdigest()}  {name}\n"
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        assert archive.namelist() == [name.replace(".zip", ".csv")]
    folder = SNAPSHOT.rsplit("/", 1)[0].lstrip("/") + "/"
    listing = _get(server, "binance_dumps", "/", prefix=folder, delimiter="/").text
    assert f"<Key>{SNAPSHOT.lstrip('/')}</Key>" in listing
    assert f"<Size>{len(payload)}</Size>" in listing


def test_a_dump_of_an_unfinished_day_gives_no_such_key(server: Simulator) -> None:
    response = _get(server, "binance_dumps", SNAPSHOT.replace("01-28", "01-29"))
    assert response.status_code == 404
    assert "<Code>NoSuchKey</Code>" in response.text


def test_node_fills_of_an_hour_appear_when_it_is_over_without_a_leading_zero(
    server: Simulator,
) -> None:
    path = "/node_fills_by_block/hourly/20260129/{}.lz4"
    server.set_now(PEAK_TO_AT - timedelta(seconds=1))
    assert _get(server, "hyperliquid_nodefills", path.format(14)).status_code == 404
    server.set_now(PEAK_TO_AT)
    assert _get(server, "hyperliquid_nodefills", path.format(14)).status_code == 200
    assert _get(server, "hyperliquid_nodefills", path.format("04")).status_code == 404


@pytest.mark.parametrize(
    ("kind", "connection", "status"),
    [
        ("throttled", "binance_um", 429),
        ("banned", "binance_um", 418),
        ("waf", "binance_um", 403),
        ("geo_blocked", "binance_um", 451),
        ("server_error", "binance_um", 503),
        ("not_found", "binance_um", 404),
        ("html", "binance_um", 200),
        ("empty", "binance_um", 200),
    ],
)
def test_a_fault_replaces_the_answer(
    server: Simulator, kind: str, connection: str, status: int
) -> None:
    server.fail(connection, kind, seconds=7)
    response = _get(server, connection, "/fapi/v1/exchangeInfo")
    assert response.status_code == status
    if kind in ("throttled", "banned"):
        assert response.headers["Retry-After"] == "7"
    if kind in ("waf", "html"):
        assert "<html>" in response.text
    if kind == "geo_blocked":
        assert "restricted location" in response.json()["msg"]
    if kind == "empty":
        assert response.content == b""


@pytest.mark.parametrize(
    ("connection", "path", "key", "code"),
    [
        ("okx", "/api/v5/public/instruments", "code", "50011"),
        ("bybit", "/v5/market/tickers", "retCode", 10006),
        ("binance_um", "/fapi/v1/exchangeInfo", "code", -1003),
    ],
)
def test_an_error_code_hides_inside_http_200(
    server: Simulator, connection: str, path: str, key: str, code: object
) -> None:
    server.fail(connection, "error_code")
    response = _get(server, connection, path)
    assert response.status_code == 200
    assert response.json()[key] == code


def test_a_truncated_body_is_shorter_than_promised(server: Simulator) -> None:
    server.fail("binance", "truncated")
    with pytest.raises((requests.exceptions.ChunkedEncodingError, requests.ConnectionError)):
        _get(server, "binance_um", "/fapi/v1/exchangeInfo")


def test_a_reset_connection_gives_no_answer(server: Simulator) -> None:
    server.fail("okx", "reset")
    with pytest.raises(requests.ConnectionError):
        _get(server, "okx", "/api/v5/public/instruments", instType="SWAP")


def test_missing_and_slow_answers_take_their_time(server: Simulator) -> None:
    url = server.connections()["bybit"] + "/v5/market/tickers"
    server.fail("bybit", "no_answer", seconds=1, requests=1)
    with pytest.raises((requests.Timeout, requests.ConnectionError)):
        requests.get(url, params={"category": "linear"}, timeout=0.2)
    server.fail("bybit", "slow", seconds=0.3, requests=1)
    response = requests.get(url, params={"category": "linear"}, timeout=5)
    assert response.elapsed.total_seconds() >= 0.3
    assert response.json()["retCode"] == 0


def test_a_fault_ends_after_its_requests_and_stays_on_its_path(server: Simulator) -> None:
    server.fail("binance", "throttled", requests=2, path="/futures/data/")
    assert _get(server, "binance_um", "/fapi/v1/exchangeInfo").status_code == 200
    params = {"symbol": "BTCUSDT", "period": "5m"}
    statuses = [
        _get(server, "binance_um", "/futures/data/openInterestHist", **params).status_code
        for _ in range(3)
    ]
    assert statuses == [429, 429, 200]


def test_dump_faults(server: Simulator) -> None:
    healthy = _get(server, "binance_dumps", SNAPSHOT).content
    server.fail("binance_dumps", "broken_zip")
    broken = _get(server, "binance_dumps", SNAPSHOT).content
    with pytest.raises(zipfile.BadZipFile):
        zipfile.ZipFile(io.BytesIO(broken))
    sidecar = _get(server, "binance_dumps", SNAPSHOT + ".CHECKSUM").text
    assert sidecar.startswith(hashlib.sha256(broken).hexdigest())
    server.heal()
    server.fail("binance_dumps", "bad_checksum")
    assert _get(server, "binance_dumps", SNAPSHOT).content == healthy
    assert _get(server, "binance_dumps", SNAPSHOT + ".CHECKSUM").text.startswith("0" * 64)
    server.heal()
    server.fail("binance_dumps", "odd_rows")
    assert _rows(_get(server, "binance_dumps", SNAPSHOT).content) == _rows(healthy) - 1
    server.heal()
    server.fail("binance_dumps", "republished")
    again = _get(server, "binance_dumps", SNAPSHOT).content
    assert _rows(again) == _rows(healthy)
    assert again != healthy
    sidecar = _get(server, "binance_dumps", SNAPSHOT + ".CHECKSUM").text
    assert sidecar.startswith(hashlib.sha256(again).hexdigest())


def _rows(payload: bytes) -> int:
    with zipfile.ZipFile(io.BytesIO(payload)) as archive:
        return archive.read(archive.namelist()[0]).count(b"\n") - 1


def test_the_control_path_sets_now_and_faults(server: Simulator) -> None:
    control = f"{server.url}/control"
    order = {"now": "2026-01-29T14:30:00Z", "venue": "okx", "fault": "error_code", "requests": 1}
    state = requests.post(control, json=order, timeout=5).json()
    assert state["now"] == "2026-01-29T14:30:00+00:00"
    assert state["faults"][0]["kind"] == "error_code"
    time_path = "/api/v5/public/time"
    assert _get(server, "okx", time_path).json()["code"] == "50011"
    assert _get(server, "okx", time_path).json()["data"][0]["ts"] == "1769697000000"
    assert requests.post(control, json={"heal": True}, timeout=5).json()["faults"] == []
    refused = requests.post(control, json={"venue": "okx", "fault": "bad luck"}, timeout=5)
    assert refused.status_code == 400
    assert "no such fault" in refused.json()["error"]


def test_bybit_pages_can_be_capped_to_show_paging(tape: Tape) -> None:
    with Simulator(tape, page_cap=6) as capped:
        params = {"category": "linear", "limit": 1000}
        path = "/v5/market/instruments-info"
        symbols: list[str] = []
        cursor = ""
        while True:
            result = _get(capped, "bybit", path, **params, cursor=cursor).json()["result"]
            symbols += [row["symbol"] for row in result["list"]]
            cursor = result["nextPageCursor"]
            if not cursor:
                break
    assert len(symbols) == len(set(symbols)) == 14


async def _received(
    server: Simulator, url: str, texts: list[str], until: int, wait: float = 0.7
) -> list[str]:
    """Messages of a stream while the tape moves from a quarter past the peak hour to `until` ms."""
    received: list[str] = []
    async with connect(url) as stream:
        for text in texts:
            await stream.send(text)
        await asyncio.sleep(0.2)
        move = {"now": (PEAK_FROM_AT + timedelta(milliseconds=until)).isoformat()}
        control = f"{server.url}/control"
        await asyncio.to_thread(requests.post, control, json=move, timeout=10)
        try:
            while True:
                received.append(await asyncio.wait_for(stream.recv(), wait))
        except TimeoutError:
            return received


QUARTER_MS, HALF_MS = 15 * 60_000, 30 * 60_000


@pytest.fixture
def at_quarter_past(server: Simulator) -> Simulator:
    server.set_now(PEAK_FROM_AT + timedelta(milliseconds=QUARTER_MS))
    return server


def test_the_binance_stream_pushes_what_was_published(
    at_quarter_past: Simulator, tape: Tape
) -> None:
    url = at_quarter_past.connections()["binance_ws"] + "/market/ws/!forceOrder@arr"
    received = asyncio.run(_received(at_quarter_past, url, [], HALF_MS))
    expected = frames("binance", tape, PEAK_MS + QUARTER_MS, PEAK_MS + HALF_MS)
    assert received == [text for _, text in expected]
    assert len(received) > 300


def test_an_unrouted_binance_stream_is_accepted_and_silent(
    at_quarter_past: Simulator,
) -> None:
    url = at_quarter_past.connections()["binance_ws"] + "/ws/!forceOrder@arr"
    assert asyncio.run(_received(at_quarter_past, url, [], HALF_MS)) == []


def test_the_bybit_stream_pushes_only_subscribed_symbols(
    at_quarter_past: Simulator, tape: Tape
) -> None:
    url = at_quarter_past.connections()["bybit_ws"] + "/v5/public/linear"
    texts = ['{"op":"subscribe","args":["allLiquidation.ETHUSDT"]}', '{"op":"ping"}']
    received = asyncio.run(_received(at_quarter_past, url, texts, HALF_MS))
    assert json.loads(received[0])["success"] is True
    assert json.loads(received[1])["ret_msg"] == "pong"
    symbols = frozenset({"ETHUSDT"})
    expected = frames("bybit", tape, PEAK_MS + QUARTER_MS, PEAK_MS + HALF_MS, symbols)
    assert received[2:] == [text for _, text in expected]


def test_a_combined_binance_stream_wraps_the_frames_of_its_symbols(
    at_quarter_past: Simulator, tape: Tape
) -> None:
    streams = "btcusdt@forceOrder/ethusd_perp@forceOrder"
    base = at_quarter_past.connections()["binance_ws"]
    received = asyncio.run(
        _received(at_quarter_past, f"{base}/market/stream?streams={streams}", [], HALF_MS)
    )
    symbols = {json.loads(text)["data"]["o"]["s"] for text in received}
    assert symbols == {"BTCUSDT", "ETHUSD_PERP"}
    streams_named = {json.loads(text)["stream"] for text in received}
    assert streams_named == {"btcusdt@forceOrder", "ethusd_perp@forceOrder"}


def test_bybit_refuses_a_symbol_of_the_other_route(at_quarter_past: Simulator) -> None:
    url = at_quarter_past.connections()["bybit_ws"] + "/v5/public/inverse"
    texts = ['{"op":"subscribe","args":["allLiquidation.ETHUSDT"]}']
    received = asyncio.run(_received(at_quarter_past, url, texts, HALF_MS))
    assert len(received) == 1
    assert json.loads(received[0])["success"] is False


@pytest.mark.parametrize(("kind", "status"), [("geo_blocked", 451), ("throttled", 429)])
def test_a_stream_is_refused_at_the_upgrade(
    at_quarter_past: Simulator, kind: str, status: int
) -> None:
    at_quarter_past.fail("binance_ws", kind)
    url = at_quarter_past.connections()["binance_ws"] + "/market/ws/!forceOrder@arr"
    with pytest.raises(InvalidStatus) as refusal:
        asyncio.run(_received(at_quarter_past, url, [], HALF_MS))
    assert refusal.value.response.status_code == status


def test_after_the_tapes_end_the_market_is_static_and_files_still_appear(
    server: Simulator, tape: Tape
) -> None:
    server.set_now(PEAK_TO_AT + timedelta(days=5))
    info = _get(server, "binance_um", "/fapi/v1/exchangeInfo").json()
    assert info["serverTime"] == tape.end_ms
    monthly = "/data/futures/um/monthly/fundingRate/BTCUSDT/BTCUSDT-fundingRate-2026-01.zip"
    assert _get(server, "binance_dumps", monthly).status_code == 200
    server.set_now(PEAK_TO_AT)
    assert _get(server, "binance_dumps", monthly).status_code == 404


@pytest.mark.parametrize("kind", ["refuse", "silent"])
def test_a_stream_can_be_refused_or_stay_silent(at_quarter_past: Simulator, kind: str) -> None:
    at_quarter_past.fail("binance_ws", kind, requests=1)
    url = at_quarter_past.connections()["binance_ws"] + "/market/ws/!forceOrder@arr"
    if kind == "refuse":
        with pytest.raises(InvalidStatus):
            asyncio.run(_received(at_quarter_past, url, [], HALF_MS))
        return
    assert asyncio.run(_received(at_quarter_past, url, [], HALF_MS)) == []


def test_the_okx_stream_replays_old_rows_on_subscribing_and_pongs(
    at_quarter_past: Simulator, tape: Tape
) -> None:
    url = at_quarter_past.connections()["okx_ws"] + "/ws/v5/public"
    argument = '{"channel":"liquidation-orders","instType":"SWAP"}'
    texts = ["ping", f'{{"op":"subscribe","args":[{argument}]}}']
    received = asyncio.run(_received(at_quarter_past, url, texts, HALF_MS))
    assert received[0] == "pong"
    assert json.loads(received[1])["event"] == "subscribe"
    assert received[2:7] == okx.recent_frames(Moment(tape, PEAK_MS + QUARTER_MS, "okx"))
    assert len(received) > 100


def test_a_dropped_stream_is_closed(at_quarter_past: Simulator) -> None:
    async def closed() -> bool:
        url = at_quarter_past.connections()["okx_ws"] + "/ws/v5/public"
        async with connect(url) as stream:
            await asyncio.sleep(0.1)
            at_quarter_past.fail("okx", "drop")
            await asyncio.wait_for(stream.wait_closed(), 3)
            return stream.close_code == 1001

    assert asyncio.run(closed())


def test_a_stream_can_be_compressed_and_is_closed_when_its_heartbeats_stay_unanswered(
    tape: Tape,
) -> None:
    def replies(who: Subscriber, now: Moment, text: str) -> list[str]:
        who.unanswered = 0
        return []

    beat = Heartbeat(0.02, lambda now_ms: f'{{"op":"ping","ts":{now_ms}}}', unanswered=2)
    wire = ExchangeStream(
        "htx_ws", lambda *_: [], replies, pack=lambda text: gzip.compress(text.encode())
    )

    async def sent() -> list[str | None]:
        stream = OpenStream(wire, Subscriber("htx_ws", "/", beat=beat))
        beats = asyncio.create_task(stream.beat(lambda: 1769698800000))
        received: list[str | None] = []
        while None not in received:
            packed = await asyncio.wait_for(stream.next_sent(), 3)
            received.append(gzip.decompress(packed).decode() if isinstance(packed, bytes) else None)
            if len(received) < 3:
                stream.receive(tape, 1769698800000, '{"op":"pong"}')
        await beats
        return received

    # Two pings are answered and the next two are not, so the stream closes instead of a fifth.
    assert asyncio.run(sent()) == 4 * ['{"op":"ping","ts":1769698800000}'] + [None]


def test_segments_hold_what_a_recorder_receives_within_the_hour(tape: Tape) -> None:
    lines = [json.loads(line) for line in segments(tape, "binance", PEAK_FROM_AT)]
    received = [line["received_at"] for line in lines]
    assert received == sorted(received)
    assert received[0] >= "2026-01-29T14:00:00.005"
    assert received[-1] < "2026-01-29T15:00:00"
    expected = frames("binance", tape, PEAK_MS - 100, PEAK_MS + HOUR_MS)
    assert {line["frame"] for line in lines} <= {text for _, text in expected}
    for line in lines[:200]:
        pushed = json.loads(line["frame"])["E"]
        delay = _micros(line["received_at"]) / 1000 - pushed
        assert 5 <= delay < 200


def _micros(stamp: str) -> int:
    from datetime import datetime

    return round(datetime.fromisoformat(stamp).timestamp() * 1e6)


def test_consecutive_segments_lose_and_repeat_nothing(tape: Tape) -> None:
    hours = [PEAK_FROM_AT - timedelta(hours=n) for n in (2, 1, 0)] + [PEAK_TO_AT]
    for venue in ("binance", "bybit", "okx"):
        recorded = [
            json.loads(line)["frame"] for hour in hours for line in segments(tape, venue, hour)
        ]
        pushed = frames(venue, tape, PEAK_MS - 2 * HOUR_MS, tape.end_ms - 200)
        missing = {text for _, text in pushed} - set(recorded)
        assert len(recorded) == len(set(recorded)) or venue == "bybit"
        assert not missing


def test_segments_are_written_where_the_recorder_writes_them(tape: Tape, tmp_path: Path) -> None:
    first = PEAK_FROM_AT - timedelta(hours=1)
    written = write_segments(tape, tmp_path, first, PEAK_TO_AT)
    assert {path.relative_to(tmp_path).as_posix() for path in written} == {
        f"{venue}/2026-01-29T{hour}.ndjson" for venue in RECORDED for hour in (13, 14)
    }
    text = (tmp_path / "bybit/2026-01-29T14.ndjson").read_text()
    assert text.splitlines() == segments(tape, "bybit", PEAK_FROM_AT)
