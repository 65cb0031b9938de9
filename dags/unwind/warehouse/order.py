"""The order of releases, which is the order of publishing."""

from __future__ import annotations


def order_of(release_id: str) -> tuple[str, int]:
    """The place of a release among others: by instant, then by number (100 after 99)."""
    stem, _, number = release_id.partition("-")
    return stem, int(number) if number.isdecimal() else -1
