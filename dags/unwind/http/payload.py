"""The body of a response: its JSON, and the rows in it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

# The keys and indices that lead to a value inside of parsed JSON.
JsonPath = Sequence[str | int]


def parse(payload: bytearray) -> tuple[Any, str | None]:
    """The JSON in a body, or what is wrong with it."""
    if not payload.strip():
        return None, "had an empty body"
    try:
        return json.loads(payload), None
    except (ValueError, RecursionError):
        return None, "was HTML" if payload.lstrip()[:1] == b"<" else "was no JSON"


def wrong_shape(parsed: Any, rows: JsonPath | None) -> str | None:
    """The error of a response that has no list where its rows should be; None if it has."""
    if rows is None:
        return None if isinstance(parsed, dict | list) else "held neither an object nor a list"
    if isinstance(value_at(parsed, rows), list):
        return None
    return f"held no list at {'.'.join(map(str, rows))}" if rows else "was no list"


def value_at(parsed: Any, where: JsonPath) -> Any:
    """The value at these keys and indices; None if there is none."""
    for step in where:
        try:
            parsed = parsed[step]
        except (KeyError, IndexError, TypeError):
            return None
    return parsed


def code_of(parsed: Any, where: JsonPath) -> str | None:
    """The code of an answer as text; None where it has none."""
    if not where:
        return None
    code = value_at(parsed, where)
    return str(code) if isinstance(code, str | int) else None


def message_of(parsed: Any) -> str:
    """The venue's own words on an error."""
    if not isinstance(parsed, dict):
        return ""
    for name in ("msg", "retMsg", "message", "error"):
        words = parsed.get(name)
        if isinstance(words, str) and words not in ("", "OK"):
            return words
    return ""
