select
    started_at, base_asset, ended_at, is_open, long_usd, long_usd_low, long_usd_mid, long_usd_high,
    short_usd, is_lower_bound, peak_minute_share, oi_change_share, drawdown_share, first_mover,
    unwind_class
from liquidation_episodes
where started_at > {hour} - interval 167 hours and started_at < {hour} + interval 1 hour
    and base_asset in ({assets})
qualify row_number() over (partition by base_asset order by started_at desc) <= 24
order by started_at
