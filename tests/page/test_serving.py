"""The page's server: the current page on loopback, and nothing else."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.page.made_up import publish
from unwind import standalone
from unwind.cli import app
from unwind.page.serving import PageServer
from unwind.page.writing import write_page
from unwind.settings import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    made = Home(tmp_path / "home")
    publish(made)
    write_page(made)
    return made


@pytest.fixture
def server(home: Home) -> Iterator[PageServer]:
    with PageServer(home, 0) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


def answer(
    server: PageServer, path: str = "/", method: str = "GET", host: str | None = None
) -> tuple[int, dict[str, str], bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=5)
    try:
        connection.request(method, path, headers={"Host": host} if host else {})
        given = connection.getresponse()
        return given.status, dict(given.getheaders()), given.read()
    finally:
        connection.close()


def test_it_serves_the_current_page_with_its_own_policy(home: Home, server: PageServer) -> None:
    page = (home.current / "page.html").read_bytes()
    status, headers, body = answer(server)
    assert (status, body) == (200, page)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["X-Content-Type-Options"] == "nosniff"
    policy = headers["Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.endswith("form-action 'none'; frame-ancestors 'none'")
    # No program and no version is named.
    assert headers["Server"].strip() == "unwind"
    status, headers, body = answer(server, "/page.html", "HEAD")
    assert (status, headers["Content-Length"], body) == (200, str(len(page)), b"")


@pytest.mark.parametrize(
    "path",
    [
        "/warehouse.duckdb",
        "/release.json",
        "/../release.json",
        "/%2e%2e/release.json",
        "/models/",
    ],
)
def test_it_serves_no_other_file(server: PageServer, path: str) -> None:
    assert answer(server, path)[::2] == (404, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_it_takes_no_other_method(server: PageServer, method: str) -> None:
    assert answer(server, method=method)[0] == 501


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("localhost:8081", 200),
        ("127.0.0.1", 200),
        ("evil.example:8081", 421),
        ("127.0.0.1.evil.example", 421),
    ],
)
def test_a_foreign_name_that_leads_here_is_refused(
    server: PageServer, host: str, status: int
) -> None:
    assert answer(server, host=host)[0] == status


def test_it_listens_on_loopback_alone(server: PageServer) -> None:
    assert server.server_address[0] == "127.0.0.1"


def test_the_next_release_has_the_same_address(home: Home, server: PageServer) -> None:
    publish(home, release_id="20260129T160320Z-00")
    status, _, body = answer(server)
    assert (status, body[:22]) == (404, b"There is no page yet: ")
    write_page(home)
    assert answer(server)[::2] == (
        200,
        (home.releases / "20260129T160320Z-00/page.html").read_bytes(),
    )


def test_it_ends_when_it_is_asked_to(home: Home) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "unwind.page", "--port", str(port)],
        env={**os.environ, "UNWIND_HOME": str(home.root)},
    )
    try:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.05)
        process.send_signal(signal.SIGTERM)
        assert process.wait(10) == 0
    finally:
        process.kill()
        process.wait()


def test_up_serves_the_page_beside_airflow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[dict[str, list[str]], dict[str, int]]] = []

    def up(home: Home, port: int, companions: dict[str, list[str]], ports: dict[str, int]) -> int:
        started.append((companions, ports))
        return 0

    monkeypatch.setenv("UNWIND_HOME", str(tmp_path))
    monkeypatch.setattr(standalone, "up", up)
    stated = CliRunner().invoke(app, ["up", "--page-port", "8123"]).output
    assert "http://127.0.0.1:8123" in stated
    CliRunner().invoke(app, ["up", "--page-port", "0"])
    monkeypatch.setenv("UNWIND_PAGE", "off")
    CliRunner().invoke(app, ["up"])
    commands = [companions.get("page", [])[1:] for companions, _ in started]
    assert commands == [["-m", "unwind.page", "--port", "8123"], [], []]
    assert [ports.get("--page-port") for _, ports in started] == [8123, None, None]
