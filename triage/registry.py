"""Extractors and where their code came from.

Built-in ones are found in the `plugins` folder; third-party packages through the entry-point group
`triage.plugins`, only when asked; a single folder of modules by path. Nothing registers itself: the
registry collects `Extractor` values from modules, so tests and processes cannot disturb each other.
"""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import pkgutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fnmatch import fnmatchcase
from importlib.metadata import entry_points
from pathlib import Path
from types import ModuleType

import triage
from triage.errors import RegistryError
from triage.evidence.patterns import PatternSet
from triage.extractor import Extractor
from triage.profile import Profile

ENTRY_POINTS = "triage.plugins"
NONE, INSTALLED = "none", "installed"
BUILT_IN = "built-in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where an extractor's code came from, precisely enough to find it again."""

    source: str  # built-in, package, folder
    distribution: str
    version: str
    module: str
    sha256: str  # of the module's file

    def __str__(self) -> str:
        return f"{self.distribution} {self.version}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Registered:
    """An extractor with its origin."""

    extractor: Extractor
    origin: Origin


@dataclass(frozen=True, slots=True, kw_only=True)
class Registry:
    """All extractors known to one run, sorted by name; and modules that would not load."""

    entries: tuple[Registered, ...]
    failures: tuple[str, ...]  # names of modules or entry points

    def __getitem__(self, name: str) -> Registered:
        for entry in self.entries:
            if entry.extractor.name == name:
                return entry
        raise RegistryError("no such extractor", where=name)

    def select(self, profile: Profile, only: tuple[str, ...] = ()) -> tuple[Registered, ...]:
        """Return what a profile asks for, narrowed by `only` globs, and what those need.

        Raises RegistryError when a glob of `only` names nothing.
        """
        names = [entry.extractor.name for entry in self.entries]
        for glob in only:
            if not any(fnmatchcase(name, glob) for name in names):
                raise RegistryError("no extractor matches", where=f"--only {glob}")
        chosen = {
            entry.extractor.name
            for entry in self.entries
            if profile.selects(entry.extractor.name)
            and (not only or any(fnmatchcase(entry.extractor.name, glob) for glob in only))
        }
        needed = {
            kind
            for entry in self.entries
            if entry.extractor.name in chosen
            for kind in entry.extractor.needs
        }
        return tuple(
            entry
            for entry in self.entries
            if entry.extractor.name in chosen
            # Findings are attributed to accounts, so what finds accounts always runs.
            or entry.extractor.context
            or needed & set(entry.extractor.yields)
        )


def load(plugins: str = NONE) -> Registry:
    """Load the built-in extractors and what `plugins` names: none, installed, or a folder.

    A module that fails to import is listed in `failures`, never skipped in silence.
    Raises RegistryError when two extractors have one name or the folder does not exist.
    """
    found: dict[str, Registered] = {}
    failures: list[str] = []
    for module, origin in _modules(plugins, failures):
        for value in vars(module).values():
            if isinstance(value, Extractor) and value.module == module.__name__:
                if value.name in found:
                    raise RegistryError("two extractors have this name", where=value.name)
                if origin.source != BUILT_IN:  # ours are compiled in tests, not at every start
                    PatternSet(value.paths)
                found[value.name] = Registered(extractor=value, origin=origin)
    entries = tuple(found[name] for name in sorted(found))
    return Registry(entries=entries, failures=tuple(sorted(failures)))


def _modules(plugins: str, failures: list[str]) -> Iterator[tuple[ModuleType, Origin]]:
    package = importlib.import_module("triage.plugins")
    for info in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if info.ispkg or info.name.rpartition(".")[2].startswith("_"):
            continue
        module = importlib.import_module(info.name)
        yield module, _origin(module, BUILT_IN, "disk-triage", triage.__version__)
    if plugins == INSTALLED:
        for point in sorted(entry_points(group=ENTRY_POINTS), key=lambda point: point.name):
            name = point.dist.name if point.dist else point.value
            try:
                module = importlib.import_module(point.module)
            except Exception:  # noqa: BLE001 - a broken package must not end the run
                failures.append(f"{name} ({point.value})")
                continue
            version = point.dist.version if point.dist else "unknown"
            yield module, _origin(module, "package", name, version)
    elif plugins != NONE:
        yield from _folder(Path(plugins), failures)


def _folder(folder: Path, failures: list[str]) -> Iterator[tuple[ModuleType, Origin]]:
    if not folder.is_dir():
        raise RegistryError("no such folder of plugins", where=str(folder))
    for path in sorted(folder.glob("*.py")):
        if path.name.startswith("_"):
            continue
        name = f"triage_folder_plugin_{path.stem}"
        spec = importlib.util.spec_from_file_location(name, path)
        if spec is None or spec.loader is None:
            failures.append(path.name)
            continue
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except Exception:  # noqa: BLE001 - a broken file must not end the run
            failures.append(path.name)
            continue
        yield module, _origin(module, "folder", path.name, "file")


def _origin(module: ModuleType, source: str, distribution: str, version: str) -> Origin:
    path = Path(module.__file__ or "")
    digest = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
    return Origin(
        source=source,
        distribution=distribution,
        version=version,
        module=module.__name__,
        sha256=digest,
    )
