{#-
    Two-sided p-value of a standard normal statistic: erfc(|z| / sqrt 2), which DuckDB lacks, by
    the Chebyshev fit of Numerical Recipes (erfcc); its relative error is under 1.2e-7 everywhere.
-#}
{% macro two_sided_normal_p(statistic) -%}
    {%- set x = "(abs(" ~ statistic ~ ") / sqrt(2.0))" -%}
    {%- set t = "(1 / (1 + 0.5 * " ~ x ~ "))" -%}
    {%- set terms = [
        -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806,
        0.27886807, -1.13520398, 1.48851587, -0.82215223, 0.17087277,
    ] -%}
    {%- set horner = namespace(sum="(" ~ terms[-1] ~ ")::double") -%}
    {%- for term in terms[:-1] | reverse -%}
        {%- set horner.sum = "(" ~ term ~ " + " ~ t ~ " * " ~ horner.sum ~ ")" -%}
    {%- endfor -%}
    {{ t }} * exp(-{{ x }} * {{ x }} + {{ horner.sum }})
{%- endmacro %}
