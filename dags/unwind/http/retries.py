"""Retries: how often, after which pauses, and when a venue gets no further requests."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import TypeVar

from tenacity import RetryCallState, Retrying, retry_if_exception
from tenacity.wait import wait_exponential_jitter

from unwind.http.error_rules import UnusableResponseError, VenueStoppedError

T = TypeVar("T")

ATTEMPTS = 5
# All attempts of one request together, pauses included: no further one begins after this.
MAX_REQUEST_SECONDS = 180.0
# A complete file that does not match its checksum rarely changes within seconds.
CORRUPT_ATTEMPTS = 2
# Pauses start here and double up to the ceiling, each with up to a second of jitter added.
INITIAL_BACKOFF_SECONDS, MAX_BACKOFF_SECONDS = 0.5, 30.0
# After so many requests in a row without a usable answer, the rest would fare no better.
FAILURES_IN_A_ROW = 5


class Retries:
    """The retries of one venue's requests; those that share a rate budget are stopped together."""

    def __init__(self, sleep: Callable[[float], None], monotonic: Callable[[], float]) -> None:
        self._sleep = sleep
        self._monotonic = monotonic
        self._stopped: dict[str, str] = {}
        self._failures_in_a_row: dict[str, int] = {}
        self._pause = wait_exponential_jitter(
            initial=INITIAL_BACKOFF_SECONDS, max=MAX_BACKOFF_SECONDS, jitter=1.0
        )

    def check(self, budget: str) -> None:
        """Raises VenueStoppedError where the venue is not to be asked any more."""
        if budget in self._stopped:
            raise VenueStoppedError(f"not asked any more, because {self._stopped[budget]}")

    def persist(
        self, attempt: Callable[[], T], budget: str, seconds_left: Callable[[], float]
    ) -> T:
        """The result of the last attempt. Raises the last UnusableResponseError."""
        until = self._monotonic() + MAX_REQUEST_SECONDS
        retrying = Retrying(
            stop=lambda state: _enough(state) or self._monotonic() > until or seconds_left() <= 0,
            wait=self._wait,
            retry=retry_if_exception(
                lambda error: isinstance(error, UnusableResponseError) and error.worth_another_try
            ),
            sleep=self._sleep,
            reraise=True,
        )
        result = retrying(attempt)
        self._failures_in_a_row[budget] = 0
        return result

    def count_failure(self, budget: str, fault: UnusableResponseError, reason: str) -> None:
        """Raises VenueStoppedError where the next requests would fare no better."""
        if fault.kind in ("refused", "corrupt"):
            # The venue works; this request or this file does not.
            return
        in_a_row = self._failures_in_a_row.get(budget, 0) + 1
        self._failures_in_a_row[budget] = in_a_row
        if fault.kind == "broken" and in_a_row < FAILURES_IN_A_ROW:
            return
        self._stopped[budget] = reason
        raise VenueStoppedError(reason)

    def _wait(self, state: RetryCallState) -> float:
        fault = state.outcome.exception() if state.outcome else None
        asked_for = fault.rest_seconds if isinstance(fault, UnusableResponseError) else None
        backing_off = self._pause(state)
        if asked_for is None:
            return backing_off
        # A little later than demanded: clocks differ, and others wait for the same instant.
        return max(asked_for + random.uniform(0.0, 1.0), backing_off)


def _enough(state: RetryCallState) -> bool:
    """Whether a request has been tried often enough."""
    fault = state.outcome.exception() if state.outcome else None
    corrupt = isinstance(fault, UnusableResponseError) and fault.kind == "corrupt"
    return state.attempt_number >= (CORRUPT_ATTEMPTS if corrupt else ATTEMPTS)
