"""Documents that say what the program is are made from it, or compared with it."""

from __future__ import annotations

import importlib
import pkgutil
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import click
import pytest

import triage
from tests.conftest import ROOT
from triage import cli as modules
from triage.cli.command import COMMANDS, cli
from triage.findings import KINDS
from triage.registry import Registered, load

DOCS = ROOT / "docs"
CONTEXT = click.Context(cli)


def command(name: str) -> click.Command:
    found = cli.get_command(CONTEXT, name)
    assert found
    return found


def section(entry: Registered) -> Iterator[str]:
    extractor = entry.extractor
    yield f"### `{extractor.name}`"
    yield ""
    yield extractor.summary
    yield ""
    yield f"Yields {', '.join(f'`{kind.kind}`' for kind in extractor.yields)}."
    if extractor.needs:
        yield f"Builds on {', '.join(f'`{kind.kind}`' for kind in extractor.needs)}."
    if extractor.holds_secret:
        yield "Its artifacts hold secrets: they are exported only encrypted."
    yield ""
    yield from (f"* `{path}`" for path in extractor.paths)
    yield from (f"* content: {test}" for test in extractor.content)
    yield ""


def extractors_page() -> str:
    lines = [
        "# Extractors",
        "",
        "Made from the program by `pytest tests/test_docs.py --update-expected`; do not edit.",
        "What each module was written from, tested with, and does not read is in its own words.",
        "",
    ]
    module = ""
    for entry in sorted(load().entries, key=lambda e: (e.extractor.module, e.extractor.name)):
        if entry.extractor.module != module:
            module = entry.extractor.module
            title = module.removeprefix("triage.plugins.").replace(".", " / ")
            words = (importlib.import_module(module).__doc__ or "").strip()
            lines += [f"## {title}", "", *(line.rstrip() for line in words.splitlines()), ""]
        lines += section(entry)
    return "\n".join(lines).rstrip() + "\n"


def kinds_page() -> str:
    lines = [
        "# Kinds of findings",
        "",
        "Made from the program by `pytest tests/test_docs.py --update-expected`; do not edit.",
        "",
    ]
    for kind in KINDS.values():
        words = kind.interpretation
        lines += [
            f"## `{kind.kind}`: {kind.title}",
            "",
            f"* **Means**: {words.means}",
            f"* **Does not mean**: {words.does_not_mean}",
            f"* **Other explanations**: {words.other_explanations}",
            f"* **Next**: {words.next_steps}",
            f"* **Fields**: {', '.join(f'`{name}`' for name in kind.value_fields())}",
            f"* **The same finding when equal in**: {', '.join(kind.identity)}",
            "",
        ]
    return "\n".join(lines).rstrip() + "\n"


@pytest.mark.parametrize(
    ("name", "made"), [("extractors.md", extractors_page), ("kinds.md", kinds_page)]
)
def test_page_is_as_made(
    name: str, made: Callable[[], str], request: pytest.FixtureRequest
) -> None:
    if request.config.getoption("--update-expected"):
        (DOCS / name).write_text(made(), encoding="utf-8")
    assert (DOCS / name).read_text(encoding="utf-8") == made()


def test_every_command_of_a_module_is_listed_with_it() -> None:
    for found in pkgutil.iter_modules(modules.__path__, f"{modules.__name__}."):
        importlib.import_module(found.name)
    assert set(cli.commands) == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_in_the_contract_and_has_help(name: str) -> None:
    assert f"triage {name}" in (DOCS / "contract.md").read_text(encoding="utf-8")
    assert command(name).help
    assert command(name).get_short_help_str(limit=100) == COMMANDS[name][1]


@pytest.mark.parametrize("name", COMMANDS)
def test_options_in_the_contract_exist(name: str) -> None:
    text = (DOCS / "contract.md").read_text(encoding="utf-8")
    block = text.split("## Command line")[1].split("```")[1]
    found = re.search(rf"^triage {name}\b.*(?:\n +.*)*", block, re.MULTILINE)
    if found is None:
        return
    one = command(name)
    takers = one.commands.values() if isinstance(one, click.Group) else [one]
    known = {option for taker in takers for p in taker.params for option in p.opts}
    for option in re.findall(r"--[a-z-]+", found[0]):
        assert option in known or option == "--format", option


@pytest.mark.parametrize("page", sorted(DOCS.glob("*.md")), ids=lambda path: path.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
        assert (page.parent / target).exists(), target


def test_the_python_of_the_guide_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = re.findall(
        r"```python\n(.*?)```", (DOCS / "automation.md").read_text(encoding="utf-8"), re.DOTALL
    )
    tree = min((ROOT / "fixtures" / "wallet" / "electrum").glob("*/tree"))
    shutil.copytree(tree, tmp_path / "exhibit-7")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, "automation.md", "exec"), {})  # noqa: S102 - our own guide
    assert "wallet.file" in capsys.readouterr().out


def test_what_programs_import_is_there() -> None:
    for name in triage.__all__:
        assert getattr(triage, name)
    with pytest.raises(AttributeError, match="no attribute 'absent'"):
        _ = triage.absent
