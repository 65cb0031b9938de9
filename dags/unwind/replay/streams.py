"""The venues' WebSocket protocols: what a connection subscribes to, the replies, and the frames."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from unwind.replay.market import Tape
from unwind.replay.wire import binance, bybit, okx
from unwind.replay.wire.answer import json_text

Frames = Callable[[Tape, int, int, frozenset[str] | None], list[tuple[int, str]]]
FRAMES: dict[str, Frames] = {
    "binance_ws": binance.frames,
    "bybit_ws": bybit.frames,
    "okx_ws": okx.frames,
}
STREAMS = tuple(FRAMES)
CONNECTION_MARK = "a4d3ae55"


@dataclass(eq=False)
class Subscriber:
    """One open stream: what it subscribed to, and the texts that wait for it (None closes it).

    A `deaf` one was accepted but will never be told anything: that is what Binance does with a
    route other than /market.
    """

    connection: str
    path: str
    deaf: bool = False
    symbols: set[str] = field(default_factory=set)
    everything: bool = False
    combined: bool = False
    waiting: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    def push(self, tape: Tape, from_ms: int, to_ms: int) -> None:
        """Queue what the venue pushed to this subscription in [from, to)."""
        if self.deaf or not (self.everything or self.symbols):
            return
        wanted = None if self.everything else frozenset(self.symbols)
        for _, text in FRAMES[self.connection](tape, from_ms, to_ms, wanted):
            self.waiting.put_nowait(self._wrapped(text))

    def _wrapped(self, text: str) -> str:
        """A combined Binance connection names each frame's stream around it."""
        if not self.combined:
            return text
        symbol = json.loads(text)["o"]["s"].lower()
        name = "!forceOrder@arr" if self.everything else f"{symbol}@forceOrder"
        return f'{{"stream":"{name}","data":{text}}}'


def opened(connection: str, path: str, query: str) -> Subscriber:
    """A new stream; a Binance URL subscribes by itself."""
    subscriber = Subscriber(connection, path)
    if connection != "binance_ws":
        return subscriber
    if path == "/market/stream":
        subscriber.combined = True
        names = dict(parse_qsl(query, keep_blank_values=True)).get("streams", "")
    elif path == "/market/ws" or path.startswith("/market/ws/"):
        names = path.removeprefix("/market/ws").lstrip("/")
    else:
        subscriber.deaf = True
        return subscriber
    for name in filter(None, unquote(names).split("/")):
        _subscribe_binance(subscriber, name)
    return subscriber


def replies(subscriber: Subscriber, tape: Tape, now_ms: int, text: str) -> list[str]:
    """What the venue answers to a text that a client sent."""
    if subscriber.deaf:
        return []
    if subscriber.connection == "okx_ws" and text == "ping":
        return ["pong"]
    try:
        order = json.loads(text)
    except ValueError:
        order = None
    if not isinstance(order, dict):
        problem = f"Invalid request: {text[:80]}"
        return [json_text({"event": "error", "code": "60012", "msg": problem})]
    if subscriber.connection == "binance_ws":
        return [_binance_reply(subscriber, order)]
    if subscriber.connection == "bybit_ws":
        return [_bybit_reply(subscriber, tape, order)]
    return _okx_replies(subscriber, tape, now_ms, order)


def _subscribe_binance(subscriber: Subscriber, name: str) -> None:
    if name == "!forceOrder@arr":
        subscriber.everything = True
    elif name.endswith("@forceOrder"):
        subscriber.symbols.add(name.removesuffix("@forceOrder"))


def _binance_reply(subscriber: Subscriber, order: dict[str, Any]) -> str:
    if order.get("method") == "SUBSCRIBE":
        for name in order.get("params", []):
            _subscribe_binance(subscriber, name)
    elif order.get("method") == "UNSUBSCRIBE":
        subscriber.everything = False
        subscriber.symbols.clear()
    return json_text({"result": None, "id": order.get("id")})


def _bybit_reply(subscriber: Subscriber, tape: Tape, order: dict[str, Any]) -> str:
    """Acknowledge, or refuse everything when one topic is not known on this route."""
    common = {"success": True, "conn_id": CONNECTION_MARK, "req_id": order.get("req_id", "")}
    operation = order.get("op", "")
    if operation == "ping":
        return json_text(common | {"ret_msg": "pong", "op": "ping"})
    market = subscriber.path.rsplit("/", 1)[-1]
    known = {f"allLiquidation.{item.symbol}" for item in tape.instruments_of("bybit", market)}
    topics = [str(one) for one in order.get("args", [])]
    unknown = [one for one in topics if one not in known]
    if unknown or operation not in ("subscribe", "unsubscribe"):
        problem = f"error:handler not found,topic:{','.join(unknown)}"
        return json_text(common | {"success": False, "ret_msg": problem, "op": operation})
    names = {one.removeprefix("allLiquidation.") for one in topics}
    if operation == "subscribe":
        subscriber.symbols |= names
    else:
        subscriber.symbols -= names
    return json_text(common | {"ret_msg": "", "op": operation})


def _okx_replies(
    subscriber: Subscriber, tape: Tape, now_ms: int, order: dict[str, Any]
) -> list[str]:
    """Acknowledge each argument, and replay the last rows, as OKX does after a subscription."""
    operation = order.get("op")
    said: list[str] = []
    for argument in order.get("args", []):
        channel = argument.get("channel")
        if channel != "liquidation-orders" or operation not in ("subscribe", "unsubscribe"):
            problem = f"Wrong URL or channel:{channel},instId:null doesn't exist."
            said.append(json_text({"event": "error", "code": "60018", "msg": problem}))
            continue
        said.append(json_text({"event": operation, "arg": argument, "connId": CONNECTION_MARK}))
        if argument.get("instType") == "SWAP":
            subscriber.everything = operation == "subscribe"
            said += okx.replay_frames(tape, now_ms) if subscriber.everything else []
    return said
