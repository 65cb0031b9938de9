{#- Quote assets that count as one dollar each; the quote asset itself is kept in every fact. -#}
{% macro dollar_quotes() -%}
    ('USD', 'USDT', 'USDC', 'BUSD', 'FDUSD', 'TUSD', 'USD1', 'USDE', 'USDP', 'DAI')
{%- endmacro %}
