{#-
    An instrument's name parsed by its venue's grammar: a struct of venue_asset, quote_asset and
    contract_type (linear, inverse, quanto). venue_asset is null where the name does not match the
    grammar; a name is never repaired. The grammar is <venue>__symbol_parts in macros/venues.

    Arguments: venue (none: the value of the column `venue`); column, an expression that gives the
    instrument's name.
-#}
{% macro parse_symbol(venue, column) -%}
    {%- if not venue %}
    case venue
        {%- for one in var('venues') %}
        when '{{ one }}' then {{ parse_symbol(one, column) }}
        {%- endfor %}
    end
    {%- else %}
    struct_pack(
        {%- for part, expression in symbol_parts(venue, column).items() %}
        {{ part }} := {{ expression }}{{ "," if not loop.last }}
        {%- endfor %}
    )
    {%- endif %}
{%- endmacro %}


{#- The asset that an instrument's name holds, as its venue writes it; null where it cannot be read. -#}
{% macro venue_asset(column) -%}
    case venue
        {%- for one in var('venues') %}
        when '{{ one }}' then {{ symbol_parts(one, column)["venue_asset"] }}
        {%- endfor %}
    end
{%- endmacro %}


{#- Whether an instrument's name is that of an inverse contract, sized in dollars. -#}
{% macro is_inverse_by_name(venue, column) -%}
    ({{ symbol_parts(venue, column)["contract_type"] }}) = 'inverse'
{%- endmacro %}


{#- The grammar of a venue, as part of the name -> SQL expression. -#}
{% macro symbol_parts(venue, column) -%}
    {%- set grammar = context.get(venue ~ "__symbol_parts") -%}
    {%- if not grammar -%}
        {{ exceptions.raise_compiler_error(
            "No grammar of instrument names for venue '" ~ venue ~ "'. Write the macro "
            ~ venue ~ "__symbol_parts in macros/venues/" ~ venue ~ ".sql."
        ) }}
    {%- endif -%}
    {{ return(grammar(column)) }}
{%- endmacro %}


{#-
    A group of a pattern in a name, or null. Names are capitals and digits of any script (Chinese
    ones are traded); the classes of all scripts cost five times as much, so ASCII is tried first.

    Arguments: column; pattern with {letters} for the class, other braces doubled; group.
-#}
{% macro name_part(column, pattern, group) -%}
    coalesce(
        nullif(regexp_extract({{ column }}, '{{ pattern.format(letters="[A-Z0-9]") }}', {{ group }}), ''),
        nullif(regexp_extract(
            {{ column }}, '{{ pattern.format(letters="[\\p{Lu}\\p{Lo}\\p{N}]") }}', {{ group }}
        ), '')
    )
{%- endmacro %}


{#-
    All groups of a pattern in a name, likewise, as a struct of texts; '' where they do not match.

    Arguments: column; pattern as for name_part; names, of the groups.
-#}
{% macro name_parts(column, pattern, names) -%}
    if(
        strlen({{ column }}) = length({{ column }}),
        regexp_extract({{ column }}, '{{ pattern.format(letters="[A-Z0-9]") }}', {{ names }}),
        regexp_extract(
            {{ column }}, '{{ pattern.format(letters="[\\p{Lu}\\p{Lo}\\p{N}]") }}', {{ names }}
        )
    )
{%- endmacro %}
