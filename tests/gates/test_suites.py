"""Every expectation in the suites fails on a row made to break it, and says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from breaking_rows import LANDED, MARTS

from unwind.settings import PROJECT_ROOT, Home
from unwind.warehouse import gates

CHECKED_AT = datetime(2026, 1, 29, 15, 5, tzinfo=UTC)
SUITES = {
    path.stem: json.loads(path.read_text())["expectations"]
    for path in sorted((gates.CONTEXT_ROOT / "expectations").glob("*.json"))
}
EXPECTATIONS = {
    (suite, one["meta"]["name"]): one for suite, listed in SUITES.items() for one in listed
}


@pytest.mark.parametrize(
    ("suite", "expectation"),
    [pytest.param(*name, id=".".join(name)) for name in sorted(EXPECTATIONS)],
)
def test_expectation_fails_on_the_row_that_breaks_it(
    suite: str,
    expectation: str,
    home: Home,
    in_staging: Callable[[str], None],
    in_marts: Callable[[str], None],
) -> None:
    broken = LANDED.get((suite, expectation)) or MARTS.get((suite, expectation))
    assert broken, f"no breaking row for {suite}.{expectation}; add one to breaking_rows.py"
    if suite.startswith("landed_"):
        in_staging(broken)
        results = gates.check_landed(home, "run", CHECKED_AT, [suite])
    else:
        in_marts(broken)
        results = gates.check_marts(home, "run", CHECKED_AT, [suite])
    failures = [one for one in results if one.expectation == expectation and not one.success]
    assert failures, [one for one in results if not one.success]
    for failure in failures:
        assert "could not be judged" not in failure.message
        assert failure.severity == EXPECTATIONS[suite, expectation]["severity"]
        assert failure.unexpected_count >= 1
        assert "None" not in failure.message
        assert "{" not in failure.message
        assert failure.message.endswith(".")


def test_no_breaking_row_is_left_without_its_expectation() -> None:
    assert set(LANDED) | set(MARTS) == set(EXPECTATIONS)


def test_a_sound_warehouse_passes_everything(home: Home) -> None:
    landed = gates.check_landed(home, "run", CHECKED_AT)
    marts = gates.check_marts(home, "run", CHECKED_AT)
    assert [one.message for one in landed + marts if not one.success] == []
    judged = {(one.suite, one.expectation) for one in landed + marts}
    assert judged == set(EXPECTATIONS)


def test_every_suite_is_run_by_a_checkpoint_and_listed_in_the_docs() -> None:
    validated = {
        one["name"]
        for path in (gates.CONTEXT_ROOT / "checkpoints").glob("*.json")
        for one in json.loads(path.read_text())["validation_definitions"]
    }
    assert validated == set(SUITES)
    documented = (PROJECT_ROOT / "docs" / "gates.md").read_text()
    rows = {
        tuple(cell.strip(" `") for cell in line.split("|")[1:4])
        for line in documented.splitlines()
        if line.startswith("| ")
    }
    undocumented = {
        (suite, name, one["severity"]) for (suite, name), one in EXPECTATIONS.items()
    } - rows
    assert undocumented == set()


def test_every_threshold_used_is_stated_with_its_day_and_reason() -> None:
    stated = gates.thresholds()
    used = " ".join(
        [
            *(path.read_text() for path in (gates.CONTEXT_ROOT / "expectations").glob("*.json")),
            (gates.CONTEXT_ROOT / "sql" / "landed.sql").read_text(),
            "limits.results_kept_runs",
        ]
    )
    for name, limit in stated.items():
        assert f"limits.{name}" in used, f"{name} is stated and read by no suite"
        assert limit.since.year >= 2026
        assert len(limit.reason) > 30
