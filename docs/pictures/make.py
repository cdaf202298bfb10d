"""Take the pictures of the README: a real run in a terminal, its report in a real browser.

Usage: python -m docs.pictures.make, from the root of a checkout, with Chromium on the PATH.
"""

from __future__ import annotations

import base64
import io
import os
import pty
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.terminal_theme import MONOKAI
from rich.text import Text

from tests.report.browser import Browser, browser, find

HERE = Path(__file__).parent
WIDTH = 118  # columns
PAGE = """<!doctype html><meta charset="utf-8"><style>
body {{ margin: 0; background: #0c0c0c; overflow: hidden; }}
pre {{ margin: 14px 18px; font: 13px/1.32 "DejaVu Sans Mono", monospace; color: #d9d9d9; }}
{stylesheet}
</style><pre>{code}</pre>"""


def typed(command: list[str], shown: str) -> str:
    """Run a command in a terminal of its own and return what stood there, colours included."""
    master, slave = pty.openpty()
    environment = {**os.environ, "COLUMNS": str(WIDTH), "TERM": "xterm-256color"}
    running = subprocess.Popen(command, stdout=slave, stderr=subprocess.DEVNULL, env=environment)
    os.close(slave)
    output = b""
    while True:
        try:
            block = os.read(master, 1 << 16)
        except OSError:  # the other end is closed: Linux says so with an error
            break
        if not block:
            break
        output += block
    running.wait()
    os.close(master)
    return f"\x1b[1m$ {shown}\x1b[0m\n" + output.decode().replace("\r\n", "\n")


def picture(page: Browser, path: Path, name: str, *, size: tuple[int, int], at: str = "") -> None:
    """Take a picture of a page, scrolled to an element."""
    width, height = size
    page.ask(
        "Emulation.setDeviceMetricsOverride",
        width=width,
        height=height,
        deviceScaleFactor=1,
        mobile=False,
    )
    page.open(path)
    if at:
        page.run(f"document.getElementById({at!r}).scrollIntoView()")
        page.run("new Promise(done => setTimeout(done, 500))")
    shot = page.ask("Page.captureScreenshot", format="png")
    (HERE / name).write_bytes(base64.b64decode(shot["data"]))


def main() -> None:
    """Make the pictures."""
    program = find()
    if program is None:
        sys.exit("no Chromium on this machine")
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        bundle = Path(folder) / "practice.bundle"
        triage = [sys.executable, "-m", "triage"]
        text = typed([*triage, "demo", "-o", str(bundle)], "triage demo")
        text = text.replace(folder, "").replace("/practice.bundle", "practice.bundle")
        console = Console(width=WIDTH, record=True, file=io.StringIO())
        console.print(Text.from_ansi(text))
        page = Path(folder) / "terminal.html"
        page.write_text(console.export_html(theme=MONOKAI, code_format=PAGE), encoding="utf-8")
        report = bundle / "data/report/report.html"
        with browser(program, Path(folder) / "profile") as open_page:
            # The top of the terminal: the rest is for reading.
            picture(open_page, page, "terminal.png", size=(980, 700))
            picture(open_page, report, "report.png", size=(1280, 860))
            picture(open_page, report, "findings.png", size=(1280, 860), at="family-tor")


if __name__ == "__main__":
    main()
