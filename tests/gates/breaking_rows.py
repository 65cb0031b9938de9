"""For each expectation, the one thing that breaks it: (suite, expectation) -> SQL.

Landed suites are broken in staging.duckdb, marts in warehouse.duckdb.
"""

STAGED = "intermediate.int_liquidations_unioned"
FACT = "liquidation_id = md5('binance-BTC-4')::uuid"
BTC_14 = "base_asset = 'BTC' and hour_at = '2026-01-29 14:00:00'"

LANDED = {
    ("landed_schema", "staging_present"): f"drop table {STAGED}",
    ("landed_schema", "columns_present"): f"alter table {STAGED} drop column raw_side",
    ("landed_schema", "column_types"): f"alter table {STAGED} alter raw_line type varchar",
    ("landed_parts", "volume_plausible"): f"""
        insert into {STAGED} select staged.* from {STAGED} as staged, range(2) where venue = 'okx'
    """,
    ("landed_parts", "landed_lines_give_rows"): f"delete from {STAGED} where venue = 'okx'",
    ("landed_parts", "rejected_share_low"): f"""
        update {STAGED} set reject_reason = 'unknown_symbol' where venue = 'okx' and raw_line = 1
    """,
    ("landed_parts", "rejected_share_bearable"): f"""
        update {STAGED} set reject_reason = 'unknown_symbol' where venue = 'okx' and raw_line <= 21
    """,
    ("landed_parts", "clocks_agree"): f"""
        update {STAGED} set received_at = event_at - interval 6 minute
        where venue = 'binance' and raw_line = 1
    """,
    ("landed_parts", "clocks_believable"): f"""
        update {STAGED} set received_at = event_at + interval 27 hour where venue = 'binance'
    """,
    ("landed_parts", "events_in_span"): f"""
        update {STAGED}
        set event_at = event_at - interval 4 day, hour_at = hour_at - interval 4 day
        where venue = 'okx' and raw_line = 1
    """,
    ("landed_parts", "events_near_span"): f"""
        update {STAGED}
        set event_at = event_at - interval 9 day, hour_at = hour_at - interval 9 day
        where venue = 'okx' and raw_line <= 21
    """,
    ("landed_parts", "sides_known"): f"""
        update {STAGED} set liquidated_side = 'SELL' where venue = 'okx' and raw_line = 1
    """,
    ("landed_parts", "event_kinds_known"): f"""
        update {STAGED} set event_kind = null where venue = 'okx' and raw_line = 1
    """,
    ("landed_parts", "keys_complete"): f"""
        update {STAGED} set hour_at = hour_at - interval 1 hour where venue = 'okx' and raw_line = 1
    """,
    ("landed_parts", "lines_classed"): f"""
        update {STAGED} set line_class = 'comment' where venue = 'okx' and raw_line = 1
    """,
    ("landed_coverage", "landed_whole"): """
        update ops.batch_outcomes set status = 'failed', detail = 'geo-blocked (451)'
        where venue = 'okx'
    """,
    ("landed_observations", "observations_rejected_share_low"): """
        update landed.stg_binance__funding set reject_reason = 'unreadable_rate' where raw_line = 1
    """,
    ("landed_observations", "observations_not_ahead"): """
        update landed.stg_binance__funding set observed_at = '2026-01-29 15:07:00'
        where raw_line = 1
    """,
}

MARTS = {
    ("fct_liquidations", "liquidation_id_unique"): f"""
        insert into marts.fct_liquidations select * from marts.fct_liquidations where {FACT}
    """,
    ("fct_liquidations", "keys_and_lineage_present"): f"""
        update marts.fct_liquidations set raw_line = null where {FACT}
    """,
    ("fct_liquidations", "words_known"): f"""
        update marts.fct_liquidations set liquidated_side = 'buy' where {FACT}
    """,
    ("fct_liquidations", "quantity_and_notional_positive"): f"""
        update marts.fct_liquidations set quantity_base = -0.5 where {FACT}
    """,
    ("fct_liquidations", "notional_plausible"): f"""
        update marts.fct_liquidations set notional_usd = 10000000000.0001 where {FACT}
    """,
    ("fct_liquidations", "notional_known"): f"""
        update marts.fct_liquidations set notional_usd = null where {FACT}
    """,
    ("fct_liquidations", "hour_is_the_events_hour"): f"""
        update marts.fct_liquidations set hour_at = '2026-01-29 15:00:00' where {FACT}
    """,
    ("fct_liquidations", "notional_is_quantity_times_price"): f"""
        update marts.fct_liquidations set notional_usd = 45001 where {FACT}
    """,
    ("fct_liquidations", "notional_unit_right"): f"""
        update marts.fct_liquidations set notional_usd = 4500 where {FACT}
    """,
    ("liquidation_sightings", "every_fact_sighted"): f"""
        delete from marts.liquidation_sightings where {FACT}
    """,
    ("liquidation_sightings", "every_sighting_counted"): f"""
        delete from marts.fct_liquidations where {FACT}
    """,
    ("liquidation_sightings", "sightings_add_up"): f"""
        insert into marts.liquidation_sightings
        select * from marts.liquidation_sightings where {FACT}
    """,
    ("liquidation_accounting", "key_unique"): """
        insert into marts.liquidation_accounting select * from marts.liquidation_accounting
    """,
    ("liquidation_accounting", "nothing_dropped"): """
        update marts.liquidation_accounting set quarantined = 0 where venue = 'okx'
    """,
    ("observation_accounting", "key_unique"): """
        insert into marts.observation_accounting select * from marts.observation_accounting
    """,
    ("observation_accounting", "nothing_dropped"): """
        update marts.observation_accounting set accepted = 5 where venue = 'okx'
    """,
    ("unrecognised_symbols", "symbols_recognised"): """
        insert into marts.unrecognised_symbols
        values ('2026-01-29 14:00:00', 'okx', 'prices', 'BTC-USD_NEW-SWAP', 12)
    """,
    ("fct_open_interest", "oi_usd_plausible"): f"""
        update marts.fct_open_interest set oi_usd = 9.37e12 where venue = 'okx' and {BTC_14}
    """,
    ("fct_prices", "prices_plausible"): f"""
        update marts.fct_prices set low_usd = 1e-308 where venue = 'okx' and {BTC_14}
    """,
    ("fct_funding", "rates_plausible"): f"""
        update marts.fct_funding set funding_rate = -0.51 where venue = 'okx' and {BTC_14}
    """,
    ("dim_assets", "assets_known"): f"""
        update marts.leverage_hourly set base_asset = '7' where {BTC_14}
    """,
    ("liquidations_hourly", "key_unique"): f"""
        insert into marts.liquidations_hourly
        select * from marts.liquidations_hourly where venue = 'okx' and {BTC_14}
    """,
    ("liquidations_hourly", "key_complete"): f"""
        update marts.liquidations_hourly set venue = null where venue = 'okx' and {BTC_14}
    """,
    ("liquidations_hourly", "sides_add_up"): f"""
        update marts.liquidations_hourly set total_usd = total_usd + 0.0001 where {BTC_14}
    """,
    ("liquidations_hourly", "money_conserved"): f"""
        update marts.liquidations_hourly
        set long_usd = long_usd + 0.0001, total_usd = total_usd + 0.0001 where {BTC_14}
    """,
    ("liquidations_hourly", "largest_within_total"): f"""
        update marts.liquidations_hourly set largest_usd = total_usd + 1 where {BTC_14}
    """,
    ("liquidations_hourly", "zeros_are_heard"): f"""
        update marts.liquidations_hourly
        set is_complete = false, is_lower_bound = true, short_events = 0 where {BTC_14}
    """,
    ("liquidations_hourly", "parts_are_lower_bounds"): """
        update marts.liquidations_hourly set is_complete = false where venue = 'okx'
    """,
    ("venue_coverage_hourly", "key_unique"): """
        insert into marts.venue_coverage_hourly
        select * from marts.venue_coverage_hourly where venue = 'okx'
    """,
    ("venue_coverage_hourly", "key_complete"): """
        update marts.venue_coverage_hourly set venue = null where venue = 'okx'
    """,
    ("venue_coverage_hourly", "hours_are_dense"): """
        delete from marts.venue_coverage_hourly
        where venue = 'okx' and hour_at = '2026-01-29 14:00:00'
    """,
    ("venue_coverage_hourly", "covered_share_in_range"): """
        update marts.venue_coverage_hourly set covered_share = 1.5 where venue = 'okx'
    """,
    ("venue_coverage_hourly", "parts_are_lower_bounds"): """
        update marts.venue_coverage_hourly set is_lower_bound = false where venue = 'okx'
    """,
    ("exchange_breakdown", "asset_share_in_range"): """
        update marts.exchange_breakdown set asset_share = 1.2 where venue = 'okx'
    """,
    ("exchange_breakdown", "zeros_are_heard"): """
        update marts.exchange_breakdown
        set complete_hours = 0, is_incomplete = true, events = 0 where venue = 'okx'
    """,
    ("exchange_breakdown", "parts_are_said"): """
        update marts.exchange_breakdown set complete_hours = 0 where venue = 'okx'
    """,
    ("exchange_breakdown", "upper_bounds_are_of_whole_sums"): """
        update marts.exchange_breakdown set share_is_upper_bound = true where venue = 'okx'
    """,
    ("liquidation_imbalance_hourly", "zeros_are_heard"): f"""
        update marts.liquidation_imbalance_hourly set short_24h_usd = 0 where {BTC_14}
    """,
    ("liquidation_imbalance_hourly", "parts_are_lower_bounds"): f"""
        update marts.liquidation_imbalance_hourly set is_lower_bound_24h = false where {BTC_14}
    """,
    ("liquidation_imbalance_hourly", "interval_holds_share"): f"""
        update marts.liquidation_imbalance_hourly
        set long_1h_event_share_low = 0.6 where {BTC_14}
    """,
    ("liquidation_intensity_hourly", "zeros_are_heard"): f"""
        update marts.liquidation_intensity_hourly set long_24h_usd = 0 where {BTC_14}
    """,
    ("liquidation_intensity_hourly", "parts_are_lower_bounds"): f"""
        update marts.liquidation_intensity_hourly set is_lower_bound_24h = false where {BTC_14}
    """,
    ("liquidation_intensity_hourly", "matched_or_null"): f"""
        update marts.liquidation_intensity_hourly set matched_instruments_1h = 0 where {BTC_14}
    """,
    ("exchange_breakdown", "key_unique"): """
        insert into marts.exchange_breakdown
        select * from marts.exchange_breakdown where venue = 'okx' and base_asset = 'BTC'
    """,
    ("exchange_breakdown", "key_complete"): """
        update marts.exchange_breakdown set window_hours = null where venue = 'okx'
    """,
    ("exchange_breakdown", "venues_add_up"): """
        update marts.exchange_breakdown set long_usd = long_usd + 0.0001 where venue = 'ALL'
    """,
    ("exchange_breakdown", "assets_add_up"): """
        update marts.exchange_breakdown set short_usd = short_usd + 0.0001
        where base_asset = 'ALL'
    """,
    ("exchange_breakdown", "last_hour_conserved"): """
        update marts.exchange_breakdown set long_usd = long_usd + 45000, short_usd = short_usd
    """,
    ("exchange_breakdown", "share_in_range"): """
        update marts.exchange_breakdown set share = 1.2 where venue = 'okx'
    """,
    ("exchange_breakdown", "long_share_in_range"): """
        update marts.exchange_breakdown set long_share = 'nan' where venue = 'okx'
    """,
    **{
        ("liquidation_imbalance_hourly", f"{column}_in_range"): f"""
            update marts.liquidation_imbalance_hourly set {column} = -1.01 where {BTC_14}
        """
        for column in ("imbalance_1h", "imbalance_24h", "long_dominance_1h", "long_dominance_24h")
    },
    ("leverage_hourly", "oi_usd_in_range"): f"""
        update marts.leverage_hourly set oi_usd = -1 where {BTC_14}
    """,
    ("leverage_hourly", "oi_to_market_cap_plausible"): f"""
        update marts.leverage_hourly set oi_to_market_cap = 100 where {BTC_14}
    """,
    ("leverage_hourly", "oi_change_plausible"): f"""
        update marts.leverage_hourly set oi_change_1h_share = -0.7 where {BTC_14}
    """,
    ("leverage_hourly", "ends_meet_starts"): f"""
        update marts.leverage_hourly set oi_usd = 9e9 where {BTC_14}
    """,
    ("fct_funding", "key_unique"): """
        insert into marts.fct_funding select * from marts.fct_funding where venue = 'okx'
    """,
    ("fct_funding", "key_complete"): """
        update marts.fct_funding set funding_at = null where venue = 'okx'
    """,
    ("fct_funding", "interval_has_source"): """
        update marts.fct_funding set interval_hours = null where venue = 'okx'
    """,
    ("fct_funding", "interval_known"): """
        update marts.fct_funding set interval_hours = null, interval_source = 'unknown'
        where venue = 'okx'
    """,
    ("fct_funding", "interval_within_settlements"): """
        update marts.fct_funding set interval_hours = 8 where venue = 'okx'
    """,
    ("funding_hourly", "funding_rate_8h_plausible"): f"""
        update marts.funding_hourly set oi_weighted_funding_8h = -0.03 where {BTC_14}
    """,
    ("stress_hourly", "score_in_range"): f"""
        update marts.stress_hourly set score = 100.1 where {BTC_14}
    """,
    ("stress_hourly", "contributions_add_up"): f"""
        update marts.stress_hourly set score = 71.6 where {BTC_14}
    """,
    ("stress_hourly", "regime_known"): f"""
        update marts.stress_hourly set regime = 'panic' where {BTC_14}
    """,
    ("market_heatmap", "market_cap_usd_in_range"): f"""
        update marts.market_heatmap set market_cap_usd = -1 where {BTC_14}
    """,
    ("market_heatmap", "rank_in_range"): f"""
        update marts.market_heatmap set rank = 0 where {BTC_14}
    """,
    ("market_heatmap", "return_24h_in_range"): f"""
        update marts.market_heatmap set return_24h = -3 where {BTC_14}
    """,
    ("market_heatmap", "tier_known"): f"""
        update marts.market_heatmap set tier = 'micro' where {BTC_14}
    """,
    **{
        (mart, name): sql.format(mart=mart)
        for mart in (
            "liquidation_imbalance_hourly",
            "liquidation_intensity_hourly",
            "leverage_hourly",
            "funding_hourly",
            "stress_hourly",
            "market_heatmap",
        )
        for name, sql in (
            (
                "key_unique",
                f"insert into marts.{{mart}} select * from marts.{{mart}} where {BTC_14}",
            ),
            ("key_complete", f"update marts.{{mart}} set base_asset = null where {BTC_14}"),
        )
    },
}
