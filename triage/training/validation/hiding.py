"""Where specimens are put: one volume for each place, so that nothing found elsewhere counts."""

from __future__ import annotations

import gzip
import io
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from triage.errors import TrainingError
from triage.training.media.canvas import Canvas
from triage.training.media.model import Disk, Entry, Filesystem, Volume
from triage.training.media.partitions import lay_out
from triage.training.truth import Place
from triage.training.validation.specimen import Shown, Specimen

_WHEN: Final = 1_741_199_400 * 10**9  # 2025-03-05 18:30 UTC, in nanoseconds
_HOST: Final = b"Shopping list\r\n\r\nmilk\r\nbread\r\napples\r\n"
# A host file and how many bytes fit behind it: in clusters of 512 bytes (FAT32), of 1 KiB (ext4),
# of 4 KiB. On NTFS a shorter one would lie in its record and have no cluster.
_HOSTS: Final[Mapping[Filesystem, tuple[int, int]]] = {
    "fat16": (1, 900),
    "fat32": (1, 470),
    "exfat": (1, 3900),
    "ntfs": (40, 2400),
    "ext4": (1, 980),
}
_INNER_SIZE: Final = 10 << 20
_VHD_FOOTER: Final = 512


class Hiding(StrEnum):
    """A place of the truth, told apart as finely as it is made."""

    PLAIN = "plain"
    RENAMED = "renamed"
    NO_EXTENSION = "without extension"
    DELETED = "deleted"
    UNALLOCATED = "unallocated"
    SLACK = "slack"
    ZIP = "zip"
    GZIP = "gzip"
    STREAM = "alternate stream"
    RAW_IMAGE = "raw image on the disk"
    VHD_IMAGE = "VHD on the disk"
    LOCKED = "locked, no key"
    OPENED = "locked, with key"

    @property
    def place(self) -> Place:
        """What the truth calls it."""
        return _PLACES[self]


_PLACES: Final[Mapping[Hiding, Place]] = {
    Hiding.PLAIN: Place.PLAIN,
    Hiding.RENAMED: Place.RENAMED,
    Hiding.NO_EXTENSION: Place.RENAMED,
    Hiding.DELETED: Place.DELETED,
    Hiding.UNALLOCATED: Place.UNALLOCATED,
    Hiding.SLACK: Place.SLACK,
    Hiding.ZIP: Place.ARCHIVE,
    Hiding.GZIP: Place.ARCHIVE,
    Hiding.STREAM: Place.STREAM,
    Hiding.RAW_IMAGE: Place.NESTED,
    Hiding.VHD_IMAGE: Place.NESTED,
    Hiding.LOCKED: Place.LOCKED,
    Hiding.OPENED: Place.LOCKED,
}
_ONLY_NTFS: Final = (Hiding.STREAM,)
_WHOLE_DISK: Final = (Hiding.LOCKED, Hiding.OPENED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hidden:
    """One finding that is to be had of a specimen; `path` as findings write it."""

    specimen: Specimen
    shown: Shown
    path: str | None


@dataclass(slots=True, kw_only=True)
class Lair:
    """A volume in the making. left_out: specimens that do not fit this place, and why."""

    filesystem: Filesystem
    entries: list[Entry] = field(default_factory=list)
    scraps: list[bytes] = field(default_factory=list)
    slack: dict[str, bytes] = field(default_factory=dict)
    hidden: list[Hidden] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def volume(self, *, label: str, size: int, serial: int) -> Volume:
        """Return the volume."""
        return Volume(
            filesystem=self.filesystem,
            label=label,
            size=size,
            serial=serial,
            entries=tuple(self.entries),
            scraps=tuple(self.scraps),
            slack=self.slack,
        )


def possible(hiding: Hiding, filesystem: Filesystem) -> bool:
    """Whether a volume among others can have such a place."""
    return hiding not in _WHOLE_DISK and (filesystem == "ntfs" or hiding not in _ONLY_NTFS)


def hide(specimens: Sequence[Specimen], hiding: Hiding, filesystem: Filesystem) -> Lair:
    """Put specimens into one place. Raises TrainingError when two of them have the same path."""
    lair = Lair(filesystem=filesystem)
    if hiding in (Hiding.RAW_IMAGE, Hiding.VHD_IMAGE):
        _inside(lair, specimens, hiding)
        return lair
    for number, specimen in enumerate(specimens, 1):
        _WAYS[hiding](lair, number, specimen)
    paths = [entry.path.casefold() for entry in lair.entries]
    if len(set(paths)) < len(paths):
        raise TrainingError("two specimens have the same path", where=hiding)
    return lair


def _plain(lair: Lair, _: int, specimen: Specimen, *, deleted: bool = False) -> None:
    for path, data in specimen.files.items():
        lair.entries.append(_file(f"/{path}", data, deleted=deleted))
    # Of a deleted name a file system may keep only a part, or nothing.
    _readable(lair, specimen, lambda path: None if deleted else f"/{path}")


def _deleted(lair: Lair, number: int, specimen: Specimen) -> None:
    _plain(lair, number, specimen, deleted=True)


def _renamed(lair: Lair, number: int, specimen: Specimen) -> None:
    _moved(lair, specimen, f"/Pictures/{number:03}", lambda n: f"IMG_{n:04}.jpg")


def _without_extension(lair: Lair, number: int, specimen: Specimen) -> None:
    _moved(lair, specimen, f"/Backup/{number:03}", lambda n: f"part{n}")


def _moved(lair: Lair, specimen: Specimen, folder: str, name: Callable[[int], str]) -> None:
    moved = {path: f"{folder}/{name(n)}" for n, path in enumerate(specimen.files, 1)}
    for path, data in specimen.files.items():
        lair.entries.append(_file(moved[path], data))
    _readable(lair, specimen, lambda path: moved[path])


def _unallocated(lair: Lair, _: int, specimen: Specimen) -> None:
    lair.scraps.extend(specimen.files.values())
    _bare(lair, specimen, None)


def _slack(lair: Lair, number: int, specimen: Specimen) -> None:
    copies, room = _HOSTS[lair.filesystem]
    if len(specimen.files) > 1 or max(map(len, specimen.files.values())) > room:
        lair.left_out[specimen.name] = f"more than one file, or more than {room} bytes"
        return
    (data,) = specimen.files.values()
    host = f"/Documents/list{number}.txt"
    lair.entries.append(_file(host, _HOST * copies))
    lair.slack[host] = data
    _bare(lair, specimen, None)


def _zip(lair: Lair, number: int, specimen: Specimen) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
        for path, data in specimen.files.items():
            archive.writestr(zipfile.ZipInfo(path, (2025, 3, 5, 18, 30, 0)), data)
    host = f"/Downloads/archive{number}.zip"
    lair.entries.append(_file(host, packed.getvalue()))
    _bare(lair, specimen, host)


def _gzip(lair: Lair, number: int, specimen: Specimen) -> None:
    hosts = {}
    for part, (path, data) in enumerate(specimen.files.items(), 1):
        hosts[path] = f"/Downloads/{number:03}-{part}.gz"
        lair.entries.append(_file(hosts[path], gzip.compress(data, 6, mtime=0)))
    _bare(lair, specimen, next(iter(hosts.values())) if len(hosts) == 1 else None)


def _stream(lair: Lair, number: int, specimen: Specimen) -> None:
    moved = {}
    for part, (path, data) in enumerate(specimen.files.items(), 1):
        host, name = f"/Documents/list{number}-{part}.txt", path.rpartition("/")[2]
        moved[path] = f"{host}:{name}"
        lair.entries.append(_file(host, _HOST, streams={name: data}))
    _readable(lair, specimen, lambda path: moved[path])


_WAYS: Final[Mapping[Hiding, Callable[[Lair, int, Specimen], None]]] = {
    Hiding.PLAIN: _plain,
    Hiding.RENAMED: _renamed,
    Hiding.NO_EXTENSION: _without_extension,
    Hiding.DELETED: _deleted,
    Hiding.UNALLOCATED: _unallocated,
    Hiding.SLACK: _slack,
    Hiding.ZIP: _zip,
    Hiding.GZIP: _gzip,
    Hiding.STREAM: _stream,
    Hiding.LOCKED: _plain,
    Hiding.OPENED: _plain,
}


def _inside(lair: Lair, specimens: Sequence[Specimen], hiding: Hiding) -> None:
    """Put a FAT volume with all specimens into a file."""
    inner = hide(specimens, Hiding.PLAIN, "fat16")
    volume = inner.volume(label="INNER", size=_INNER_SIZE, serial=0x5EED0001)
    data = whole(lay_out(Disk(scheme="mbr", volumes=(volume,), signature=0x5EED0002)))
    host = "/Machines/backup.img"
    if hiding is Hiding.VHD_IMAGE:
        host, data = "/Machines/backup.vhd", data + vhd_footer(len(data))
    lair.entries.append(_file(host, data))
    lair.hidden.extend(inner.hidden)


def vhd_footer(size: int) -> bytes:
    """Return what makes a raw disk a fixed VHD (Virtual Hard Disk Image Format, 1.0, 2006)."""
    sectors = size // 512
    heads, per_track = 16, 63
    cylinders = min(sectors // (heads * per_track), 65535)
    fields = b"".join(
        (
            b"conectix",
            (2).to_bytes(4, "big"),  # features: reserved, always set
            (0x10000).to_bytes(4, "big"),
            b"\xff" * 8,  # a fixed disk has no further header
            (794_514_600).to_bytes(4, "big"),  # seconds since 2000
            b"dtri",
            (0x10000).to_bytes(4, "big"),
            b"Wi2k",
            size.to_bytes(8, "big"),
            size.to_bytes(8, "big"),
            cylinders.to_bytes(2, "big") + bytes((heads, per_track)),
            (2).to_bytes(4, "big"),  # fixed
        )
    )
    rest = bytes.fromhex("5eed00007a114c0d8000000000000001") + b"\0"
    total = sum(fields) + sum(rest)
    whole = fields + (~total & 0xFFFFFFFF).to_bytes(4, "big") + rest
    return whole.ljust(_VHD_FOOTER, b"\0")


def whole(canvas: Canvas) -> bytes:
    """Return all bytes of a small disk."""
    found = bytearray(canvas.size)
    for offset, data in canvas.pieces():
        found[offset : offset + len(data)] = data
    return bytes(found)


def _readable(lair: Lair, specimen: Specimen, moved: Callable[[str], str | None]) -> None:
    lair.hidden.extend(
        Hidden(specimen=specimen, shown=one, path=one.path and moved(one.path))
        for one in specimen.readable
    )


def _bare(lair: Lair, specimen: Specimen, host: str | None) -> None:
    """Ask for everything: what a reader of the files would find, and what the bytes say."""
    lair.hidden.extend(
        Hidden(specimen=specimen, shown=one, path=host) for one in _distinct(specimen)
    )


def _distinct(specimen: Specimen) -> Iterator[Shown]:
    """Yield what is to be had, a finding that readers and bytes give alike only once."""
    told = {(one.kind, tuple(sorted(one.match.items(), key=str))) for one in specimen.bare}
    yield from specimen.bare
    for one in specimen.readable:
        if (one.kind, tuple(sorted(one.match.items(), key=str))) not in told:
            yield one


def _file(
    path: str, data: bytes, *, deleted: bool = False, streams: Mapping[str, bytes] | None = None
) -> Entry:
    return Entry(
        path=path,
        content=data,
        modified=_WHEN,
        created=_WHEN,
        accessed=_WHEN,
        changed=_WHEN,
        deleted=deleted,
        streams=streams or {},
    )
