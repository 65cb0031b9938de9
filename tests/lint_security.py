"""Scans the project's files for secrets, and its dependencies for known vulnerabilities.

False positives belong in the baseline: `detect-secrets scan --baseline .secrets.baseline` adds
them, and `detect-secrets audit .secrets.baseline` marks them as such.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from detect_secrets import SecretsCollection
from detect_secrets.core import baseline

PROJECT = Path(__file__).resolve().parents[1]
BASELINE = PROJECT / ".secrets.baseline"
AUDIT = ["--disable-pip", "--require-hashes", "--requirement", "requirements.lock"]


def secrets() -> list[str]:
    """Possible secrets that are not in the baseline, with their locations."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    # Loading the baseline also configures the detectors and the excluded files.
    known = baseline.load(baseline.load_from_file(str(BASELINE)), str(BASELINE))
    reviewed = {(name, secret.type, secret.secret_hash) for name, secret in known}
    found = SecretsCollection(root=str(PROJECT))
    found.scan_files(*filter(None, listed.stdout.split("\0")))
    return [
        f"{name}:{secret.line_number}: {secret.type}; take it out, or into the baseline "
        "(tests/lint_security.py)"
        for name, secret in found
        if (name, secret.type, secret.secret_hash) not in reviewed
    ]


def vulnerabilities() -> tuple[list[str], str]:
    """Known vulnerabilities of the locked packages, and a sentence on what was audited."""
    audit = [Path(sys.executable).with_name("pip-audit"), *AUDIT, "--format", "json"]
    ran = subprocess.run(
        [*audit, "--progress-spinner", "off"],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=False,
    )
    return read_audit(ran.stdout, ran.stderr)


def read_audit(report: str, errors: str) -> tuple[list[str], str]:
    """The vulnerabilities in pip-audit's report, and a sentence on what could be audited."""
    try:
        packages = json.loads(report)["dependencies"]
    except (ValueError, LookupError, TypeError):
        why = (errors.strip().splitlines() or ["it said nothing"])[-1]
        return [], f"pip-audit could not be run to its end, so nothing is audited: {why}"
    found = [
        f"{package['name']} {package['version']}: {one['id']}, corrected in "
        f"{', '.join(one['fix_versions']) or 'no version yet'}"
        for package in packages
        for one in package.get("vulns", ())
    ]
    skipped = sum("skip_reason" in package for package in packages)
    audited = f"{len(packages) - skipped} of {len(packages)} locked packages are audited"
    if skipped:
        audited += f"; pip-audit's service cannot be reached from here for the other {skipped}"
    return found, audited


def main() -> int:
    faults = secrets()
    vulnerable, audited = vulnerabilities()
    print(audited)
    for one in (*faults, *vulnerable):
        print(one, file=sys.stderr)
    return 1 if faults or vulnerable else 0


if __name__ == "__main__":
    sys.exit(main())
