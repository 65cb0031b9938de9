"""A loopback server of the venues' REST, dump and WebSocket protocols, fed by a tape.

Every venue host is a path prefix on one port (`/binance-um`, `/okx`, ...): a connector whose base
URL is replaced works unchanged. Responses are the venue's at the tape's instant `now`, which POST
/control sets; moving it forward pushes the frames of the elapsed time to the streams' subscribers.
"""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import threading
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from unwind.errors import UnwindError
from unwind.simulator.exchange import Exchange, Subscriber
from unwind.simulator.exchanges import exchange_of, exchanges, respond
from unwind.simulator.faults import (
    BROKEN,
    DUMP_FAULTS,
    REPLACED,
    STREAM_FAULTS,
    Fault,
    fault_response,
    names,
)
from unwind.simulator.market.steady import epoch_ms, instant
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import Request, Response, json_response
from unwind.simulator.streams import STREAMS, OpenStream

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

HTTP_CONNECTIONS = tuple(name for one in exchanges().values() for name in one.apis)
FILE_CONNECTIONS = {name for one in exchanges().values() for name in one.files}
CONNECTION_IDS = (*HTTP_CONNECTIONS, *STREAMS)
START_TIMEOUT_SECONDS = 20


class _Protocol(H11Protocol):
    """uvicorn's protocol, remembering each client's transport so that a fault can break the
    connection.
    """

    transports: dict[tuple[str, int], asyncio.Transport] = {}  # noqa: RUF012  shared on purpose

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self.transports[transport.get_extra_info("peername")[:2]] = transport
        super().connection_made(transport)

    def connection_lost(self, exc: Exception | None) -> None:
        if self.transport is not None:
            self.transports.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


class SimulatorError(UnwindError, RuntimeError):
    """The simulator cannot run; the text says why, and what to do."""


class Simulator:
    """Serves a tape on 127.0.0.1 from a thread; a context manager.

    `now` is the tape's instant (default: its end); `page_cap` caps the pages of venues that allow
    it, so that paging can be seen on a short list.
    """

    def __init__(
        self,
        tape: Tape,
        *,
        now: datetime | None = None,
        port: int = 0,
        page_cap: int | None = None,
    ) -> None:
        self.tape = tape
        self.now_ms = tape.end_ms if now is None else epoch_ms(now)
        self.faults: list[Fault] = []
        self.page_cap = page_cap
        self.requested: Counter[str] = Counter()
        self._open: set[OpenStream] = set()
        self._lock = threading.Lock()
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            self._socket.bind(("127.0.0.1", port))
        except OSError as problem:
            self._socket.close()
            raise SimulatorError(
                f"port {port} on 127.0.0.1 is not free for the simulator ({problem}); "
                "end what listens there, or choose another port (0 picks one)"
            ) from problem
        self.port = int(self._socket.getsockname()[1])
        config = uvicorn.Config(
            self._app,
            http=_Protocol,
            ws="websockets-sansio",
            log_level="critical",
            lifespan="off",
            access_log=False,
            ws_ping_interval=None,
            timeout_graceful_shutdown=1,
            interface="asgi3",
            proxy_headers=False,
        )
        self._server = uvicorn.Server(config)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="simulator", daemon=True)

    # -- life --------------------------------------------------------------------------------------

    def __enter__(self) -> Simulator:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start serving; returns when it responds, SimulatorError when it does not come up."""
        self._thread.start()
        waited = threading.Event()
        for _ in range(START_TIMEOUT_SECONDS * 100):
            if self._server.started:
                return
            if not self._thread.is_alive():
                break
            waited.wait(0.01)
        raise SimulatorError(
            f"the simulator did not start on 127.0.0.1:{self.port} within "
            f"{START_TIMEOUT_SECONDS} s; choose another port (0 picks one), and start it again"
        )

    def stop(self) -> None:
        """Close the streams and stop; returns when the thread has ended."""
        if self._loop is not None and self._loop.is_running():
            self._loop.call_soon_threadsafe(self._drop_streams, None)
        self._server.should_exit = True
        self._thread.join(timeout=10)
        self._socket.close()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        await self._server.serve(sockets=[self._socket])

    # -- what a user of the server needs -----------------------------------------------------------

    @property
    def url(self) -> str:
        """The server's own base URL."""
        return f"http://127.0.0.1:{self.port}"

    def connections(self) -> dict[str, str]:
        """Connection id to base URL, with the key where one is wanted: AIRFLOW_CONN_<ID>."""
        return {
            name: f"{'ws' if name in STREAMS else 'http'}://{_user_info(name)}"
            f"127.0.0.1:{self.port}/{_prefix(name)}"
            for name in CONNECTION_IDS
        }

    def environment(self) -> dict[str, str]:
        """The connections as environment variables."""
        return {f"AIRFLOW_CONN_{name.upper()}": url for name, url in self.connections().items()}

    def set_now(self, now: datetime) -> None:
        """Move the tape's instant.

        Forward moves push the frames of the time passed to subscribers.
        """
        moved = threading.Event()

        def move() -> None:
            self._move(epoch_ms(now))
            moved.set()

        if self._loop is None:
            self.now_ms = epoch_ms(now)
            return
        self._loop.call_soon_threadsafe(move)
        moved.wait(30)

    def fail(self, venue: str, kind: str, **more: Any) -> Fault:
        """Show a fault from now on; see `Fault`."""
        fault = Fault(venue, kind, **more)
        if kind == "drop":
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._drop_streams, venue)
            return fault
        with self._lock:
            self.faults.append(fault)
        return fault

    def heal(self) -> None:
        """End every fault."""
        with self._lock:
            self.faults.clear()

    # -- the tape's clock --------------------------------------------------------------------------

    def _move(self, now_ms: int) -> None:
        earlier, self.now_ms = self.now_ms, now_ms
        if now_ms > earlier:
            for stream in list(self._open):
                stream.push(self.tape, earlier, now_ms)

    # -- requests ----------------------------------------------------------------------------------

    async def _app(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self._stream(scope, receive, send)
        elif scope["type"] == "http":
            await self._request(scope, receive, send)

    async def _request(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = await _body(receive)
        connection, path = _routed(scope)
        if connection == "control":
            await _send(send, self._control(scope["method"], body))
            return
        if connection not in HTTP_CONNECTIONS:
            await _send(send, json_response({"error": f"no such venue: {scope['path']}"}, 404))
            return
        self.requested[connection] += 1
        params = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
        headers = {name.decode(): value.decode("latin-1") for name, value in scope["headers"]}
        capped = self._capped(connection, params)
        request = Request(connection, scope["method"], path, capped, body, headers)
        fault = self._fault(connection, path, REPLACED + BROKEN + DUMP_FAULTS)
        if fault is not None and fault.kind in REPLACED:
            await _send(send, fault_response(fault, connection))
            return
        if fault is not None and fault.kind in ("reset", "no_answer"):
            if fault.kind == "no_answer":
                await asyncio.sleep(fault.seconds)
            _reset(scope)
            return
        if fault is not None and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        response = await asyncio.to_thread(self._response, request, fault)
        if fault is not None and fault.kind == "truncated":
            await _send_half(scope, send, response)
            return
        if fault is not None and fault.kind == "empty":
            response = replace(response, status=200, body=b"")
        await _send(send, response)

    def _capped(self, connection: str, params: dict[str, str]) -> dict[str, str]:
        name = _exchange(connection).capped
        if name is None or self.page_cap is None:
            return params
        return params | {name: str(min(int(params.get(name) or 10**6), self.page_cap))}

    def _response(self, request: Request, fault: Fault | None) -> Response:
        # Files still appear after the tape's end; the market itself is static then.
        now_ms = self.now_ms
        if request.connection not in FILE_CONNECTIONS:
            now_ms = min(now_ms, self.tape.end_ms)
        try:
            if fault is not None and fault.kind in DUMP_FAULTS:
                return _faulty_file(self.tape, now_ms, request, fault.kind)
            return respond(self.tape, now_ms, request)
        except ValueError as problem:
            return json_response(
                {"code": -1100, "msg": f"Illegal characters found in a parameter: {problem}"}, 400
            )

    def _fault(self, connection: str, path: str, kinds: Sequence[str]) -> Fault | None:
        """The first fault of these kinds that applies; it counts as shown."""
        with self._lock:
            for fault in self.faults:
                if fault.kind in kinds and fault.matches(connection, path):
                    if fault.requests is not None:
                        fault.requests -= 1
                    return fault
        return None

    def _control(self, method: str, body: bytes) -> Response:
        """GET shows the server's state.

        POST sets `now`, a fault (`venue` and `fault`), or `heal`.
        """
        if method == "POST":
            try:
                self._steer(json.loads(body or b"{}"))
            except (ValueError, KeyError, TypeError) as problem:
                return json_response({"error": str(problem)}, 400)
        return json_response(
            {
                "now": instant(self.now_ms).isoformat(),
                "from": instant(self.tape.start_ms).isoformat(),
                "to": instant(self.tape.end_ms).isoformat(),
                "faults": [vars(fault) for fault in self.faults],
                "requested": dict(self.requested),
                "streams": len(self._open),
            }
        )

    def _steer(self, order: dict[str, Any]) -> None:
        if order.get("heal"):
            self.heal()
        if "fault" in order:
            more = {name: order[name] for name in ("requests", "path", "seconds") if name in order}
            self.fail(order["venue"], order["fault"], **more)
        if "now" in order:
            at = datetime.fromisoformat(str(order["now"]))
            self._move(epoch_ms(at if at.tzinfo else at.replace(tzinfo=UTC)))

    # -- streams -----------------------------------------------------------------------------------

    def _drop_streams(self, venue: str | None) -> None:
        """Close a venue's open streams, or all."""
        for stream in list(self._open):
            if venue is None or names(venue, stream.subscriber.connection):
                stream.waiting.put_nowait(None)

    async def _stream(self, scope: Scope, receive: Receive, send: Send) -> None:
        connection, path = _routed(scope)
        fault = self._fault(connection, path, REPLACED + STREAM_FAULTS)
        await receive()
        if fault is not None and fault.kind in REPLACED:
            await _send(send, fault_response(fault, connection), "websocket.http.response")
            return
        if connection not in STREAMS or (fault is not None and fault.kind == "refuse"):
            await send({"type": "websocket.close", "code": 1008})
            return
        await send({"type": "websocket.accept"})
        stated = STREAMS[connection]
        stream = OpenStream(
            stated, Subscriber(connection, path, fault is not None, beat=stated.beat)
        )
        query = scope["query_string"].decode()
        stream.greet(self.tape, self.now_ms, query)
        pump = asyncio.create_task(_pump(stream, send))
        beats = asyncio.create_task(stream.beat(lambda: self.now_ms))
        self._open.add(stream)
        try:
            await self._converse(stream, receive)
        finally:
            self._open.discard(stream)
            beats.cancel()
            stream.waiting.put_nowait(None)
            await pump

    async def _converse(self, stream: OpenStream, receive: Receive) -> None:
        while True:
            message = await receive()
            if message["type"] == "websocket.disconnect":
                return
            text = message.get("text") or (message.get("bytes") or b"").decode()
            stream.receive(self.tape, self.now_ms, text)


def _user_info(connection: str) -> str:
    key = _exchange(connection).key
    return f":{key}@" if key else ""


def _prefix(connection: str) -> str:
    return connection.replace("_", "-")


def _routed(scope: Scope) -> tuple[str, str]:
    """Connection id and the path below its prefix."""
    first, _, rest = scope["path"].lstrip("/").partition("/")
    return first.replace("-", "_"), f"/{rest}" if rest else "/"


def _exchange(connection: str) -> Exchange:
    exchange = exchange_of(connection)
    if exchange is None:
        raise KeyError(connection)
    return exchange


def _faulty_file(tape: Tape, now_ms: int, request: Request, kind: str) -> Response:
    """A file that its venue makes odd, or half of it."""
    exchange = _exchange(request.connection)
    if request.connection not in exchange.files:
        return respond(tape, now_ms, request)
    if exchange.faulty_file is not None:
        return exchange.faulty_file(tape, now_ms, exchange.name, request, kind)
    response = respond(tape, now_ms, request)
    if kind != "broken_zip":
        return response
    return replace(response, body=response.body[: len(response.body) // 2])


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    named = {"content-length": str(len(response.body))} | response.headers
    return [(name.lower().encode(), value.encode()) for name, value in named.items()]


async def _send(send: Send, response: Response, kind: str = "http.response") -> None:
    headers = _headers(response)
    await send({"type": f"{kind}.start", "status": response.status, "headers": headers})
    await send({"type": f"{kind}.body", "body": response.body})


async def _send_half(scope: Scope, send: Send, response: Response) -> None:
    """Announce the full body, send half of it, and hang up."""
    await send(
        {"type": "http.response.start", "status": response.status, "headers": _headers(response)}
    )
    await send(
        {
            "type": "http.response.body",
            "body": response.body[: len(response.body) // 2],
            "more_body": True,
        }
    )
    transport = _Protocol.transports.get(tuple(scope["client"])[:2])
    if transport is not None:
        transport.close()


def _reset(scope: Scope) -> None:
    """Break the connection with a TCP reset."""
    transport = _Protocol.transports.get(tuple(scope["client"])[:2])
    if transport is None:
        return
    linger = struct.pack("ii", 1, 0)
    transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
    transport.abort()


async def _pump(stream: OpenStream, send: Send) -> None:
    """Send what waits on a stream until it ends."""
    while True:
        sent = await stream.next_sent()
        try:
            if sent is None:
                await send({"type": "websocket.close", "code": 1001})
                return
            await send({"type": "websocket.send", _form(sent): sent})
        except (RuntimeError, OSError):
            return


def _form(sent: str | bytes) -> str:
    return "text" if isinstance(sent, str) else "bytes"
