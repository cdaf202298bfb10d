"""A plain tar as a logical source, indexed from its headers and read in place.

Own reader: names stay bytes, every length is bounded before it is used, and what GNU, POSIX pax and
old tars say about times, long names, links and holes is kept. Format: POSIX.1-2017 pax, "ustar
Interchange Format"; GNU tar manual, "Basic Tar Format".
"""

from __future__ import annotations

import re
from array import array
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field

from triage.errors import EvidenceError, ParseError
from triage.evidence.archive import ArchiveSource, Slice, normalised
from triage.evidence.members import NO_CONTENT, Members, path_text
from triage.model import (
    ByteRun,
    Container,
    EntryType,
    FileTimes,
    Reader,
    Storage,
)

_BLOCK = 512
_MAX_EXTENSION = 1 << 20  # bytes of a pax header or a long name
_MAX_SIZE = 2**63 - 1
_NS = 1_000_000_000
_PADDING = 1 << 20  # looked at behind the end for data that other readers do not show

_KINDS = {
    b"2": EntryType.LINK,
    b"3": EntryType.OTHER,
    b"4": EntryType.OTHER,
    b"5": EntryType.DIRECTORY,
    b"6": EntryType.OTHER,
    b"D": EntryType.DIRECTORY,  # GNU incremental: a list of names follows
}
_HARD_LINK = b"1"
_EXTENSIONS = (b"x", b"g", b"X", b"L", b"K")  # pax, pax for all, Sun's pax, GNU long name and link
_WITHOUT_DATA = (b"1", b"2", b"3", b"4", b"5", b"6")
_SPARSE, _BROKEN_LINK = -3, -4  # contents that cannot be given


def is_tar(head: bytes) -> bool:
    """Whether the first 512 bytes are a tar header, by its checksum."""
    return len(head) >= _BLOCK and any(head[:_BLOCK]) and _checksum_fits(head[:_BLOCK])


def _checksum_fits(block: bytes) -> bool:
    try:
        stated = _number(block[148:156])
    except ParseError:
        return False
    total = sum(block) - sum(block[148:156]) + 8 * ord(" ")
    if stated == total:
        return True
    blanked = block[:148] + block[156:]  # some old writers summed signed bytes
    return stated == total - 256 * sum(byte >> 7 for byte in blanked)


def _number(raw: bytes) -> int:
    """Octal text, or base 256 when the first bit is set."""
    if raw[0] & 0x80:
        value = int.from_bytes(raw, "big")
        bits = 8 * len(raw)
        # 0x80 marks a positive number, 0xff is the sign of a negative one.
        return value - (1 << bits) if raw[0] & 0x40 else value - (1 << (bits - 1))
    text = raw.partition(b"\0")[0].strip()
    if not re.fullmatch(rb"[0-7]*", text):
        raise ParseError("not an octal number")
    return int(text or b"0", 8)


def _text(raw: bytes) -> bytes:
    return raw.partition(b"\0")[0]


def _nanoseconds(raw: bytes | None) -> int | None:
    """Return the time of a pax record: seconds with decimals."""
    found = re.fullmatch(rb"(-?)([0-9]{1,12})(?:\.([0-9]*))?", raw) if raw else None
    if not found:
        return None
    value = int(found[2]) * _NS + int((found[3] or b"")[:9].ljust(9, b"0"))
    return -value if found[1] else value


# Everything else in a pax header is of no use here, and of any size.
_SPARSE_KEYS = frozenset(
    b"GNU.sparse." + name
    for name in (b"major", b"map", b"name", b"numblocks", b"realsize", b"size")
)
_KEYS = _SPARSE_KEYS | {
    b"path",
    b"linkpath",
    b"size",
    b"mtime",
    b"atime",
    b"ctime",
    b"LIBARCHIVE.creationtime",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Header:
    """One member: its own header and the extensions before it."""

    name: bytes
    link: bytes
    type: bytes
    size: int  # of the content, as listed
    stored: int  # bytes that follow
    times: FileTimes
    sparse: bool


@dataclass(slots=True, kw_only=True)
class _Extensions:
    """What extension headers say about the next member, and pax global headers about all."""

    everywhere: dict[bytes, bytes] = field(default_factory=dict)
    here: dict[bytes, bytes] = field(default_factory=dict)

    def get(self, key: bytes) -> bytes | None:
        return self.here.get(key, self.everywhere.get(key))


class TarSource(ArchiveSource):
    """A tar file.

    Problems: damaged_header (nothing behind it is listed), member_cut, link_target_missing,
    sparse_member, multi_volume, depth_limit, entry_limit.
    """

    name = "tar"
    container = Container.TAR

    def _scan(self) -> Members:
        members = Members()
        links: list[tuple[int, bytes]] = []
        for header, data in self._headers():
            kind = _KINDS.get(header.type, EntryType.FILE)
            content = NO_CONTENT
            if header.type == _HARD_LINK:
                content = _BROKEN_LINK  # until its target is found
            elif kind is EntryType.FILE:
                content = _SPARSE if header.sparse else data
            number = self._place(
                members,
                header.name,
                kind,
                size=header.size if kind is EntryType.FILE else 0,
                times=header.times,
                content=content,
            )
            if number is not None and header.type == _HARD_LINK:
                links.append((number, header.link))
            if content == _SPARSE:
                self._problem("sparse_member", path_text(normalised(header.name)))
        self._resolve(members, self._arrange(members), links)
        return members

    def _resolve(self, members: Members, order: array[int], links: list[tuple[int, bytes]]) -> None:
        """Give each hard link the content of the member before it that it names."""
        if not links:
            return
        ordinals = array("i", bytes(4 * len(order)))
        for ordinal, number in enumerate(order):
            ordinals[number] = ordinal
        for number, target in links:
            link, parts = ordinals[number], normalised(target)
            parent = self._directory(parts[:-1])
            if parent is not None and parts:
                found = members.named(ordinals[parent], parts[-1])  # the latest comes first
                before = bisect_right(found, -number, key=lambda ordinal: -order[ordinal])
                latest = found[before] if before < len(found) else link
                if latest != link and members.kind(latest) is EntryType.FILE:
                    members.contents[link] = members.contents[latest]
                    members.sizes[link] = members.sizes[latest]
                    continue
            self._problem("link_target_missing", path_text(members.parts(link)))

    def _headers(self) -> Iterator[tuple[_Header, int]]:
        """Yield every member and where its data begins; stop at the end or at the first damage."""
        extensions, position, last = _Extensions(), 0, "/"
        while position < self._archive.size:
            try:
                block = self._block(position)
                position += _BLOCK
                if not any(block):
                    self._look_behind(position)
                    return
                header = _parsed(block, extensions)
                if header.type == b"S":
                    position = self._skip_sparse_map(block, position)
                if header.type in _EXTENSIONS:
                    self._extend(extensions, header, position)
            except (ParseError, EvidenceError):
                self._problem("damaged_header", last)
                return
            data = position
            position += -(-header.stored // _BLOCK) * _BLOCK
            if header.type in _EXTENSIONS:
                continue
            extensions.here = {}
            if header.type == b"V":  # the label of the volume
                continue
            last = path_text(normalised(header.name))
            if header.type == b"M":
                self._problem("multi_volume", last)
                continue
            if data + header.stored > self._archive.size:
                self._problem("member_cut", last)
            yield header, data

    def _block(self, position: int) -> bytes:
        block = self._archive.read_at(position, _BLOCK)
        if len(block) != _BLOCK:
            raise ParseError("header cut short")
        return block

    def _look_behind(self, position: int) -> None:
        if any(self._archive.read_at(position, _PADDING)):
            self._note("data_after_end", "/")

    def _skip_sparse_map(self, block: bytes, position: int) -> int:
        """Return where the data begins: old GNU sparse headers go on in blocks of their own."""
        extended = block[482]
        while extended:
            extended = self._block(position)[504]
            position += _BLOCK
        return position

    def _extend(self, extensions: _Extensions, header: _Header, position: int) -> None:
        if header.stored > _MAX_EXTENSION:
            raise ParseError("extension header is too large")
        data = self._archive.read_at(position, header.stored)
        if len(data) != header.stored:
            raise ParseError("extension header cut short")
        if header.type == b"L":
            extensions.here[b"path"] = _text(data)
        elif header.type == b"K":
            extensions.here[b"linkpath"] = _text(data)
        else:
            target = extensions.everywhere if header.type == b"g" else extensions.here
            target.update((key, value) for key, value in _records(data) if key in _KEYS)

    def _content(self, ordinal: int) -> Reader:
        start = self._members.contents[ordinal]
        where = path_text(self._members.parts(ordinal))
        if start == _SPARSE:
            raise EvidenceError("sparse tar members are not supported", where=where)
        if start < 0:
            raise EvidenceError("hard link without a target", where=where)
        return Slice(whole=self._archive, start=start, size=self._members.sizes[ordinal])

    def runs(self, address: str) -> tuple[ByteRun, ...]:
        """Return the one run in the tar file; empty for what cannot be read."""
        ordinal = self._file(address)
        start, size = self._members.contents[ordinal], self._members.sizes[ordinal]
        if start < 0 or not size:
            return ()
        return (ByteRun(file_offset=0, image_offset=start, length=size, storage=Storage.PLAIN),)


def _records(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the records of a pax header: `length key=value newline`, length counting itself."""
    position = 0
    while position < len(data) and data[position]:
        digits = data[position : position + 8].partition(b" ")[0]
        length = int(digits) if digits.isdigit() else 0
        record = data[position : position + length]
        key, equals, value = record[len(digits) + 1 :].partition(b"=")
        if len(record) != length or not equals or not value.endswith(b"\n"):
            raise ParseError("not a pax record")
        yield key, value[:-1]
        position += length


def _parsed(block: bytes, extensions: _Extensions) -> _Header:
    """Read one header in the light of the extensions before it."""
    if not _checksum_fits(block):
        raise ParseError("tar header with a wrong checksum")
    kind = block[156:157]
    name, link, stored = _text(block[:100]), _text(block[157:257]), _number(block[124:136])
    if block[257:263] == b"ustar\0" and block[345]:  # GNU keeps other things there
        name = _text(block[345:500]) + b"/" + name
    stored = _bounded(stored)
    if kind in _EXTENSIONS:  # describes the next member, so nothing describes it
        times, sparse, size = FileTimes(), False, stored
    else:
        get = extensions.get
        stored = size = _bounded(_decimal(get(b"size"), stored))
        sparse = kind == b"S" or not _SPARSE_KEYS.isdisjoint(extensions.here)
        if kind == b"S":
            size = _bounded(_number(block[483:495]))
        elif sparse:
            real = get(b"GNU.sparse.realsize") or get(b"GNU.sparse.size")
            size = _bounded(_decimal(real, size))
        name = get(b"GNU.sparse.name") or get(b"path") or name
        link = get(b"linkpath") or link
        modified = _nanoseconds(get(b"mtime"))
        times = FileTimes(
            modified=_stamp(block[136:148]) if modified is None else modified,
            accessed=_nanoseconds(get(b"atime")),
            changed=_nanoseconds(get(b"ctime")),
            created=_nanoseconds(get(b"LIBARCHIVE.creationtime")),
        )
        if kind == b"\0" and name.endswith(b"/"):  # before POSIX, directories had no type
            kind = b"5"
        if kind in _WITHOUT_DATA:
            stored = 0
    return _Header(
        name=name, link=link, type=kind, size=size, stored=stored, times=times, sparse=sparse
    )


def _stamp(raw: bytes) -> int | None:
    try:
        return _number(raw) * _NS
    except ParseError:
        return None  # a member with a bad time is still a member


def _decimal(raw: bytes | None, default: int) -> int:
    if raw is None:
        return default
    if not re.fullmatch(rb"[0-9]{1,19}", raw):
        raise ParseError("not a decimal number")
    return int(raw)


def _bounded(size: int) -> int:
    if not 0 <= size <= _MAX_SIZE:
        raise ParseError("impossible size")
    return size
