"""Which requests are retried and which are not, and the records that they leave."""

from __future__ import annotations

import hashlib
import io
import json
import socket
import threading
import time
import zipfile
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from loopback_venue import Asked, Loopback, Reply, Waits, as_json, clock

from unwind.http import (
    Connection,
    ErrorRules,
    FetchLog,
    RateLimit,
    VenueApi,
    VenueStoppedError,
    bounded_transport,
)
from unwind.http.limits import rate_limit_wait_seconds

ERROR_RULES = ErrorRules(
    code_at=("code",),
    ok_codes=frozenset({"0"}),
    throttled_codes=frozenset({"50011"}),
    absent_codes=frozenset({"51001"}),
    used_header="X-Used",
    used_limit=100,
)


def venue_api(folder: Path, waits: Waits, error_rules: ErrorRules = ERROR_RULES) -> VenueApi:
    return VenueApi(
        "testvenue",
        {
            "testvenue": Connection("https://venue.invalid"),
            "testvenue_dumps": Connection("https://dumps.invalid", limits="dumps"),
            "testvenue_listing": Connection(
                "https://listing.invalid", limits="dumps", follows="testvenue_dumps"
            ),
            "testvenue_mirror": Connection(""),
        },
        error_rules,
        (),
        folder=folder,
        clock=clock,
        sleep=waits,
    )


@pytest.fixture
def api(
    tmp_path: Path, waits: Waits, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
) -> VenueApi:
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", loopback.url)
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE_DUMPS", f"{loopback.url}/dumps")
    return venue_api(tmp_path, waits)


@contextmanager
def trickling(greeting: bytes, trickle: bytes) -> Iterator[str]:
    """A server that never ends its headers while the block runs; its URL."""
    over = threading.Event()

    def answer(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            connection.recv(65_536)
            connection.sendall(greeting)
            while not over.wait(0.02):
                connection.sendall(trickle)

    def serve(listening: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                threading.Thread(target=answer, args=(connection,), daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=serve, args=(listening,), daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        over.set()
        listening.shutdown(socket.SHUT_RDWR)


def envelopes(fetch_log: FetchLog) -> list[dict]:
    return [json.loads(line) for line in fetch_log.path.read_text().splitlines()]


def test_the_body_is_kept_byte_for_byte_with_its_request(api: VenueApi, loopback: Loopback):
    body = '{"code":"0", "data" : [1.50,\n "línea\u2028 \x85 "]}'
    loopback.routes["/rows"] = [Reply(body.encode())]
    with api.recording("tickers") as fetch_log:
        answer = api.get("testvenue", "/rows", {"instType": "SWAP", "limit": 100}, rows=("data",))
    assert answer is not None
    assert answer.rows == [1.5, "línea\u2028 \x85 "]
    assert fetch_log.path.read_bytes().count(b"\n") == 1
    assert envelopes(fetch_log) == [
        {
            "received_at": "2026-01-29T15:02:03.456789Z",
            "request": {
                "url": f"{loopback.url}/rows",
                "params": {"instType": "SWAP", "limit": "100"},
                "status": 200,
            },
            "body": body,
        }
    ]


def test_a_post_keeps_its_body_in_the_envelope(api: VenueApi, loopback: Loopback):
    loopback.routes["/info"] = [as_json([{}, []])]
    with api.recording("premium_index") as fetch_log:
        api.get("testvenue", "/info", body={"type": "metaAndAssetCtxs"})
    assert loopback.asked[0].json == {"type": "metaAndAssetCtxs"}
    assert envelopes(fetch_log)[0]["request"] == {
        "url": f"{loopback.url}/info",
        "params": {},
        "status": 200,
        "json": {"type": "metaAndAssetCtxs"},
    }


def test_bytes_that_are_no_utf8_are_kept_as_base64_too(api: VenueApi, loopback: Loopback):
    loopback.routes["/rows"] = [Reply(b"\xff\xfe{"), as_json([])]
    with api.recording("tickers") as fetch_log:
        api.get("testvenue", "/rows")
    first = envelopes(fetch_log)[0]
    assert first["body_base64"] == "//57"
    assert first["body"] == "\\xff\\xfe{"
    assert first["request"]["fault"] == "broken"


def test_retry_after_is_waited_for(api: VenueApi, loopback: Loopback, waits: Waits):
    loopback.routes["/rows"] = [Reply(b"{}", 429, {"Retry-After": "7"}), as_json([1])]
    with api.recording("tickers") as fetch_log:
        answer = api.get("testvenue", "/rows")
    assert answer is not None
    assert len(waits.seconds) == 1
    assert 7.0 <= waits.seconds[0] <= 8.0
    assert [one["request"]["status"] for one in envelopes(fetch_log)] == [429, 200]
    assert envelopes(fetch_log)[0]["request"]["fault"] == "throttled"
    assert (fetch_log.requests, fetch_log.usable, fetch_log.failures) == (2, 1, [])


def test_retry_after_may_be_a_date(api: VenueApi, loopback: Loopback, waits: Waits):
    until = "Thu, 29 Jan 2026 15:02:33 GMT"
    loopback.routes["/rows"] = [Reply(b"{}", 429, {"Retry-After": until}), as_json([1])]
    with api.recording("tickers"):
        api.get("testvenue", "/rows")
    assert 29.5 <= waits.seconds[0] <= 30.6


def test_a_retry_after_longer_than_a_minute_stops_the_venue(
    api: VenueApi, loopback: Loopback, waits: Waits
):
    loopback.routes["/rows"] = [Reply(b"{}", 429, {"Retry-After": "3600"})]
    with (
        api.recording("tickers"),
        pytest.raises(VenueStoppedError, match="asks for a rest of 3600 s"),
    ):
        api.get("testvenue", "/rows")
    assert waits.seconds == []


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize("rest", ["61", "1e300", "inf", "Thu, 29 Jan 2099 15:02:33 GMT"])
def test_a_distant_retry_after_is_an_outcome_without_a_wait(
    api: VenueApi, loopback: Loopback, waits: Waits, status: int, rest: str
):
    loopback.routes["/rows"] = [Reply(b"{}", status, {"Retry-After": rest})]
    with (
        api.recording("tickers"),
        pytest.raises(VenueStoppedError, match=r"asks for a rest of .* land again after that"),
    ):
        api.get("testvenue", "/rows")
    assert waits.seconds == []
    assert len(loopback.asked) == 1


@pytest.mark.parametrize(
    ("greeting", "trickle"),
    [
        (b"", b""),
        (b"HTTP/1.1 200 OK\r\n", b"X-Filler: 0\r\n"),
        (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    ],
    ids=["silence", "trickling headers", "endless 100 Continue"],
)
def test_headers_that_never_end_are_cut_off(
    api: VenueApi, monkeypatch: pytest.MonkeyPatch, greeting: bytes, trickle: bytes
):
    monkeypatch.setattr(bounded_transport, "MAX_HEADER_SECONDS", 0.3)
    with trickling(greeting, trickle) as url:
        monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", url)
        began = time.monotonic()
        with api.recording("tickers"), pytest.raises(VenueStoppedError, match="did not answer"):
            api.get("testvenue", "/rows")
        # Five attempts of 0.3 s each; the server would go on forever.
        assert time.monotonic() - began < 20


def test_no_attempt_begins_when_a_request_has_taken_its_time(
    tmp_path: Path, loopback: Loopback, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", loopback.url)
    now = [0.0]

    def slow(asked: Asked) -> Reply:
        # Like a response at one byte a second: it takes 100 s and is unusable.
        now[0] += 100.0
        return Reply(b"<html>busy</html>", 500)

    loopback.routes["/rows"] = slow
    api = VenueApi(
        *("testvenue", {"testvenue": Connection("https://venue.invalid")}, ERROR_RULES, ()),
        folder=tmp_path,
        clock=clock,
        sleep=lambda seconds: now.__setitem__(0, now[0] + seconds),
        monotonic=lambda: now[0],
    )
    with api.recording("tickers"):
        assert api.get("testvenue", "/rows") is None
    # Attempts start at 0 and at about 100 s; none starts after 180 s.
    assert len(loopback.asked) == 2


def test_throttling_without_retry_after_backs_off_with_jitter(
    api: VenueApi, loopback: Loopback, waits: Waits
):
    loopback.routes["/rows"] = [as_json({}, 429)]
    with api.recording("tickers") as fetch_log, pytest.raises(VenueStoppedError):
        api.get("testvenue", "/rows")
    assert len(loopback.asked) == fetch_log.requests == 5
    assert len(waits.seconds) == 4
    for wait, (least, most) in zip(
        waits.seconds, [(0.5, 1.5), (1, 2), (2, 3), (4, 5)], strict=True
    ):
        assert least <= wait <= most


def test_okx_throttling_inside_http_200_is_throttling(
    api: VenueApi, loopback: Loopback, waits: Waits
):
    loopback.routes["/rows"] = [
        as_json({"code": "50011", "msg": "Too Many Requests", "data": []}),
        as_json({"code": "0", "msg": "", "data": [{"a": 1}]}),
    ]
    with api.recording("tickers") as fetch_log:
        answer = api.get("testvenue", "/rows", rows=("data",))
    assert answer is not None
    assert answer.rows == [{"a": 1}]
    assert len(waits.seconds) == 1
    assert envelopes(fetch_log)[0]["request"]["fault"] == "throttled"


@pytest.mark.parametrize("status", [403, 418, 451])
def test_a_block_ends_all_requests_at_once(
    api: VenueApi, loopback: Loopback, waits: Waits, status: int
):
    loopback.routes["/rows"] = [Reply(b"<html>blocked</html>", status)]
    with api.recording("tickers") as fetch_log:
        with pytest.raises(VenueStoppedError, match=f"testvenue answered HTTP {status}"):
            api.get("testvenue", "/rows")
        with pytest.raises(VenueStoppedError, match=f"not asked any more, .* HTTP {status}"):
            api.get("testvenue", "/other")
    assert loopback.paths() == ["/rows"]
    assert waits.seconds == []
    assert envelopes(fetch_log)[0]["body"] == "<html>blocked</html>"


def test_a_block_holds_only_for_connections_that_share_its_limits(
    api: VenueApi, loopback: Loopback
):
    loopback.routes["/rows"] = [Reply(b"", 451)]
    loopback.routes["/dumps/file.CHECKSUM"] = [Reply(b"abc  file")]
    with api.recording("tickers"):
        with pytest.raises(VenueStoppedError):
            api.get("testvenue", "/rows")
        assert api.text("testvenue_dumps", "/file.CHECKSUM") == "abc  file"


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply(b"<html>maintenance</html>"), "was HTML"),
        (Reply(b""), "had an empty body"),
        (Reply(b"not json"), "was no JSON"),
        (Reply(b'{"code":"0","data":{}}'), "held no list at data"),
        (Reply(b'{"code":"0","data":[1', promised_bytes=400), "broke off after 21 bytes"),
        (Reply(b'{"code":"0","data":[]}', promised_bytes=400), "broke off after 22 bytes"),
        (Reply(b"gateway", 502), "HTTP 502"),
    ],
    ids=["html", "empty", "text", "wrong shape", "half a body", "cut after a whole body", "502"],
)
def test_a_broken_answer_is_retried_and_then_reported(
    api: VenueApi, loopback: Loopback, waits: Waits, reply: Reply, reason: str
):
    loopback.routes["/rows"] = [reply]
    with api.recording("tickers") as fetch_log:
        assert api.get("testvenue", "/rows", rows=("data",)) is None
    assert len(loopback.asked) == 5
    assert len(waits.seconds) == 4
    assert len(fetch_log.failures) == 1
    assert reason in fetch_log.failures[0]
    assert "land again" in fetch_log.failures[0]
    # Each response is kept.
    assert [one["body"] for one in envelopes(fetch_log)] == [reply.body.decode()] * 5
    assert {one["request"]["fault"] for one in envelopes(fetch_log)} == {"broken"}


def test_a_truncated_body_that_is_complete_the_second_time_is_no_failure(
    api: VenueApi, loopback: Loopback
):
    loopback.routes["/rows"] = [Reply(b"[1,2", promised_bytes=6), Reply(b"[1,2]\n")]
    with api.recording("tickers") as fetch_log:
        answer = api.get("testvenue", "/rows")
    assert answer is not None
    assert answer.rows == [1, 2]
    assert fetch_log.failures == []


def test_a_refused_request_is_not_repeated_and_costs_only_itself(
    api: VenueApi, loopback: Loopback, waits: Waits
):
    loopback.routes["/rows"] = [as_json({"code": "50015", "msg": "Either uly"}), as_json([1])]
    with api.recording("tickers") as fetch_log:
        assert api.get("testvenue", "/rows") is None
        assert api.get("testvenue", "/rows") is not None
    assert waits.seconds == []
    assert fetch_log.failures == [
        f"testvenue answered HTTP 200, code 50015 (Either uly) to GET {loopback.url}/rows: it does "
        "not take the request; check the endpoint and the instrument"
    ]


def test_a_missing_instrument_is_no_failure(api: VenueApi, loopback: Loopback):
    loopback.routes["/rows"] = [as_json({"code": "51001", "msg": "no such instrument"}, 400)]
    with api.recording("tickers") as fetch_log:
        assert api.get("testvenue", "/rows") is None
        assert api.download("testvenue_dumps", "/absent.zip", format="metrics-csv") is None
    assert (fetch_log.absent, fetch_log.failures) == (2, [])


def test_five_broken_requests_in_a_row_stop_the_venue(api: VenueApi, loopback: Loopback):
    loopback.routes["/rows"] = [Reply(b"<html>")]
    with api.recording("tickers") as fetch_log:
        for _ in range(4):
            assert api.get("testvenue", "/rows") is None
        with pytest.raises(VenueStoppedError, match="was HTML"):
            api.get("testvenue", "/rows")
    assert fetch_log.requests == 25


def test_a_dead_host_is_given_up_after_one_request(
    tmp_path: Path, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_TESTVENUE", "http://127.0.0.1:1")
    api = venue_api(tmp_path, waits)
    with (
        api.recording("tickers") as fetch_log,
        pytest.raises(VenueStoppedError, match="did not answer"),
    ):
        api.get("testvenue", "/rows")
    assert fetch_log.requests == 5
    assert fetch_log.lines == 0


def test_a_redirect_is_not_followed(api: VenueApi, loopback: Loopback):
    loopback.routes["/rows"] = [Reply(b"", 302, {"Location": "/elsewhere"})]
    with api.recording("tickers") as fetch_log:
        assert api.get("testvenue", "/rows") is None
    assert loopback.paths() == ["/rows"]
    assert "HTTP 302" in fetch_log.failures[0]


def test_pages_follow_the_cursor_unchanged(api: VenueApi, loopback: Loopback):
    loopback.routes["/rows"] = [
        as_json({"data": [1], "next": "a%3D1%2C2"}),
        as_json({"data": [2], "next": ""}),
    ]
    with api.recording("open_interest"):
        found = [
            row
            for page in api.paginate(
                "testvenue",
                "/rows",
                {"limit": 200},
                lambda answer: {"cursor": answer.json["next"]} if answer.json["next"] else None,
                rows=("data",),
            )
            for row in page.rows
        ]
    assert found == [1, 2]
    assert [one.query for one in loopback.asked] == ["limit=200", "limit=200&cursor=a%3D1%2C2"]


def test_a_venue_that_repeats_its_page_is_abandoned(api: VenueApi, loopback: Loopback):
    loopback.routes["/rows"] = [as_json({"data": [1], "next": "same"})]
    with api.recording("open_interest") as fetch_log:
        pages = list(
            api.paginate(
                "testvenue",
                "/rows",
                {},
                lambda answer: {"cursor": answer.json["next"]},
                rows=("data",),
            )
        )
    # The second page repeats the first one's rows, and its cursor points to itself.
    assert (len(pages), len(loopback.asked)) == (1, 2)
    assert "gives the same rows again and again for /rows" in fetch_log.failures[0]


def zipped(text: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("rows.csv", text)
    return packed.getvalue()


def test_a_download_is_streamed_to_disk_and_checked(api: VenueApi, loopback: Loopback):
    body = zipped("time,side\n1,SELL\n")
    loopback.routes["/dumps/rows.zip"] = [Reply(body)]
    published = hashlib.sha256(body).hexdigest()
    with api.recording("liquidations") as fetch_log:
        download = api.download(
            "testvenue_dumps",
            "/rows.zip",
            format="liquidation-snapshot",
            is_zip=True,
            sha256=published,
        )
    assert download is not None
    assert download.path.read_bytes() == body
    assert (download.sha256, download.fault) == (published, None)
    assert download.url == f"{loopback.url}/dumps/rows.zip"
    assert fetch_log.downloads == [download]


def test_other_bytes_than_published_are_kept_with_the_reason(api: VenueApi, loopback: Loopback):
    loopback.routes["/dumps/rows.zip"] = [Reply(zipped("a\n"))]
    with api.recording("liquidations") as fetch_log:
        download = api.download(
            "testvenue_dumps",
            "/rows.zip",
            format="liquidation-snapshot",
            is_zip=True,
            sha256="0" * 64,
        )
    assert download is not None
    assert download.fault is not None
    assert "does not match its published checksum" in download.fault
    assert download.path.read_bytes() == zipped("a\n")
    assert len(loopback.asked) == 2
    assert fetch_log.usable == 0


def test_a_download_that_breaks_off_is_fetched_again(api: VenueApi, loopback: Loopback):
    body = zipped("a\n")
    loopback.routes["/dumps/rows.zip"] = [Reply(body[:20], promised_bytes=len(body)), Reply(body)]
    with api.recording("liquidations"):
        download = api.download(
            "testvenue_dumps", "/rows.zip", format="liquidation-snapshot", is_zip=True
        )
    assert download is not None
    assert download.path.read_bytes() == body


def test_a_listing_goes_with_the_mirror_of_its_dumps(api: VenueApi, loopback: Loopback):
    assert api.endpoint("testvenue_listing").url == f"{loopback.url}/dumps"


def test_a_connection_without_a_public_host_names_the_variable_to_set(api: VenueApi):
    with (
        api.recording("liquidations"),
        pytest.raises(VenueStoppedError, match="set AIRFLOW_CONN_TESTVENUE_MIRROR"),
    ):
        api.download("testvenue_mirror", "/0.lz4", format="node-fills")


def test_a_nearly_used_budget_waits_until_the_minute_ends(
    api: VenueApi, loopback: Loopback, waits: Waits
):
    loopback.routes["/rows"] = [as_json([], X_Used="79"), as_json([], X_Used="80")]
    with api.recording("tickers"):
        api.get("testvenue", "/rows")
        assert waits.seconds == []
        api.get("testvenue", "/rows")
    # 15:02:03.456789 to 15:03:00
    assert waits.seconds == [pytest.approx(56.543211)]


def test_a_rate_limit_waits_until_the_oldest_request_leaves_its_window():
    pace = RateLimit("/v5", 10, 5)
    # We use four fifths of the budget of 10.
    spent = deque([(100.0, 5.0), (102.0, 3.0)])
    assert rate_limit_wait_seconds(spent, pace, 1.0, 103.0) == 2.0
    assert rate_limit_wait_seconds(spent, pace, 6.0, 103.0) == 4.0
    assert rate_limit_wait_seconds(spent, pace, 1.0, 105.5) == 0.0
    assert list(spent) == [(102.0, 3.0)]
