-- OKX's landed data (open interest, marks, index, funding) has no volume.
{{ no_observations(like='stg_bybit__volumes') }}
