{#-
    The common end of the staging models of prices: staged_observations with the checks of bars.

    Arguments: venue; relation, a CTE as for staged_observations with price_kind, bar_seconds (null
    for a point), close_at, and as text open_usd, high_usd, low_usd, close_usd, volume_base,
    volume_usd; parsed_symbol, passed on.
-#}
{% macro staged_bars(venue, relation, parsed_symbol=none) -%}
    {{ staged_observations(
        venue,
        relation,
        numbers={
            'open_usd': 'positive',
            'high_usd': 'positive',
            'low_usd': 'positive',
            'close_usd': 'positive',
            'volume_base': 'not_negative',
            'volume_usd': 'not_negative',
        },
        required=['price_kind', 'open_usd', 'high_usd', 'low_usd', 'close_usd'],
        kept=['price_kind', 'bar_seconds', 'close_at'],
        checks={
            'contradictory_bar': 'high_usd < greatest(open_usd, low_usd, close_usd)'
                ~ ' or low_usd > least(open_usd, close_usd)',
            'unreadable_bar_length': 'close_at is null or bar_seconds <= 0',
            'unfinished_bar': 'bar_seconds is not null and ' ~ is_unfinished('close_at'),
        },
        parsed_symbol=parsed_symbol,
    ) }}
{%- endmacro %}


{#- The seconds of a bar's length as venues write it: 5m, 1h or 1H, 1d or 1D; null for months. -#}
{% macro bar_seconds(length) -%}
    {%- set number = "try_cast(regexp_extract(" ~ length ~ ", '[0-9]+') as integer)" -%}
    case
        when {{ number }} between 0 and 20000
            then {{ number }} * case regexp_extract({{ length }}, '[a-zA-Z]')
                when 'm' then 60
                when 'h' then 3600
                when 'H' then 3600
                when 'd' then 86400
                when 'D' then 86400
            end
    end
{%- endmacro %}
