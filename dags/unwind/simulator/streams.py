"""Open WebSocket connections, and the messages queued on each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from unwind.simulator.endpoints import Moment
from unwind.simulator.exchange import ExchangeStream, Subscriber, as_text
from unwind.simulator.exchanges import exchange_of, exchanges
from unwind.simulator.market.tape import Tape

# A client may request heartbeats at any time; the interval of checking whether it has.
NO_BEAT_SECONDS = 0.5
STREAMS = {stream.connection: stream for one in exchanges().values() for stream in one.streams}


@dataclass(eq=False)
class OpenStream:
    """One open connection: its subscriptions, and the texts that wait for it (None closes it)."""

    stream: ExchangeStream
    subscriber: Subscriber
    waiting: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    def _now(self, tape: Tape, now_ms: int) -> Moment:
        exchange = exchange_of(self.stream.connection)
        return Moment(tape, now_ms, exchange.name if exchange else "")

    def _send(self, messages: Iterable[Any]) -> None:
        for message in messages:
            self.waiting.put_nowait(as_text(message))

    def greet(self, tape: Tape, now_ms: int, query: str) -> None:
        """Queue the venue's greeting; the URL may subscribe already."""
        greeting = list(self.stream.opened(self.subscriber, self._now(tape, now_ms), query))
        if not self.subscriber.deaf:
            self._send(greeting)

    def push(self, tape: Tape, from_ms: int, to_ms: int) -> None:
        """Queue what the venue pushed to these subscriptions in [from, to)."""
        who = self.subscriber
        if who.deaf or not (who.everything or who.symbols):
            return
        wanted = None if who.everything else frozenset(who.symbols)
        for _, text in self.stream.frames(tape, from_ms, to_ms, wanted):
            self.waiting.put_nowait(who.wrap(text) if who.wrap else text)

    def receive(self, tape: Tape, now_ms: int, text: str) -> None:
        """Queue the venue's replies to a text that the client sent."""
        if not self.subscriber.deaf:
            self._send(self.stream.replies(self.subscriber, self._now(tape, now_ms), text))

    async def beat(self, now_ms: Callable[[], int]) -> None:
        """Queue heartbeats; ends when the venue has closed the connection of a silent client."""
        who = self.subscriber
        while True:
            beat = who.beat
            await asyncio.sleep(beat.seconds if beat else NO_BEAT_SECONDS)
            if beat is None or beat is not who.beat or who.deaf:
                continue
            if who.unanswered == beat.unanswered:
                self.waiting.put_nowait(None)
                return
            who.unanswered += 1
            self.waiting.put_nowait(beat.text(now_ms()))

    async def next_sent(self) -> str | bytes | None:
        """The next message, packed as the venue does it; None ends the stream."""
        text = await self.waiting.get()
        return text if text is None or self.stream.pack is None else self.stream.pack(text)
