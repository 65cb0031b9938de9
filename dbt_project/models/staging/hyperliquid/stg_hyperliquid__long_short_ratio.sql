-- Hyperliquid publishes no ratio of accounts: addresses hold positions, and it does not count them.
{{ no_observations(like='stg_bybit__long_short_ratio') }}
