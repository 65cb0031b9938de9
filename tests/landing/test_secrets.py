"""Everything in a connection except its host is sent but never recorded."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
import traceback
from collections.abc import Callable
from dataclasses import dataclass, replace
from http import HTTPStatus
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import zstandard
from loopback_venue import Asked, Loopback, Reply, Waits, as_json, clock
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request, Response

from unwind.clock import utc_now
from unwind.connections import connection
from unwind.http import retries
from unwind.landing.land import batch_of, land_venue, seal_batch
from unwind.landing.raw import RawZone
from unwind.recorder.service import Limits, RecorderError, record_until
from unwind.settings import Home
from unwind.venues import venues

HOUR = batch_of("hour-2026-01-29T14")
SECRET = "s3cr3t/k&y=42+"
ENCODED = "s3cr3t%2Fk%26y%3D42%2B"
# Parts of the secret that appear in every encoding.
TRACES = (
    "s3cr3t",
    base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(f"reader:{SECRET}".encode()).decode(),
    base64.b64encode(f"{SECRET}:".encode()).decode(),
)


@dataclass(frozen=True)
class Placement:
    """A connection's variable, with AT for the server's address; where the secret is sent."""

    value: str
    sent: Callable[[Asked], bool] | None = None


def _basic(who: str) -> Callable[[Asked], bool]:
    header = "Basic " + base64.b64encode(who.encode()).decode()
    return lambda asked: asked.headers.get("Authorization") == header


def _in_query(asked: Asked) -> bool:
    return asked.params.get("token") == SECRET


def _in_path(asked: Asked) -> bool:
    return asked.path.startswith(f"/{ENCODED}/")


def _in_header(asked: Asked) -> bool:
    return asked.headers.get("X-Token") == SECRET


def _json(**fields: object) -> str:
    return json.dumps(fields)


AS_READER = _basic(f"reader:{SECRET}")
PLACEMENTS = {
    "password of a URI": Placement(f"http://reader:{ENCODED}@AT", AS_READER),
    "login of a URI": Placement(f"http://{ENCODED}@AT", _basic(f"{SECRET}:")),
    "query of a URI": Placement(f"http://AT/?token={ENCODED}", _in_query),
    "path of a URI": Placement(f"http://AT/{ENCODED}", _in_path),
    "query without a name in a URI": Placement(
        f"http://AT/?{ENCODED}", lambda asked: asked.params == {**asked.params, SECRET: ""}
    ),
    "fragment of a URI": Placement(f"http://AT#{ENCODED}"),
    "URI with its scheme last": Placement(f"http://reader:{ENCODED}@AT/http", AS_READER),
    "URI with an encoded host": Placement(f"http://reader:{ENCODED}@http%3A%2F%2FAT", AS_READER),
    "URI with a doubled scheme": Placement(f"http://http://reader:{ENCODED}@AT", AS_READER),
    "password inside an encoded host": Placement(
        f"http://http%3A%2F%2Freader%3A{ENCODED.replace('%', '%25')}%40AT", AS_READER
    ),
    "extra of a URI": Placement(
        f"http://AT?__extra__=%7B%22headers%22%3A%20%7B%22X-Token%22%3A%20%22{ENCODED}%22%7D%7D",
        _in_header,
    ),
    "password of JSON": Placement(
        _json(host="http://AT", login="reader", password=SECRET), AS_READER
    ),
    "login of JSON": Placement(_json(host="http://AT", login=SECRET), _basic(f"{SECRET}:")),
    "password in the host of JSON": Placement(_json(host=f"http://reader:{ENCODED}@AT"), AS_READER),
    "password in a bare host of JSON": Placement(
        _json(conn_type="http", host=f"reader:{ENCODED}@AT"), AS_READER
    ),
    "query in the host of JSON": Placement(_json(host=f"http://AT?token={ENCODED}"), _in_query),
    "path in the host of JSON": Placement(_json(host=f"http://AT/{ENCODED}/"), _in_path),
    "fragment in the host of JSON": Placement(_json(host=f"http://AT/#{ENCODED}")),
    "schema of JSON": Placement(_json(conn_type="http", host="AT", schema=SECRET)),
    "description of JSON": Placement(_json(host="http://AT", description=SECRET)),
    "header in the extra of JSON": Placement(
        _json(host="http://AT", extra={"headers": {"X-Token": SECRET}}), _in_header
    ),
    "header in an extra that is text": Placement(
        _json(host="http://AT", extra=_json(headers={"X-Token": SECRET})), _in_header
    ),
    "bearer token": Placement(
        _json(host="http://AT", extra={"headers": {"Authorization": f"Bearer {SECRET}"}}),
        lambda asked: asked.headers.get("Authorization") == f"Bearer {SECRET}",
    ),
    "another extra of JSON": Placement(_json(host="http://AT", extra={"api_key": SECRET})),
    "password that ends the host too early": Placement("http://reader:s3cr3t/x@AT"),
    "password of digits that does so": Placement("http://reader:12345/s3cr3t@AT"),
    "password with a question mark": Placement("http://reader:99?s3cr3t@AT"),
    "JSON that is cut": Placement('{"host": "http://AT", "password": "s3cr3t'),
    "JSON of a list": Placement('{"host": ["s3cr3t"]}'),
    "header of two lines": Placement(
        _json(host="http://AT", extra={"headers": {"X-Token": "s3cr3t\r\nX-Other: 1"}})
    ),
}


def _echo(asked: Asked) -> str:
    """Everything a server sees of a request, as received, as JSON and decoded from base64."""
    seen = f"{asked.path}?{asked.query}\n{asked.headers}\n{json.dumps(asked.headers)}"
    userinfo = asked.headers.get("Authorization", "").removeprefix("Basic ")
    return seen + "\n" + base64.b64decode(userinfo + "===", validate=False).decode("latin-1")


def _refuses(status: int) -> Callable[[Asked], Reply]:
    return lambda asked: as_json(
        {"error": _echo(asked), "message": _echo(asked)}, status, Location=asked.path
    )


SERVERS: dict[str, Callable[[Asked], Reply]] = {
    "answers": lambda asked: as_json([["echo", _echo(asked)]]),
    "refuses": _refuses(400),
    "redirects": _refuses(302),
    "is busy": _refuses(503),
    "blocks": _refuses(403),
    "answers HTML": lambda asked: Reply(f"<html>{_echo(asked)}</html>".encode()),
    "breaks off": lambda asked: Reply(_echo(asked).encode(), promised_bytes=1_000_000),
}


def _everything_kept(folder: Path) -> str:
    """Names and decompressed contents of all files."""
    kept = []
    for path in sorted(folder.rglob("*")):
        kept.append(str(path.relative_to(folder)))
        if path.suffix == ".zst":
            payload = zstandard.ZstdDecompressor().decompressobj().decompress(path.read_bytes())
            kept.append(payload.decode("utf-8", "replace"))
        elif path.suffix == ".parquet":
            kept += pq.read_table(path)["text"].to_pylist()
        elif path.is_file():
            kept.append(path.read_text("utf-8", "replace"))
    return "\n".join(kept)


def _without_traces(text: str) -> bool:
    return not any(trace in text or trace.lower() in text.lower() for trace in TRACES)


@pytest.mark.parametrize("placement", PLACEMENTS.values(), ids=PLACEMENTS)
def test_a_secret_is_sent_and_never_written(
    home: Home,
    loopback: Loopback,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    placement: Placement,
):
    at = loopback.url.removeprefix("http://")
    monkeypatch.setenv("AIRFLOW_CONN_BITFINEX", placement.value.replace("AT", at))
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr(retries, "ATTEMPTS", 2)
    for name, server in SERVERS.items():
        loopback.otherwise = server
        folder = Home(home.root / name.replace(" ", "-"))
        landings = land_venue(folder, HOUR, "bitfinex", clock, waits)
        seal_batch(folder, HOUR, clock, ["bitfinex"])
        assert _without_traces(repr(landings))
    assert _without_traces(_everything_kept(home.root))
    assert _without_traces(caplog.text)
    assert "bitfinex" in caplog.text
    if placement.sent:
        assert loopback.asked
        assert all(map(placement.sent, loopback.asked))
    else:
        assert not any(trace in str(asked) for asked in loopback.asked for trace in TRACES)


def test_an_echoed_secret_is_redacted_in_the_record(
    home: Home, loopback: Loopback, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_BITFINEX", f"{loopback.url}?token={ENCODED}")
    loopback.otherwise = lambda asked: as_json([["echo", asked.params["token"], 1.5]])
    landed = {one.dataset: one for one in land_venue(home, HOUR, "bitfinex", clock, waits)}
    (line,) = RawZone(home).read(landed["liquidations"].objects[0]).splitlines()
    envelope = json.loads(line)
    assert envelope["request"]["struck_out"] is True
    assert envelope["body"] == '[["echo", "***", 1.5]]'
    assert landed["liquidations"].status == "ok"
    assert landed["liquidations"].detail == (
        "bitfinex sent a secret of its connection back, which was struck out of its answer"
    )


@pytest.mark.parametrize(
    "form",
    [
        SECRET,
        ENCODED,
        ENCODED.lower(),
        "s3cr3t\\/k&y=42+",
        "s3cr3t/k\\u0026y=42+",
        "s3cr3t/k&amp;y=42+",
        base64.b64encode(SECRET.encode()).decode(),
    ],
)
def test_a_secret_is_found_in_every_form_that_servers_write(
    monkeypatch: pytest.MonkeyPatch, form: str
):
    monkeypatch.setenv("AIRFLOW_CONN_SOURCE", f"https://:{ENCODED}@mirror.example")
    assert connection("source", "https://venue.example").redacted(f"({form})") == "(***)"


def test_a_secret_at_the_end_of_a_quoted_message_is_redacted_in_full(
    home: Home, loopback: Loopback, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_BITFINEX", f"{loopback.url}?token={ENCODED}")
    for at in range(105, 121):
        loopback.otherwise = lambda asked, at=at: as_json({"message": "x" * at + SECRET}, 400)
        folder = Home(home.root / str(at))
        assert _without_traces(repr(land_venue(folder, HOUR, "bitfinex", clock, waits)))


def test_a_file_that_holds_a_secret_is_not_kept(
    home: Home, loopback: Loopback, waits: Waits, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_HYPERLIQUID", loopback.url)
    monkeypatch.setenv("AIRFLOW_CONN_HYPERLIQUID_NODEFILLS", f"{loopback.url}?token={ENCODED}")
    loopback.otherwise = lambda asked: Reply(b"\x04\x22\x4d\x18" + SECRET.encode())
    landed = {one.dataset: one for one in land_venue(home, HOUR, "hyperliquid", clock, waits)}
    assert "holds a secret of its connection and was not kept" in landed["liquidations"].detail
    assert _without_traces(_everything_kept(home.root))


def test_an_exception_that_quotes_an_answer_is_logged_without_the_secret(
    home: Home,
    loopback: Loopback,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setenv("AIRFLOW_CONN_COINEX", f"{loopback.url}?token={ENCODED}")
    loopback.otherwise = lambda asked: as_json(
        {"code": 0, "data": [{"market": {"not": asked.params["token"]}}] * 2}
    )
    landings = land_venue(home, HOUR, "coinex", clock, waits)
    assert "broke off" in caplog.text
    assert _without_traces(caplog.text + repr(landings))


def test_a_printed_endpoint_shows_only_its_host(monkeypatch: pytest.MonkeyPatch):
    for placement in PLACEMENTS.values():
        monkeypatch.setenv("AIRFLOW_CONN_SOURCE", placement.value.replace("AT", "mirror.example"))
        try:
            shown = repr(connection("source", "https://venue.example"))
        except ValueError as refused:
            shown = (
                str(refused)
                + repr(refused.__cause__)
                + "".join(traceback.format_exception(refused))
            )
        assert _without_traces(shown)


def test_a_recorder_names_an_unreadable_connection_without_its_contents(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("AIRFLOW_CONN_BITFINEX_WS", f'{{"host": "ws://a:{SECRET}@b"')

    async def run() -> None:
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            await record_until(asyncio.Event(), home, [venues()["bitfinex"]], utc_now, listener)

    with pytest.raises(RecorderError, match="AIRFLOW_CONN_BITFINEX_WS cannot be read") as refused:
        asyncio.run(run())
    assert _without_traces("".join(traceback.format_exception(refused.value)))


@pytest.mark.parametrize("proxy", [f"http://me:{ENCODED}@127.0.0.1:1", f"gopher://me:{ENCODED}@x"])
def test_the_environments_proxy_is_not_quoted(
    home: Home,
    loopback: Loopback,
    waits: Waits,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    proxy: str,
):
    monkeypatch.setenv("AIRFLOW_CONN_BITFINEX", "http://venue.invalid")
    monkeypatch.setenv("AIRFLOW_CONN_BITFINEX_WS", "ws://venue.invalid")
    for name in ("http_proxy", "https_proxy", "all_proxy", "ws_proxy"):
        monkeypatch.setenv(name, proxy)
    caplog.set_level(logging.DEBUG)
    landings = land_venue(home, HOUR, "bitfinex", clock, waits)
    assert {one.status for one in landings} == {"failed"}

    async def run() -> None:
        stop = asyncio.Event()
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            recorder = record_until(stop, home, [venues()["bitfinex"]], utc_now, listener)
            running = asyncio.create_task(recorder)
            async with asyncio.timeout(10):
                while "bitfinex_ws/ws/2: " not in caplog.text:
                    await asyncio.sleep(0.02)
            stop.set()
            await running

    asyncio.run(run())
    assert _without_traces(_everything_kept(home.root) + caplog.text + repr(landings))


@pytest.mark.parametrize(
    "value",
    [
        f"ws://reader:{ENCODED}@AT",
        f"ws://AT/?token={ENCODED}",
        f"ws://AT/{ENCODED}",
        _json(host="ws://AT", extra={"headers": {"X-Token": SECRET}}),
    ],
    ids=["password", "query", "path", "header"],
)
@pytest.mark.parametrize("behaviour", ["speaks", "refuses", "redirects"])
def test_the_recorder_sends_a_secret_and_writes_none(
    home: Home,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    value: str,
    behaviour: str,
):
    caplog.set_level(logging.DEBUG)
    asked: list[str] = []

    def answer(connection: ServerConnection, request: Request) -> Response | None:
        asked.append(f"{request.path} {dict(request.headers.raw_items())}")
        if behaviour == "refuses":
            return connection.respond(HTTPStatus.FORBIDDEN, asked[-1])
        if behaviour == "redirects":
            response = connection.respond(HTTPStatus.FOUND, "")
            response.headers["Location"] = f"/elsewhere?seen={request.path}"
            return response
        return None

    async def speak(connection: ServerConnection) -> None:
        await connection.send(f'{{"event":"error","echo":{json.dumps(asked[-1])}}}')
        await connection.close(4000, asked[-1][:100])

    async def run() -> None:
        venue = replace(venues()["bitfinex"], streams=venues()["bitfinex"].streams[:1])
        stop = asyncio.Event()
        async with serve(speak, "127.0.0.1", 0, process_request=answer) as server:
            at = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
            monkeypatch.setenv("AIRFLOW_CONN_BITFINEX_WS", value.replace("AT", at))
            with socket.socket() as listener:
                listener.bind(("127.0.0.1", 0))
                limits = Limits(flush_seconds=0.05, state_seconds=0.05)
                recorder = record_until(stop, home, [venue], utc_now, listener, limits)
                running = asyncio.create_task(recorder)
                async with asyncio.timeout(10):
                    while not (caplog.records and "bitfinex_ws/ws/2: " in caplog.text and asked):
                        await asyncio.sleep(0.02)
                    await asyncio.sleep(0.1)
                stop.set()
                await running

    asyncio.run(run())
    assert all(_without_traces(one) is False for one in asked)
    assert not any("elsewhere" in one for one in asked)
    own = "\n".join(one.getMessage() for one in caplog.records if one.name.startswith("unwind"))
    assert _without_traces(_everything_kept(home.root) + own)
