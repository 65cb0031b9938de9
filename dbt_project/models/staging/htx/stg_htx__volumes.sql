-- Whether `trade_turnover` counts each trade once or for both sides is not documented: left out.
{{ no_observations(like='stg_bybit__volumes') }}
