{#-
    What is taken for true although no public page or message has shown it: the word that stands for
    `name` under `vars` in dbt_project.yml.

    Arguments: name; words, all that it may be. Raises a compiler error for any other word.
-#}
{% macro doubt(name, words) -%}
    {%- set word = var(name) -%}
    {%- if word not in words -%}
        {{ exceptions.raise_compiler_error(
            name ~ " is '" ~ word ~ "' in dbt_project.yml; write " ~ words | join(" or ") ~ "."
        ) }}
    {%- endif -%}
    {{ return(word) }}
{%- endmacro %}
