-- What is landed of Gate (contracts and their statistics) says no volume of 24 hours.
{{ no_observations(like='stg_bybit__volumes') }}
