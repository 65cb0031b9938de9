"""Names follow docs/naming.md."""

from __future__ import annotations

import re

import pytest

from unwind.warehouse.promises import marts

NUMBERS = ("double", "decimal", "integer", "bigint")
TYPES = {
    r".*_at": ("timestamp",),
    r".*_date": ("date",),
    r"valid_(from|to)": ("timestamp",),
    r"(is|has)_.*|.*_is_(lower|upper)_bound|.*_divergence": ("boolean",),
    r".*_(usd|base|share|bp|percent|percentile|apr|8h)": ("double", "decimal"),
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
