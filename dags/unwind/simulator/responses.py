"""What every venue's wire module shares: requests, answers, and exact decimal text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

_ENCODER = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)
JSON_TYPE = "application/json; charset=utf-8"


@dataclass(frozen=True)
class Request:
    """One HTTP request below a connection's prefix.

    `connection` is the connection id, such as `binance_um`. Names of headers are in lower case.
    """

    connection: str
    method: str
    path: str
    params: Mapping[str, str]
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    def integer(self, name: str, default: int | None = None) -> int | None:
        """The parameter as a whole number, or the default when it is absent or empty."""
        value = self.params.get(name, "")
        return int(value) if value else default


@dataclass(frozen=True)
class Answer:
    """One HTTP answer."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def json_text(value: Any) -> str:
    """Compact JSON, as venues send it."""
    return _ENCODER.encode(value)


def json_answer(value: Any, status: int = 200, **headers: str) -> Answer:
    """A JSON answer; header names are given with underscores."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Answer(status, json_text(value).encode(), {"content-type": JSON_TYPE} | named)


NO_SUCH_PATH = Answer(404, b'{"error":"not found"}', {"content-type": JSON_TYPE})


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that a client sent; empty if it is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


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
