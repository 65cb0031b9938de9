"""`make fuzz`: millions of mutated records, one home at a time, with counts of the results.

    python -m tests.fuzz [--records 1000000] [--each 100000] [--seed N]

Each home takes `--each` mutants of all venues and formats and is refreshed once. A home that fails
is kept and named with its seed, the others go on, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import logging
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.fuzz.homes import broken_promises, fill, reasons, refresh_with_all
from unwind.settings import Home


def main() -> int:
    """Fills and refreshes homes until enough records were processed."""
    parser = argparse.ArgumentParser(prog="make fuzz", description="Refreshes mutated records.")
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--each", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.ERROR)
    done, failed, seed = 0, 0, chosen.seed
    formats: Counter[str] = Counter()
    quarantined: Counter[str] = Counter()
    while done < chosen.records:
        outside = Path(tempfile.mkdtemp(prefix="unwind-fuzz-"))
        records, found = _one_home(outside, min(chosen.each, chosen.records - done), seed)
        formats.update(records)
        done += sum(records.values())
        if found:
            failed += 1
            print(f"seed {seed}: {len(found)} failures; the home is kept in {outside}")
            print("\n".join(f"  {one}" for one in found), flush=True)
        else:
            quarantined.update(reasons(Home(outside / "home")))
            shutil.rmtree(outside)
            print(f"seed {seed}: {done:,} records, nothing found", flush=True)
        seed += 1
    print(f"{done:,} records refreshed; {failed} homes with failures")
    print("by format:", ", ".join(f"{name} {count:,}" for name, count in formats.most_common()))
    print(
        f"{sum(quarantined.values()):,} rows quarantined:",
        ", ".join(f"{reason} {count:,}" for reason, count in quarantined.most_common()),
    )
    return 1 if failed else 0


def _one_home(outside: Path, records: int, seed: int) -> tuple[dict[str, int], list[str]]:
    """Fills a home and refreshes it; returns the records by format, and the violations."""
    home = Home(outside / "home")
    with tempfile.TemporaryDirectory(prefix="unwind-fuzz-files-") as work:
        filled = fill(home, Path(work), records, seed)
    try:
        refresh_with_all(home)
    except Exception as error:
        return filled.records, [f"the refresh failed: {error}"]
    return filled.records, broken_promises(home, outside)


if __name__ == "__main__":
    sys.exit(main())
