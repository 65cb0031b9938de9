"""How the security lint reads the output of its tools."""

from __future__ import annotations

import json

from tests.lint_security import BASELINE, read_audit


def report(*packages: dict) -> str:
    return json.dumps({"dependencies": list(packages), "fixes": []})


def test_a_known_vulnerability_is_named_with_its_correction():
    found, audited = read_audit(
        report(
            {"name": "sound", "version": "1.0", "vulns": []},
            {
                "name": "holed",
                "version": "2.0",
                "vulns": [
                    {"id": "PYSEC-2026-1", "fix_versions": ["2.1", "3.0"]},
                    {"id": "PYSEC-2026-2", "fix_versions": []},
                ],
            },
        ),
        "",
    )
    assert found == [
        "holed 2.0: PYSEC-2026-1, corrected in 2.1, 3.0",
        "holed 2.0: PYSEC-2026-2, corrected in no version yet",
    ]
    assert audited == "2 of 2 locked packages are audited"


def test_packages_that_cannot_be_audited_are_reported_without_failing():
    unknown = {"name": "one", "version": "1.0", "skip_reason": "not found on PyPI"}
    assert read_audit(report(unknown, {"name": "two", "version": "1", "vulns": []}), "") == (
        [],
        "1 of 2 locked packages are audited; pip-audit's service cannot be reached from here for "
        "the other 1",
    )
    assert read_audit("", "Traceback\nConnectionError: no route to host\n") == (
        [],
        "pip-audit could not be run to its end, so nothing is audited: ConnectionError: no route "
        "to host",
    )


def test_every_finding_in_the_baseline_was_reviewed():
    finds = json.loads(BASELINE.read_text())["results"].values()
    assert [one for some in finds for one in some if one["is_secret"] is not False] == []
