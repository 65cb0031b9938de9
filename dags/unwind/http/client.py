"""Requests to a venue over HTTP, within its limits and recorded.

Every response is written verbatim, errors included, as one `rest` envelope line. Retryable requests
are retried (a bounded number of times, with backoff, jitter and the venue's own Retry-After); a
venue that blocks us gets no further requests. A request without a usable response never raises: it
is counted in the dataset's fetch log, so that one instrument costs only itself.
"""

from __future__ import annotations

import hashlib
import json
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import requests
import urllib3

from unwind.clock import Clock, iso
from unwind.connections import Endpoint, connection_variable
from unwind.http.downloads import file_sha256, holds_any
from unwind.http.error_rules import ErrorRules, Refusals, UnusableResponseError, VenueStoppedError
from unwind.http.fetch_log import Download, FetchLog, Request, Response
from unwind.http.hosts import Connection, Hosts
from unwind.http.limits import HOUR_BOUNDS, Bounds, Deadlines, RateLimit, RateLimiter, stated_rests
from unwind.http.payload import JsonPath, parse, value_at, wrong_shape
from unwind.http.retries import ATTEMPTS, CORRUPT_ATTEMPTS, Retries
from unwind.http.session import Session, copy_body, is_loopback

T = TypeVar("T")

# 2026-11-22: venues answer within a second; exchangeInfo (2 MB) within five on a slow line.
CONNECT_SECONDS, READ_SECONDS = 5.0, 30.0
# A loopback server is never behind the environment's proxy.
NO_PROXIES: Any = {"http": None, "https": None}
MAX_RESPONSE_SECONDS, MAX_DOWNLOAD_SECONDS = 120.0, 3600.0
MAX_PAGES = 200
# 2026-11-25: the largest answers seen are listings of some 10 MB, and pages of a bucket's listing
# of 300 kB. They are held in memory to be parsed; files of dumps are streamed to disk. The largest
# of these is an hour of a venue's fills, 45 MB.
MAX_RESPONSE_BYTES = 24 * 2**20
MAX_TEXT_BYTES = 4 * 2**20
MAX_DOWNLOAD_BYTES = 2 * 2**30
# The part that is kept of a response that is too long to be used.
KEPT_OF_TOO_LONG_BYTES = 2**20
ECHOED_SECRET = "{venue} sent a secret of its connection back, which was struck out of its answer"  # noqa: S105


class VenueApi:
    """One venue's HTTP interfaces during one landing.

    `sleep` and `monotonic` are injected so that waiting can be tested; both are in seconds.
    """

    def __init__(
        self,
        venue: str,
        connections: Mapping[str, Connection],
        error_rules: ErrorRules,
        rate_limits: Sequence[RateLimit],
        *,
        folder: Path,
        clock: Clock,
        sleep: Callable[[float], None] = time.sleep,
        monotonic: Callable[[], float] = time.monotonic,
        bounds: Bounds = HOUR_BOUNDS,
    ) -> None:
        self._venue = venue
        self._deadlines = Deadlines(venue, bounds, monotonic)
        self._hosts = Hosts(connections)
        self._error_rules = error_rules
        self._folder = folder
        self._clock = clock
        self._sleep = sleep
        self._monotonic = monotonic
        self._session = Session()
        self._refusals = Refusals(venue, error_rules, self.redacted)
        self._rate_limiter = RateLimiter(rate_limits)
        self._retries = Retries(sleep, monotonic)
        self._fetch_log: FetchLog | None = None
        self._sent_at = monotonic()

    def close(self) -> None:
        """Closes the connections that are kept alive."""
        self._session.close()

    def now(self) -> datetime:
        """The instant that the landing's clock shows."""
        return self._clock()

    @contextmanager
    def recording(self, name: str) -> Iterator[FetchLog]:
        """Within the block, responses go to the yielded log."""
        fetch_log = FetchLog(self._folder / f"{name}.ndjson")
        fetch_log.path.touch()
        before, self._fetch_log = self._fetch_log, fetch_log
        self._deadlines.begin_dataset()
        try:
            yield fetch_log
        finally:
            self._fetch_log = before

    @property
    def fetch_log(self) -> FetchLog:
        """The current fetch log; raises RuntimeError outside `recording`."""
        if self._fetch_log is None:
            raise RuntimeError("a venue was asked outside `recording`: its answer has no place")
        return self._fetch_log

    # -- what a dataset records itself ----------------------------------------------------------

    @property
    def failure_count(self) -> int:
        """How many failures of the dataset are on record by now."""
        return len(self.fetch_log.failures)

    def record_failure(self, reason: str, once: bool = False) -> None:
        """Part of the dataset is unavailable; `once`: unless that is already recorded."""
        if not (once and reason in self.fetch_log.failures):
            self.fetch_log.failures.append(reason)

    def record_note(self, note: str) -> None:
        """A note for readers of the outcome, although nothing failed."""
        self.fetch_log.notes.append(note)

    def record_lack(self, lack: str) -> None:
        """Usable responses leave something out: the hour is covered only in part."""
        self.fetch_log.lacks.append(lack)

    def record_fallback(self, note: str, since: int = 0) -> None:
        """The failures from the `since`-th on were resolved: they are kept as notes."""
        failures = self.fetch_log.failures
        self.fetch_log.notes.extend(f"{failure}; {note}" for failure in failures[since:][:1])
        del failures[since:]

    # -- connections ----------------------------------------------------------------------------

    def endpoint(self, connection: str) -> Endpoint:
        """Where a connection leads; empty when nothing is configured and no public host exists."""
        return self._hosts.endpoint(connection)

    def where(self, connection: str, path: str) -> str:
        """The recorded name of a file below a connection."""
        return self.endpoint(connection).shown + path

    def redacted(self, text: str) -> str:
        """A text with the secrets of all of the venue's connections struck out."""
        return self._hosts.redacted(text)

    # -- requests -------------------------------------------------------------------------------

    def get(
        self,
        connection: str,
        path: str,
        params: Mapping[str, Any] | None = None,
        *,
        rows: JsonPath | None = (),
        body: Any = None,
        cost: float = 1.0,
    ) -> Response | None:
        """The venue's JSON response, or None if it could not be fetched (the fetch log states why).

        `rows` is where in the answer a list must be (() = the answer itself, None = no list is
        needed); `body` makes it a POST; `cost` counts against the pace.
        Raises VenueStoppedError when the venue is not to be asked any more.
        """
        request = self._request(connection, path, params, body, cost)
        response = self._persist(request, lambda: self._json_response(request, rows))
        if response is not None:
            self.fetch_log.usable += 1
        return response

    def paginate(
        self,
        connection: str,
        path: str,
        params: Mapping[str, Any],
        next_page: Callable[[Response], Mapping[str, Any] | None],
        *,
        rows: JsonPath = (),
        body: Callable[[Mapping[str, Any]], Any] | None = None,
        cost: float = 1.0,
    ) -> Iterator[Response]:
        """Responses page by page; `next_page` gives the parameters to change, or None at the end.

        With `body` the parameters are turned into the body of a POST. A venue that hands out a page
        again is left at once, and any after MAX_PAGES; both are failures on record, since what
        would follow is missing.
        """
        asked: list[dict[str, Any]] = []
        seen: set[str] = set()
        current = dict(params)
        while True:
            if current in asked:
                self.record_unfinished(path, params, "leads back to a page that it gave already")
                return
            if len(asked) == MAX_PAGES:
                self.record_unfinished(path, params, f"goes on after {MAX_PAGES} pages")
                return
            asked.append(current)
            response = self.get(
                connection,
                path,
                None if body else current,
                rows=rows,
                body=body(current) if body else None,
                cost=cost,
            )
            if response is None:
                return
            contents = hashlib.sha256(json.dumps(response.rows).encode()).hexdigest()
            if response.rows and contents in seen:
                self.record_unfinished(path, params, "gives the same rows again and again")
                return
            seen.add(contents)
            yield response
            try:
                change = next_page(response)
            except (LookupError, TypeError, ValueError) as error:
                self.record_failure(
                    f"where the next page of {path} ({current}) of {self._venue} starts cannot be "
                    f"read ({type(error).__name__}: {error}); look at the kept answer"
                )
                return
            if change is None:
                return
            current = {**current, **change}

    def record_unfinished(self, path: str, params: Mapping[str, Any], why: str) -> None:
        """Records that a list was not followed to its end."""
        self.record_failure(
            f"{self._venue} {why} for {path} ({dict(params)}); what would follow was left, land "
            "again, or a shorter time"
        )

    def text(
        self, connection: str, path: str, params: Mapping[str, Any] | None = None
    ) -> str | None:
        """An answer that is no JSON (a listing, a checksum); None when it does not exist."""
        request = self._request(connection, path, params, None, 1.0)
        return self._persist(request, lambda: self._text_response(request))

    def download(
        self,
        connection: str,
        path: str,
        *,
        format: str,
        sha256: str | None = None,
        is_zip: bool = False,
    ) -> Download | None:
        """Streams a file to disk and adds it to the fetch log; None when it does not exist.

        With `sha256` (of the file as published) other bytes are fetched again, and kept with a
        fault when they stay different; the same goes for what `is_zip` and cannot be read as one.
        """
        request = self._request(connection, path, None, None, 1.0)
        target = self._folder / f"{len(self.fetch_log.downloads):05d}-{Path(path).name}"
        download = self._persist(
            request, lambda: self._file_response(request, target, format, sha256, is_zip)
        )
        if download is None and target.exists() and target.stat().st_size:
            # Received, but not as published: the bytes are kept as evidence.
            download = Download(
                request.where,
                target,
                format,
                file_sha256(target),
                self._clock(),
                fault=self.fetch_log.failures[-1],
            )
            self.fetch_log.downloads.append(download)
            return download
        if download is not None:
            self.fetch_log.usable += 1
            self.fetch_log.downloads.append(download)
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
        budget = self._hosts[request.connection].limits
        self._retries.check(budget)
        self._deadlines.check(self.fetch_log.payload_bytes)
        try:
            return self._retries.persist(attempt, budget, self._deadlines.seconds_left)
        except UnusableResponseError as fault:
            if fault.kind == "absent":
                self.fetch_log.absent += 1
                return None
            reason = self.redacted(fault.reason)
            self.fetch_log.failures.append(reason)
            self._retries.count_failure(budget, fault, reason)
            return None

    # -- checks of a response -------------------------------------------------------------------

    def _json_response(self, request: Request, rows: JsonPath | None) -> Response:
        status, headers, payload, cut = self._body(request)
        parsed, fault = parse(payload)
        problem = self._refusals.refusal(request, status, headers, self._clock(), parsed)
        fault = cut or fault or wrong_shape(parsed, rows)
        if problem is None and fault:
            problem = UnusableResponseError("broken", self._sentence(request, fault))
        self._record(request, status, payload, problem)
        if problem:
            raise problem
        for seconds in stated_rests(self._error_rules, headers, self._clock()):
            self._sleep(seconds)
        return Response(parsed, [] if rows is None else value_at(parsed, rows))

    def _text_response(self, request: Request) -> str:
        status, headers, payload, cut = self._body(request, MAX_TEXT_BYTES)
        problem = self._refusals.refusal(request, status, headers, self._clock(), is_file=True)
        if problem is None and (cut or not payload):
            problem = UnusableResponseError(
                "broken", self._sentence(request, cut or "had an empty body")
            )
        self._record(request, status, payload, problem)
        if problem:
            raise problem
        return payload.decode("utf-8", errors="replace")

    def _file_response(
        self, request: Request, target: Path, format: str, sha256: str | None, is_zip: bool
    ) -> Download:
        target.unlink(missing_ok=True)
        with self._sent(request, {"Accept-Encoding": "identity"}) as response:
            if response.status_code != 200:
                payload, _ = self._read(response, MAX_RESPONSE_SECONDS, MAX_RESPONSE_BYTES)
                problem = self._refusals.refusal(
                    request, response.status_code, response.headers, self._clock(), is_file=True
                )
                self._record(request, response.status_code, payload, problem)
                raise problem or UnusableResponseError(
                    "broken", self._sentence(request, "gave no file")
                )
            with target.open("wb") as sink:
                cut = self._copied(
                    response, sink.write, MAX_DOWNLOAD_SECONDS, MAX_DOWNLOAD_BYTES, decode=False
                )
        if any(holds_any(target, endpoint.secrets) for endpoint in self._hosts.endpoints()):
            target.unlink()
            fault = "holds a secret of its connection and was not kept"
            raise UnusableResponseError("refused", self._sentence(request, fault, attempts=1))
        found = file_sha256(target)
        self.fetch_log.payload_bytes += target.stat().st_size
        if cut or not target.stat().st_size:
            fault = cut or "had an empty body"
            raise UnusableResponseError("broken", self._sentence(request, fault))
        if sha256 and found != sha256.lower():
            fault = f"does not match its published checksum ({found[:12]} instead of {sha256[:12]})"
            raise UnusableResponseError("corrupt", self._sentence(request, fault, CORRUPT_ATTEMPTS))
        if is_zip and not zipfile.is_zipfile(target):
            fault = "is no readable zip"
            raise UnusableResponseError("corrupt", self._sentence(request, fault, CORRUPT_ATTEMPTS))
        return Download(request.where, target, format, found, self._clock())

    def _sentence(self, request: Request, fault: str, attempts: int = ATTEMPTS) -> str:
        return (
            f"the answer of {self._venue} to {request} {fault}, {attempts} times; "
            "land again, and if it stays look at the kept body in the raw zone"
        )

    # -- the wire -------------------------------------------------------------------------------

    @contextmanager
    def _sent(
        self, request: Request, headers: Mapping[str, str] | None = None
    ) -> Iterator[requests.Response]:
        self._wait_for_rate_limit(request)
        self._sent_at = self._monotonic()
        self.fetch_log.requests += 1
        key_header = self._hosts[request.connection].key_header
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
                proxies=NO_PROXIES if is_loopback(request.where) else None,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            # Without its cause, whose text quotes the URL with all that is in it.
            raise UnusableResponseError(
                "unreachable",
                f"{self._venue} did not answer {request} ({type(error).__name__}); check the "
                "network and the venue's status page, then land again",
            ) from None
        with response:
            yield response

    def _body(
        self, request: Request, limit: int = MAX_RESPONSE_BYTES
    ) -> tuple[int, Mapping[str, str], bytearray, str | None]:
        with self._sent(request) as response:
            payload, cut = self._read(response, MAX_RESPONSE_SECONDS, limit)
            return response.status_code, response.headers, payload, cut

    def _read(
        self, response: requests.Response, seconds: float, limit: int
    ) -> tuple[bytearray, str | None]:
        received = bytearray()
        cut = self._copied(response, received.extend, seconds, limit, decode=True)
        if len(received) > limit:
            del received[KEPT_OF_TOO_LONG_BYTES:]
        return received, cut

    def _copied(
        self,
        response: requests.Response,
        write: Callable[[bytes], Any],
        seconds: float,
        limit: int,
        *,
        decode: bool,
    ) -> str | None:
        """Passes a body on as it arrives; returns the reason if it was cut short."""
        left = self._sent_at - self._monotonic() + self._deadlines.seconds_left()
        return copy_body(
            response,
            write,
            min(seconds, left),
            limit,
            sent_at=self._sent_at,
            decode=decode,
            monotonic=self._monotonic,
        )

    def _record(
        self,
        request: Request,
        status: int,
        payload: bytes | bytearray,
        fault: UnusableResponseError | None,
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
        for endpoint in self._hosts.endpoints():
            shown = endpoint.redacted_bytes(shown)
        if shown is not payload:
            asked["struck_out"] = True
            payload = shown
            if fault is None:
                self.fetch_log.notes.append(ECHOED_SECRET.format(venue=self._venue))
        self.fetch_log.write(envelope, payload)

    # -- rate limits ----------------------------------------------------------------------------

    def _wait_for_rate_limit(self, request: Request) -> None:
        if is_loopback(request.where):
            return
        budget = self._hosts[request.connection].limits
        wait = self._rate_limiter.wait_seconds(
            budget, request.path, request.cost, self._monotonic()
        )
        if wait > 0:
            self._deadlines.check(self.fetch_log.payload_bytes, wait)
            self._sleep(wait)
        self._rate_limiter.spend(budget, request.path, request.cost, self._monotonic())
