"""Superset on this machine, reading the current release: `python -m unwind.superset.serve`.

It runs from an environment of its own (`make superset` makes it from requirements.lock), keeps its
state in the home's folder `superset` (`--state` names another one, for a home that is mounted
read-only), and imports the bundle at each start. It answers on loopback alone, but for a container,
whose port is published on loopback (`--host`).
"""

from __future__ import annotations

import argparse
import os
import secrets
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from unwind.durable import atomic_write
from unwind.errors import UnwindError
from unwind.settings import PROJECT_ROOT, Home
from unwind.superset.bundle import write_bundle
from unwind.warehouse.releases import current_db

ENVIRONMENT = PROJECT_ROOT / ".superset"
LOOPBACK = "127.0.0.1"
DEFAULT_PORT = 8088
USER = "admin"
CONFIG = """\
# Written by unwind.superset.serve at each start.
SECRET_KEY = {key!r}
SQLALCHEMY_DATABASE_URI = {state!r}
# A page is as new as the release that it reads.
DATA_CACHE_CONFIG = {{"CACHE_TYPE": "NullCache"}}
TALISMAN_ENABLED = True
TALISMAN_CONFIG = {{"force_https": False, "session_cookie_secure": False,
    "content_security_policy": None}}
"""


class SupersetError(UnwindError, RuntimeError):
    """Superset is not installed, or one of its commands failed; the text says what to do."""


def prepare(
    home: Home, environment: Path = ENVIRONMENT, state: Path | None = None
) -> dict[str, str]:
    """Makes the state, the user and the imported dashboard; the server's environment variables.

    Of the home it only reads, where `state` is a folder elsewhere.

    Raises SupersetError where Superset is missing or a command of it fails, and NoReleaseError
    where there is nothing to read.
    """
    program = environment / "bin" / "superset"
    if not program.exists():
        raise SupersetError(f"{program} does not exist; `make superset` installs it")
    current_db(home)
    state = (state or home.root / "superset").absolute()
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    config = state / "superset_config.py"
    with atomic_write(config) as beside:
        beside.write_text(
            CONFIG.format(
                key=_kept(state / "secret_key"), state=f"sqlite:///{state / 'metadata.db'}"
            )
        )
    variables = {
        **os.environ,
        "SUPERSET_CONFIG_PATH": str(config),
        "SUPERSET_HOME": str(state),
        "FLASK_APP": "superset",
    }
    # By the link, so that each connection opens the release that is current then.
    bundle = state / "bundle.zip"
    write_bundle(bundle, home.current / "warehouse.duckdb")
    _run(program, variables, "db", "upgrade")
    _run(program, variables, "init")
    password = state / "password"
    if not password.exists():
        names = ("--username", USER, "--firstname", "Unwind", "--lastname", "Admin")
        mail = ("--email", "admin@localhost.localdomain")
        stated = ("--password", _kept(password))
        _run(program, variables, "fab", "create-admin", *names, *mail, *stated)
    _run(program, variables, "import-dashboards", "--path", str(bundle), "--username", USER)
    return variables


def _kept(path: Path) -> str:
    """A secret of this home, made once and readable by its owner alone."""
    if not path.exists():
        path.touch(0o600, exist_ok=False)
        path.write_text(secrets.token_urlsafe(32))
    return path.read_text()


def _run(program: Path, variables: Mapping[str, str], *arguments: str) -> None:
    done = subprocess.run(
        [program, *arguments], env=variables, capture_output=True, text=True, check=False
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it said nothing"])[-1]
        raise SupersetError(
            f"`superset {' '.join(arguments[:2])}` failed: {last}; `make superset` again, or delete"
            " Superset's state (the home's folder superset) to begin again"
        )


def server(port: int, environment: Path = ENVIRONMENT, host: str = LOOPBACK) -> list[str]:
    """The server's command line."""
    program = str(environment / "bin" / "superset")
    return [program, "run", "--host", host, "--port", str(port), "--with-threads"]


def main() -> None:
    """Prepares Superset and becomes its server."""
    parser = argparse.ArgumentParser(prog="unwind.superset.serve", description=__doc__)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT)
    parser.add_argument("--host", default=LOOPBACK)
    parser.add_argument("--state", type=Path)
    stated = parser.parse_args()
    home = Home.from_env()
    state = stated.state or home.root / "superset"
    # The configuration has the key that signs sessions, the metadata the users.
    os.umask(0o077)
    print("Preparing Superset: a minute at the first start.", flush=True)
    try:
        variables = prepare(home, state=state)
    except UnwindError as error:
        sys.exit(f"unwind: {error}")
    print(
        f"http://{LOOPBACK}:{stated.port}/superset/dashboard/unwind/ for user {USER}, whose"
        f" password is in {state / 'password'}; Ctrl-C ends it.",
        flush=True,
    )
    command = server(stated.port, host=stated.host)
    os.execve(command[0], command, variables)  # noqa: S606


if __name__ == "__main__":
    main()
