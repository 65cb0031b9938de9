-- Gate's landed data (contracts and their statistics) has no volume of 24 hours.
{{ no_observations(like='stg_bybit__volumes') }}
