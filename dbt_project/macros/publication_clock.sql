{#-
    The clock by which an event's second of publication is known. Venues that publish at most one event
    per second count the seconds of their pushes, not of the trades, which are up to a second earlier:
    an estimate of what they hide counts in these seconds too.

      venue    the message states when the venue published it
      receive  it does not, but was streamed, and so received moments after it was pushed
      unknown  neither: an answer or a dump is read long after

    Arguments: published_at, source_kind, received_at and event_at, SQL expressions.
-#}
{% macro publication_clock(published_at, source_kind, received_at, event_at) -%}
    case
        when {{ published_at }} is not null then 'venue'
        when {{ received_when_pushed(source_kind, received_at, event_at) | indent(8) }} is not null
            then 'receive'
        else 'unknown'
    end
{%- endmacro %}


{#- That second, as its first instant; null where it is unknown. The arguments are the same. -#}
{% macro publication_second(published_at, source_kind, received_at, event_at) -%}
    date_trunc(
        'second',
        coalesce(
            {{ published_at }},
            {{ received_when_pushed(source_kind, received_at, event_at) | indent(12) }}
        )
    )
{%- endmacro %}


{#-
    When a streamed row was received; null for others. A row received over a minute after its event was
    repeated (OKX's first push after a subscription does that), and its own push is unknown. A
    collector's file with times of receipt was recorded from the stream.
-#}
{% macro received_when_pushed(source_kind, received_at, event_at) -%}
    case
        when {{ source_kind }} in ('stream', 'collector')
            and {{ received_at }} between {{ event_at }} - interval 1 minute
            and {{ event_at }} + interval 1 minute
            then {{ received_at }}
    end
{%- endmacro %}
