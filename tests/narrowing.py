"""Refreshes that build and check only what a test reads, which saves seconds each."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import pytest

# Of what is always built, this mart's promises need no other.
ALONE = ("liquidation_accounting",)


@contextmanager
def narrowed(built: Sequence[str] = (), suites: Sequence[str] = ()) -> Iterator[None]:
    """Inside the block, a refresh builds the marts `built` with their upstream, and runs `suites`.

    Without `built` all is built; with it the suite of ALONE judges.
    """
    from unwind.warehouse import gates, refresh

    with pytest.MonkeyPatch.context() as patch:
        if built:
            suites = ALONE
            chosen = (f"{refresh.FACTS_AND_MARTS},+{mart}" for mart in (*ALONE, *built))
            patch.setattr(refresh, "FACTS_AND_MARTS", " ".join(chosen))
        few = functools.partial(gates.check_marts, suites=suites)
        patch.setattr(gates, "check_marts", few)
        yield
