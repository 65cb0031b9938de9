"""Which hours a refresh rebuilds: those that the batches touch, and those that depend on them.

A batch touches the hours that its rows are about, before and after it is staged again. What is
known of instruments, assets and intervals reaches further: it is noted before staging, compared
after, and the hours of the rows that it names or values otherwise are rebuilt as well.

The functions that write run in a transaction of the caller: a kill leaves all of it or nothing.
"""

from __future__ import annotations

from collections.abc import Sequence

import duckdb

from unwind.database import row_of
from unwind.warehouse.promises import KEPT_HOURS

# The columns by which an instrument's rows are named and valued.
VERSION_TERMS = "contract_type, base_asset, asset_multiplier, quote_asset, contract_size"

# Models that name an observation whose instrument is unlisted: `int_<name>` and its key.
NAMES_OF_OBSERVATIONS = {
    "known_assets": "base_asset",
    "named_instruments": "venue, instrument",
    "listing_venues": "venue",
}

# Noted before staging as ops.<name>_before, the columns of intermediate.int_<name>.
NOTED = {
    "instrument_versions": f"venue, instrument, valid_from, valid_to, {VERSION_TERMS}",
    **NAMES_OF_OBSERVATIONS,
    "listed_assets": "*",
}

# Rows of observations by the instant that they are about; as built, rejected ones included.
OBSERVATION_TABLES = (
    "int_prices_screened",
    "int_open_interest_screened",
    "int_funding_screened",
    "int_volumes_screened",
    "int_long_short_ratio_screened",
)


def has_a_days_end(state: duckdb.DuckDBPyConnection) -> bool:
    """Whether a UTC day's last hour may be rebuilt: it is pending, or follows a pending hour."""
    row = state.execute(
        """
        select hour_at from ops.pending_hours where hour(hour_at) = 23
        union all
        select hour_at from ops.hours
        where hour(hour_at) = 23 and hour_at > (select min(hour_at) from ops.pending_hours)
        limit 1
        """
    ).fetchone()
    return row is not None


def note_before_staging(state: duckdb.DuckDBPyConnection) -> None:
    """Keeps a copy of what the batches to be staged may change, for a comparison afterwards.

    A copy of a killed run is kept: its hours are still pending.
    """
    _add_hours_of_batches(state, "landed_days")
    there = all(_table_exists(state, "intermediate", f"int_{name}") for name in NOTED)
    if not there or _is_noted(state):
        # Before the first build every hour is pending anyway.
        return
    for name, columns in NOTED.items():
        state.execute(
            f"create table ops.{name}_before as select {columns} from intermediate.int_{name}"
        )


def add_after_staging(state: duckdb.DuckDBPyConnection) -> None:
    """Marks every hour that the staged rows touch as pending, and makes the spine end with them."""
    _add_hours_of_batches(state, "build_batches")
    if _is_noted(state):
        _add_hours_of_changed_instruments(state)
        _add_hours_of_changed_names(state)
        _add_hours_of_changed_listings(state)
        for name in NOTED:
            state.execute(f"drop table ops.{name}_before")
    _add_hours_of_changed_funding_intervals(state)
    state.execute(f"create or replace temp table kept_before as {KEPT_HOURS}")
    _renew_spine(state)
    add_hours_before(state)
    _note_landed_days(state)
    # What as-of tables keep again, because newer days or hours are gone, or for the first time.
    _add_hours(state, f"from ({KEPT_HOURS}) except from kept_before")


def _is_noted(state: duckdb.DuckDBPyConnection) -> bool:
    return all(_table_exists(state, "ops", f"{name}_before") for name in NOTED)


def _landed_tables(state: duckdb.DuckDBPyConnection) -> Sequence[str]:
    rows = state.execute(
        "select table_name from information_schema.tables"
        " where table_schema = 'landed' and table_type = 'BASE TABLE' order by 1"
    ).fetchall()
    return [row[0] for row in rows]


def _add_hours(state: duckdb.DuckDBPyConnection, query: str) -> None:
    state.execute(
        f"""
        insert into ops.pending_hours
        select distinct hour_at from ({query}) as touched
        where hour_at is not null and hour_at not in (select hour_at from ops.pending_hours)
        """
    )


def _add_hours_of_batches(state: duckdb.DuckDBPyConnection, staged: str) -> None:
    """The hours of the staged rows of these batches, and those the batches cover.

    `staged` is the table of ops that names the batches that have rows: of a new one, none are
    looked for.
    """
    query = (
        "select batch_id from ops.build_batches"
        f" where batch_id in (select batch_id from ops.{staged})"
    )
    if state.execute(query).fetchone():
        of_tables = (
            f" union all select hour_at from landed.{table} where batch_id in ({query})"
            for table in _landed_tables(state)
        )
        _add_hours(state, "select null::timestamp as hour_at" + "".join(of_tables))
    _add_hours(
        state,
        """
        select unnest(range(covers_from_at, covers_to_at, interval 1 hour)) as hour_at
        from ops.batches
        where batch_id in (select batch_id from ops.build_batches) and covers_from_at is not null
        """,
    )


def _table_exists(state: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    found = row_of(
        state,
        "select count(*) from information_schema.tables where table_schema = ? and table_name = ?",
        [schema, table],
    )
    return bool(found[0])


def _add_hours_of_changed_instruments(state: duckdb.DuckDBPyConnection) -> None:
    """Hours whose rows a new or corrected listing names or values otherwise.

    Only the stretches of time count in which an instrument means something else than before: a
    contract size that changes today leaves the years before it alone.
    """
    _find_changed_stretches(state)
    if not row_of(state, "select count(*) from changed_stretches")[0]:
        return
    for table, instant in (
        ("int_liquidations_unioned", "event_at"),
        *((table, "observed_at") for table in _observation_tables(state)),
    ):
        _add_hours(
            state,
            f"""
            select rows_of.hour_at
            from intermediate.{table} as rows_of
            inner join changed_stretches as changed
                on rows_of.venue = changed.venue and rows_of.instrument = changed.instrument
                and rows_of.{instant} >= changed.from_at and rows_of.{instant} < changed.to_at
            """,
        )


def _observation_tables(state: duckdb.DuckDBPyConnection) -> list[str]:
    return [table for table in OBSERVATION_TABLES if _table_exists(state, "intermediate", table)]


def _find_changed_stretches(state: duckdb.DuckDBPyConnection) -> None:
    """Makes changed_stretches: from when to when which instrument has other terms than before."""
    columns = (
        "venue, instrument, valid_from, coalesce(valid_to, timestamp '9999-01-01') as valid_to,"
        f" row({VERSION_TERMS}) as terms"
    )
    state.execute(
        f"""
        create or replace temp table changed_stretches as
        with before as (
            select {columns} from ops.instrument_versions_before
        ),
        now as (
            select {columns} from intermediate.int_instrument_versions
        ),
        changed as (
            (from before except from now) union (from now except from before)
        ),
        bounds as (
            select venue, instrument, valid_from as from_at from changed
            union
            select venue, instrument, valid_to from changed
        ),
        stretches as (
            select *, lead(from_at) over (partition by venue, instrument order by from_at) as to_at
            from bounds
        )
        select stretches.*
        from stretches
        left join before
            on stretches.venue = before.venue and stretches.instrument = before.instrument
            and stretches.from_at >= before.valid_from and stretches.from_at < before.valid_to
        left join now
            on stretches.venue = now.venue and stretches.instrument = now.instrument
            and stretches.from_at >= now.valid_from and stretches.from_at < now.valid_to
        where stretches.to_at is not null and before.terms is distinct from now.terms
        """
    )


def _add_hours_of_changed_names(state: duckdb.DuckDBPyConnection) -> None:
    """Hours of assets, instruments or venues that a listing added, or that no listing has any more.

    Rows without a listing are quarantined, or marked, until one names them.
    """
    for names, columns in NAMES_OF_OBSERVATIONS.items():
        state.execute(
            f"""
            create or replace temp table changed_{names} as
            with now as (select {columns} from intermediate.int_{names})
            (from ops.{names}_before except from now)
            union
            (from now except from ops.{names}_before)
            """
        )
        if not row_of(state, f"select count(*) from changed_{names}")[0]:
            continue
        for table in _observation_tables(state):
            _add_hours(
                state,
                f"select hour_at from intermediate.{table}"
                f" semi join changed_{names} using ({columns}) where not is_listed",
            )
        if names == "known_assets":
            _add_hours(
                state,
                "select hour_at from intermediate.int_liquidations_unioned"
                " where spelled_asset in (select base_asset from changed_known_assets)",
            )


def _add_hours_of_changed_listings(state: duckdb.DuckDBPyConnection) -> None:
    """Which venues normally report an asset, and so what is zero, changes with their listings.

    A venue's first listing ends the rule by events for all of its time.
    """
    before, now = "ops.listed_assets_before", "intermediate.int_listed_assets"
    _add_hours(
        state,
        f"""
        with changed as (
            (select * from {before} except select * from {now} as now_listed)
            union
            (select * from {now} as now_listed except select * from {before})
        )
        select hours.hour_at
        from ops.hours as hours
        inner join changed
            on hours.hour_at < changed.listed_to
            and hours.hour_at + interval 1 hour > changed.listed_from
        """,
    )


def _add_hours_of_changed_funding_intervals(state: duckdb.DuckDBPyConnection) -> None:
    """The hours of built rates whose interval has changed.

    A settlement's neighbours and a listing of its time may land in any order, hours away from it.
    """
    if not _table_exists(state, "intermediate", "int_funding_screened"):
        # The first build ever: every hour is pending anyway.
        return
    _add_hours(
        state,
        """
        select built.hour_at
        from intermediate.int_funding_screened as built
        inner join intermediate.int_funding_intervals as known
            on built.venue = known.venue and built.instrument = known.instrument
            and built.observed_at = known.funding_at and built.is_settled = known.is_settled
        where built.interval_source != 'unknown'
            and built.interval_hours is distinct from known.interval_hours
            or built.interval_source is distinct from known.interval_source
        """,
    )


def add_hours_before(state: duckdb.DuckDBPyConnection) -> None:
    """Adds the hour before each pending one, because an hour's first minutes may determine its end.

    Open interest at the full hour, or polled seconds after it, is that of the previous hour's end
    (macros/instants.sql). It does not matter here whether the hour still has such a row: its
    previous revision may have had one.
    """
    _add_hours(state, "select hour_at - interval 1 hour as hour_at from ops.pending_hours")


def _accepted_rows(state: duckdb.DuckDBPyConnection) -> str:
    """A query over the rows that staging accepted: batch and hour of each, listings left out."""
    listings = ("__liquidations", "__instruments", "__funding_intervals")
    observations = [
        f"select batch_id, hour_at from landed.{table} where reject_reason is null"
        for table in _landed_tables(state)
        if not table.endswith(listings)
    ]
    liquidations = (
        "select batch_id, hour_at from intermediate.int_liquidations_unioned"
        " where line_class = 'row' and reject_reason is null"
    )
    return " union all ".join([liquidations, *observations])


def _renew_spine(state: duckdb.DuckDBPyConnection) -> None:
    """The spine runs from the first to the last hour that a batch covers or that an accepted row
    belongs to, whichever batch was staged when: so it is that of a full build, and ends earlier
    where its last rows were withdrawn or are read otherwise.

    New hours are built, and hours that left it are built to nothing: both are pending.
    """
    covered = row_of(
        state,
        "select min(covers_from_at), max(covers_to_at) - interval 1 hour from ops.batches"
        " where covers_from_at is not null",
    )
    # Only rows beyond what batches cover can make it longer: years of others are not read.
    beyond = (
        ("true",)
        if covered[0] is None
        else (f"hour_at < timestamp '{covered[0]}'", f"hour_at > timestamp '{covered[1]}'")
    )
    rows_beyond = " union all ".join(
        f"select hour_at from ({_accepted_rows(state)}) as accepted where {where}"
        for where in beyond
    )
    state.execute(
        f"""
        create or replace temp table spine as
        with bounds as (
            select ?::timestamp as first_hour, ?::timestamp as last_hour
            union all
            select min(hour_at), max(hour_at) from ({rows_beyond}) as rows_beyond
        )
        select unnest(
            range(min(first_hour), max(last_hour) + interval 1 hour, interval 1 hour)
        ) as hour_at
        from bounds
        """,
        covered,
    )
    _add_hours(
        state,
        """
        (from spine except select hour_at from ops.hours)
        union all
        (select hour_at from ops.hours except from spine)
        """,
    )
    state.execute("delete from ops.hours")
    state.execute("insert into ops.hours select hour_at from spine")


def _note_landed_days(state: duckdb.DuckDBPyConnection) -> None:
    """Which days of the spine have landed data: as-of tables keep the newest of these.

    A day has some when an hour's or day's batch covers it, or an import has rows of it; what a
    batch's pages reach back to does not count.
    """
    state.execute(
        """
        create or replace temp table batches_to_note as
        select batch_id from ops.build_batches
        union
        select batch_id from ops.batches
        where batch_id not in (select batch_id from ops.landed_days)
        """
    )
    state.execute(
        "delete from ops.landed_days where batch_id in (select batch_id from batches_to_note)"
    )
    # Of a batch that covers no hours, as an import, the rows state which.
    is_of_rows = state.execute(
        "select batch_id from ops.batches semi join batches_to_note using (batch_id)"
        " where covers_from_at is null limit 1"
    ).fetchone()
    accepted = _accepted_rows(state)
    # A batch without a day gets a row with null, so that it is not looked at again.
    state.execute(
        f"""
        insert into ops.landed_days
        with accepted as ({accepted if is_of_rows else f"select * from ({accepted}) where false"}),
        noted as (
            select batches.* from ops.batches as batches
            inner join batches_to_note using (batch_id)
        ),
        hours as (
            select
                batch_id,
                unnest(range(covers_from_at, covers_to_at, interval 1 hour)) as hour_at
            from noted where covers_from_at is not null
            union all
            select accepted.batch_id, accepted.hour_at
            from accepted
            inner join noted using (batch_id)
            where noted.covers_from_at is null
        )
        select noted.batch_id, hours.hour_at::date as utc_date, max(hours.hour_at) as last_hour_at
        from noted
        left join hours using (batch_id)
        group by all
        """
    )
    state.execute("delete from ops.empty_days")
    state.execute(
        """
        insert into ops.empty_days
        select distinct hour_at::date from ops.hours
        where hour_at::date not in (
            select utc_date from ops.landed_days where utc_date is not null
        )
        """
    )
