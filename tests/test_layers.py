"""Imports point down only, and each library has its place."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the top: a module may import from its own layer and from those below.
LAYERS = (
    ("triage.__main__", "triage.cli"),
    ("triage.batch", "triage.report", "triage.export", "triage.console", "triage.training"),
    ("triage.engine",),
    (
        "triage.registry",
        "triage.profile",
        "triage.guidance",
        "triage.strict",
        "triage.texts",
        "triage.bundle",
        "triage.custody",
        "triage.redaction",
    ),
    ("triage.api",),
    ("triage.extractor", "triage.artifact", "triage.content", "triage.credentials"),
    ("triage.formats",),
    ("triage.evidence",),
    ("triage.findings",),
    (
        "triage.model",
        "triage.canonical",
        "triage.hashing",
        "triage.errors",
        "triage.randomness",
        "triage.verifier",
    ),
)
# Reading evidence and reading formats do not know each other.
APART = (("triage.formats", "triage.evidence"),)
ONLY_IN = {
    "pytsk3": ("triage.evidence",),
    "pyvshadow": ("triage.evidence.shadow",),
    "pyewf": ("triage.evidence.second_reader",),
    "pyfsntfs": ("triage.evidence.second_tree",),
    "pyfsext": ("triage.evidence.second_tree",),
    "pyesedb": ("triage.formats.ese",),
    "pyregf": ("triage.formats.registry",),
    "apsw": ("triage.formats", "triage.export", "triage.training.writers"),
    "click": ("triage.cli", "triage.console"),
    "rich": ("triage.console", "triage.cli"),
    "yaml": ("triage.strict", "triage.credentials", "triage.formats.indicators", "triage.batch"),
    "jinja2": ("triage.report",),
    "magic": ("triage.formats.filetype",),
    "distributed": ("triage.batch.cluster",),
}


def module_name(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def layer(name: str) -> int | None:
    for number, prefixes in enumerate(LAYERS):
        if any(name == prefix or name.startswith(f"{prefix}.") for prefix in prefixes):
            return number
    return None


MODULES = sorted((ROOT / "triage").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_down(path: Path) -> None:
    own = layer(module_name(path))
    if module_name(path) == "triage":
        return
    assert own is not None, "every module has a layer"
    for name in imports(path):
        other = layer(name)
        assert other is None or other >= own, f"{module_name(path)} imports {name}"
    for one, two in APART:
        if module_name(path).startswith(one):
            assert not any(name.startswith(two) for name in imports(path))


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_libraries_stay_in_their_place(path: Path) -> None:
    for name in imports(path):
        allowed = ONLY_IN.get(name.partition(".")[0])
        assert allowed is None or module_name(path).startswith(allowed), name


@pytest.mark.parametrize(
    "path", sorted((ROOT / "plugins").rglob("*.py")), ids=lambda path: path.stem
)
def test_plugins_import_the_api_only(path: Path) -> None:
    for name in imports(path):
        if name.startswith("triage"):
            assert name.startswith(("triage.api", "triage.formats")), name


def test_the_core_names_no_plugin() -> None:
    for path in MODULES:
        text = path.read_text(encoding="utf-8")
        assert "import triage.plugins" not in text
        assert "from triage.plugins" not in text
