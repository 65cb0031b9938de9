"""One venue's recorder: its streams, what they subscribe to, and its segments."""

from __future__ import annotations

import asyncio
import logging
import operator
import re
import threading
import time
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import closing, suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path

from tenacity import AsyncRetrying, retry_if_result
from tenacity.wait import wait_exponential_jitter

from unwind.clock import Clock
from unwind.connections import connection
from unwind.http import VenueApi
from unwind.recorder.feed import Feed, Limits, reason_of
from unwind.recorder.segment_writer import SegmentWriter
from unwind.recorder.segments import recorder_folder
from unwind.recorder.state import RecorderState, StreamState, read_state, write_state
from unwind.scratch import working_folder
from unwind.settings import Home
from unwind.venues import NotKnownError, Stream, Venue

logger = logging.getLogger(__name__)

# A refusal that names more instruments than this repeats the whole request.
NAMED_INSTRUMENTS = 10


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
        """Lists the instruments, subscribes to them, and repeats that each hour; never returns."""
        limits = self._recorder.limits
        pause = wait_exponential_jitter(
            initial=limits.initial_backoff_seconds,
            max=limits.max_backoff_seconds,
            jitter=limits.jitter_seconds,
        )
        while True:
            await AsyncRetrying(wait=pause, retry=retry_if_result(operator.not_))(self._update_list)
            self._again.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(limits.list_again_seconds):
                    await self._again.wait()

    def leaves_out(self, refusal: str) -> bool:
        """Whether a refusal names a few instruments, then left out until the next listing.

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

    async def _update_list(self) -> bool:
        """Whether there is a list; without one, the subscriptions stay as they are."""
        try:
            listed = await asyncio.to_thread(self._recorder.list_instruments, self._stream)
            if listed:
                self._listed, self._left_out = listed, set()
                self._share()
        except Exception as error:  # noqa: BLE001
            # An error that an answer causes in a venue's code costs only its own stream.
            problem = reason_of("its instruments are not known", str(error), error)
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
                self._feeds.append(
                    self._recorder.start_feed(self._stream, place, texts, self.leaves_out)
                )
            elif texts != self._feeds[place].texts:
                self._feeds[place].renew(texts)
        for feed in self._feeds[len(parts) :]:
            feed.retire()
        del self._feeds[len(parts) :]


class VenueRecorder:
    """One venue: its writer and its streams."""

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
        self.writer = SegmentWriter(self.folder, clock, disk, limits.max_held_bytes)
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
        """Continues the last recorder's segments; raises OSError."""
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
        leaves_out: Callable[[str], bool] = lambda refusal: False,
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
            leaves_out,
        )
        self._tasks.create_task(feed.keep())
        return feed

    def list_instruments(self, stream: Stream) -> list[str]:
        """The instruments to subscribe to, by REST; raises when they are unavailable."""
        assert stream.instruments
        venue = self._venue
        with working_folder(self._home, "landing") as scratch:
            api = VenueApi(
                venue.name,
                venue.connections,
                venue.error_rules,
                venue.rate_limits,
                folder=Path(scratch),
                clock=self.clock,
                sleep=self._sleep,
            )
            with closing(api), api.recording("instruments") as fetch_log:
                listed = list(dict.fromkeys(stream.instruments(api)))
                if fetch_log.failures or not listed:
                    raise NotKnownError("; ".join(fetch_log.failures[:1]) or "none is listed")
        return listed

    def _sleep(self, seconds: float) -> None:
        """Until the recorder stops, at most."""
        self._is_stopping.wait(seconds)

    async def write(self, is_done: asyncio.Event) -> None:
        """Flushes and writes the state repeatedly, and once more at the end."""
        loop = asyncio.get_running_loop()
        written_at = 0.0
        while not is_done.is_set():
            await self.writer.flush()
            if time.monotonic() - written_at >= self.limits.state_seconds:
                written_at = time.monotonic()
                await loop.run_in_executor(self._disk, self._write_state)
            with suppress(TimeoutError):
                async with asyncio.timeout(self.limits.flush_seconds):
                    await is_done.wait()
        self._stopped_at = self.clock()
        await self.writer.flush()
        self._write_state()

    def _write_state(self) -> None:
        # The writer reports faults of the disk.
        with suppress(OSError):
            write_state(self.folder, self.state())

    def state(self) -> RecorderState:
        """The current state."""
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
