"""What a release says of the things that are watched, one observation per thing and hour."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from unwind.clock import HOUR
from unwind.watch.changes import (
    CLASS,
    COVERAGE,
    EPISODE,
    GATE,
    RANGE,
    RECOVERY,
    REGIME,
    Observation,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Each with the mart that it reads; a release of an older version may lack some.
REGIMES = """
    select hour_at, base_asset, regime, score, score_percentile from marts.stress_hourly
    where hour_at between ? and ? and regime is not null order by all
"""
CLASSES = """
    select hour_at, base_asset, unwind_class, oi_change_24h_share, episodes_7d
    from marts.unwind_classification
    where hour_at between ? and ? and unwind_class is not null order by all
"""
RECOVERIES = """
    select hour_at, base_asset, recovery_divergence, elevated_hours_12h, recovery
    from marts.divergence_hourly
    where hour_at between ? and ? and recovery_divergence is not null order by all
"""
RANGES = """
    select hour_at, base_asset, range_divergence, intensity_p_value, range_p_value
    from marts.divergence_hourly
    where hour_at between ? and ? and range_divergence is not null order by all
"""
EPISODES = """
    select started_at, base_asset, long_usd, is_lower_bound, long_venues
    from marts.liquidation_episodes
    where date_trunc('hour', started_at) between ? and ? order by all
"""
COVERED = """
    select hour_at, venue, is_complete, landing_outcome from marts.venue_coverage_hourly
    where hour_at between ? and ? order by all
"""
HEADLINES = """
    select hour_at, base_asset, headline from marts.market_brief_hourly
    where hour_at between ? and ?
"""
FAILURES = """
    select gate, suite, expectation, venue, any_value(message order by message)
    from marts.gate_results
    where not success and run_id = (select run_id from marts.release)
    group by all order by all
"""

Headlines = dict[tuple[datetime, str], str]


def market_observations(
    release: DuckDBPyConnection, first_at: datetime, last_at: datetime
) -> list[Observation]:
    """Regimes, classes, warnings and episodes of the hours from the first to the last, in order."""
    marts = _marts(release)
    span = [first_at, last_at]
    headlines: Headlines = {}
    if "market_brief_hourly" in marts:
        rows = release.execute(HEADLINES, span).fetchall()
        headlines = {(hour, asset): headline for hour, asset, headline in rows}
    found: list[Observation] = []
    for mart, query, observe in (
        ("stress_hourly", REGIMES, _regime),
        ("unwind_classification", CLASSES, _class),
        ("divergence_hourly", RECOVERIES, _recovery),
        ("divergence_hourly", RANGES, _range),
        ("liquidation_episodes", EPISODES, _episode),
    ):
        if mart in marts:
            rows = release.execute(query, span).fetchall()
            found += [observe(row, headlines) for row in rows]
    return sorted(found, key=lambda one: one.at)


def coverage_observations(
    release: DuckDBPyConnection, first_at: datetime, last_at: datetime
) -> Iterator[Observation]:
    """Whether each venue was covered in full in each of the hours, in order."""
    for hour, venue, is_complete, outcome in release.execute(
        COVERED, [first_at, last_at]
    ).fetchall():
        during = f"the hour from {words(hour)}"
        text = (
            f"{venue}: {during} is covered in full again."
            if is_complete
            else f"{venue}: {during} was not covered in full ({outcome}): its sums are lower bounds"
            " at best."
        )
        value = "complete" if is_complete else "incomplete"
        yield Observation(COVERAGE, venue, value, _iso(hour), text)


def gate_observations(
    release: DuckDBPyConnection, known: dict[str, str], built_at: datetime
) -> Iterator[Observation]:
    """The expectations that failed in the release's own run, and those that no longer do."""
    failing = set()
    for gate, suite, expectation, venue, message in release.execute(FAILURES).fetchall():
        subject = ".".join(part for part in (gate, suite, expectation, venue) if part)
        text = f"The {gate} gate let the release out with a failure of {subject}: {message}"
        one = Observation(GATE, subject, "failed", _iso(built_at), text)
        failing.add(one.key)
        yield one
    for key, value in sorted(known.items()):
        kind, _, subject = key.partition("/")
        if kind == GATE and value == "failed" and key not in failing:
            yield Observation(GATE, subject, "passed", _iso(built_at), f"{subject} passes again.")


def words(hour: datetime) -> str:
    """A naive UTC instant in words: `14:00 UTC on 29 January 2026`."""
    return f"{hour:%H:%M} UTC on {hour.day} {hour:%B %Y}"


def dollars(usd: float) -> str:
    """Dollars in words: `$45,300`, `$230.4 million`, `$1.23 billion`."""
    for unit, name, digits in ((1e9, "billion", 2), (1e6, "million", 1)):
        if usd >= 0.99995 * unit:
            return f"${usd / unit:,.{digits}f}".rstrip("0").rstrip(".") + f" {name}"
    return f"${usd:,.0f}"


def _regime(row: tuple[Any, ...], headlines: Headlines) -> Observation:
    hour, asset, regime, score, percentile = row
    text = (
        f"{asset}: the stress regime went from {{before}} to {regime} in the hour from"
        f" {words(hour)} (score {score:.1f}, percentile {percentile:.1f})."
    )
    return _of_market(REGIME, hour, asset, regime, text, headlines)


def _class(row: tuple[Any, ...], headlines: Headlines) -> Observation:
    hour, asset, unwind_class, oi_change, episodes = row
    figures = f"{episodes} episodes in 7 days"
    if oi_change is not None:
        figures = f"open interest {100 * oi_change:+.1f}% in 24 hours, {figures}"
    text = (
        f"{asset}: the classification of unwinding went from {{before}} to {unwind_class} with the"
        f" 24 hours to {words(hour + HOUR)} ({figures})."
    )
    return _of_market(CLASS, hour, asset, unwind_class, text, headlines)


def _recovery(row: tuple[Any, ...], headlines: Headlines) -> Observation:
    hour, asset, holds, elevated, recovery = row
    figures = f"elevated in {elevated} of 12 hours"
    if recovery is not None:
        figures += f", {100 * recovery:.0f}% of the fall regained"
    warning = "rising long liquidations without a recovery of the price"
    return _warning(RECOVERY, hour, asset, holds, f"{warning} ({figures})", headlines)


def _range(row: tuple[Any, ...], headlines: Headlines) -> Observation:
    hour, asset, holds, intensity_p, range_p = row
    warning = "rising liquidations in narrowing ranges"
    if intensity_p is not None and range_p is not None:
        warning += f" (p-values {intensity_p:.3f} and {range_p:.3f})"
    return _warning(RANGE, hour, asset, holds, warning, headlines)


def _warning(
    kind: str, hour: datetime, asset: str, holds: bool, warning: str, headlines: Headlines
) -> Observation:
    value = "raised" if holds else "withdrawn"
    text = f"{asset}: the warning of {warning} was {value} in the hour from {words(hour)}."
    return _of_market(kind, hour, asset, value, text, headlines)


def _episode(row: tuple[Any, ...], headlines: Headlines) -> Observation:
    started_at, asset, long_usd, is_lower_bound, venues = row
    at_least = "at least " if is_lower_bound else ""
    text = (
        f"{asset}: an episode of forced long selling opened at {words(started_at)}"
        f" ({at_least}{dollars(float(long_usd))} of longs on {venues}"
        f" {'venue' if venues == 1 else 'venues'} so far)."
    )
    subject = f"{asset} {started_at:%Y-%m-%dT%H:%M}"
    return Observation(EPISODE, subject, "opened", _iso(started_at), text, asset)


def _of_market(
    kind: str, hour: datetime, asset: str, value: str, text: str, headlines: Headlines
) -> Observation:
    headline = headlines.get((hour, asset))
    return Observation(
        kind, asset, value, _iso(hour), f"{text} {headline}" if headline else text, asset
    )


def _iso(instant: datetime) -> str:
    return f"{instant.replace(tzinfo=UTC):%Y-%m-%dT%H:%MZ}"


def _marts(release: DuckDBPyConnection) -> set[str]:
    found = release.execute("select table_name from duckdb_tables() where schema_name = 'marts'")
    return {name for (name,) in found.fetchall()}
