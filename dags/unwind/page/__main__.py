"""Serves the current release's page on loopback: `python -m unwind.page --port 8081`."""

from __future__ import annotations

import argparse
import sys

from unwind.page.serving import LOOPBACK, serve
from unwind.settings import Home


def main() -> int:
    """Serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="unwind.page", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--host", default=LOOPBACK)
    stated = parser.parse_args()
    serve(Home.from_env(), stated.port, stated.host)
    return 0


if __name__ == "__main__":
    sys.exit(main())
