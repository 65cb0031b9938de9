"""For each SQL check of a mart, the one change that breaks it.

(suite, expectation) -> SQL, or (other mart, SQL) where another mart's rows break it. `{table}` is
the table that the gate then reads as the mart.
"""

HOUR = "hour_at = '2026-01-29 14:00:00'"
BTC_14 = f"base_asset = 'BTC' and {HOUR}"
FACT = "liquidation_id = (select min(liquidation_id) from sound_fct_liquidations)"
COUNTED = (
    "liquidation_id = (select min(liquidation_id) from sound_fct_liquidations"
    " where event_kind = 'liquidation' and liquidated_side = 'long' and notional_usd > 1"
    " and contract_type = 'linear')"
)
ONE_SYMBOL = (
    "insert into {table} by name select timestamp '2026-01-29 14:00:00' as hour_at, 'okx' as venue,"
    " 'prices' as dataset, 'BTC-USD_NEW-SWAP' as symbol, 12 as occurrences"
)

BREAKING: dict[tuple[str, str], str | tuple[str, str]] = {
    ("cliff_vs_drift", "bracket_is_ordered"): "update {table} set drift_usd_low = 1",
    ("cliff_vs_drift", "claims_hold_all"): (
        "update {table} set levels_base = 1, principal_base = 1, call_base = 1"
    ),
    ("cliff_vs_drift", "cliff_is_forced"): "update {table} set cliff_usd = 12345.6",
    ("cliff_vs_drift", "tenors_are_all_there"): "delete from {table} where tenor_days = 7",
    ("contagion_hourly", "directions_agree"): (
        "update {table} set first_bursts = shared_bursts + 1"
    ),
    ("contagion_hourly", "pairs_are_all_there"): (
        "update {table} set liquidated_usd = liquidated_usd + 0.0001"
    ),
    ("contagion_hourly", "tests_have_what_they_need"): (
        "update {table} set untested_reason = null, is_significant = null"
    ),
    ("dim_assets", "assets_known"): "delete from {table} where base_asset = 'BTC'",
    ("exchange_breakdown", "assets_add_up"): (
        "update {table} set short_usd = coalesce(short_usd, 0) + 0.0001 where base_asset = 'ALL'"
    ),
    ("exchange_breakdown", "last_hour_conserved"): (
        "update {table} set long_usd = coalesce(long_usd, 0) + 45000"
    ),
    ("exchange_breakdown", "parts_are_stated"): (
        "update {table} set complete_hours = 0, is_incomplete = false"
    ),
    ("exchange_breakdown", "upper_bounds_are_of_whole_sums"): (
        "update {table} set share_is_upper_bound = true"
    ),
    ("exchange_breakdown", "venues_add_up"): (
        "update {table} set long_usd = coalesce(long_usd, 0) + 0.0001 where venue = 'ALL'"
    ),
    ("exchange_breakdown", "zeros_are_covered"): (
        "update {table} set complete_hours = 0, is_incomplete = true, events = 0"
    ),
    ("fct_funding", "interval_has_source"): "update {table} set interval_hours = null",
    ("fct_funding", "interval_known"): (
        "update {table} set interval_hours = null, interval_source = 'unknown'"
    ),
    ("fct_funding", "interval_within_settlements"): (
        "insert into {table} select * replace (funding_at + interval 1 hour as funding_at,"
        " true as is_settled, 8 as interval_hours) from {table} where is_settled"
    ),
    ("fct_funding", "rates_plausible"): "update {table} set funding_rate = -12.1",
    ("fct_liquidations", "hour_is_the_events_hour"): (
        f"update {{table}} set hour_at = hour_at + interval 1 hour where {FACT}"
    ),
    ("fct_liquidations", "notional_is_quantity_times_price"): (
        f"update {{table}} set notional_usd = notional_usd * 1.01 where {COUNTED}"
    ),
    ("fct_liquidations", "notional_unit_right"): (
        f"update {{table}} set notional_usd = notional_usd * 10 where {COUNTED}"
    ),
    ("fct_liquidations", "quantity_and_notional_positive"): (
        f"update {{table}} set quantity_base = -0.5 where {FACT}"
    ),
    ("funding_hourly", "funding_rate_8h_plausible"): (
        f"update {{table}} set oi_weighted_funding_8h = -0.03 where {BTC_14}"
    ),
    ("mart_revisions", "rows_are_all_there"): "delete from {table}",
    ("gate_results", "verdicts_are_all_there"): "delete from {table} where suite = 'landed_schema'",
    ("grain_audit", "checks_there"): "delete from {table} where check_name = 'leg_parity'",
    ("grain_audit", "feeds_are_sound"): "update {table} set severity = 'critical'",
    (
        "exchange_breakdown",
        "intervals_are_ordered",
    ): "update {table} set share_low = share_mid + 0.1 where share_mid is not null",
    (
        "liquidation_imbalance_hourly",
        "intervals_are_ordered",
    ): "update {table} set imbalance_24h_high = imbalance_24h_mid - 0.1",
    (
        "liquidation_intensity_hourly",
        "intervals_are_ordered",
    ): "update {table} set long_1h_usd_low = long_1h_usd - 0.0001",
    (
        "liquidations_hourly",
        "intervals_are_ordered",
    ): "update {table} set total_usd_mid = total_usd_low - 0.0001",
    (
        "liquidations_minutely",
        "intervals_are_ordered",
    ): "update {table} set total_usd_low = total_usd - 0.0001",
    (
        "venue_coverage_hourly",
        "intervals_are_ordered",
    ): "update {table} set events_high = events_mid - 0.01",
    ("hidden_liquidations_minutely", "minutes_add_up"): (
        "update {table} set total_hidden_events = total_hidden_events + 0.1"
    ),
    ("leverage_hourly", "ends_meet_starts"): "update {table} set oi_usd = 9e9",
    ("leverage_hourly", "oi_change_plausible"): (
        f"update {{table}} set oi_change_1h_share = -0.7 where {BTC_14}"
    ),
    ("leverage_hourly", "oi_to_market_cap_plausible"): (
        f"update {{table}} set oi_to_market_cap = 100 where {BTC_14}"
    ),
    ("liquidation_clusters", "windows_conserved"): (
        "update {table} set long_7d_usd = long_7d_usd + 0.0001"
    ),
    ("liquidation_episodes", "episodes_are_all_there"): (
        "update {table} set long_usd = long_usd + 0.0001"
    ),
    ("liquidation_map", "bands_are_ordered"): "update {table} set mass_mid_usd = mass_high_usd * 2",
    ("liquidation_map", "levels_are_alive"): (
        "update {table} set distance_percent = -distance_percent"
    ),
    ("liquidation_map", "openings_are_mapped"): "delete from {table} where base_asset = 'BTC'",
    ("liquidation_map", "sides_are_whole"): "update {table} set mass_usd = mass_usd * 2",
    ("liquidation_map_scorecard", "gains_are_differences"): (
        "update {table} set hit_rate = hit_rate + 0.01"
    ),
    ("liquidation_map_scorecard", "one_default"): (
        "update {table} set mix_variant = 'fitted' where horizon_hours = 24"
    ),
    ("liquidation_wave", "drops_are_all_there"): "delete from {table} where drop_percent = 7",
    ("liquidation_wave", "forced_is_mapped"): "update {table} set forced_usd = 12345.6",
    ("liquidation_wave", "waves_are_fixed_points"): (
        "update {table} set realised_volatility_24h = 0.07, volume_24h_usd = 1e9,"
        " wave_usd_low = 1e8, final_drop_percent_low = drop_percent"
    ),
    ("liquidation_wave", "waves_grow"): "update {table} set forced_usd = 1e9 - drop_percent",
    ("stress_scorecard", "gains_are_differences"): (
        "update {table} set auc_gain_over_lagged = auc_gain_over_lagged + 0.01"
    ),
    ("stress_scorecard", "placebos_are_there"): (
        "delete from {table} where predictor = 'placebo_flipped_score'"
    ),
    ("liquidation_imbalance_hourly", "interval_holds_share"): (
        f"update {{table}} set long_1h_event_share = 0.5, long_1h_event_share_low = 0.6,"
        f" long_1h_event_share_high = 0.7 where {BTC_14}"
    ),
    ("liquidation_imbalance_hourly", "parts_are_lower_bounds"): (
        "update {table} set is_incomplete_24h = true, is_lower_bound_24h = false"
    ),
    ("liquidation_imbalance_hourly", "zeros_are_covered"): (
        "update {table} set is_incomplete_24h = true, short_24h_usd = 0"
    ),
    ("liquidation_intensity_hourly", "matched_or_null"): (
        "update {table} set matched_instruments_1h = 0, long_intensity_1h_bp = 1.5"
    ),
    ("liquidation_intensity_hourly", "parts_are_lower_bounds"): (
        "update {table} set is_incomplete_24h = true, is_lower_bound_24h = false"
    ),
    ("liquidation_intensity_hourly", "zeros_are_covered"): (
        "update {table} set is_incomplete_24h = true, long_24h_usd = 0"
    ),
    ("market_brief_hourly", "figures_are_those_of_their_marts"): (
        "update {table} set long_usd = coalesce(long_usd, 0) + 0.0001"
    ),
    ("market_brief_hourly", "larger_falls_liquidate_more"): (
        "update {table} set fall_1_percent_usd = 2, fall_3_percent_usd = 1"
    ),
    ("market_brief_hourly", "texts_name_their_row"): (
        "update {table} set brief = replace(brief, 'BTC', 'ETH')"
    ),
    ("market_brief_hourly", "venues_are_in_order"): (
        "update {table} set largest_venue_usd = 1, second_venue_usd = 2"
    ),
    ("liquidation_sightings", "every_fact_sighted"): f"delete from {{table}} where {FACT}",
    ("liquidation_sightings", "every_sighting_counted"): (
        "fct_liquidations",
        f"delete from {{table}} where {FACT}",
    ),
    ("liquidation_sightings", "sightings_add_up"): (
        f"insert into {{table}} select * from {{table}} where {FACT}"
    ),
    ("liquidations_hourly", "largest_within_total"): (
        "update {table} set largest_usd = total_usd + 1"
    ),
    ("liquidations_hourly", "money_conserved"): (
        "update {table}"
        " set long_usd = coalesce(long_usd, 0) + 0.0001, total_usd = total_usd + 0.0001"
    ),
    ("liquidations_hourly", "parts_are_lower_bounds"): (
        "update {table} set is_complete = false, is_lower_bound = false"
    ),
    ("liquidations_hourly", "sides_add_up"): "update {table} set total_usd = total_usd + 0.0001",
    ("liquidations_hourly", "zeros_are_covered"): (
        "update {table} set is_complete = false, is_lower_bound = true, short_events = 0"
    ),
    ("liquidations_minutely", "minutes_add_up"): "update {table} set events = events + 1",
    ("observation_accounting", "staged_counted"): "update {table} set staged = staged + 1",
    ("reconciliation", "pairs_there"): "delete from {table}",
    ("reconciliation", "parts_add_up"): "update {table} set rest_usd = rest_usd + 0.0001",
    ("release", "row_of_last_release"): "insert into {table} from {table}",
    ("stress_hourly", "contributions_add_up"): "update {table} set score = 71.6",
    ("unrecognised_symbols", "symbols_are_listed"): "delete from {table}",
    ("unrecognised_symbols", "symbols_recognised"): ONE_SYMBOL,
    ("venue_coverage_hourly", "hours_are_dense"): (
        f"delete from {{table}} where venue = 'okx' and {HOUR}"
    ),
    ("venue_coverage_hourly", "landed_hours_are_available"): (
        f"update {{table}} set available_at = null where venue = 'okx' and {HOUR}"
    ),
    ("venue_coverage_hourly", "parts_are_lower_bounds"): (
        "update {table} set is_lower_bound = not is_lower_bound"
    ),
}
