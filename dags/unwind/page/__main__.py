"""Serves the current release's page on loopback: `python -m unwind.page --port 8081`."""

from __future__ import annotations

import argparse
import sys

from unwind.errors import UnwindError
from unwind.page.serving import LOOPBACK, serve
from unwind.settings import Home


def main() -> int:
    """Serves until SIGINT or SIGTERM."""
    parser = argparse.ArgumentParser(prog="unwind.page", description=__doc__)
    parser.add_argument("--port", type=_port, required=True)
    parser.add_argument("--host", default=LOOPBACK)
    stated = parser.parse_args()
    try:
        serve(Home.from_env(), stated.port, stated.host)
    except UnwindError as error:
        print(f"unwind: {error}", file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(
            f"unwind: port {stated.port} of {stated.host} is not free for the page "
            f"({error.strerror or error}); end what listens there, or choose another --port",
            file=sys.stderr,
        )
        return 1
    return 0


def _port(text: str) -> int:
    if not text.isdecimal() or len(text) > 5 or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; choose one from 0 to 65535")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
