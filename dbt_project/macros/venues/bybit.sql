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


{#- What Bybit publishes, from when to when, and who says so. -#}
{% macro bybit__publication_rules() -%}
    {{ return({
        "venue_name": "Bybit",
        "first_public": ("2018-11-01", "the inverse perpetual opened in November 2018"),
        "rules": [
            ("unknown", "1970-01-01", "2021-09-01", "bankruptcy",
                "https://k33.com/research"),
            ("one_per_symbol_second_latest", "2021-09-01", "2025-02-20", "bankruptcy",
                "https://bybit-exchange.github.io/docs/changelog/v5"),
            ("full", "2025-02-20", none, "bankruptcy",
                "https://bybit-exchange.github.io/docs/v5/websocket/public/all-liquidation"),
        ],
    }) }}
{%- endmacro %}
