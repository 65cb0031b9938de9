"""Names follow docs/naming.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from unwind.settings import PROJECT_ROOT
from unwind.warehouse.promises import marts

NUMBERS = ("double", "decimal", "integer", "bigint")
TYPES = {
    r".*_at": ("timestamp",),
    r".*_date": ("date",),
    r"valid_(from|to)": ("timestamp",),
    r"(is|has)_.*|.*_is_(lower|upper)_bound|.*_divergence": ("boolean",),
    r".*_(usd|base|share|bp|percentile|apr|8h)": ("double", "decimal"),
    r".*_percent": ("double", "decimal", "integer"),
    r".*_(events|venues|instruments|hours|lines)": NUMBERS,
    r".*_(reason|kind|outcome|regime|side|unit)": ("varchar",),
    r".*_id": ("varchar", "uuid"),
}
COLUMNS = [(mart.name, column) for mart in marts().values() for column in mart.columns]


@pytest.mark.parametrize("ending", TYPES)
def test_the_type_of_a_column_matches_its_name(ending):
    named = [(mart, one) for mart, one in COLUMNS if re.fullmatch(ending, one.name)]
    assert named
    wrong = [
        f"{mart}.{one.name} is {one.data_type}"
        for mart, one in named
        if not one.data_type.startswith(TYPES[ending])
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("data_type", "ending"),
    [
        ("timestamp", r".*_at|valid_(from|to)"),
        ("date", r".*_date"),
        ("boolean", r"(is|has)_.*|.*_is_(lower|upper)_bound|.*_divergence|success"),
    ],
)
def test_the_name_of_a_column_shows_its_type(data_type, ending):
    wrong = [
        f"{mart}.{one.name}"
        for mart, one in COLUMNS
        if one.data_type == data_type and not re.fullmatch(ending, one.name)
    ]
    assert wrong == []


def test_no_column_has_a_vague_name():
    vague = {"ts", "amount", "data", "type", "side", "time", "date"}
    assert [f"{mart}.{one.name}" for mart, one in COLUMNS if one.name in vague] == []


# Private or old-fashioned words; use covered, reported, again, identical, min_ or max_ instead.
PRIVATE = re.compile(
    r"(^|_)(told|tells|heard|unheard|anew|twins?|said|says|doubts?|mend|chatter)(_|$)"
    r"|^(least|most)_(?!common$)"
)


def private_names(text: str, comments_and_texts: str) -> set[str]:
    """Names in a file's code that contain a private word."""
    code = re.sub(comments_and_texts, " ", text, flags=re.DOTALL)
    return {name for name in re.findall(r"\w+", code) if PRIVATE.search(name.lower())}


PYTHON = r'"{3}.*?"{3}|"[^"\n]*"|#[^\n]*'
SQL = r"\{#.*?#\}|--[^\n]*|'[^'\n]*'"


@pytest.mark.parametrize(
    ("folder", "ending", "comments_and_texts"),
    [
        ("dags", ".py", PYTHON),
        ("tests", ".py", PYTHON),
        ("dbt_project/models", ".sql", SQL),
        ("dbt_project/macros", ".sql", SQL),
        ("expectations/sql", ".sql", SQL),
    ],
    ids=lambda value: value if "*" not in value else "",
)
def test_names_in_code_are_the_fields_words(folder, ending, comments_and_texts):
    files = set((PROJECT_ROOT / folder).rglob(f"*{ending}")) - {Path(__file__)}
    assert files
    found = {
        (str(file.relative_to(PROJECT_ROOT)), name)
        for file in files
        for name in private_names(f"{file.stem} {file.read_text()}", comments_and_texts)
    }
    assert found == set()


def test_columns_and_checks_have_the_fields_words():
    names = {column.name for _, column in COLUMNS} | {
        path.stem for path in (PROJECT_ROOT / "expectations" / "sql").rglob("*.sql")
    }
    assert [name for name in names if PRIVATE.search(name)] == []


def test_a_private_word_in_a_name_is_detected():
    python = 'LEAST_POINTS = is_heard = {"told": 1}  # twins\nat_most = words.most_common(1)\n'
    assert private_names(python, PYTHON) == {"LEAST_POINTS", "is_heard"}
    sql = "{# twins #} select 'told' as is_heard, least(a, b) as most -- anew\n"
    assert private_names(sql, SQL) == {"is_heard"}
