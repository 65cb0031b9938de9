-- The venue publishes no such ratio.
{{ no_observations(like='stg_bybit__long_short_ratio') }}
