"""The order of releases, which is the order of publishing."""

from __future__ import annotations

import re
from datetime import UTC, datetime

RELEASE_ID = re.compile(r"\d{8}T\d{6}Z-\d{2,}")


def order_of(release_id: str) -> tuple[str, int]:
    """The place of a release among others: by instant, then by number (100 after 99)."""
    stem, _, number = release_id.partition("-")
    return stem, int(number) if number.isdecimal() else -1


def is_release_id(name: str) -> bool:
    """Whether a folder's name is one that releases get; other folders are not ours to delete."""
    try:
        return RELEASE_ID.fullmatch(name) is not None and published_at(name) is not None
    except ValueError:
        return False


def published_at(release_id: str) -> datetime:
    """The second in which a release was published. Raises ValueError for another name."""
    return datetime.strptime(order_of(release_id)[0], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
