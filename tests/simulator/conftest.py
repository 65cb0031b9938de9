"""The seed episode's tape, and a server that serves it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from unwind.simulator.episode import default_tape
from unwind.simulator.market.tape import Tape
from unwind.simulator.server import Simulator


@pytest.fixture(scope="session")
def tape() -> Tape:
    return default_tape()


@pytest.fixture(scope="session")
def shared_server(tape: Tape) -> Iterator[Simulator]:
    with Simulator(tape) as running:
        yield running


@pytest.fixture
def server(shared_server: Simulator, tape: Tape) -> Iterator[Simulator]:
    """The shared server, healthy and at the tape's end."""
    shared_server.now_ms = tape.end_ms
    shared_server.heal()
    yield shared_server
    shared_server.heal()
    shared_server.now_ms = tape.end_ms
