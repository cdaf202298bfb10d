"""Every text of the report stands in the catalogue, and every text there is used."""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jinja2
import pytest

from tests.conftest import ROOT
from triage.errors import UsageError
from triage.findings import KINDS
from triage.texts import catalogue, knows, placeholders, say, shipped, speaking, spoken, word

CATALOGUE = ROOT / "triage" / "texts" / "en.json"
TEMPLATES = sorted((ROOT / "triage" / "report" / "templates").glob("*.html"))
MODULES = sorted(
    path for name in ("report", "console", "cli") for path in (ROOT / "triage" / name).glob("*.py")
)
REPORT = [path for path in MODULES if path.parent.name == "report"]
ENGLISH = catalogue("en").texts

# Keys that are put together where they are used; tables asked by `word` need no entry here.
COMPOSED = {
    *("language.tag", "language.plural"),
    *(f"case.{name}" for name in ("case", "exhibit", "examiner", "authority", "notes")),
    *(f"talk.{name}" for name in ("sent", "received")),
    *(f"talk.{name}" for name in ("attachments", "duration_s", "expires_after_s")),
    *(
        f"findings.{name}"
        for name in ("means", "does_not_mean", "other_explanations", "next_steps")
    ),
    *(
        f"summary.{name}"
        for name in ("account", "since", "until", "sure", "shows", "what", "case", "exhibit")
    ),
    *(f"summary.{name}" for name in ("examiner", "image", "image_hash", "sha256", "examined")),
}
COMPOSED_TABLES = {"kind", "hash"}

# What no language changes: commands and file names.
COMMANDS = re.compile(
    r"triage verify BUNDLE --seal-code CODE|triage verify BUNDLE --against IMAGE"
    r"|triage show BUNDLE f-…|python3 verify-bundle\.py BUNDLE|cd BUNDLE"
    r"|sha256sum --check --strict --quiet (tag)?manifest-sha256\.txt|SHA-256"
)
# An outcome, of which the page shows the words; how summaries in the record begin.
CODES = {'"not run"', '"operating system "', '"time zone "'}
TRANSLATED = ("aria-label", "placeholder", "title", "data-label", "alt")


def tokens(path: Path) -> Iterator[tuple[str, str]]:
    """Yield type and text of what Jinja2 sees in a template."""
    source = path.read_text(encoding="utf-8")
    yield from ((kind, text) for _, kind, text in jinja2.Environment(autoescape=True).lex(source))


def constants(path: Path) -> Iterator[str]:
    """Yield the strings of a module that are neither documentation nor an error's message."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    apart: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Raise) or (
            isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        ):
            apart.update(ast.walk(node))
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in apart:
            yield node.value


def strings() -> set[str]:
    found = {text[1:-1] for path in TEMPLATES for kind, text in tokens(path) if kind == "string"}
    return found.union(*(constants(path) for path in MODULES))


def tables_of_words() -> set[str]:
    sources = [path.read_text(encoding="utf-8") for path in (*TEMPLATES, *MODULES)]
    return {name for source in sources for name in re.findall(r'\bword\(\s*"(\w+)"', source)}


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_no_template_carries_a_text_of_its_own(path: Path) -> None:
    data = "".join(text if kind == "data" else "¤" for kind, text in tokens(path))
    for name in TRANSLATED:
        assert all("¤" in text for text in re.findall(rf'\b{name}="([^"]*)"', data)), name
    shown = re.sub(
        r"<style>.*?</style>|<script>.*?</script>|<[^>]*>|&\w+;", " ", data, flags=re.DOTALL
    )
    assert re.findall(r"[^\W\d_]{2,}", COMMANDS.sub("", shown)) == []
    for kind, text in tokens(path):
        if kind == "string" and text not in CODES:
            assert not re.search(r"[^\W\d_]{2,} [^\W\d_]|^[\"'][A-Z][a-z]", text), text


@pytest.mark.parametrize("path", REPORT, ids=lambda path: path.name)
def test_no_module_carries_a_text_of_its_own(path: Path) -> None:
    for text in constants(path):
        assert not re.search(r"[^\W\d_]{2,},? [^\W\d_]{2,}", text), text


def test_the_script_takes_its_text_from_the_page() -> None:
    script = (ROOT / "triage/report/templates/report.js").read_text(encoding="utf-8")
    code = re.sub(r"//.*", "", script)
    for text in re.findall(r"\"([^\"]*)\"|`([^`]*)`", code):
        assert not re.search(r"[a-z]{3,} (of|[a-z]{4,}) ", "".join(text))


def test_every_text_is_used_and_none_is_missing() -> None:
    used, tables = strings(), tables_of_words() | COMPOSED_TABLES
    unused = {
        key for key in ENGLISH if key not in used | COMPOSED and key.partition(".")[0] not in tables
    }
    assert unused == set()
    named = {text.partition(".")[0] for text in ENGLISH}
    asked = {
        text
        for text in used
        if re.fullmatch(r"[a-z]+\.[a-z_0-9]+", text) and text.partition(".")[0] in named
    }
    files = {text for text in asked if text.endswith((".html", ".css", ".js", ".jsonl", ".txt"))}
    assert {key for key in asked if not knows(key)} - files - {*KINDS} == set()


def test_every_filled_text_gets_what_it_asks_for() -> None:
    """A call fills each placeholder of its text, and a count where its form depends on one."""
    calls = re.compile(r"\b(?:say|t)\(\s*\"(\w+\.\w+)\"((?:[^()]|\((?:[^()]|\([^()]*\))*\))*)\)")
    seen = 0
    for path in (*TEMPLATES, *MODULES):
        for key, arguments in calls.findall(path.read_text(encoding="utf-8")):
            given = set(re.findall(r"\b(\w+)=(?!=)", arguments))
            assert placeholders(ENGLISH[key]) <= given, (path.name, key)
            assert isinstance(ENGLISH[key], str) or "count" in given, (path.name, key)
            seen += 1
    assert seen > 300


def test_the_english_catalogue_holds_the_words_of_every_kind(
    request: pytest.FixtureRequest,
) -> None:
    """The words of a kind are written with the kind; translators find them in the catalogue."""
    made: dict[str, Any] = json.loads(CATALOGUE.read_bytes())
    made["kind"] = {
        name: {
            "title": kind.title,
            "means": kind.interpretation.means,
            "does_not_mean": kind.interpretation.does_not_mean,
            "other_explanations": kind.interpretation.other_explanations,
            "next_steps": kind.interpretation.next_steps,
        }
        for name, kind in KINDS.items()
    }
    fields = sorted({name for kind in KINDS.values() for name in kind.value_fields()})
    made["field"] = {name: name.replace("_", " ") for name in fields}
    text = json.dumps(made, ensure_ascii=False, indent=1) + "\n"
    if request.config.getoption("--update-expected"):
        CATALOGUE.write_text(text, encoding="utf-8")
    assert CATALOGUE.read_text(encoding="utf-8") == text


@pytest.mark.parametrize("language", shipped())
def test_a_shipped_language_says_nothing_that_is_not_asked(language: str) -> None:
    assert catalogue(language).texts.keys() == ENGLISH.keys()
    for text in catalogue(language).texts.values():
        assert placeholders(text) == placeholders(text)


def own(folder: Path, **tables: Any) -> str:
    path = folder / "xx.json"
    language = {"tag": "xx", "plural": "n == 1 ? 0 : n == 2 ? 1 : 2"}
    path.write_text(json.dumps({"language": language, **tables}))
    return str(path)


def test_a_language_falls_back_to_english_text_by_text(tmp_path: Path) -> None:
    with speaking(own(tmp_path, files={"heading": "Dateien"}, event={"last_written": "zuletzt"})):
        assert spoken().tag == "xx"
        assert say("files.heading") == "Dateien"
        assert say("problems.heading") == "Problems"
        assert word("event", "last_written") == "zuletzt"
        assert word("event", "first_seen") == "first seen"
    assert say("files.heading") == "Files read"


@pytest.mark.parametrize(("count", "said"), [(1, "1 one"), (2, "2 two"), (5_000, "5,000 many")])
def test_the_form_follows_the_number(count: int, said: str, tmp_path: Path) -> None:
    forms = ["{count} one", "{count} two", "{count} many"]
    with speaking(own(tmp_path, findings={"count": forms})):
        assert say("findings.count", count=count) == said


def test_what_is_filled_in_is_never_a_text() -> None:
    hostile = "{count.__class__} {0} %s `x`"
    assert say("report.exhibit", exhibit=hostile) == f"exhibit {hostile}"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"language": {"tag": "x"}}',
        b'{"language": {"tag": "x", "plural": "import os"}}',
        b'{"language": {"tag": "x", "plural": "1/0"}}',
        b'{"language": {"tag": "x", "plural": "0"}, "files": {"heading": 5}}',
        b'{"language": {"tag": "x", "plural": "0"}, "files": {"heading": ["a"]}}',
        b'{"language": {"tag": "x", "plural": "0"}, "files": {"lead": "one form"}}',
        b'{"language": {"tag": "x", "plural": "0"}, "files": {"heading": "{more}"}}',
        b'{"language": {"tag": "x", "plural": "0"}, "report": {"exhibit": "{exhibit.x}"}}',
        b'{"language": {"tag": "x", "plural": "0"}, "report": {"exhibit": "{exhibit:>9999}"}}',
        b'{"language": {"tag": "x", "plural": "0"}, "report": {"exhibit": "{"}}',
        b'{"a": {"b": {"c": {"d": {"e": "f"}}}}}',
        b"[" * 100_000,
    ],
    ids=lambda data: ascii(data[:60]),
)
def test_a_catalogue_that_is_none_is_refused(data: bytes, tmp_path: Path) -> None:
    path = tmp_path / "bad.json"
    path.write_bytes(data)
    with pytest.raises(UsageError), speaking(str(path)):
        pass


@pytest.mark.parametrize("language", ["zz", "../en", "/nowhere.json"])
def test_a_language_that_is_not_there_is_refused(language: str) -> None:
    with pytest.raises(UsageError), speaking(language):
        pass
