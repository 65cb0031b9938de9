-- What is landed of OKX (open interest, marks, index, funding) says no volume.
{{ no_observations(like='stg_bybit__volumes') }}
