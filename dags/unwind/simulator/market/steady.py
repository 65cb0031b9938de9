"""Units of time, and numbers that look random and are the same in every run."""

from __future__ import annotations

import zlib
from datetime import UTC, datetime

import numpy as np
from numpy.typing import NDArray

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
_WORD = 2**64 - 1


def epoch_ms(at: datetime) -> int:
    """Epoch milliseconds of an aware instant."""
    return round(at.timestamp() * 1000)


def instant(at_ms: int) -> datetime:
    """The aware UTC instant of epoch milliseconds."""
    seconds, millis = divmod(int(at_ms), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=millis * 1000)


def jitter(key: NDArray[np.int64] | int, low: int, high: int, salt: int = 0) -> NDArray[np.int64]:
    """A fixed pseudo-random integer in [low, high] for each key (splitmix64)."""
    with np.errstate(over="ignore"):
        mixed = np.asarray(key).astype(np.uint64) + np.uint64(salt * 0x9E3779B97F4A7C15 & _WORD)
        mixed = mixed + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        mixed = mixed ^ (mixed >> np.uint64(31))
    return np.asarray(mixed % np.uint64(high - low + 1)).astype(np.int64) + low


def steady(*key: int | str) -> float:
    """A fixed pseudo-random number in [0, 1) for a key."""
    mixed = zlib.crc32(repr(key).encode()) * 0x9E3779B97F4A7C15 & _WORD
    mixed = (mixed ^ (mixed >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    mixed = (mixed ^ (mixed >> 27)) * 0x94D049BB133111EB & _WORD
    return ((mixed ^ (mixed >> 31)) >> 11) / (1 << 53)


def generator(seed: int, name: str) -> np.random.Generator:
    """A named source of random numbers: what one draws does not move another."""
    return np.random.Generator(np.random.PCG64([seed, zlib.crc32(name.encode())]))
