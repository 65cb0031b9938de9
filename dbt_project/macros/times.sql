{#-
    Times as exchanges and people write them, as UTC timestamps. Null where the text is not a time of
    this century: arithmetic near the last year that a timestamp can hold raises.
-#}


{#- Epoch seconds in text. -#}
{% macro epoch_s_at(column) -%}
    case
        when try_cast({{ column }} as bigint) between 946684800 and 4102444799
            then make_timestamp(try_cast({{ column }} as bigint) * 1000000)
    end
{%- endmacro %}


{#- Epoch milliseconds in text. -#}
{% macro epoch_ms_at(column) -%}
    case
        when try_cast({{ column }} as bigint) between 946684800000 and 4102444799999
            then epoch_ms(try_cast({{ column }} as bigint))
    end
{%- endmacro %}


{#- Epoch microseconds in text. -#}
{% macro epoch_us_at(column) -%}
    case
        when try_cast({{ column }} as bigint) between 946684800000000 and 4102444799999999
            then make_timestamp(try_cast({{ column }} as bigint))
    end
{%- endmacro %}


{#- An ISO 8601 instant in text, with any offset. -#}
{% macro iso_at(column) -%}
    case
        when try_cast({{ column }} as timestamptz)
            between timestamptz '2000-01-01 00:00:00+00' and timestamptz '2099-12-31 23:59:59+00'
            then try_cast({{ column }} as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}


{#- A timestamp in text that has no offset and is UTC by its source. -#}
{% macro naive_at(column) -%}
    case
        when try_cast({{ column }} as timestamp)
            between timestamp '2000-01-01' and timestamp '2099-12-31 23:59:59'
            then try_cast({{ column }} as timestamp)
    end
{%- endmacro %}


{#- The end of a span that begins at a timestamp and lasts a number of seconds from outside. -#}
{% macro seconds_after(instant, seconds) -%}
    case
        when {{ seconds }} between 0 and 2147483647 then {{ instant }} + to_seconds({{ seconds }})
    end
{%- endmacro %}
