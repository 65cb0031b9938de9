"""The recorder: every venue's WebSocket feeds of liquidations, written verbatim as they come.

One process and one event loop for all venues. Frames are stamped when they are taken and lie on
disk within a second. Nothing is left out in silence: what could not be received or kept is a `gap`
line of the segment it belongs to. A quiet feed is healthy; whether a connection is alive, pings
tell, not traffic.
"""

from __future__ import annotations

import asyncio
import signal
import socket
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from unwind.clock import Clock
from unwind.connections import connection
from unwind.errors import UnwindError
from unwind.locks import LockedError, lock
from unwind.recorder.feed import Limits
from unwind.recorder.segments import RECORDER_NAME
from unwind.recorder.venue_recorder import VenueRecorder
from unwind.settings import Home
from unwind.venues import Venue

LOOPBACK = "127.0.0.1"
DISK_THREADS = 4


def check_name(name: str, venues: Iterable[str]) -> str | None:
    """The error in a recorder's name, as a sentence; None if the name is valid.

    It names a folder next to the venues' folders.
    """
    if name and (not RECORDER_NAME.fullmatch(name) or name in venues):
        return (
            f"{name!r} is no recorder's name: write small letters, digits, dots and hyphens, as in "
            "tokyo-2, and no venue's name"
        )
    return None


class RecorderError(UnwindError, RuntimeError):
    """The recorder could not start; the text says what to do."""


def record(
    home: Home, venues: Sequence[Venue], clock: Clock, health_port: int, name: str = ""
) -> None:
    """Records until SIGINT, SIGTERM or a closed terminal.

    Recorders of different names may record the same venues side by side. Raises RecorderError when
    one of this name records one of the venues already, when the port is taken, or when the folder
    cannot be written.
    """

    async def until_signalled() -> None:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            # nohup ignores a closed terminal, and so does this.
            if signal.getsignal(number) is not signal.SIG_IGN:
                asyncio.get_running_loop().add_signal_handler(number, stop.set)
        with _listening(health_port) as listener:
            await record_until(stop, home, venues, clock, listener, name=name)

    asyncio.run(until_signalled())


async def record_until(
    stop: asyncio.Event,
    home: Home,
    venues: Sequence[Venue],
    clock: Clock,
    listener: socket.socket,
    limits: Limits | None = None,
    name: str = "",
) -> None:
    """Records until `stop` is set; `listener` is the socket that serves its health."""
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
        await _work(stop, recorders, clock, listener)


async def _work(
    stop: asyncio.Event, recorders: Sequence[VenueRecorder], clock: Clock, listener: socket.socket
) -> None:
    server = _Server(
        uvicorn.Config(health_app(recorders, clock), lifespan="off", log_level="warning", ws="none")
    )
    is_done = asyncio.Event()
    writing = [asyncio.create_task(one.write(is_done)) for one in recorders]
    listening = [asyncio.create_task(one.listen()) for one in recorders]
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    stopping = asyncio.create_task(stop.wait())
    tasks: list[asyncio.Task[Any]] = [*writing, *listening, serving, stopping]
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
        complaints = [complaint for state in states for complaint in state.complaints(now)]
        return JSONResponse(
            {"complaints": complaints, "venues": [state.as_json() for state in states]},
            status_code=503 if complaints else 200,
        )

    return Starlette(routes=[Route("/health", health)])


class _Server(uvicorn.Server):
    """uvicorn next to the recorder, which handles the signals."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def _listening(port: int) -> Iterator[socket.socket]:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((LOOPBACK, port))
        except OSError as error:
            raise RecorderError(
                f"port {port} on {LOOPBACK} is taken ({error.strerror}); choose another with "
                "--health-port, or 0 for any"
            ) from error
        yield listener


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
    with ExitStack() as held:
        try:
            held.enter_context(lock(folder / ".lock"))
        except LockedError:
            called = f" by the recorder {name}" if name else ""
            raise RecorderError(
                f"{venue} is recorded already in {home.root}{called}; stop that recorder first, "
                "choose other venues with --venue, or record beside it with another --name"
            ) from None
        yield
