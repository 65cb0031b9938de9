"""An answer as text for people, and as JSON for programs."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from textwrap import wrap
from typing import Any

from unwind.claims.check import Answer, Found, Window
from unwind.claims.evidence import VenuePart
from unwind.claims.grammar import UNITS_PER_DOLLAR, length_text
from unwind.claims.reasons import condition_text, only_if, unbounded, units_text, why_not
from unwind.claims.verdicts import Estimated, Published, Verdict
from unwind.claims.windows import HOUR_MINUTES
from unwind.printing import shown

WIDTH = 100
INDENT = 10
WORDS = {
    Verdict.HOLDS: "holds",
    Verdict.HOLDS_ONLY_IF: "holds only if",
    Verdict.UNDETERMINED: "undetermined",
    Verdict.CONTRADICTED: "contradicted",
}
ON_PUBLISHED = {Published.TRUE: "true", Published.FALSE: "false", Published.UNKNOWN: "not known"}
ON_ESTIMATES = {
    Estimated.ALL: "true",
    Estimated.PART: "in part",
    Estimated.OPEN: "open",
    Estimated.NONE: "false",
}
HEAD = ("condition", "published", "low", "mid", "high", "published", "estimates")


def text_of(answer: Answer) -> str:
    """The answer in lines of at most 100 columns."""
    return "\n".join(_lines(answer))


def json_of(answer: Answer) -> str:
    """The answer as one JSON object; docs/claims.md describes its fields."""
    claim = answer.claim
    return json.dumps(
        {
            "claim": claim.text,
            "verdict": WORDS[answer.verdict].replace(" ", "_"),
            "release_id": answer.release_id,
            "window_minutes": claim.minutes,
            "begins_at": _instant(claim.begins_at),
            "ends_at": _instant(claim.ends_at),
            "windows": [_window_json(answer, one) for one in answer.windows],
            "windows_of_the_clock": _counts_json(answer.of_clock),
            "windows_of_any_minute": _counts_json(answer.of_any),
            "windows_outside_the_release": answer.outside,
        },
        indent=1,
    )


def _lines(answer: Answer) -> Iterator[str]:
    yield from _item("claim", answer.claim.text)
    yield from _verdict(answer)
    for number, window in enumerate(answer.windows):
        yield ""
        yield from _window(answer, window, number)
    yield ""
    yield from _counts(answer)
    if answer.windows:
        yield from _venues(answer.windows[0])
        yield from _facts(answer.windows[0])
    yield from _item("release", answer.release_id)


def _item(name: str, text: str) -> Iterator[str]:
    """A name and its text, as many lines as it takes."""
    lines = wrap(shown(text), WIDTH - INDENT, break_on_hyphens=False) or [""]
    yield f"{name:{INDENT}}{lines[0]}".rstrip()
    yield from (" " * INDENT + line for line in lines[1:])


def _verdict(answer: Answer) -> Iterator[str]:
    yield from _item("verdict", WORDS[answer.verdict])
    for number, window in enumerate(answer.windows):
        reasons = only_if(answer, window) or why_not(window)
        for place, reason in enumerate(reasons):
            joint = "and " if place else "or " if number else ""
            for line, part in enumerate(wrap(joint + reason, WIDTH - INDENT - 2)):
                yield " " * INDENT + ("  " if line else "- ") + part
    if not answer.windows:
        yield from _item("", "the release has no hour of that time")


def _window(answer: Answer, window: Window, number: int) -> Iterator[str]:
    span = f"{window.begins_at:%Y-%m-%d %H:%M} to {window.ends_at:%Y-%m-%d %H:%M} UTC"
    only = f", {window.only_venue} alone" if window.only_venue else ""
    yield from _item("or in" if number else "window", span + _kind(answer, window) + only)
    rows = [HEAD, *(_row(one) for one in window.conditions)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    fixed = sum(widths[1:]) + 2 * len(widths[1:])
    first = max(10, min(widths[0], WIDTH - INDENT - fixed))
    yield " " * (INDENT + first + 2 + sum(widths[1:5]) + 8) + "true on"
    for row in rows:
        parts = wrap(row[0], first)
        cells = [f"{cell:>{width}}" for cell, width in zip(row[1:5], widths[1:5], strict=True)]
        cells += [f"{cell:<{width}}" for cell, width in zip(row[5:], widths[5:], strict=True)]
        yield (" " * INDENT + "  ".join([f"{parts[0]:{first}}", *cells])).rstrip()
        yield from (" " * (INDENT + 2) + part for part in parts[1:])


def _kind(answer: Answer, window: Window) -> str:
    """How a window begins, where that is the question."""
    if answer.claim.is_one_window or answer.of_clock == answer.of_any:
        return ""
    if answer.claim.minutes == HOUR_MINUTES:
        return ", a clock hour" if window.is_of_clock else ", no clock hour"
    return ", on the clock" if window.is_of_clock else ", off the clock"


def _row(found: Found) -> tuple[str, ...]:
    one = found.condition
    return (
        condition_text(found),
        *(units_text(one, units) for units in (found.published, found.low, found.mid)),
        "none" if found.high is None else units_text(one, found.high),
        ON_PUBLISHED[found.on_published],
        ON_ESTIMATES[found.on_estimates],
    )


def _counts(answer: Answer) -> Iterator[str]:
    minutes = answer.claim.minutes
    if answer.claim.is_one_window:
        return
    length = "60 minutes" if minutes == HOUR_MINUTES else length_text(minutes)
    name = "clock hours" if minutes == HOUR_MINUTES else f"{length} on the clock"
    if answer.of_clock != answer.of_any:
        yield from _item("windows", f"{name}: {_counted(answer.of_clock)}")
        yield from _item("", f"any {length}: {_counted(answer.of_any)}")
    else:
        yield from _item("windows", f"{length}: {_counted(answer.of_any)}")
    if answer.outside:
        yield from _item("", f"beyond the release's hours: {answer.outside:,}")


def _counted(counts: Counter[Verdict]) -> str:
    parts = [
        f"{WORDS[verdict]} in {counts[verdict]:,}"
        for verdict in sorted(Verdict, reverse=True)
        if counts[verdict]
    ]
    return f"{counts.total():,}" + (f" ({', '.join(parts)})" if parts else "")


def _venues(window: Window) -> Iterator[str]:
    parts = {part.venue: part for one in window.conditions for part in one.parts}
    missing = [_missing(one) for one in parts.values() if not one.is_complete]
    whole = "" if missing or not parts else "; all were received whole"
    yield from _item("venues", f"{len(parts)}: {', '.join(parts)}{whole}")
    for name, chosen in (
        ("not received whole", missing),
        ("hide liquidations by their rule", _of_rule(parts.values(), is_hiding=True)),
        ("of an unknown rule", _of_rule(parts.values(), is_hiding=False)),
    ):
        if chosen:
            yield from _item("", f"{name}: {', '.join(chosen)}")


def _missing(part: VenuePart) -> str:
    missed = part.hours - part.complete_hours
    return f"{part.venue} ({missed} of {part.hours} hours: {', '.join(part.landing_outcomes)})"


def _of_rule(parts: Sequence[VenuePart] | Any, is_hiding: bool) -> list[str]:
    return [
        one.venue
        for one in parts
        if set(one.publication_rules) - {"full"}
        and ("unknown" not in one.publication_rules) == is_hiding
    ]


def _facts(window: Window) -> Iterator[str]:
    facts = window.facts
    yield from _item(
        "facts", f"{facts.count:,} liquidations" + ("; the largest:" * (facts.count > 0))
    )
    for one in facts.largest:
        usd = "no value" if one.notional_usd is None else f"${one.notional_usd:,.0f}"
        yield (
            f"{'':{INDENT}}{one.liquidation_id}  {one.event_at:%H:%M:%S}  {one.venue}"
            f" {one.base_asset} {one.liquidated_side} {usd}"
        )
    if facts.largest:
        yield from _item("lineage", f"unwind lineage {facts.largest[0].liquidation_id}")


def _window_json(answer: Answer, window: Window) -> dict[str, Any]:
    return {
        "begins_at": _instant(window.begins_at),
        "ends_at": _instant(window.ends_at),
        "is_of_the_clock": window.is_of_clock,
        "only_venue": window.only_venue,
        "verdict": WORDS[window.verdict].replace(" ", "_"),
        "only_if": only_if(answer, window),
        "why_not": why_not(window),
        "conditions": [_found_json(one) for one in window.conditions],
        "events": window.facts.count,
        "largest": [
            {
                "liquidation_id": one.liquidation_id,
                "event_at": f"{one.event_at.isoformat()}Z",
                "venue": one.venue,
                "base_asset": one.base_asset,
                "liquidated_side": one.liquidated_side,
                "notional_usd": None if one.notional_usd is None else float(one.notional_usd),
            }
            for one in window.facts.largest
        ],
    }


def _found_json(found: Found) -> dict[str, Any]:
    one = found.condition
    units = {
        "published": found.published,
        "low": found.low,
        "mid": found.mid,
        "high": found.high,
        "estimated_high": found.estimated_high,
    }
    return {
        "figure": one.figure,
        "venue": found.scope.venue,
        "base_asset": found.scope.asset,
        "comparison": one.comparison,
        "amount": float(one.amount),
        "tolerance": float(one.tolerance) if one.comparison == "about" else None,
        **{
            name: None if n is None else float(Decimal(n) / UNITS_PER_DOLLAR)
            for name, n in units.items()
        },
        "on_published": ON_PUBLISHED[found.on_published].replace(" ", "_"),
        "on_estimates": ON_ESTIMATES[found.on_estimates].replace(" ", "_"),
        "unbounded": unbounded(found) if found.high is None else None,
        "venues": [
            {
                "venue": part.venue,
                "hours": part.hours,
                "complete_hours": part.complete_hours,
                "publication_rules": list(part.publication_rules),
                "has_unestimated_part": part.has_unestimated_part,
            }
            for part in found.parts
        ],
    }


def _counts_json(counts: Counter[Verdict]) -> dict[str, int]:
    return {WORDS[verdict].replace(" ", "_"): counts[verdict] for verdict in Verdict}


def _instant(instant: datetime) -> str:
    return instant.strftime("%Y-%m-%dT%H:%MZ")
