{#- BTCUSDT and BTCUSDC are linear, BTCUSD is inverse. -#}
{% macro coinex__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+?)(?:USDT|USDC|USD)$", 1),
        "quote_asset": "nullif(regexp_extract(" ~ column ~ ", '(USDT|USDC|USD)$', 1), '')",
        "contract_type": "if(ends_with(" ~ column ~ ", 'USD'), 'inverse', 'linear')",
    }) }}
{%- endmacro %}


{#- Rows of CoinEx's tickers in the batches being built; see rest_rows. They have no timestamp. -#}
{% macro coinex_tickers() -%}
    (
        select
            *,
            trim(entry ->> 'market') as instrument,
            coalesce(received_at, sealed_at) as observed_at,
            {{ is_inverse_by_name('coinex', 'instrument') }} as is_inverse,

        from {{ rest_rows('coinex', 'tickers', ['/v2/futures/ticker'], rows_at='$.data') }}
    )
{%- endmacro %}
