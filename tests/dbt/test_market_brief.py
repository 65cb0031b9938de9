"""The brief over hand-made marts: its sentences and fields, written out by hand.

Three hours of one afternoon. BTC has everything; each other asset is for one test:

quiet     nothing was liquidated, and everything was covered
hidden    nothing was published, by venues that hide some
onesided  longs only, while a venue was not covered
dark      nothing is known
level     as many dollars of longs as of shorts; every figure of the map and of prices is small
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

import duckdb
import pytest
from jinja2 import Environment

from unwind.settings import Home
from unwind.warehouse.dbt import DBT_PROJECT, run_dbt
from unwind.warehouse.state import staging_state

# Naive UTC, as in the warehouse.
HOURS = [datetime.fromisoformat(f"2026-01-29 {hour}:00") for hour in (13, 14, 15)]
ASSETS = ("BTC", "ALL", "quiet", "hidden", "onesided", "dark", "level")

UPSTREAM = f"""
create schema if not exists warehouse.marts;

create or replace temp table grid as
select timestamp '2026-01-29' + to_hours(h::integer) as hour_at, base_asset, h::integer as h
from range(13, 16) as hours(h) cross join (select unnest({list(ASSETS)}) as base_asset)
where {{visible}};

create or replace table warehouse.marts.dim_venues as
select * from (values
    ('binance', 'Binance', 2020), ('binance', 'Binance', 2021), ('okx', 'OKX', 2020),
    ('htx', 'HTX', 2020), ('gate', 'Gate', 2020), ('hyperliquid', 'Hyperliquid', 2020)
) as venues(venue, venue_name, valid_from);

-- BTC: shorts were the larger side at 13:00 and 15:00.
create or replace table warehouse.marts.liquidation_imbalance_hourly as
with sides as (
    select
        hour_at, base_asset,
        case
            when base_asset in ('BTC', 'ALL') then if(h = 14, 230400000, 3000000)
            when base_asset in ('quiet', 'hidden') then 0
            when base_asset = 'onesided' then 5000000
            when base_asset = 'level' then 45300
        end::decimal(38, 4) as long_1h_usd,
        case
            when base_asset in ('BTC', 'ALL') then 4100000
            when base_asset in ('quiet', 'hidden') then 0
            when base_asset = 'level' then 45300
        end::decimal(38, 4) as short_1h_usd
    from grid
)
select
    *,
    if(base_asset = 'BTC' and long_1h_usd > 4e6, 235100000, long_1h_usd)::decimal(38, 4)
        as long_1h_usd_low,
    if(base_asset = 'BTC' and long_1h_usd > 4e6, 240000000, long_1h_usd)::decimal(38, 4)
        as long_1h_usd_mid,
    if(base_asset = 'BTC' and long_1h_usd > 4e6, 260200000,
        if(base_asset in ('hidden', 'onesided'), null, long_1h_usd))::decimal(38, 4)
        as long_1h_usd_high,
    short_1h_usd as short_1h_usd_low, short_1h_usd as short_1h_usd_mid,
    if(base_asset = 'hidden', null, short_1h_usd) as short_1h_usd_high,
    if(long_1h_usd > 0, (long_1h_usd::double / (long_1h_usd + short_1h_usd)::double), null)
        as long_dominance_1h,
    case base_asset when 'BTC' then 0.96 when 'level' then -0.2 end::double as imbalance_1h_low,
    case base_asset when 'BTC' then 0.98 when 'level' then 0.2 end::double as imbalance_1h_high,
    base_asset in ('hidden', 'onesided', 'dark') as has_unestimated_part_1h,
    base_asset not in ('quiet', 'level') as is_lower_bound_1h,
    base_asset in ('BTC', 'onesided', 'dark') as is_incomplete_1h,
    hour_at + interval 70 minute as available_at
from sides;

create or replace table warehouse.marts.stress_hourly as
select
    hour_at, base_asset,
    case base_asset when 'BTC' then 83.24 when 'quiet' then 20 end::double as score,
    if(base_asset = 'BTC', 97.3, null)::double as score_percentile,
    case when base_asset = 'BTC' then if(h = 14, 'extreme', 'stressed') end as regime,
    hour_at + interval 65 minute as available_at
from grid;

create or replace table warehouse.marts.unwind_classification as
select
    hour_at, base_asset,
    case base_asset
        when 'BTC' then if(h = 13, 'mixed', 'staged') when 'ALL' then 'staged'
        when 'quiet' then 'mixed' when 'hidden' then 'voluntary' when 'level' then 'capitulation'
    end as unwind_class,
    if(base_asset = 'BTC', 'staged', 'none_holds') as deciding_rule,
    base_asset in ('BTC', 'ALL') as is_staged, if(base_asset = 'BTC', 9, 0)::integer as episodes_7d,
    case base_asset when 'BTC' then 3 when 'ALL' then 4 else 0 end::integer as stages_7d,
    case base_asset when 'BTC' then -0.052 when 'quiet' then 0.0002 when 'hidden' then -0.12
        when 'level' then -0.182 end::double as oi_change_24h_share,
    if(base_asset = 'hidden', 0.083, null)::double as forced_ratio_high,
    hour_at + interval 60 minute as available_at
from grid;

-- The second warning of BTC rises at 14:00, the first one falls at 15:00.
create or replace table warehouse.marts.divergence_hourly as
select
    hour_at, base_asset,
    case when base_asset = 'BTC' then h < 15 when base_asset = 'quiet' then false end
        as recovery_divergence,
    case when base_asset = 'BTC' then h >= 14 when base_asset = 'quiet' then false end
        as range_divergence,
    recovery_divergence or range_divergence as any_divergence,
    case base_asset when 'BTC' then -0.4 when 'quiet' then 0.1 end::double as range_tau,
    0.01::double as range_p_value, 0.05::double as trend_p_threshold,
    if(base_asset = 'BTC', 84000, null)::double as close_usd,
    hour_at + interval 61 minute as available_at
from grid where base_asset != 'ALL';

create or replace table warehouse.marts.exchange_breakdown as
select
    hour_at, window_hours, base_asset, venue, total_usd::decimal(38, 4) as total_usd,
    total_usd::decimal(38, 4) as total_usd_low, (2 * total_usd)::decimal(38, 4) as total_usd_high,
    share::double as share, is_ranking_open, is_lower_bound, complete_hours, 4::bigint
        as venues_expected, 3::bigint as venues_reporting,
    hour_at + interval 80 minute as available_at
from grid
inner join (values
    ('BTC', 'hyperliquid', 59300000, 0.2529, true, false, 1),
    ('BTC', 'binance', 36200000, 0.1544, true, true, 1),
    ('BTC', 'gate', 20000000, 0.0853, false, true, 0),
    ('BTC', 'okx', 999960, 0.0002, false, true, 1),
    ('BTC', 'htx', null, null, null, true, 0),
    ('BTC', 'ALL', 234500000, 1, null, true, 0),
    ('onesided', 'gate', 5000000, 1, false, false, 1),
    ('onesided', 'htx', null, null, null, true, 0),
    ('onesided', 'okx', null, null, null, true, 0),
    ('onesided', 'ALL', 5000000, 1, null, true, 0),
    ('quiet', 'ALL', 0, null, null, false, 1),
    ('hidden', 'ALL', 0, null, null, true, 1),
    ('level', 'binance', 45300, 0.5, true, false, 1),
    ('level', 'gate', 45300, 0.5, true, false, 1),
    ('level', 'ALL', 90600, 1, null, false, 1)
) as rows(base_asset, venue, total_usd, share, is_ranking_open, is_lower_bound, complete_hours)
    using (base_asset)
cross join (values (1), (24)) as windows(window_hours);

create or replace table warehouse.marts.venue_coverage_hourly as
select hour_at, venue, venue not in ('htx', 'okx') as is_covered
from (select distinct hour_at from grid)
cross join (values ('htx'), ('okx'), ('gate'), ('binance'), ('hyperliquid')) as venues(venue);

-- Of BTC two kinds of price at the market share a bucket, a larger one is 6% away, and one is of a
-- kind off the market.
create or replace table warehouse.marts.liquidation_clusters as
select
    hour_at, base_asset, price_kind, price_kind in ('fill_avg', 'mark') as is_market_price,
    price_bucket, low::double as bucket_low_usd, high::double as bucket_high_usd,
    usd::decimal(38, 4) as long_30d_usd, distance::double as distance_to_spot_percent,
    swing_low::double as nearest_swing_low_usd,
    swing_distance::double as distance_to_swing_low_percent,
    hour_at + interval 90 minute as available_at
from grid
inner join (values
    ('BTC', 'fill_avg', 4530, 81900.4, 82105.2, 25000000, -2.34, 81700.0, 0.37),
    ('BTC', 'mark', 4530, 81900.4, 82105.2, 20500000, -2.34, 81700.0, 0.37),
    ('BTC', 'mark', 4540, 84100.0, 84310.0, 40000000, 0.1, 81700.0, 2.9),
    ('BTC', 'fill_avg', 4510, 78900.0, 79100.0, 90000000, -6.0, 81700.0, -3.3),
    ('BTC', 'bankruptcy', 4531, 82105.2, 82310.0, 70000000, -2.1, 81700.0, 0.6),
    ('level', 'mark', -1762, 0.0123, 0.01233, 800, 0.0, null, null)
) as rows(
    base_asset, price_kind, price_bucket, low, high, usd, distance, swing_low, swing_distance
) using (base_asset);

create or replace table warehouse.marts.liquidation_map as
select
    hour_at, base_asset, liquidated_side, price_bucket, low::double as bucket_low_usd,
    high::double as bucket_high_usd, mass::double as mass_usd, mass / 2.0::double as mass_low_usd,
    mass * 2.0::double as mass_high_usd, distance::double as distance_percent,
    hour_at + interval 60 minute as available_at
from grid
inner join (values
    ('BTC', 'long', 4539, 83300.0, 83500.0, 2000000, -0.7),
    ('BTC', 'long', 4532, 81700.0, 81900.0, 8000000, -2.6),
    ('BTC', 'long', 4525, 80000.0, 80200.0, 12400000, -4.6),
    ('BTC', 'long', 4520, 79000.0, 79200.0, 11000000, -5.8),
    ('BTC', 'short', 4550, 86000.0, 86200.0, 50000000, 2.5),
    ('level', 'short', -1700, 0.0143, 0.01433, 5000, 16.0)
) as rows(base_asset, liquidated_side, price_bucket, low, high, mass, distance)
    using (base_asset);

create or replace table warehouse.marts.liquidation_wave as
select
    hour_at, base_asset, drop_percent,
    coalesce(sum(mass_usd) filter (is_reached), 0) as forced_usd,
    coalesce(sum(mass_low_usd) filter (is_reached), 0) as forced_usd_low,
    coalesce(sum(mass_high_usd) filter (is_reached), 0) as forced_usd_high,
    hour_at + interval 60 minute as available_at
from (
    select
        *, liquidated_side = 'long' and distance_percent >= -drop_percent as is_reached
    from warehouse.marts.liquidation_map cross join range(1, 21) as drops(drop_percent)
)
group by hour_at, base_asset, drop_percent;
"""


def land(home: Home, visible: str) -> None:
    """Makes the upstream tables of the hours that a condition selects."""
    with staging_state(home):
        pass
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home.warehouse_db}' as warehouse")
        connection.execute(UPSTREAM.replace("{visible}", visible))


def build(home: Home, spine: Iterable[datetime], pending: Iterable[datetime]) -> None:
    """Builds the brief of the pending hours of a spine, as a refresh does."""
    with staging_state(home) as connection:
        for table, hours in (("ops.hours", spine), ("ops.pending_hours", pending)):
            connection.execute(f"delete from {table}")
            connection.executemany(f"insert into {table} values (?)", [[hour] for hour in hours])
    run_dbt(home, ["build", "--resource-type=model", "--select", "market_brief_hourly"])


def read(home: Home, sql: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home.warehouse_db), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="module")
def full_build(tmp_path_factory: pytest.TempPathFactory) -> Home:
    home = Home(tmp_path_factory.mktemp("full"))
    land(home, "true")
    build(home, HOURS, HOURS)
    return home


@pytest.fixture(scope="module")
def briefs(full_build: Home) -> Iterator[dict[tuple[str, int], dict[str, Any]]]:
    """Every row by asset and hour of the day."""
    with duckdb.connect(str(full_build.warehouse_db), read_only=True) as connection:
        result = connection.execute("from marts.market_brief_hourly")
        names = [column[0] for column in result.description]
        rows = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    return {(row["base_asset"], row["hour_at"].hour): row for row in rows}


def sentences_of(briefs, asset: str, hour: int) -> list[str]:
    """The sentences of a brief, but for the last, which is the command that checks it."""
    brief = briefs[asset, hour]["brief"].replace("Check it: ", "Check it. ")
    *sentences, check, command = brief.split(". ")
    assert check == "Check it"
    assert command == (
        "unwind explain market_brief_hourly --where"
        f" \"hour_at = '2026-01-29 {hour}:00' and base_asset = '{asset}'\"."
    )
    return [f"{sentence}." for sentence in sentences]


def fields(row: dict[str, Any], names: str) -> tuple[Any, ...]:
    return tuple(row[name] for name in names.replace(",", " ").split())


def test_a_full_brief_reads_as_an_article_does(briefs) -> None:
    assert sentences_of(briefs, "BTC", 14) == [
        "In the hour from 14:00 UTC on 29 January 2026, longs dominated BTC liquidations: at least"
        " $230.4 million of longs and at least $4.1 million of shorts, a long share of 98.3%.",
        "With what venues did not publish, the estimate is between $235.1 million and $260.2"
        " million of longs and $4.1 million of shorts (90% intervals).",
        "The largest venues were Hyperliquid with $59.3 million (25.3%), Binance with at least"
        " $36.2 million (15.4%) and Gate with at least $20 million (8.5%).",
        "Which of them was the largest remains open.",
        "Nothing was received from HTX.",
        "Gate was covered only in part.",
        "The sums of Binance and OKX are lower bounds by their publication rules.",
        "The largest cluster of forced long selling in 30 days within 5% of the price is $45.5"
        " million at 81,900 to 82,105, 2.3% below the price and 0.4% above the nearest confirmed"
        " swing low (81,700).",
        "The largest estimated level of long liquidations below the price is $12.4 million (between"
        " $6.2 million and $24.8 million) at 80,000 to 80,200, 4.6% below the price.",
        "Falls of 1%, 3% and 5% would liquidate an estimated $2 million (between $1 million and $4"
        " million), $10 million (between $5 million and $20 million) and $22.4 million (between"
        " $11.2 million and $44.8 million) of longs.",
        "The 24 hours to 15:00 UTC are classified as a staged unwind after 3 stages in 7 days;"
        " open interest fell 5.2%.",
        "The stress regime is extreme: the score of 83.2 is at percentile 97.3 of the 90 days"
        " before.",
        "Warning: long liquidations rise without a recovery of the price.",
        "Warning: liquidations rise while the price's hourly ranges narrow.",
        "The price is range-bound: its hourly ranges have narrowed over 48 hours.",
        "Since the hour before, the regime went from stressed to extreme, the classification went"
        " from mixed to staged, the dominant side went from short to long and the warning of rising"
        " liquidations in narrowing ranges was raised.",
    ]


def test_a_briefs_fields_are_those_of_the_marts(briefs) -> None:
    row = briefs["BTC", 14]
    assert fields(row, "dominant_side, long_usd, long_usd_low, long_usd_mid, long_usd_high") == (
        *("long", 230_400_000, 235_100_000, 240_000_000, 260_200_000),
    )
    # (1 + 0.96) / 2 and (1 + 0.98) / 2.
    columns = "long_share_low, long_share_high, is_dominant_side_open, has_unestimated_part"
    assert fields(row, columns) == (0.98, 0.99, False, False)
    assert fields(row, "largest_venue, largest_venue_usd, largest_venue_share") == (
        *("hyperliquid", 59_300_000, 0.2529),
    )
    assert fields(row, "second_venue, third_venue, third_venue_usd_high") == (
        *("binance", "gate", 40_000_000),
    )
    columns = (
        "missing_venue_list, partial_venue_list, lower_bound_venue_list, is_largest_venue_open"
    )
    assert fields(row, columns) == ("htx", "gate", "binance, okx", True)
    columns = "cluster_low_usd, cluster_long_30d_usd, cluster_swing_low_usd, close_usd"
    assert fields(row, columns) == (81900.4, 45_500_000, 81700, 84_000)
    columns = "level_low_usd, level_mass_usd, level_mass_low_usd, level_distance_percent"
    assert fields(row, columns) == (80_000, 12_400_000, 6_200_000, -4.6)
    columns = "fall_1_percent_usd, fall_3_percent_usd, fall_5_percent_usd, fall_5_percent_high_usd"
    assert fields(row, columns) == (2_000_000, 10_000_000, 22_400_000, 44_800_000)
    columns = "unwind_class, is_staged, episodes_7d, score, regime, is_range_narrowing"
    assert fields(row, columns) == ("staged", True, 9, 83.24, "extreme", True)
    columns = "has_changed, previous_dominant_side, previous_unwind_class, previous_regime"
    assert fields(row, columns) == (True, "short", "mixed", "stressed")
    columns = "previous_recovery_divergence, previous_range_divergence"
    assert fields(row, columns) == (True, False)
    assert row["headline"] == sentences_of(briefs, "BTC", 14)[0]
    # The clusters' batch is the last: 90 minutes after the hour's start.
    assert row["available_at"] == datetime.fromisoformat("2026-01-29 15:30")


def test_a_change_back_is_one_too(briefs) -> None:
    assert sentences_of(briefs, "BTC", 15)[-1] == (
        "Since the hour before, the regime went from extreme to stressed, the dominant side went"
        " from long to short and the warning of rising long liquidations without a recovery was"
        " withdrawn."
    )
    assert sentences_of(briefs, "BTC", 15)[0] == (
        "In the hour from 15:00 UTC on 29 January 2026, shorts dominated BTC liquidations: at least"
        " $4.1 million of shorts and at least $3 million of longs, a long share of 42.3%."
    )


def test_without_an_hour_before_there_is_no_change(briefs) -> None:
    assert "Since" not in briefs["BTC", 13]["brief"]
    columns = "has_changed, previous_regime, previous_dominant_side"
    assert fields(briefs["BTC", 13], columns) == (False, None, None)


def test_the_brief_of_all_assets_has_a_class_and_no_prices(briefs) -> None:
    assert sentences_of(briefs, "ALL", 14) == [
        "In the hour from 14:00 UTC on 29 January 2026, longs dominated liquidations: at least"
        " $230.4 million of longs and at least $4.1 million of shorts, a long share of 98.3%.",
        "With every asset down by as much, falls of 1%, 3% and 5% would liquidate an estimated $2"
        " million (between $1 million and $4 million), $10 million (between $5 million and $20"
        " million) and $22.4 million (between $11.2 million and $44.8 million) of longs.",
        "The 24 hours to 15:00 UTC are classified as a staged unwind after 4 stages in 7 days.",
        "The stress score is not known.",
        "Since the hour before, the dominant side went from short to long.",
    ]
    columns = "close_usd, cluster_low_usd, level_mass_usd, recovery_divergence"
    assert fields(briefs["ALL", 14], columns) == (None,) * 4
    assert fields(briefs["ALL", 14], "missing_venue_list, largest_venue") == ("", None)


def test_no_liquidation_and_none_published_are_different_sentences(briefs) -> None:
    assert sentences_of(briefs, "quiet", 14) == [
        "In the hour from 14:00 UTC on 29 January 2026, no quiet position was liquidated.",
        "Every venue that was expected to report was covered in full.",
        "No rule of capitulation, staged or voluntary unwinding holds for the 24 hours to 15:00"
        " UTC; open interest did not change.",
        "The stress score is 20; its regime is not known, for want of history.",
        "No divergence warning holds.",
        "The price's hourly ranges have not narrowed over 48 hours.",
        "No known change of side, classification, regime or warnings since the hour before.",
    ]
    assert fields(briefs["quiet", 14], "dominant_side, long_share") == ("none", None)
    assert sentences_of(briefs, "hidden", 14) == [
        "In the hour from 14:00 UTC on 29 January 2026, no hidden liquidation was published.",
        "What venues did not publish can only be estimated in part.",
        "Every venue that was expected to report was covered in full.",
        "The 24 hours to 15:00 UTC are classified as a voluntary unwind; open interest fell 12%, of"
        " which at most 8.3% was forced.",
        "The stress score is not known.",
        "Whether a divergence warning holds is not known.",
        "No known change of side, classification, regime or warnings since the hour before.",
    ]


def test_an_unknown_side_is_no_zero(briefs) -> None:
    assert sentences_of(briefs, "onesided", 14) == [
        "In the hour from 14:00 UTC on 29 January 2026, at least $5 million of longs in"
        " onesided were liquidated; shorts are not known.",
        "What venues did not publish can only be estimated in part.",
        "The only venue that reported any was Gate with $5 million (100%).",
        "Nothing was received from HTX and OKX.",
        "How leverage left in the 24 hours to 15:00 UTC is not known.",
        "The stress score is not known.",
        "Whether a divergence warning holds is not known.",
    ]
    assert fields(briefs["onesided", 14], "dominant_side, short_usd") == (None, None)


def test_an_hour_of_which_nothing_is_known_has_a_brief(briefs) -> None:
    assert sentences_of(briefs, "dark", 14)[0] == (
        "In the hour from 14:00 UTC on 29 January 2026, the size of dark liquidations is not known."
    )
    columns = "long_usd, largest_venue, missing_venue_list, fall_1_percent_usd, has_changed"
    assert fields(briefs["dark", 14], columns) == (None, None, "", None, False)


def test_equal_sides_and_small_figures(briefs) -> None:
    sentences = sentences_of(briefs, "level", 14)
    assert sentences[:3] == [
        "In the hour from 14:00 UTC on 29 January 2026, level liquidations were even: $45,300 of"
        " longs and $45,300 of shorts.",
        "Which side was larger remains open.",
        "The largest venues were Binance with $45,300 (50%) and Gate with $45,300 (50%).",
    ]
    assert (
        "The largest cluster of forced long selling in 30 days within 5% of the price is $800 at"
        " 0.0123 to 0.01233, around the price."
    ) in sentences
    # Only shorts are mapped: a fall liquidates nothing.
    assert (
        "Falls of 1%, 3% and 5% would liquidate an estimated $0 ($0), $0 ($0) and $0 ($0) of longs."
    ) in sentences
    assert (
        "The 24 hours to 15:00 UTC are classified as a capitulation; open interest fell 18.2%."
    ) in sentences


def test_a_later_hour_changes_nothing_before_it(full_build: Home, tmp_path) -> None:
    home = Home(tmp_path)
    land(home, "h < 15")
    build(home, HOURS[:2], HOURS[:1])
    build(home, HOURS[:2], HOURS[1:2])
    until_14 = "from marts.market_brief_hourly where hour_at < '2026-01-29 15:00' order by all"
    assert len(read(home, until_14)) == 2 * len(ASSETS)
    assert read(home, until_14) == read(full_build, until_14)


@pytest.mark.parametrize(
    ("usd", "words"),
    [
        (0, "$0"),
        (0.4, "under $1"),
        (312.4, "$312"),
        (999_949, "$999,949"),
        (999_950, "$1 million"),
        (230_440_000, "$230.4 million"),
        (999_949_999, "$999.9 million"),
        (999_950_000, "$1 billion"),
        (12_345_000_000, "$12.35 billion"),
        (1_234_560_000_000, "$1,234.56 billion"),
    ],
)
def test_dollars_are_rounded_for_reading(usd, words) -> None:
    assert words_of("usd_words", usd) == words


@pytest.mark.parametrize(
    ("macro", "number", "words"),
    [
        ("share_words", 0, "0%"),
        ("share_words", 0.0004, "under 0.1%"),
        ("share_words", 0.257, "25.7%"),
        ("share_words", 0.9996, "over 99.9%"),
        ("share_words", 1, "100%"),
        ("price_words", 81899.6, "81,900"),
        ("price_words", 312.456, "312.46"),
        ("price_words", 1.5, "1.5"),
        ("price_words", 0.0123456, "0.01235"),
        ("price_words", 0.0000098765, "0.000009877"),
    ],
)
def test_shares_and_prices_are_rounded_for_reading(macro, number, words) -> None:
    assert words_of(macro, number) == words


def words_of(macro: str, number: float) -> str:
    """A figure in the words of a macro, which is rendered by itself."""
    macros = Environment().from_string((DBT_PROJECT / "macros" / "brief_words.sql").read_text())
    expression = getattr(macros.module, macro)("figure")
    return duckdb.sql(f"select {expression} from (select {number!r}::double as figure)").fetchall()[
        0
    ][0]
