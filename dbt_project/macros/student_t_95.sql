{#-
    The 95% quantile of Student's t: from tables for 1 and 2 degrees of freedom, else by the
    expansion of Abramowitz and Stegun 26.7.5, which is 0.3% too small with 3 and closer with more.

    Argument: degrees, an expression, the degrees of freedom.
-#}
{% macro student_t_95(degrees) -%}
    {%- set z = 1.6448536 -%}
    case {{ degrees }}
        when 1 then 6.313752
        when 2 then 2.919986
        else {{ z }}
            + {{ (z ** 3 + z) / 4 }} / ({{ degrees }})
            + {{ (5 * z ** 5 + 16 * z ** 3 + 3 * z) / 96 }} / ({{ degrees }}) ** 2
            + {{ (3 * z ** 7 + 19 * z ** 5 + 17 * z ** 3 - 15 * z) / 384 }} / ({{ degrees }}) ** 3
    end
{%- endmacro %}
