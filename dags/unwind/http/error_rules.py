"""How a venue reports errors, and what each means for the request."""

from __future__ import annotations

import email.utils
import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from unwind.connections import connection_variable
from unwind.http.fetch_log import Request
from unwind.http.payload import JsonPath, code_of, message_of

FaultKind = Literal["blocked", "throttled", "unreachable", "broken", "corrupt", "refused", "absent"]

# A venue that demands a longer pause than this gets no further requests in the landing.
MAX_REST_SECONDS = 60.0
MAX_STATED_REST_SECONDS = 1e10
# How much of a venue's own message is quoted.
MESSAGE_CHARACTERS = 120


@dataclass(frozen=True)
class ErrorRules:
    """How a venue reports errors. Codes are compared as text; header names in any case."""

    blocked_statuses: frozenset[int] = frozenset({403, 418, 451})
    throttled_statuses: frozenset[int] = frozenset({429})
    code_at: JsonPath = ()
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


class UnusableResponseError(Exception):
    """An answer that cannot be used, in one sentence; `rest_seconds` is what the venue asks for."""

    def __init__(self, kind: FaultKind, reason: str, rest_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.kind = kind
        self.reason = reason
        self.rest_seconds = rest_seconds

    @property
    def worth_another_try(self) -> bool:
        return self.kind in ("throttled", "unreachable", "broken", "corrupt")


class VenueStoppedError(Exception):
    """The venue gets no further requests: it blocks us, is down, or has used all its time."""


class Refusals:
    """Interprets a venue's errors by its rules; `redacted` removes secrets from quoted text."""

    def __init__(self, venue: str, error_rules: ErrorRules, redacted: Callable[[str], str]) -> None:
        self._venue = venue
        self._error_rules = error_rules
        self._redacted = redacted

    def refusal(
        self,
        request: Request,
        status: int,
        headers: Mapping[str, str],
        now: datetime,
        parsed: Any = None,
        *,
        is_file: bool = False,
    ) -> UnusableResponseError | None:
        """The venue's error, by status first and then by the code inside the body.

        A file that is not there (404) is an answer; an endpoint that is not there is a failure.
        """
        error_rules = self._error_rules
        rest = rest_seconds(headers.get("Retry-After"), now)
        code = code_of(parsed, error_rules.code_at)
        reply = f"HTTP {status}" + (
            f", code {code}" if code not in (None, *error_rules.ok_codes) else ""
        )
        # Redacted before it is cut: half a secret would not be found.
        message = self._redacted(message_of(parsed))[:MESSAGE_CHARACTERS]
        reply += f" ({message})" if message else ""
        if status in error_rules.blocked_statuses or code in error_rules.blocked_codes:
            return UnusableResponseError(
                "blocked", self._blocked(request, reply, code, status), rest
            )
        if status in error_rules.throttled_statuses or code in error_rules.throttled_codes:
            if rest is not None and rest > MAX_REST_SECONDS:
                return UnusableResponseError(
                    "blocked", self._rest_is_long(request, reply, rest), rest
                )
            advice = "too many requests; land again later, or track fewer instruments"
            return UnusableResponseError(
                "throttled", f"{self._answered(request, reply)}: {advice}", rest
            )
        if code in error_rules.absent_codes:
            return UnusableResponseError("absent", self._answered(request, reply))
        if status >= 500 or code in error_rules.busy_codes:
            if rest is not None and rest > MAX_REST_SECONDS:
                return UnusableResponseError(
                    "blocked", self._rest_is_long(request, reply, rest), rest
                )
            advice = "the venue is in trouble; land again later"
            return UnusableResponseError(
                "broken", f"{self._answered(request, reply)}: {advice}", rest
            )
        if status == 404 and is_file:
            return UnusableResponseError("absent", self._answered(request, reply))
        if status != 200 or (
            code is not None and error_rules.ok_codes and code not in error_rules.ok_codes
        ):
            advice = "it does not take the request; check the endpoint and the instrument"
            return UnusableResponseError("refused", f"{self._answered(request, reply)}: {advice}")
        return None

    def _answered(self, request: Request, reply: str) -> str:
        return f"{self._venue} answered {reply} to {request}"

    def _rest_is_long(self, request: Request, reply: str, rest: float) -> str:
        duration = f"{rest:.0f} s" if rest < 1e9 else "years"
        answered = self._answered(request, reply)
        return f"{answered}: it asks for a rest of {duration}; land again after that"

    def _blocked(self, request: Request, reply: str, code: str | None, status: int) -> str:
        variable = connection_variable(request.connection)
        advices = {
            "401": f"the key is not accepted; set it again as the password of {variable}",
            "418": "the address is banned for a while; land again when the ban is over",
            "451": "the venue does not serve this region; reach it through a mirror "
            f"({variable}) or leave it out",
        }
        otherwise = "access is denied for now or for this region; land again in ten minutes"
        advice = advices.get(str(status), advices.get(code or "", otherwise))
        return f"{self._answered(request, reply)} and was not asked again: {advice}"


def rest_seconds(retry_after: str | None, now: datetime) -> float | None:
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
