"""Scenarios over the liquidation map (liquidation_wave, cliff_vs_drift), over hand-made tables.

`h` counts hours from FIRST_HOUR. The price is 100 everywhere. Each asset is for one test.

two       longs of 250 million dollars 5% below the price, of 750 million 7.9% below; shorts above;
          a volatility of 4% a day, a billion traded in derivatives, half of that in spot
beyond    the same with ten times the volatility
split     100 million dollars in the bucket of 94.9, and the volatility of `two`
calm      the levels of `noise`, and next to no volatility over 30 days
shorts    a map of shorts alone
spot      `two` without a volume of derivatives
still     `two` without volatilities
quiet     `two` without volumes
bare      no map
noise     levels and inputs from a hash of the hour
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from statistics import NormalDist
from typing import Any

import duckdb
import pytest
from jinja2 import Environment
from tests.dbt.test_liquidation_map import contents, open_warehouse

from unwind.settings import Home
from unwind.warehouse.dbt import DBT_PROJECT, run_dbt
from unwind.warehouse.models import variables
from unwind.warehouse.state import staging_state

FIRST_HOUR = datetime.fromisoformat("2026-01-01")  # naive UTC, as in the warehouse
HOURS = 48
LATE = 30
MARTS = ("marts.liquidation_wave", "marts.cliff_vs_drift")

# The upstream, one statement per table. {visible} filters the hours.
UPSTREAM = """
create schema if not exists staging.intermediate;
create schema if not exists warehouse.marts;

create or replace temp table grid as
select
    h::integer as h,
    timestamp '2026-01-01' + to_hours(h::integer) as hour_at,
    base_asset,
    (hash(h * 7 + 1) % 1000)::integer as noise_1,
    (hash(h * 7 + 2) % 1000)::integer as noise_2,
from range(48) as hours(h)
cross join (
    select unnest([
        'two', 'beyond', 'split', 'calm', 'shorts', 'spot', 'still', 'quiet', 'bare', 'noise'
    ]) as base_asset
);

create or replace table staging.intermediate.int_tracked_assets_hourly as
select hour_at, base_asset, hour_at + interval 65 minute as available_at
from grid where {visible};

create or replace temp table levels as
select * from (values
    ('long', 1823, 250e6, -5.0), ('long', 1811, 750e6, -7.9), ('short', 1860, 5e6, 4.1)
) as levels(liquidated_side, price_bucket, mass_usd, distance_percent)
cross join (
    select unnest(['two', 'beyond', 'spot', 'still', 'quiet']) as base_asset
)
union all
select 'long', 1823, 100e6, 100 * (pow(1.0025, 1823.5) / 100 - 1), 'split'
union all
select 'short', 1860, 5e6, 4.1, 'shorts';

create or replace table warehouse.marts.liquidation_map as
select
    hour_at, base_asset, liquidated_side, price_bucket::integer as price_bucket,
    mass_usd::double as mass_usd, mass_usd * 0.5::double as mass_low_usd,
    mass_usd * 0.9::double as mass_mid_usd, mass_usd * 1.5::double as mass_high_usd,
    100::double as price_usd, 'mark:binance:' || base_asset as price_source,
    round(distance_percent, 6)::double as distance_percent,
    'fixed' as mix_variant, 'mix-1' as mix_version, 'map-1' as model_version,
    hour_at + interval 70 minute as available_at
from (
    select hour_at, h, levels.* from grid inner join levels using (base_asset)
    union all by name
    select
        hour_at, h, base_asset, 'long' as liquidated_side, bucket as price_bucket,
        (hash(h * 1000 + bucket) % 5000000)::double as mass_usd,
        100 * (pow(1.0025, bucket + 0.5) / 100 - 1) as distance_percent
    from grid
    cross join range(1705, 1844) as buckets(bucket)
    where base_asset in ('noise', 'calm') and (bucket + h) % 3 != 0
)
where {visible};

create or replace table staging.intermediate.int_price_windows_hourly as
select
    hour_at, base_asset, hour_at + interval 65 minute as available_at,
    case base_asset
        when 'beyond' then 0.4 when 'noise' then 0.02 + noise_1 / 20000.0 when 'still' then null
        else 0.04
    end::double as realised_volatility_24h
from grid where {visible};

create or replace table warehouse.marts.unwind_classification as
select
    hour_at, base_asset,
    case base_asset
        when 'noise' then 0.02 + noise_2 / 20000.0 when 'calm' then 1e-7 when 'still' then null
        else 0.04
    end::double as daily_volatility_30d,
    hour_at + interval 75 minute as available_at
from grid where {visible};

create or replace table staging.intermediate.int_asset_derivative_volumes_hourly as
select
    hour_at, base_asset, if(base_asset = 'noise', 1e8 + noise_2 * 1e6, 1e9)::double
        as volume_24h_usd,
    base_asset = 'noise' as is_volume_missing, hour_at + interval 65 minute as available_at
from grid where base_asset not in ('spot', 'quiet') and {visible};

create or replace table staging.intermediate.int_asset_volumes_hourly as
select
    hour_at, base_asset, 5e8::double as volume_24h_usd,
    hour_at + interval 65 minute as available_at
from grid where base_asset != 'quiet' and {visible};
"""


def hour(h: int) -> datetime:
    """An hour by its number."""
    return FIRST_HOUR + timedelta(hours=h)


def land(home: Home, visible: str) -> None:
    """Makes the upstream tables from the hours that `visible` selects."""
    with staging_state(home):
        pass
    with open_warehouse(home) as connection:
        connection.execute(UPSTREAM.replace("{visible}", visible))


def build(home: Home, spine: int, pending: Iterable[int]) -> None:
    """Builds both marts of the pending hours on a spine of so many hours."""
    with open_warehouse(home) as connection:
        connection.execute("delete from staging.ops.hours")
        connection.execute("delete from staging.ops.pending_hours")
        for table, hours in (("hours", range(spine)), ("pending_hours", pending)):
            connection.execute(
                f"insert into staging.ops.{table} select unnest(?::timestamp[])",
                [[hour(h) for h in hours]],
            )
    models = ("liquidation_wave", "cliff_vs_drift")
    run_dbt(home, ["build", "--resource-type=model", "--select", *models])


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """All hours, built at once."""
    home = Home(tmp_path_factory.mktemp("full"))
    land(home, "true")
    build(home, HOURS, range(HOURS))
    with open_warehouse(home) as connection:
        yield connection


def wave(
    warehouse: duckdb.DuckDBPyConnection, base_asset: str, columns: str, h: int = 5
) -> list[tuple[Any, ...]]:
    """Columns of an asset's waves, by drop."""
    return warehouse.execute(
        f"select {columns} from marts.liquidation_wave where base_asset = ? and hour_at = ?"
        " order by drop_percent",
        [base_asset, hour(h)],
    ).fetchall()


def test_each_tracked_asset_has_a_row_for_each_drop(warehouse) -> None:
    for base_asset in ("two", "bare"):
        found = wave(warehouse, base_asset, "drop_percent")
        assert found == [(drop,) for drop in range(1, 21)]


def test_a_drop_forces_the_levels_down_to_it(warehouse) -> None:
    found = wave(warehouse, "two", "step_forced_usd, forced_usd")
    assert found[3:9] == [(0, 0), (250e6, 250e6), (0, 250e6), (0, 250e6), (750e6, 1e9), (0, 1e9)]
    assert wave(warehouse, "two", "forced_usd_low, forced_usd_mid, forced_usd_high")[19] == (
        500e6,
        900e6,
        1500e6,
    )


def test_the_fixed_point_of_two_levels_by_hand(warehouse) -> None:
    # Impact in percent is Y x 4 x root of billions sold: of the first level Y x 4 x 0.5, of both
    # Y x 4. 4% reach none. 5% reach the first alone: 5 + 1, 1.5, 2 < 7.9. 6% with Y = 1 get to 8
    # and so to 10; with less to 7 and 7.5. 7% all get past 7.9: 7 + 2, 3, 4.
    ends = "final_drop_percent_low, final_drop_percent_mid, final_drop_percent_high"
    assert wave(warehouse, "two", ends)[3:7] == [(4, 4, 4), (6, 6.5, 7), (7, 7.5, 10), (9, 10, 11)]
    sold = "wave_usd_low, wave_usd_mid, wave_usd_high"
    assert wave(warehouse, "two", sold)[3:7] == [
        (0, 0, 0),
        (250e6, 250e6, 250e6),
        (250e6, 250e6, 1e9),
        (1e9, 1e9, 1e9),
    ]
    amplifications = "amplification_low, amplification_mid, amplification_high, is_beyond_map"
    assert wave(warehouse, "two", amplifications)[3:6] == [
        (1, 1, 1, False),
        (1.2, 1.3, 1.4, False),
        (1.166667, 1.25, 1.666667, False),
    ]


def fixed_point(drop: float, factor: float, scale: float, levels: list[tuple[float, float]]):
    """Iterates x = drop + factor x scale x root of what is forced down to x."""
    fall, former = drop, -1.0
    while fall != former:
        former = fall
        forced = math.fsum(mass for distance, mass in levels if distance <= fall)
        fall = drop + factor * scale * math.sqrt(forced)
    return fall


def test_the_ladder_gives_what_iterating_gives(warehouse) -> None:
    grew = 0
    for h in range(0, HOURS, 7):
        levels = warehouse.execute(
            "select -distance_percent, mass_usd from marts.liquidation_map"
            " where base_asset = 'noise' and hour_at = ?",
            [hour(h)],
        ).fetchall()
        found = wave(
            warehouse,
            "noise",
            "drop_percent, realised_volatility_24h, volume_24h_usd, final_drop_percent_low,"
            " final_drop_percent_mid, final_drop_percent_high",
            h,
        )
        for drop, volatility, volume, *falls in found:
            scale = 100 * volatility / math.sqrt(volume)
            expected = [
                min(100, fixed_point(drop, factor, scale, levels)) for factor in (0.5, 0.75, 1.0)
            ]
            assert falls == pytest.approx(expected, abs=1e-6)
            first = scale * math.sqrt(math.fsum(mass for far, mass in levels if far <= drop))
            grew += expected[2] > drop + first + 0.1
    assert grew > 50


def test_past_the_end_of_the_map_a_wave_is_a_lower_bound(warehouse) -> None:
    # Ten times the impact: 5 + 20, 30, 40 reach both levels: 5 + 20, 30, 40.
    ends = "final_drop_percent_low, final_drop_percent_mid, final_drop_percent_high, is_beyond_map"
    found = wave(warehouse, "beyond", ends)
    assert found[3] == (4, 4, 4, False)
    assert found[4] == (25, 35, 45, True)


def test_local_reproduction_is_the_last_percents_selling_over_the_depth(warehouse) -> None:
    # Dollars for 1%: a billion x (0.01 / (Y x 0.04))^2, that is 1/16, 1/9 and 1/4 of it.
    depth = "depth_source, depth_usd_low, depth_usd_mid, depth_usd_high"
    reproduction = "local_reproduction_low, local_reproduction_mid, local_reproduction_high"
    found = wave(warehouse, "two", f"{depth}, {reproduction}")
    assert found[4] == (
        "square_root_of_volume",
        pytest.approx(62.5e6),
        pytest.approx(1e9 / 9),
        pytest.approx(250e6),
        pytest.approx(1),
        pytest.approx(2.25),
        pytest.approx(4),
    )
    assert found[5][4:] == (0, 0, 0)


def test_without_a_volume_of_derivatives_that_of_spot_is_named(warehouse) -> None:
    volume = "volume_source, volume_24h_usd, is_volume_incomplete, final_drop_percent_mid"
    assert wave(warehouse, "two", volume)[4] == ("derivatives", 1e9, False, 6.5)
    # Half of the volume: 0.75 x 4 x root of (0.25 / 0.5).
    assert wave(warehouse, "spot", volume)[4] == (
        "spot",
        5e8,
        True,
        pytest.approx(5 + 3 * math.sqrt(0.5), abs=1e-6),
    )


def test_what_is_not_known_is_null(warehouse) -> None:
    columns = (
        "price_usd, forced_usd, wave_usd_mid, final_drop_percent_mid, amplification_mid,"
        " is_beyond_map, depth_usd_mid, depth_source, local_reproduction_mid"
    )
    assert wave(warehouse, "still", columns)[4] == (100, 250e6, *[None] * 7)
    assert wave(warehouse, "quiet", columns)[4] == (100, 250e6, *[None] * 7)
    depth = (pytest.approx(1e9 / 9), "square_root_of_volume", None)
    assert wave(warehouse, "bare", columns)[4] == (*[None] * 6, *depth)


def test_a_map_without_longs_forces_nothing(warehouse) -> None:
    columns = "forced_usd, wave_usd_high, amplification_high, local_reproduction_high"
    assert set(wave(warehouse, "shorts", columns)) == {(0, 0, 1, 0)}


def test_waves_only_grow_with_the_drop(warehouse) -> None:
    grows = [
        f"{column}_{end}"
        for column in ("forced_usd", "wave_usd", "final_drop_percent")
        for end in ("low", "mid", "high")
    ]
    shrinking = " or ".join(f"{column} < lag({column}) over drops" for column in grows)
    assert (
        warehouse.execute(
            f"select hour_at, base_asset, drop_percent from marts.liquidation_wave"
            f" window drops as (partition by hour_at, base_asset order by drop_percent)"
            f" qualify {shrinking}"
        ).fetchall()
        == []
    )


def drift(
    warehouse: duckdb.DuckDBPyConnection, base_asset: str, columns: str, tenor_days: int
) -> list[tuple[Any, ...]]:
    """Columns of an asset's flows under options of a tenor, by drop."""
    return warehouse.execute(
        f"select {columns} from marts.cliff_vs_drift"
        " where base_asset = ? and tenor_days = ? and hour_at = ? order by drop_percent",
        [base_asset, tenor_days, hour(5)],
    ).fetchall()


@pytest.mark.parametrize(
    ("statistic", "probability"),
    # Standard normal tables, and for the far tail 0.5 erfc(6 / sqrt 2).
    [
        (-6, 9.865876450377e-10),
        (-3, 0.001349898031630),
        (-1, 0.158655253931457),
        (0, 0.5),
        (0.5, 0.691462461274013),
        (1.96, 0.975002104851780),
        (3, 0.998650101968370),
    ],
)
def test_the_normal_distribution_function(statistic, probability) -> None:
    macros = "".join(
        (DBT_PROJECT / "macros" / f"{name}.sql").read_text()
        for name in ("two_sided_normal_p", "normal_cdf")
    )
    sql = Environment().from_string(
        macros + "select {{ normal_cdf('z') }} from (select ?::double as z)"
    )
    [(found,)] = duckdb.sql(sql.render(), params=[statistic]).fetchall()
    assert found == pytest.approx(probability, abs=6e-8)
    assert statistic >= 0 or found == pytest.approx(probability, rel=1.2e-7)


@pytest.mark.parametrize("tenor_days", [7, 30, 90])
def test_a_hedged_drop_sells_the_change_of_delta(warehouse, tenor_days) -> None:
    # K = 1.0025^1823.5 = 94.92; to 94, d1 goes from (ln(100/K) + v/2)/root v to
    # (ln(94/K) + v/2)/root v, v = 0.04^2 x days.
    strike = 1.0025**1823.5
    deviation = 0.04 * math.sqrt(tenor_days)
    before, after = (
        NormalDist().cdf(math.log(price / strike) / deviation + deviation / 2)
        for price in (100, 94)
    )
    [found] = drift(warehouse, "split", "cliff_usd, drift_usd_low, drift_usd_high", tenor_days)[5:6]
    assert found == (100e6, 0, pytest.approx(100e6 * (before - after), abs=20))


def test_the_drift_of_a_month_by_hand(warehouse) -> None:
    # Root v = 0.04 x 5.477226 = 0.219089; ln K = 1823.5 x 0.00249688 = 4.553061.
    # At 100: d1 = (4.605170 - 4.553061) / 0.219089 + 0.109545 = 0.347389, Phi 0.635851.
    # At 94: d1 = (4.543295 - 4.553061) / 0.219089 + 0.109545 = 0.064968, Phi 0.525900.
    [(found,)] = drift(warehouse, "split", "drift_usd_high", 30)[5:6]
    assert found == pytest.approx(10_995_100, abs=500)


def test_the_two_claims_hold_all_coins(warehouse) -> None:
    # At 99, above K: P has K/99 of each coin, N the rest; at 94, below it, P has all.
    strike = 1.0025**1823.5
    coins = 100e6 / strike
    found = drift(warehouse, "split", "levels_base, principal_base, call_base", 30)
    assert found[0] == pytest.approx((coins, coins * strike / 99, coins * (1 - strike / 99)))
    assert found[5] == (pytest.approx(coins), pytest.approx(coins), 0)


def test_without_time_left_the_drift_is_the_cliff(warehouse) -> None:
    found = drift(warehouse, "calm", "cliff_usd, drift_usd_high", 7)
    assert len({cliff for cliff, _ in found}) == 20
    assert [high for _, high in found] == pytest.approx([cliff for cliff, _ in found], abs=0.01)


def test_the_bracket_is_ordered_within_all_levels(warehouse) -> None:
    rows = warehouse.execute(
        "select count(*), count(drift_usd_high),"
        " count(*) filter (where drift_usd_low <= drift_usd_high and drift_usd_high <= levels_usd)"
        " from marts.cliff_vs_drift"
    ).fetchone()
    # 10 assets, of which one has no map and one no volatility.
    assert rows == (HOURS * 10 * 60, HOURS * 8 * 60, HOURS * 8 * 60)


def test_without_volatility_the_cliff_remains(warehouse) -> None:
    columns = "cliff_usd, levels_usd, drift_usd_low, drift_usd_high"
    assert drift(warehouse, "still", columns, 7)[4] == (250e6, 1e9, None, None)
    assert drift(warehouse, "bare", columns, 7)[4] == (None,) * 4


def test_the_gates_tenors_are_the_projects(warehouse) -> None:
    found = warehouse.execute("select distinct tenor_days from marts.cliff_vs_drift order by 1")
    assert [days for (days,) in found.fetchall()] == variables()["cliff_tenors_days"]


def test_a_row_is_available_with_the_last_of_its_inputs(warehouse) -> None:
    found = [
        warehouse.execute(
            f"select distinct date_diff('minute', hour_at, available_at) from {table}"
            " where base_asset = 'two'"
        ).fetchall()
        for table in MARTS
    ]
    # The map; and the volatility of a month.
    assert found == [[(70,)], [(75,)]]


@pytest.fixture(scope="module")
def stepped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Builds all hours but the last and a late one, then the last hours, then the late hour."""
    home = Home(tmp_path_factory.mktemp("steps"))
    land(home, f"h < 40 and h != {LATE}")
    build(home, 40, [h for h in range(40) if h != LATE])
    land(home, f"h != {LATE}")
    build(home, HOURS, range(40, HOURS))
    land(home, "true")
    build(home, HOURS, [LATE])
    with open_warehouse(home) as connection:
        yield connection


@pytest.mark.parametrize("table", MARTS)
def test_increments_with_a_late_hour_equal_a_full_build(warehouse, stepped, table: str) -> None:
    full = contents(warehouse, table)
    assert contents(stepped, table) == full
    assert len(full) >= HOURS * 10 * 20


CORRUPTED = (
    ("warehouse.marts.liquidation_map", "mass_usd = 777, price_usd = 50"),
    ("warehouse.marts.unwind_classification", "daily_volatility_30d = 0.5"),
    ("staging.intermediate.int_price_windows_hourly", "realised_volatility_24h = 0.5"),
    ("staging.intermediate.int_asset_derivative_volumes_hourly", "volume_24h_usd = 1e7"),
    ("staging.intermediate.int_asset_volumes_hourly", "volume_24h_usd = 1e7"),
)


def test_nothing_looks_ahead(warehouse, tmp_path_factory) -> None:
    """Whatever comes after an hour, its rows and those before it stay as they are."""
    home = Home(tmp_path_factory.mktemp("corrupted"))
    land(home, "true")
    with open_warehouse(home) as connection:
        for table, columns in CORRUPTED:
            connection.execute(f"update {table} set {columns} where hour_at >= ?", [hour(40)])
    build(home, HOURS, range(HOURS))
    with open_warehouse(home) as corrupted:
        for table in MARTS:
            for sign, is_same in (("<", True), (">=", False)):
                query = f"select * from {table} where hour_at {sign} ? order by all"
                found, expected = (
                    one.execute(query, [hour(40)]).fetchall() for one in (corrupted, warehouse)
                )
                assert (found == expected) is is_same, table
