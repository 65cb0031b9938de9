"""The recorder on one core at 2,000 frames a second: frames written, memory used."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from websockets.asyncio.server import ServerConnection, serve

from tests.benchmarks.report import Report

FRAMES_A_SECOND = 2_000
TICK_SECONDS = 0.01
# As long as a real force order, starting with its number.
FRAME = (
    '{"n":%d,"e":"forceOrder","E":1769695200123,"ps":"BTCUSDT","st":1,"o":{"s":"BTCUSDT","S":"SELL"'
    ',"o":"LIMIT","f":"IOC","q":"0.123","p":"84210.11","ap":"84250.10","X":"FILLED","l":"0.123",'
    '"z":"0.123","T":1769695200111}}'
)
SETTLE_SECONDS = 5
MAX_GROWTH_BYTES = 32 * 2**20


def recorder(report: Report, folder: Path, seconds: int = 600) -> None:
    """Notes frames sent and written, memory and processor time; a lost frame is a failure."""
    sent = asyncio.run(_drive(report, folder, seconds))
    numbers = [
        json.loads(json.loads(line)["frame"])["n"]
        for segment in sorted((folder / "recorder" / "binance").glob("*.ndjson*"))
        for line in segment.read_bytes().splitlines()
        if b'"frame"' in line
    ]
    is_whole = numbers == list(range(sent))
    report.note("frames", sent=sent, written=len(numbers), in_order_and_none_twice=is_whole)
    if not is_whole:
        raise SystemExit("frames are missing, doubled or out of order")


async def _drive(report: Report, folder: Path, seconds: int) -> int:
    done: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def push(socket: ServerConnection) -> None:
        await asyncio.sleep(SETTLE_SECONDS)
        began, number = time.monotonic(), 0
        while (passed := time.monotonic() - began) < seconds:
            while number < passed * FRAMES_A_SECOND:
                await socket.send(FRAME % number)
                number += 1
            await asyncio.sleep(TICK_SECONDS)
        done.set_result(number)
        await socket.wait_closed()

    async with serve(push, "127.0.0.1", 0, compression=None) as server:
        port = server.sockets[0].getsockname()[1]
        environment = {
            **os.environ,
            "UNWIND_HOME": str(folder),
            "UNWIND_LOG_LEVEL": "WARNING",
            "AIRFLOW_CONN_BINANCE_WS": f"ws://127.0.0.1:{port}",
        }
        command = [sys.executable, "-m", "unwind.cli", "record", "--venue", "binance"]
        recording = subprocess.Popen([*command, "--health-port", "0"], env=environment)
        try:
            watched = psutil.Process(recording.pid)
            watched.cpu_affinity(watched.cpu_affinity()[-1:])
            await asyncio.sleep(SETTLE_SECONDS * 2)
            at_start, used_before = watched.memory_info().rss, _processor_seconds(watched)
            began = time.monotonic()
            peaks = []
            while not done.done():
                await asyncio.sleep(1)
                peaks.append(watched.memory_info().rss)
            used = _processor_seconds(watched) - used_before
            lasted = time.monotonic() - began
            await asyncio.sleep(2)
            tenth = max(1, len(peaks) // 10)
            first, last = max(peaks[:tenth]), max(peaks[-tenth:])
            report.note(
                "load",
                seconds=seconds,
                frames_per_second=FRAMES_A_SECOND,
                characters_per_frame=len(FRAME),
            )
            report.note(
                "memory",
                early_mib=at_start / 2**20,
                peak_of_first_tenth_mib=first / 2**20,
                peak_of_last_tenth_mib=last / 2**20,
                peak_mib=max(peaks) / 2**20,
            )
            report.note("processor", share_of_one_core=used / lasted)
            if last - first > MAX_GROWTH_BYTES:
                raise SystemExit("memory grows")
        finally:
            recording.send_signal(signal.SIGTERM)
            await asyncio.to_thread(recording.wait, 30)
    return done.result()


def _processor_seconds(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system
