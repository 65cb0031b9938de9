"""The seed episode's tape, and a server that shows it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unwind.replay.episode import default_tape
from unwind.replay.market import Tape
from unwind.replay.server import ReplayServer


@pytest.fixture(scope="session")
def tape() -> Tape:
    return default_tape()


@pytest.fixture(scope="session")
def shared_server(tape: Tape) -> Iterator[ReplayServer]:
    with ReplayServer(tape) as running:
        yield running


@pytest.fixture
def server(shared_server: ReplayServer, tape: Tape) -> Iterator[ReplayServer]:
    """The shared server, healthy and at the tape's end."""
    shared_server.now_ms = tape.end_ms
    shared_server.heal()
    yield shared_server
    shared_server.play(0)
    shared_server.heal()
    shared_server.now_ms = tape.end_ms
