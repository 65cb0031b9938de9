"""Releases made up by hand: every mart by its contract, and the rows that SQL puts in."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path

import duckdb
import yaml

from unwind.settings import PROJECT_ROOT, Home

MARTS = PROJECT_ROOT / "dbt_project" / "models" / "marts"
RELEASE_ID = "20260129T150320Z-00"
HOUR = "timestamp '2026-01-29 14:00'"

# The rest of a row is null: what is not known.
FACTS = f"""
insert into release by name select
    '{RELEASE_ID}' as release_id, 'run-1' as run_id, timestamp '2026-01-29 15:03:20' as built_at,
    timestamp '2026-01-06 02:00' as first_hour_at, {HOUR} as last_hour_at,
        '0.1.0+abc' as code_version,
    38 as batches, 2 as batches_new, 'passed with warnings' as gate_outcome, 2 as gate_warnings;
"""

# Two assets and the market; every mart has rows, with nulls, a lower bound and an interval.
RICH = (
    FACTS
    + f"""
create macro hours(n) as table
    select {HOUR} - to_hours(range) as hour_at, range as back from range(n);

insert into market_brief_hourly by name select
    {HOUR} as hour_at, base_asset,
    'Longs dominated ' || base_asset || ' liquidations.' as headline,
    'Longs dominated ' || base_asset || ' liquidations. Nothing was received from HTX. The score is'
    || ' 83.2. Check it: unwind explain market_brief_hourly.' as brief,
    'long' as dominant_side, false as is_dominant_side_open, long_usd, long_usd + 1 as long_usd_low,
    long_usd + 2.5 as long_usd_mid, high as long_usd_high, 4100000.25 as short_usd,
    4100000.25 as short_usd_low, 4100000.25 as short_usd_mid, 4100000.25 as short_usd_high,
    0.983 as long_share, 0.97 as long_share_low, 0.99 as long_share_high, true as is_lower_bound,
    15 as venues_expected, 14 as venues_reporting, 'htx' as missing_venue_list,
    '' as partial_venue_list, 83.24 as score, 97.31 as score_percentile, 'extreme' as regime,
    'staged' as unwind_class, 3 as episodes_7d, -0.052 as oi_change_24h_share,
    if(base_asset = 'ALL', null, 81905.25) as close_usd,
    timestamp '2026-01-29 15:02' as available_at
from (values ('ALL', 230400000.1234, null), ('BTC', 120000000.5, 130000000.75),
      ('ETH', 40000000.0, 41000000.0)) as given(base_asset, long_usd, high);

insert into liquidation_imbalance_hourly by name select
    hour_at, base_asset, 1000000.5 * (back + 1) as long_1h_usd,
    1000000.5 * (back + 1) as long_1h_usd_low, 1100000.5 * (back + 1) as long_1h_usd_mid,
    if(back = 0, null, 1200000.5 * (back + 1)) as long_1h_usd_high, 30000.25 as short_1h_usd,
    30000.25 as short_1h_usd_low, 31000.25 as short_1h_usd_mid, 32000.25 as short_1h_usd_high,
    back % 2 = 0 as is_lower_bound_1h
from hours(60), (values ('ALL'), ('BTC'), ('ETH')) as given(base_asset)
where back <> 5;

insert into liquidation_episodes by name select
    {HOUR} - to_hours(back) + interval 7 minutes as started_at, base_asset,
    if(back = 0, null, {HOUR} - to_hours(back) + interval 40 minutes) as ended_at,
    back = 0 as is_open, 1000000.5 * (30 - back) as long_usd,
        1000000.5 * (30 - back) as long_usd_low,
    1000001.5 * (30 - back) as long_usd_mid, 1000002.5 * (30 - back) as long_usd_high,
    5000.5 as short_usd, true as is_lower_bound, 0.25 as peak_minute_share,
    if(back = 0, null, -0.031) as oi_change_share, null as drawdown_share, 'bybit' as first_mover,
    'staged' as unwind_class
from (values (0), (6), (20)) as given(back), (values ('ALL'), ('BTC')) as assets(base_asset);

insert into exchange_breakdown by name select
    {HOUR} as hour_at, window_hours, base_asset, venue, usd * window_hours as long_usd,
    1000.5 as short_usd, usd * window_hours + 1000.5 as total_usd,
    usd * window_hours + 1000.5 as total_usd_low, usd * window_hours + 1100.5 as total_usd_mid,
    if(venue = 'binance', null, usd * window_hours + 1200.5) as total_usd_high,
    usd / 3000000.0 as share, venue = 'binance' as is_lower_bound,
        venue = 'bybit' as is_ranking_open
from (values (1), (4), (12), (24)) as windows(window_hours),
    (values ('ALL'), ('BTC'), ('ETH')) as assets(base_asset),
    (values ('ALL', 3000000.0), ('hyperliquid', 2000000.0), ('binance', 700000.0),
     ('bybit', 300000.0)) as given(venue, usd);

insert into market_heatmap by name select
    {HOUR} as hour_at, base_asset, rank, tier, sector, market_cap_usd, return_24h,
    'prices' as return_source
from (values ('BTC', 1, 'large', 'Layer 1', 1.71e12, -0.033), ('ETH', 2, 'large', null, 3.44e11,
    null),
      ('TRX', 3, 'mid', 'Layer 1', 2.5e10, 0.005), ('USDT', 4, null, 'Stablecoins', 1.8e11,
          0.00001))
    as given(base_asset, rank, tier, sector, market_cap_usd, return_24h);

insert into market_heatmap_summary by name select
    hour_at, 3 as assets, 0.5 + back / 100 as red_by_count_share, 0.9 as red_by_cap_share,
    -0.03 as large_median_return_24h, -0.01 as mid_median_return_24h,
    0.02 as mid_minus_large_return_24h, -0.033 as btc_return_24h, 0.58 as btc_cap_share,
    0.09 as stablecoin_cap_share, 0.001 as defensive_rotation
from hours(30);

insert into divergence_hourly by name select
    hour_at, base_asset, back < 3 as recovery_divergence, if(back = 2, null,
        false) as range_divergence,
    81905.25 + 10 * back as close_usd, 81000.5 as low_24h_usd, null as vwap_7d_usd
from hours(60), (values ('BTC'), ('ETH')) as given(base_asset);

insert into liquidation_clusters by name select
    {HOUR} as hour_at, 'BTC' as base_asset, price_kind, is_market_price,
    81000.0 + 200 * place as bucket_low_usd, 81200.0 + 200 * place as bucket_high_usd,
    1000.25 * (place + 1) as long_24h_usd, 0 as short_24h_usd,
        20000.25 * (place + 1) as long_30d_usd,
    500.5 as short_30d_usd, place - 3.0 as distance_to_spot_percent
from range(10) as given(place),
    (values ('fill_avg', true), ('mark', true), ('bankruptcy', false)) as k(price_kind,
        is_market_price);

insert into liquidation_map by name select
    {HOUR} as hour_at, base_asset, side as liquidated_side, 80000.0 + 200 * place as bucket_low_usd,
    80200.0 + 200 * place as bucket_high_usd, 1e6 + place as mass_usd, 5e5 + place as mass_low_usd,
    2e6 + place as mass_high_usd, if(side = 'long', -1.0, 1.0) * (place + 1) as distance_percent
from range(8) as given(place), (values ('long'), ('short')) as sides(side),
    (values ('BTC'), ('ETH')) as assets(base_asset);

insert into liquidation_wave by name select
    {HOUR} as hour_at, 'BTC' as base_asset, range as drop_percent, 1e6 * range as forced_usd,
    5e5 * range as forced_usd_low, 2e6 * range as forced_usd_high, 1.1e6 * range as wave_usd_low,
    1.2e6 * range as wave_usd_mid, 1.3e6 * range as wave_usd_high,
    range + 0.1 as final_drop_percent_low, range + 0.2 as final_drop_percent_mid,
    range + 0.3 as final_drop_percent_high, (range + 0.2) / range as amplification_mid,
    false as is_beyond_map
from range(1, 21);

insert into stress_hourly by name select
    hour_at, base_asset, if(back = 3, null, 80 - back / 2) as score,
        97.5 - back as score_percentile,
    if(back < 3, 'extreme', 'stressed') as regime, 0.8 as known_weight_share,
    'oi_to_market_cap' as missing_components
from hours(60), (values ('ALL'), ('BTC'), ('ETH')) as given(base_asset);

insert into stress_components_hourly by name select
    {HOUR} as hour_at, base_asset, component, value, percentile, weight, contribution, regime,
    500 as history_hours
from (values ('intensity_24h_bp', 12.5, 100.0, 0.3, 30.0, 'extreme'),
      ('oi_to_market_cap', null, null, null, null, null)) as given(component, value, percentile,
          weight,
      contribution, regime), (values ('ALL'), ('BTC'), ('ETH')) as assets(base_asset);

insert into unwind_classification by name select
    hour_at, base_asset, if(back = 4, null, 'staged') as unwind_class, 'staged' as deciding_rule,
    -0.052 as oi_change_24h_share, 1.25 as forced_ratio, 0.2 as peak_hour_share, 3 as stages_7d
from hours(60), (values ('ALL'), ('BTC'), ('ETH')) as given(base_asset);

insert into leverage_hourly by name select
    hour_at, base_asset, if(back = 7, null, 2.5e10 + back) as oi_usd, true as is_lower_bound,
    2.4e10 + back as oi_constant_venues_usd, -0.001 as oi_change_1h_share,
    -0.052 as oi_change_24h_share
from hours(60), (values ('ALL'), ('BTC'), ('ETH')) as given(base_asset);

insert into funding_hourly by name select
    hour_at, base_asset, 0.0001 as oi_weighted_funding_8h, -0.00002 as lowest_funding_rate_8h,
    0.0003 as highest_funding_rate_8h, 0.1095 as oi_weighted_apr, 0.00001 as oi_weighted_basis,
    11 as venues, false as is_incomplete
from hours(60), (values ('BTC'), ('ETH')) as given(base_asset);

insert into venue_coverage_hourly by name select
    hour_at, venue, if(venue = 'htx' and back = 0, 'failed', 'complete') as landing_outcome,
    if(venue = 'htx' and back = 0, 0.0, 1.0) as covered_share,
    case when venue = 'htx' and back = 0 then 'failed' when venue = 'binance'
        then 'one_per_symbol_second_largest' end as lower_bound_reason,
    if(venue = 'htx' and back = 0, null, 1000.5) as total_usd,
    not (venue = 'htx' and back = 0) as is_complete
from hours(30), (values ('binance'), ('bybit'), ('htx')) as given(venue);

insert into landing_outcomes by name select
    'hour-2026-01-29T14' as batch_id, venue, 'liquidations' as dataset, status, detail,
    {HOUR} as covers_from_at, {HOUR} + interval 1 hour as covers_to_at, false as is_held,
    timestamp '2026-01-29 15:02' as sealed_at
from (values ('htx', 'failed', 'the host did not answer within 60 s'), ('bybit', 'ok', null))
    as given(venue, status, detail);

insert into gate_results by name select
    'run-1' as run_id, gate, suite, expectation, batch_id, venue, severity, success,
    unexpected_count, message, timestamp '2026-01-29 15:02:30' as checked_at
from (values
    ('landed', 'landed_parts', 'events_near_span', 'hour-2026-01-29T14', 'htx', 'critical',
        false, 3,
     'three rows are far outside'),
    ('marts', 'exchange_breakdown', 'not_null', null, null, 'warning', false, 1, 'one is null'),
    ('marts', 'exchange_breakdown', 'unique', null, null, 'critical', true, 0, null)
) as given(gate, suite, expectation, batch_id, venue, severity, success, unexpected_count, message);
"""
)

# The same elements in few rows, for checks that visit each of them.
SMALL = f"""{RICH}
delete from liquidation_imbalance_hourly where hour_at < {HOUR} - interval 1 hour;
delete from divergence_hourly where hour_at < {HOUR} - interval 1 hour;
delete from stress_hourly where hour_at < {HOUR} - interval 1 hour;
delete from unwind_classification where hour_at < {HOUR} - interval 1 hour;
delete from leverage_hourly where hour_at < {HOUR} - interval 1 hour;
delete from funding_hourly where hour_at < {HOUR} - interval 1 hour;
delete from venue_coverage_hourly where hour_at < {HOUR} - interval 1 hour;
delete from market_brief_hourly where base_asset = 'ETH';
"""

# One venue and one asset with a hostile name; figures of ten digits and of 1e-8; no caps.
NASTY_ASSET = "</script><b>'\"$&;\u2028X"
_NASTY = NASTY_ASSET.replace("'", "''")
NASTY = (
    FACTS
    + f"""
create macro hours(n) as table
    select {HOUR} - to_hours(range) as hour_at, range as back from range(n);
insert into market_brief_hourly by name select
    {HOUR} as hour_at, '{_NASTY}' as base_asset, 'Longs dominated.' as headline,
    'Longs dominated. </script> is a name.' as brief, 12345678901.1234 as long_usd,
    false as is_lower_bound;
insert into liquidation_imbalance_hourly by name select
    hour_at, '{_NASTY}' as base_asset, 12345678901.1234 as long_1h_usd, 0 as short_1h_usd,
    0 as short_1h_usd_mid, false as is_lower_bound_1h
from hours(2);
insert into exchange_breakdown by name select
    {HOUR} as hour_at, 1 as window_hours, '{_NASTY}' as base_asset,
        '<img src=x onerror=alert(1)>' as venue,
    9999999999.9999 as long_usd, null as short_usd, 9999999999.9999 as total_usd;
insert into divergence_hourly by name select
    hour_at, '{_NASTY}' as base_asset, 0.00000001 as close_usd, 1e-12 as low_24h_usd from hours(3);
insert into funding_hourly by name select
    hour_at, '{_NASTY}' as base_asset, -1e-8 as oi_weighted_funding_8h from hours(2);
insert into liquidation_map by name select
    {HOUR} as hour_at, '{_NASTY}' as base_asset, 'long' as liquidated_side, 1e-8 as bucket_low_usd,
    1.0025e-8 as bucket_high_usd, 1e12 as mass_usd, 'infinity'::double as mass_high_usd,
    -1.0 as distance_percent;
insert into leverage_hourly by name select {HOUR} as hour_at, '{_NASTY}' as base_asset,
    'nan'::double as oi_usd;
"""
)


@cache
def _tables() -> str:
    """The statements that create every mart, empty."""
    made = []
    for path in sorted(MARTS.rglob("*.yml")):
        for model in yaml.safe_load(path.read_text())["models"]:
            columns = ", ".join(f"{one['name']} {one['data_type']}" for one in model["columns"])
            made.append(f"create table {model['name']} ({columns});")
    return "\n".join(made)


def publish(home: Home, statements: str = FACTS, release_id: str = RELEASE_ID) -> Path:
    """Makes a release current with every mart and the rows that SQL puts into them; its file."""
    folder = home.releases / release_id
    folder.mkdir(parents=True)
    database = folder / "warehouse.duckdb"
    with duckdb.connect(str(database)) as connection:
        connection.execute("create schema marts; set schema = 'marts'")
        connection.execute(_tables())
        connection.execute(statements)
    described = {
        **{"release_id": release_id, "built_at": "2026-01-29T15:03:20Z", "first_hour_at": None},
        **{"last_hour_at": None, "batches": 1, "batches_new": 1, "gate_outcome": "passed"},
    }
    (folder / "release.json").write_text(json.dumps(described))
    home.current.unlink(missing_ok=True)
    home.current.symlink_to(f"releases/{release_id}")
    return database
