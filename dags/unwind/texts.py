"""External texts in a form that the warehouse can store."""

from __future__ import annotations


def as_utf8(text: str) -> str:
    """The text with what cannot be written as UTF-8 shown as `\\udcff`.

    File names that are not UTF-8, and answers with an escaped lone surrogate, give such texts;
    no database takes them, and printing them raises.
    """
    return text.encode("utf-8", "backslashreplace").decode()
