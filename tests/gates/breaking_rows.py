"""For each expectation of the landed gate, SQL on staging.duckdb that breaks only that one."""

STAGED = "intermediate.int_liquidations_unioned"

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
        where venue = 'okx'
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
