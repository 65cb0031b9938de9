"""Changes: what is notified, from what is observed and what was known before."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

REGIME = "regime"
CLASS = "unwind_class"
RECOVERY = "recovery_divergence"
RANGE = "range_divergence"
EPISODE = "episode"
COVERAGE = "coverage"
GATE = "gate"
PUBLISHING = "publishing"


class Severity(IntEnum):
    """How urgent a change is."""

    INFO = 1
    WARNING = 2
    CRITICAL = 3


# All other changes are of severity INFO.
SEVERITIES = {
    (REGIME, "extreme"): Severity.CRITICAL,
    (REGIME, "stressed"): Severity.WARNING,
    (CLASS, "capitulation"): Severity.CRITICAL,
    (CLASS, "staged"): Severity.WARNING,
    (CLASS, "voluntary"): Severity.WARNING,
    (RECOVERY, "raised"): Severity.WARNING,
    (RANGE, "raised"): Severity.WARNING,
    (EPISODE, "opened"): Severity.WARNING,
    (COVERAGE, "incomplete"): Severity.WARNING,
    (GATE, "failed"): Severity.WARNING,
    (PUBLISHING, "refused"): Severity.CRITICAL,
}
# What holds of a thing that has not been observed before; of the others the first value is none.
INITIALLY = {EPISODE: "none", GATE: "passed", PUBLISHING: "published"}


@dataclass(frozen=True)
class Observation:
    """What a release says of a thing: `value` is one word, `at` an hour or instant in ISO 8601.

    `text` is the sentence that a change to this value is notified with; `{before}` in it stands
    for the value before.
    """

    kind: str
    subject: str
    value: str
    at: str
    text: str
    base_asset: str | None = None

    @property
    def key(self) -> str:
        """What it is an observation of."""
        return f"{self.kind}/{self.subject}"


@dataclass(frozen=True)
class Change:
    """A change to notify. The same change has the same id, whenever it is found."""

    change_id: str
    severity: str
    kind: str
    subject: str
    base_asset: str | None
    at: str
    before: str
    after: str
    text: str
    release_id: str


def changes_of(
    known: dict[str, str], observations: Iterable[Observation], release_id: str
) -> list[Change]:
    """The changes in observations, which come in the order of time; `known` is brought up to date.

    What was not known before is no change, except of things that begin (INITIALLY).
    """
    found = []
    for one in observations:
        before = known.get(one.key, INITIALLY.get(one.kind))
        known[one.key] = one.value
        if before is not None and before != one.value:
            found.append(_change(one, before, release_id))
    return found


def _change(one: Observation, before: str, release_id: str) -> Change:
    of = f"{one.key} {one.at} {before} {one.value}"
    severity = SEVERITIES.get((one.kind, one.value), Severity.INFO)
    return Change(
        change_id=hashlib.sha256(of.encode()).hexdigest()[:16],
        severity=severity.name.lower(),
        kind=one.kind,
        subject=one.subject,
        base_asset=one.base_asset,
        at=one.at,
        before=before,
        after=one.value,
        text=one.text.replace("{before}", before),
        release_id=release_id,
    )
