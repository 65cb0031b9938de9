"""A claim judged on a release: the verdict, and the windows in which the claim is best met."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from unwind.claims.evidence import (
    Facts,
    VenuePart,
    facts_of,
    parts_of,
    scope_of,
    spine_of,
)
from unwind.claims.figures import NAIVE_EPOCH, Figures, Scope, figures_of
from unwind.claims.grammar import NO_END, Claim, Condition, parse
from unwind.claims.verdicts import (
    Estimated,
    Judged,
    Published,
    Verdict,
    best,
    judged,
    margins,
    together,
    verdicts,
)
from unwind.claims.windows import EPOCH, MINUTE, Booleans, Floats, Integers, Windows
from unwind.database import connect, row_of
from unwind.settings import Home
from unwind.warehouse.releases import current_db

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True)
class Found:
    """A condition in one window; figures in units.

    `high` is null where there is no upper end, all five where nothing of it was received.
    """

    condition: Condition
    scope: Scope
    published: int | None
    low: int | None
    mid: int | None
    high: int | None
    estimated_high: int | None
    on_published: Published
    on_estimates: Estimated
    parts: tuple[VenuePart, ...]


@dataclass(frozen=True)
class Window:
    """A window, the verdict on it, its conditions and the facts behind them.

    `only_venue` is the one venue that is counted, where the claim names none.
    """

    begins_at: datetime
    ends_at: datetime
    is_of_clock: bool
    only_venue: str | None
    verdict: Verdict
    conditions: tuple[Found, ...]
    facts: Facts


@dataclass(frozen=True)
class Answer:
    """A claim's verdict.

    windows: the one in which the claim comes nearest to the truth, and, where that is better met in
    one that is not of the clock, that; none where the release has no hour of the span. of_clock,
    of_any: how many windows have which verdict. outside: windows without a minute
    of the release's hours.
    """

    claim: Claim
    release_id: str
    verdict: Verdict
    windows: tuple[Window, ...]
    of_clock: Counter[Verdict]
    of_any: Counter[Verdict]
    outside: int


@dataclass(frozen=True)
class _Evaluation:
    """The conditions of a claim, under scopes, in all windows."""

    conditions: tuple[Condition, ...]
    scopes: tuple[Scope, ...]
    windows: Windows
    figures: tuple[Figures, ...]
    only_venue: str | None

    @cached_property
    def each(self) -> list[Judged]:
        return [judged(*one) for one in zip(self.conditions, self.figures, strict=True)]

    @cached_property
    def both(self) -> Judged:
        return together(self.each)

    @cached_property
    def verdict(self) -> Integers:
        return verdicts(self.both)

    @cached_property
    def margin(self) -> Floats:
        return margins(self.conditions, self.figures, self.both)

    @cached_property
    def places(self) -> list[int]:
        """The best window of the clock, and the best of all where its verdict is better."""
        of_any = self.best(np.ones(len(self.margin), dtype=bool))
        if not self.windows.is_of_clock.any():
            return [of_any]
        of_clock = self.best(self.windows.is_of_clock)
        if self.verdict[of_any] <= self.verdict[of_clock]:
            return [of_clock]
        return [of_clock, of_any] if self.verdict[of_clock] == Verdict.HOLDS_ONLY_IF else [of_any]

    def best(self, among: Booleans) -> int:
        return best(self.both, self.verdict, self.margin, among)

    @property
    def rank(self) -> tuple[int, float]:
        """The best verdict and its margin."""
        place = self.places[-1]
        return int(self.verdict[place]), float(self.margin[place])

    def counts(self, among: Booleans) -> Counter[Verdict]:
        return Counter(Verdict(one) for one in self.verdict[among].tolist())


def check(home: Home, text: str) -> Answer:
    """Judges a claim on the current release. Raises ClaimError, NoReleaseError, duckdb.Error."""
    claim = parse(text)
    with connect(home, current_db(home), read_only=True) as release:
        return answer_of(release, claim)


def answer_of(release: DuckDBPyConnection, claim: Claim) -> Answer:
    """Judges a claim on a release that is open, in UTC. Raises ClaimError."""
    [release_id] = row_of(release, "select max(release_id) from marts.release")
    scopes = [scope_of(release, one) for one in claim.conditions]
    claimed = Windows(
        (claim.begins_at - EPOCH) // MINUTE, (claim.ends_at - EPOCH) // MINUTE, claim.minutes
    )
    windows = _within_release(release, claimed)
    if windows is None:
        nothing: Counter[Verdict] = Counter()
        outside = len(claimed.starts)
        return Answer(claim, release_id, Verdict.UNDETERMINED, (), nothing, nothing, outside)
    evaluation = _evaluated(release, claim, scopes, windows)
    of_all = evaluation
    if evaluation.rank[0] < Verdict.HOLDS_ONLY_IF and _may_be_of_one_venue(claim):
        alone = [
            _evaluated(release, claim, [one._replace(venue=venue) for one in scopes], windows)
            for venue in _venues(release, scopes, windows)
        ]
        evaluation = max([evaluation, *alone], key=lambda one: one.rank)
        if evaluation.rank[0] < Verdict.HOLDS_ONLY_IF:
            evaluation = of_all
    outside = len(claimed.starts) - len(windows.starts)
    found = tuple(_window(release, evaluation, place) for place in evaluation.places)
    return Answer(
        claim,
        release_id,
        _verdict(claim, found, outside),
        found,
        of_all.counts(windows.is_of_clock),
        of_all.counts(np.ones(len(windows.starts), dtype=bool)),
        outside,
    )


def _may_be_of_one_venue(claim: Claim) -> bool:
    """Whether a single venue that meets the claim is evidence for it.

    It is not if the claim names venues, or only bounds figures from above, as any small venue is
    below such a bound.
    """
    names_none = not any(one.venue for one in claim.conditions)
    return names_none and any(one.lowest > 0 for one in claim.conditions)


def _verdict(claim: Claim, found: Sequence[Window], outside: int) -> Verdict:
    """The verdict of the best window; conditional if the claim does not single that window out."""
    verdict = max(one.verdict for one in found)
    if verdict == Verdict.CONTRADICTED and outside:
        return Verdict.UNDETERMINED
    is_as_claimed = claim.is_one_window or found[0].is_of_clock
    if verdict == Verdict.HOLDS and (found[0].only_venue or len(found) > 1 or not is_as_claimed):
        return Verdict.HOLDS_ONLY_IF
    return verdict


def _within_release(release: DuckDBPyConnection, claimed: Windows) -> Windows | None:
    """The windows that have a minute of the release's hours; None where none has."""
    spine = spine_of(release)
    if spine is None:
        return None
    begin, end = ((one - NAIVE_EPOCH) // MINUTE for one in spine)
    first = max(claimed.first, begin - claimed.length + 1)
    last = min(claimed.last, end + claimed.length - 1)
    if last - first < claimed.length:
        return None
    return Windows(first, last, claimed.length)


def _venues(release: DuckDBPyConnection, scopes: Sequence[Scope], windows: Windows) -> list[str]:
    return sorted({part.venue for one in set(scopes) for part in parts_of(release, one, windows)})


def _evaluated(
    release: DuckDBPyConnection, claim: Claim, scopes: Sequence[Scope], windows: Windows
) -> _Evaluation:
    of_conditions = [
        figures_of(release, condition.figure, scope, windows)
        for condition, scope in zip(claim.conditions, scopes, strict=True)
    ]
    only = {scope.venue for scope in scopes} if not any(c.venue for c in claim.conditions) else {}
    return _Evaluation(
        claim.conditions, tuple(scopes), windows, tuple(of_conditions), next(iter(only), None)
    )


def _window(release: DuckDBPyConnection, evaluation: _Evaluation, place: int) -> Window:
    windows = evaluation.windows
    start = int(windows.starts[place])
    own = Windows(start, start + windows.length, windows.length)
    conditions = tuple(
        _found(release, evaluation, number, place, own)
        for number in range(len(evaluation.conditions))
    )
    of = [(one.condition.figure, one.scope) for one in conditions]
    return Window(
        EPOCH + own.first * MINUTE,
        EPOCH + own.last * MINUTE,
        bool(windows.is_of_clock[place]),
        evaluation.only_venue,
        Verdict(int(evaluation.verdict[place])),
        conditions,
        facts_of(release, of, own),
    )


def _found(
    release: DuckDBPyConnection, evaluation: _Evaluation, number: int, place: int, own: Windows
) -> Found:
    figures, scope = evaluation.figures[number], evaluation.scopes[number]
    ends = (figures.published, figures.low, figures.mid, figures.high, figures.estimated_high)
    units = [int(one[place]) if figures.is_known[place] else None for one in ends]
    published, low, mid, high, estimated_high = units
    return Found(
        evaluation.conditions[number],
        scope,
        published,
        low,
        mid,
        None if high == NO_END else high,
        estimated_high,
        Published(int(evaluation.each[number].published[place])),
        Estimated(int(evaluation.each[number].estimated[place])),
        tuple(parts_of(release, scope, own)),
    )
