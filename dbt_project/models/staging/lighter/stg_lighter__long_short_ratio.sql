-- The venue publishes no such ratio without a key.
{{ no_observations(like='stg_bybit__long_short_ratio') }}
