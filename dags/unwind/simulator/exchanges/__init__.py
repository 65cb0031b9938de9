"""The simulated exchanges: one file each, discovered in this package.

A file defines `EXCHANGE`: a venue's contracts, its REST endpoints as tables of paths and rows (see
`endpoints`), its streams' frames, and its error responses. A new venue is a new file; nothing else
changes, because weights are relative. Nothing here is shared with the connectors or with staging: a
venue's semantics are implemented twice, and compared by tests.

A file takes what it publishes from the tape: `Quote` for a contract at an instant, `Liquidation`
for what was liquidated, `Push` for what one push of a stream carries.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping
from functools import cache

from unwind.simulator.exchange import Exchange
from unwind.simulator.market.tape import Tape
from unwind.simulator.responses import Request, Response


@cache
def exchanges() -> Mapping[str, Exchange]:
    """Every exchange by name: those with a stream first, each in order of names."""
    modules = [
        importlib.import_module(f"{__name__}.{module.name}")
        for module in pkgutil.iter_modules(__path__)
    ]
    found = [module.EXCHANGE for module in modules if hasattr(module, "EXCHANGE")]
    found.sort(key=lambda one: (not one.streams, one.name))
    return {one.name: one for one in found}


@cache
def exchange_of(connection: str) -> Exchange | None:
    """The exchange of a connection id."""
    return next((one for one in exchanges().values() if connection in one.connections), None)


def respond(tape: Tape, now_ms: int, request: Request) -> Response:
    """The response of the exchange whose connection is called, at an instant.

    KeyError for a connection that no exchange has; ValueError where a parameter is no number.
    """
    exchange = exchange_of(request.connection)
    if exchange is None:
        raise KeyError(request.connection)
    return exchange.apis[request.connection](tape, now_ms, exchange.name, request)
