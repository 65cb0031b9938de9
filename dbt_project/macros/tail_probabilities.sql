{#-
    The probability that chance alone gives so many of so many, or more: the exact upper tail of a
    binomial distribution. Null where there are none.

    Arguments: count and trials, expressions of integers; chance, of one trial, between 0 and 1.
-#}
{% macro binomial_upper_tail(count, trials, chance) -%}
    case
        when {{ count }} <= 0 and {{ trials }} > 0 then 1.0
        when {{ trials }} > 0
            then least(
                1.0,
                list_sum(
                    list_transform(
                        range(({{ count }})::bigint, ({{ trials }})::bigint + 1),
                        lambda hits: exp(
                            lgamma({{ trials }} + 1) - lgamma(hits + 1)
                            - lgamma({{ trials }} - hits + 1)
                            + hits * ln({{ chance }})
                            + ({{ trials }} - hits) * ln(1 - {{ chance }})
                        )
                    )
                )
            )
    end
{%- endmacro %}


{#-
    A bound on the probability that chance alone gives so many events, or more, where `expected` come
    on average: Chernoff's, of a Poisson distribution.
-#}
{% macro poisson_upper_bound(count, expected) -%}
    case
        when {{ count }} <= {{ expected }} then 1.0
        else exp({{ count }} - {{ expected }} - {{ count }} * {{ natural_log(count ~ ' / ' ~ expected) }})
    end
{%- endmacro %}
