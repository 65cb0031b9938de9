"""All classes that an exchange's file is made of, under one name: `kit.Api`, `kit.Push`, ..."""

from unwind.simulator.endpoints import (
    Api,
    Call,
    Endpoint,
    History,
    Limit,
    Moment,
    Named,
    NotListedError,
    Quote,
    RefusedError,
    Snapshot,
    Window,
)
from unwind.simulator.exchange import (
    Exchange,
    ExchangeStream,
    Heartbeat,
    Push,
    Subscriber,
    Trading,
)
from unwind.simulator.market.scenario import Asset, Instrument, PublicationRule
from unwind.simulator.market.tape import Liquidation, Tape
from unwind.simulator.responses import Request, Response

__all__ = [
    "Api", "Asset", "Call", "Endpoint", "Exchange", "ExchangeStream", "Heartbeat", "History",
    "Instrument", "Limit", "Liquidation", "Moment", "Named", "NotListedError", "PublicationRule",
    "Push", "Quote", "RefusedError", "Request", "Response", "Snapshot", "Subscriber", "Tape",
    "Trading", "Window",
]  # fmt: skip
