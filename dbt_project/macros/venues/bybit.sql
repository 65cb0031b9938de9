{#-
    BTCUSDT, BTCUSDT-27MAR26 (USDT); BTCPERP, BTC-27MAR26 (USDC); BTCUSD and BTCUSDH26 are inverse.
-#}
{% macro bybit__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(
            column,
            "^({letters}+?)(?:(?:USDT|USDC|USD|PERP)(?:[FGHJKMNQUVXZ][0-9]{{2}}"
            ~ "|-[0-9]{{1,2}}[A-Z]{{3}}[0-9]{{2}})?|-[0-9]{{1,2}}[A-Z]{{3}}[0-9]{{2}})$",
            1
        ),
        "quote_asset": "coalesce(nullif(regexp_extract("
            ~ column ~ ", '(USDT|USD)(?:[FGHJKMNQUVXZ][0-9]{2}|-[0-9A-Z]+)?$', 1), ''), 'USDC')",
        "contract_type": "if(regexp_matches("
            ~ column ~ ", 'USD([FGHJKMNQUVXZ][0-9]{2})?$'), 'inverse', 'linear')",
    }) }}
{%- endmacro %}


{#- Rows of Bybit's tickers of contracts in the batches being built; see rest_rows. -#}
{% macro bybit_tickers() -%}
    (
        from {{ rest_rows(
            'bybit', 'tickers', ['/v5/market/tickers'], rows_at='$.result.list',
            answered={'category': '$.result.category', 'answered_ms': '$.time'}
        ) }}

        where coalesce(category, '') not in ('spot', 'option')
    )
{%- endmacro %}
