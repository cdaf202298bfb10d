"""What an examiner brings: keywords, digests and rules are read, looked for, and answered."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.conftest import lines
from tests.engine.runs import go, options, records
from tests.engine.scan.test_scan import DEEP, tar
from triage import profile
from triage.engine import messages as m
from triage.engine.digest_lists import Digests, parse_digests
from triage.engine.place import Place
from triage.engine.scan import check
from triage.engine.scan.keywords import Keywords
from triage.engine.terms import load, parse_keywords
from triage.errors import UsageError
from triage.evidence.archive import Memory
from triage.evidence.extents import Extents

RULES = """
rule begins_with_mz : program { strings: $m = "MZ" condition: $m at 0 }
rule word { strings: $a = "needle" nocase wide ascii condition: #a > 1 }
"""
FILES = {
    "exe.bin": b"MZ" + bytes(600) + b"needle NEEDLE",
    "small.txt": "Der Schlüssel liegt in Köln; der SCHLÜSSEL.".encode(),
    "latin.txt": "Schlüssel".encode("cp1252"),
    "wide.txt": "xÜbergabe am See".encode("utf-16-le"),
    "big.txt": "Übergabe am See".encode("utf-16-be"),
    "nothing.txt": b"hay and straw, need less",
}


def test_keywords_are_read() -> None:
    data = "\ufeff# places\nKöln\n\n  am See  \nKöln\n".encode()
    assert parse_keywords(data) == ("Köln", "am See")


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "holds no keyword"),
        (b"good\nab\n", "line 2"),
        (b"x" * 300, "line 1"),
        (b"caf\xe9", "not UTF-8 at byte 3"),
        (b"\n".join(b"word%d" % n for n in range(10_001)), "more than 10000"),
    ],
)
def test_odd_keywords_are_refused(data: bytes, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        parse_keywords(data)


def test_digests_in_every_form() -> None:
    md5, sha1, sha256 = (hashlib.new(name, b"x").hexdigest() for name in ("md5", "sha1", "sha256"))
    text = (
        f"# a list\n{md5}\n{sha256.upper()}  name.bin\n"
        f'"SHA-1","MD5","CRC32","FileName"\n"{sha1.upper()}","{md5}","00000000","a.exe"\n'
    )
    found = parse_digests(text.encode())
    assert found["md5"].line(md5) == 2
    assert found["sha256"].line(sha256) == 3
    assert found["sha1"].line(sha1) == 5
    assert found["md5"].line(hashlib.md5(b"y", usedforsecurity=False).hexdigest()) is None
    assert [len(digests) for digests in found.values()] == [1, 1, 1]
    with pytest.raises(UsageError, match="no MD5"):
        parse_digests(b"nothing here, not even 0123456789abcdef")


def test_digests_that_begin_alike_are_told_apart() -> None:
    raw = [bytes(8) + bytes([n]) * 8 for n in (3, 1, 2)]
    digests = Digests(b"".join(raw), 16, np.array([10, 20, 30]))
    assert [digests.line(each.hex()) for each in raw] == [10, 20, 30]
    assert digests.line(bytes(16).hex()) is None


@pytest.mark.parametrize("fast", [True, False])
def test_keywords_in_every_encoding(fast: bool) -> None:
    find = Keywords(["Schlüssel", "Übergabe", "needle"], fast=fast)
    seen = {
        name: sorted((start, what.value()["encoding"]) for start, _, what in find(data))
        for name, data in FILES.items()
    }
    assert seen["small.txt"] == [(4, "utf-8"), (35, "utf-8")]
    assert seen["latin.txt"] == [(0, "cp1252")]
    assert seen["wide.txt"] == [(2, "utf-16-le")]
    assert seen["big.txt"] == [(0, "utf-16-be")]
    assert seen["exe.bin"] == [(602, "utf-8"), (609, "utf-8")]
    assert seen["nothing.txt"] == []


@pytest.fixture(scope="module")
def brought(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of an image, of lists and rules."""
    folder = tmp_path_factory.mktemp("brought")
    tar(folder / "image.tar", FILES)
    (folder / "words").write_text("Schlüssel\nneedle\nabsent one\n", encoding="utf-8")
    digest = hashlib.sha1(FILES["small.txt"], usedforsecurity=False).hexdigest()
    (folder / "hashes").write_text(f"{'0' * 40}\n{digest}\n", encoding="utf-8")
    (folder / "rules").write_text(RULES, encoding="utf-8")
    return folder


def run(brought: Path, bundle: Path, **more: Any) -> list[dict[str, Any]]:
    given = {
        "profile": DEEP,
        "plugins": "none",
        "only": ("tor.memory.*",),
        "terms": load(brought / "words", brought / "hashes", None),
        **more,
    }
    go(options(brought / "image.tar", bundle, **given))
    return lines(bundle / "data" / "findings.jsonl")


def test_what_was_brought_is_found_and_answered(brought: Path, tmp_path: Path) -> None:
    found = run(brought, tmp_path / "b")
    told = {(r["kind"], r["source"]["path"]): r for r in found}
    assert told["indicator.keyword", "/exe.bin"]["value"]["entries"] == 2
    assert told["indicator.keyword", "/latin.txt"]["value"]["encoding"] == "cp1252"
    listed = told["indicator.hash", "/small.txt"]
    assert (listed["value"]["algorithm"], listed["value"]["list_line"]) == ("sha1", 2)
    assert listed["confidence"] == "confirmed"
    answers = {
        line["keyword"]: (line["outcome"], line["count"])
        for line in lines(tmp_path / "b" / "data" / "coverage.jsonl")
        if "keyword" in line
    }
    assert answers == {
        "Schlüssel": ("found", 3),
        "needle": ("found", 2),
        "absent one": ("absent", 0),
    }
    assert run(brought, tmp_path / "two", jobs=2) == found
    assert records(tmp_path / "two") == records(tmp_path / "b")


def test_they_need_a_profile_that_scans(brought: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="need a profile that scans"):
        run(brought, tmp_path / "b", profile=profile.load(["standard"]))


@pytest.mark.skipif(not check.AVAILABLE, reason="yara-x is not installed")
def test_rules_are_asked_about_files(brought: Path, tmp_path: Path) -> None:
    found = run(brought, tmp_path / "b", terms=load(None, None, brought / "rules"))
    told = {r["value"]["rule"]: r for r in found if r["kind"] == "indicator.yara"}
    assert {rule: r["source"]["path"] for rule, r in told.items()} == {
        "begins_with_mz": "/exe.bin",
        "word": "/exe.bin",
    }
    assert told["word"]["value"]["strings"] == ["$a"]
    assert told["word"]["value"]["entries"] == 2
    assert told["begins_with_mz"]["value"]["tags"] == ["program"]


@pytest.mark.skipif(not check.AVAILABLE, reason="yara-x is not installed")
def test_of_a_long_file_the_first_bytes_are_asked_about(brought: Path, tmp_path: Path) -> None:
    limits = replace(DEEP.limits, yara_file_bytes=100)
    terms = load(None, None, brought / "rules")
    found = run(brought, tmp_path / "b", profile=replace(DEEP, limits=limits), terms=terms)
    assert [r["value"]["rule"] for r in found if r["kind"] == "indicator.yara"] == [
        "begins_with_mz"
    ]
    (line,) = [
        line
        for line in lines(tmp_path / "b" / "data" / "coverage.jsonl")
        if line.get("name") == "check_files"
    ]
    assert (line["reason"], line["count"], line["counts"]) == ("limit", 1, True)


@pytest.mark.skipif(not check.AVAILABLE, reason="yara-x is not installed")
@pytest.mark.parametrize("source", ["rule x { condition: }", 'include "/etc/passwd"', "rule"])
def test_rules_that_are_none(source: str) -> None:
    with pytest.raises(UsageError):
        check.compiled(source)


@pytest.mark.skipif(not check.AVAILABLE, reason="yara-x is not installed")
def test_rules_are_asked_about_each_stretch_outside_of_files() -> None:
    media = Memory(data=bytearray(267))
    media.data[100:117], media.data[217:226] = b"MZ needle  needle", b"needle MZ"
    stretches = Extents.of(np.array([100, 200]), np.array([117, 240]))
    checker = check.Checker(
        algorithms=(),
        rules=check.compiled(RULES),
        hashed=0,
        matched=0,
        place=Place(None),
        progress=lambda _: None,
    )

    def told(first: int, last: int) -> dict[str, tuple[int, int, list[int | None]]]:
        request = m.CheckSpace(stretches=stretches.packed(), first=first, last=last)
        *seen, done = checker.space(media, request)
        assert isinstance(done, m.Checked)
        assert (done.size, done.unread, done.failed) == (17 + 40, 0, 0)
        return {
            one.found.finding["rule"]: (one.first, one.count, [r.image_offset for r in one.runs])
            for one in seen
            if isinstance(one, m.Sighted)
        }

    assert told(0, 1000) == {"begins_with_mz": (100, 1, [100]), "word": (103, 2, [103, 111])}
    # What begins in another part is told there.
    assert told(110, 1000) == {"word": (111, 1, [111])}
    assert told(118, 1000) == {}


@pytest.mark.skipif(not check.AVAILABLE, reason="yara-x is not installed")
def test_rules_find_what_lies_in_no_file(brought: Path, tmp_path: Path) -> None:
    image = tmp_path / "raw.dd"
    image.write_bytes(bytes(300_000) + b" needle and needle " + bytes(200_000))
    terms = load(None, None, brought / "rules")
    runs = {}
    for name in ("one", "two"):
        chosen = {"profile": DEEP, "plugins": "none", "only": ("tor.memory.*",), "terms": terms}
        go(options(image, tmp_path / name, jobs=1 + (name == "two"), **chosen))
        runs[name] = records(tmp_path / name)
    assert runs["one"] == runs["two"]
    found = next(
        line
        for line in lines(tmp_path / "one" / "data" / "findings.jsonl")
        if line["kind"] == "indicator.yara"
    )
    assert found["value"]["rule"] == "word"
    assert (found["source"]["path"], found["source"]["locator"]) == (None, "media byte 300001")
    assert [run["image_offset"] for run in found["source"]["byte_runs"]] == [300_001, 300_012]
