"""JSON files of a Chromium profile: Preferences, Local State, Bookmarks, manifests of extensions.

Sources: Chromium's `chrome/common/pref_names.h`, `components/bookmarks/browser/bookmark_codec.cc`,
`extensions/browser/extension_prefs.cc`; compared with files of Chromium 156. Times are WebKit's,
microseconds since 1601 as text, unless said otherwise.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from triage.errors import LimitError, ParseError
from triage.formats.json import Json

ENTRY_LIMIT = 200_000
_DEPTH_LIMIT = 64
_PATH_LIMIT = 10_000  # characters of a folder path
_ROOTS = ("bookmark_bar", "other", "synced")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bookmark:
    """A bookmark; `folder` is the path of its folders, the first one as the browser calls it."""

    position: int  # in the order of the file, from 1
    url: str
    title: str | None
    folder: str
    added: int | None
    used: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Extension:
    """An extension that the preferences know."""

    id: str
    name: str | None  # `__MSG_…__` when it stands in the extension's own language files
    version: str | None
    installed: int | None
    by_browser: bool  # a part of the browser, or installed with it


def at(value: Json, *keys: str) -> Json:
    """Return what lies under a path of keys, None when it is not there."""
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def number(value: Json) -> int | None:
    """Return an integer, written as such or as text; None for zero, which means not set."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:  # noqa: PLR2004 - i64
        value = int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) and value else None


def text(value: Json) -> str | None:
    """Return a text that is not empty."""
    return value if isinstance(value, str) and value else None


def bookmarks(file: Json) -> Iterator[Bookmark]:
    """Yield the bookmarks, in the order of the file. Raises ParseError, LimitError."""
    waiting = [(root, "", 0) for root in reversed(list(_roots(file)))]
    count = position = 0
    while waiting:
        node, folder, depth = waiting.pop()
        count += 1
        if count > ENTRY_LIMIT or depth > _DEPTH_LIMIT:
            raise LimitError(f"more than {ENTRY_LIMIT} bookmarks or {_DEPTH_LIMIT} folders deep")
        title, children, url = text(node.get("name")), node.get("children"), text(node.get("url"))
        if isinstance(children, list):
            path = f"{folder}/{title or ''}" if folder else title or ""
            if len(path) > _PATH_LIMIT:
                raise LimitError(f"a folder path of more than {_PATH_LIMIT} characters")
            below = [child for child in children if isinstance(child, dict)]
            waiting += [(child, path, depth + 1) for child in reversed(below)]
        elif url is not None:
            position += 1
            yield Bookmark(
                position=position,
                url=url,
                title=title,
                folder=folder,
                added=number(node.get("date_added")),
                used=number(node.get("date_last_used")),
            )


def checksum_holds(file: Json) -> bool | None:
    """Whether the MD5 in the file is that of its bookmarks; None when it carries none.

    The browser writes it over ids, titles (UTF-16), types and addresses, in the order of the file.
    """
    stored = text(at(file, "checksum"))
    if stored is None:
        return None
    digest = hashlib.md5(usedforsecurity=False)
    waiting: list[Any] = list(reversed(list(_roots(file))))
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            return False
        kind = text(node.get("type")) or ""
        digest.update((text(node.get("id")) or "").encode("utf-8", "surrogatepass"))
        digest.update((text(node.get("name")) or "").encode("utf-16-le", "surrogatepass"))
        digest.update(kind.encode("utf-8", "surrogatepass"))
        if kind == "url":
            digest.update((text(node.get("url")) or "").encode("utf-8", "surrogatepass"))
        children = node.get("children")
        waiting += reversed(children) if isinstance(children, list) else ()
    return digest.hexdigest() == stored.lower()


def _roots(file: Json) -> Iterator[dict[str, Json]]:
    roots = at(file, "roots")
    if not isinstance(roots, dict):
        raise ParseError("not a file of bookmarks")
    for name in _ROOTS:
        root = roots.get(name)
        if isinstance(root, dict):
            yield root


def extensions(preferences: Json) -> Iterator[Extension]:
    """Yield the extensions in Preferences or Secure Preferences, by id."""
    settings = at(preferences, "extensions", "settings")
    for key, value in sorted(settings.items() if isinstance(settings, dict) else ()):
        if not isinstance(value, dict) or not is_extension_id(key):
            continue
        manifest = value.get("manifest")
        installed = number(value.get("first_install_time")) or number(value.get("install_time"))
        yield Extension(
            id=key,
            name=text(at(manifest, "name")),
            version=text(at(manifest, "version")),
            installed=installed,
            # 5: part of the program; 10: external component
            by_browser=value.get("location") in {5, 10}
            or value.get("was_installed_by_default") is True,
        )


def is_extension_id(name: str) -> bool:
    """Whether a name is 32 letters from a to p, as ids of extensions are."""
    return len(name) == 32 and set(name) <= set("abcdefghijklmnop")  # noqa: PLR2004 - half a SHA-256


def extension_name(manifest: Json, messages: Json) -> str | None:
    """Return the name in a manifest, looked up in its language file when it is a placeholder."""
    name = text(at(manifest, "name"))
    if name is None or not (name.startswith("__MSG_") and name.endswith("__")):
        return name
    wanted = name[6:-2].lower()
    if isinstance(messages, dict):
        for key, value in messages.items():
            if key.lower() == wanted:
                return text(at(value, "message")) or name
    return name
