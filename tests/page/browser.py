"""A headless Chromium of the system, steered by the Chrome DevTools protocol over its WebSocket.

Selenium and Playwright would be one more dependency each, for a few dozen messages.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

NAMES = ("chromium", "chromium-browser", "google-chrome")
START_WITHIN_S = 20
ANSWER_WITHIN_S = 20


class Browser:
    """One tab. `requests`, `problems` and `violations` are what it has seen since `open`."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._number = 0
        self._session: str | None = None
        self.requests: list[str] = []
        self.problems: list[str] = []

    def attach(self) -> None:
        """Opens the tab and has it report its console, its errors and its requests."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        session = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = session["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log"):
            self.call(f"{domain}.enable")

    def call(self, method: str, **parameters: Any) -> Any:
        """Sends a command and waits for its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while True:
            answer = json.loads(self._socket.recv(timeout=max(0.1, deadline - time.monotonic())))
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]
            self._note(answer)

    def _note(self, event: dict[str, Any]) -> None:
        method, seen = event.get("method"), event.get("params", {})
        if method == "Network.requestWillBeSent":
            self.requests.append(seen["request"]["url"])
        elif method == "Runtime.exceptionThrown":
            self.problems.append(json.dumps(seen["exceptionDetails"])[:1000])
        elif method == "Runtime.consoleAPICalled" and seen["type"] in {"error", "warning"}:
            self.problems.append(json.dumps(seen["args"])[:1000])
        elif method == "Log.entryAdded" and seen["entry"]["level"] in {"error", "warning"}:
            self.problems.append(f"{seen['entry']['text']} {seen['entry'].get('url', '')}")

    def show(self, width: int, height: int = 900, scheme: str = "light", zone: str = "UTC") -> None:
        """The window's size in pixels, the preferred colour scheme and the reader's time zone."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.call("Emulation.setEmulatedMedia", features=features)
        self.call("Emulation.setTimezoneOverride", timezoneId=zone)

    def open(self, url: str) -> None:
        """Loads a page and waits until its charts are drawn, or there is no script to draw them."""
        self.requests.clear()
        self.problems.clear()
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def wait(self, condition: str) -> None:
        """Waits until an expression is true."""
        deadline = time.monotonic() + ANSWER_WITHIN_S
        while not self.run(condition):
            assert time.monotonic() < deadline, f"not within {ANSWER_WITHIN_S} s: {condition}"
            time.sleep(0.02)

    def wait_until_drawn(self) -> None:
        self.wait("document.documentElement.hasAttribute('data-drawn')")

    def run(self, expression: str, is_async: bool = False) -> Any:
        """The value of an expression in the page."""
        answer = self.call(
            "Runtime.evaluate",
            expression=expression,
            returnByValue=True,
            awaitPromise=is_async,
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def picture(self, path: Path, is_whole: bool = True) -> None:
        """Writes what is shown as PNG."""
        shot = self.call("Page.captureScreenshot", format="png", captureBeyondViewport=is_whole)
        path.write_bytes(base64.b64decode(shot["data"]))


@contextmanager
def browser(folder: Path) -> Iterator[Browser]:
    """Starts a browser whose profile is in `folder`, and ends it."""
    program = next(filter(None, map(shutil.which, NAMES)), None)
    assert program, "tests need the system's package chromium (tests/system_packages.sh)"
    profile = folder / "profile"
    options = [
        *("--headless=new", "--remote-debugging-port=0", f"--user-data-dir={profile}"),
        *("--no-first-run", "--disable-gpu", "--disable-dev-shm-usage", "--disable-extensions"),
        *("--disable-background-networking", "--disable-component-update", "--no-proxy-server"),
        *("--disable-sync", "--force-color-profile=srgb", "--hide-scrollbars", "--lang=en-US"),
        # Chromium refuses to sandbox a process of root.
        *(["--no-sandbox"] if os.geteuid() == 0 else []),
    ]
    with (folder / "chromium.log").open("wb") as log:
        process = subprocess.Popen([program, *options], stdout=log, stderr=log)
    try:
        address = _address(profile / "DevToolsActivePort", process)
        with connect(address, max_size=None, proxy=None) as socket:
            tab = Browser(socket)
            tab.attach()
            yield tab
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _address(written: Path, process: subprocess.Popen[bytes]) -> str:
    """Where the browser listens: it writes its port and path once it does."""
    deadline = time.monotonic() + START_WITHIN_S
    while time.monotonic() < deadline and process.poll() is None:
        lines = written.read_text().splitlines() if written.exists() else []
        if len(lines) == 2:
            return f"ws://127.0.0.1:{lines[0]}{lines[1]}"
        time.sleep(0.05)
    raise AssertionError(f"the browser does not listen: {written}")
