"""Asking a venue over HTTP, politely and on record.

Every answer is written verbatim, errors included, as one `rest` envelope line. What can be asked
again is (a bounded number of times, with back-off, jitter and the venue's own Retry-After); a venue
that blocks us is not asked again at all. A request that stays without a usable answer never raises:
it is counted in the dataset's transcript, so that one instrument costs only itself.
"""

from __future__ import annotations

import base64
import codecs
import email.utils
import hashlib
import http.client
import json
import logging
import math
import mmap
import random
import time
import zipfile
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import urlencode, urlsplit

import requests
import urllib3
from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.wait import wait_exponential_jitter

from unwind.clock import Clock, iso
from unwind.connections import Endpoint, connection_variable, without_userinfo
from unwind.connections import connection as connection_of
from unwind.http.bounded_transport import BoundedAdapter, cut_off_after

# At DEBUG it writes the URL of every request, with the connection's own query.
logging.getLogger("urllib3").setLevel(logging.INFO)

T = TypeVar("T")
Where = Sequence[str | int]
FaultKind = Literal["blocked", "throttled", "unreachable", "broken", "corrupt", "refused", "absent"]

# 2026-11-22: venues answer within a second; exchangeInfo (2 MB) within five on a slow line.
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
MAX_ANSWER_SECONDS, MAX_DOWNLOAD_SECONDS = 120.0, 3600.0
ATTEMPTS = 5
# All attempts of one request together, pauses included: no further one begins after this.
MAX_REQUEST_SECONDS = 180.0
# Whole bytes that do not match their checksum rarely change within seconds.
CORRUPT_ATTEMPTS = 2
# Pauses start here and double up to the ceiling, each with up to a second of jitter added.
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.5, 30.0
# A venue that asks for a longer rest than this is left alone for the rest of the landing.
LONGEST_REST_SECONDS = 60.0
MAX_STATED_REST_SECONDS = 1e10
# After so many requests in a row without a usable answer, the rest would fare no better.
FAILURES_IN_A_ROW = 5
# Others (the recorder, a second machine) share the address's budget with us.
PACE_SHARE = 0.8
MAX_PAGES = 200
# 2026-11-25: the largest answers seen are listings of some 10 MB, and pages of a bucket's listing
# of 300 kB. They are held in memory to be parsed; files of dumps are streamed to disk. The largest
# of these is an hour of Hyperliquid's fills, 45 MB.
MAX_ANSWER_BYTES = 24 * 2**20
MAX_TEXT_BYTES = 4 * 2**20
MAX_DOWNLOAD_BYTES = 2 * 2**30
# So much is kept of an answer that is too long to be used.
KEPT_OF_TOO_LONG_BYTES = 2**20
CHUNK_BYTES = 1 << 16
# A multiple of three, so that each part is base64 by itself.
PART_BYTES = 3 * 2**18
# So much is said of a venue's own words.
MESSAGE_CHARACTERS = 120
ECHOED_SECRET = "{venue} sent a secret of its connection back, which was struck out of its answer"
USER_AGENT = "unwind (open liquidation warehouse; public market data only)"


@dataclass(frozen=True)
class Connection:
    """A host of a venue; `AIRFLOW_CONN_<ID>` replaces it.

    Connections with equal `limits` share one rate budget and are blocked together. An empty
    `default_host` means that there is no public one. One that `follows` another goes with it when
    that one is replaced (a mirror serves its own listing). Where there is a `key_header`, the
    user's own key is sent in it: the connection's password, which is never on record.
    """

    default_host: str
    limits: str = "api"
    follows: str | None = None
    key_header: str | None = None


@dataclass(frozen=True)
class Signals:
    """How a venue says no. Codes are compared as text; header names in any case."""

    blocked_statuses: frozenset[int] = frozenset({403, 418, 451})
    throttled_statuses: frozenset[int] = frozenset({429})
    code_at: Where = ()
    ok_codes: frozenset[str] = frozenset()
    throttled_codes: frozenset[str] = frozenset()
    blocked_codes: frozenset[str] = frozenset()
    busy_codes: frozenset[str] = frozenset()
    # 'There is no such instrument' is an answer, not a failure.
    absent_codes: frozenset[str] = frozenset()
    used_header: str | None = None
    used_limit: int = 0
    remaining_header: str | None = None
    reset_at_header: str | None = None


@dataclass(frozen=True)
class Pace:
    """A documented limit: `budget` cost units in any `seconds`, for paths that start so."""

    path: str
    budget: float
    seconds: float


@dataclass(frozen=True)
class Request:
    """One question; `where` is its full URL without the query, as it may be written."""

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
class Answer:
    """A usable answer: the parsed JSON, and the rows in it."""

    json: Any
    rows: list[Any]


@dataclass(frozen=True)
class Download:
    """A file that came whole; `fault` says why it must not be used although it was kept."""

    url: str
    path: Path
    format: str
    sha256: str
    received_at: datetime
    fault: str | None = None


class UnusableAnswerError(Exception):
    """An answer that cannot be used, in one sentence; `rest_seconds` is what the venue asks for."""

    def __init__(self, kind: FaultKind, reason: str, rest_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.rest_seconds = rest_seconds

    @property
    def worth_another_try(self) -> bool:
        return self.kind in ("throttled", "unreachable", "broken", "corrupt")


class _Session(requests.Session):
    """Reads the environment's proxies and certificates once for each host.

    Read again for every request, they cost more than most answers do.
    """

    def __init__(self) -> None:
        super().__init__()
        self._of_host: dict[tuple[str, str], dict[str, Any]] = {}

    def merge_environment_settings(  # type: ignore[override]
        self, url: str, proxies: Any, stream: Any, verify: Any, cert: Any
    ) -> dict[str, Any]:
        """As `requests` does it; every request of a client gives the same arguments for a host."""
        parts = urlsplit(url)
        host = (parts.scheme, parts.netloc)
        if host not in self._of_host:
            self._of_host[host] = dict(
                super().merge_environment_settings(url, proxies, stream, verify, cert)
            )
        return dict(self._of_host[host])


class VenueStoppedError(Exception):
    """The venue is not to be asked any more: it blocks us, is down, or has taken all its time."""


@dataclass(frozen=True)
class Bounds:
    """How long one landing of a venue, and of each of its datasets, may take, and how much.

    Bytes are those of a dataset's answers and files together. 2026-11-25: the longest hour seen
    took four minutes (Bitfinex allows three questions a minute) and 100 MB.
    """

    venue_seconds: float = 45 * 60.0
    dataset_seconds: float = 30 * 60.0
    dataset_bytes: int = 4 * 2**30


HOUR_BOUNDS = Bounds()
# 2026-11-25: a day's dumps are up to 1,500 files, two requests each.
DAY_BOUNDS = Bounds(5 * 3600.0, 3 * 3600.0, 32 * 2**30)


@dataclass
class Transcript:
    """The outcome of asking for one dataset: its envelope lines, its files, and what failed.

    `lacks` says what usable answers leave out (the venue gives no more): nothing failed, and the
    hour is heard only in part.
    """

    path: Path
    lines: int = 0
    bytes: int = 0
    requests: int = 0
    usable: int = 0
    absent: int = 0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    lacks: list[str] = field(default_factory=list)
    downloads: list[Download] = field(default_factory=list)

    def write(self, envelope: Mapping[str, Any], payload: bytes | bytearray) -> None:
        """Adds one envelope line; the payload becomes its `body`, part by part.

        Bytes that are no UTF-8 show as \\xNN, and stand in `body_base64` as they came.
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
        self.bytes += len(payload)

    def answered_otherwise(self, note: str, since: int = 0) -> None:
        """The failures from the `since`-th on were made good: noted, and not held against."""
        self.notes += [f"{failure}; {note}" for failure in self.failures[since:][:1]]
        del self.failures[since:]


def usable_answers(lines: Iterable[str | bytes]) -> Iterator[tuple[Request, Any]]:
    """The parsed bodies of envelope lines that hold a usable answer."""
    for line in lines:
        envelope = json.loads(line)
        asked = envelope["request"]
        if asked["status"] != 200 or "fault" in asked:
            continue
        method = "POST" if "json" in asked else "GET"
        request = Request("", method, asked["url"], asked["params"], asked.get("json"))
        yield request, json.loads(envelope["body"])


class VenueApi:
    """One venue's HTTP interfaces during one landing.

    `sleep` and `monotonic` are injected so that waiting can be tested; both speak seconds.
    """

    def __init__(
        self,
        venue: str,
        connections: Mapping[str, Connection],
        signals: Signals,
        paces: Sequence[Pace],
        *,
        folder: Path,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        bounds: Bounds = HOUR_BOUNDS,
    ) -> None:
        self._venue = venue
        self._bounds = bounds
        self._ends_at = monotonic() + bounds.venue_seconds
        self._dataset_ends_at = self._ends_at
        self._connections = connections
        self._signals = signals
        self._paces = paces
        self._folder = folder
        self._clock = clock
        self._sleep = sleep
        self._monotonic = monotonic
        self._session = _Session()
        self._session.headers["User-Agent"] = USER_AGENT
        for scheme in ("http://", "https://"):
            self._session.mount(scheme, BoundedAdapter())
        self._spent: dict[tuple[str, Pace], deque[tuple[float, float]]] = {}
        self._stopped: dict[str, str] = {}
        self._failures_in_a_row: dict[str, int] = {}
        self._transcript: Transcript | None = None
        self._sent_at = monotonic()
        self._pause = wait_exponential_jitter(
            initial=FIRST_PAUSE_SECONDS, max=LONGEST_PAUSE_SECONDS, jitter=1.0
        )

    def close(self) -> None:
        """Closes the connections that are kept alive."""
        self._session.close()

    def now(self) -> datetime:
        """The instant that the landing's clock shows."""
        return self._clock()

    @contextmanager
    def recording(self, name: str) -> Iterator[Transcript]:
        """Until the end of the block, answers go to the transcript that it yields."""
        transcript = Transcript(self._folder / f"{name}.ndjson")
        transcript.path.touch()
        before, self._transcript = self._transcript, transcript
        self._dataset_ends_at = self._monotonic() + self._bounds.dataset_seconds
        try:
            yield transcript
        finally:
            self._transcript = before

    @property
    def transcript(self) -> Transcript:
        """Where answers go now; raises RuntimeError outside `recording`."""
        if self._transcript is None:
            raise RuntimeError("a venue was asked outside `recording`: its answer has no place")
        return self._transcript

    def endpoint(self, connection: str) -> Endpoint:
        """Where a connection leads; empty when nothing is configured and no public host exists."""
        known = self._connections[connection]
        own = connection_of(connection, known.default_host)
        if known.follows and own.url == known.default_host.rstrip("/"):
            followed = self._connections[known.follows].default_host.rstrip("/")
            replaced = connection_of(known.follows, followed)
            return own if replaced.url == followed else replaced
        return own

    def where(self, connection: str, path: str) -> str:
        """What a file below a connection is called on record."""
        return self.endpoint(connection).shown + path

    def struck_out(self, text: str) -> str:
        """A text with the secrets of all of the venue's connections struck out."""
        for endpoint in self._endpoints():
            text = endpoint.struck_out(text)
        return without_userinfo(text)

    def _endpoints(self) -> Iterator[Endpoint]:
        """Where all connections lead: one host may serve several, and know the secrets of all."""
        for connection in self._connections:
            with suppress(ValueError):
                yield self.endpoint(connection)

    # -- asking ---------------------------------------------------------------------------------

    def ask(
        self,
        connection: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        rows: Where | None = (),
        body: Any = None,
        cost: float = 1.0,
    ) -> Answer | None:
        """The venue's JSON answer, or None when there is none to be had (the transcript says why).

        `rows` is where in the answer a list must be (() = the answer itself, None = no list is
        needed); `body` makes it a POST; `cost` counts against the pace.
        Raises VenueStoppedError when the venue is not to be asked any more.
        """
        request = self._request(connection, path, params, body, cost)
        answer = self._persist(request, lambda: self._json_answer(request, rows))
        if answer is not None:
            self.transcript.usable += 1
        return answer

    def pages(
        self,
        connection: str,
        path: str,
        params: Mapping[str, Any],
        next_page: Callable[[Answer], Mapping[str, Any] | None],
        *,
        rows: Where = (),
        body: Callable[[Mapping[str, Any]], Any] | None = None,
        cost: float = 1.0,
    ) -> Iterator[Answer]:
        """Answers page by page; `next_page` gives the parameters to change, or None at the end.

        With `body` the parameters are turned into the body of a POST. A venue that hands out a page
        again is left at once, and any after MAX_PAGES; both are failures on record, since what
        would follow is missing.
        """
        asked: list[dict[str, Any]] = []
        seen: set[str] = set()
        current = dict(params)
        while True:
            if current in asked:
                self.left_at(path, params, "leads back to a page that it gave already")
                return
            if len(asked) == MAX_PAGES:
                self.left_at(path, params, f"goes on after {MAX_PAGES} pages")
                return
            asked.append(current)
            answer = self.ask(
                connection,
                path,
                None if body else current,
                rows=rows,
                body=body(current) if body else None,
                cost=cost,
            )
            if answer is None:
                return
            contents = hashlib.sha256(json.dumps(answer.rows).encode()).hexdigest()
            if answer.rows and contents in seen:
                self.left_at(path, params, "gives the same rows again and again")
                return
            seen.add(contents)
            yield answer
            try:
                change = next_page(answer)
            except (LookupError, TypeError, ValueError) as error:
                self.transcript.failures.append(
                    f"where the next page of {path} ({current}) of {self._venue} starts cannot be "
                    f"read ({type(error).__name__}: {error}); look at the kept answer"
                )
                return
            if change is None:
                return
            current = {**current, **change}

    def left_at(self, path: str, params: Mapping[str, Any], why: str) -> None:
        """Puts on record that a list was not followed to its end."""
        self.transcript.failures.append(
            f"{self._venue} {why} for {path} ({dict(params)}); what would follow was left, land "
            "again, or a shorter time"
        )

    def text(
        self, connection: str, path: str, params: Mapping[str, Any] | None = None
    ) -> str | None:
        """An answer that is no JSON (a listing, a checksum); None when it does not exist."""
        request = self._request(connection, path, params, None, 1.0)
        return self._persist(request, lambda: self._text_answer(request))

    def download(
        self, connection: str, path: str, *, format: str, sha256: str | None = None
    ) -> Download | None:
        """Streams a file to disk and adds it to the transcript; None when it does not exist.

        With `sha256` (of the file as published) other bytes are fetched again, and kept with a
        fault when they stay different; the same goes for a zip that cannot be read.
        """
        request = self._request(connection, path, None, None, 1.0)
        target = self._folder / f"{len(self.transcript.downloads):05d}-{Path(path).name}"
        download = self._persist(
            request, lambda: self._file_answer(request, target, format, sha256)
        )
        if download is None and target.exists() and target.stat().st_size:
            # It came, but not as published: what came is evidence.
            download = Download(
                request.where,
                target,
                format,
                _file_sha256(target),
                self._clock(),
                fault=self.transcript.failures[-1],
            )
            self.transcript.downloads.append(download)
            return download
        if download is not None:
            self.transcript.usable += 1
            self.transcript.downloads.append(download)
        return download

    # -- one request, tried several times -------------------------------------------------------

    def _request(
        self,
        connection: str,
        path: str,
        params: Mapping[str, Any] | None,
        body: Any,
        cost: float,
    ) -> Request:
        endpoint = self.endpoint(connection)
        if not endpoint.url:
            raise VenueStoppedError(
                f"{self._venue} has no public host for {connection}; set "
                f"{connection_variable(connection)} to a mirror to land it"
            )
        method = "GET" if body is None else "POST"
        where = endpoint.shown + path
        return Request(connection, method, where, dict(params or {}), body, cost, path, endpoint)

    def _persist(self, request: Request, attempt: Callable[[], T]) -> T | None:
        limits = self._connections[request.connection].limits
        if limits in self._stopped:
            raise VenueStoppedError(f"not asked any more, because {self._stopped[limits]}")
        self._check_bounds()
        until = self._monotonic() + MAX_REQUEST_SECONDS
        retrying = Retrying(
            stop=lambda state: (
                _enough(state) or self._monotonic() > until or self._seconds_left() <= 0
            ),
            wait=self._wait,
            retry=retry_if_exception(
                lambda error: isinstance(error, UnusableAnswerError) and error.worth_another_try
            ),
            sleep=self._sleep,
            reraise=True,
        )
        try:
            result = retrying(attempt)
        except UnusableAnswerError as fault:
            self._note(request, limits, fault)
            return None
        self._failures_in_a_row[limits] = 0
        return result

    def _seconds_left(self) -> float:
        return min(self._ends_at, self._dataset_ends_at) - self._monotonic()

    def _check_bounds(self, wait_seconds: float = 0.0) -> None:
        """Raises VenueStoppedError where a landing has taken all the time or space that it may."""
        now, bounds = self._monotonic() + wait_seconds, self._bounds
        if now >= self._ends_at:
            reached = f"the landing of {self._venue} may take {bounds.venue_seconds:,.0f} s"
        elif now >= self._dataset_ends_at:
            reached = f"one dataset's landing may take {bounds.dataset_seconds:,.0f} s"
        elif self.transcript.bytes >= bounds.dataset_bytes:
            reached = f"one dataset's answers may be {bounds.dataset_bytes:,} bytes long"
        else:
            return
        raise VenueStoppedError(
            f"{self._venue} was not asked any further: {reached}; what came is kept, land again"
        )

    def _wait(self, state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked_for = fault.rest_seconds if isinstance(fault, UnusableAnswerError) else None
        backing_off = self._pause(state)
        if asked_for is None:
            return backing_off
        # A little later than asked: clocks differ, and others wait for the same instant.
        return max(asked_for + random.uniform(0.0, 1.0), backing_off)

    def _note(self, request: Request, limits: str, fault: UnusableAnswerError) -> None:
        reason = self.struck_out(fault.reason)
        if fault.kind == "absent":
            self.transcript.absent += 1
            return
        self.transcript.failures.append(reason)
        if fault.kind in ("refused", "corrupt"):
            # The venue is well; it is this request or this file that is not.
            return
        in_a_row = self._failures_in_a_row.get(limits, 0) + 1
        self._failures_in_a_row[limits] = in_a_row
        if fault.kind == "broken" and in_a_row < FAILURES_IN_A_ROW:
            return
        self._stopped[limits] = reason
        raise VenueStoppedError(reason)

    # -- what an answer must be -----------------------------------------------------------------

    def _json_answer(self, request: Request, rows: Where | None) -> Answer:
        status, headers, payload, cut = self._body(request)
        parsed, fault = _parsed(payload)
        problem = self._refusal(request, status, headers, parsed)
        fault = cut or fault or _wrong_shape(parsed, rows)
        if problem is None and fault:
            problem = UnusableAnswerError("broken", self._sentence(request, fault))
        self._record(request, status, payload, problem)
        if problem:
            raise problem
        self._heed_budget(headers)
        return Answer(parsed, [] if rows is None else _at(parsed, rows))

    def _text_answer(self, request: Request) -> str:
        status, headers, payload, cut = self._body(request, MAX_TEXT_BYTES)
        problem = self._refusal(request, status, headers, a_file=True)
        if problem is None and (cut or not payload):
            problem = UnusableAnswerError(
                "broken", self._sentence(request, cut or "had an empty body")
            )
        self._record(request, status, payload, problem)
        if problem:
            raise problem
        return payload.decode("utf-8", errors="replace")

    def _file_answer(
        self, request: Request, target: Path, format: str, sha256: str | None
    ) -> Download:
        target.unlink(missing_ok=True)
        with self._sent(request, {"Accept-Encoding": "identity"}) as response:
            if response.status_code != 200:
                payload, _ = self._read(response, MAX_ANSWER_SECONDS, MAX_ANSWER_BYTES)
                problem = self._refusal(
                    request, response.status_code, response.headers, a_file=True
                )
                self._record(request, response.status_code, payload, problem)
                raise problem or UnusableAnswerError(
                    "broken", self._sentence(request, "gave no file")
                )
            with target.open("wb") as sink:
                cut = self._stream(
                    response, sink.write, MAX_DOWNLOAD_SECONDS, MAX_DOWNLOAD_BYTES, decode=False
                )
        if any(_holds_any(target, endpoint.secrets) for endpoint in self._endpoints()):
            target.unlink()
            fault = "holds a secret of its connection and was not kept"
            raise UnusableAnswerError("refused", self._sentence(request, fault, attempts=1))
        found = _file_sha256(target)
        self.transcript.bytes += target.stat().st_size
        if cut or not target.stat().st_size:
            fault = cut or "had an empty body"
            raise UnusableAnswerError("broken", self._sentence(request, fault))
        if sha256 and found != sha256.lower():
            fault = f"does not match its published checksum ({found[:12]} instead of {sha256[:12]})"
            raise UnusableAnswerError("corrupt", self._sentence(request, fault, CORRUPT_ATTEMPTS))
        if format in ZIPPED_FORMATS and not zipfile.is_zipfile(target):
            fault = "is no readable zip"
            raise UnusableAnswerError("corrupt", self._sentence(request, fault, CORRUPT_ATTEMPTS))
        return Download(request.where, target, format, found, self._clock())

    def _refusal(
        self,
        request: Request,
        status: int,
        headers: Mapping[str, str],
        parsed: Any = None,
        *,
        a_file: bool = False,
    ) -> UnusableAnswerError | None:
        """The venue's no, by status first and then by the code inside the body.

        A file that is not there (404) is an answer; an endpoint that is not there is a failure.
        """
        signals = self._signals
        rest = _rest_seconds(headers.get("Retry-After"), self._clock())
        code = _code(parsed, signals.code_at)
        said = f"HTTP {status}" + (
            f", code {code}" if code not in (None, *signals.ok_codes) else ""
        )
        # Struck out before it is cut: half a secret would not be found.
        message = self.struck_out(_message(parsed))[:MESSAGE_CHARACTERS]
        said += f" ({message})" if message else ""
        if status in signals.blocked_statuses or code in signals.blocked_codes:
            return UnusableAnswerError("blocked", self._blocked(request, said, code, status), rest)
        if status in signals.throttled_statuses or code in signals.throttled_codes:
            if rest is not None and rest > LONGEST_REST_SECONDS:
                return UnusableAnswerError("blocked", self._rest_is_long(request, said, rest), rest)
            advice = "too many requests; land again later, or track fewer instruments"
            return UnusableAnswerError("throttled", f"{self._said(request, said)}: {advice}", rest)
        if code in signals.absent_codes:
            return UnusableAnswerError("absent", self._said(request, said))
        if status >= 500 or code in signals.busy_codes:
            if rest is not None and rest > LONGEST_REST_SECONDS:
                return UnusableAnswerError("blocked", self._rest_is_long(request, said, rest), rest)
            advice = "the venue is in trouble; land again later"
            return UnusableAnswerError("broken", f"{self._said(request, said)}: {advice}", rest)
        if status == 404 and a_file:
            return UnusableAnswerError("absent", self._said(request, said))
        if status != 200 or (
            code is not None and signals.ok_codes and code not in signals.ok_codes
        ):
            advice = "it does not take the request; check the endpoint and the instrument"
            return UnusableAnswerError("refused", f"{self._said(request, said)}: {advice}")
        return None

    def _said(self, request: Request, said: str) -> str:
        return f"{self._venue} answered {said} to {request}"

    def _rest_is_long(self, request: Request, said: str, rest: float) -> str:
        how_long = f"{rest:.0f} s" if rest < 1e9 else "years"
        return (
            f"{self._said(request, said)}: it asks for a rest of {how_long}; land again after that"
        )

    def _sentence(self, request: Request, fault: str, attempts: int = ATTEMPTS) -> str:
        return (
            f"the answer of {self._venue} to {request} {fault}, {attempts} times; "
            "land again, and if it stays look at the kept body in the raw zone"
        )

    def _blocked(self, request: Request, said: str, code: str | None, status: int) -> str:
        variable = connection_variable(request.connection)
        advices = {
            "401": f"the key is not accepted; set it anew as the password of {variable}",
            "418": "the address is banned for a while; land again when the ban is over",
            "451": "the venue does not serve this region; reach it through a mirror "
            f"({variable}) or leave it out",
        }
        otherwise = "access is denied for now or for this region; land again in ten minutes"
        advice = advices.get(str(status), advices.get(code or "", otherwise))
        return f"{self._said(request, said)} and was not asked again: {advice}"

    # -- the wire -------------------------------------------------------------------------------

    @contextmanager
    def _sent(
        self, request: Request, headers: Mapping[str, str] | None = None
    ) -> Iterator[requests.Response]:
        self._keep_pace(request)
        self._sent_at = self._monotonic()
        self.transcript.requests += 1
        key_header = self._connections[request.connection].key_header
        endpoint = request.endpoint
        key = {key_header: endpoint.password} if key_header else endpoint.authorization
        try:
            response = self._session.request(
                request.method,
                request.url,
                json=request.body,
                headers={**(headers or {}), **key},
                stream=True,
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,
                # A loopback server is never behind the environment's proxy.
                proxies={"http": None, "https": None} if _is_loopback(request.where) else None,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            # Without its cause, whose text quotes the URL with all that is in it.
            raise UnusableAnswerError(
                "unreachable",
                f"{self._venue} did not answer {request} ({type(error).__name__}); check the "
                "network and the venue's status page, then land again",
            ) from None
        with response:
            yield response

    def _body(
        self, request: Request, limit: int = MAX_ANSWER_BYTES
    ) -> tuple[int, Mapping[str, str], bytearray, str | None]:
        with self._sent(request) as response:
            payload, cut = self._read(response, MAX_ANSWER_SECONDS, limit)
            return response.status_code, response.headers, payload, cut

    def _read(
        self, response: requests.Response, seconds: float, limit: int
    ) -> tuple[bytearray, str | None]:
        received = bytearray()
        cut = self._stream(response, received.extend, seconds, limit, decode=True)
        if len(received) > limit:
            del received[KEPT_OF_TOO_LONG_BYTES:]
        return received, cut

    def _stream(
        self,
        response: requests.Response,
        write: Callable[[bytes], Any],
        seconds: float,
        limit: int,
        *,
        decode: bool,
    ) -> str | None:
        """Passes the body on as it comes; what cut it short, if anything did."""
        seconds = min(seconds, self._sent_at - self._monotonic() + self._seconds_left())
        until = self._sent_at + seconds
        too_slow = f"took longer than {seconds:.0f} s"
        size = 0
        left = max(until - self._monotonic(), 0.0)
        with cut_off_after(response.raw, left) as is_late:
            try:
                while chunk := response.raw.read1(CHUNK_BYTES, decode_content=decode):
                    write(chunk)
                    size += len(chunk)
                    if size > limit:
                        return f"was longer than {limit:,} bytes"
                    if self._monotonic() > until:
                        return too_slow
            except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError):
                return too_slow if is_late.is_set() else f"broke off after {size:,} bytes"
        return too_slow if is_late.is_set() else None

    def _record(
        self,
        request: Request,
        status: int,
        payload: bytes | bytearray,
        fault: UnusableAnswerError | None,
    ) -> None:
        asked: dict[str, Any] = {
            "url": request.where,
            "params": {key: str(value) for key, value in request.params.items()},
            "status": status,
        }
        if request.body is not None:
            asked["json"] = request.body
        if fault is not None:
            asked["fault"] = fault.kind
        envelope: dict[str, Any] = {"received_at": iso(self._clock()), "request": asked}
        shown = payload
        for endpoint in self._endpoints():
            shown = endpoint.struck_out_bytes(shown)
        if shown is not payload:
            asked["struck_out"] = True
            payload = shown
            if fault is None:
                self.transcript.notes.append(ECHOED_SECRET.format(venue=self._venue))
        self.transcript.write(envelope, payload)

    # -- not asking too much --------------------------------------------------------------------

    def _keep_pace(self, request: Request) -> None:
        if _is_loopback(request.where):
            return
        pace = next((one for one in self._paces if request.path.startswith(one.path)), None)
        if pace is None:
            return
        limits = self._connections[request.connection].limits
        spent = self._spent.setdefault((limits, pace), deque())
        wait = pace_wait_seconds(spent, pace, request.cost, self._monotonic())
        if wait > 0:
            self._check_bounds(wait)
            self._sleep(wait)
        spent.append((self._monotonic(), request.cost))

    def _heed_budget(self, headers: Mapping[str, str]) -> None:
        """Rests when the venue's own headers say that its budget is nearly used up."""
        signals, now = self._signals, self._clock()
        used = _number(headers.get(signals.used_header or ""))
        if used is not None and used >= PACE_SHARE * signals.used_limit:
            next_minute = (now + timedelta(minutes=1)).replace(second=0, microsecond=0)
            self._sleep((next_minute - now).total_seconds())
        remaining = _number(headers.get(signals.remaining_header or ""))
        reset = _number(headers.get(signals.reset_at_header or ""))
        if remaining is not None and remaining < 1 and reset is not None:
            reset_at_seconds = reset / 1000 if reset > 1e11 else reset
            rest = reset_at_seconds - now.timestamp()
            self._sleep(min(max(rest, 0.0), LONGEST_REST_SECONDS))


# Kept as they came; the raw zone unpacks them.
ZIPPED_FORMATS = frozenset({"liquidation-snapshot", "metrics-csv", "funding-csv", "klines-csv"})


def _enough(state: RetryCallState) -> bool:
    """Whether a request has been tried often enough."""
    fault = state.outcome.exception() if state.outcome else None
    corrupt = isinstance(fault, UnusableAnswerError) and fault.kind == "corrupt"
    return state.attempt_number >= (CORRUPT_ATTEMPTS if corrupt else ATTEMPTS)


def pace_wait_seconds(
    spent: deque[tuple[float, float]], pace: Pace, cost: float, now: float
) -> float:
    """How long to wait until `cost` fits the pace; forgets what is older than its window."""
    while spent and spent[0][0] <= now - pace.seconds:
        spent.popleft()
    allowed = pace.budget * PACE_SHARE
    used = sum(part for _, part in spent)
    wait = 0.0
    for at, part in spent:
        if used + cost <= allowed:
            break
        used -= part
        wait = at + pace.seconds - now
    return wait


def _parsed(payload: bytearray) -> tuple[Any, str | None]:
    """The JSON in a body, or what is wrong with it."""
    if not payload.strip():
        return None, "had an empty body"
    try:
        return json.loads(payload), None
    except (ValueError, RecursionError):
        return None, "was HTML" if payload.lstrip()[:1] == b"<" else "was no JSON"


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


def _wrong_shape(parsed: Any, rows: Where | None) -> str | None:
    """What is wrong with an answer that holds no list where its rows should be."""
    if rows is None:
        return None if isinstance(parsed, dict | list) else "held neither an object nor a list"
    if isinstance(_at(parsed, rows), list):
        return None
    return f"held no list at {'.'.join(map(str, rows))}" if rows else "was no list"


def _at(parsed: Any, where: Where) -> Any:
    for step in where:
        try:
            parsed = parsed[step]
        except (KeyError, IndexError, TypeError):
            return None
    return parsed


def _code(parsed: Any, where: Where) -> str | None:
    if not where:
        return None
    code = _at(parsed, where)
    return str(code) if isinstance(code, str | int) else None


def _message(parsed: Any) -> str:
    """The venue's own words on an error."""
    if not isinstance(parsed, dict):
        return ""
    for name in ("msg", "retMsg", "message", "error"):
        if isinstance(parsed.get(name), str) and parsed[name] not in ("", "OK"):
            return parsed[name]
    return ""


def _rest_seconds(retry_after: str | None, now: datetime) -> float | None:
    """Retry-After as seconds from now, from either of its forms."""
    if not retry_after:
        return None
    with suppress(ValueError):
        seconds = float(retry_after)
        # A number without bound ('1e300', 'inf') is a rest without end; NaN asks for nothing.
        return None if math.isnan(seconds) else min(max(seconds, 0.0), MAX_STATED_REST_SECONDS)
    try:
        until = email.utils.parsedate_to_datetime(retry_after)
    except ValueError:
        return None
    until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
    return max((until - now).total_seconds(), 0.0)


def _number(text: str | None) -> float | None:
    try:
        value = float(text) if text else None
    except ValueError:
        return None
    return value if value is not None and value == value and abs(value) < 1e18 else None


def _is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in ("127.0.0.1", "localhost", "::1")


def _file_sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _holds_any(path: Path, secrets: Sequence[str]) -> bool:
    """Whether a file's bytes contain one of the texts."""
    if not secrets or not path.stat().st_size:
        return False
    with (
        path.open("rb") as stream,
        mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        return any(content.find(secret.encode()) >= 0 for secret in secrets)
