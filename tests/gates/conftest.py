"""Small hand-made staging tables that pass every check; each test breaks one thing."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import pytest

from unwind.settings import Home
from unwind.warehouse import gate_context, gates
from unwind.warehouse.state import OPS_TABLES

if TYPE_CHECKING:
    from great_expectations.data_context import FileDataContext

STAGED = """
create schema intermediate;
create schema landed;
create table intermediate.int_liquidations_unioned (
    batch_id varchar, raw_object varchar, raw_line bigint, row_in_line bigint, parser varchar,
    source_kind varchar, received_at timestamp, venue varchar, instrument varchar,
    liquidated_side varchar, event_kind varchar, event_at timestamp, hour_at timestamp,
    raw_side varchar, raw_quantity varchar, raw_price varchar, reject_reason varchar,
    line_class varchar, source_rank integer, sealed_at timestamp, contract_type varchar,
    venue_asset varchar, quote_asset varchar, contract_size decimal(38, 12), settle_asset varchar,
    event_at_source varchar, published_at timestamp, raw_quantity_unit varchar,
    quantity decimal(38, 12),
    price_usd decimal(38, 12), price_kind varchar, order_key varchar, natural_key varchar,
    occurrence_number integer, spelled_asset varchar
);
-- Forty rows a part: binance streams (hour), okx pages (hour), bybit imports a day of 2024.
insert into intermediate.int_liquidations_unioned (
    batch_id, raw_object, raw_line, row_in_line, parser, source_kind, received_at, venue,
    instrument, liquidated_side, event_kind, event_at, hour_at, raw_side, raw_quantity, raw_price,
    reject_reason, line_class, sealed_at
)
select
    part.batch_id, part.venue || '-object', number, 1, part.venue || '.frame@1', part.source_kind,
    event_at + interval 300 millisecond, part.venue, 'BTCUSDT',
    if(number % 4 = 0, 'short', 'long'), 'liquidation', event_at, date_trunc('hour', event_at),
    'SELL', '0.5', '90000', null, 'row', timestamp '2026-01-29 15:00:00' + to_minutes(minute)
from (values
    ('hour-2026-01-29T14', 'binance', 'stream', timestamp '2026-01-29 14:00:00', 1),
    ('hour-2026-01-29T14', 'okx', 'rest', timestamp '2026-01-29 14:00:00', 1),
    ('import-0123456789ab', 'bybit', 'stream', timestamp '2024-08-05 01:00:00', 2)
) as part(batch_id, venue, source_kind, from_at, minute)
cross join range(1, 41) as numbers(number)
cross join lateral (select part.from_at + to_minutes(number::int) as event_at);

create table landed.stg_binance__funding (
    batch_id varchar, raw_object varchar, raw_line bigint, received_at timestamp, venue varchar,
    instrument varchar, observed_at timestamp, hour_at timestamp, funding_rate double,
    reject_reason varchar
);
insert into landed.stg_binance__funding
select
    'hour-2026-01-29T14', 'funding-object', number, timestamp '2026-01-29 15:00:10', 'binance',
    'BTCUSDT', timestamp '2026-01-29 14:00:00', timestamp '2026-01-29 14:00:00', 0.0001, null
from range(1, 41) as numbers(number);

create schema seeds;
create table seeds.plausibility_limits as
select * from (values
    ('notional_usd_max', 1e10), ('oi_usd_max', 1e11), ('price_usd_min', 1e-12),
    ('price_usd_max', 1e9),
    ('funding_rate_8h_max', 0.5), ('interval_hours_min', 1.0), ('interval_hours_max', 24.0)
) as listed(limit_name, value);

insert into ops.batches values
    ('hour-2026-01-29T14', 1, 'hour', '2026-01-29 15:01:00', '2026-01-29 14:00:00',
        '2026-01-29 15:00:00'),
    ('import-0123456789ab', 1, 'import', '2026-01-29 15:02:00', null, null);
insert into ops.build_batches values ('hour-2026-01-29T14', 1), ('import-0123456789ab', 1);
insert into ops.batch_outcomes values
    ('hour-2026-01-29T14', 1, 'binance', 'liquidations', 'ok', '', 1, 1, 40, '2026-01-29 15:00:10'),
    ('hour-2026-01-29T14', 1, 'binance', 'funding', 'ok', '', 1, 1, 1, '2026-01-29 15:00:10'),
    ('hour-2026-01-29T14', 1, 'okx', 'liquidations', 'ok', '', 1, 1, 1, '2026-01-29 15:00:10'),
    ('import-0123456789ab', 1, 'bybit', 'liquidations', 'ok', '', 1, 1, 40, '2026-01-29 15:00:10');
insert into ops.pending_hours values ('2026-01-29 14:00:00'), ('2026-01-29 15:00:00');
insert into ops.hours values ('2026-01-29 14:00:00'), ('2026-01-29 15:00:00');
"""


@pytest.fixture(scope="session")
def sound_warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = Home(tmp_path_factory.mktemp("sound"))
    home.warehouse_dir.mkdir(parents=True)
    with duckdb.connect(str(home.staging_db)) as staging:
        staging.execute(OPS_TABLES)
        staging.execute(STAGED)
    return home.warehouse_dir


@pytest.fixture
def home(sound_warehouse: Path, tmp_path: Path) -> Home:
    home = Home(tmp_path)
    shutil.copytree(sound_warehouse, home.warehouse_dir)
    return home


@pytest.fixture(scope="session")
def shared_context(tmp_path_factory: pytest.TempPathFactory) -> FileDataContext:
    return gate_context.context_of(Home(tmp_path_factory.mktemp("shared")))


@pytest.fixture(autouse=True)
def suites_read_once(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    shared_context: FileDataContext,
) -> None:
    """Loads the suites once for all tests, except those that read a context's output."""
    if "own_context" not in request.fixturenames:
        for module in (gates, gate_context):
            monkeypatch.setattr(module, "context_of", lambda _home: shared_context)


@pytest.fixture
def own_context() -> None:
    """The gates write results under this test's home."""


@pytest.fixture(autouse=True)
def small_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lowers the row limit of an hour to 100, so that tests need few rows to exceed it."""
    stated = gates.thresholds()
    small = replace(stated["hour_part_rows_max"], value=100)
    monkeypatch.setattr(gate_context, "thresholds", lambda: {**stated, "hour_part_rows_max": small})


@pytest.fixture
def in_staging(home: Home) -> Callable[[str], None]:
    """Runs SQL in the staging file, to break something."""

    def run(sql: str) -> None:
        with duckdb.connect(str(home.staging_db)) as staging:
            staging.execute(sql)

    return run
