{#-
    The common beginning of stg_<venue>__liquidations: every row that recorded or imported frames
    and answers deliver, as the CTE `delivered`; a line without a row gives one, so that none is
    lost.

    Arguments:
      venue
      frame_rows_at  JSON path of the rows in a frame; null where a frame is one row itself
      rest           endings of the URLs whose answers hold liquidations
      rest_rows_at   JSON path of the rows in such an answer
      says           name -> JSON path of what a frame or answer says of all its rows
      pongs          frames that are a bare word
    Columns: batch_id, raw_object, raw_line, row_in_line, source_kind (stream or rest), is_import,
    sealed_at, received_at, url and params (of an answer), the names of `says`, entry (the row as
    JSON text; null where there is none), line_class (other: connections, pongs, errors, lists
    without a row; else row) and reject_reason (unreadable_json, or null).
-#}
{% macro delivered_rows(
    venue, frame_rows_at=none, rest=[], rest_rows_at='$', says={}, pongs=['pong', 'ping']
) -%}
{%- set envelope = {
    'envelope_at': '$.received_at', 'url': '$.request.url', 'params': '$.request.params',
    'status': '$.request.status', 'payload': '$.body',
} -%}
{{ frame_lines(venue) }}

{%- if rest %}

answer_lines as (

    select
        *,
        {{ json_texts('text', envelope) }} as envelope_texts,

    from {{ raw_lines(venue, 'liquidations', 'rest') }}

),

answer_envelopes as (

    select
        * exclude (envelope_texts),
        {{- named_texts('envelope_texts', envelope) }}
        envelope_texts is not null as is_envelope,

    from answer_lines

),
{%- endif %}

payloads as (

    select
        batch_id,
        raw_object,
        raw_line,
        'stream' as source_kind,
        is_import,
        sealed_at,
        envelope_at,
        is_connection_event,
        null::varchar as url,
        null::varchar as params,
        null::varchar as status,
        frame as payload,

    from frames
    {%- if rest %}

    union all by name

    -- Answers of other endpoints are not ours; a cut line may have been, and is kept to be refused.
    select
        batch_id,
        raw_object,
        raw_line,
        'rest' as source_kind,
        is_import,
        sealed_at,
        envelope_at,
        false as is_connection_event,
        regexp_replace(url, '[?].*$', '') as url,
        params,
        status,
        payload,

    from answer_envelopes

    where not is_envelope
        {%- for ending in rest %}
        or ends_with(regexp_replace(url, '[?].*$', ''), '{{ ending }}')
        {%- endfor %}
    {%- endif %}

),

parsed as materialized (

    select
        *,
        coalesce(json_valid(payload), false) as is_json,
        {%- if says %}
        {{ json_texts('payload', says) }} as said_texts,
        {%- endif %}
        {%- set in_frame %}
            {%- if frame_rows_at %}{{ json_list('payload', frame_rows_at, 'null::varchar') }}
            {%- else %}[payload]{% endif %}
        {%- endset %}
        {%- if rest %}
        case source_kind
            when 'rest' then {{ json_list('payload', rest_rows_at, 'null::varchar') }}
            else {{ in_frame }}
        end as entries,
        {%- else %}
        {{ in_frame }} as entries,
        {%- endif %}

    from payloads

),

entries as (

    select
        * exclude (entries, payload{{ ', said_texts' if says }}),
        {%- if says %}
        {{- named_texts('said_texts', says) }}
        {%- endif %}
        unnest(entries) as entry,
        unnest(range(1, len(entries) + 1)) as row_in_line,
        trim(payload) in ('{{ pongs | join("', '") }}') as is_pong,

    from parsed

),

delivered as (

    select
        * exclude (is_json, is_pong, is_connection_event, envelope_at, status)
            replace (if(is_json, entry, null) as entry),
        {{ iso_at('envelope_at') }} as received_at,
        case
            -- An error in whatever words has another status.
            when is_connection_event or is_pong or status != '200' then 'other'
            when is_json and entry is null then 'other'
            else 'row'
        end as line_class,
        case when not is_json then 'unreadable_json' end as reject_reason,

    from entries

),
{%- endmacro %}
