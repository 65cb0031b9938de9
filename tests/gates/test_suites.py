"""Every expectation of the landed gate fails on a row that breaks it, and states what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from breaking_rows import LANDED

from unwind.settings import Home
from unwind.warehouse import gates, suites

CHECKED_AT = datetime(2026, 1, 29, 15, 5, tzinfo=UTC)
EXPECTATIONS = {(one.suite, one.name): one for one in suites.expectations_of(suites.LANDED)}


@pytest.mark.parametrize(
    ("suite", "expectation"),
    [pytest.param(*name, id=".".join(name)) for name in sorted(EXPECTATIONS)],
)
def test_expectation_fails_on_the_row_that_breaks_it(
    suite: str, expectation: str, home: Home, in_staging: Callable[[str], None]
) -> None:
    broken = LANDED.get((suite, expectation))
    assert broken, f"no breaking row for {suite}.{expectation}; add one to breaking_rows.py"
    in_staging(broken)
    results = gates.check_landed(home, "run", CHECKED_AT, [suite])
    failures = [one for one in results if one.expectation == expectation and not one.success]
    assert failures, [one for one in results if not one.success]
    for failure in failures:
        assert "could not be judged" not in failure.message
        assert failure.severity == EXPECTATIONS[suite, expectation].severity
        assert failure.unexpected_count >= 1
        assert "None" not in failure.message
        assert "{" not in failure.message
        assert failure.message.endswith(".")


def test_no_breaking_row_is_left_without_its_expectation() -> None:
    assert set(LANDED) == set(EXPECTATIONS)


def test_sound_parts_pass_everything(home: Home) -> None:
    results = gates.check_landed(home, "run", CHECKED_AT)
    assert [one.message for one in results if not one.success] == []
    assert {(one.suite, one.expectation) for one in results} == set(EXPECTATIONS)


def test_every_suite_is_run_by_a_checkpoint() -> None:
    validated = {
        one["name"]
        for path in (gates.CONTEXT_ROOT / "checkpoints").glob("*.json")
        for one in json.loads(path.read_text())["validation_definitions"]
    }
    assert validated == {path.stem for path in (gates.CONTEXT_ROOT / "expectations").glob("*.json")}


def test_every_threshold_used_is_stated_with_its_day_and_reason() -> None:
    stated = gates.thresholds()
    used = " ".join(
        [*(path.read_text() for path in suites.SQL.rglob("*.sql")), "limits.results_kept_runs"]
    )
    for name, limit in stated.items():
        assert f"limits.{name}" in used, f"{name} is stated and read by no suite"
        assert limit.since.year >= 2026
        assert len(limit.reason) > 30
