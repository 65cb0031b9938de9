{#-
    The common beginning of stg_<venue>__liquidations: every row of the recorded or imported frames
    and answers, as the CTE `messages`; a line without rows gives one, so that no line is lost.

    Arguments:
      venue
      row_fields       name -> JSON path of a field of each row; from an `instrument` its venue_asset,
                       quote_asset and contract_type follow by the venue's grammar
      envelope_fields  name -> JSON path of a field that a frame or answer has once for all its rows
      control_frames   SQL condition over `entry` and the names of the fields, true where a frame
                       reports no liquidation: acknowledgements, heartbeats, other channels
      recognised       SQL condition over the same, false where a frame is of no known kind
      rows_at          JSON path of a frame's rows, or several to be tried in turn: the elements of a
                       list, or one object; a path with a wildcard gives all that it matches
      nested_row       JSON path of the row proper where some of these carry it inside of them
      row_markers      texts one of which is in every row that reports a liquidation: of a venue that
                       marks them among its trades, other rows are left out (the first of each frame
                       or answer stays, as `other`)
      rest             paths, as for is_path, whose answers hold liquidations
      rest_rows_at     JSON path of the rows in such an answer
      heartbeats       frames that are a bare word
      published_at     SQL expression over the same, a timestamp: when the venue pushed the frame, as
                       the frame states it. An answer has no such time, whatever its fields
    Columns: batch_id, raw_object, raw_line, row_in_line, rows_in_line (how many the line has, at
    most), source_kind (stream or rest), is_import, sealed_at, received_at, published_at, url and
    params (JSON text, of an answer), the fields as text,
    entry (the row as JSON text), line_class (other: connections, heartbeats, control frames, errors, empty
    lists; else row) and reject_reason (unreadable_json, unrecognised_frame, unrecognised_answer, or
    null; where a known frame lacks its rows the row's fields are null).

    DuckDB computes once, and keeps, what several CTEs read. None of these is kept, so that a model can
    parse its lines again instead (materialized_if_few).
-#}
{% macro message_rows(
    venue, row_fields, envelope_fields={}, control_frames='false', recognised='true', rows_at='$',
    nested_row=none, row_markers=[], rest=[], rest_rows_at='$', heartbeats=['pong', 'ping'],
    published_at='null::timestamp'
) -%}
{{ frame_lines(venue) }}

{{ answer_lines(venue, rest) }}

payloads as not materialized (

    select
        batch_id,
        raw_object,
        raw_line,
        'stream' as source_kind,
        is_import,
        sealed_at,
        envelope_at,
        null::varchar as url,
        null::varchar as params,
        -- Trimming a long text takes longer than parsing it.
        is_connection_event
        or case
            when starts_with(frame, '{') then false
            else trim(frame) in ('{{ heartbeats | join("', '") }}')
        end as is_no_answer,
        {{ whole_characters('frame') }} as payload,

    from frames

    union all by name

    select
        batch_id,
        raw_object,
        raw_line,
        'rest' as source_kind,
        is_import,
        sealed_at,
        envelope_at,
        url,
        params,
        -- Any error: by its HTTP status, or by the error that landing found inside HTTP 200.
        status != '200' or (fault is not null and json_valid(body)) as is_no_answer,
        {{ whole_characters('body') }} as payload,

    from answers

),

parsed as not materialized (

    select
        *,
        coalesce(json_valid(payload), false) as is_json,
        {%- if envelope_fields %}
        {{ json_texts('payload', envelope_fields) }} as envelope_texts,
        {%- endif %}
        if(
            source_kind = 'rest',
            {{ json_rows('payload', rest_rows_at, objects=false) }},
            {{ json_rows('payload', rows_at) }}
        ) as entries,

    from payloads

),

enveloped as not materialized (

    select
        * exclude (entries, payload{{ ', envelope_texts' if envelope_fields }}),
        {%- if envelope_fields %}
        {{- named_texts('envelope_texts', envelope_fields) }}
        {%- endif %}
        {%- if nested_row %}
        unnest(entries) as element,
        coalesce(
            case
                when {{ may_have_key('element', nested_row) }} and json_valid(element)
                    then json_extract(element, '{{ nested_row }}')::varchar
            end,
            element
        ) as entry,
        {%- else %}
        unnest(entries) as entry,
        {%- endif %}
        unnest(range(1, len(entries) + 1)) as row_in_line,
        len(entries) as rows_in_line,

    from parsed

),

{%- if row_markers %}
flagged as not materialized (

    select
        *,
        coalesce(
            {%- for marker in row_markers %}
            contains(entry, '{{ marker }}'){{ " or" if not loop.last }}
            {%- endfor %},
            true
        ) as is_flagged,

    from enveloped

    where row_in_line = 1 or is_flagged

),
{%- endif %}

row_texts as not materialized (

    select
        *,
        {{ json_texts('entry', row_fields) }} as texts,

    from {{ 'flagged' if row_markers else 'enveloped' }}

),

messages as not materialized (

    select
        * exclude (envelope_at, is_no_answer, is_json, texts),
        {{- named_texts('texts', row_fields) }}
        {%- if 'instrument' in row_fields %}
        unnest({{ parse_symbol(venue, 'instrument') }}),
        {%- endif %}
        {{ iso_at('envelope_at') }} as received_at,
        case when source_kind = 'stream' then {{ published_at }} end as published_at,
        case
            when is_no_answer then 'other'
            when not is_json then 'row'
            when entry = '[]' then 'other'
            {%- if row_markers %}
            when not is_flagged then 'other'
            {%- endif %}
            when source_kind = 'stream' and coalesce({{ control_frames }}, false) then 'other'
            else 'row'
        end as line_class,
        case
            when not is_json then 'unreadable_json'
            when source_kind = 'stream' and not coalesce({{ recognised }}, false)
                then 'unrecognised_frame'
            when source_kind = 'rest' and entry is null then 'unrecognised_answer'
        end as reject_reason,

    from row_texts

),
{%- endmacro %}


{#-
    The answers of liquidation endpoints, as the CTE `answers`: batch_id, raw_object, raw_line,
    is_import, sealed_at, envelope_at, url (without query), params, status, fault, body, all texts.

    Answers of other endpoints are left out. A truncated line may have been of any endpoint: it is kept
    here to be rejected once, also for a venue without such an endpoint.
-#}
{% macro answer_lines(venue, paths) -%}
{%- set envelope = {
    'envelope_at': '$.received_at', 'full_url': '$.request.url', 'params': '$.request.params',
    'status': '$.request.status', 'fault': '$.request.fault', 'body': '$.body',
} -%}
answer_envelopes as not materialized (

    select
        *,
        {{ json_texts('text', envelope) }} as envelope_texts,

    from {{ raw_lines(venue, 'liquidations', 'rest') }}

),

answers as not materialized (

    select
        batch_id,
        raw_object,
        raw_line,
        is_import,
        sealed_at,
        {{- named_texts('envelope_texts', envelope) }}
        regexp_replace(full_url, '[?].*$', '') as url,

    from answer_envelopes

    where envelope_texts is null
        {%- for path in paths %}
        or {{ is_path('url', path) }}
        {%- endfor %}

),
{%- endmacro %}


{#-
    The rows of a JSON text as texts, from the first of the paths that holds a list (its elements), an
    object (itself, where `objects` may be rows) or, with a wildcard, anything. '[]' where that list is
    empty, one null where there is no list or the text is not JSON: never an empty list, since
    unnesting one drops the row silently.
-#}
{% macro json_rows(column, paths, objects=true) -%}
    {%- set paths = [paths] if paths is string else paths -%}
    case
        when not coalesce(json_valid({{ column }}), false) then [null::varchar]
        else case
            {%- for path in paths %}
            {%- if '*' in path %}
            when len(json_extract({{ column }}, '{{ path }}')) > 0
                then json_extract({{ column }}, '{{ path }}')::varchar[]
            {%- else %}
            {%- if objects and loop.first and path == '$' %}
            -- An object is itself, without being parsed again.
            when starts_with({{ column }}, '{') then [{{ column }}]
            {%- endif %}
            when json_array_length({{ column }}, '{{ path }}') > 0
                then json_extract({{ column }}, '{{ path }}[*]')::varchar[]
            {%- if objects %}
            when json_type({{ column }}, '{{ path }}') = 'OBJECT'
                then [json_extract({{ column }}, '{{ path }}')::varchar]
            {%- endif %}
            {%- endif %}
            {%- endfor %}
            {%- for path in paths if '*' not in path %}
            when json_type({{ column }}, '{{ path }}') = 'ARRAY' then ['[]']
            {%- endfor %}
            else [null::varchar]
        end
    end
{%- endmacro %}


{#-
    Whether a JSON text may have the key that a path begins with: without parsing it. A predicate.
-#}
{% macro may_have_key(column, path) -%}
    {{ may_have_text(column, '"' ~ path.split('.')[1] ~ '"') }}
{%- endmacro %}


{#-
    Whether a JSON text may have these characters in a name or value: without parsing it, and true
    where the text has escapes, since they can be written with them. A predicate.
-#}
{% macro may_have_text(column, characters) -%}
    (
        contains({{ column }}, '{{ characters }}')
        or contains({{ column }}, '\u')
    )
{%- endmacro %}
