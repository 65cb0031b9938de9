"""What the translation knows: everything else stops the run, whatever Spark would make of it."""

from __future__ import annotations

from unwind.errors import UnwindError


class UnknownConstructError(UnwindError, RuntimeError):
    """A model uses SQL that has no stated translation; the text names both."""

    def __init__(self, model: str, construct: str) -> None:
        super().__init__(
            f"{model} uses SQL that is not translated for Spark: {construct}\n"
            "Write it with what docs/spark.md lists, or state its translation in unwind/spark"
        )


# Expressions of SQLGlot, by what they are. Those that mean the same in both dialects pass; those
# of REWRITTEN have a function each in `constructs` or `structures`.
STATEMENTS = (
    *("Select", "From", "Where", "Group", "Having", "Order", "Ordered", "Limit", "Join", "With"),
    *("CTE", "Table", "TableAlias", "Alias", "Column", "Identifier", "Star", "Subquery", "Union"),
    *(
        "Offset",
        "Distinct",
        "Values",
        "Tuple",
        "Paren",
        "Exists",
        "Rollup",
        "Grouping",
        "Unnest",
        "Lateral",
    ),
)
VALUES = ("Literal", "Null", "Boolean", "Interval", "Var", "DataType", "DataTypeParam", "Array")
OPERATORS = (
    *("And", "Or", "Not", "EQ", "NEQ", "GT", "GTE", "LT", "LTE", "Is", "In", "Between"),
    *("NullSafeEQ", "NullSafeNEQ", "Add", "Sub", "Mul", "Mod", "Neg", "DPipe"),
    *("Case", "If", "Coalesce", "Nullif", "Greatest", "Least"),
)
FUNCTIONS = (
    *("Abs", "Sqrt", "Exp", "Ln", "Pow", "Asin", "Sin", "Pi", "IsNan"),
    *("Lower", "Upper", "Trim", "StartsWith", "EndsWith", "Contains", "ConcatWs", "MD5", "Replace"),
    "RegexpLike",
)
AGGREGATES = (
    *("Sum", "Count", "Min", "Max", "Filter", "LogicalAnd", "LogicalOr", "StddevSamp", "Corr"),
    *("IgnoreNulls", "AnyValue", "Window", "WindowSpec", "RowNumber", "Lag", "Lead", "LastValue"),
)
REWRITTEN = (
    *("Div", "IntDiv", "Round", "Cast", "TryCast", "DateDiff", "TimestampTrunc", "TimeToUnix"),
    *("UnixToTime", "DayOfWeekIso", "Bracket", "Explode", "GenerateSeries", "Qualify", "ArgMax"),
    *("ArgMin", "Median", "Concat", "JSONObject", "JSONKeyValue", "RegexpExtract", "RegexpReplace"),
    *("GroupConcat", "ArrayAgg", "ArrayDistinct", "Avg", "Floor", "Ceil", "Sign", "Log", "Length"),
    *("DateBin", "FirstValue", "Rank", "Hour", "Minute", "Like"),
)
EXPRESSIONS = frozenset((*STATEMENTS, *VALUES, *OPERATORS, *FUNCTIONS, *AGGREGATES, *REWRITTEN))
# Functions that SQLGlot has no expression for; each is rewritten.
NAMED_FUNCTIONS = frozenset(("to_hours", "to_minutes", "to_seconds", "list_position", "hash"))
TYPES = frozenset(
    (
        "DOUBLE",
        "DECIMAL",
        "INT",
        "BIGINT",
        "SMALLINT",
        "TEXT",
        "TIMESTAMPNTZ",
        "DATE",
        "UUID",
        "BOOLEAN",
    )
)
JOINS = frozenset(("", "CROSS", "INNER", "OUTER", "SEMI", "ANTI"))
