"""The evidence of a window: venues with their coverage, and the largest facts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from unwind.claims.figures import EXPECTED, NAIVE_EPOCH, Scope, parameters_of
from unwind.claims.grammar import ClaimError, Condition
from unwind.claims.windows import MINUTE, Windows
from unwind.database import quoted, row_of
from unwind.texts import nearest, some
from unwind.warehouse.promises import COUNTED

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

LARGEST = 5
SIDES = {"long": "('long')", "short": "('short')"}


@dataclass(frozen=True)
class VenuePart:
    """A venue of a window: the hours that the window touches, and how many were fully received.

    `landing_outcomes` are the outcomes of the other hours. `has_unestimated_part`: there is no
    estimate of what it hides; venues with a publication rule other than `full` hide something.
    """

    venue: str
    hours: int
    complete_hours: int
    landing_outcomes: tuple[str, ...]
    publication_rules: tuple[str, ...]
    has_unestimated_part: bool

    @property
    def is_complete(self) -> bool:
        return self.complete_hours == self.hours


@dataclass(frozen=True)
class Fact:
    """A published liquidation of the window."""

    liquidation_id: str
    event_at: datetime
    venue: str
    base_asset: str
    liquidated_side: str
    notional_usd: Decimal | None


@dataclass(frozen=True)
class Facts:
    """How many liquidations the window has of what the claim is about, and the largest."""

    count: int
    largest: tuple[Fact, ...]


def scope_of(release: DuckDBPyConnection, condition: Condition) -> Scope:
    """The scope of a condition, by the release's names. Raises ClaimError for unknown ones."""
    venues = (
        "select venue from marts.dim_venues union select venue from marts.venue_coverage_hourly"
    )
    assets = (
        "select base_asset from marts.dim_assets"
        " union select base_asset from marts.liquidations_hourly"
    )
    named = "select asset_name, base_asset from marts.dim_assets where asset_name is not null"
    return Scope(
        _known(release, "venue", condition.venue, venues),
        _known(release, "asset", condition.asset, assets, named),
    )


def _known(
    release: DuckDBPyConnection, kind: str, name: str | None, query: str, named: str | None = None
) -> str | None:
    """The release's spelling of a name; `named` is a query for what else things are called."""
    if name is None:
        return None
    known = {row[0].lower(): row[0] for row in release.execute(query).fetchall() if row[0]}
    if name.lower() in known:
        return str(known[name.lower()])
    others = dict(release.execute(named).fetchall()) if named else {}
    called = nearest(name, others)
    near = others[called] if called else nearest(name, known.values())
    hint = f"did you mean {near}?" if near else f"it has {some(sorted(known.values()))}"
    raise ClaimError(f"the release has no {kind} {name}; {hint}")


def spine_of(release: DuckDBPyConnection) -> tuple[datetime, datetime] | None:
    """The first instant of the release's hours and the end of the last; None without hours."""
    first, last = row_of(
        release, "select min(hour_at), max(hour_at) + interval 1 hour from marts.dim_hours"
    )
    return (first, last) if first else None


def parts_of(release: DuckDBPyConnection, scope: Scope, window: Windows) -> list[VenuePart]:
    """The venues of a scope in one window, by name."""
    rows = release.execute(
        f"""
        with {EXPECTED},
        unestimated as (
            select venue
            from marts.hidden_liquidations_hourly
            where hour_at >= $begins_at and hour_at < $ends_at
                and ($asset is null or base_asset = $asset)
                and total_unestimated_channel_hours + total_unpriced_events > 0
        )
        select
            venue,
            count(*),
            count(*) filter (where is_complete),
            list(distinct landing_outcome order by landing_outcome) filter (where not is_complete),
            list(distinct publication_rule order by publication_rule)
                filter (where publication_rule is not null),
            bool_or(is_covered and coalesce(publication_rule, '') = 'unknown')
            or venue in (select venue from unestimated)
        from expected
        group by venue
        order by venue
        """,
        parameters_of(scope, window),
    ).fetchall()
    return [
        VenuePart(venue, hours, complete, tuple(outcomes or ()), tuple(rules or ()), unestimated)
        for venue, hours, complete, outcomes, rules, unestimated in rows
    ]


def facts_of(
    release: DuckDBPyConnection, of: Sequence[tuple[str, Scope]], window: Windows
) -> Facts:
    """The counted liquidations of a window that any of the figures and scopes counts."""
    counted = " or ".join(f"({_counted(figure, scope)})" for figure, scope in of)
    table = (
        f" from marts.fct_liquidations where {COUNTED} and event_at >= $begins_at"
        f" and event_at < $ends_at and ({counted})"
    )
    begins_at = NAIVE_EPOCH + window.first * MINUTE
    span = {"begins_at": begins_at, "ends_at": begins_at + window.length * MINUTE}
    [count] = release.execute(f"select count(*) {table}", span).fetchone() or [0]
    largest = release.execute(
        "select liquidation_id::varchar, event_at, venue, base_asset, liquidated_side,"
        f" notional_usd {table} order by notional_usd desc nulls last, liquidation_id"
        f" limit {LARGEST}",
        span,
    ).fetchall()
    return Facts(count, tuple(Fact(*row) for row in largest))


def _counted(figure: str, scope: Scope) -> str:
    terms = [f"liquidated_side in {SIDES[figure]}"] if figure in SIDES else []
    terms += [f"venue = {quoted(scope.venue)}"] if scope.venue else []
    terms += [f"base_asset = {quoted(scope.asset)}"] if scope.asset else []
    return " and ".join(terms) or "true"
