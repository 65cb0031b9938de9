"""Models that are part of their readers' queries rebuild the hours that these rebuild."""

from __future__ import annotations

import re

import pytest

from unwind.warehouse.promises import MODELS, marts

TEXTS = {path.stem: path.read_text() for path in MODELS.rglob("*.sql")}
CUT_TO_HOURS = [
    name
    for name, text in TEXTS.items()
    if "materialized='ephemeral'" in text and "build_hours()" in text
]


@pytest.mark.parametrize("model", CUT_TO_HOURS)
def test_an_ephemeral_model_reaches_as_far_back_as_the_marts_that_read_it(model: str) -> None:
    """build_hours() in it is of its own look-back, not of its reader's: rows would be deleted and
    not come back.
    """
    stated = re.search(r"'lookback_hours': (\d+)", TEXTS[model])
    own = int(stated[1]) if stated else 0
    readers = {
        name: mart.lookback_hours
        for name, mart in marts().items()
        if f"'{model}'" in TEXTS[name] or "int_' ~ dataset ~ '_screened'" in TEXTS[name]
    }
    assert readers
    assert {name: hours for name, hours in readers.items() if hours > own} == {}


def test_there_are_such_models() -> None:
    assert "int_reported_liquidations_screened" in CUT_TO_HOURS
