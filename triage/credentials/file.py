"""The credentials file: a YAML list, read strictly, whose errors name the entry and never a value.

Each entry has one secret, under the name of its kind, and may be bound to extractors, paths and
accounts. The order is the order in which passwords are tried.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

from triage.credentials.model import Credential, CredentialKind
from triage.errors import UsageError
from triage.evidence.patterns import PatternSet

FILE_LIMIT: Final = 1 << 20
"""Bytes of the file, and of each key file that it names."""

_ENTRIES: Final = 1000
_TOTAL: Final = 16 << 20  # bytes of all values
_NT_HASH = re.compile(r"[0-9a-fA-F]{32}")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2}){1,8192}")
_RECOVERY = re.compile(r"\d{6}(?:-\d{6}){7}", re.ASCII)
_RECOVERY_STEP, _RECOVERY_END = 11, 720_896  # each group is a 16-bit number times eleven
_BINDINGS: Final = ("extractor", "path", "account")


class _Loader(yaml.SafeLoader):
    """Refuses a key that stands twice: the first one would silently be lost."""


def _mapping(loader: _Loader, node: yaml.MappingNode) -> dict[Any, Any]:
    loader.flatten_mapping(node)
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if not isinstance(key, str) or key in found:
            raise yaml.constructor.ConstructorError(problem_mark=key_node.start_mark)
        found[key] = loader.construct_object(value_node, deep=True)
    return found


_Loader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def load(path: Path) -> tuple[Credential, ...]:
    """Read a file. Raises UsageError, which names the entry and key and holds no value."""
    return parse(_read(path, where=str(path)), name=path.name, folder=path.parent)


def parse(data: bytes, *, name: str, folder: Path) -> tuple[Credential, ...]:
    """Read the content of a file; key files that it names lie in `folder`. Raises UsageError."""
    if len(data) > FILE_LIMIT:
        raise UsageError(f"longer than {FILE_LIMIT} bytes", where=name)
    try:
        loaded = yaml.load(data.decode("utf-8-sig"), Loader=_Loader)  # noqa: S506 - a SafeLoader
    except (yaml.YAMLError, UnicodeDecodeError, ValueError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        at = f" at line {mark.line + 1}" if mark else ""
        # Without its cause: what PyYAML says quotes the line.
        raise UsageError(f"not YAML, or a key stands twice{at}", where=name) from None
    if not isinstance(loaded, list) or not loaded:
        raise UsageError("must be a list of entries", where=name)
    if len(loaded) > _ENTRIES:
        raise UsageError(f"more than {_ENTRIES} entries", where=name)
    found = tuple(
        _entry(number, entry, where=f"{name}: entry {number}", folder=folder)
        for number, entry in enumerate(loaded, 1)
    )
    if sum(len(given.value) for given in found) > _TOTAL:
        raise UsageError(f"with its key files longer than {_TOTAL} bytes", where=name)
    return found


def _entry(number: int, entry: Any, *, where: str, folder: Path) -> Credential:
    if not isinstance(entry, Mapping):
        raise UsageError("must be a mapping, such as `password: …`", where=where)
    kinds = [key for key in entry if key in _READERS]
    unknown = sum(1 for key in entry if key not in _READERS and key not in _BINDINGS)
    if unknown:
        # Its name is not shown: with a space forgotten after a colon it holds the password.
        raise UsageError(
            f"{unknown} unknown key{'s' if unknown > 1 else ''}; "
            f"known are {', '.join((*_READERS, *_BINDINGS))}",
            where=where,
        )
    if len(kinds) != 1:
        raise UsageError(f"must have exactly one of {', '.join(_READERS)}", where=where)
    key = kinds[0]
    kind, read = _READERS[key]
    value = entry[key]
    if not isinstance(value, str):
        raise UsageError("must be text: put it in quotes", where=f"{where}.{key}")
    extractors, paths, accounts = (_globs(entry, name, where) for name in _BINDINGS)
    try:
        PatternSet(paths)
    except UsageError as error:
        raise UsageError(error.message, where=f"{where}.path") from None
    return Credential(
        number=number,
        kind=kind,
        value=read(value, f"{where}.{key}", folder),
        extractors=extractors,
        paths=paths,
        accounts=accounts,
    )


def _globs(entry: Mapping[str, Any], name: str, where: str) -> tuple[str, ...]:
    value = entry.get(name, [])
    values = [value] if isinstance(value, str) else value
    if not isinstance(values, list) or not all(isinstance(one, str) and one for one in values):
        raise UsageError("must be text or a list of texts", where=f"{where}.{name}")
    if name in entry and not values:
        raise UsageError("must not be empty", where=f"{where}.{name}")
    return tuple(values)


def _text(value: str, where: str, _: Path) -> bytes:
    try:
        return value.encode("utf-8")
    except UnicodeEncodeError:
        raise UsageError("holds half a character", where=where) from None


def _hex(value: str, where: str, _: Path) -> bytes:
    if not _HEX.fullmatch(value):
        raise UsageError("must be pairs of hexadecimal digits", where=where)
    return bytes.fromhex(value)


def _base64(value: str, where: str, _: Path) -> bytes:
    try:
        found = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        found = b""
    if not found:
        raise UsageError("must be base64", where=where)
    return found


def _nt_hash(value: str, where: str, _: Path) -> bytes:
    if not _NT_HASH.fullmatch(value):
        raise UsageError("must be 32 hexadecimal digits", where=where)
    return bytes.fromhex(value)


def _recovery_key(value: str, where: str, _: Path) -> bytes:
    groups = [int(group) for group in value.split("-")] if _RECOVERY.fullmatch(value) else []
    if not groups or any(group % _RECOVERY_STEP or group >= _RECOVERY_END for group in groups):
        raise UsageError("must be eight groups of six digits, each a multiple of 11", where=where)
    return value.encode()


def _file(value: str, where: str, folder: Path) -> bytes:
    return _read(folder / value, where=where)


def _read(path: Path, *, where: str) -> bytes:
    try:
        with path.open("rb") as file:
            data = file.read(FILE_LIMIT + 1)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a path"
        raise UsageError(f"cannot be read: {reason}", where=where) from None
    if len(data) > FILE_LIMIT:
        raise UsageError(f"longer than {FILE_LIMIT} bytes", where=where)
    return data


_Read = Callable[[str, str, Path], bytes]
_READERS: Final[dict[str, tuple[CredentialKind, _Read]]] = {
    "password": (CredentialKind.PASSWORD, _text),
    "key_hex": (CredentialKind.KEY, _hex),
    "key_base64": (CredentialKind.KEY, _base64),
    "key_file": (CredentialKind.KEY_FILE, _file),
    "nt_hash": (CredentialKind.NT_HASH, _nt_hash),
    "dpapi_backup_key": (CredentialKind.DPAPI_BACKUP_KEY, _file),
    "bitlocker_recovery_key": (CredentialKind.BITLOCKER_RECOVERY_KEY, _recovery_key),
    "volume_password": (CredentialKind.VOLUME_PASSWORD, _text),
}
