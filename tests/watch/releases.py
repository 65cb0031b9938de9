"""Hand-made releases with the marts that are watched, and receivers on loopback."""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import duckdb

from unwind.settings import Home

MARTS = """
create schema marts;
create table marts.release (
    release_id varchar, run_id varchar, built_at timestamp, last_hour_at timestamp
);
create table marts.stress_hourly (
    hour_at timestamp, base_asset varchar, regime varchar, score double, score_percentile double
);
create table marts.unwind_classification (
    hour_at timestamp, base_asset varchar, unwind_class varchar, oi_change_24h_share double,
    episodes_7d integer
);
create table marts.divergence_hourly (
    hour_at timestamp, base_asset varchar, recovery_divergence boolean, elevated_hours_12h integer,
    recovery double, range_divergence boolean, intensity_p_value double, range_p_value double
);
create table marts.liquidation_episodes (
    started_at timestamp, base_asset varchar, long_usd decimal(38, 4), is_lower_bound boolean,
    long_venues integer
);
create table marts.venue_coverage_hourly (
    hour_at timestamp, venue varchar, is_complete boolean, landing_outcome varchar
);
create table marts.gate_results (
    run_id varchar, gate varchar, suite varchar, expectation varchar, venue varchar,
    success boolean, message varchar
);
create table marts.market_brief_hourly (hour_at timestamp, base_asset varchar, headline varchar);
"""


def publish(home: Home, last_hour: int, statements: str = "", place: int = 0) -> str:
    """Publishes a release up to an hour of 29 January 2026, of what SQL puts into the marts.

    `regime('BTC', 14, 'calm')` and the like are macros for one row. Returns the release's id.
    """
    release_id = f"20260129T{last_hour + 1:02d}0300Z-{place:02d}"
    folder = home.releases / release_id
    folder.mkdir(parents=True)
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(MARTS)
        connection.execute(
            "insert into marts.release values (?, ?, ?, ?)",
            [
                release_id,
                f"run-{release_id}",
                f"2026-01-29 {last_hour + 1:02d}:03",
                f"2026-01-29 {last_hour:02d}:00",
            ],
        )
        connection.execute(statements)
    home.current.unlink(missing_ok=True)
    home.current.symlink_to(f"releases/{release_id}")
    return release_id


def at(hour: int) -> str:
    return f"timestamp '2026-01-29 {hour:02d}:00'"


def regime(asset: str, hour: int, value: str | None) -> str:
    word = f"'{value}'" if value else "null"
    return f"insert into marts.stress_hourly values ({at(hour)}, '{asset}', {word}, 83.24, 97.31);"


class Received(list[Any]):
    """What a receiver got; while `answer` is an error, it takes nothing."""

    answer = 200
    url = ""
    port = 0


@contextmanager
def webhook() -> Iterator[Received]:
    """A webhook on loopback: the bodies that it took, as (headers, JSON)."""
    received = Received()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if received.answer == 200:
                received.append((dict(self.headers), body))
            self.send_response(received.answer)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Prints nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        received.url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received
        server.shutdown()


@contextmanager
def smtp() -> Iterator[Received]:
    """A mail server on loopback: the messages that it took, as text."""
    received = Received()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.say("220 loopback")
            while line := self.rfile.readline().decode().strip():
                verb = line.split()[0].upper()
                if verb == "DATA" and received.answer == 200:
                    self.say("354 go on")
                    lines = []
                    while (text := self.rfile.readline().decode()) != ".\r\n":
                        lines.append(text)
                    received.append("".join(lines))
                    self.say("250 taken")
                elif verb == "DATA":
                    self.say("451 try again later")
                elif verb == "QUIT":
                    self.say("221 bye")
                    return
                else:
                    self.say("250 loopback")

        def say(self, text: str) -> None:
            self.wfile.write(f"{text}\r\n".encode())

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        received.port = server.server_address[1]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield received
        server.shutdown()
