"""Hours of the former release that left the warehouse with their batches.

A full build stages nothing of what was withdrawn or is read otherwise than before, so it does not
know the hours that only this had, and replaces none of them. Continuity takes their rows for
replaced all the same, if every batch that had rows of the hour explains it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import duckdb

from unwind.database import row_of
from unwind.warehouse.promises import HOURS, marts

GONE_HOURS = "gone_hours"
GONE_DAYS = f"select distinct hour_at::date from {GONE_HOURS}"

# Batches of the former release that are still as they were: rows of these have to be there.
UNCHANGED_BATCHES = """
    select before.batch_id
    from former.marts.landing_outcomes as before
    inner join staging.ops.batches as now
        on before.batch_id = now.batch_id and before.revision = now.revision
    where before.batch_id not in (select batch_id from staging.ops.left_out)
"""


def name_gone_hours(
    connection: duckdb.DuckDBPyConnection, former: Mapping[str, Collection[str]]
) -> None:
    """Makes the temporary table gone_hours. `former` are the former release's marts' columns.

    These are hours outside the spine that no batch covers and of which no unchanged batch had a
    row. Raises duckdb.Error.
    """
    first, last = row_of(connection, "select min(hour_at), max(hour_at) from staging.ops.hours")
    outside = "true" if first is None else f"(hour_at < '{first}' or hour_at > '{last}')"
    rows = [
        f"select hour_at, batch_id in (from unchanged) as has_to_be_there"
        f" from former.marts.{name} where {outside}"
        for name, columns in former.items()
        if marts()[name].partition == HOURS and {"hour_at", "batch_id"} <= set(columns)
    ]
    if "dim_hours" in former:
        # An hour of the spine without rows is in it for a covering batch, or between two others.
        rows.append(f"select hour_at, false from former.marts.dim_hours where {outside}")
    rows.append("select null::timestamp, false where false")
    connection.execute(
        f"""
        create or replace temp table {GONE_HOURS} as
        with unchanged as ({UNCHANGED_BATCHES}),
        former_rows as ({" union all ".join(rows)})
        select hour_at
        from former_rows
        where not exists (
            from staging.ops.batches
            where former_rows.hour_at >= covers_from_at and former_rows.hour_at < covers_to_at
        )
        group by hour_at
        having not bool_or(has_to_be_there)
        """
    )
