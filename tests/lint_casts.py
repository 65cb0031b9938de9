"""Finds expressions in the models' compiled SQL that could raise an error on the value of one row.

DuckDB parses the SQL, so macros, `::` and `cast(... as ...)` are all seen in their final form.
Anything that can raise must be a `try_cast`, or be in a `case` branch whose condition bounds its
columns (`between`), requires them to be above zero (for a logarithm) or checks json_valid. Values
that do not come from a row (constants, counts, positions) pass by the rules below. DuckDB's
`try(...)` is no alternative: 1.5 accepts no aliases of the same select in it, and fails to plan
some expressions.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

# Casts to these never raise for any type in the models; above staging, columns no longer hold the
# exchanges' text, and every number fits a double.
NEVER_RAISES = {"VARCHAR"}
NEVER_RAISES_ABOVE_STAGING = {"VARCHAR", "DOUBLE"}
# Integers that DuckDB counts itself, and their sums: too small to overflow.
COUNTING = {"count", "count_star", "row_number", "rank", "dense_rank", "sum", "max", "len"}
COUNTING |= {"coalesce", "least", "hour", "isodow", "any_value"}
LOGARITHMS = ("ln", "log", "log2", "log10")
# These raise on values out of range, unknown words or malformed text, in every layer.
RAISING = {
    *("make_timestamp", "make_timestamp_ms", "make_timestamp_ns", "make_date", "epoch_ms"),
    *("to_timestamp", "strptime", "strftime", "json", "json_transform_strict", "from_json_strict"),
    *("to_seconds", "to_minutes", "to_hours", "to_days", "to_weeks", "to_months", "to_years"),
    *("to_milliseconds", "to_microseconds", *LOGARITHMS),
    *("factorial", "gamma", "lgamma", "decode", "unhex", "from_hex", "from_base64", "unbin"),
    *("error", "list_resize", "repeat", "lpad", "rpad"),
}
# These raise on text that is not JSON. In staging such a column either has the type json
# (JSON_TYPED below), or the same case checks its validity.
OF_JSON = {
    *("->", "->>", "json_extract", "json_extract_string", "json_extract_path", "json_type"),
    *("json_extract_path_text", "json_array_length", "json_exists", "json_keys", "json_value"),
    *("from_json", "json_transform", "json_contains", "json_structure"),
}
JSON_TYPED = {
    *("entry", "answer", "envelope", "params", "asked", "bar", "pair", "rate", "ratio", "step"),
    *("reading_of", "rates"),
}
# In the output of message_rows these columns are text.
TEXTS_OF_DELIVERED = {"entry", "envelope", "params", "bar", "rates"}
# Arithmetic on these cannot overflow: row positions, instants of this century, counters.
SMALL = {
    *("row_in_line", "raw_line", "place", "copies", "copies_per_row", "window_hours", "number"),
    *("hours_back", "hours_later", "age_hours", "block_number", "hour_number"),
    # Shifts and bars of at most a day, and counts of one day's events.
    *("shift_hours", "zone_hours", "bar_seconds", "trials", "hits"),
    # Doubles.
    *("event_epoch_ms", "first_epoch_ms"),
}
INSTANTS = ("_at", "_date")


@dataclass(frozen=True)
class Finding:
    """An expression that can raise, its model, and the SQL around it."""

    model: str
    what: str
    sql: str

    def __str__(self) -> str:
        return f"{self.model}: {self.what}, in: ... {self.sql} ..."


def findings(compiled: Path) -> list[Finding]:
    """All findings of the compiled models in a folder (`target/compiled/<project>/models`)."""
    found: list[Finding] = []
    with duckdb.connect() as parser:
        for path in sorted(compiled.rglob("*.sql")):
            # Files below a yml folder are unit tests.
            if not any(folder.suffix == ".yml" for folder in path.parents):
                found += of_model(parser, path.stem, path.read_text(), "staging" in path.parts)
    return found


def of_model(
    parser: duckdb.DuckDBPyConnection, model: str, sql: str, is_staging: bool
) -> Iterator[Finding]:
    """The findings in one model. Raises ValueError if its SQL cannot be parsed."""
    (parsed,) = parser.execute("select json_serialize_sql(?)", [sql]).fetchone() or ("{}",)
    tree = json.loads(parsed)
    if tree.get("error"):
        raise ValueError(f"{model}: {tree.get('error_message')}")
    if "messages" in _tables(tree):
        _untype(tree)
    for what, node in _raising(tree, is_staging):
        at = node.get("query_location", 0)
        at = at if at < len(sql) else 0
        yield Finding(model, what, " ".join(sql[max(at - 50, 0) : at + 50].split()))


def _tables(node: Any) -> set[str]:
    if isinstance(node, list):
        return set().union(*map(_tables, node))
    if not isinstance(node, dict):
        return set()
    own = {node["table_name"]} if node.get("type") == "BASE_TABLE" else set()
    return own.union(*map(_tables, node.values()))


def _untype(node: Any) -> None:
    """Marks the columns that are text in models over message_rows and json elsewhere."""
    if isinstance(node, dict):
        if node.get("class") == "COLUMN_REF" and node["column_names"][-1] in TEXTS_OF_DELIVERED:
            node["column_names"][-1] += " (text)"
        for one in node.values():
            _untype(one)
    elif isinstance(node, list):
        for one in node:
            _untype(one)


def _raising(
    node: Any, is_staging: bool, asks_json: bool = False, bounded: frozenset[str] = frozenset()
) -> Iterator[tuple[str, dict]]:
    if isinstance(node, list):
        for one in node:
            yield from _raising(one, is_staging, asks_json, bounded)
        return
    if not isinstance(node, dict):
        return
    if node.get("class") == "CASE":
        for check in node["case_checks"]:
            yield from _raising(check["when_expr"], is_staging, asks_json, bounded)
            asked = asks_json or "json_valid" in _names(check["when_expr"])
            within = bounded | _bounded_columns(check["when_expr"])
            yield from _raising(check["then_expr"], is_staging, asked, within)
            # `when not valid then ... else ...`: the check covers the else branch too.
            asks_json = asked
        yield from _raising(node["else_expr"], is_staging, asks_json, bounded)
        return
    if not (bounded and _values(node) <= bounded | _instants(node)):
        if node.get("class") == "CAST":
            yield from _of_cast(node, is_staging)
        has_logarithm = {f"ln {column}" for column in _values(node)} <= bounded
        if node.get("class") in ("FUNCTION", "WINDOW") and not (
            node["function_name"] in LOGARITHMS and has_logarithm
        ):
            yield from _of_function(node, is_staging, asks_json)
    for one in node.values():
        yield from _raising(one, is_staging, asks_json, bounded)


def _bounded_columns(condition: Any) -> frozenset[str]:
    """The columns that a condition bounds on both sides."""
    if isinstance(condition, list):
        return frozenset().union(*map(_bounded_columns, condition))
    if not isinstance(condition, dict):
        return frozenset()
    if condition.get("class") == "BETWEEN":
        return frozenset(_values(condition["input"]))
    # A number above zero has a logarithm; this says nothing about its sums or products.
    if condition.get("type") == "COMPARE_GREATERTHAN" and _is_constant(condition["right"]):
        return frozenset(f"ln {column}" for column in _values(condition["left"]))
    return frozenset().union(*map(_bounded_columns, condition.values()))


def _of_cast(node: dict[str, Any], is_staging: bool) -> Iterator[tuple[str, dict]]:
    target, child = node["cast_type"]["id"], node["child"]
    if node["try_cast"] or child.get("class") == "CONSTANT" or _is_constant(child):
        return
    if target in (NEVER_RAISES if is_staging else NEVER_RAISES_ABOVE_STAGING):
        return
    # An empty list, and text that DuckDB itself has extracted from JSON.
    if target == "LIST" and (
        child.get("function_name") in ("list_value", "json_extract") or not child.get("class")
    ):
        return
    if target in ("INTEGER", "BIGINT") and not is_staging and _is_counted(child):
        return
    if target == "DATE" and not is_staging and _leaves(child) <= {"hour_at"}:
        return
    if target == "BIGINT" and not is_staging and _leaves(child) <= {"hour_at"}:
        return
    yield f"a bare cast to {target}", node


def _is_counted(child: dict[str, Any]) -> bool:
    """Whether a number is a pure count, which no external value can make large."""
    if child.get("class") in ("COLUMN_REF", "COMPARISON", "CONJUNCTION"):
        return True
    if child.get("type") in ("OPERATOR_NOT", "OPERATOR_COALESCE"):
        return True
    if child.get("class") == "CASE":
        return all(_is_counted(check["then_expr"]) for check in child["case_checks"])
    if child.get("function_name") in ("+", "-"):
        return all(_is_counted(one) for one in child["children"])
    return child.get("function_name") in COUNTING


def _of_function(
    node: dict[str, Any], is_staging: bool, asks_json: bool
) -> Iterator[tuple[str, dict]]:
    name = node["function_name"]
    arguments = node["children"]
    if name in RAISING and not all(map(_is_harmless, arguments)):
        yield f"{name} of a row's value", node
    if name == "*" and any(map(_is_interval, arguments)) and not all(map(_is_harmless, arguments)):
        yield "a row's value times an interval", node
    if not is_staging:
        return
    if name in OF_JSON and not asks_json and not _is_json(arguments[0]):
        yield f"{name} of what may be no JSON", node
    digits = [_decimal_digits(one) for one in arguments]
    is_of_doubles = any(_is_double(one) or _is_constant_double(one) for one in arguments)
    if name == "*" and not (
        is_of_doubles or all(map(_is_harmless, arguments)) or (all(digits) and sum(digits) <= 38)
    ):
        yield "a product that may overflow", node
    is_sum = name in ("+", "-") and len(arguments) == 2
    if is_sum and not (
        all(_is_double(one) or _is_harmless(one) for one in arguments)
        # A sum may have one digit more than its parts, if the widest decimal allows it.
        or (all(digits) and max(digits) < 38)
    ):
        yield "a sum that may overflow", node


def _names(node: Any) -> set[str]:
    """The functions called in an expression."""
    if isinstance(node, list):
        return set().union(*map(_names, node))
    if not isinstance(node, dict):
        return set()
    own = {node["function_name"]} if "function_name" in node else set()
    return own.union(*map(_names, node.values()))


def _leaves(node: Any) -> set[str]:
    """The unqualified columns that an expression reads."""
    if isinstance(node, list):
        return set().union(*map(_leaves, node))
    if not isinstance(node, dict):
        return set()
    if node.get("class") == "COLUMN_REF":
        return {node["column_names"][-1]}
    return set().union(*map(_leaves, node.values()))


def _values(node: Any) -> set[str]:
    """The columns that enter the value of an expression, without those only in conditions."""
    if isinstance(node, list):
        return set().union(*map(_values, node))
    if not isinstance(node, dict):
        return set()
    if node.get("class") == "COLUMN_REF":
        return {node["column_names"][-1]}
    if node.get("class") == "CASE":
        outcomes = [check["then_expr"] for check in node["case_checks"]]
        return _values([*outcomes, node["else_expr"]])
    return set().union(*map(_values, node.values()))


def _instants(node: Any) -> set[str]:
    """The timestamp columns in an expression, which staging limits to this century."""
    return {leaf for leaf in _values(node) if leaf.endswith(INSTANTS)}


def _is_constant(node: Any) -> bool:
    """Whether columns only choose between constants, if there are any at all."""
    return isinstance(node, dict) and "class" in node and not _values(node)


def _is_constant_double(node: dict[str, Any]) -> bool:
    return node.get("class") == "CONSTANT" and node["value"]["type"]["id"] == "DOUBLE"


def _is_interval(node: dict[str, Any]) -> bool:
    """Whether it is a constant interval; `interval 1 hour` is parsed as to_hours of a cast."""
    named = node.get("function_name", "").startswith("to_")
    is_cast = node.get("class") == "CAST" and node["cast_type"]["id"] == "INTERVAL"
    return (named or is_cast) and _is_constant(node)


def _is_small(node: dict[str, Any]) -> bool:
    """Whether every column in it is a position, a count or a length."""
    if node.get("class") == "FUNCTION" and node["function_name"] in (
        *("len", "length", "strpos", "json_array_length", "isodow", "%"),
    ):
        return True
    leaves = _values(node)
    return bool(leaves) and all(leaf in SMALL or leaf.endswith("_place") for leaf in leaves)


def _is_harmless(node: dict[str, Any]) -> bool:
    return _is_constant(node) or _is_small(node) or _is_bounded(node)


def _is_bounded(node: dict[str, Any]) -> bool:
    """Whether it is a timestamp; a zone, if any, was validated by the import."""
    leaves = _values(node) - {"zone"}
    return bool(leaves) and leaves <= _instants(node)


def _is_double(node: dict[str, Any]) -> bool:
    if node.get("class") == "CAST":
        return node["try_cast"] and node["cast_type"]["id"] == "DOUBLE"
    if node.get("function_name") in ("/", "*", "+", "-", "abs", "nullif", "coalesce", "round"):
        return any(_is_double(one) for one in node["children"])
    return node.get("type") == "OPERATOR_COALESCE" and any(map(_is_double, node["children"]))


def _decimal_digits(node: dict[str, Any]) -> int:
    """The width of the decimal that an external value was cast to; 0 for anything else."""
    if node.get("class") == "CAST" and node["try_cast"] and node["cast_type"]["id"] == "DECIMAL":
        return node["cast_type"]["type_info"]["width"]
    if node.get("function_name") == "abs":
        return _decimal_digits(node["children"][0])
    if node.get("type") == "OPERATOR_COALESCE":
        return max(map(_decimal_digits, node["children"]))
    return 0


def _is_json(node: dict[str, Any]) -> bool:
    if node.get("class") == "COLUMN_REF":
        return node["column_names"][-1] in JSON_TYPED
    if node.get("class") == "CAST":
        return json.dumps(node["cast_type"]).lower().count('"json"') > 0
    if node.get("type") == "ARRAY_EXTRACT":
        return _is_json(node["children"][0])
    # `json -> path` as an argument is parsed as a lambda.
    if node.get("class") == "LAMBDA":
        return _is_json(node["lhs"])
    return node.get("function_name") in ("->", "json_extract")
