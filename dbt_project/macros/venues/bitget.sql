{#- BTCUSDT; BTCPERP and BTCUSDC are in USDC; BTCUSD is inverse. -#}
{% macro bitget__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+?)(?:USDT|USDC|USD|PERP)(?:[FGHJKMNQUVXZ][0-9]{{2}})?$", 1),
        "quote_asset": "coalesce(nullif(regexp_extract("
            ~ column ~ ", '(USDT|USD)(?:[FGHJKMNQUVXZ][0-9]{2})?$', 1), ''), 'USDC')",
        "contract_type": "if(regexp_matches("
            ~ column ~ ", 'USD([FGHJKMNQUVXZ][0-9]{2})?$'), 'inverse', 'linear')",
    }) }}
{%- endmacro %}


{#- Rows of Bitget's tickers in the batches being built; see rest_rows. -#}
{% macro bitget_tickers() -%}
    (
        select
            *,
            entry ->> 'symbol' as instrument,
            {{ epoch_ms_at("coalesce(entry ->> 'ts', answered_ms)") }} as observed_at,

        from {{ rest_rows(
            'bitget', 'tickers', ['/api/v3/market/tickers'], rows_at='$.data',
            answered={'answered_ms': '$.requestTime'}
        ) }}

        where coalesce(params ->> 'category', '') not in ('SPOT', 'MARGIN')
    )
{%- endmacro %}
