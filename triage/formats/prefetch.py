"""Windows Prefetch files: what was loaded when a program started, how often and when it ran.

Versions 17 (XP), 23 (Vista, 7), 26 (8), 30 (10) and 31 (11); compressed ones (`MAM`) included. The
name of the executable holds 29 characters: longer ones are cut, with their ending.

Format: https://github.com/libyal/libscca/blob/main/documentation (Windows Prefetch File format).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from triage.errors import ParseError
from triage.formats.xpress import decompress_mam

NAME_LIMIT = 29
"""Characters of an executable's name that the format keeps."""

SIZE_LIMIT = 16 << 20  # bytes
_FILES_LIMIT = 20_000  # names of loaded files
_VOLUMES_LIMIT = 64
_HEADER = struct.Struct("<I4s4xI60sI4x")
_SECTIONS = struct.Struct("<9I")
_AT = 84  # where the sections and the clock follow the header
_METRICS_OF_SHORT_30 = 0x128  # first section of the form that Windows 10 writes since 1903
_VOLUME = struct.Struct("<IIQI")
_VOLUME_SIZES = {17: 40, 23: 104, 26: 104, 30: 96, 31: 96}


@dataclass(frozen=True, slots=True, kw_only=True)
class PrefetchVolume:
    r"""A volume that files were loaded from: `\VOLUME{…}`, its serial number and FILETIME."""

    device: str
    created: int
    serial: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Prefetch:
    """One file. `run_times` are FILETIME, newest first: one before version 26, else up to eight."""

    version: int
    executable: str
    path_hash: int
    run_count: int
    run_times: tuple[int, ...]
    files: tuple[str, ...]
    volumes: tuple[PrefetchVolume, ...]


def parse(data: bytes) -> Prefetch:
    """Read a Prefetch file. Raises ParseError, and LimitError for what is larger than can be."""
    if data[:3] == b"MAM":
        data = decompress_mam(data, limit=SIZE_LIMIT)
    if len(data) < _AT + _SECTIONS.size:
        raise ParseError("a Prefetch file that is too short")
    version, signature, _, name, path_hash = _HEADER.unpack_from(data)
    if signature != b"SCCA" or version not in _VOLUME_SIZES:
        raise ParseError("not a Prefetch file of a known version")
    metrics, _, _, _, names, names_size, volumes, volume_count, _ = _SECTIONS.unpack_from(data, _AT)
    run_times, run_count = _clock(data, version, metrics)
    return Prefetch(
        version=version,
        executable=_text(name),
        path_hash=path_hash,
        run_count=run_count,
        run_times=run_times,
        files=_files(data[names : names + names_size]),
        volumes=_volumes(data, volumes, min(volume_count, _VOLUMES_LIMIT), _VOLUME_SIZES[version]),
    )


def _clock(data: bytes, version: int, metrics: int) -> tuple[tuple[int, ...], int]:
    """Return the times of running and their number."""
    if version >= 30 and metrics == _METRICS_OF_SHORT_30:  # noqa: PLR2004 - Windows 10
        times_at, most, count_at = 128, 8, 200
    elif version >= 26:  # noqa: PLR2004 - Windows 8
        times_at, most, count_at = 128, 8, 208
    elif version == 23:  # noqa: PLR2004 - Vista
        times_at, most, count_at = 128, 1, 152
    else:
        times_at, most, count_at = 120, 1, 144
    try:
        times = struct.unpack_from(f"<{most}Q", data, times_at)
        (count,) = struct.unpack_from("<I", data, count_at)
    except struct.error:
        raise ParseError("a Prefetch file that is too short") from None
    return tuple(time for time in times if time), count


def _files(names: bytes) -> tuple[str, ...]:
    text = names[: len(names) & ~1].decode("utf-16-le", "replace")
    return tuple(name for name in text.split("\0")[:_FILES_LIMIT] if name)


def _volumes(data: bytes, start: int, count: int, size: int) -> tuple[PrefetchVolume, ...]:
    found = []
    for number in range(count):
        at = start + number * size
        if at + _VOLUME.size > len(data):
            break
        name, length, created, serial = _VOLUME.unpack_from(data, at)
        raw = data[start + name : start + name + 2 * min(length, 1024)]
        found.append(PrefetchVolume(device=_text(raw), created=created, serial=serial))
    return tuple(found)


def _text(raw: bytes) -> str:
    return raw[: len(raw) & ~1].decode("utf-16-le", "replace").partition("\0")[0]
