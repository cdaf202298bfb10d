r"""Windows shell items: the pieces of a path as Explorer keeps them in links and in the registry.

Only what gives a path is read: drives, folders and files with their long names, network shares,
and the well-known folders by their GUID. Times in them are DOS times, which say no zone.

Format: https://github.com/libyal/libfwsi/blob/main/documentation (Windows Shell Item format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

ITEM_LIMIT = 256
"""Items of one list: Windows' paths are no deeper."""

_EXTENSION = struct.Struct("<HHI")
_FILE_EXTENSION = 0xBEEF0004
_NAME_AT = ((9, 46), (8, 42), (7, 38), (3, 20))  # version of the extension → offset of the name
_UNICODE = 0x04
_SHORTEST_FILE = 16

FOLDERS = MappingProxyType(
    {
        "20d04fe0-3aea-1069-a2d8-08002b30309d": "",  # the computer: drives follow
        "59031a47-3f72-44a7-89c5-5595fe6b30ee": "Users",
        "b4bfcc3a-db2c-424c-b029-7fe99a87c641": "Desktop",
        "374de290-123f-4565-9164-39c4925e467b": "Downloads",
        "088e3905-0323-4b02-9826-5d99428e115f": "Downloads",
        "fdd39ad0-238f-46af-adb4-6c85480369c7": "Documents",
        "d3162b92-9365-467a-956b-92703aca08af": "Documents",
        "905e63b6-c1bf-494e-b29c-65b732d3d21a": r"C:\Program Files",
        "6d809377-6af0-444b-8957-a3773f02200e": r"C:\Program Files",
        "7c5a40ef-a0fb-4bfc-874a-c0f2e0b9fa8e": r"C:\Program Files (x86)",
        "d65231b0-b2f1-4857-a4ce-a8e7c6ea7d27": r"C:\Windows\SysWOW64",
        "1ac14e77-02e7-4e5d-b744-2eb1ae5198b7": r"C:\Windows\System32",
        "f38bf404-1d43-42f2-9305-67de0b28fc23": r"C:\Windows",
        "0139d44e-6afe-49f2-8690-3dafcae6ffb8": r"C:\ProgramData\Microsoft\Windows\Start Menu"
        r"\Programs",
        "a77f5d77-2e2b-44c3-a6a2-aba601054a51": r"Start Menu\Programs",
        "9e3995ab-1f9c-4f13-b827-48b24b6c7174": "TaskBar",
        "f1b32785-6fba-4fcf-9d55-7b8e7f157091": r"AppData\Local",
    }
)
"""GUID of a known folder → what its path begins with, as far as it is the same everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShellItem:
    """One piece of a path. `modified` and `created` are DOS times as date << 16 | time."""

    name: str
    modified: int = 0
    created: int = 0
    accessed: int = 0


def parse(data: bytes) -> tuple[ShellItem, ...]:
    """Return the items of a list up to its end mark, those that give no name left out."""
    found = []
    at = 0
    for _ in range(ITEM_LIMIT):
        if at + 2 > len(data):
            break
        size = int.from_bytes(data[at : at + 2], "little")
        if size < 3 or at + size > len(data):  # noqa: PLR2004 - size and type
            break
        item = one(data[at : at + size])
        if item is not None:
            found.append(item)
        at += size
    return tuple(found)


def path(items: tuple[ShellItem, ...]) -> str:
    r"""Return items as one path with `\`."""
    return "\\".join(name for item in items if (name := item.name.strip("\\")))


def one(data: bytes) -> ShellItem | None:
    """Return one item with its size in front, None when it gives no name."""
    kind = data[2] if len(data) > 2 else 0  # noqa: PLR2004 - size and type
    if kind == 0x1F and len(data) >= 20:  # noqa: PLR2004 - a known folder
        folder = FOLDERS.get(str(UUID(bytes_le=data[4:20])))
        return ShellItem(name=folder) if folder else None
    if kind & 0x70 == 0x20:  # noqa: PLR2004 - a drive
        return ShellItem(name=_latin(data[3:])) if kind & 1 else None
    if kind & 0x70 == 0x30:  # noqa: PLR2004 - a folder or file
        return _file(data)
    if kind & 0x70 == 0x40 and len(data) > 5:  # noqa: PLR2004 - a network place
        return ShellItem(name=_latin(data[5:]))
    return None


def _file(data: bytes) -> ShellItem | None:
    if len(data) < _SHORTEST_FILE:
        return None
    date, time = struct.unpack_from("<HH", data, 8)
    short = _utf16(data[14:]) if data[2] & _UNICODE else _latin(data[14:])
    created = accessed = 0
    at = int.from_bytes(data[-2:], "little")  # the last word says where the extension begins
    if 14 < at <= len(data) - 20:  # noqa: PLR2004 - behind the short name
        _, version, signature = _EXTENSION.unpack_from(data, at)
        if signature == _FILE_EXTENSION:
            numbers = struct.unpack_from("<4H", data, at + 8)
            created, accessed = numbers[0] << 16 | numbers[1], numbers[2] << 16 | numbers[3]
            offset = next((o for least, o in _NAME_AT if version >= least), 0)
            short = (_utf16(data[at + offset : -2]) if offset else "") or short
    if not short:
        return None
    return ShellItem(name=short, modified=date << 16 | time, created=created, accessed=accessed)


def _latin(data: bytes) -> str:
    return data.partition(b"\0")[0].decode("cp1252", "replace")


def _utf16(data: bytes) -> str:
    return data[: len(data) & ~1].decode("utf-16-le", "replace").partition("\0")[0]
