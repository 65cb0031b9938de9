{#-
    Several texts of one JSON column in one parse; each `->>` would parse it again. Null where the
    column is not JSON. `paths` maps names to JSON paths; `named_texts` restores the names.
-#}
{% macro json_texts(column, paths) -%}
    case
        when json_valid({{ column }})
            then json_extract_string({{ column }}, ['{{ paths.values() | join("', '") }}'])
    end
{%- endmacro %}


{#- The texts that `json_texts` took, as columns of their names. -#}
{% macro named_texts(texts, paths) -%}
    {%- for name in paths %}
        {{ texts }}[{{ loop.index }}] as {{ name }},
    {%- endfor %}
{%- endmacro %}


{#-
    The elements of a JSON list as texts. Where the column holds no JSON, the column itself; where
    there is no list or it is empty, `otherwise`: never an empty list, since unnesting one drops the
    row silently.

    Arguments: column; path of the list; otherwise, an expression. The nested case matters: JSON
    functions raise on text that is not JSON, and `and` does not guarantee that json_valid runs first.
-#}
{% macro json_list(column, path, otherwise) -%}
    case
        when json_valid({{ column }})
            then case
                when json_array_length({{ column }}, '{{ path }}') > 0
                    then json_extract({{ column }}, '{{ path }}[*]')::varchar[]
                else [{{ otherwise }}]
            end
        else [{{ column }}]
    end
{%- endmacro %}


{#-
    The frames of a recorder's segments or of imported frames: CTEs `frame_lines` and `frames`.

    Gives batch_id, raw_object, raw_line, is_import, sealed_at, envelope_at (received_at as text),
    envelope_event (connected, disconnected, gap), frame (text), and is_readable (the line is an
    envelope).
-#}
{% macro frame_lines(venue) -%}
{%- set envelope = {'envelope_at': '$.received_at', 'envelope_event': '$.event', 'frame': '$.frame'} -%}
envelopes as not materialized (

    select
        *,
        {{ json_texts('text', envelope) }} as envelope_texts,

    from {{ raw_lines(venue, 'liquidations', 'frames') }}

),

frames as not materialized (

    select
        batch_id,
        raw_object,
        raw_line,
        is_import,
        sealed_at,
        {{- named_texts('envelope_texts', envelope) }}
        frame is null and envelope_event is not null as is_connection_event,

    from envelopes

),
{%- endmacro %}


{#-
    A JSON text with lone surrogates (`\ud800` without its other half) replaced by \ufffd, so that one
    bad name rejects its row and not the whole answer: DuckDB's JSON functions refuse them. Valid JSON
    is unchanged.
-#}
{% macro whole_characters(column) -%}
    case
        when (contains({{ column }}, '\ud') or contains({{ column }}, '\uD'))
            and not json_valid({{ column }})
            then regexp_replace({{ column }}, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g')
        else {{ column }}
    end
{%- endmacro %}
