"""What Great Expectations imports for the gates, and what is left until something uses it."""

from __future__ import annotations

import subprocess
import sys

CODE = """
import sys
from unwind.warehouse.gate_context import UNUSED, preload
preload()
print([type(sys.modules[name]).__name__ for name in UNUSED])
import altair
from scipy import stats
print(altair.Chart.__name__, round(float(stats.norm.cdf(1.959964)), 3))
"""


def test_modules_that_no_gate_uses_are_imported_on_use():
    run = subprocess.run([sys.executable, "-c", CODE], capture_output=True, text=True, check=True)
    assert run.stdout.splitlines() == ["['_Later', '_Later']", "Chart 0.975"]
