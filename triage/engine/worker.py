"""A worker process: opens the evidence, locks itself, then does what it is told.

It has no writable path and, once locked, opens nothing more. Its only way out is the pipe.
"""

from __future__ import annotations

import contextlib
import encodings
import hashlib
import importlib
import mmap
import os
import pkgutil
import re
import signal
import sys
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal, NoReturn, TypeVar

import msgspec

from triage import formats, registry
from triage.artifact import Fact
from triage.credentials import Credential
from triage.engine import messages as m
from triage.engine import volume_secrets
from triage.engine.accounts import Accounts
from triage.engine.deleted import all_findings
from triage.engine.heads import Candidates, Heads
from triage.engine.place import NOWHERE, MarkedTree, Place
from triage.engine.recognition import Recognition
from triage.engine.sandbox import lock
from triage.engine.scan import check
from triage.engine.scan.keywords import Keywords
from triage.engine.scan.plan import Plan
from triage.engine.scan.seekers import SEEKERS, Seeker
from triage.engine.scan.sweep import Sweep
from triage.engine.scan.sweep import Volume as Scannable
from triage.engine.source import Source, open_source
from triage.engine.training import MARK
from triage.engine.view import Access, Task
from triage.engine.wire import Channel
from triage.errors import (
    DamagedImageError,
    EvidenceError,
    FailingDeviceError,
    LimitError,
    ParseError,
    TriageError,
    WorkerError,
)
from triage.evidence.arrays import Bools
from triage.evidence.changes import changed_rows, runs_changed
from triage.evidence.disk_file import LARGEST_MARKED, DiskFile, may_be_disk
from triage.evidence.index import Index
from triage.evidence.locks import Known, Trying
from triage.evidence.patterns import PatternSet
from triage.evidence.second_archive import ARCHIVES, SecondArchive
from triage.evidence.second_tree import SecondTree
from triage.evidence.tree import FileTree, walk
from triage.extractor import Extractor
from triage.findings import KINDS, Finding
from triage.formats.filetype import LOOKED_AT, filetype
from triage.hashing import Digests, ParallelDigests
from triage.model import EntryType, EvidencePath, InFile, Reader, Volume, VolumeState
from triage.profile import Limits
from triage.redaction import redact

_BLOCK = 1 << 20
_LOOKED_THROUGH = 32 << 20  # a longer file is not searched for secrets: it counts as holding one
_OVERLAP = 1 << 12  # bytes of a block that are searched with the next one
_TEXT = re.compile(rb"[\t\n\r\x20-\x7e\x80-\xff]{20,}")  # no secret that we know is shorter
_WIDE_TEXT = re.compile(rb"(?:[\t\n\r\x20-\x7e]\0){20,}")  # UTF-16, little-endian
_MEDIA_BLOCK = 1 << 22  # handing a block to the digests' threads costs more than a small one
_REPORT_EVERY = 16  # blocks between two progress replies
_TROUBLES_KEPT = 1000  # of one artifact
_FINDING = 1 << 20  # characters in all texts of one finding; a line of a bundle has 16 MiB
_FINDINGS = 1 << 26  # characters in all findings of one artifact
_TURNS = 4  # what one volume holds may open the next
_TROUBLE = 10_000  # characters
_LARGEST_INDEX = 1 << 34  # bytes of shared memory; there is no file that could be written


@dataclass(slots=True)
class Worker:
    """The state of one worker after `Open`."""

    channel: Channel
    request: m.Open
    source: Source
    extractors: dict[str, Extractor]
    limits: Limits
    place: Place
    facts: tuple[Fact[Finding], ...] = ()
    accounts: Accounts = field(default_factory=lambda: Accounts(()))
    trees: dict[int, FileTree] = field(default_factory=dict)
    indexes: dict[int, Index] = field(default_factory=dict)
    places: dict[int, memoryview[int] | None] = field(default_factory=dict)
    heads: dict[int, Heads] = field(default_factory=dict)
    scannable: dict[int, Scannable] = field(default_factory=dict)
    keywords: Keywords | None = None
    rules: Any = None  # of YARA, compiled
    differences: dict[int, Bools | None] = field(default_factory=dict)
    second: dict[int, SecondTree | SecondArchive] = field(default_factory=dict)

    def tree(self, volume: int) -> FileTree:
        """Open a volume's file system once."""
        if volume not in self.trees:
            self.trees[volume] = self.source.tree(volume)
        return self.trees[volume]

    def unlock(self) -> None:
        """Try what was given, then what lies on the volumes that can be read."""
        source, request = self.source, self.request
        trying = Trying(
            volume_secrets.given(request.credentials),
            most=self.limits.passwords,
            memory=self.limits.unlock_memory_bytes,
        )
        source.unlock(trying)
        for _ in range(_TURNS):
            locked = any(volume.state is VolumeState.LOCKED for volume in source.volumes)
            if not locked or not request.may_decrypt:
                break
            if not trying.add(volume_secrets.found(source, entries=self.limits.entries)):
                break
            source.unlock(trying)
        problems = tuple(sorted(trying.problems.items()))
        self.channel.send(m.Unlocked(keys=tuple(trying.found.values()), problems=problems))

    def walk(self, request: m.WalkVolume) -> None:
        """Index a volume and answer with what the patterns ask for."""
        paths = [path for name in self.request.extractors for path in self.extractors[name].paths]
        self.place.mark(NOWHERE)
        tree = MarkedTree(self.tree(request.volume), self.place, dict(request.avoid))
        found = walk(
            tree,
            PatternSet(paths),
            max_entries=self.limits.entries,
            progress=lambda entries: self.channel.send(m.Progress(done=entries)),
        )
        # The walk says that a directory could not be listed; the tree knows which it went round.
        reasons = iter(tree.unlisted)
        problems = [
            (
                (next(reasons, None) if each.code == "directory_unreadable" else None) or each.code,
                each.path,
                each.code != "directory_loop" and not each.deleted,
            )
            for each in found.problems
        ]
        problems += [
            (each.code, each.path, each.code != "directory_loop") for each in self.source.problems
        ]
        volume = self.source.volumes[request.volume].name
        block, places = memoryview(found.block), found.places or b""
        if self.request.index_fd is not None:
            behind = request.at + len(block) + -len(block) % m.PLACES
            os.ftruncate(self.request.index_fd, behind + len(places))
            _write(self.request.index_fd, block, request.at)
            _write(self.request.index_fd, memoryview(places), behind)
            attach = m.Attach(
                volume=request.volume, at=request.at, length=len(block), places=len(places)
            )
            self.attach(attach)
        else:
            self.indexes[request.volume] = Index(block, volume=volume)
            self.places[request.volume] = memoryview(places).cast("q") if places else None
        index = self.indexes[request.volume]
        for match in found.matches:
            entry = index.entry(match.row)
            self.channel.send(
                m.Matched(
                    row=match.row,
                    entry=entry,
                    patterns=match.patterns,
                    unchanged=self._unchanged(request.volume, match.row),
                )
            )
        self.channel.send(
            m.Walked(
                entries=found.entries,
                at=request.at,
                length=len(block),
                places=len(places),
                sha256=hashlib.sha256(block).hexdigest(),
                problems=tuple(problems),
                notes=tuple((note.code, note.path, note.stored) for note in self.source.notes),
                bad=self.source.bad_ranges(),
                mark=_mark(index),
            )
        )

    def changed(self, number: int) -> Bools | None:
        """Return which rows of a snapshot have to be read; None: all, it is not one."""
        if number not in self.differences:
            names = [volume.name for volume in self.source.volumes]
            live = self.source.volumes[number].snapshot_of
            known = self.indexes.get(names.index(live)) if live is not None else None
            self.differences[number] = (
                None
                if known is None
                else changed_rows(
                    self.indexes[number], known, self.places[number], self.source.snapshot(number)
                )
            )
        return self.differences[number]

    def _unchanged(self, number: int, row: int) -> bool:
        """Whether the live volume has the same file with the same content."""
        changed = self.changed(number)
        if changed is None or changed[row]:
            return False
        runs = self.tree(number).runs(self.indexes[number].address(row))
        return not runs_changed(runs, self.source.snapshot(number))

    def attach(self, request: m.Attach) -> None:
        """Map an index that stands in shared memory."""
        fd = self.request.index_fd
        if fd is None:
            raise WorkerError("no shared memory")
        end = request.at + request.length
        behind = end + -request.length % m.PLACES
        whole = memoryview(mmap.mmap(fd, behind + request.places, prot=mmap.PROT_READ))
        block, places = whole[request.at : end], whole[behind:]
        self.places[request.volume] = places.cast("q") if request.places else None
        self.indexes[request.volume] = Index(block, volume=self.source.volumes[request.volume].name)

    def learn(self, request: m.Facts) -> None:
        """Take the facts of the first round."""
        self.facts = tuple(
            Fact(
                finding=msgspec.convert(fact.finding, KINDS[fact.kind]),
                volume=fact.volume,
                path=EvidencePath(fact.path),
            )
            for fact in request.facts
        )
        self.accounts = Accounts(self.facts, self.source.volumes)

    def recognise(self, request: m.Recognise) -> None:
        """Look at the first bytes of some files, for all tests of all extractors."""
        heads = self.heads.get(request.volume)
        if heads is None:
            index = self.indexes[request.volume]
            wanted = self.request.extractors
            tests = [test for name in wanted for test in self.extractors[name].content]
            heads = self.heads[request.volume] = Heads(
                source=self.source,
                ground=self.source.ground(request.volume),
                tree=self.tree(request.volume),
                index=index,
                recognition=Recognition(tests),
                candidates=Candidates.of(
                    index,
                    self.places[request.volume],
                    request,
                    self.accounts,
                    self.changed(request.volume),
                ),
                place=self.place,
            )
        for reply in heads.look(request, lambda done: self.channel.send(m.Progress(done=done))):
            self.channel.send(reply)
        left_out = heads.candidates.left_out
        self.channel.send(m.Looked(examined=heads.examined, left_out=left_out))

    def scanned(self, number: int, scope: m.ScanScope) -> Scannable:
        """Return what is known of a volume that is scanned."""
        if number not in self.scannable:
            index = self.indexes[number]
            self.scannable[number] = Scannable(
                tree=self.tree(number),
                index=index,
                plan=Plan.of(
                    index, self.places[number], scope, self.accounts, self.changed(number)
                ),
                media=self.source.ground(number).reader,
                free=self.source.free_space(number),
            )
        return self.scannable[number]

    def find_disks(self, request: m.FindDisks) -> None:
        """Say which files may be disks."""
        index, tree = self.indexes[request.volume], self.tree(request.volume)
        rows = {match.row for match in index.matches(PatternSet(request.names))}
        if request.by_content:
            rows.update(row for row in range(len(index)) if index.size(row) > LARGEST_MARKED)
        for row in sorted(rows):
            entry = index.entry(row)
            if entry.type is not EntryType.FILE or not index.allocated(row):
                continue
            self.place.mark(row)
            with contextlib.suppress(EvidenceError):
                if may_be_disk(tree.open(entry.address)):
                    found = m.DiskFound(row=row, path=entry.path, address=entry.address)
                    self.channel.send(found)

    def look_inside(self, request: m.LookInside) -> None:
        """Open a disk that lies in a file."""
        index, tree = self.indexes[request.volume], self.tree(request.volume)
        entry = index.entry(request.row)
        used: set[int] = set()

        def find(name: str) -> Reader | None:
            row = index.child(index.parent(request.row), name)
            if row is None or index.is_directory(row) or not index.allocated(row):
                return None
            used.add(row)
            return tree.open(index.address(row))

        volumes: Sequence[Volume] = ()
        problem = None
        try:
            disk = DiskFile(
                tree.open(entry.address),
                name=request.name,
                runs=tree.runs(entry.address),
                find=find,
            )
            file = InFile(
                volume=self.source.volumes[request.volume].name,
                path=entry.path,
                address=entry.address,
            )
            volumes = self.source.inside(request.volume, disk, file, keep=request.keep)
        except (ParseError, EvidenceError) as error:
            problem = _short(error.message)
        if not request.keep:
            self.channel.send(m.InDisk(volumes=tuple(volumes), parts=tuple(used), problem=problem))

    def plan_scan(self, request: m.PlanScan) -> None:
        """Divide a volume into parts to be scanned."""
        volume = self.scanned(request.volume, request.scope)
        plan, most = volume.plan, self.limits.scanned_file_bytes
        sizes = [min(size, most) for size in plan.sizes]
        planned = m.Planned(
            parts=tuple(plan.parts(most, volume.runs)),
            files=len(plan.rows),
            size=sum(sizes),
            left_out=len(plan.excluded.intersection(plan.rows)),
            cut=sum(size > most for size in plan.sizes),
        )
        if volume.free is not None:
            planned = msgspec.structs.replace(
                planned,
                free=volume.free.free.packed(),
                unit=volume.free.unit,
                base=volume.free.base,
            )
        self.channel.send(planned)

    def scan(self, request: m.ScanFiles | m.ScanSpace) -> None:
        """Look through the content of files, or what lies outside of them."""
        if isinstance(request, m.ScanFiles):
            ground = self.source.ground(request.volume)
        else:
            ground = self.source.space(request.within)
        sweep = Sweep(
            ground=ground,
            place=self.place,
            progress=lambda done: self.channel.send(m.Progress(done=done)),
            most=self.limits.scan_hits_per_file,
            send_secrets=self.request.send_secrets,
            inflated=self.limits.archive_bytes,
            seekers=self._seekers(),
        )
        if isinstance(request, m.ScanFiles):
            volume = self.scanned(request.volume, request.scope)
            replies = sweep.files(volume, request)
        elif ground.reader is None:
            raise EvidenceError("there is no media to scan")
        else:
            replies = sweep.space(ground.reader, request)
        for reply in replies:
            self.channel.send(reply)

    def _seekers(self) -> tuple[Seeker, ...]:
        if self.keywords is None and self.request.keywords:
            self.keywords = Keywords(self.request.keywords)
        return SEEKERS if self.keywords is None else (*SEEKERS, self.keywords)

    def check(self, request: m.CheckFiles | m.CheckSpace) -> None:
        """Hash whole files, and ask the rules about them or about what lies outside of files."""
        if self.rules is None and self.request.rules is not None:
            self.rules = check.compiled(self.request.rules)
        checker = check.Checker(
            algorithms=request.algorithms if isinstance(request, m.CheckFiles) else (),
            rules=self.rules,
            hashed=self.limits.hashed_file_bytes,
            matched=self.limits.yara_file_bytes,
            place=self.place,
            progress=lambda done: self.channel.send(m.Progress(done=done)),
        )
        if isinstance(request, m.CheckFiles):
            ground = self.source.ground(request.volume)
            replies = checker.files(self.scanned(request.volume, request.scope), request)
        else:
            ground = self.source.space(request.within)
            if ground.reader is None:
                raise EvidenceError("there is no media to check")
            replies = checker.space(ground.reader, request)
        for reply in replies:
            if isinstance(reply, m.Sighted):
                reply = msgspec.structs.replace(reply, runs=ground.on_media(reply.runs))  # noqa: PLW2901 - the same, on the media
            self.channel.send(reply)

    def read_files(self, request: m.ReadFiles) -> None:
        """Say what some rows are, and hash their content where that is wanted."""
        index, tree = self.indexes[request.volume], self.tree(request.volume)
        for row in request.rows:
            access = Access(row=row, entry=index.entry(row))
            if request.digests:
                with contextlib.suppress(EvidenceError):
                    access.reader = tree.open(access.entry.address)
                self.channel.send(self._read(request.volume, access))
            else:
                entry = access.entry
                self.channel.send(
                    m.FileRead(row=row, entry=entry, hashes={}, runs=(), read="partial")
                )

    def extract(self, request: m.Extract) -> None:
        """Run an extractor; whatever it does, what it found and read until then is sent."""
        extractor = self.extractors[request.extractor]
        task = Task(
            tree=self.tree(request.volume),
            index=self.indexes[request.volume],
            budget=self.limits.artifact_bytes,
            facts=[fact for fact in self.facts if isinstance(fact.finding, extractor.needs)],
            may_decrypt=self.request.may_decrypt,
            given=partial(self._given, extractor.name, self.source.volumes[request.volume].name),
            passwords=self.limits.passwords,
            password_cost=self.limits.password_cost,
            locks=[] if self.request.send_locks else None,
        )
        try:
            # Opened here even if the extractor never does: a match that cannot be read is said.
            task.access(request.row)
            self._findings(extractor, all_findings(extractor, task, request.row))
        except LimitError as error:
            self.channel.send(m.Trouble(code="limit", text=_short(error.message)))
        except ParseError as error:
            text, locator = _short(error.message), _short(error.where)
            self.channel.send(m.Trouble(code="not_parsed", text=text, locator=locator))
        except EvidenceError as error:
            self.channel.send(m.Trouble(code="unreadable", text=_short(error.message)))
        except MemoryError:
            self.channel.send(m.Trouble(code="out_of_memory", text="memory limit reached"))
        except Exception as error:  # noqa: BLE001 - a defect of one extractor costs one artifact
            self.channel.send(m.Trouble(code="extractor_error", text=_place(error)))
        for locked in task.locks or ():
            self.channel.send(m.Locked(**asdict(locked)))
        if task.limit is not None:
            self.channel.send(m.Trouble(code="limit", text=task.limit))
        for text, locator in task.troubles[:_TROUBLES_KEPT]:
            self.channel.send(m.Trouble(code="noted", text=_short(text), locator=_short(locator)))
        for access in task.accesses.values():
            self.channel.send(self._read(request.volume, access))

    def _given(self, extractor: str, volume: str, path: EvidencePath) -> list[Credential]:
        """Return the credentials that may be tried on a file."""
        if not self.request.credentials:
            return []
        account = self.accounts.of(volume, path)
        names = (account.id, account.name) if account else ()
        return [
            given
            for given in self.request.credentials
            if given.fits(extractor=extractor, path=path, account=names)
        ]

    def _findings(self, extractor: Extractor, found: Iterable[Finding]) -> None:
        total = 0
        for number, finding in enumerate(found):
            if number >= self.limits.findings_per_artifact:
                raise LimitError(f"more than {self.limits.findings_per_artifact} findings")
            if not isinstance(finding, extractor.yields):
                raise TypeError("yields a kind that it does not declare")
            value = msgspec.to_builtins(finding)
            if not self.request.send_secrets:
                value["secret"] = None
            size = characters(value)
            total += size
            if size > _FINDING or total > _FINDINGS:
                raise LimitError("findings longer than a bundle takes")
            if not self.request.send_locks:
                self.channel.send(m.Found(kind=finding.kind, finding=value))

    def _read(self, volume: int, access: Access) -> m.FileRead:
        """Hash a file that was opened, to its end if the limits allow."""
        ground, runs = self.source.ground(volume), self.tree(volume).runs(access.entry.address)
        digests = Digests()
        state: Literal["complete", "partial", "bad_chunk", "short"] = "complete"
        secret = False
        mime: str | None = None
        try:
            if access.content is not None:
                digests.update(access.content)
                mime = filetype(access.content)
                secret = _holds_secret(access.content)
            elif access.reader is None:
                state = "short"
            elif access.reader.size > self.limits.hashed_file_bytes:
                state = "partial"
            else:
                secret = access.reader.size > _LOOKED_THROUGH
                mime = filetype(access.reader.read_at(0, LOOKED_AT))
                tail = b""
                for block in _blocks(access.reader):
                    digests.update(block)
                    secret = secret or _holds_secret(tail + block)
                    tail = block[-_OVERLAP:]
                    self.channel.send(m.Progress(done=digests.length))
        except EvidenceError:
            state = "short"
        # Asked after reading: only then it is known which chunks are bad.
        if state == "complete" and any(
            run.image_offset is not None and ground.bad_in(run.image_offset, run.length)
            for run in runs
        ):
            state = "bad_chunk"
        return m.FileRead(
            row=access.row,
            entry=access.entry,
            hashes=digests.hex() if state in ("complete", "bad_chunk") else {},
            runs=ground.on_media(runs),
            read=state,
            secret=secret or access.withheld,
            mime=mime,
        )

    def export(self, request: m.Export) -> None:
        """Send a part of the content of a file in blocks, to its end at most."""
        address = self.indexes[request.volume].entry(request.row).address
        reader = self.tree(request.volume).open(address)
        for block in _blocks(reader, request.offset, request.offset + request.length):
            self.channel.send(m.Chunk(data=block))

    def reread(self, request: m.Reread) -> None:
        """Hash a file through the second reader."""
        if request.volume not in self.second:
            self.second[request.volume] = self._second(request.volume)
        path = request.path.decode("utf-8", "surrogateescape")
        digests = Digests(("sha256",))
        for block in self.second[request.volume].blocks(request.address, path, request.size):
            digests.update(block)
            self.channel.send(m.Progress(done=digests.length))
        self.channel.send(m.Hashed(hashes=digests.hex(), length=digests.length, bad=()))

    def _second(self, number: int) -> SecondTree | SecondArchive:
        volume = self.source.volumes[number]
        if volume.filesystem in ARCHIVES and self.source.media is not None:
            return SecondArchive(self.source.media, volume.filesystem)
        media = self.source.ground(number).reader
        if media is None:
            raise EvidenceError("there is no media to read again")
        return SecondTree(media, volume)

    def hash_media(self, request: m.HashMedia) -> None:
        """Hash the media in one pass."""
        media = self.source.media
        if media is None:
            raise EvidenceError("there is no media to hash")
        with ParallelDigests(request.algorithms) as digests:
            for number, block in enumerate(_blocks(media, size=_MEDIA_BLOCK)):
                digests.update(block)
                if number % _REPORT_EVERY == 0:
                    self.channel.send(m.Progress(done=digests.length))
            hashes = digests.hex()
        self.channel.send(
            m.Hashed(hashes=hashes, length=digests.length, bad=self.source.bad_ranges())
        )

    def handle(self, request: m.AnyRequest) -> None:  # noqa: C901, PLR0912 - a table
        """Carry out one request."""
        match request:
            case m.Unlock():
                self.unlock()
            case m.WalkVolume():
                self.walk(request)
            case m.Attach():
                self.attach(request)
            case m.Facts():
                self.learn(request)
            case m.Recognise():
                self.recognise(request)
            case m.FindDisks():
                self.find_disks(request)
            case m.LookInside():
                self.look_inside(request)
            case m.PlanScan():
                self.plan_scan(request)
            case m.ScanFiles() | m.ScanSpace():
                self.scan(request)
            case m.CheckFiles() | m.CheckSpace():
                self.check(request)
            case m.ReadFiles():
                self.read_files(request)
            case m.Extract():
                self.extract(request)
            case m.Export():
                self.export(request)
            case m.Reread():
                self.reread(request)
            case m.HashMedia():
                self.hash_media(request)
            case m.Open():
                raise WorkerError("opened twice")


def _mark(index: Index) -> str | None:
    """Return the name at the root of a volume that marks it as made for training."""
    names = (index.name(row) for row in index.children(0))
    return next((os.fsdecode(name) for name in names if name.startswith(MARK)), None)


def _write(descriptor: int, data: memoryview, offset: int) -> None:
    written = 0
    while written < len(data):
        written += os.pwrite(descriptor, data[written:], offset + written)


def _blocks(
    reader: Reader, offset: int = 0, end: int | None = None, *, size: int = _BLOCK
) -> Iterator[bytes]:
    end = reader.size if end is None else min(end, reader.size)
    while offset < end:
        block = reader.read_at(offset, min(size, end - offset))
        if not block:
            raise EvidenceError(f"content ends early at {offset}")
        yield block
        offset += len(block)


def characters(value: object) -> int:
    """Count the characters in all texts of plain data, keys left out."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(characters, value.values()))
    if isinstance(value, (list, tuple)):
        return sum(map(characters, value))
    return 0


T = TypeVar("T", str, str | None)


def _short(text: T) -> T:
    """Replace a text that is too long as a whole: half a secret is not recognised as one."""
    return f"a text of {len(text)} characters" if text and len(text) > _TROUBLE else text


def _holds_secret(content: bytes) -> bool:
    """Whether text in bytes holds a seed, key or token that a checksum or its form gives away."""
    texts = (
        b"\n".join(_TEXT.findall(content)).decode("utf-8", "replace"),
        b"\n\0".join(_WIDE_TEXT.findall(content)).decode("utf-16-le", "replace"),
    )
    return any(redact(text) != text for text in texts)


def _place(error: Exception) -> str:
    """Name an exception and the line it came from; never its text, which may be anything."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return type(error).__name__
    return f"{type(error).__name__} in {Path(frames[-1].filename).name} line {frames[-1].lineno}"


def import_all(plugins: str) -> registry.Registry:
    """Import what Python would import on first use: no file can be opened once we are locked."""
    for package in (encodings, formats):
        for module in pkgutil.iter_modules(package.__path__, f"{package.__name__}."):
            with contextlib.suppress(ImportError):  # codecs of other systems
                importlib.import_module(module.name)
    importlib.import_module("_strptime")  # by datetime.strptime
    importlib.import_module("unicodedata")
    return registry.load(plugins)


def _source(request: m.Open) -> tuple[Source, str | None]:
    """Open the evidence; with `allow_incomplete` also return what it would be refused for."""

    def opened(*, allow_incomplete: bool) -> Source:
        return open_source(
            Path(request.path),
            allow_incomplete=allow_incomplete,
            allow_writable_device=request.allow_writable_device,
            walker=request.walker,
            keys=Known(request.keys),
        )

    try:
        return opened(allow_incomplete=False), None
    except DamagedImageError as error:
        if not request.allow_incomplete:
            raise
        damage = str(error)
    return opened(allow_incomplete=True), damage


def _open(channel: Channel, request: m.Open) -> Worker:
    place = Place(request.place_fd)
    extractors = {
        entry.extractor.name: entry.extractor
        for entry in import_all(request.plugins).entries
        if entry.extractor.name in request.extractors
    }
    source, damage = _source(request)
    limits = Limits(**request.limits)
    level = lock(
        memory_bytes=limits.worker_memory_bytes,
        fsize=_LARGEST_INDEX,
        read_beneath=source.read_beneath,
    )
    if request.require_sandbox and not level.complete:
        raise WorkerError(f"the sandbox is not complete on this system: {level.describe()}")
    volumes = source.volumes  # parses evidence: only after the lock
    channel.send(
        m.Opened(
            info=source.info,
            volumes=tuple(volumes),
            missing=source.missing,
            unreadable=source.unreadable,
            damage=damage,
            sandbox=level,
        )
    )
    return Worker(channel, request, source, extractors, limits, place)


_FAILING = (
    "three reads in a row failed; image the device first (ddrescue goes round bad places), then"
    " examine the image with --allow-incomplete"
)


def _serve(channel: Channel) -> NoReturn:
    worker: Worker | None = None
    while True:
        request: m.AnyRequest = channel.receive(m.AnyRequest)
        answer: m.Done | m.Failed
        try:
            if worker is None:
                if not isinstance(request, m.Open):
                    raise WorkerError("not open yet")  # noqa: TRY301 - answered like any failure
                worker = _open(channel, request)
            else:
                worker.handle(request)
        except TriageError as error:
            answer = m.Failed(code="failed", text=str(error), error=type(error).__name__)
        except MemoryError:
            answer = m.Failed(code="out_of_memory", text="memory limit reached")
        except Exception as error:  # noqa: BLE001 - the parent decides what a failure costs
            answer = m.Failed(code="worker_error", text=_place(error))
        else:
            answer = m.Done()
        if worker is not None and worker.source.failing:
            answer = m.Failed(code="failed", text=_FAILING, error=FailingDeviceError.__name__)
        channel.send(answer)


def main() -> None:
    """Serve requests on stdin and stdout until the parent closes them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent
    os.environ["TZ"] = "UTC"  # TSK converts FAT times with the zone of the host
    if hasattr(time, "tzset"):
        time.tzset()
    requests, replies = os.dup(0), os.dup(1)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 0)
    os.dup2(null, 1)  # a library that prints must not speak for us
    with contextlib.suppress(WorkerError):
        _serve(Channel(requests, replies))
    sys.exit(0)


if __name__ == "__main__":
    main()
