"""No shared Python file names a venue: differences are stated in the venue's own file."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from unwind.settings import PROJECT_ROOT
from unwind.venues import venues

DAGS = PROJECT_ROOT / "dags"
# Names that are also ordinary words here: the gates, a lighter share, the dataset.
ALSO_WORDS = {"gate", "lighter", "market_caps"}
# Files of venues: the connectors, and the simulated exchanges.
OF_VENUES = ("unwind/venues", "unwind/simulator")


def venue_names() -> set[str]:
    """Names of venues in code and in prose: kraken_futures is also Kraken."""
    names = {name.lower() for name in venues()}
    return names | {name.split("_")[0] for name in names if name.endswith("_futures")}


def named_in(text: str) -> list[str]:
    """The venues named in a file's code, comments and messages, with their lines."""
    words = "|".join(sorted(venue_names() - ALSO_WORDS))
    found = re.compile(rf"(?<![a-z])({words})(?![a-z])|gate\.?io", re.IGNORECASE)
    return [
        f"line {number}: {match[0]}"
        for number, line in enumerate(text.splitlines(), start=1)
        for match in found.finditer(line)
    ]


def shared_files() -> list[Path]:
    paths = (path for path in DAGS.rglob("*.py"))
    return [
        path
        for path in sorted(paths)
        if not path.relative_to(DAGS).as_posix().startswith(OF_VENUES)
    ]


@pytest.mark.parametrize("path", shared_files(), ids=lambda path: path.stem)
def test_a_shared_file_names_no_venue(path: Path) -> None:
    assert named_in(path.read_text()) == []


def test_a_named_venue_is_detected() -> None:
    assert named_in('if venue == "binance":') == ["line 1: binance"]
    assert named_in("# Kraken sends them twice") == ["line 1: Kraken"]
    assert named_in("https://api.gateio.example") == ["line 1: gateio"]
    assert named_in("the landed gate refused it; market_capsule, spokraken") == []
