"""External texts in a form that the warehouse can store."""

from __future__ import annotations


def as_utf8(text: str) -> str:
    """The text with characters that UTF-8 cannot encode escaped, such as `\\udcff`.

    They come from file names that are not UTF-8 and from responses with an escaped lone surrogate;
    databases reject them, and printing them raises.
    """
    return text.encode("utf-8", "backslashreplace").decode()
