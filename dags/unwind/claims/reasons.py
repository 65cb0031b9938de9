"""What a verdict depends on, in words."""

from __future__ import annotations

from decimal import Decimal

from unwind.claims.check import Answer, Found, Window
from unwind.claims.grammar import NO_END, UNITS_PER_DOLLAR, Condition
from unwind.claims.verdicts import Estimated, Published, Verdict
from unwind.claims.windows import HOUR_MINUTES

NOT_KNOWN = "not known"
NOTHING_RECEIVED = f"what was published is {NOT_KNOWN}"
COMPARED = {">": "over", ">=": "at least", "<": "under", "<=": "at most", "about": "about"}


def only_if(answer: Answer, window: Window) -> list[str]:
    """The conditions under which a claim holds in a window; empty if it holds anyway."""
    if window.verdict < Verdict.HOLDS_ONLY_IF:
        return []
    reasons = []
    if not (window.is_of_clock or answer.claim.is_one_window):
        is_hour = answer.claim.minutes == HOUR_MINUTES
        reasons.append(
            "the hour need not be a clock hour" if is_hour else "the window may begin off the clock"
        )
    if window.only_venue:
        reasons.append(f"{window.only_venue} alone is counted")
    is_published = all(one.on_published == Published.TRUE for one in window.conditions)
    for one in window.conditions:
        reasons += _of_published(one) if is_published else _of_estimates(one)
    return reasons


def why_not(window: Window) -> list[str]:
    """What keeps a claim from holding in a window, by condition."""
    return [
        _why_not(one)
        for one in window.conditions
        if one.on_estimates in (Estimated.NONE, Estimated.OPEN)
        and one.on_published != Published.TRUE
    ]


def unbounded(found: Found) -> str:
    """The venues whose part of a figure has no upper end, and why: `VENUE (not received whole)`."""
    named = []
    for part in found.parts:
        if not part.is_complete:
            named.append(f"{part.venue} (not received whole)")
        elif part.has_unestimated_part:
            is_unknown = "unknown" in part.publication_rules
            named.append(f"{part.venue} ({'rule unknown' if is_unknown else 'no estimate'})")
    return ", ".join(named) or "venues that are not known"


def figure_text(condition: Condition, found: Found | None = None) -> str:
    """`long on VENUE of BTC`."""
    venue = found.scope.venue if found else condition.venue
    asset = found.scope.asset if found else condition.asset
    return condition.figure + (f" of {asset}" if asset else "") + (f" on {venue}" if venue else "")


def condition_text(found: Found) -> str:
    """`long on VENUE about $36.00m +-$1.80m`."""
    one = found.condition
    text = f"{figure_text(one, found)} {one.comparison} {amount_text(one, one.amount)}"
    if one.comparison == "about":
        text += f" +-{amount_text(one, one.tolerance)}"
    return text


def units_text(condition: Condition, units: int | None) -> str:
    """A figure of a condition: `$59.72m`, `8,345`, or NOT_KNOWN."""
    if units is None:
        return NOT_KNOWN
    return amount_text(condition, Decimal(units) / UNITS_PER_DOLLAR)


def amount_text(condition: Condition, amount: Decimal) -> str:
    """Dollars in millions to the second decimal from a million on; events as a whole number."""
    if not condition.is_of_usd:
        return f"{amount:,.0f}"
    for size, unit in ((Decimal(10) ** 9, "bn"), (Decimal(10) ** 6, "m")):
        if amount >= size:
            return f"${amount / size:,.2f}{unit}"
    return f"${amount:,.0f}"


def _of_published(found: Found) -> list[str]:
    """Reasons where published liquidations alone satisfy the condition."""
    name, one = figure_text(found.condition, found), found.condition
    low, top = units_text(one, found.low), units_text(one, found.estimated_high)
    match found.on_estimates:
        case Estimated.NONE:
            return [
                f"only what was published counts: with what was hidden, {name} is {_range(found)}"
            ]
        case Estimated.PART:
            return [f"{name} is {_limit(one)}, in a part of its interval of {low} to {top}"]
        case Estimated.OPEN if found.estimated_high is not None:
            room = one.highest - found.estimated_high
            if room < 0:
                return [f"{name} is {_limit(one)}: {low} to {top} without {unbounded(found)}"]
            return [
                f"of {name}, at most {units_text(one, room)} is missing from what has no estimate: "
                f"{unbounded(found)}"
            ]
    return []


def _of_estimates(found: Found) -> list[str]:
    """Reasons where only estimates satisfy the condition."""
    name, one = figure_text(found.condition, found), found.condition
    reasons = []
    if found.published is None:
        return [f"{name} is {_limit(one)}: {NOTHING_RECEIVED}"]
    if found.on_published != Published.TRUE:
        published = units_text(one, found.published)
        reasons.append(f"what was hidden is counted: of {name}, {published} was published")
    if found.on_estimates == Estimated.PART:
        reasons.append(f"{name} is {_limit(one)}, in a part of its interval of {_range(found)}")
    return reasons


def _why_not(found: Found) -> str:
    name, one = figure_text(found.condition, found), found.condition
    if found.on_estimates == Estimated.OPEN:
        end = f"no upper end for {unbounded(found)}"
        if found.published is None:
            return f"{name} may be {_limit(one)}: {NOTHING_RECEIVED}, and it has {end}"
        low = units_text(one, found.low)
        return f"{name} may be {_limit(one)}: it is {low} or more, and has {end}"
    if found.published is None:
        return f"{name} is not {_limit(one)}: {NOTHING_RECEIVED}, and no figure is below zero"
    published = units_text(one, found.published)
    return (
        f"{name} is not {_limit(one)}: {published} was published, and with what was hidden it is "
        f"{_range(found)}"
    )


def _range(found: Found) -> str:
    low = units_text(found.condition, found.low)
    if found.high is None:
        return f"{low} or more"
    high = units_text(found.condition, found.high)
    return low if low == high else f"{low} to {high}"


def _limit(condition: Condition) -> str:
    amount = amount_text(condition, condition.amount)
    text = f"{COMPARED[condition.comparison]} {amount}"
    if condition.comparison == "about":
        low, high = condition.lowest, min(condition.highest, NO_END)
        text += f" ({units_text(condition, low)} to {units_text(condition, high)})"
    return text
