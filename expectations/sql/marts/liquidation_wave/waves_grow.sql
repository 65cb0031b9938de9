-- A larger drop forces no less, and ends no higher.
-- why: The ladder is walked once for all drops; a wave that shrinks has taken the wrong rung.
-- failure: {unexpected_count} waves of liquidation_wave are smaller than those of smaller drops,
--   the first {example}
select
    hour_at,
    base_asset,
    drop_percent
from {batch}
window by_drop as (
    partition by hour_at, base_asset order by drop_percent
)
qualify
    forced_usd < lag(forced_usd) over by_drop
    or wave_usd_low < lag(wave_usd_low) over by_drop
    or wave_usd_mid < lag(wave_usd_mid) over by_drop
    or wave_usd_high < lag(wave_usd_high) over by_drop
    or final_drop_percent_low < lag(final_drop_percent_low) over by_drop
    or final_drop_percent_mid < lag(final_drop_percent_mid) over by_drop
    or final_drop_percent_high < lag(final_drop_percent_high) over by_drop
