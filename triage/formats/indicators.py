"""Lists of addresses and file names that have a meaning: `profiles/indicators/*.yaml`.

A list has a name, a version, a date and described categories; its entries stand in groups that
share category, source and the day when they were compared with it, if ever. A pattern is

- `host`, which also takes sub-domains, with a port if only that one is meant: `127.0.0.1:7657`
- `host/path`, the beginning of a path, to the end of a word: `/apps` is not `/appstore`
- `file:` and the name of a downloaded file with `*` and `?`, in any case
- `key:` and the fingerprint of an OpenPGP key, hexadecimal digits in capitals
- `extension:` and the id of a browser extension, of Chromium's (32 letters) or Firefox's kind
- `usb:` and the ids of a USB vendor and product, `usb:2c97:0001`, or of all: `usb:2c97:*`
- `path:` and a whole path with `*` and `?`, `/` between its names, in any case
- `package:`, `app:`, `command:` and the name of a package, an application id, a command

The most specific pattern wins: more labels of the host, then the longer path. A list grows old, so
whoever uses one says which: `str(list)` is its name and date.

Lists are read when this module is imported: a worker that reads evidence can open no file.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from fnmatch import translate
from importlib.resources import files
from types import MappingProxyType
from typing import Any
from urllib.parse import urlsplit

import yaml

from triage.errors import ProfileError
from triage.formats.onion import V3_CHARS
from triage.formats.onion import check as check_onion

_SAFE: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_HOST = re.compile(r"(?:[a-z0-9_](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9-]{1,63}(?::[0-9]{1,5})?")
_NETWORKS = frozenset({"onion", "i2p", "loki"})
_FILE = "file:"
_KEY = "key:"
_EXTENSION = "extension:"
_USB = "usb:"
_PATH = "path:"
_PACKAGE, _APP, _COMMAND = _NAMES = ("package:", "app:", "command:")
_EXACT = (_KEY, _EXTENSION, _USB, *_NAMES)  # prefixes of patterns that are looked up as a whole
_EXTENSION_ID = re.compile(r"[a-p]{32}|\{[0-9a-f-]{36}\}|[\w.+-]{0,60}@[\w.-]{1,60}", re.ASCII)
_USB_IDS = re.compile(r"[0-9a-f]{4}:(?:[0-9a-f]{4}|\*)")
_NAME = re.compile(r"[a-z0-9][a-z0-9.+_-]{0,80}")
_FINGERPRINT = re.compile(r"[0-9A-F]{32}|[0-9A-F]{40}|[0-9A-F]{64}")
_SHORTEST_FILE = 4  # letters and digits in a pattern, else it means nothing
_WORD_END = frozenset("/?#")
_HOST_LIMIT = 253  # DNS's limit
_URL_LIMIT = 1 << 16  # characters that are looked at
_PATH_LIMIT = 4096  # the same, from the end


@dataclass(frozen=True, slots=True, kw_only=True)
class Indicator:
    """One entry."""

    pattern: str
    category: str
    note: str
    source: str  # who says so, for people to look up
    checked: str | None  # YYYY-MM-DD on which it was compared with the source; None: never


class IndicatorList:
    """A list that answers what an address or a file name is."""

    def __init__(
        self,
        *,
        name: str,
        version: int,
        day: str,
        categories: Mapping[str, str],
        entries: tuple[Indicator, ...],
    ) -> None:
        self.name, self.version, self.date = name, version, day
        self.categories = MappingProxyType(dict(categories))
        self.entries = entries
        self._hosts: dict[str, list[tuple[str, Indicator]]] = {}
        self._files: list[tuple[re.Pattern[str], Indicator]] = []
        self._paths: list[tuple[re.Pattern[str], Indicator]] = []
        self._exact: dict[str, Indicator] = {}
        for entry in entries:
            if entry.pattern.startswith(_EXACT):
                self._exact[entry.pattern.lower()] = entry
                continue
            if entry.pattern.startswith(_FILE):
                glob = entry.pattern.removeprefix(_FILE)
                self._files.append((re.compile(translate(glob), re.IGNORECASE), entry))
                continue
            if entry.pattern.startswith(_PATH):
                glob = entry.pattern.removeprefix(_PATH)
                self._paths.append((re.compile(translate(glob), re.IGNORECASE), entry))
                continue
            host, slash, path = entry.pattern.partition("/")
            self._hosts.setdefault(host.lower(), []).append((slash + path, entry))
        self._any_file = _any(glob for glob, _ in self._files)
        self._any_path = _any(glob for glob, _ in self._paths)
        for known in self._hosts.values():
            known.sort(key=lambda item: -len(item[0]))

    def __str__(self) -> str:
        return f"{self.name} {self.date}"

    def url(self, url: str) -> Indicator | None:
        """Return what the list says of an address `scheme://host/path`, None when nothing."""
        try:
            parts = urlsplit(url[:_URL_LIMIT])
            host, port = parts.hostname, parts.port
        except ValueError:
            return None
        if parts.scheme not in {"http", "https", "ftp"} or not host:
            return None
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        return self._look_up(host, port, path)

    def host(self, host: str) -> Indicator | None:
        """Return what the list says of a host, None when nothing or only of paths on it."""
        return self._look_up(host.lower().rstrip("."), None, "")

    def file(self, name: str) -> Indicator | None:
        """Return what the list says of a file name or of the last name in a path."""
        last = re.split(r"[/\\]", name)[-1]
        if not self._any_file.match(last):
            return None
        return next((entry for glob, entry in self._files if glob.match(last)), None)

    def path(self, path: str) -> Indicator | None:
        """Return what the list says of a file by its whole path, then by its name alone."""
        text = path[-_PATH_LIMIT:].replace("\\", "/")
        known = None
        if self._any_path.match(text):
            known = next((entry for glob, entry in self._paths if glob.match(text)), None)
        return known or self.file(text)

    def package(self, name: str) -> Indicator | None:
        """Return what the list says of a package of a Linux distribution."""
        return self._exact.get(f"{_PACKAGE}{name}".lower())

    def app(self, identifier: str) -> Indicator | None:
        """Return what the list says of an application id."""
        return self._exact.get(f"{_APP}{identifier}".lower())

    def command(self, word: str) -> Indicator | None:
        """Return what the list says of the first word of a command line, with or without a path."""
        return self._exact.get(f"{_COMMAND}{word.rpartition('/')[2]}".lower())

    def key(self, fingerprint: str) -> Indicator | None:
        """Return what the list says of an OpenPGP key, by its fingerprint."""
        return self._exact.get(f"{_KEY}{fingerprint}".lower())

    def extension(self, identifier: str) -> Indicator | None:
        """Return what the list says of a browser extension, by its id."""
        return self._exact.get(f"{_EXTENSION}{identifier}".lower())

    def usb(self, vendor: int, product: int) -> Indicator | None:
        """Return what the list says of a USB device, of the product before the vendor."""
        exact = self._exact.get(f"{_USB}{vendor:04x}:{product:04x}")
        return exact or self._exact.get(f"{_USB}{vendor:04x}:*")

    def _look_up(self, host: str, port: int | None, path: str) -> Indicator | None:
        for name in _suffixes(host.rstrip("."), port):
            for beginning, entry in self._hosts.get(name, ()):
                if path.lower().startswith(beginning.lower()) and (
                    len(path) == len(beginning)
                    or not beginning
                    or path[len(beginning)] in _WORD_END
                    or beginning.endswith("/")
                ):
                    return entry
        return None


def _any(patterns: Iterable[re.Pattern[str]]) -> re.Pattern[str]:
    """Return one expression for many, since most names match none; without any, for nothing."""
    together = "|".join(pattern.pattern for pattern in patterns)
    return re.compile(together or r"(?!)", re.IGNORECASE)


def _suffixes(host: str, port: int | None) -> Iterator[str]:
    """Yield the host with its port, the host, and what is left of it without its first labels."""
    if port is not None:
        yield f"{host}:{port}"
    labels = host[-_HOST_LIMIT:].split(".")
    for start in range(len(labels)):
        yield ".".join(labels[start:])


def parse(text: str, *, name: str) -> IndicatorList:
    """Read a list. Raises ProfileError that names the key or the entry."""
    top = _mapping(_load(text, name), name)
    entries: list[Indicator] = []
    categories = _mapping(_take(top, "categories", name), f"{name}.categories")
    for key in categories:
        _text(categories, key, f"{name}.categories")
    groups = _take(top, "groups", name)
    if not isinstance(groups, list):
        raise ProfileError("must be a list", where=f"{name}.groups")
    for number, value in enumerate(groups):
        entries += _group(value, categories, f"{name}.groups[{number}]")
    version = _take(top, "version", name)
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ProfileError("must be a number from 1", where=f"{name}.version")
    result = IndicatorList(
        name=_text(top, "name", name),
        version=version,
        day=_day(top, "date", name),
        categories=categories,
        entries=tuple(entries),
    )
    _done(top, name, {"name", "version", "date", "categories", "groups"})
    patterns: set[str] = set()
    for entry in entries:
        if entry.pattern.lower() in patterns:
            raise ProfileError("stands in the list twice", where=f"{name}: {entry.pattern}")
        patterns.add(entry.pattern.lower())
    return result


def _group(value: Any, categories: Mapping[str, Any], where: str) -> Iterator[Indicator]:
    group = _mapping(value, where)
    _done(group, where, {"category", "source", "checked", "entries"})
    category = _text(group, "category", where)
    if category not in categories:
        raise ProfileError("is not among the categories", where=f"{where}.category")
    source = _text(group, "source", where)
    checked = _day(group, "checked", where) if "checked" in group else None
    entries = _mapping(_take(group, "entries", where), f"{where}.entries")
    for pattern, note in entries.items():
        place = f"{where}.entries.{pattern}"
        if not isinstance(note, str):
            raise ProfileError("its note must be text", where=place)
        _check_pattern(pattern, place)
        yield Indicator(
            pattern=pattern, category=category, note=note, source=source, checked=checked
        )


_SHAPES = (  # prefix, what must follow it, what is wrong when it does not
    (_KEY, _FINGERPRINT, "not a fingerprint in capitals"),
    (_EXTENSION, _EXTENSION_ID, "not the id of an extension"),
    (_USB, _USB_IDS, "not two numbers of four hexadecimal digits"),
    *((prefix, _NAME, "not a name in small letters") for prefix in _NAMES),
)


def _check_pattern(pattern: str, where: str) -> None:
    for prefix, shape, wrong in _SHAPES:
        if pattern.startswith(prefix):
            if not shape.fullmatch(pattern.removeprefix(prefix)):
                raise ProfileError(wrong, where=where)
            return
    glob = next((pattern.removeprefix(p) for p in (_FILE, _PATH) if pattern.startswith(p)), None)
    if glob is not None:
        if sum(map(str.isalnum, glob)) < _SHORTEST_FILE:
            raise ProfileError("a file pattern that would match too much", where=where)
        return
    host, _, _ = pattern.partition("/")
    if "://" in pattern or not _HOST.fullmatch(host):
        raise ProfileError("not a host in small letters", where=where)
    if "." not in host and host not in _NETWORKS:
        raise ProfileError("a host that would match too much", where=where)
    label = host.split(".")[-2] if host.endswith(".onion") else ""
    if label and (len(label) != V3_CHARS or check_onion(host) is None):
        raise ProfileError("not an onion address", where=where)


def _mapping(value: Any, where: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping) or not value:
        raise ProfileError("must be a mapping", where=where)
    for key in value:
        if not isinstance(key, str):
            raise ProfileError("must be text", where=f"{where}.{key}")
    return value


def _take(mapping: Mapping[str, Any], key: str, where: str) -> Any:
    if key not in mapping:
        raise ProfileError("is missing", where=f"{where}.{key}")
    return mapping[key]


def _text(mapping: Mapping[str, Any], key: str, where: str) -> str:
    value = _take(mapping, key, where)
    if not isinstance(value, str) or not value:
        raise ProfileError("must be text", where=f"{where}.{key}")
    return value


def _day(mapping: Mapping[str, Any], key: str, where: str) -> str:
    value = _take(mapping, key, where)
    if type(value) is not date:
        raise ProfileError("must be a date", where=f"{where}.{key}")
    return value.isoformat()


def _done(mapping: Mapping[str, Any], where: str, known: set[str]) -> None:
    for key in mapping:
        if key not in known:
            raise ProfileError("unknown key", where=f"{where}.{key}")


class _Loader(_SAFE):  # type: ignore[misc] # either of two base classes
    """YAML in which a key that stands twice is an error: the last one would win in silence."""


def _construct(loader: Any, node: Any) -> dict[Any, Any]:
    result: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        try:
            known = key in result
        except TypeError:
            known = True
        if known:
            line = key_node.start_mark.line + 1
            raise ProfileError("a key that cannot be or stands twice", where=f"line {line}")
        result[key] = loader.construct_object(value_node, deep=True)
    return result


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct)


def _load(text: str, name: str) -> Any:
    try:
        return yaml.load(text, Loader=_Loader)  # noqa: S506 - derived from the safe loader
    except ProfileError as error:
        raise ProfileError(error.message, where=f"{name}: {error.where}") from None
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        raise ProfileError(f"not YAML{at}", where=name) from None


def load(name: str) -> IndicatorList:
    """Read a list that comes with the program."""
    source = files("triage.profiles") / "indicators" / f"{name}.yaml"
    return parse(source.read_text(encoding="utf-8"), name=f"indicators/{name}")


WEB = load("web")
"""Addresses on the ordinary web that have to do with the darknet."""
