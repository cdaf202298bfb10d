r"""Windows: what the machine's hives keep: BAM, DAM, ShimCache, Amcache, installed programs.

Written from libyal's winreg-kb, Mandiant's ShimCacheParser and ANSSI's study of Amcache: BAM and
DAM of Windows 10 1709 and later, ShimCache of Windows 7 to 11, Amcache of Windows 8 (`Root\File`)
and of Windows 10 (`Root\InventoryApplicationFile`). Tested with hives written by us and with an
Amcache of Windows 10. Not read: ShimCache of XP, Vista and 32-bit Windows 7, Amcache's drivers.

References: https://github.com/libyal/winreg-kb and
https://www.ssi.gouv.fr/uploads/2019/01/anssi-coriin_2019-analysis_amcache.pdf
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from triage.api import (
    Artifact,
    ProgramExecuted,
    ProgramPresent,
    ProgramTraces,
    extractor,
)
from triage.formats.registry import Hive, Key, control_set, open_with_logs
from triage.formats.stamps import stamp

from . import _known
from ._installed import autostart, installed
from ._values import MOST, below, bounded, filetime, report, text

_HEADERS_OF_10 = (0x30, 0x34)  # bytes before the first entry of ShimCache; Windows 8 has 0x80

Found = ProgramExecuted | ProgramPresent | ProgramTraces


@extractor(
    name="program.windows.system-hive",
    paths=(
        # Windows 7 and later
        "Windows/System32/config/SYSTEM",
        # what an upgrade put aside
        "Windows.old*/Windows/System32/config/SYSTEM",
    ),
    yields=(ProgramExecuted, ProgramPresent, ProgramTraces),
)
def system_hive(artifact: Artifact) -> Iterator[Found]:
    """Read BAM and DAM (last runs for each account) and ShimCache (files that were looked at)."""
    hive = open_with_logs(artifact)
    control = control_set(hive)
    for name in ("bam", "dam"):
        for branch in (r"State\UserSettings", "UserSettings"):
            key = control.key(rf"Services\{name}\{branch}") if control else None
            for account in below(key):
                yield from _moderator(name, account)
    yield from _shim_cache(artifact, control)
    report(artifact, hive)


def _moderator(name: str, account: Key) -> Iterator[Found]:
    entries = listed = 0
    dated: list[int] = []
    for value in bounded(account):
        if len(value.raw) < 8 or "\\" not in value.name:  # noqa: PLR2004 - a FILETIME
            continue
        entries += 1
        last = filetime(value.raw)
        dated.append(last)
        known = _known.PROGRAMS.path(value.name)
        if known is None:
            continue
        listed += 1
        yield _known.executed(
            known,
            name,
            value.name,
            locator=rf"{name}\{account.name}: {value.name}"[:300],
            times=stamp("last_executed", last, "filetime"),
            belongs_to=account.name,
        )
    if entries:
        yield _known.counted(
            name,
            rf"{name}\{account.name}",
            entries=entries,
            listed=listed,
            times=(
                *stamp("first_entry", min(dated), "filetime"),
                *stamp("last_entry", max(dated), "filetime"),
            ),
            belongs_to=account.name,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shim:
    path: str
    modified: int  # FILETIME, of the file when Windows looked at it


def _shim_cache(artifact: Artifact, control: Key | None) -> Iterator[Found]:
    key = control.key(r"Control\Session Manager\AppCompatCache") if control else None
    value = key.value("AppCompatCache") if key else None
    if value is None or key is None:
        return
    entries = tuple(_shims(value.raw))
    if not entries and any(value.raw):
        artifact.problem("a ShimCache of a form that is not known", locator="AppCompatCache")
        return
    listed = 0
    for number, entry in enumerate(entries):
        known = _known.PROGRAMS.path(entry.path)
        if known is None:
            continue
        listed += 1
        yield _known.present(
            known,
            "shimcache",
            entry.path,
            locator=f"AppCompatCache entry {number}",
            times=stamp("file_modified", entry.modified, "filetime"),
            on_disk=_known.on_disk(artifact, entry.path.removeprefix("\\??\\")),
        )
    yield _known.counted(
        "shimcache",
        "AppCompatCache",
        entries=len(entries),
        listed=listed,
        times=stamp("last_written", key.last_written, "filetime"),
    )


def _shims(raw: bytes) -> Iterator[_Shim]:
    """Yield the entries, newest first: Windows 10 and 8 by their marks, 7 (64 bit) by its table."""
    if raw[:4] == b"\xee\x0f\xdc\xba":
        yield from _shims_of_7(raw)
        return
    start = int.from_bytes(raw[:4], "little")
    at = start if raw[start : start + 4] in (b"10ts", b"00ts") else raw.find(b"10ts")
    mark = raw[at : at + 4]
    for _ in range(MOST):
        if at < 0 or at + 14 > len(raw) or raw[at : at + 4] != mark:
            return
        size, length = struct.unpack_from("<4xIH", raw, at + 4)
        if length + 2 > size or at + 12 + size > len(raw):
            return
        path = raw[at + 14 : at + 14 + length].decode("utf-16-le", "replace")
        rest = at + 14 + length
        if start in _HEADERS_OF_10:  # the time follows
            modified = filetime(raw, rest)
        else:  # Windows 8: package name, two words of flags, then the time
            package = int.from_bytes(raw[rest : rest + 2], "little")
            modified = filetime(raw, rest + 2 + package + 8)
        yield _Shim(path=path, modified=modified)
        at += 12 + size


def _shims_of_7(raw: bytes) -> Iterator[_Shim]:
    count = int.from_bytes(raw[4:8], "little")
    for number in range(min(count, MOST)):
        at = 128 + number * 48
        if at + 48 > len(raw):
            return
        length, offset, modified = struct.unpack_from("<H6xQQ", raw, at)
        if offset + length > len(raw):
            return
        yield _Shim(
            path=raw[offset : offset + length].decode("utf-16-le", "replace"), modified=modified
        )


@extractor(
    name="program.windows.software-hive",
    paths=(
        # Windows XP and later; what an upgrade put aside
        "{Windows,WINNT}/System32/config/SOFTWARE",
        "Windows.old*/{Windows,WINNT}/System32/config/SOFTWARE",
    ),
    yields=(ProgramPresent,),
)
def software_hive(artifact: Artifact) -> Iterator[ProgramPresent]:
    """List listed programs that are installed for the machine or start with it."""
    hive = open_with_logs(artifact)
    yield from installed(artifact, hive.root)
    yield from autostart(artifact, hive.root)
    report(artifact, hive)


@extractor(
    name="program.windows.amcache",
    paths=(
        # Windows 8 and later; Windows 7 with updates; what an upgrade put aside
        "Windows/{AppCompat,appcompat}/Programs/Amcache.hve",
        "Windows.old*/Windows/AppCompat/Programs/Amcache.hve",
    ),
    yields=(ProgramPresent, ProgramTraces),
)
def amcache(artifact: Artifact) -> Iterator[ProgramPresent | ProgramTraces]:
    """List files of listed programs that the inventory found, with SHA-1 and size."""
    hive = open_with_logs(artifact)
    entries = listed = 0
    for key, found in _inventory(hive):
        entries += 1
        known = _known.PROGRAMS.path(found.path)
        if known is None:
            continue
        listed += 1
        yield _known.present(
            known,
            "amcache",
            found.path,
            locator=f"{key.name}"[:300],
            times=stamp("noted", key.last_written, "filetime"),
            software_version=found.version,
            sha1=found.sha1,
            file_size=found.size,
            on_disk=_known.on_disk(artifact, found.path),
        )
    yield _known.counted("amcache", "Amcache.hve", entries=entries, listed=listed)
    report(artifact, hive)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Inventoried:
    path: str
    sha1: str | None
    size: int | None
    version: str | None


def _inventory(hive: Hive) -> Iterator[tuple[Key, _Inventoried]]:
    for key in below(hive.key(r"Root\InventoryApplicationFile")):
        path = text(key, "LowerCaseLongPath")
        if path:
            size = key.value("Size")
            yield (
                key,
                _Inventoried(
                    path=path,
                    sha1=_sha1(text(key, "FileId")),
                    size=size.data if size and isinstance(size.data, int) else None,
                    version=text(key, "Version"),
                ),
            )
    for volume in below(hive.key(r"Root\File")):
        for key in below(volume):
            path = text(key, "15")
            if path:
                size = key.value("6")
                yield (
                    key,
                    _Inventoried(
                        path=path,
                        sha1=_sha1(text(key, "101")),
                        size=size.data if size and isinstance(size.data, int) else None,
                        version=text(key, "5"),
                    ),
                )


def _sha1(identifier: str | None) -> str | None:
    """Return the SHA-1 behind the four zeros that the inventory puts before it."""
    if identifier is None or len(identifier) != 44 or not identifier.startswith("0000"):  # noqa: PLR2004
        return None
    return identifier[4:].lower()
