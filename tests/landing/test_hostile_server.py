"""A hostile server costs bounded time and memory, and the outcome is recorded."""

from __future__ import annotations

import gzip
import itertools
import re
import socket
import threading
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from loopback_venue import Asked, Loopback, Reply, Waits, as_json, clock

from unwind import venues
from unwind.http import (
    Bounds,
    Connection,
    ErrorRules,
    Request,
    VenueApi,
    VenueStoppedError,
    bounded_transport,
    client,
    retries,
)
from unwind.landing.land import batch_of, land_venue
from unwind.landing.raw import RawZone
from unwind.settings import Home

HOUR = batch_of("hour-2026-01-29T14")
DAY = batch_of("day-2024-08-05")
OK = b"HTTP/1.1 200 OK\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
Sends = Iterator[bytes]
# The most that a landing holds of a response, apart from its parsed form.
MAX_HELD_BYTES = 64 * 2**20


def _slowly(*parts: bytes) -> Sends:
    """The parts, then the last one repeated fifty times a second."""
    yield from parts
    while True:
        time.sleep(0.02)
        yield parts[-1]


def _fast(*parts: bytes) -> Sends:
    yield from parts
    yield from itertools.repeat(parts[-1])


def _encoded(encoding: str, *layers: Callable[[bytes], bytes]) -> Sends:
    """64 MB of zeros, compressed once or several times."""
    packer = zlib.compressobj(1, zlib.DEFLATED, 31)
    million = bytes(1 << 20)
    packed = b"".join(packer.compress(million) for _ in range(64)) + packer.flush()
    for layer in layers:
        packed = layer(packed)
    head = OK + f"Content-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
    yield head + packed


TOO_SLOW: dict[str, Callable[[], Sends]] = {
    "a body that trickles": lambda: _slowly(OK + b"Content-Length: 9999999\r\n\r\n", b" "),
    "a body without an end that trickles": lambda: _slowly(OK + b"\r\n[]", b" "),
    "chunks that trickle": lambda: _slowly(CHUNKED, b"1\r\n \r\n"),
    "the size of a chunk that trickles": lambda: _slowly(CHUNKED, b"0"),
    "the extension of a chunk that trickles": lambda: _slowly(CHUNKED + b"5;", b"x"),
    "trailers without an end": lambda: _slowly(CHUNKED + b"2\r\n[]\r\n0\r\n", b"X-More: 1\r\n"),
    "a length that is no number": lambda: iter([OK + b"Content-Length: many\r\n\r\n[]"]),
    "silence in the middle": lambda: iter([OK + b"Content-Length: 99\r\n\r\n[1,"]),
}
TOO_LONG: dict[str, Callable[[], Sends]] = {
    "a body without an end": lambda: _fast(OK + b"\r\n", b"1" * 65_536),
    "chunks without an end": lambda: _fast(CHUNKED, b"10000\r\n" + b"1" * 65_536 + b"\r\n"),
    "a bomb of gzip": lambda: _encoded("gzip"),
    "a bomb in a bomb": lambda: _encoded("gzip, gzip", gzip.compress),
    "bombs five deep": lambda: _encoded(", ".join(["gzip"] * 5), *[gzip.compress] * 4),
}
BROKEN: dict[str, Callable[[], Sends]] = {
    "a chunk's size without an end": lambda: _fast(CHUNKED, b"0" * 65_536),
    "a chunk of negative size": lambda: iter([CHUNKED + b"-5\r\n"]),
    "what is no gzip": lambda: iter(
        [OK + b"Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n[]"]
    ),
    "six layers of packing": lambda: iter(
        [OK + b"Content-Encoding: gzip,gzip,gzip,gzip,gzip,gzip\r\nContent-Length: 2\r\n\r\n[]"]
    ),
    "brackets without an end": lambda: iter(
        [OK + b"Content-Length: 2000000\r\n\r\n" + b"[" * 2_000_000]
    ),
    "a number of a million digits": lambda: iter(
        [OK + b"Content-Length: 1000002\r\n\r\n[" + b"9" * 1_000_000 + b"]"]
    ),
}
UNREACHABLE: dict[str, Callable[[], Sends]] = {
    "a header without an end": lambda: _fast(OK + b"X: ", b"x" * 65_536),
    "ten thousand headers": lambda: iter([OK + b"X-Filler: 0\r\n" * 10_000]),
    "no HTTP": lambda: iter([b"SSH-2.0-OpenSSH_9.9\r\n"]),
}


@contextmanager
def serving(sends: Callable[[], Sends]) -> Iterator[str]:
    """A server that answers every connection like this while the block runs; its host and port."""
    open_ones: list[socket.socket] = []

    def answer(connection: socket.socket) -> None:
        with suppress(OSError, ValueError):
            while connection.recv(65_536):
                for part in sends():
                    connection.sendall(part)

    def accept(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                open_ones.append(connection)
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=accept, args=(listening,), daemon=True).start()
        try:
            yield f"127.0.0.1:{listening.getsockname()[1]}"
        finally:
            listening.shutdown(socket.SHUT_RDWR)
            for one in open_ones:
                with suppress(OSError):
                    one.shutdown(socket.SHUT_RDWR)
                one.close()


def venue_api(folder: Path, waits: Waits, bounds: Bounds | None = None) -> VenueApi:
    return VenueApi(
        "testvenue",
        {"testvenue": Connection("https://venue.invalid")},
        ErrorRules(),
        (),
        folder=folder,
        clock=clock,
        sleep=waits,
        bounds=bounds or Bounds(),
    )


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Timeouts of fractions of a second, and two attempts."""
    monkeypatch.setattr(bounded_transport, "MAX_HEADER_SECONDS", 0.4)
    monkeypatch.setattr(client, "MAX_RESPONSE_SECONDS", 0.25)
    monkeypatch.setattr(client, "MAX_DOWNLOAD_SECONDS", 0.25)
    monkeypatch.setattr(retries, "ATTEMPTS", 2)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("sends", TOO_SLOW.values(), ids=TOO_SLOW)
def test_a_body_that_does_not_end_is_cut_off(
    tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch, sends: Callable[[], Sends]
):
    api = venue_api(tmp_path, waits)
    with serving(sends) as at, api.recording("tickers") as fetch_log:
        monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", f"http://{at}")
        began = time.monotonic()
        assert api.get("testvenue", "/rows") is None
        kept = api.download("testvenue", "/file.csv", format="force-order-csv")
        assert time.monotonic() - began < 10
    assert "took longer than 0 s" in fetch_log.failures[0]
    assert "took longer than 0 s" in fetch_log.failures[1]
    # The received bytes are kept as evidence and give no rows.
    assert kept is None or kept.fault == fetch_log.failures[1]
    assert fetch_log.usable == 0


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("sends", TOO_LONG.values(), ids=TOO_LONG)
def test_a_body_that_is_too_long_takes_no_more_memory_than_stated(
    tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch, sends: Callable[[], Sends]
):
    monkeypatch.setattr(client, "MAX_RESPONSE_SECONDS", 60.0)
    prepared = list(itertools.islice(sends(), 2))
    api = venue_api(tmp_path, waits)
    with (
        serving(lambda: itertools.chain(prepared, itertools.repeat(prepared[-1]))) as at,
        api.recording("tickers") as fetch_log,
    ):
        monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", f"http://{at}")
        tracemalloc.start()
        try:
            assert api.get("testvenue", "/rows") is None
            _, most = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert "was longer than 25,165,824 bytes" in fetch_log.failures[0]
    assert most < MAX_HELD_BYTES
    # Each attempt keeps a megabyte of the response as evidence.
    assert fetch_log.path.stat().st_size < 2 * 6 * 2**20 + 10_000


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("sends", BROKEN.values(), ids=BROKEN)
def test_a_body_that_cannot_be_read_is_an_outcome(
    tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch, sends: Callable[[], Sends]
):
    monkeypatch.setattr(client, "MAX_RESPONSE_SECONDS", 1.0)
    api = venue_api(tmp_path, waits)
    with serving(sends) as at, api.recording("tickers") as fetch_log:
        monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", f"http://{at}")
        assert api.get("testvenue", "/rows") is None
    assert len(fetch_log.failures) == 1
    assert "land again" in fetch_log.failures[0]
    assert fetch_log.requests == fetch_log.lines == 2


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("sends", UNREACHABLE.values(), ids=UNREACHABLE)
def test_an_invalid_response_is_an_outcome(
    tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch, sends: Callable[[], Sends]
):
    api = venue_api(tmp_path, waits)
    with serving(sends) as at, api.recording("tickers") as fetch_log:
        monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", f"http://{at}")
        with pytest.raises(VenueStoppedError, match="did not answer"):
            api.get("testvenue", "/rows")
    assert fetch_log.requests == 2


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize(
    "sends",
    [lambda: iter(()), lambda: _slowly(b"\x16\x03\x03\x40\x00", b"\x02")],
    ids=["silence", "a handshake that trickles"],
)
def test_a_tls_handshake_that_does_not_end_is_given_up(
    tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch, sends: Callable[[], Sends]
):
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.4)
    monkeypatch.setattr(client, "READ_SECONDS", 0.4)
    api = venue_api(tmp_path, waits)
    with serving(sends) as at, api.recording("tickers"):
        monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", f"https://{at}")
        began = time.monotonic()
        with pytest.raises(VenueStoppedError, match="did not answer"):
            api.get("testvenue", "/rows")
        assert time.monotonic() - began < 10


@pytest.mark.usefixtures("soon")
def test_a_host_that_takes_no_connection_is_given_up(
    tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(client, "CONNECT_SECONDS", 0.4)
    with socket.socket() as listening, socket.socket() as first, socket.socket() as second:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(listening.getsockname())
        monkeypatch.setenv(
            "AIRFLOW_CONN_TESTVENUE", f"http://127.0.0.1:{listening.getsockname()[1]}"
        )
        api = venue_api(tmp_path, waits)
        began = time.monotonic()
        with api.recording("tickers"), pytest.raises(VenueStoppedError, match="did not answer"):
            api.get("testvenue", "/rows")
        assert time.monotonic() - began < 10


def test_a_redirect_to_itself_is_one_request(
    loopback: Loopback, tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", loopback.url)
    loopback.otherwise = lambda asked: Reply(b"", 302, {"Location": asked.path})
    api = venue_api(tmp_path, waits)
    with api.recording("tickers") as fetch_log:
        assert api.get("testvenue", "/rows") is None
    assert len(loopback.asked) == 1
    assert "HTTP 302" in fetch_log.failures[0]


# -- endless lists --------------------------------------------------------------------------------


def _walked(api: VenueApi, next_page: Callable[[client.Response], dict | None]) -> list[list]:
    return [page.rows for page in api.paginate("testvenue", "/rows", {"from": 0}, next_page)]


@pytest.mark.parametrize(
    ("rows", "next_page", "pages", "reason"),
    [
        (lambda n: [n], lambda answer: {"from": 0}, 1, "leads back to a page"),
        (lambda n: [n], lambda answer: {"from": 1 - answer.rows[0] % 2}, 2, "leads back to a page"),
        (lambda n: [1], lambda answer: {"from": time.monotonic_ns()}, 1, "gives the same rows"),
        (
            lambda n: [n % 3, "x"],
            lambda answer: {"from": time.monotonic_ns()},
            3,
            "gives the same rows",
        ),
        (lambda n: [n], lambda answer: {"from": answer.rows[0] + 1}, 7, "goes on after 7 pages"),
        (lambda n: [], lambda answer: {"from": time.monotonic_ns()}, 7, "goes on after 7 pages"),
    ],
    ids=["itself", "to and fro", "same rows", "same rows in turn", "for ever", "nothing for ever"],
)
def test_an_endless_list_is_abandoned_and_recorded(
    loopback: Loopback,
    tmp_path: Path,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
    rows: Callable[[int], list],
    next_page: Callable[[client.Response], dict],
    pages: int,
    reason: str,
):
    monkeypatch.setattr(client, "MAX_PAGES", 7)
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", loopback.url)
    count = itertools.count()
    loopback.otherwise = lambda asked: as_json(rows(next(count)))
    api = venue_api(tmp_path, waits)
    with api.recording("tickers") as fetch_log:
        assert len(_walked(api, next_page)) == pages
    (failure,) = fetch_log.failures
    assert reason in failure
    assert "land again" in failure
    assert len(loopback.asked) <= pages + 1


def _listing(symbols: list[str], is_truncated: bool) -> Reply:
    prefix = "data/futures/um/daily/liquidationSnapshot"
    found = "".join(
        f"<CommonPrefixes><Prefix>{prefix}/{one}/</Prefix></CommonPrefixes>" for one in symbols
    )
    return Reply(
        '<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        f"<IsTruncated>{str(is_truncated).lower()}</IsTruncated>{found}</ListBucketResult>".encode()
    )


@pytest.mark.parametrize(
    ("symbols", "reason"),
    [
        (lambda n: [f"S{n:09d}"], "goes on after 5 pages"),
        (lambda n: ["BTCUSDT"], "leads back to a page"),
        (lambda n: [], "leads back to a page"),
    ],
    ids=["for ever", "the same page", "empty pages"],
)
def test_an_endless_listing_of_dumps_ends_as_an_outcome(
    home: Home,
    all_venues: Loopback,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
    symbols: Callable[[int], list[str]],
    reason: str,
):
    monkeypatch.setattr("unwind.venues.binance.MAX_PAGES", 5)
    count = itertools.count()
    all_venues.routes["/binance_dumps/"] = lambda asked: _listing(symbols(next(count)), True)
    landed = {one.dataset: one for one in land_venue(home, DAY, "binance", clock, waits)}
    assert reason in landed["liquidations"].detail
    # No file was listed, so nothing was fetched.
    assert landed["liquidations"].status == "failed"
    assert sum(path == "/binance_dumps/" for path in all_venues.paths()) < 80


def test_no_venue_file_pages_by_itself():
    for module in Path(venues.__file__).parent.glob("*.py"):
        assert not re.search(r"\bwhile\b.*:$|itertools\.count", module.read_text(), re.MULTILINE)


# -- landings that would take forever -------------------------------------------------------------


def _ask_often(api: VenueApi) -> None:
    for _ in range(1000):
        api.get("testvenue", "/rows")


def test_a_datasets_landing_ends_in_time_and_keeps_what_it_received(
    loopback: Loopback,
    tmp_path: Path,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", loopback.url)
    loopback.otherwise = lambda asked: as_json([1])
    now = itertools.count()
    api = VenueApi(
        "testvenue",
        {"testvenue": Connection("https://venue.invalid")},
        ErrorRules(),
        (),
        folder=tmp_path,
        clock=clock,
        sleep=waits,
        monotonic=lambda: float(next(now)),
        bounds=Bounds(venue_seconds=100_000.0, dataset_seconds=100.0),
    )
    with api.recording("tickers") as fetch_log:
        with pytest.raises(VenueStoppedError, match="one dataset's landing may take 100 s"):
            _ask_often(api)
        # The last response may have come too late to be used.
        assert 3 < fetch_log.lines - 1 <= fetch_log.usable
    # Other datasets have their own time limit, within that of the venue.
    with api.recording("open_interest"):
        assert api.get("testvenue", "/rows") is not None
    for _ in range(1000):
        next(now)
    api._deadlines._ends_at = 0.0
    with (
        api.recording("funding"),
        pytest.raises(VenueStoppedError, match=r"the landing of testvenue may take 100,000 s"),
    ):
        api.get("testvenue", "/rows")


def test_a_datasets_landing_takes_a_bounded_size(
    loopback: Loopback, tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", loopback.url)
    loopback.otherwise = lambda asked: as_json(["x" * 1000])
    api = venue_api(tmp_path, waits, Bounds(dataset_bytes=10_000))
    with (
        api.recording("tickers") as fetch_log,
        pytest.raises(VenueStoppedError, match=r"may be 10,000 bytes long; what came is kept"),
    ):
        _ask_often(api)
    assert fetch_log.lines == 10


def test_a_venue_that_lists_without_end_ends_as_partial_within_its_time(
    home: Home, all_venues: Loopback, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("unwind.landing.land.HOUR_BOUNDS", Bounds(400.0, 100.0))
    now = itertools.count()
    everything = [{"market": f"M{number}", "index_price": "1"} for number in range(50_000)]
    all_venues.otherwise = lambda asked: as_json(
        {
            "code": 0,
            "data": everything if "ticker" in asked.path else [],
            "pagination": {"has_next": False},
        }
    )
    landings = land_venue(home, HOUR, "coinex", clock, waits, lambda: next(now) / 2)
    landed = {one.dataset: one for one in landings}
    assert landed["liquidations"].status == "partial"
    assert "one dataset's landing may take 100 s" in landed["liquidations"].detail
    assert RawZone(home).read(landed["liquidations"].objects[0]).count(b"\n") > 10
    assert len(all_venues.asked) < 1000


# -- every venue's lists ---------------------------------------------------------------------------

FROM_MS, LAST_MS = 1769695200000, 1769698799999
INSIDE = "2026-01-29T14:30:00.000Z"


@dataclass(frozen=True)
class Listed:
    """A paginated dataset of a venue, and its full page with a given number."""

    dataset: str
    page: Callable[[dict, int], Any]


def _result(rows: list, **more: Any) -> dict:
    return {"retCode": 0, "result": {"list": rows, **more}}


LISTED = {
    "aster": Listed("funding", lambda row, n: [{**row, "fundingTime": FROM_MS}] * 1000),
    "binance": Listed("funding", lambda row, n: [{**row, "fundingTime": FROM_MS}] * 1000),
    "bitfinex": Listed("liquidations", lambda row, n: [[["pos", n, FROM_MS, row]]] * 500),
    "bitget": Listed(
        "liquidations",
        lambda row, n: {
            "code": "00000",
            "data": {"list": [{**row, "ts": str(LAST_MS)}] * 1000, "cursor": str(n)},
        },
    ),
    "bitmex": Listed("funding", lambda row, n: [row] * 500),
    "bybit": Listed("instruments", lambda row, n: _result([row], nextPageCursor=str(n))),
    "coinex": Listed(
        "liquidations",
        lambda row, n: {"code": 0, "data": [row], "pagination": {"has_next": True}},
    ),
    "deribit": Listed(
        "liquidations",
        lambda row, n: {
            "result": {"trades": [{**row, "timestamp": FROM_MS}] * 1000, "has_more": True}
        },
    ),
    "dydx": Listed(
        "liquidations", lambda row, n: {"trades": [{**row, "createdAt": INSIDE}] * 1000}
    ),
    "htx": Listed(
        "liquidations",
        lambda row, n: {
            "status": "ok",
            "code": 200,
            "data": [{**row, "id": 7, "query_id": 7}] * 100,
        },
    ),
    "hyperliquid": Listed("funding", lambda row, n: [{**row, "time": FROM_MS}] * 500),
    "kraken_futures": Listed(
        "liquidations",
        lambda row, n: {"result": "success", "history": [{**row, "time": INSIDE}] * 1000},
    ),
    "okx": Listed(
        "liquidations",
        lambda row, n: {"code": "0", "data": [{**row, "details": [{"ts": str(LAST_MS)}] * 100}]},
    ),
}


class _KnowsOne:
    """The responses of other datasets: one instrument per market."""

    def tracked(self, market: str = "") -> list[str]:
        return ["ONE"]

    def responses(self, dataset: str) -> Iterator[tuple[Request, Any]]:
        bodies = {
            "okx": {"data": [{"instFamily": "ONE"}]},
            "dydx": {"markets": {"ONE": {"ticker": "ONE", "status": "ACTIVE"}}},
            "coinex": {"data": [{"market": "ONE"}]},
            "htx": {"data": [{"contract_code": "ONE"}]},
            "kraken_futures": {"tickers": [{"symbol": "PF_ONE"}]},
        }
        where = "https://venue.invalid/linear-swap-api/v1/swap_open_interest"
        yield Request("", "GET", where, {"instType": "SWAP"}), bodies[self.venue]

    def has(self, url: str, sha256: str | None = None) -> bool:
        return False

    def __init__(self, venue: str) -> None:
        self.venue = venue


def test_every_paging_venue_is_tested():
    walking = {
        module.stem
        for module in Path(venues.__file__).parent.glob("*.py")
        if "api.paginate(" in module.read_text()
    }
    assert walking == set(LISTED)


@pytest.mark.parametrize("changes", [False, True], ids=["the same page", "new rows for ever"])
@pytest.mark.parametrize("venue", LISTED)
def test_a_venue_whose_list_does_not_end_costs_bounded_requests(
    venue: str,
    changes: bool,
    tmp_path: Path,
    all_venues: Loopback,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
):
    monkeypatch.setattr(client, "MAX_PAGES", 5)
    count = itertools.count()

    def answer(asked: Asked) -> Reply:
        n = next(count) if changes else 0
        return as_json(listed.page({"symbol": "ONE", "n": n}, n))

    listed, known_venue = LISTED[venue], venues.venues()[venue]
    all_venues.otherwise = answer
    api = VenueApi(
        *(venue, known_venue.connections, known_venue.error_rules, ()),
        folder=tmp_path,
        clock=clock,
        sleep=waits,
    )
    dataset = next(one for one in known_venue.datasets if one.name == listed.dataset)
    window = venues.Window(HOUR.covers_from_at, HOUR.covers_to_at)
    with api.recording(listed.dataset) as fetch_log, suppress(VenueStoppedError):
        dataset.fetch(api, window, _KnowsOne(venue))
    reason = ("leads back to a page", "gives the same rows", "goes on after 5 pages")
    assert any(part in failure for failure in fetch_log.failures for part in reason)
    assert fetch_log.usable >= 1
    assert len(all_venues.asked) <= 40
