"""The requests for one dataset and every response, verbatim."""

from __future__ import annotations

import base64
import codecs
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

from unwind.connections import Endpoint

# A multiple of three, so that each part is base64 by itself.
PART_BYTES = 3 * 2**18


@dataclass(frozen=True)
class Request:
    """One request; `where` is its full URL without the query, safe to record."""

    connection: str
    method: str
    where: str
    params: Mapping[str, Any]
    body: Any = None
    cost: float = 1.0
    path: str = ""
    endpoint: Endpoint = field(default_factory=lambda: Endpoint("", ""))

    @property
    def url(self) -> str:
        """As sent. A percent sign stays as it is: some cursors come already encoded."""
        bare = self.endpoint.url + self.path
        asked = f"{bare}?{urlencode(self.params, safe='%/')}" if self.params else bare
        return self.endpoint.with_query(asked)

    def __str__(self) -> str:
        asked = ", ".join(f"{key}={value}" for key, value in self.params.items())
        if self.body is not None:
            asked = json.dumps(self.body)
        return f"{self.method} {self.where}" + (f" ({asked})" if asked else "")


@dataclass(frozen=True)
class Response:
    """A usable response: the parsed JSON, and the rows in it."""

    json: Any
    rows: list[Any]


@dataclass(frozen=True)
class Download:
    """A complete file; `fault` is why it must not be used although it is kept."""

    url: str
    path: Path
    format: str
    sha256: str
    received_at: datetime
    fault: str | None = None


@dataclass
class FetchLog:
    """The outcome of fetching one dataset: its envelope lines, its files, and what failed.

    `lacks` names what usable responses leave out because the venue returns no more: nothing failed,
    yet the hour is covered only in part.
    """

    path: Path
    lines: int = 0
    payload_bytes: int = 0
    requests: int = 0
    usable: int = 0
    absent: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    downloads: list[Download] = field(default_factory=list)

    def write(self, envelope: Mapping[str, Any], payload: bytes | bytearray) -> None:
        """Adds one envelope line; the payload becomes its `body`, part by part.

        Bytes that are not UTF-8 become \\xNN, and `body_base64` has the original.
        """
        head = json.dumps(envelope, separators=(",", ":"))
        # ASCII only: no reader can then mistake a character of the body for a line end.
        with self.path.open("a", encoding="ascii") as sink:
            sink.write(f'{head[:-1]},"body":"')
            is_text = _is_utf8(payload)
            for text in _decoded(payload, "strict" if is_text else "backslashreplace"):
                sink.write(json.dumps(text)[1:-1])
            if not is_text:
                sink.write('","body_base64":"')
                for at in range(0, len(payload), PART_BYTES):
                    sink.write(base64.b64encode(payload[at : at + PART_BYTES]).decode("ascii"))
            sink.write('"}\n')
        self.lines += 1
        self.payload_bytes += len(payload)


def usable_responses(lines: Iterable[str | bytes]) -> Iterator[tuple[Request, Any]]:
    """The parsed bodies of envelope lines that hold a usable answer."""
    for line in lines:
        envelope = json.loads(line)
        asked = envelope["request"]
        if asked["status"] != 200 or "fault" in asked:
            continue
        method = "POST" if "json" in asked else "GET"
        request = Request("", method, asked["url"], asked["params"], asked.get("json"))
        yield request, json.loads(envelope["body"])


def _decoded(payload: bytes | bytearray, errors: str) -> Iterator[str]:
    """The payload as text, in parts that fit into memory several times over."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors)
    for at in range(0, len(payload), PART_BYTES):
        yield decoder.decode(payload[at : at + PART_BYTES])
    yield decoder.decode(b"", final=True)


def _is_utf8(payload: bytes | bytearray) -> bool:
    try:
        for _ in _decoded(payload, "strict"):
            pass
    except UnicodeDecodeError:
        return False
    return True
