"""A headless Chromium, spoken to over a pipe (Chrome DevTools Protocol): no library, no network."""

from __future__ import annotations

import base64
import fcntl
import json
import os
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO


def find() -> str | None:
    """Return the program, or None where there is none."""
    return shutil.which("chromium") or shutil.which("google-chrome")


class Browser:
    """One page. `run` evaluates JavaScript in it and returns plain values."""

    def __init__(self, to_it: BinaryIO, from_it: BinaryIO) -> None:
        self.complaints: list[str] = []
        self._to, self._from = to_it, from_it
        self._number = 0
        self._rest = b""
        self._session: str | None = None
        self._uri = "about:blank"
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.ask(f"{domain}.enable")

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Send a command and return its result; what the page logs meanwhile is kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()
        while True:
            answer = self._next()
            if answer.get("method") == "Log.entryAdded":
                self.complaints.append(answer["params"]["entry"]["text"])
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise AssertionError(answer["error"])
                result: dict[str, Any] = answer["result"]
                return result

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self._rest:
            block = self._from.read(1 << 16)
            if not block:
                raise AssertionError("the browser is gone")
            self._rest += block
        message, _, self._rest = self._rest.partition(b"\0")
        answer: dict[str, Any] = json.loads(message)
        return answer

    def open(self, path: Path) -> None:
        """Load a page and wait until it is there."""
        self._uri = path.as_uri()
        self.again()

    def again(self) -> None:
        """Load the page anew, at its top and as if never seen."""
        self.ask("Page.navigate", url="about:blank")
        self.ask("Page.navigate", url=self._uri)
        loaded = "document.readyState === 'complete' ? done() : addEventListener('load', done)"
        self.run(f"new Promise(done => {loaded})")

    def run(self, script: str) -> Any:
        """Return the value of an expression, awaited."""
        result = self.ask(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in result:
            raise AssertionError(result["exceptionDetails"])
        return result["result"].get("value")

    def key(self, name: str, text: str = "") -> None:
        """Press and let go of a key."""
        codes = {"Tab": 9, "Enter": 13}
        given = {"key": name, "code": name, "windowsVirtualKeyCode": codes.get(name, 0)}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **given)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **given)

    def type(self, text: str) -> None:
        """Type into what has the focus."""
        self.ask("Input.insertText", text=text)

    def pdf(self) -> bytes:
        """Print the page."""
        return base64.b64decode(self.ask("Page.printToPDF")["data"])


@contextmanager
def browser(program: str, profile: Path) -> Iterator[Browser]:
    """Start a browser that is gone at the end."""
    to_it, from_us = os.pipe()
    to_us, from_it = os.pipe()
    high = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in (to_it, from_it)]
    switches = ("--headless=new", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe")
    quiet = ("--no-first-run", "--disable-extensions", "--disable-background-networking")
    running = os.posix_spawn(
        program,
        [program, *switches, *quiet, f"--user-data-dir={profile}"],
        os.environ,
        file_actions=[  # the protocol wants descriptors 3 and 4
            (os.POSIX_SPAWN_DUP2, high[0], 3),
            (os.POSIX_SPAWN_DUP2, high[1], 4),
            (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    for end in (to_it, from_it, *high):
        os.close(end)
    with os.fdopen(from_us, "wb") as writing, os.fdopen(to_us, "rb", buffering=0) as reading:
        try:
            yield Browser(writing, reading)
        finally:
            os.kill(running, signal.SIGTERM)
            os.waitpid(running, 0)
