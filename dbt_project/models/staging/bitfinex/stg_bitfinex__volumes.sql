-- What is landed of Bitfinex (status of derivatives) says no volume.
{{ no_observations(like='stg_bybit__volumes') }}
