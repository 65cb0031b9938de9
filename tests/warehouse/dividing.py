"""Builds that are divided into units however small they are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

from unwind.warehouse import staging_units, units


@contextmanager
def everything_worth_dividing() -> Iterator[None]:
    with mock.patch.multiple(units, MIN_ROWS=1), mock.patch.multiple(staging_units, MIN_LINES=1):
        yield


@contextmanager
def divided_on_four_processors() -> Iterator[None]:
    """The same, as on a machine of four processors."""
    four = mock.patch.object(os, "sched_getaffinity", return_value={0, 1, 2, 3})
    with everything_worth_dividing(), four:
        yield
