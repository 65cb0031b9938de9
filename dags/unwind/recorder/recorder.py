"""The recorder: every venue's WebSocket feeds of liquidations, written verbatim as they come.

One process and one event loop for all venues. Frames are stamped when they are taken and lie on
disk within a second. Nothing is left out in silence: what could not be heard or kept is a `gap`
line of the segment it belongs to. A quiet feed is healthy; whether a connection is alive, pings
tell, not traffic.
"""

from __future__ import annotations

import asyncio
import fcntl
import logging
import operator
import random
import re
import signal
import socket
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route
from tenacity import AsyncRetrying, retry_if_exception_type, retry_if_result
from tenacity.wait import wait_exponential_jitter
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from unwind.clock import Clock
from unwind.connections import Endpoint, connection, without_userinfo
from unwind.errors import UnwindError
from unwind.http import USER_AGENT, VenueApi
from unwind.recorder.segment_writer import MOST_HELD_BYTES, SegmentWriter
from unwind.recorder.segments import RECORDER_NAME, recorder_folder
from unwind.recorder.state import RecorderState, StreamState, read_state, write_state
from unwind.scratch import working_folder
from unwind.settings import Home
from unwind.venues import MOST_FRAME_BYTES, NotKnownError, Stream, Venue

logger = logging.getLogger(__name__)
# At DEBUG it writes every header and frame, keys included.
wire_logger = logging.getLogger("unwind.websockets")
wire_logger.setLevel(logging.INFO)

LOOPBACK = "127.0.0.1"
# Answers to pings are short; what is longer is never taken for one.
CHATTER_CHARACTERS = 300
# A refusal that names more instruments than this repeats the whole request.
NAMED_INSTRUMENTS = 10
REASON_CHARACTERS = 200
TOO_BIG = 1009
DISK_THREADS = 4


def check_name(name: str, venues: Iterable[str]) -> str | None:
    """What is wrong with a recorder's name, as a sentence; None when it is one.

    It names a folder beside the venues' own ones.
    """
    if name and (not RECORDER_NAME.fullmatch(name) or name in venues):
        return (
            f"{name!r} is no recorder's name: write small letters, digits, dots and hyphens, as in "
            "tokyo-2, and no venue's name"
        )
    return None


class RecorderError(UnwindError, RuntimeError):
    """The recorder could not start; the text says what to do."""


@dataclass(frozen=True)
class Limits:
    """Durations in seconds and bounds; each test that needs others says so.

    2026-11-25: venues accept a connection within a second and answer pings within another. A
    connection that ended sooner than `steady_seconds` after its start is followed by a pause that
    doubles up to `longest_pause_seconds`, each with up to a second of jitter.
    """

    flush_seconds: float = 0.5
    state_seconds: float = 1.0
    first_pause_seconds: float = 1.0
    longest_pause_seconds: float = 60.0
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
    most_held_bytes: int = MOST_HELD_BYTES
    most_frame_bytes: int = MOST_FRAME_BYTES


@dataclass(frozen=True)
class End:
    """How a connection ended: the last instant at which it was surely alive, and why it ended."""

    alive_at: datetime
    reason: str


class _Connecting(connect):
    """Follows no redirect: a venue decides neither whom we talk to nor who gets its headers."""

    def process_redirect(self, exc: Exception) -> Exception:
        return exc


class _ShortLivedError(Exception):
    """A connection ended soon after its start: pause before the next one."""


class _Socket:
    """One open connection: what is done with its frames, and how it is kept alive."""

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
        """Ends it in good order; what comes until then is still written."""
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
        except Exception as error:
            broke_off = "".join(traceback.format_exception(error))
            logger.error(
                "%s broke off\n%s",
                self._feed.state.stream,
                self._feed.endpoint.struck_out(broke_off),
            )
            return End(self._feed.clock(), self._feed.reason("broke off", error))
        finally:
            pinging.cancel()
            self._socket.transport.abort()

    async def _take(self, payload: bytes) -> None:
        self._last_sign_at = self._feed.clock()
        self._signs += 1
        stream = self._stream
        text = self._feed.endpoint.struck_out(_text(payload, stream))
        if stream.reply:
            with suppress(ValueError, LookupError, TypeError, AttributeError):
                reply = stream.reply(text)
                if reply is not None:
                    await self._socket.send(reply)
                    return
        if len(text) < CHATTER_CHARACTERS and any(word in text for word in stream.chatter):
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
                # A peer that takes nothing any more would hold us up for good.
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
            pong = await self._socket.ping()
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
            self._feed.lost_a_giant(now)
            limit = self._feed.limits.most_frame_bytes
            return End(now, f"a frame of more than {limit:,} bytes was not taken")
        return End(now, self._feed.endpoint.struck_out(str(closed))[:REASON_CHARACTERS])


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
        listing: Listing | None = None,
    ) -> None:
        self.stream = stream
        self.clock = clock
        self.limits = limits
        self.texts = texts
        self.endpoint = endpoint
        self._writer = writer
        self._listing = listing
        self._current: _Socket | None = None
        self._due_at = float("inf")
        self._retired = False
        self._wake = asyncio.Event()
        self.state = StreamState(name, down_since=clock())
        writer.lost(name, clock(), "not connected yet")

    async def keep(self) -> None:
        """Connects, and again whenever the connection has ended, until retired."""
        pause = wait_exponential_jitter(
            initial=self.limits.first_pause_seconds,
            max=self.limits.longest_pause_seconds,
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
            # Those that a venue cut off at once need not come back at once.
            await asyncio.sleep(random.uniform(0, self.limits.jitter_seconds))
        self._writer.found(self.state.stream, self.clock())

    def renew(self, texts: tuple[str, ...] | None = None, after_seconds: float = 0.0) -> None:
        """Replaces the connection, with other subscriptions when there are some, without a gap."""
        self.texts = self.texts if texts is None else texts
        self._due_at = min(self._due_at, time.monotonic() + after_seconds)
        self._wake.set()

    def retire(self) -> None:
        """Ends it for good, once the connections that take over have been heard beside it."""
        self._retired = True
        self.renew(after_seconds=2 * self.limits.overlap_seconds)

    def took(self, text: str) -> None:
        """Hands a frame on to be written."""
        at = self._writer.frame(self.state.stream, text)
        if at is None:
            self._change(dropped=self.state.dropped + 1)
        else:
            self._change(frames=self.state.frames + 1, last_frame_at=at)

    def lost_a_giant(self, at: datetime) -> None:
        """Counts a frame that was too big to be taken."""
        self._writer.drop(self.state.stream, at)
        self._change(dropped=self.state.dropped + 1)

    def refused(self, socket: _Socket, text: str) -> None:
        """Notes that the venue refused a subscription, and asks again later.

        What comes of the others is still written; the hour counts as missed meanwhile.
        """
        logger.warning("%s: %s", self.state.stream, socket.refusal)
        if self._current in (None, socket):
            self._lost(socket.opened_at, socket.refusal)
        if self._listing is None or not self._listing.leaves_out(text):
            self.renew(after_seconds=self.limits.refused_again_seconds)

    async def _live(self) -> None:
        """Opens a connection, listens to it and to those that replace it, until one ends."""
        if self._retired:
            return
        try:
            current = await self._open()
        except Exception as error:
            # A host that is down, or code of a venue that is wrong: said, and tried again.
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
            self._said(end.reason)
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
            max_size=self.limits.most_frame_bytes,
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
        """A fresh connection, after both were listened to; the old one when that came to nothing.

        A fresh one that the venue refuses is no better than what there is.
        """
        try:
            fresh = await self._open()
        except Exception as error:
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
            self._said(socket.reading.result().reason)
        else:
            await socket.close()
            self._said(reason, logging.INFO)

    def reason(self, what: str, error: Exception) -> str:
        """A failure in a few words, without what the connection keeps off record."""
        return _reason(what, without_userinfo(self.endpoint.struck_out(str(error))), error)

    def _found(self, at: datetime) -> None:
        self._writer.found(self.state.stream, at)
        self._change(connected_at=at, down_since=None, problem="")

    def _lost(self, since: datetime, reason: str) -> None:
        self._writer.lost(self.state.stream, since, reason)
        self._change(connected_at=None, down_since=self.state.down_since or since, problem=reason)

    def _said(self, reason: str, level: int = logging.WARNING) -> None:
        logger.log(level, "%s: %s", self.state.stream, reason)
        self._writer.event(self.clock(), "disconnected", stream=self.state.stream, reason=reason)

    def _change(self, **changes: object) -> None:
        self.state = replace(self.state, **changes)


class Listing:
    """The instruments of a stream that has no wildcard, and the feeds that share them."""

    def __init__(self, recorder: VenueRecorder, stream: Stream) -> None:
        self._recorder = recorder
        self._stream = stream
        self._listed: list[str] = []
        self._left_out: set[str] = set()
        self._again = asyncio.Event()
        self._feeds: list[Feed] = []
        self._waiting = StreamState(
            stream.name, down_since=recorder.clock(), problem="its instruments are not known yet"
        )
        recorder.writer.lost(stream.name, recorder.clock(), self._waiting.problem)

    @property
    def states(self) -> list[StreamState]:
        """Its feeds' states; one that waits while there are none."""
        return [feed.state for feed in self._feeds] or [self._waiting]

    async def keep(self) -> None:
        """Lists what there is, subscribes to it, and does so again each hour; never returns."""
        limits = self._recorder.limits
        pause = wait_exponential_jitter(
            initial=limits.first_pause_seconds,
            max=limits.longest_pause_seconds,
            jitter=limits.jitter_seconds,
        )
        while True:
            await AsyncRetrying(wait=pause, retry=retry_if_result(operator.not_))(self._look)
            self._again.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.list_again_seconds):
                    await self._again.wait()

    def leaves_out(self, refusal: str) -> bool:
        """Whether a refusal names a few instruments, which are then left out until listed anew.

        Some venues refuse a whole request for one instrument in it. Otherwise what is listed may
        have changed, and is asked for again.
        """
        named = {
            one
            for one in self._listed
            if re.search(rf"(?<![A-Za-z0-9]){re.escape(one)}(?![\w-])", refusal)
        }
        if not 0 < len(named) <= NAMED_INSTRUMENTS:
            self._again.set()
            return False
        logger.warning("%s: left out for now: %s", self._stream.name, ", ".join(sorted(named)))
        self._left_out |= named
        self._share()
        return True

    async def _look(self) -> bool:
        """Whether there is a list; without one, what is subscribed stays as it is."""
        try:
            listed = await asyncio.to_thread(self._recorder.list_instruments, self._stream)
            if listed:
                self._listed, self._left_out = listed, set()
                self._share()
        except Exception as error:
            # Whatever an answer provokes in a venue's code costs only its own stream.
            problem = _reason("its instruments are not known", str(error), error)
            self._waiting = replace(self._waiting, problem=problem)
            logger.warning("%s: %s", self._stream.name, problem)
            return False
        return bool(listed)

    def _share(self) -> None:
        """Gives each connection its part; a changed part means a fresh connection."""
        assert self._stream.subscribe_to
        wanted = [one for one in self._listed if one not in self._left_out]
        parts = self._stream.subscribe_to(wanted)
        for place, texts in enumerate(parts):
            if place == len(self._feeds):
                self._feeds.append(self._recorder.start_feed(self._stream, place, texts, self))
            elif texts != self._feeds[place].texts:
                self._feeds[place].renew(texts)
        for feed in self._feeds[len(parts) :]:
            feed.retire()
        del self._feeds[len(parts) :]


class VenueRecorder:
    """One venue: its writer, and what it listens to."""

    def __init__(
        self,
        home: Home,
        venue: Venue,
        clock: Clock,
        limits: Limits,
        disk: Executor,
        name: str = "",
    ) -> None:
        self.clock = clock
        self.limits = limits
        self.folder = recorder_folder(home.recorder, name, venue.name).path
        self._name = name
        self.writer = SegmentWriter(self.folder, clock, disk, limits.most_held_bytes)
        self._home = home
        self._venue = venue
        self._disk = disk
        self._started_at = clock()
        self._stopped_at: datetime | None = None
        self._tasks: asyncio.TaskGroup | None = None
        self._feeds: list[Feed] = []
        self._listings: list[Listing] = []
        self._is_stopping = threading.Event()

    def begin(self) -> None:
        """Takes up what the last recorder left; raises OSError."""
        self.folder.mkdir(parents=True, exist_ok=True)
        last = read_state(self.folder)
        self.writer.begin(last.flushed_at if last else None)

    async def listen(self) -> None:
        """Keeps every stream up until cancelled."""
        try:
            async with asyncio.TaskGroup() as self._tasks:
                for stream in self._venue.streams:
                    if stream.instruments:
                        listing = Listing(self, stream)
                        self._listings.append(listing)
                        self._tasks.create_task(listing.keep())
                    else:
                        self._feeds.append(self.start_feed(stream, 0, stream.subscribe))
        finally:
            self._is_stopping.set()

    def start_feed(
        self,
        stream: Stream,
        place: int,
        texts: tuple[str, ...],
        listing: Listing | None = None,
    ) -> Feed:
        """One more connection; the second of a stream is called `<stream>#2`."""
        assert self._tasks
        host = self._venue.connections[stream.connection].default_host
        feed = Feed(
            stream,
            stream.name + (f"#{place + 1}" if place else ""),
            connection(stream.connection, host),
            texts,
            self.writer,
            self.clock,
            self.limits,
            listing,
        )
        self._tasks.create_task(feed.keep())
        return feed

    def list_instruments(self, stream: Stream) -> list[str]:
        """What there is to subscribe to, by REST; raises when it is not to be had."""
        assert stream.instruments
        venue = self._venue
        with working_folder(self._home, "landing") as scratch:
            api = VenueApi(
                venue.name,
                venue.connections,
                venue.signals,
                venue.paces,
                folder=Path(scratch),
                clock=self.clock,
                sleep=self._is_stopping.wait,
            )
            with closing(api), api.recording("instruments") as transcript:
                listed = list(dict.fromkeys(stream.instruments(api)))
                if transcript.failures or not listed:
                    raise NotKnownError("; ".join(transcript.failures[:1]) or "none is listed")
        return listed

    async def write(self, is_done: asyncio.Event) -> None:
        """Flushes and says how it is, again and again; a last time when all is done."""
        loop = asyncio.get_running_loop()
        said_at = 0.0
        while not is_done.is_set():
            await self.writer.flush()
            if time.monotonic() - said_at >= self.limits.state_seconds:
                said_at = time.monotonic()
                await loop.run_in_executor(self._disk, self._say_state)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.flush_seconds):
                    await is_done.wait()
        self._stopped_at = self.clock()
        await self.writer.flush()
        self._say_state()

    def _say_state(self) -> None:
        # The writer says what is wrong with the disk.
        with suppress(OSError):
            write_state(self.folder, self.state())

    def state(self) -> RecorderState:
        """How it is now."""
        streams = [feed.state for feed in self._feeds]
        for listing in self._listings:
            streams += listing.states
        return RecorderState(
            self._venue.name,
            self._started_at,
            self.clock(),
            self._stopped_at,
            self.writer.flushed_at,
            self.writer.closed_hour_at,
            self.writer.held_bytes,
            self.writer.failed_since,
            self.writer.problem,
            tuple(streams),
            self._name,
        )


def record(
    home: Home, venues: Sequence[Venue], clock: Clock, health_port: int, name: str = ""
) -> None:
    """Records until SIGINT, SIGTERM or a closed terminal.

    Recorders of different names may record the same venues side by side. Raises RecorderError when
    one of this name records one of the venues already, when the port is taken, or when the folder
    cannot be written.
    """

    async def until_told() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # Under nohup a closed terminal is to be ignored.
            if signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with _listening(health_port) as door:
            await record_until(stop, home, venues, clock, door, name=name)

    asyncio.run(until_told())


async def record_until(
    stop: asyncio.Event,
    home: Home,
    venues: Sequence[Venue],
    clock: Clock,
    door: socket.socket,
    limits: Limits | None = None,
    name: str = "",
) -> None:
    """Records until `stop` is set; `door` is the socket that tells of its health."""
    with (
        ExitStack() as held,
        ThreadPoolExecutor(DISK_THREADS, thread_name_prefix="disk") as disk,
    ):
        recorders = []
        for venue in venues:
            _check_connections(venue)
            try:
                recorder = VenueRecorder(home, venue, clock, limits or Limits(), disk, name)
                held.enter_context(_only_one(home, venue.name, recorder.folder, name))
                recorder.begin()
            except OSError as error:
                raise RecorderError(
                    f"{home.recorder / name / venue.name} cannot be written "
                    f"({error.strerror or error}); "
                    "free some space or correct its permissions, then start the recorder again"
                ) from error
            recorders.append(recorder)
        await _work(stop, recorders, clock, door)


async def _work(
    stop: asyncio.Event, recorders: Sequence[VenueRecorder], clock: Clock, door: socket.socket
) -> None:
    server = _Server(
        uvicorn.Config(health_app(recorders, clock), lifespan="off", log_level="warning", ws="none")
    )
    is_done = asyncio.Event()
    writing = [asyncio.create_task(one.write(is_done)) for one in recorders]
    listening = [asyncio.create_task(one.listen()) for one in recorders]
    serving = asyncio.create_task(server.serve(sockets=[door]))
    stopping = asyncio.create_task(stop.wait())
    tasks = [*writing, *listening, serving, stopping]
    # None but the last ends by itself, unless code is broken.
    ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    server.should_exit = True
    for task in listening:
        task.cancel()
    await asyncio.wait(listening)
    is_done.set()
    await asyncio.wait([*writing, serving])
    stopping.cancel()
    for task in ended - {stopping}:
        task.result()


def health_app(recorders: Sequence[VenueRecorder], clock: Clock) -> Starlette:
    """`/health`: every venue's state as JSON; status 503 while something is wrong for long."""

    async def health(request: Request) -> JSONResponse:
        now = clock()
        states = [recorder.state() for recorder in recorders]
        complaints = [told for state in states for told in state.complaints(now)]
        return JSONResponse(
            {"complaints": complaints, "venues": [state.as_json() for state in states]},
            status_code=503 if complaints else 200,
        )

    return Starlette(routes=[Route("/health", health)])


class _Server(uvicorn.Server):
    """uvicorn beside the recorder: signals are the recorder's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as door:
        door.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            door.bind((LOOPBACK, port))
        except OSError as error:
            raise RecorderError(
                f"port {port} on {LOOPBACK} is taken ({error.strerror}); choose another with "
                "--health-port, or 0 for any"
            ) from error
        yield door


def _check_connections(venue: Venue) -> None:
    """Raises RecorderError where a variable does not say where a stream is."""
    for stream in venue.streams:
        try:
            connection(stream.connection, venue.connections[stream.connection].default_host)
        except ValueError as error:
            raise RecorderError(str(error)) from None


@contextmanager
def _only_one(home: Home, venue: str, folder: Path, name: str) -> Iterator[None]:
    """Holds a recorder's folder of a venue: two in one would write into the same segments."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            called = f" by the recorder {name}" if name else ""
            raise RecorderError(
                f"{venue} is recorded already in {home.root}{called}; stop that recorder first, "
                "choose other venues with --venue, or record beside it with another --name"
            ) from None
        yield


def _text(payload: bytes, stream: Stream) -> str:
    """A frame's text; what is not UTF-8 shows as \\xNN, as in the raw zone."""
    if stream.unpack:
        # Bytes that are not packed as expected are kept as they came.
        with suppress(ValueError):
            payload = stream.unpack(payload)
    return payload.decode("utf-8", errors="backslashreplace")


def _reason(what: str, text: str, error: Exception) -> str:
    return f"{what} ({type(error).__name__}: {text})"[:REASON_CHARACTERS]
