"""A private PostgreSQL, on a socket in a folder of its own."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The role that owns the server, and its password.
ADMIN = "admin"


class NotInstalledError(RuntimeError):
    """No initdb of PostgreSQL is found."""


@contextmanager
def private_postgres() -> Iterator[tuple[Path, Path]]:
    """Starts a server and stops it: the folder of its socket, and that of its programs.

    It does not wait for the disk. Raises NotInstalledError, subprocess.CalledProcessError.
    """
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    initdb = shutil.which("initdb") or (str(programs[-1]) if programs else None)
    if initdb is None:
        raise NotInstalledError(
            "PostgreSQL is not installed; `apt-get install postgresql` installs it"
        )
    found = Path(initdb).resolve().parent
    # Socket paths must be short, and PostgreSQL refuses to run as root.
    folder = Path(tempfile.mkdtemp(prefix="unwind-pg-", dir="/tmp"))
    (folder / "password").write_text(ADMIN)
    owner = {"user": "postgres"} if folder.owner() == "root" else {}
    if owner:
        shutil.chown(folder, "postgres")
        shutil.chown(folder / "password", "postgres")
    cluster = str(folder / "cluster")

    def call(program: str, *words: str) -> None:
        command = [found / program, "--pgdata", cluster, *words]
        subprocess.run(command, check=True, cwd=folder, stdout=subprocess.DEVNULL, **owner)

    try:
        login = ("--username", ADMIN, "--auth", "scram-sha-256", "--pwfile", "password")
        call("initdb", *login, "--no-sync")
        options = f"-c listen_addresses='' -c fsync=off -c max_connections=120 -k {folder}"
        call("pg_ctl", "-w", "-l", str(folder / "log"), "-o", options, "start")
        yield folder, found
    finally:
        if (folder / "cluster" / "postmaster.pid").exists():
            call("pg_ctl", "-w", "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)
