"""What each figure of the page has to show, asked of the marts in other words than the page's own.

Columns stand in the table's order; the asset, where there is one, is `base_asset`.
"""

from __future__ import annotations

HOUR = "timestamp '2026-01-29 14:00'"
TWO_DAYS = f"hour_at > {HOUR} - interval 2 days and hour_at <= {HOUR}"
ONE_DAY = f"hour_at > {HOUR} - interval 1 day and hour_at <= {HOUR}"

EXPECTED = {
    "brief": f"from market_brief_hourly where hour_at = {HOUR}",
    "long_short": f"from liquidation_imbalance_hourly where {TWO_DAYS}",
    "waves": f"from liquidation_episodes where started_at >= {HOUR} - interval 167 hours",
    "breakdown": f"from exchange_breakdown where hour_at = {HOUR}",
    "market": f"""
        select base_asset as asset, * exclude base_asset from market_heatmap where hour_at = {HOUR}
    """,
    "breadth": f"from market_heatmap_summary where {ONE_DAY}",
    "price": f"from divergence_hourly where {TWO_DAYS}",
    "clusters": f"""
        select base_asset, bucket_low_usd, min(bucket_high_usd) as bucket_high_usd,
            sum(long_24h_usd) as long_24h_usd, sum(short_24h_usd) as short_24h_usd,
            sum(long_30d_usd) as long_30d_usd, sum(short_30d_usd) as short_30d_usd,
            min(distance_to_spot_percent) as distance_percent
        from liquidation_clusters
        where hour_at = {HOUR} and price_kind in ('fill_avg', 'mark')
            and distance_to_spot_percent between -5 and 5
        group by base_asset, bucket_low_usd
    """,
    "levels": f"from liquidation_map where hour_at = {HOUR} and distance_percent between -5 and 5",
    "falls": f"from liquidation_wave where hour_at = {HOUR} and drop_percent between 1 and 10",
    "stress": f"from stress_hourly where {TWO_DAYS}",
    "components": f"from stress_components_hourly where hour_at = {HOUR}",
    "signals": f"""
        select classes.*, recovery_divergence, range_divergence
        from (from unwind_classification where {TWO_DAYS}) as classes
        left join divergence_hourly as divergence
            on divergence.hour_at = classes.hour_at and divergence.base_asset = classes.base_asset
    """,
    "open_interest": f"from leverage_hourly where {TWO_DAYS}",
    "funding": f"from funding_hourly where {TWO_DAYS}",
    "coverage": f"from venue_coverage_hourly where {ONE_DAY}",
    "missing": """
        select venue, landing_outcome, 1 as hours, hour_at as first_hour_at,
            hour_at as last_hour_at,
            (select detail from landing_outcomes where venue = coverage.venue) as detail
        from venue_coverage_hourly as coverage where landing_outcome <> 'complete'
    """,
    "release": "from release",
    "gates": """
        select suite, gate, sum(1) as judged, sum(success::integer) as passed,
            sum((not success and severity = 'warning')::integer) as warnings,
            sum((not success and severity = 'critical')::integer) as critical
        from gate_results group by suite, gate
    """,
    "failures": "from gate_results where success = false",
    "freshness": f"""
        select 'liquidations' as dataset, 2 as venues, {HOUR} + interval 1 hour as complete_to_at,
            timestamp '2026-01-29 15:02' as sealed_at, 1 as failed_24h, 0 as partial_24h
    """,
}
