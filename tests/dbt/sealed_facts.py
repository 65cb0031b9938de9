"""When hand-made facts were available."""

from __future__ import annotations

import duckdb

FACTS = (
    *("liquidations", "open_interest", "funding", "prices", "volumes"),
    *("long_short_ratio", "market_caps"),
)


def seal_facts(connection: duckdb.DuckDBPyConnection) -> None:
    """Every hour is landed as one batch, sealed half a minute after it."""
    for name in FACTS:
        connection.execute(f"alter table marts.fct_{name} add column available_at timestamp")
        connection.execute(
            f"update marts.fct_{name} set available_at = hour_at + interval '1 hour 30 seconds'"
        )
