"""How long work says how far it has come."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with what is being done, and how much of how much is done of it."""

    def __call__(self, phase: str, done: int, total: int, /) -> None: ...


def no_progress(phase: str, done: int, total: int, /) -> None:
    """Reports to nobody."""
