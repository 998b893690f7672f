"""A page in headless Chromium that is driven as a reader would: real clicks and keys, windows of any width, dark ones.

By Chromium's own protocol through pipes, which needs no package.
"""

import base64
import itertools
import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser import CHROMIUM

SECONDS = 60.0
"""For whatever is waited for."""
CODES = {"Enter": 13, "Tab": 9, "Escape": 27, "Space": 32}


class Page:
    """A page of one file, opened as readers open it."""

    def __init__(self, read: int, write: int) -> None:
        self._read, self._write, self._held = read, write, b""
        self._numbers = itertools.count(1)
        self._session: str | None = None
        self._events: list[dict[str, Any]] = []

    def open(self, path: Path, width: int = 1280, height: int = 900, *, dark: bool = False) -> None:
        """Loads a file in a window of this size."""
        if self._session is None:
            target = self._call("Target.createTarget", url="about:blank")["targetId"]
            self._session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
            for room in ("Page", "Runtime", "Network"):
                self._call(f"{room}.enable")
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._events.clear()
        self._call("Page.navigate", url=path.as_uri())
        self._wait_for("Page.loadEventFired")

    def resize(self, width: int, height: int = 900) -> None:
        """Another window."""
        self._call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def value(self, expression: str) -> Any:
        """What an expression gives in the page, as JSON has it; AssertionError where it raises."""
        found = self._call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def click(self, selector: str) -> None:
        """Clicks with the mouse in the middle of an element, once it is in view."""
        element = f"document.querySelector({json.dumps(selector)})"
        self.value(f"{element}.scrollIntoView({{block: 'center', inline: 'center'}})")
        box = self.value(
            f"(() => {{ const b = {element}.getClientRects()[0]; return [b.x, b.y, b.width, b.height] }})()"
        )
        x, y = box[0] + box[2] / 2, box[1] + box[3] / 2
        for kind in ("mousePressed", "mouseReleased"):
            self._call("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
        self.settle()

    def press(self, key: str) -> None:
        """A key, by its name, to what has the focus."""
        text = "\r" if key == "Enter" else ""
        more = {"key": key, "code": key, "windowsVirtualKeyCode": CODES[key]}
        self._call("Input.dispatchKeyEvent", type="keyDown", text=text, **more)
        self._call("Input.dispatchKeyEvent", type="keyUp", **more)
        self.settle()

    def write(self, text: str) -> None:
        """Types into what has the focus."""
        self._call("Input.insertText", text=text)
        self.settle()

    def settle(self) -> None:
        """Waits until what was started by an event is done and drawn."""
        self.value("new Promise(done => setTimeout(() => requestAnimationFrame(() => done(1)), 20))")

    def errors(self) -> list[str]:
        """What scripts raised since the page was opened."""
        self.settle()
        found = [event for event in self._events if event["method"] == "Runtime.exceptionThrown"]
        return [str(event["params"]["exceptionDetails"]) for event in found]

    def requests(self) -> list[str]:
        """What was loaded since the page was opened, but for what it holds itself."""
        found = [event for event in self._events if event["method"] == "Network.requestWillBeSent"]
        return [url for event in found if not (url := event["params"]["request"]["url"]).startswith("data:")]

    def picture(self) -> bytes:
        """What the window shows, a PNG."""
        return base64.b64decode(self._call("Page.captureScreenshot")["data"])

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        number = next(self._numbers)
        session = {} if self._session is None else {"sessionId": self._session}
        os.write(
            self._write, json.dumps({"id": number, "method": method, "params": params, **session}).encode() + b"\0"
        )
        while (message := self._next()).get("id") != number:
            self._events.append(message)
        assert "error" not in message, (method, message["error"])
        return dict(message["result"])

    def _wait_for(self, event: str) -> None:
        while not any(message["method"] == event for message in self._events):
            self._events.append(self._next())

    def _next(self) -> dict[str, Any]:
        end = time.monotonic() + SECONDS
        while b"\0" not in self._held:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, f"Chromium has not answered for {SECONDS:g} seconds"
            part = os.read(self._read, 1 << 20)
            assert part, "Chromium has ended"
            self._held += part
        message, self._held = self._held.split(b"\0", 1)
        return dict(json.loads(message))


@contextmanager
def driven(folder: Path) -> Iterator[Page]:
    """A page of a Chromium that is started for it and ended after it; its files go to `folder`."""
    (commands, write), (read, answers) = os.pipe(), os.pipe()
    command = [
        str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run",
        "--remote-debugging-pipe", f"--user-data-dir={folder / 'driven'}",
    ]  # fmt: skip
    plumbed = ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", *command]
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(plumbed, pass_fds=(commands, answers), stdin=quiet, stdout=quiet, stderr=quiet)
    try:
        os.close(commands)
        os.close(answers)
        yield Page(read, write)
    finally:
        os.close(write)  # it ends when nobody is there to command it
        os.close(read)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
