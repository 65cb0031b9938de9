"""One connection to a venue: opened, kept alive, replaced in time, and opened again."""

from __future__ import annotations

import asyncio
import logging
import random
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception_type
from tenacity.wait import wait_exponential_jitter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from unwind.clock import Clock
from unwind.connections import Endpoint, without_userinfo
from unwind.http import USER_AGENT
from unwind.recorder.segment_writer import MAX_HELD_BYTES, SegmentWriter
from unwind.recorder.state import StreamState
from unwind.venues import MAX_FRAME_BYTES, Stream

logger = logging.getLogger(__name__)
# At DEBUG it writes every header and frame, keys included.
wire_logger = logging.getLogger("unwind.websockets")
wire_logger.setLevel(logging.INFO)

# Pongs are short; a longer message is never taken for one.
MAX_CONTROL_FRAME_CHARACTERS = 300
REASON_CHARACTERS = 200
TOO_BIG = 1009


@dataclass(frozen=True)
class Limits:
    """Durations in seconds, and bounds; tests override them where needed.

    2026-11-25: venues accept a connection within a second and answer pings within another. A
    connection that ended sooner than `steady_seconds` after its start is followed by a pause that
    doubles up to `longest_pause_seconds`, each with up to a second of jitter.
    """

    flush_seconds: float = 0.5
    state_seconds: float = 1.0
    initial_backoff_seconds: float = 1.0
    max_backoff_seconds: float = 60.0
    jitter_seconds: float = 1.0
    steady_seconds: float = 60.0
    open_seconds: float = 10.0
    close_seconds: float = 2.0
    # Both connections are listened to for so long when one replaces the other.
    overlap_seconds: float = 10.0
    refused_again_seconds: float = 30.0
    list_again_seconds: float = 3600.0
    # Without a sign for so many pings, a connection is dead.
    unanswered_pings: int = 3
    max_held_bytes: int = MAX_HELD_BYTES
    max_frame_bytes: int = MAX_FRAME_BYTES


@dataclass(frozen=True)
class End:
    """How a connection ended: the last instant at which it was known to be alive, and why."""

    alive_at: datetime
    reason: str


class _Connecting(connect):
    """Follows no redirect: a venue decides neither whom we talk to nor who gets its headers."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class _ShortLivedError(Exception):
    """A connection ended soon after its start: pause before the next one."""


class _Socket:
    """One open connection: it passes on its frames and keeps itself alive."""

    def __init__(self, feed: Feed, socket: ClientConnection) -> None:
        self._feed = feed
        self._socket = socket
        self._stream = feed.stream
        self._signs = 0
        self._last_sign_at = self.opened_at = feed.clock()
        self._silent = False
        self.refusal = ""
        self.reading = asyncio.create_task(self._read())

    @property
    def ended(self) -> bool:
        return self.reading.done()

    async def close(self) -> End:
        """Closes it cleanly; frames until then are still written."""
        await self._socket.close()
        return await self.reading

    async def _read(self) -> End:
        pinging = asyncio.create_task(self._keep_alive())
        try:
            while True:
                # As bytes: text that is no UTF-8 is kept too.
                await self._take(await self._socket.recv(decode=False))
        except ConnectionClosed as closed:
            return self._end(closed)
        except Exception as error:  # noqa: BLE001
            broke_off = "".join(traceback.format_exception(error))
            logger.error(
                "%s broke off\n%s",
                self._feed.state.stream,
                self._feed.endpoint.redacted(broke_off),
            )
            return End(self._feed.clock(), self._feed.reason("broke off", error))
        finally:
            pinging.cancel()
            self._socket.transport.abort()

    async def _take(self, payload: bytes) -> None:
        self._last_sign_at = self._feed.clock()
        self._signs += 1
        stream = self._stream
        text = self._feed.endpoint.redacted(_text(payload, stream))
        if stream.reply:
            with suppress(ValueError, LookupError, TypeError, AttributeError):
                reply = stream.reply(text)
                if reply is not None:
                    await self._socket.send(reply)
                    return
        if len(text) < MAX_CONTROL_FRAME_CHARACTERS and any(
            word in text for word in stream.control_frames
        ):
            return
        if any(word in text for word in stream.refusals):
            self.refusal = f"a subscription was refused: {text[:REASON_CHARACTERS]}"
            self._feed.refused(self, text)
        self._feed.took(text)

    async def _keep_alive(self) -> None:
        """Pings, by the venue's text or the protocol, and ends a connection that is dead.

        The protocol's pong shows only in the ping's own future, hence two ways.
        """
        unanswered = 0
        with suppress(ConnectionClosed):
            while unanswered < self._feed.limits.unanswered_pings:
                signs = self._signs
                # A peer that has stopped reading would block us forever.
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._stream.ping_seconds):
                        await self._ping()
                await asyncio.sleep(self._stream.ping_seconds)
                unanswered = 0 if self._signs > signs else unanswered + 1
            self._silent = True
            self._socket.transport.abort()

    async def _ping(self) -> None:
        if self._stream.ping:
            await self._socket.send(self._stream.ping)
        elif not self._stream.reply:
            pong = asyncio.ensure_future(await self._socket.ping())
            pong.add_done_callback(self._answered)

    def _answered(self, pong: asyncio.Future[float]) -> None:
        if not pong.cancelled() and pong.exception() is None:
            self._signs += 1
            self._last_sign_at = self._feed.clock()

    def _end(self, closed: ConnectionClosed) -> End:
        now = self._feed.clock()
        if self._silent:
            return End(self._last_sign_at, "no answer to pings")
        if closed.sent is not None and closed.sent.code == TOO_BIG:
            self._feed.drop_oversized(now)
            limit = self._feed.limits.max_frame_bytes
            return End(now, f"a frame of more than {limit:,} bytes was not taken")
        return End(now, self._feed.endpoint.redacted(str(closed))[:REASON_CHARACTERS])


class Feed:
    """One connection's worth of a stream's subscriptions, kept up until cancelled."""

    def __init__(
        self,
        stream: Stream,
        name: str,
        endpoint: Endpoint,
        texts: tuple[str, ...],
        writer: SegmentWriter,
        clock: Clock,
        limits: Limits,
        leaves_out: Callable[[str], bool] = lambda refusal: False,
    ) -> None:
        self.stream = stream
        self.clock = clock
        self.limits = limits
        self.texts = texts
        self.endpoint = endpoint
        self._writer = writer
        self._leaves_out = leaves_out
        self._current: _Socket | None = None
        self._due_at = float("inf")
        self._retired = False
        self._wake = asyncio.Event()
        self.state = StreamState(name, down_since=clock())
        writer.lost(name, clock(), "not connected yet")

    async def keep(self) -> None:
        """Connects, and reconnects whenever the connection has ended, until retired."""
        pause = wait_exponential_jitter(
            initial=self.limits.initial_backoff_seconds,
            max=self.limits.max_backoff_seconds,
            jitter=self.limits.jitter_seconds,
        )
        while not self._retired:
            async for attempt in AsyncRetrying(
                wait=pause, retry=retry_if_exception_type(_ShortLivedError)
            ):
                with attempt:
                    began = time.monotonic()
                    await self._live()
                    lasted = time.monotonic() - began
                    if lasted < self.limits.steady_seconds and not self._retired:
                        raise _ShortLivedError
            # Connections that a venue closed together need not reconnect together.
            await asyncio.sleep(random.uniform(0, self.limits.jitter_seconds))
        self._writer.found(self.state.stream, self.clock())

    def renew(self, texts: tuple[str, ...] | None = None, after_seconds: float = 0.0) -> None:
        """Replaces the connection, with other subscriptions when there are some, without a gap."""
        self.texts = self.texts if texts is None else texts
        self._due_at = min(self._due_at, time.monotonic() + after_seconds)
        self._wake.set()

    def retire(self) -> None:
        """Ends it permanently, once its replacements have been receiving in parallel."""
        self._retired = True
        self.renew(after_seconds=2 * self.limits.overlap_seconds)

    def took(self, text: str) -> None:
        """Passes a frame on to be written."""
        at = self._writer.frame(self.state.stream, text)
        if at is None:
            self._change(dropped=self.state.dropped + 1)
        else:
            self._change(frames=self.state.frames + 1, last_frame_at=at)

    def drop_oversized(self, at: datetime) -> None:
        """Counts a frame that was too large to be recorded."""
        self._writer.drop(self.state.stream, at)
        self._change(dropped=self.state.dropped + 1)

    def refused(self, socket: _Socket, text: str) -> None:
        """Records that the venue refused a subscription, and subscribes again later.

        Frames of the others are still written; the hour counts as missed meanwhile.
        """
        logger.warning("%s: %s", self.state.stream, socket.refusal)
        if self._current in (None, socket):
            self._lost(socket.opened_at, socket.refusal)
        if not self._leaves_out(text):
            self.renew(after_seconds=self.limits.refused_again_seconds)

    async def _live(self) -> None:
        """Opens a connection, listens to it and to those that replace it, until one ends."""
        if self._retired:
            return
        try:
            current = await self._open()
        except Exception as error:  # noqa: BLE001
            # A host that is down, or a fault in a venue's code: logged, and retried.
            self._change(problem=self.reason("cannot connect", error))
            logger.warning("%s: %s", self.state.stream, self.state.problem)
            return
        self._current = current
        try:
            self._found(current.opened_at)
            while await self._until_due(current):
                if self._retired:
                    return
                current = self._current = await self._replaced(current)
            end = await current.reading
            self._lost(end.alive_at, end.reason)
            self._log_end(end.reason)
            self._change(reconnects=self.state.reconnects + 1)
        finally:
            self._current = None
            if not current.ended:
                await self._closed(current, "closed by the recorder")

    async def _open(self) -> _Socket:
        life = self.stream.life_seconds
        self._due_at = time.monotonic() + life if life else float("inf")
        name, texts = self.state.stream, self.texts
        socket = await _Connecting(
            self.endpoint.with_query(self.endpoint.url + self.stream.path),
            user_agent_header=USER_AGENT,
            additional_headers=self.endpoint.authorization,
            open_timeout=self.limits.open_seconds,
            close_timeout=self.limits.close_seconds,
            # Pings are sent by `_Socket`, which also sees what else is a sign of life.
            ping_interval=None,
            max_size=self.limits.max_frame_bytes,
            logger=wire_logger,
        )
        try:
            for text in texts:
                await socket.send(text)
        except BaseException:
            socket.transport.abort()
            raise
        self._writer.event(self.clock(), "connected", stream=name)
        logger.info("%s: connected", name)
        return _Socket(self, socket)

    async def _until_due(self, current: _Socket) -> bool:
        """True when the connection is to be replaced; False when it has ended by itself."""
        while not current.ended:
            left = self._due_at - time.monotonic()
            if left <= 0:
                return True
            self._wake.clear()
            waking = asyncio.create_task(self._wake.wait())
            await asyncio.wait(
                {waking, current.reading},
                timeout=None if left == float("inf") else left,
                return_when=asyncio.FIRST_COMPLETED,
            )
            waking.cancel()
        return False

    async def _replaced(self, old: _Socket) -> _Socket:
        """A fresh connection, after both were received in parallel; the old one if that failed.

        A fresh one that the venue refuses is no better than what there is.
        """
        try:
            fresh = await self._open()
        except Exception as error:  # noqa: BLE001
            problem = self.reason("cannot renew the connection", error)
            logger.warning("%s: %s", self.state.stream, problem)
            self.renew(after_seconds=self.limits.refused_again_seconds)
            return old
        try:
            await asyncio.wait({fresh.reading}, timeout=self.limits.overlap_seconds)
        except BaseException:
            await fresh.close()
            raise
        if not old.ended and (fresh.ended or fresh.refusal):
            await self._closed(fresh, "it was no better than the one it was to replace")
            self.renew(after_seconds=self.limits.refused_again_seconds)
            return old
        await self._closed(old, "replaced by a fresh connection")
        if fresh.refusal:
            self._lost(self.clock(), fresh.refusal)
        else:
            self._found(fresh.opened_at)
        return fresh

    async def _closed(self, socket: _Socket, reason: str) -> None:
        if socket.ended:
            self._log_end(socket.reading.result().reason)
        else:
            await socket.close()
            self._log_end(reason, logging.INFO)

    def reason(self, what: str, error: Exception) -> str:
        """A failure in a few words, without the connection's secrets."""
        return reason_of(what, without_userinfo(self.endpoint.redacted(str(error))), error)

    def _found(self, at: datetime) -> None:
        self._writer.found(self.state.stream, at)
        self._change(connected_at=at, down_since=None, problem="")

    def _lost(self, since: datetime, reason: str) -> None:
        self._writer.lost(self.state.stream, since, reason)
        self._change(connected_at=None, down_since=self.state.down_since or since, problem=reason)

    def _log_end(self, reason: str, level: int = logging.WARNING) -> None:
        logger.log(level, "%s: %s", self.state.stream, reason)
        self._writer.event(self.clock(), "disconnected", stream=self.state.stream, reason=reason)

    def _change(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)


def _text(payload: bytes, stream: Stream) -> str:
    """A frame's text; what is not UTF-8 shows as \\xNN, as in the raw zone."""
    if stream.unpack:
        # Bytes that are not compressed as expected are kept as received.
        with suppress(ValueError):
            payload = stream.unpack(payload)
    return payload.decode("utf-8", errors="backslashreplace")


def reason_of(what: str, text: str, error: Exception) -> str:
    """A failure in a few words."""
    return f"{what} ({type(error).__name__}: {text})"[:REASON_CHARACTERS]
