"""`python -m unwind.simulator`: serves the seed episode on loopback until standard input closes.

Prints one JSON line when it is up: `{"url": ..., "environment": {"AIRFLOW_CONN_BINANCE_UM": ...}}`.
Where it cannot run it prints `{"problem": ...}`. The tape's instant is moved by POST /control with
`{"now": "2026-01-29T15:00:20Z"}`.
"""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from unwind.simulator.episode import default_tape
from unwind.simulator.server import Simulator, SimulatorError


def main(
    port: Annotated[int, typer.Option(help="Loopback port; 0 picks a free one.")] = 0,
) -> None:
    """Serves the seed episode in the venues' own formats."""
    try:
        with Simulator(default_tape(), port=port) as server:
            print(json.dumps({"url": server.url, "environment": server.environment()}), flush=True)
            sys.stdin.read()
    except SimulatorError as error:
        print(json.dumps({"problem": str(error)}), flush=True)
        raise SystemExit(1) from None


if __name__ == "__main__":
    typer.run(main)
