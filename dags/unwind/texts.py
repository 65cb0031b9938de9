"""External texts in a form that the warehouse can store."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

# 2026-11-28: at difflib's own 0.6, TRUMP is close to ethereum; a letter too many or two swapped
# ones are at 0.75 and above.
MIN_ALIKE = 0.75
# Fewer letters begin too many names.
MIN_PREFIX = 3


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that was probably meant, capitals aside; None where none is close."""
    folded = {one.casefold(): one for one in sorted(known, reverse=True)}
    asked = name.casefold()
    if asked in folded:
        return folded[asked]
    longer = [one for one in folded if one.startswith(asked)] if len(asked) >= MIN_PREFIX else []
    close = get_close_matches(asked, folded, 1, MIN_ALIKE) or sorted(longer, key=len)
    return folded[close[0]] if close else None


def some(names: Iterable[object], most: int = 20) -> str:
    """Names with commas between them, and how many more there are; `none` where there is none."""
    listed = [str(name) for name in names]
    more = f" and {len(listed) - most} more" if len(listed) > most else ""
    return (", ".join(listed[:most]) or "none") + more


def as_utf8(text: str) -> str:
    """The text with characters that UTF-8 cannot encode escaped, such as `\\udcff`.

    They come from file names that are not UTF-8 and from responses with an escaped lone surrogate;
    databases reject them, and printing them raises.
    """
    return text.encode("utf-8", "backslashreplace").decode()
