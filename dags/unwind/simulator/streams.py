"""Open WebSocket connections: what waits to be sent on each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from unwind.simulator.exchanges import Subscriber, WireStream, venues
from unwind.simulator.market import Tape

# A client may ask for a beat at any time; this often it is looked whether it has.
UNASKED_SECONDS = 0.5
STREAMS = {stream.connection: stream for venue in venues().values() for stream in venue.streams}


@dataclass(eq=False)
class OpenStream:
    """One open connection: its subscriptions, and the texts that wait for it (None closes it)."""

    stream: WireStream
    subscriber: Subscriber
    waiting: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)

    def greet(self, tape: Tape, now_ms: int, query: str) -> None:
        """Queue what the venue says first; the URL may subscribe already."""
        for text in self.stream.opened(self.subscriber, tape, now_ms, query):
            if not self.subscriber.deaf:
                self.waiting.put_nowait(text)

    def push(self, tape: Tape, from_ms: int, to_ms: int) -> None:
        """Queue what the venue pushed to these subscriptions in [from, to)."""
        who = self.subscriber
        if who.deaf or not (who.everything or who.symbols):
            return
        wanted = None if who.everything else frozenset(who.symbols)
        for _, text in self.stream.frames(tape, from_ms, to_ms, wanted):
            self.waiting.put_nowait(who.wrap(text) if who.wrap else text)

    def hear(self, tape: Tape, now_ms: int, text: str) -> None:
        """Queue what the venue answers to a text that the client sent."""
        if self.subscriber.deaf:
            return
        for reply in self.stream.replies(self.subscriber, tape, now_ms, text):
            self.waiting.put_nowait(reply)

    async def beat(self, now_ms: Callable[[], int]) -> None:
        """Queue what the venue sends by itself; ends when it has closed an unanswering client's."""
        who = self.subscriber
        while True:
            beat = who.beat
            await asyncio.sleep(beat.seconds if beat else UNASKED_SECONDS)
            if beat is None or beat is not who.beat or who.deaf:
                continue
            if who.unanswered == beat.unanswered:
                self.waiting.put_nowait(None)
                return
            who.unanswered += 1
            self.waiting.put_nowait(beat.text(now_ms()))

    async def next_sent(self) -> str | bytes | None:
        """What is to be sent next, packed as the venue packs it; None: the stream ends."""
        text = await self.waiting.get()
        return text if text is None or self.stream.pack is None else self.stream.pack(text)
