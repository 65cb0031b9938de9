"""Expected facts of each venue's messages: one file per venue, discovered in this folder.

A file defines CASES, a `VenueCases`: recorded or documented messages with values worked out by
hand. `test_conformance` runs them, and variants of them, through the raw zone, staging and facts.
"""

from __future__ import annotations

import importlib
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

RECEIVED_AT = "2026-06-30T12:00:01.000000Z"


@dataclass(frozen=True)
class Liquidation:
    """One fact; numbers as decimal text, times as UTC text, assets normalised.

    `published_at` is empty where no message states when the venue published it.
    """

    instrument: str
    base_asset: str
    liquidated_side: str
    quantity_base: str
    price_usd: str
    notional_usd: str
    event_at: str
    price_kind: str
    event_kind: str = "liquidation"
    published_at: str = ""


@dataclass(frozen=True)
class Message:
    """A message, its source (a recording or a page), and the facts it becomes.

    `payload` is a frame or a response body as the venue sends it (parsed JSON, or text);
    `becomes` is empty for messages without a liquidation, which are not quarantined either.
    With `url`, it is the response to that request with `params`; with `format`, the payload is a
    line in that file format of `unwind import`.
    """

    name: str
    source: str
    payload: Any
    becomes: tuple[Liquidation, ...] = ()
    url: str = ""
    params: Mapping[str, Any] | None = None
    format: str = ""

    @property
    def import_format(self) -> str:
        return self.format or ("rest" if self.url else "frames")

    def line(self, received_at: str = RECEIVED_AT, payload: Any = None) -> str:
        """Its line in an imported file, with another payload if given."""
        sent = self.payload if payload is None else payload
        text = sent if isinstance(sent, str) else json.dumps(sent, ensure_ascii=False)
        if self.format:
            return text + "\n"
        envelope: dict[str, Any] = {"received_at": received_at}
        if self.url:
            asked = {"url": self.url, "params": dict(self.params or {}), "status": 200}
            envelope |= {"request": asked, "body": text}
        else:
            envelope |= {"frame": text}
        return json.dumps(envelope, ensure_ascii=False) + "\n"


@dataclass(frozen=True)
class Observation:
    """A response with market context, and the row that it becomes.

    `table` is a mart (fct_open_interest, fct_funding, fct_prices, fct_long_short_ratio,
    dim_instruments); `row` has columns and their values, the key included.
    """

    name: str
    source: str
    url: str
    payload: Any
    table: str
    row: Mapping[str, Any]
    params: Mapping[str, Any] | None = None
    received_at: str = RECEIVED_AT

    def line(self) -> str:
        """Its line in an imported file of responses."""
        message = Message(self.name, self.source, self.payload, url=self.url, params=self.params)
        return message.line(self.received_at)


@dataclass(frozen=True)
class VenueCases:
    """A venue's messages. `row_at` is the path (keys and positions) to a row in the payload of
    `long`; without any one of the `required` keys or positions that row must be quarantined.
    """

    venue: str
    long: Message
    short: Message
    non_events: tuple[Message, ...]
    row_at: tuple[str | int, ...]
    required: tuple[str | int, ...]
    others: tuple[Message, ...] = ()
    context: tuple[Observation, ...] = ()

    @property
    def messages(self) -> tuple[Message, ...]:
        return (self.long, self.short, *self.non_events, *self.others)


def all_cases() -> dict[str, VenueCases]:
    """Every venue's cases, sorted by name."""
    found = (
        importlib.import_module(f"{__name__}.{module.name}").CASES
        for module in pkgutil.iter_modules(__path__)
    )
    return {cases.venue: cases for cases in sorted(found, key=lambda cases: cases.venue)}
