"""unwind_classification on simulated markets whose leverage left by a known mechanism."""

from __future__ import annotations

from pathlib import Path

from tests.simulations.unwinding import correctly_classed, verdicts
from tests.simulations.unwinding_market import CLASSES

from unwind.settings import Home


def test_the_class_names_how_leverage_left(tmp_path: Path) -> None:
    """Ten markets of each mechanism; docs/episodes.md has 40."""
    found = verdicts(Home(tmp_path / "home"), markets=10)
    for mechanism, expected in CLASSES.items():
        named = [verdict for name, verdict, *_ in found if name == mechanism]
        assert len(named) == 10
        assert named.count(expected) >= 5, mechanism
    assert correctly_classed(found) >= 0.7
