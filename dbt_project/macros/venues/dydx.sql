{#- BTC-USD; long names of other chains carry their address: FOO,RAYDIUM,8x...-USD. All linear. -#}
{% macro dydx__symbol_parts(column) -%}
    {{ return({
        "venue_asset": name_part(column, "^({letters}+)(?:,[^-]*)?-USD$", 1),
        "quote_asset": "'USD'",
        "contract_type": "'linear'",
    }) }}
{%- endmacro %}


{#- Rows of dYdX's markets in the batches being built; see rest_rows. The answer has no timestamp. -#}
{% macro dydx_markets() -%}
    (
        select
            *,
            entry ->> 'ticker' as instrument,
            coalesce(received_at, sealed_at) as observed_at,

        from {{ rest_rows(
            'dydx', 'markets', ['/v4/perpetualMarkets'], rows_at='$.markets', keyed=true
        ) }}
    )
{%- endmacro %}


{#- The dataset that lists the venue's contracts. -#}
{% macro dydx__listing_dataset() %}{{ return('markets') }}{% endmacro %}
