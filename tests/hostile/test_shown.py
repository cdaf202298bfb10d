"""What evidence says reaches no terminal, no report and no table of a spreadsheet as a command."""

from __future__ import annotations

import csv
import html.parser
import json
import re
from pathlib import Path

import pytest

from tests.conftest import Triage
from tests.evidence.ewf_writer import segments, write
from tests.hostile.conftest import PLUGINS, Command
from tests.hostile.ext import Ext
from tests.hostile.fat import Fat
from tests.hostile.tables import START, gpt

NAMES = (
    "known\x1b]0;owned\x07.txt",
    "known\x1b[2J\x9b31m.txt",
    "known\u202etxt.exe\u2066.txt",
    "known\r\nFAKE LINE.txt",
    "known<script>alert(1).txt",
    "known'\"><img src=x onerror=alert(1)>.txt",
    "known{{7*7}}.txt",
    "=cmd|'C'!A0",
    "@SUM(1)",
    "known\x00.txt",
)
RAW = (b"known\xff\xfe\x80.txt", b"\xed\xa0\x80known.txt")
# C0 but tab and line feed, C1, and what turns the direction of text around.
FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069]")


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    ext = Ext()
    hostile = ext.file("; ".join(NAMES).encode())
    names = [*(name.encode() for name in NAMES), *RAW]
    path = tmp_path_factory.mktemp("shown") / "image.raw"
    path.write_bytes(ext.image([(name, hostile) for name in names]))
    return path


@pytest.fixture(scope="module")
def bundle(triage: Triage, image: Path) -> Path:
    """A bundle with report, made and shown by the real command."""
    path = image.with_name("bundle")
    ran = triage("run", image, "-o", path, "--plugins", PLUGINS, "--only", "hostile.*")
    assert ran.code == 0
    for text in (ran.out, ran.err):
        assert not FORBIDDEN.search(text)
        assert "\nFAKE LINE" not in text
    return path


@pytest.mark.parametrize("arguments", [(), ("--format", "jsonl"), ("--kind", "web.*")])
def test_show_writes_nothing_that_acts(
    command_line: Command, bundle: Path, arguments: tuple[str, ...]
) -> None:
    ran = command_line("show", bundle, *arguments)
    assert ran.code == 0
    assert "known" in ran.out
    assert not FORBIDDEN.search(ran.out + ran.err)
    assert "\nFAKE LINE" not in ran.out


class _Tags(html.parser.HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def test_the_report_has_no_markup_of_the_evidence(bundle: Path) -> None:
    text = (bundle / "data" / "report" / "report.html").read_text(encoding="utf-8")
    assert not FORBIDDEN.search(text)
    assert "{{7*7}}" in text
    parser = _Tags()
    parser.feed(text)
    assert not [tag for tag, _ in parser.found if tag in {"img", "iframe", "object", "embed"}]
    assert sum(tag == "script" for tag, _ in parser.found) <= 1  # our own, under its hash
    for tag, attributes in parser.found:
        assert not [name for name in attributes if name.startswith("on")], tag
        assert str(attributes.get("href") or "#").startswith("#"), tag
        assert not attributes.get("src"), tag


def test_the_summary_has_no_line_of_the_evidence(bundle: Path) -> None:
    text = (bundle / "data" / "report" / "summary.txt").read_text(encoding="utf-8")
    assert not FORBIDDEN.search(text)
    assert "\nFAKE LINE" not in text


def test_no_cell_of_the_timeline_is_a_formula(bundle: Path) -> None:
    with (bundle / "data" / "report" / "timeline.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    for row in rows:
        for cell in row:
            assert not cell.lstrip(" \"'").startswith(("=", "+", "@", "\t", "\r")) or (
                cell.startswith("'")
            )
            assert not FORBIDDEN.search(cell)


def test_the_records_keep_what_the_names_really_are(bundle: Path) -> None:
    text = (bundle / "data" / "findings.jsonl").read_text(encoding="utf-8")
    paths = {json.loads(line)["source"]["path"] for line in text.splitlines()}
    assert "/known\x1b]0;owned\x07.txt" in paths
    assert "/known\u202etxt.exe\u2066.txt" in paths
    assert "/known\\xff\\xfe\\x80.txt" in paths


def test_info_shows_header_and_labels_without_their_commands(
    command_line: Command, tmp_path: Path
) -> None:
    volume = Fat(sectors=128)
    small = volume.image([volume.file("known.txt", b"kept")])
    media = gpt(small, [(START, START + 127)], name="\x1b[2J\u202elabel\r\nFAKE")
    values = "\t".join(["\x1b]0;owned\x07", "c\x9b31m", "\u202en", "e\rFAKE", *"n" * 6])
    path = write(tmp_path, segments(media, values=values))
    for arguments in ((), ("--format", "json"), ("--format", "jsonl")):
        ran = command_line("info", path, *arguments)
        assert ran.code == 0
        assert "label" in ran.out
        assert not FORBIDDEN.search(ran.out + ran.err)
        assert "\nFAKE" not in ran.out


def test_an_error_names_a_path_without_its_commands(command_line: Command, tmp_path: Path) -> None:
    path = tmp_path / "\x1b[2J\u202e.raw"
    path.write_bytes(b"")
    ran = command_line("run", path, "-o", tmp_path / "bundle")
    assert ran.code == 1
    assert "is empty" in ran.err
    assert not FORBIDDEN.search(ran.err)
