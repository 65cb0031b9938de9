"""Progress of long-running work."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Called with the current step, and how many of how many parts are done."""

    def __call__(self, phase: str, done: int, total: int, /) -> None: ...


def no_progress(phase: str, done: int, total: int, /) -> None:
    """Reports nothing."""
