select
    drop_percent, base_asset, forced_usd, forced_usd_low, forced_usd_high, wave_usd_low,
    wave_usd_mid, wave_usd_high, final_drop_percent_low, final_drop_percent_mid,
    final_drop_percent_high, amplification_mid, is_beyond_map
from liquidation_wave
where drop_percent <= 10 and hour_at = {hour} and base_asset in ({assets})
order by drop_percent
