"""The tables of docs/evidence.md.

    .venv/bin/python -m tests.evidence [daily | hourly]

Reads the folder of recordings that UNWIND_RECORDINGS names, and writes nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.evidence import daily, hourly
from tests.evidence.measures import table
from unwind.settings import PROJECT_ROOT

RECORDINGS = Path(
    os.environ.get("UNWIND_RECORDINGS") or PROJECT_ROOT.parent / "shared" / "recordings"
)
SOURCES = {"daily": (daily.SOURCE,), "hourly": (hourly.SOURCE, hourly.MARKET_CAPS)}


def main(parts: list[str]) -> int:
    """Prints the tables of the parts; 1 where one is unknown or its folder is missing."""
    for part in parts:
        if part not in SOURCES:
            print(f"No part '{part}'. Name {' or '.join(SOURCES)}, or none for both.")
            return 1
        for folder in SOURCES[part]:
            if not (RECORDINGS / folder).is_dir():
                print(
                    f"No recordings at {RECORDINGS / folder}. They do not come with the project:"
                    " set UNWIND_RECORDINGS to the folder that has them."
                )
                return 1
    if "daily" in parts:
        print(f"## Daily\n\n{table(daily.sample(RECORDINGS), daily.SCORE)}\n", flush=True)
    if "hourly" in parts:
        for horizon, sample in hourly.samples(RECORDINGS).items():
            print(f"## Hourly, {horizon} h\n\n{table(sample, hourly.SCORE)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:] or list(SOURCES)))
