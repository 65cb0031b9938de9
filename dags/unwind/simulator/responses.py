"""HTTP requests to simulated exchanges, and their responses."""

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


@dataclass(frozen=True)
class Response:
    """One HTTP response."""

    status: int
    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


def json_text(value: Any) -> str:
    """Compact JSON, as venues send it."""
    return _ENCODER.encode(value)


def json_response(
    value: Any, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """A JSON response, with these headers beside its type."""
    named = {"content-type": JSON_TYPE, **(headers or {})}
    return Response(status, json_text(value).encode(), named)


def json_object(text: str) -> dict[str, Any]:
    """The JSON object that a client sent; empty if it sent something else."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
