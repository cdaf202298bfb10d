"""Windows shortcuts (`.lnk`): what they point to, on which volume and machine, and when.

The times in the header are those of the target when the link was last written, FILETIME, 0 when
not set. The path is taken from the link information, else from the environment block, else from
the shell items, else the relative path.

Format: [MS-SHLLINK].
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from triage.errors import ParseError
from triage.formats import shell_items

SIZE_LIMIT = 4 << 20  # bytes of one link
MAGIC = b"L\0\0\0\x01\x14\x02\0\0\0\0\0\xc0\0\0\0\0\0\0F"
_HEADER = struct.Struct("<4s16sIIQQQI20x")
_HAS_ITEMS, _HAS_INFO, _UNICODE = 0x01, 0x02, 0x80
_STRINGS = ((0x04, "name"), (0x08, "relative"), (0x10, "working"), (0x20, "arguments"), (0x40, ""))
_ENVIRONMENT, _TRACKER = 0xA0000001, 0xA0000003
_BLOCKS = 20
_LONGEST = 4096  # characters of one text


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellLink:
    """One link."""

    target: str
    arguments: str | None
    working_directory: str | None
    created: int
    accessed: int
    modified: int
    file_size: int  # of the target, modulo 2^32
    volume_label: str | None
    volume_serial: int | None
    machine: str | None  # NetBIOS name of where the target was


def parse(data: bytes) -> ShellLink:
    """Read a link. Raises ParseError when it is none or its parts lie outside."""
    if len(data) < _HEADER.size or data[: len(MAGIC)] != MAGIC:
        raise ParseError("not a shell link")
    _, _, flags, _, created, accessed, modified, size = _HEADER.unpack_from(data)
    at, items = _HEADER.size, ""
    if flags & _HAS_ITEMS:
        length = _u16(data, at)
        items = shell_items.path(shell_items.parse(data[at + 2 : at + 2 + length]))
        at += 2 + length
    info = _Info(path="", label=None, serial=None)
    if flags & _HAS_INFO:
        length = int.from_bytes(data[at : at + 4], "little")
        info = _info(data[at : at + length])
        at += max(length, 4)
    texts: dict[str, str] = {}
    for bit, name in _STRINGS:
        if flags & bit:
            text, at = _counted(data, at, wide=bool(flags & _UNICODE))
            texts[name] = text
    environment, machine = _blocks(data, at)
    return ShellLink(
        target=info.path or environment or items or texts.get("relative", ""),
        arguments=texts.get("arguments") or None,
        working_directory=texts.get("working") or None,
        created=created,
        accessed=accessed,
        modified=modified,
        file_size=size,
        volume_label=info.label,
        volume_serial=info.serial,
        machine=machine,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Info:
    path: str
    label: str | None
    serial: int | None


def _info(data: bytes) -> _Info:
    """Read the link information: a local path, or a network share with what follows it."""
    if len(data) < 28:  # noqa: PLR2004 - its shortest header
        return _Info(path="", label=None, serial=None)
    header, flags, volume, local, network, rest = struct.unpack_from("<6I", data, 4)
    label = serial = None
    path = ""
    if flags & 1:
        path = _latin(data[local:])
        if header >= 0x24 and len(data) >= 36:  # noqa: PLR2004 - with Unicode offsets
            wide, wide_rest = struct.unpack_from("<II", data, 28)
            path = (_utf16(data[wide:]) + _utf16(data[wide_rest:])) or path + _latin(data[rest:])
        else:
            path += _latin(data[rest:])
        if volume + 16 <= len(data):
            _, _, serial, name = struct.unpack_from("<4I", data, volume)
            label = _latin(data[volume + name :]) or None
    elif network and network + 12 <= len(data):
        share = int.from_bytes(data[network + 8 : network + 12], "little")
        path = f"{_latin(data[network + share :])}\\{_latin(data[rest:])}"
    return _Info(path=path, label=label, serial=serial)


def _blocks(data: bytes, at: int) -> tuple[str, str | None]:
    """Return the path with variables and the machine's name, from the extra data."""
    path, machine = "", None
    for _ in range(_BLOCKS):
        if at + 8 > len(data):
            break
        size, signature = struct.unpack_from("<II", data, at)
        if size < 8 or at + size > len(data):  # noqa: PLR2004 - size and signature
            break
        if signature == _ENVIRONMENT:
            path = _utf16(data[at + 268 : at + size]) or _latin(data[at + 8 : at + 268])
        elif signature == _TRACKER:
            machine = _latin(data[at + 16 : at + 32]) or None
        at += size
    return path, machine


def _counted(data: bytes, at: int, *, wide: bool) -> tuple[str, int]:
    count = _u16(data, at)
    start, size = at + 2, count * (2 if wide else 1)
    raw = data[start : start + size]
    return (_utf16(raw) if wide else _latin(raw)), start + size


def _u16(data: bytes, at: int) -> int:
    return int.from_bytes(data[at : at + 2], "little")


def _latin(data: bytes) -> str:
    return data[:_LONGEST].partition(b"\0")[0].decode("cp1252", "replace")


def _utf16(data: bytes) -> str:
    data = data[: 2 * _LONGEST]
    return data[: len(data) & ~1].decode("utf-16-le", "replace").partition("\0")[0]
