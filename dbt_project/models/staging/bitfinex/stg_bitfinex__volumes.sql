-- Bitfinex's landed data (status of derivatives) has no volume.
{{ no_observations(like='stg_bybit__volumes') }}
