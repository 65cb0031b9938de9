{#-
    The common ends of a venue's staging models of context, each over a CTE as `staged_observations`
    wants it, with the columns named here; `parsed_symbol` is passed on to it.
-#}


{#-
    Open interest of one side: oi_contracts, oi_base and oi_usd, at least one of them; `required`
    names further required columns.
-#}
{% macro staged_open_interest(venue, relation, required=[], parsed_symbol=none) -%}
    {{ staged_observations(
        venue,
        relation,
        numbers={
            'oi_contracts': 'not_negative', 'oi_base': 'not_negative', 'oi_usd': 'not_negative'
        },
        required=required,
        checks={'missing_field': 'coalesce(oi_contracts, oi_base, oi_usd) is null'},
        parsed_symbol=parsed_symbol,
    ) }}
{%- endmacro %}


{#-
    Funding rates: funding_rate (per interval, positive where longs pay), interval_hours (null where
    the row does not state it), next_funding_at (the settlement that it announces), is_settled
    (false for the running estimate of the next settlement).
-#}
{% macro staged_funding(venue, relation, parsed_symbol=none) -%}
    {{ staged_observations(
        venue,
        relation,
        numbers={'funding_rate': 'rate', 'interval_hours': 'positive'},
        required=['funding_rate'],
        kept=['is_settled', 'next_funding_at'],
        parsed_symbol=parsed_symbol,
    ) }}
{%- endmacro %}


{#- Long over short: ratio_kind (accounts, top_accounts, ...) and long_short_ratio. -#}
{% macro staged_long_short_ratio(venue, relation) -%}
    {{ staged_observations(
        venue,
        relation,
        numbers={'long_short_ratio': 'not_negative'},
        required=['long_short_ratio'],
        kept=['ratio_kind'],
    ) }}
{%- endmacro %}


{#-
    Mark and index prices of one instant: mark_usd and index_usd, as text or numbers; an absent price
    gives no row. A model that also has bars uses the CTE `points` of price_points alone.
-#}
{% macro staged_price_points(venue, relation, parsed_symbol=none) -%}
{{ price_points(relation) }}

{{ staged_bars(venue, 'points', parsed_symbol=parsed_symbol) }}
{%- endmacro %}


{% macro price_points(relation) -%}
pairs as (

    select
        *,
        unnest([
            {'kind': 'mark', 'price': mark_usd::varchar},
            {'kind': 'index', 'price': index_usd::varchar}
        ]) as point,
        unnest([1, 2]) as place,

    from {{ relation }}

),

points as (

    select
        * exclude (point, place, mark_usd, index_usd)
            replace ((row_in_line - 1) * 2 + place as row_in_line),
        point.kind as price_kind,
        null::integer as bar_seconds,
        observed_at as close_at,
        point.price as open_usd,
        point.price as high_usd,
        point.price as low_usd,
        point.price as close_usd,
        null::varchar as volume_base,
        null::varchar as volume_usd,

    from pairs

    where if(reject_reason is null, nullif(point.price, '') is not null, place = 1)

),
{%- endmacro %}


{#-
    The volume of a contract in a window that ends at observed_at: window_hours, volume_usd and,
    where the venue publishes it, volume_base; each trade counts once. A contract that is not quoted in
    dollars or a dollar stablecoin has no volume_usd.
-#}
{% macro staged_volumes(venue, relation, parsed_symbol=none) -%}
    {{ staged_observations(
        venue,
        relation,
        numbers={'volume_base': 'not_negative', 'volume_usd': 'not_negative'},
        required=['volume_usd'],
        kept=['window_hours'],
        parsed_symbol=parsed_symbol,
        checks={
            'quote_not_usd': "coalesce(parsed_symbol.quote_asset, 'USD') not in " ~ dollar_quotes()
        },
    ) }}
{%- endmacro %}
