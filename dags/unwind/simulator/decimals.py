"""Exact decimal text, as venues write prices and quantities."""

from __future__ import annotations


def fixed(value: float, decimals: int) -> str:
    """Decimal text with exactly this many decimals."""
    return f"{value:.{max(decimals, 0)}f}"


def stepped(steps: int, decimals: int) -> str:
    """Exact decimal text of whole steps of 10^-decimals, without trailing zeros."""
    if decimals <= 0:
        return str(steps * 10**-decimals)
    whole, part = divmod(steps, 10**decimals)
    fraction = str(part).zfill(decimals).rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def padded(steps: int, decimals: int) -> str:
    """Exact decimal text of whole steps of 10^-decimals, with all its decimals."""
    if decimals <= 0:
        return str(steps)
    whole, part = divmod(steps, 10**decimals)
    return f"{whole}.{str(part).zfill(decimals)}"
