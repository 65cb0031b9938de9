"""Changes to earlier days by a backfill or a rebuild are recorded as hashes of these days.

Three published days of one asset; the second release has another figure for 05:00 on the 27th.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pytest

from unwind.settings import Home
from unwind.warehouse import files, releases
from unwind.warehouse.models import fingerprints
from unwind.warehouse.state import OPS_TABLES

HOUR = "timestamp '2026-01-27 05:00:00'"
STAGING = f"""
{OPS_TABLES}
insert into ops.hours
select unnest(range(timestamp '2026-01-26', timestamp '2026-01-29', interval 1 hour));
insert into ops.landed_days values ('day-28', '2026-01-28', '2026-01-28 23:00:00');
"""
WAREHOUSE = """
create schema marts;
create table marts.liquidations_hourly as
select unnest(range(timestamp '2026-01-26', timestamp '2026-01-29', interval 1 hour)) as hour_at,
    'okx' as venue, 'BTC' as base_asset, 100::decimal(38, 4) as total_usd;
create table marts.landing_outcomes as
select 'day-28' as batch_id, 1 as revision, 'okx' as venue, 'liquidations' as dataset,
    timestamp '2026-01-29' as sealed_at;
create table marts.release (
    release_id varchar, run_id varchar, built_at timestamp, first_hour_at timestamp,
    last_hour_at timestamp, code_version varchar, batches integer, batches_new integer,
    gate_outcome varchar, gate_warnings integer
);
create table marts.gate_results (
    run_id varchar, gate varchar, suite varchar, expectation varchar, batch_id varchar,
    venue varchar, severity varchar, success boolean, unexpected_count bigint, observed varchar,
    message varchar, checked_at timestamp
);
create table marts.published_releases (
    release_id varchar, run_id varchar, published_at timestamp, first_hour_at timestamp,
    last_hour_at timestamp, code_version varchar, revisions bigint
);
create table marts.mart_revisions (
    revised_at timestamp, run_id varchar, release_id varchar, former_release_id varchar,
    mart varchar, change_kind varchar, row_key varchar, hour_at timestamp, utc_date date,
    column_name varchar, value_before varchar, value_after varchar, cause varchar,
    batch_ids varchar
);
"""
CHANGED = f"update marts.liquidations_hourly set total_usd = 700 where hour_at = {HOUR}"


def made(home: Home, staging: str = "", warehouse: str = "") -> Home:
    home.warehouse_dir.mkdir(parents=True, exist_ok=True)
    for path, sql in (
        (home.staging_db, STAGING + staging),
        (home.warehouse_db, WAREHOUSE + warehouse),
    ):
        path.unlink(missing_ok=True)
        with duckdb.connect(str(path)) as connection:
            connection.execute(sql)
    return home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = made(Home(tmp_path / "home"))
    releases.publish(home, "run-1", datetime(2026, 1, 29, 1, tzinfo=UTC))
    releases.take_own_copy(home)
    return home


def revisions(home: Home) -> list[tuple]:
    """Publishes, and returns the revisions."""
    releases.publish(home, "run-2", datetime(2026, 1, 30, tzinfo=UTC), Home(home.root))
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        assert release.execute(
            "select revisions = (select count(*) from marts.mart_revisions)"
            " from marts.published_releases where run_id = 'run-2'"
        ).fetchall() == [(True,)]
        return release.execute(
            "select mart, change_kind, cause, utc_date::varchar, value_before, value_after"
            " from marts.mart_revisions order by all"
        ).fetchall()


def late(days: int) -> str:
    """A late import of some days from the 26th on; the build replaces one hour."""
    noted = ", ".join(f"('import-1', '2026-01-{26 + n}', null)" for n in range(days))
    return f"""
        insert into ops.batches (batch_id, revision) values ('import-1', 1);
        insert into ops.build_batches values ('import-1', 1);
        insert into ops.landed_days values {noted};
        insert into ops.pending_hours values ({HOUR});
    """


def test_a_late_batch_of_two_days_is_kept_cell_by_cell(home: Home) -> None:
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(late(days=2))
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(CHANGED)
    assert revisions(home) == [
        ("liquidations_hourly", "changed", "late_batch", None, "100.0000", "700.0000")
    ]


def test_a_backfill_is_kept_by_day(home: Home) -> None:
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(late(days=3))
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(CHANGED)
    [(*day, before, after)] = revisions(home)
    assert day == ["liquidations_hourly", "rebuilt", "backfill", "2026-01-27"]
    assert None not in (before, after)
    assert before != after


def rebuilt(home: Home, of: dict[str, str], warehouse: str = CHANGED) -> list[tuple]:
    """Rebuilds everything beside a warehouse built from these models; returns the revisions."""
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.executemany("insert into ops.models values (?, ?)", list(of.items()))
    pending = "insert into ops.pending_hours from ops.hours;"
    return revisions(made(files.beside(home), pending, warehouse))


@pytest.mark.parametrize(
    ("changed", "cause"),
    [("", "full_rebuild"), ("liquidations_hourly", "changed_model"), ("assets", "changed_rule")],
)
def test_a_rebuild_is_kept_by_day_with_its_cause(home: Home, changed: str, cause: str) -> None:
    models = {
        name: "before" if name == changed else is_now for name, is_now in fingerprints().items()
    }
    [(*day, _, _)] = rebuilt(home, models)
    assert day == ["liquidations_hourly", "rebuilt", cause, "2026-01-27"]


def test_a_rebuild_without_changes_revises_nothing(home: Home) -> None:
    assert rebuilt(home, fingerprints(), warehouse="") == []


AUDIT = """
create table marts.grain_audit as
select unnest([date '2026-01-26', date '2026-01-27', date '2026-01-28']) as event_date,
    'okx' as venue, 'doubled_rows' as check_name, 40::bigint as trials;
"""


def test_days_that_had_ended_are_given_as_they_were_published(tmp_path: Path) -> None:
    home = made(Home(tmp_path / "home"), warehouse=AUDIT)
    releases.publish(home, "run-1", datetime(2026, 1, 29, 1, tzinfo=UTC))
    releases.take_own_copy(home)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(late(days=2))
        staging.execute("insert into ops.pending_hours values ('2026-01-26 05:00:00')")
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute(
            "update marts.grain_audit set trials = 41 where event_date = '2026-01-27'"
        )
        warehouse.execute("delete from marts.grain_audit where event_date = '2026-01-26'")
    revisions(home)
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        days = "select event_date::varchar, trials from marts.as_of_grain_audit({}) order by all"
        # The 28th was the last day with hours, and had not ended.
        assert release.execute(days.format("'2026-01-29 02:00'")).fetchall() == [
            ("2026-01-26", 40),
            ("2026-01-27", 40),
        ]
        assert release.execute(days.format("'2026-01-31'")).fetchall() == [("2026-01-27", 41)]


def test_dimensions_are_given_as_they_were_published(tmp_path: Path) -> None:
    assets = """
        create table marts.dim_assets as
        select unnest(['BTC', 'PEPE']) as base_asset, 'symbol' as asset_source;
    """
    home = made(Home(tmp_path / "home"), warehouse=assets)
    releases.publish(home, "run-1", datetime(2026, 1, 29, 1, tzinfo=UTC))
    releases.take_own_copy(home)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(late(days=1))
    with duckdb.connect(str(home.warehouse_db)) as warehouse:
        warehouse.execute("update marts.dim_assets set asset_source = 'document'")
        warehouse.execute("delete from marts.dim_assets where base_asset = 'PEPE'")
        warehouse.execute("insert into marts.dim_assets values ('ETH', 'symbol')")
    revisions(home)
    with duckdb.connect(str(home.current / "warehouse.duckdb"), read_only=True) as release:
        assets = "from marts.as_of_dim_assets({}) order by all"
        assert release.execute(assets.format("'2026-01-29 02:00'")).fetchall() == [
            ("BTC", "symbol"),
            ("PEPE", "symbol"),
        ]
        assert release.execute(assets.format("'2026-01-31'")).fetchall() == [
            ("BTC", "document"),
            ("ETH", "symbol"),
        ]
