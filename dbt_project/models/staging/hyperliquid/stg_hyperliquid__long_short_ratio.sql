-- Hyperliquid publishes no ratio of its accounts: addresses hold positions, and nobody counts them.
{{ no_observations(like='stg_bybit__long_short_ratio') }}
